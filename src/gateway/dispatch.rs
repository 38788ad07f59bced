//! The one inbound path: every event of every socket is decoded, limited, queued and acked here.
//!
//! socketioxide spawns a task per event, which lets two messages of one person overtake each other,
//! and drops events that fail to decode without an ack. [`Dispatcher`] does neither: it is called in
//! the order of the wire, and each event ends in its one ack or a closed connection. One value per
//! socket instead of a handler per event also saves a kilobyte of each idle connection.

use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::AckSender;
use socketioxide::handler::{FromMessageParts, MessageHandler};
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use crate::chat::ChatError;
use crate::gateway::inbox::{Inbox, Work, finish};
use crate::gateway::meters::EventMeters;
use crate::gateway::packet::{Incoming, Payload};
use crate::gateway::reply::{Ack, Reply, accepted};

/// One kind of request and what carries it out, with `C` to work on.
pub struct Route<C> {
    pub event: &'static str,
    pub start: fn(C, Payload) -> Work,
    pub meters: OnceLock<EventMeters>,
}

impl<C> Route<C> {
    pub const fn new(event: &'static str, start: fn(C, Payload) -> Work) -> Self {
        Self { event, start, meters: OnceLock::new() }
    }

    fn meters(&'static self) -> &'static EventMeters {
        self.meters.get_or_init(|| EventMeters::new(self.event))
    }
}

/// Finds the route of an event.
pub type FindRoute<C> = fn(&str) -> Option<&'static Route<C>>;

/// Decodes a request, carries it out, and serialises its ack.
pub fn answer<C, Request, Answer, Handled>(
    context: C,
    payload: Payload,
    handle: fn(C, Request) -> Handled,
) -> Work
where
    C: Send + 'static,
    Request: DeserializeOwned + Send + 'static,
    Answer: Serialize,
    Handled: Future<Output = Result<Answer, ChatError>> + Send + 'static,
{
    Box::pin(async move {
        let request = payload.decode()?;
        drop(payload);
        Ok(accepted(&handle(context, request).await?))
    })
}

/// Like [`answer`], for requests that say in which place (`Place`: a channel, a group) something is
/// to happen. Both are read from the one object.
pub fn answer_in<C, Place, Request, Answer, Handled>(
    context: C,
    payload: Payload,
    handle: fn(C, Place, Request) -> Handled,
) -> Work
where
    C: Send + 'static,
    Place: DeserializeOwned + Send + 'static,
    Request: DeserializeOwned + Send + 'static,
    Answer: Serialize,
    Handled: Future<Output = Result<Answer, ChatError>> + Send + 'static,
{
    Box::pin(async move {
        let (place, request) = (payload.decode()?, payload.decode()?);
        drop(payload);
        Ok(accepted(&handle(context, place, request).await?))
    })
}

/// The event handler of one socket.
pub struct Dispatcher<C: 'static> {
    pub inbox: Arc<Inbox>,
    pub context: C,
    pub find: FindRoute<C>,
}

/// Tells socketioxide's blanket impls for closures from this one.
pub struct InOrder;

impl<C> MessageHandler<LocalAdapter, InOrder> for Dispatcher<C>
where
    C: Clone + Send + Sync + 'static,
{
    /// Runs in the task that reads the connection: never blocks.
    fn call(&self, socket: Arc<Socket>, mut packet: Value, ack_id: Option<i64>) {
        let Ok(sender) = AckSender::from_message_parts(&socket, &mut packet, &ack_id);
        let ack = ack_id.map(|id| Ack { sender, id });
        let reply = Reply::new(ack, self.inbox.transport().clone());
        let Some(incoming) = Incoming::read(&packet) else {
            return finish(unknown(), reply, Err(ChatError::malformed("malformed JSON")));
        };
        let (meters, start): (_, fn(C, Payload) -> Work) = match (self.find)(&incoming.event) {
            Some(route) => (route.meters(), route.start),
            None => (unknown(), |_, _| Box::pin(async { Err(ChatError::UnknownEvent) })),
        };
        let payload = incoming.payload;
        self.inbox.push(meters, reply, || start(self.context.clone(), payload));
    }
}

/// Names that clients invent make no series of their own.
fn unknown() -> &'static EventMeters {
    static UNKNOWN: OnceLock<EventMeters> = OnceLock::new();
    UNKNOWN.get_or_init(|| EventMeters::new("other"))
}

#[cfg(test)]
mod tests;
