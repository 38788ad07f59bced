//! Commands, gateway and edge together over real sockets, on a bus that can lose what it has taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use vibetalk::bus::envelope::{Envelope, Topic};
use vibetalk::bus::node_event::NodeEvent;
use vibetalk::bus::{Bus, BusError, DELIVERIES_QUEUED_MAX, Deliveries, Delivery, GapFlag};
use vibetalk::chat::accounts::{Register, Requester};
use vibetalk::chat::limits::Limits;
use vibetalk::chat::{Caller, ChatError};
use vibetalk::edge::{Edge, EdgeConfig, EngineLimits};

use super::chat::TestChat;
use super::edge::client::WebSocket;

mod gaps;

/// Takes everything; while it `loses`, nothing of it arrives, and nobody is told before
/// [`heal`](Self::heal).
pub struct ForgetfulBus {
    deliveries: mpsc::Sender<Delivery>,
    gap: GapFlag,
    loses: AtomicBool,
}

impl ForgetfulBus {
    fn new() -> (Arc<Self>, Deliveries) {
        let (deliveries, queue) = mpsc::channel(DELIVERIES_QUEUED_MAX);
        let gap = GapFlag::default();
        let bus = Self { deliveries, gap: gap.clone(), loses: AtomicBool::new(false) };
        (Arc::new(bus), Deliveries::new(queue, gap))
    }

    fn put(&self, envelope: Envelope, applied: Option<oneshot::Sender<()>>) {
        if !self.loses.load(Ordering::SeqCst) {
            let delivery = Delivery::Envelope { envelope: Arc::new(envelope), applied };
            self.deliveries.try_send(delivery).unwrap();
        }
    }

    pub fn lose(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }

    /// From now on everything arrives; what was lost is told as a gap.
    pub fn heal(&self) {
        self.loses.store(false, Ordering::SeqCst);
        self.gap.raise();
    }
}

#[async_trait]
impl Bus for ForgetfulBus {
    async fn publish(&self, envelope: Envelope) -> Result<(), BusError> {
        self.publish_volatile(envelope);
        Ok(())
    }

    async fn publish_applied(&self, envelope: Envelope) -> Result<(), BusError> {
        let (applied, confirmed) = oneshot::channel();
        self.put(envelope, Some(applied));
        // Who takes everything says that it is applied, too.
        let _lost = confirmed.await;
        Ok(())
    }

    fn publish_volatile(&self, envelope: Envelope) {
        self.put(envelope, None);
    }

    async fn bind(&self, _: Topic) -> Result<(), BusError> {
        Ok(())
    }

    fn unbind(&self, _: Topic) {}

    async fn publish_here(&self, envelope: Envelope) -> Result<(), BusError> {
        self.publish(envelope).await
    }

    async fn tell_nodes(&self, event: Arc<NodeEvent>) -> Result<(), BusError> {
        unreachable!("a bus of one node, of {event:?}")
    }

    fn missed(&self) {
        self.gap.raise();
    }

    fn is_alone(&self) -> bool {
        true
    }
}

/// A node without its HTTP API.
pub struct Node {
    pub test: TestChat,
    pub bus: Arc<ForgetfulBus>,
    address: SocketAddr,
}

impl Node {
    pub async fn start() -> Self {
        let (bus, deliveries) = ForgetfulBus::new();
        let test = TestChat::on(bus.clone(), Limits { rates: false, ..Limits::default() });
        let (chat, lifecycle) = (test.chat.clone(), test.lifecycle.clone());
        let deliveries = deliveries.heard_by(Arc::new(chat.clone()));
        let limits = EngineLimits::default();
        let (socketio, _) =
            vibetalk::gateway::build(chat, bus.clone(), deliveries, limits, lifecycle.clone());
        let edge = Edge::new(EdgeConfig::default(), lifecycle.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        lifecycle.spawn("edge", async move {
            edge.serve(listener, axum::Router::new(), socketio).await.unwrap();
        });
        Self { test, bus, address }
    }

    /// Somebody who has registered, with their socket that is ready.
    pub async fn person(&self, username: &str) -> Person {
        let request = Register {
            username: username.to_owned(),
            password: "correct horse".to_owned(),
            display_name: None,
        };
        let requester = Requester { address: [192, 0, 2, 1].into(), user_agent: String::new() };
        let signed_in = self.test.chat.register(request, requester).await.unwrap();
        let caller = self.test.chat.authenticate(&signed_in.access_token).await.unwrap();
        let mut socket = WebSocket::open_at(self.address, "EIO=4&transport=websocket").await;
        socket.next_with("0{").await;
        socket.send(&format!("40{{\"token\":\"{}\"}}", signed_in.access_token)).await;
        socket.next_with("40").await;
        let mut person = Person { caller, socket };
        person.push("ready").await;
        person
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.test.lifecycle.stop();
    }
}

pub struct Person {
    pub caller: Caller,
    pub socket: WebSocket,
}

impl Person {
    /// The next push, which has to be `name`.
    pub async fn push(&mut self, name: &str) -> Value {
        let packet = self.socket.next_with("42").await;
        let mut event: Vec<Value> = serde_json::from_str(&packet[2..]).unwrap();
        assert_eq!(event[0], name, "{packet}");
        event.remove(1)
    }
}

/// Ids of the groups that `ready` lists.
pub fn groups(ready: &Value) -> Vec<&str> {
    let groups = ready["groups"].as_array().unwrap();
    groups.iter().map(|group| group["id"].as_str().unwrap()).collect()
}

pub fn content(content: &str) -> vibetalk::chat::messages::CreateMessage {
    let content = content.to_owned();
    vibetalk::chat::messages::CreateMessage {
        content,
        nonce: None,
        reply_to_id: None,
        attachment_ids: None,
    }
}

pub async fn send(
    node: &Node,
    person: Caller,
    channel: vibetalk::model::id::ChannelId,
    text: &str,
) {
    let sent: Result<_, ChatError> =
        node.test.chat.create_message(person, channel, content(text)).await;
    sent.unwrap();
}
