//! The answer to one request: exactly one ack, whatever becomes of the request.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use socketioxide::extract::AckSender;
use socketioxide::{SendError, SocketError};

use crate::chat::ChatError;
use crate::chat::error::ErrorBody;
use crate::edge::{CloseReason, EngineSession};

/// A whole ack, serialised once: see [`accepted`].
pub type AckBody = Box<RawValue>;

#[derive(Serialize)]
struct OkAck<'a, T> {
    ok: bool,
    data: &'a T,
}

#[derive(Serialize)]
struct ErrorAck {
    ok: bool,
    error: ErrorBody,
}

/// `{ok: true, data}`.
pub fn accepted<T: Serialize>(data: &T) -> AckBody {
    to_raw(&OkAck { ok: true, data })
}

/// `{ok: false, error}`.
fn refused(error: &ChatError) -> AckBody {
    to_raw(&ErrorAck { ok: false, error: error.body() })
}

fn to_raw<T: Serialize>(body: &T) -> AckBody {
    serde_json::value::to_raw_value(body)
        .expect("our own types have string keys and no failing impls")
}

/// How to ack, and the number by which the client knows the ack.
pub struct Ack {
    pub sender: AckSender,
    pub id: i64,
}

/// Owes one ack. A reply that is dropped unsent, because the node stops, says `unavailable`.
pub struct Reply {
    /// `None` if the client asked for no ack, and once it is sent.
    ack: Option<Ack>,
    transport: Arc<EngineSession>,
}

impl Reply {
    pub fn new(ack: Option<Ack>, transport: Arc<EngineSession>) -> Self {
        Self { ack, transport }
    }

    pub fn send(mut self, result: Result<AckBody, ChatError>) {
        match self.ack.take() {
            None => {}
            Some(ack) => self.emit(ack, &result.unwrap_or_else(|error| refused(&error))),
        }
    }

    /// An ack that finds the socket's queue full belongs to a client that no longer reads. It must
    /// not vanish, so the connection is closed; the client comes back and syncs.
    fn emit(&self, Ack { sender, id }: Ack, body: &RawValue) {
        // `43<id>[<body>]`
        let digits = id.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
        self.transport.queue_ack(digits + body.get().len() + 4);
        match sender.send(body) {
            Ok(()) => {}
            Err(SendError::Socket(SocketError::Closed)) => {}
            Err(error) => {
                tracing::debug!(%error, "an ack found the queue full");
                self.transport.close(CloseReason::SlowConsumer);
            }
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(ack) = self.ack.take() {
            self.emit(ack, &refused(&ChatError::Unavailable));
        }
    }
}
