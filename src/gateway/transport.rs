//! How the gateway ends a connection: at its transport, so that ordinary clients come back.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use http::request::Parts;

use crate::edge::{CloseReason, EngineSession};
use crate::telemetry::log_seldom;

pub trait Transport: Send + Sync {
    /// Cuts the connection; the first reason stays. Does not block.
    fn close(&self, reason: CloseReason);

    /// Why this side closed it, if it did.
    fn close_reason(&self) -> Option<CloseReason>;

    /// How long after the beginning of a drain over `spread` it is closed.
    fn closes_in(&self, spread: Duration) -> Duration;

    /// Counts a push that is about to be queued, with a packet of so many bytes; false if too much waits
    /// already.
    fn queue_push(&self, packet_bytes: usize) -> bool;

    /// Counts an ack that is about to be queued.
    fn queue_ack(&self, packet_bytes: usize);

    /// `None` if there is room for more acks; else what resolves when there is, or the session is closed.
    fn room(&self) -> Option<BoxFuture<'_, ()>>;
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

    fn queue_push(&self, packet_bytes: usize) -> bool {
        EngineSession::queue_push(self, packet_bytes)
    }

    fn queue_ack(&self, packet_bytes: usize) {
        EngineSession::queue_ack(self, packet_bytes);
    }

    fn room(&self) -> Option<BoxFuture<'_, ()>> {
        (!self.has_room()).then(|| EngineSession::room(self).boxed())
    }
}

/// A socket that did not come through the edge (benchmarks): nothing can close it.
struct Uncontrolled;

impl Transport for Uncontrolled {
    fn close(&self, reason: CloseReason) {
        log_seldom!(error, reason = reason.as_str(), "a connection has no transport to close");
    }

    fn close_reason(&self) -> Option<CloseReason> {
        None
    }

    fn closes_in(&self, spread: Duration) -> Duration {
        spread
    }

    fn queue_push(&self, _packet_bytes: usize) -> bool {
        true
    }

    fn queue_ack(&self, _packet_bytes: usize) {}

    fn room(&self) -> Option<BoxFuture<'_, ()>> {
        None
    }
}

/// The transport of the socket whose handshake was `request`.
pub fn transport_of(request: &Parts) -> Arc<dyn Transport> {
    match EngineSession::of(request) {
        Some(session) => session.clone(),
        None => Arc::new(Uncontrolled),
    }
}
