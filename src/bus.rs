//! The bus port: how what happened at one node reaches the sessions of all nodes.
//!
//! Guarantees, kept by every implementation and checked by `tests/it/conformance/bus.rs`:
//! - Envelopes that one caller publishes one after another arrive at each node in that order.
//! - Delivery is at most once per node. A node that may have missed some is told so with
//!   [`Delivery::Gap`], at once, also when nothing else comes; it then opens its sessions anew, and
//!   completeness comes from the store.
//! - A node gets what is addressed to topics it bound; it may get more, and ignores that. What
//!   [is for every node](Envelope::is_for_every_node) needs no topic.
//! - What arrives and cannot be read is a gap, too ([`codec`]); nothing else is lost with it.
//! - What nodes tell each other ([`Bus::tell_nodes`]) is delivered as envelopes are, in one order with those
//!   of the same caller.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::bus::envelope::{Envelope, Topic};
use crate::bus::node_event::NodeEvent;
use crate::model::id::{GroupId, NodeId, UserId};
use crate::model::permission::Permissions;

pub mod codec;
pub mod envelope;
pub mod local;
pub mod node_event;

/// Deliveries that wait for one node's fan-out at most; beyond, publishers wait (in-process) or the
/// queue overflows into a gap (broker).
pub const DELIVERIES_QUEUED_MAX: usize = 4096;
/// Whoever delivers more of them late waits.
const LATER_QUEUED_MAX: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("the bus is not available: {0}")]
    Unavailable(String),
    #[error("the bus did not accept in time")]
    Timeout,
    /// It was not sent, and never can be.
    #[error("the bus takes nothing so large")]
    TooLarge(#[from] codec::TooLarge),
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

    /// Announces something to the sessions of this node only, which waits for room as
    /// [`publish`](Self::publish) does.
    ///
    /// # Errors
    ///
    /// After its deadline.
    async fn publish_here(&self, envelope: Envelope) -> Result<(), BusError>;

    /// Tells all other nodes something that no client gets. `Ok` means the bus has taken it.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish).
    async fn tell_nodes(&self, event: Arc<NodeEvent>) -> Result<(), BusError>;

    /// Tells this node that it may have missed something, which the bus itself cannot know: a gap.
    fn missed(&self);

    /// Whether there can be no other nodes, so that nothing has to be kept ready for them.
    fn is_alone(&self) -> bool;
}

/// What arrives at a node.
#[derive(Debug)]
pub enum Delivery {
    Envelope {
        envelope: Arc<Envelope>,
        /// Resolved by the fan-out once the envelope is applied, for `publish_applied`.
        applied: Option<oneshot::Sender<()>>,
    },
    /// A membership has changed: the [place](Place) that this node has read for it, and the envelope that
    /// announced it. Made by the inbound side, never sent.
    Placed { place: Place, envelope: Arc<Envelope>, applied: oneshot::Sender<()> },
    /// What another node told. It ends at the inbound side; no fan-out reads it.
    Node { origin: NodeId, event: Arc<NodeEvent> },
    /// Something may be missing: sessions have to sync.
    Gap,
}

/// Where somebody's sessions are by now, in a group: `None` for nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub user_id: UserId,
    pub group_id: GroupId,
    pub permissions: Option<Permissions>,
}

/// What a node does with everything that arrives, before its fan-out gets it: forgets what it has cached,
/// keeps what it knows of other nodes.
pub trait Inbound: Send + Sync {
    /// Called once for each delivery, in order. Must not block. What it returns is delivered; instead it may
    /// deliver something `later`.
    fn heard(&self, delivery: Delivery, later: &mpsc::Sender<Delivery>) -> Option<Delivery>;
}

/// The receiving end of a bus: a node's inbound side hears it, one fan-out reads it.
pub struct Deliveries {
    queue: mpsc::Receiver<Delivery>,
    gap: GapFlag,
    inbound: Option<Arc<dyn Inbound>>,
    /// What the inbound side delivers later than it came.
    later: (mpsc::Sender<Delivery>, mpsc::Receiver<Delivery>),
    /// Taken from the queue, but not yet wanted.
    held: Option<Delivery>,
}

impl Deliveries {
    pub fn new(queue: mpsc::Receiver<Delivery>, gap: GapFlag) -> Self {
        Self { queue, gap, inbound: None, later: mpsc::channel(LATER_QUEUED_MAX), held: None }
    }

    /// From now on `inbound` hears each delivery before it is read.
    #[must_use]
    pub fn heard_by(mut self, inbound: Arc<dyn Inbound>) -> Self {
        self.inbound = Some(inbound);
        self
    }

    /// The next delivery, a gap before all others; `None` when the bus has ended. Loses nothing when it is
    /// cancelled.
    pub async fn recv(&mut self) -> Option<Delivery> {
        loop {
            if let Ok(delivery) = self.try_recv() {
                return Some(delivery);
            }
            let raised = self.gap.clone();
            let next = tokio::select! {
                biased;
                () = raised.taken() => Delivery::Gap,
                Some(late) = self.later.1.recv() => return Some(late),
                next = self.queue.recv() => next?,
            };
            if let Some(delivery) = self.hear(next) {
                return Some(delivery);
            }
        }
    }

    /// The next delivery if one is there.
    pub fn try_recv(&mut self) -> Result<Delivery, mpsc::error::TryRecvError> {
        if self.gap.take()
            && let Some(gap) = self.hear(Delivery::Gap)
        {
            return Ok(gap);
        }
        self.try_next()
    }

    /// Whether or not there was a gap.
    fn try_next(&mut self) -> Result<Delivery, mpsc::error::TryRecvError> {
        if let Some(held) = self.held.take() {
            return Ok(held);
        }
        if let Ok(late) = self.later.1.try_recv() {
            return Ok(late);
        }
        loop {
            let next = self.queue.try_recv()?;
            if let Some(delivery) = self.hear(next) {
                return Ok(delivery);
            }
        }
    }

    /// The next delivery if one is there and `wanted`; else it stays the next. A gap is not: who hears of one acts
    /// on it at once.
    pub fn next_if(&mut self, wanted: impl FnOnce(&Delivery) -> bool) -> Option<Delivery> {
        if self.gap.is_raised() {
            return None;
        }
        let next = self.try_next().ok()?;
        if wanted(&next) {
            return Some(next);
        }
        self.held = Some(next);
        None
    }

    /// `None` for what is not for the fan-out, or not yet.
    fn hear(&self, delivery: Delivery) -> Option<Delivery> {
        match &self.inbound {
            Some(inbound) => inbound.heard(delivery, &self.later.0),
            None => Some(delivery),
        }
    }
}

/// Says that something was not delivered. It needs no place in the queue, which is full when it is raised.
#[derive(Clone, Debug, Default)]
pub struct GapFlag(Arc<Raised>);

#[derive(Debug, Default)]
struct Raised {
    is_up: AtomicBool,
    changed: Notify,
}

impl GapFlag {
    pub fn raise(&self) {
        self.0.is_up.store(true, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    fn is_raised(&self) -> bool {
        self.0.is_up.load(Ordering::Acquire)
    }

    fn take(&self) -> bool {
        self.0.is_up.load(Ordering::Relaxed) && self.0.is_up.swap(false, Ordering::AcqRel)
    }

    /// Waits until it is raised, and takes it.
    async fn taken(&self) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if self.take() {
                return;
            }
            changed.await;
        }
    }
}
