//! Where the pushes of one session go.

use std::time::Duration;

use serde_json::value::RawValue;

use crate::edge::CloseReason;
use crate::model::event::Push;

/// Why a push was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmitError {
    /// Too many pushes wait already ([`PUSHES_QUEUED_MAX`](crate::edge::PUSHES_QUEUED_MAX)), or the
    /// engine's own queue is full: a slow consumer.
    Full,
    /// The socket is gone.
    Gone,
}

/// A socket, or whatever takes packets in its place.
pub trait Outlet: Send + Sync + 'static {
    /// Queues one packet; does not block.
    fn emit(&self, push: Push, body: &RawValue) -> Result<(), EmitError>;

    /// Cuts the connection, so that the client comes back.
    fn close(&self, reason: CloseReason);

    /// How long after the beginning of a drain over `spread` its connection is closed.
    fn closes_in(&self, spread: Duration) -> Duration;

    /// Disconnects the socket for good: the client stays away.
    fn end(&self);
}
