//! A node with a runtime of its own, so that it can stand still while others go on, and die between two steps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use vibetalk::bus::Bus;
use vibetalk::bus::envelope::Topic;
use vibetalk::chat::changes::run_changes;
use vibetalk::chat::limits::Limits;
use vibetalk::chat::presence::run_presence;
use vibetalk::chat::repairs::run_repairs;
use vibetalk::chat::sessions::run_endings;
use vibetalk::chat::{Caller, Chat, ChatError, ChatParts};
use vibetalk::clock::Clock;
use vibetalk::edge::CloseReason;
use vibetalk::gateway::fanout::bindings::Bindings;
use vibetalk::gateway::fanout::{Context, EmitError, FanoutHandle, Gaps, Outlet, spawn};
use vibetalk::gateway::marks::run_marks;
use vibetalk::gateway::opening::{NotReady, Opener, STEP_TIMEOUT};
use vibetalk::gateway::reopening::{Reopen, Reopened, reopen, run_reopenings};
use vibetalk::lifecycle::Lifecycle;
use vibetalk::model::event::Push;
use vibetalk::model::id::{IdGenerator, NodeId, UserId};
use vibetalk::model::presence::SocketKey;
use vibetalk::store::sqlite::SqliteStore;

use super::super::super::chat::{NOW_MS, new_chat, tokens};
use super::network::Network;

/// So much less than in a real node that sessions of a simulation get marks, and more than the longest of its pauses,
/// writes and publishings together.
const SETTLED_MS: u64 = 9_000;
const MARKS_INTERVAL: Duration = Duration::from_millis(700);

/// A node from its start to its death. Dropping it is its death: all of its tasks end where they are.
pub struct Machine {
    pub core: Core,
    clock: Clock,
    skew_ms: i64,
    /// When it started, in the time of the simulation and in its own.
    born: (u64, Instant),
    next_key: u64,
    runtime: Runtime,
}

/// What sessions and requests work with.
#[derive(Clone)]
pub struct Core {
    pub chat: Chat,
    bus: Arc<dyn Bus>,
    lifecycle: Lifecycle,
    fanout: FanoutHandle<Screen>,
    seats: Arc<Mutex<BTreeMap<SocketKey, Arc<Seat>>>>,
}

impl Core {
    fn opener(&self) -> Opener<'_, Screen> {
        Opener { chat: &self.chat, bus: &self.bus, fanout: &self.fanout }
    }
}

impl Machine {
    pub fn start(
        id: NodeId,
        network: &Arc<Network>,
        store: Arc<SqliteStore>,
        now_ms: u64,
        skew_ms: i64,
    ) -> Self {
        // What comes from outside has its turn first, however many turns there were: how many is chance.
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .global_queue_interval(1)
            .build()
            .unwrap();
        let clock = Clock::fixed(0);
        set(&clock, now_ms, skew_ms);
        let context = runtime.enter();
        let lifecycle = Lifecycle::new();
        let (bus, deliveries) = network.join(id);
        let limits = Limits { rates: false, ..Limits::default() };
        let chat = new_chat(ChatParts {
            store,
            bus: bus.clone(),
            clock: clock.clone(),
            ids: Arc::new(IdGenerator::new(id)),
            limits,
            tokens: tokens(),
            settled_ms: SETTLED_MS,
            lifecycle: lifecycle.clone(),
        });
        let gaps = Gaps::default();
        let fanout = spawn(
            Context {
                bus: bus.clone(),
                clock: clock.clone(),
                node: id,
                lifecycle: lifecycle.clone(),
                gaps: gaps.clone(),
            },
            deliveries.heard_by(Arc::new(chat.clone())),
        );
        let seats: Arc<Mutex<BTreeMap<SocketKey, Arc<Seat>>>> = Arc::default();
        let here = seats.clone();
        let sessions = move || here.lock().values().cloned().collect();
        let reopenings = run_reopenings(sessions, gaps.subscribe(), lifecycle.clone());
        lifecycle.spawn("reopenings", reopenings);
        lifecycle.spawn("changes", run_changes(chat.clone()));
        lifecycle.spawn("presence", run_presence(chat.clone()));
        lifecycle.spawn("endings", run_endings(chat.clone()));
        lifecycle.spawn("repairs", run_repairs(chat.clone()));
        lifecycle.spawn(
            "marks",
            run_marks(chat.clone(), fanout.clone(), MARKS_INTERVAL, lifecycle.clone()),
        );
        let born = (now_ms, Instant::now());
        drop(context);
        let core = Core { chat, bus, lifecycle, fanout, seats };
        Self { core, clock, skew_ms, born, next_key: 1, runtime }
    }

    /// Goes on until then.
    pub fn run_until(&self, now_ms: u64) {
        set(&self.clock, now_ms, self.skew_ms);
        let (born_ms, born_at) = self.born;
        let until = born_at + Duration::from_millis(now_ms - born_ms);
        self.runtime.block_on(async { tokio::time::sleep_until(until).await });
    }

    /// After it stood still: the time has gone on, and whatever was due is late.
    pub fn wake_up(&self, now_ms: u64) {
        let (born_ms, born_at) = self.born;
        let until = born_at + Duration::from_millis(now_ms - born_ms);
        self.runtime.block_on(async {
            tokio::time::advance(until.saturating_duration_since(Instant::now())).await;
        });
    }

    /// It is asked to stop, as by an operator.
    pub fn stop(&self) {
        self.core.lifecycle.stop();
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let _context = self.runtime.enter();
        self.core.lifecycle.spawn("request", task);
    }

    /// Somebody connects. What becomes of it is said by the session's screen.
    pub fn connect(&mut self, caller: Caller) -> Arc<Seat> {
        let key = SocketKey(self.next_key);
        self.next_key += 1;
        let seat = Arc::new(Seat {
            core: self.core.clone(),
            caller,
            key,
            screen: Screen::default(),
            phase: watch::Sender::new(Phase::Opening),
        });
        self.core.seats.lock().insert(key, seat.clone());
        self.spawn(seat.clone().open());
        seat
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.core.seats.lock().clear(); // They hold each other.
    }
}

fn set(clock: &Clock, now_ms: u64, skew_ms: i64) {
    clock.set((NOW_MS + now_ms).saturating_add_signed(skew_ms));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Ready,
    Ended,
}

/// What the gateway has of a session, but for its socket.
pub struct Seat {
    core: Core,
    pub caller: Caller,
    pub key: SocketKey,
    pub screen: Screen,
    phase: watch::Sender<Phase>,
}

impl Seat {
    async fn open(self: Arc<Self>) {
        let opening = async {
            // As the handshake does.
            if !self.core.chat.session_lasts(self.caller).await? {
                return Err(NotReady::Chat(ChatError::Unauthorized));
            }
            let has_ended = || *self.phase.borrow() == Phase::Ended;
            let opener = self.core.opener();
            opener.open(self.caller, self.key, self.screen.clone(), has_ended).await
        };
        match timeout(STEP_TIMEOUT, opening).await {
            Ok(Ok(_)) => {
                let is_opened = self.phase.send_if_modified(|phase| {
                    let is_opening = *phase == Phase::Opening;
                    if is_opening {
                        *phase = Phase::Ready;
                    }
                    is_opening
                });
                if is_opened {
                    self.core.chat.presence_opened(self.caller, self.key);
                }
            }
            Ok(Err(NotReady::Chat(ChatError::Unauthorized))) => self.screen.end(),
            Ok(Err(_)) | Err(_) => self.screen.close(CloseReason::TransportError),
        }
    }

    /// The socket is gone.
    pub async fn left(self: Arc<Self>) {
        if self.phase.send_replace(Phase::Ended) == Phase::Ready {
            self.core.chat.presence_closed(self.caller, self.key);
        }
        self.core.seats.lock().remove(&self.key);
        self.core.fanout.detach(self.key).await;
    }

    /// `presence:watch`.
    pub async fn watch(self: Arc<Self>, user_ids: Vec<UserId>) -> Result<Value, ChatError> {
        let topics = user_ids.iter().map(|user_id| Topic::Watchers(*user_id));
        let bindings = Bindings::bind(self.core.bus.clone(), topics).await;
        let watching = self.core.fanout.watch(self.key, bindings).await;
        watching.map_err(|_| ChatError::Unavailable)?;
        Ok(json(&self.core.chat.presences(&user_ids)))
    }
}

impl Reopen for Seat {
    async fn reopen(&self) -> bool {
        let mut phase = self.phase.subscribe();
        let opened = phase.wait_for(|phase| *phase != Phase::Opening).await.map(|phase| *phase);
        if opened.is_ok_and(|phase| phase == Phase::Ended) {
            return true;
        }
        reopen(self.core.opener(), self.caller, self.key).await != Reopened::Failed
    }
}

pub fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).unwrap()
}

/// What comes to a client, in order.
#[derive(Debug)]
pub enum Shown {
    Push(Push, Value),
    /// To a request with this number.
    Answer(u64, Result<Value, ChatError>),
    /// Cut off: it may come back.
    Closed,
    /// Signed out.
    Ended,
}

#[derive(Clone, Default)]
pub struct Screen(Arc<Mutex<VecDeque<Shown>>>);

impl Screen {
    pub fn next(&self) -> Option<Shown> {
        self.0.lock().pop_front()
    }

    pub fn show(&self, shown: Shown) {
        self.0.lock().push_back(shown);
    }
}

impl Outlet for Screen {
    fn emit(&self, push: Push, body: &RawValue) -> Result<(), EmitError> {
        self.show(Shown::Push(push, serde_json::from_str(body.get()).unwrap()));
        Ok(())
    }

    fn close(&self, _reason: CloseReason) {
        self.show(Shown::Closed);
    }

    fn closes_in(&self, spread: Duration) -> Duration {
        spread
    }

    fn end(&self) {
        self.show(Shown::Ended);
    }
}
