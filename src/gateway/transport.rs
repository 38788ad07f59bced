//! How the gateway ends a connection: at its transport, so that ordinary clients come back.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;

use crate::edge::{CloseReason, EngineSession};

pub trait Transport: Send + Sync {
    /// Cuts the connection; the first reason stays. Does not block.
    fn close(&self, reason: CloseReason);

    /// Why this side closed it, if it did.
    fn close_reason(&self) -> Option<CloseReason>;

    /// How long after the beginning of a drain over `spread` it is closed.
    fn closes_in(&self, spread: Duration) -> Duration;

    /// Counts a push that is about to be queued; false if too many wait already.
    fn queue_push(&self) -> bool;
}

impl Transport for EngineSession {
    fn close(&self, reason: CloseReason) {
        EngineSession::close(self, reason);
    }

    fn close_reason(&self) -> Option<CloseReason> {
        EngineSession::close_reason(self)
    }

    fn closes_in(&self, spread: Duration) -> Duration {
        EngineSession::closes_in(self, spread)
    }

    fn queue_push(&self) -> bool {
        EngineSession::queue_push(self)
    }
}

/// A socket that did not come through the edge (benchmarks): nothing can close it.
struct Uncontrolled;

impl Transport for Uncontrolled {
    fn close(&self, reason: CloseReason) {
        tracing::error!(reason = reason.as_str(), "a connection has no transport to close");
    }

    fn close_reason(&self) -> Option<CloseReason> {
        None
    }

    fn closes_in(&self, spread: Duration) -> Duration {
        spread
    }

    fn queue_push(&self) -> bool {
        true
    }
}

/// The transport of the socket whose handshake was `request`.
pub fn transport_of(request: &Parts) -> Arc<dyn Transport> {
    match EngineSession::of(request) {
        Some(session) => session.clone(),
        None => Arc::new(Uncontrolled),
    }
}
