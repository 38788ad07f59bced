//! The bus port: how what happened at one node reaches the sessions of all nodes.
//!
//! Guarantees, kept by every implementation and checked by `tests/it/conformance/bus.rs`:
//! - Envelopes that one caller publishes one after another arrive at each node in that order.
//! - Delivery is at most once per node. A node that may have missed some is told so with
//!   [`Delivery::Gap`], and then makes its sessions sync; completeness comes from the store.
//! - A node gets what is addressed to topics it bound; it may get more, and ignores that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::bus::envelope::{Envelope, Topic};

pub mod envelope;
pub mod local;

/// Deliveries that wait for one node's fan-out at most; beyond, publishers wait (in-process) or the
/// queue overflows into a gap (broker).
pub const DELIVERIES_QUEUED_MAX: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("the bus is not available: {0}")]
    Unavailable(String),
    #[error("the bus did not accept in time")]
    Timeout,
}

#[async_trait]
pub trait Bus: Send + Sync {
    /// Announces something that is stored already. `Ok` means the bus has taken it.
    ///
    /// # Errors
    ///
    /// After its deadline, or without a broker. This node's own sessions get it all the same.
    async fn publish(&self, envelope: Envelope) -> Result<(), BusError>;

    /// Like [`publish`](Self::publish), and waits until every live node has applied it: effects hold,
    /// and nothing published later overtakes it.
    async fn publish_applied(&self, envelope: Envelope) -> Result<(), BusError>;

    /// Announces something that is worth nothing later (typing, presence): dropped and counted rather
    /// than waited for when queues are full.
    fn publish_volatile(&self, envelope: Envelope);

    /// Asks for what is addressed to `topic`; when this returns, everything published afterwards
    /// arrives. Counted: as many [`unbind`](Self::unbind) calls end it.
    async fn bind(&self, topic: Topic) -> Result<(), BusError>;

    fn unbind(&self, topic: Topic);
}

/// What the fan-out of a node reads from its bus.
#[derive(Debug)]
pub enum Delivery {
    Envelope {
        envelope: Arc<Envelope>,
        /// Resolved by the fan-out once the envelope is applied, for `publish_applied`.
        applied: Option<oneshot::Sender<()>>,
    },
    /// Something may be missing: sessions have to sync.
    Gap,
}

/// The receiving end of a bus, read by one fan-out.
pub struct Deliveries {
    queue: mpsc::Receiver<Delivery>,
    gap: GapFlag,
    /// Taken from the queue, but not yet wanted.
    held: Option<Delivery>,
}

impl Deliveries {
    pub fn new(queue: mpsc::Receiver<Delivery>, gap: GapFlag) -> Self {
        Self { queue, gap, held: None }
    }

    /// The next delivery, a gap before all others; `None` when the bus has ended.
    pub async fn recv(&mut self) -> Option<Delivery> {
        match self.try_recv() {
            Ok(delivery) => Some(delivery),
            Err(_) => self.queue.recv().await,
        }
    }

    /// The next delivery if one is there.
    pub fn try_recv(&mut self) -> Result<Delivery, mpsc::error::TryRecvError> {
        if self.gap.take() {
            return Ok(Delivery::Gap);
        }
        self.held.take().map_or_else(|| self.queue.try_recv(), Ok)
    }

    /// The next delivery if one is there and `wanted`; else it stays the next.
    pub fn next_if(&mut self, wanted: impl FnOnce(&Delivery) -> bool) -> Option<Delivery> {
        let next = self.try_recv().ok()?;
        if wanted(&next) {
            return Some(next);
        }
        match next {
            Delivery::Gap => self.gap.raise(),
            envelope @ Delivery::Envelope { .. } => self.held = Some(envelope),
        }
        None
    }
}

/// Says that something was not delivered. It needs no place in the queue, which is full when it is
/// raised; so it is seen with the next delivery.
#[derive(Clone, Debug, Default)]
pub struct GapFlag(Arc<AtomicBool>);

impl GapFlag {
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn take(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::AcqRel)
    }
}
