//! A Socket.IO socket as the fan-out uses it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError};

use crate::edge::CloseReason;
use crate::gateway::fanout::{EmitError, Outlet};
use crate::gateway::inbox::Inbox;
use crate::lifecycle::Lifecycle;
use crate::model::event::Push;

/// What a client that is disconnected for good gets to read the news, before its connection is cut:
/// cut at once, it would take it for an accident and come back.
const FAREWELL: Duration = Duration::from_secs(1);

pub struct SocketOutlet {
    pub socket: SocketRef,
    pub inbox: Arc<Inbox>,
    pub lifecycle: Lifecycle,
}

impl Outlet for SocketOutlet {
    fn emit(&self, push: Push, body: &RawValue) -> Result<(), EmitError> {
        // `42["<name>",<body>]`
        let packet_bytes = push.name().len() + body.get().len() + 7;
        if !self.inbox.transport().queue_push(packet_bytes) {
            return Err(EmitError::Full);
        }
        self.socket.emit(push.name(), body).map_err(|error| match error {
            SendError::Socket(SocketError::Closed) => EmitError::Gone,
            // Besides a full queue only JSON that does not serialise, which this is not.
            _ => EmitError::Full,
        })
    }

    fn close(&self, reason: CloseReason) {
        self.inbox.transport().close(reason);
    }

    fn closes_in(&self, spread: Duration) -> Duration {
        self.inbox.transport().closes_in(spread)
    }

    fn end(&self) {
        self.inbox.stop(); // What an ended session has asked for is not carried out any more.
        if self.socket.clone().disconnect().is_err() {
            return self.inbox.transport().close(CloseReason::Kicked);
        }
        let (transport, lifecycle) =
            (Arc::downgrade(self.inbox.transport()), self.lifecycle.clone());
        self.lifecycle.spawn("farewell", async move {
            tokio::select! {
                () = lifecycle.stopping() => {}
                () = tokio::time::sleep(FAREWELL) => {}
            }
            if let Some(transport) = transport.upgrade() {
                transport.close(CloseReason::Kicked);
            }
        });
    }
}
