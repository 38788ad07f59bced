//! What commands work with. Outside of `chat` nobody sees it: who needs a part of it has it from where it was
//! made, and who wants to know something asks a method.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::chat::ChatParts;
use crate::chat::announced::Announced;
use crate::chat::announcing::Announcer;
use crate::chat::attempts::AuthAttempts;
use crate::chat::cache::Caches;
use crate::chat::changes::Untold;
use crate::chat::current::Readings;
use crate::chat::debts::Debts;
use crate::chat::limits::Limits;
use crate::chat::mentions::{MENTIONS_QUEUED_MAX, Telling};
use crate::chat::passwords::Passwords;
use crate::chat::peers::Peers;
use crate::chat::presence::PresenceBoard;
use crate::chat::rates::PersonRates;
use crate::chat::skews::Skews;
use crate::chat::tokens::Tokens;
use crate::chat::turns::Turns;
use crate::chat::watermark::Watermark;
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::model::id::{GroupId, IdGenerator, NodeId};
use crate::store::Store;

pub struct ChatInner {
    pub(in crate::chat) store: Arc<dyn Store>,
    pub(in crate::chat) bus: Announcer,
    pub(in crate::chat) clock: Clock,
    pub(in crate::chat) ids: Arc<IdGenerator>,
    pub(in crate::chat) node: NodeId,
    pub(in crate::chat) limits: Limits,
    pub(in crate::chat) tokens: Tokens,
    pub(in crate::chat) lifecycle: Lifecycle,
    pub(in crate::chat) caches: Caches,
    pub(in crate::chat) passwords: Passwords,
    pub(in crate::chat) attempts: AuthAttempts,
    pub(in crate::chat) rates: PersonRates,
    /// Set once by [`Chat::ensure_official_group`](crate::chat::Chat::ensure_official_group), before the node
    /// serves.
    pub(in crate::chat) official_group: OnceLock<GroupId>,
    pub(in crate::chat) presence: PresenceBoard,
    pub(in crate::chat) peers: Peers,
    /// Messages that this node knows to have been announced.
    pub(in crate::chat) announced: Announced,
    /// What is stored and not announced yet.
    pub(in crate::chat) debts: Arc<Debts>,
    /// Up to when what this node stored has been announced.
    pub(in crate::chat) watermark: Watermark,
    /// Read by [`run_mentions`](crate::chat::mentions::run_mentions).
    pub(in crate::chat) mentions: mpsc::Sender<Telling>,
    /// What has changed and other nodes may not know; told by
    /// [`run_changes`](crate::chat::changes::run_changes).
    pub(in crate::chat) untold: Arc<Untold>,
    /// What has changed, and is being read for this node.
    pub(in crate::chat) readings: Readings,
    /// How far the clocks of other nodes are from this one's.
    pub(in crate::chat) skews: Skews,
    pub(in crate::chat) turns: Arc<Turns>,
    /// Commands that are being carried out, or wait for their turns, and what they are still to tell.
    pub(in crate::chat) running: TaskTracker,
}

impl ChatInner {
    /// And the mentions that the commands queue.
    pub(in crate::chat) fn new(parts: ChatParts) -> (Self, mpsc::Receiver<Telling>) {
        let ChatParts { store, bus, clock, ids, limits, tokens, settled_ms, lifecycle } = parts;
        let (mentions, queue) = mpsc::channel(MENTIONS_QUEUED_MAX);
        let is_alone = bus.is_alone();
        let inner = Self {
            node: ids.node(),
            caches: Caches::new(&lifecycle),
            passwords: Passwords::default(),
            attempts: AuthAttempts::default(),
            rates: PersonRates::default(),
            official_group: OnceLock::new(),
            presence: PresenceBoard::new(is_alone),
            peers: Peers::default(),
            announced: Announced::default(),
            debts: Arc::default(),
            watermark: Watermark::new(settled_ms, clock.now_ms()),
            mentions,
            untold: Arc::new(Untold::new(is_alone)),
            readings: Readings::default(),
            skews: Skews::default(),
            turns: Arc::default(),
            running: TaskTracker::new(),
            store,
            bus: Announcer::new(bus),
            clock,
            ids,
            limits,
            tokens,
            lifecycle,
        };
        (inner, queue)
    }
}
