//! Several nodes in this process, each with its own caches, turns, presence and fan-out, over one store and one
//! broker. Sessions have no sockets: what they would get is read from their [`Screen`].

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use serde_json::value::RawValue;
use tempfile::TempDir;
use tokio::sync::Notify;
use vibetalk::bus::Bus;
use vibetalk::bus::envelope::{Content, Envelope, Topic};
use vibetalk::chat::changes::run_changes;
use vibetalk::chat::groups::CreateGroup;
use vibetalk::chat::invites::CreateInvite;
use vibetalk::chat::limits::Limits;
use vibetalk::chat::{Caller, Chat, ChatParts};
use vibetalk::clock::Clock;
use vibetalk::edge::CloseReason;
use vibetalk::gateway::fanout::bindings::Bindings;
use vibetalk::gateway::fanout::{Context, EmitError, FanoutHandle, Gaps, Outlet, spawn};
use vibetalk::gateway::opening::Opener;
use vibetalk::gateway::reopening::{Reopen, Reopened, reopen, run_reopenings};
use vibetalk::lifecycle::Lifecycle;
use vibetalk::model::event::Push;
use vibetalk::model::id::{ChannelId, GroupId, IdGenerator, NodeId, SessionId, UserId};
use vibetalk::model::presence::SocketKey;
use vibetalk::store::Store;
use vibetalk::store::faults::Faults;
use vibetalk::store::sqlite::SqliteStore;

use super::chat::{NOW_MS, new_chat, parts};
use super::people::{account, open_store, session};

mod accounts;
pub mod broker;
mod caches;
mod codec;
mod deaths;
mod debts;
mod lease;
mod marks;
mod order;
mod presence;
mod simulation;

use broker::Broker;

/// Nothing takes so long on any machine; what does not come by then does not come.
const DEADLINE: Duration = Duration::from_secs(20);

pub struct Cluster {
    pub nodes: Vec<Node>,
    pub broker: Arc<Broker>,
    pub clock: Clock,
    pub store: Arc<dyn Store>,
    /// Which calls of the store fail or wait.
    pub faults: Faults,
    next_name: AtomicU64,
    _folder: TempDir,
}

impl Cluster {
    pub fn of(count: u16) -> Self {
        let clock = Clock::fixed(NOW_MS);
        let (store, folder) = open_store(clock.clone(), None);
        let broker = Arc::new(Broker::default());
        let start = |number| Node::start(number, &broker, store.clone(), clock.clone());
        let nodes = (0..count).map(start).collect();
        let faults = store.faults().clone();
        Self { nodes, broker, clock, store, faults, next_name: AtomicU64::new(0), _folder: folder }
    }

    pub fn both(&self) -> (&Node, &Node) {
        (&self.nodes[0], &self.nodes[1])
    }

    /// Somebody with an account, signed in once.
    pub async fn person(&self) -> Caller {
        let node = &self.nodes[0];
        let name = format!("person{}", self.next_name.fetch_add(1, Ordering::Relaxed));
        let user_id = UserId::new(node.chat.next_id().unwrap());
        self.store.insert_account(&account(user_id, &name)).await.unwrap();
        self.session_of(user_id).await
    }

    pub async fn people<const N: usize>(&self) -> [Caller; N] {
        let mut people = Vec::new();
        for _ in 0..N {
            people.push(self.person().await);
        }
        people.try_into().unwrap()
    }

    /// One more sign-in of somebody.
    pub async fn session_of(&self, user_id: UserId) -> Caller {
        let node = &self.nodes[0];
        let session_id = SessionId::new(node.chat.next_id().unwrap());
        self.store.insert_session(&session(session_id, user_id)).await.unwrap();
        Caller { user_id, session_id }
    }
}

impl Cluster {
    /// Returns when every node has heard, and its fan-out emitted, what was announced before.
    pub async fn settle(&self) {
        for node in &self.nodes {
            let told = async {
                while !node.has_told_changes() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(DEADLINE, told).await.unwrap();
            node.bus.publish_applied(node.fence()).await.unwrap();
        }
        for node in &self.nodes {
            self.settle_from(node).await;
        }
    }
}

impl Cluster {
    /// Returns when every node has emitted what `node` announced before, and what it had to read for that.
    pub async fn settle_from(&self, node: &Node) {
        node.bus.publish_applied(node.fence()).await.unwrap();
        for reader in &self.nodes {
            let read = async {
                while !reader.has_read_announcements() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(DEADLINE, read).await.unwrap();
        }
        node.bus.publish_applied(node.fence()).await.unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter().for_each(|node| node.lifecycle.stop());
    }
}

pub struct Node {
    pub id: NodeId,
    pub chat: Chat,
    pub ids: Arc<IdGenerator>,
    bus: Arc<dyn Bus>,
    lifecycle: Lifecycle,
    fanout: FanoutHandle<Screen>,
    next_key: AtomicU64,
    sessions: Arc<Mutex<Vec<Arc<OpenSession>>>>,
}

impl Deref for Node {
    type Target = Chat;
    fn deref(&self) -> &Chat {
        &self.chat
    }
}

impl Node {
    fn start(number: u16, broker: &Arc<Broker>, store: Arc<SqliteStore>, clock: Clock) -> Self {
        let id = NodeId::new(number).unwrap();
        let lifecycle = Lifecycle::new();
        let (bus, deliveries) = broker.join(id);
        let bus: Arc<dyn Bus> = bus;
        let limits = Limits { rates: false, ..Limits::default() };
        let ids = Arc::new(IdGenerator::new(id));
        let parts = parts(store, bus.clone(), clock.clone(), ids.clone(), &lifecycle);
        let chat = new_chat(ChatParts { limits, ..parts });
        lifecycle.spawn("changes", run_changes(chat.clone()));
        let gaps = Gaps::default();
        let context = Context {
            bus: bus.clone(),
            clock,
            node: id,
            lifecycle: lifecycle.clone(),
            gaps: gaps.clone(),
        };
        let fanout = spawn(context, deliveries.heard_by(Arc::new(chat.clone())));
        let sessions: Arc<Mutex<Vec<Arc<OpenSession>>>> = Arc::default();
        let all = sessions.clone();
        let reopenings =
            run_reopenings(move || all.lock().clone(), gaps.subscribe(), lifecycle.clone());
        lifecycle.spawn("reopenings", reopenings);
        let next_key = AtomicU64::new(1);
        Self { id, chat, ids, bus, lifecycle, fanout, next_key, sessions }
    }

    /// A session of `caller` at this node, which is ready.
    pub async fn open(&self, caller: Caller) -> Screen {
        let key = SocketKey(self.next_key.fetch_add(1, Ordering::Relaxed));
        let screen = Screen::new(key);
        let opener = Opener { chat: &self.chat, bus: &self.bus, fanout: &self.fanout };
        opener.open(caller, key, screen.clone(), || false).await.unwrap();
        screen.next("ready").await;
        let (chat, bus, fanout) = (self.chat.clone(), self.bus.clone(), self.fanout.clone());
        self.sessions.lock().push(Arc::new(OpenSession { chat, bus, fanout, caller, key }));
        screen
    }

    /// The session watches one person from now on.
    pub async fn watch(&self, screen: &Screen, user_id: UserId) {
        let topics = [Topic::Watchers(user_id)];
        let bindings = Bindings::bind(self.bus.clone(), topics).await;
        self.fanout.watch(screen.0.key, bindings).await.unwrap();
    }

    fn fence(&self) -> Envelope {
        Envelope::new(self.id, 0, [], Content::None)
    }

    /// A group with its first channel.
    pub async fn group(&self, owner: Caller) -> (GroupId, ChannelId) {
        let request = CreateGroup { name: "group".into(), icon: None };
        let view = self.create_group(owner, request).await.unwrap();
        (view.group.id, view.channels[0].id)
    }

    pub async fn invite(&self, owner: Caller, group_id: GroupId) -> String {
        let request = CreateInvite { expires_in_seconds: None, max_uses: None };
        self.create_invite(owner, group_id, request).await.unwrap().code
    }
}

/// What the node has of a session, to open it anew after a gap.
struct OpenSession {
    chat: Chat,
    bus: Arc<dyn Bus>,
    fanout: FanoutHandle<Screen>,
    caller: Caller,
    key: SocketKey,
}

impl Reopen for OpenSession {
    async fn reopen(&self) -> bool {
        let opener = Opener { chat: &self.chat, bus: &self.bus, fanout: &self.fanout };
        reopen(opener, self.caller, self.key).await != Reopened::Failed
    }
}

/// What a client would show.
#[derive(Clone)]
pub struct Screen(Arc<Shown>);

struct Shown {
    key: SocketKey,
    pushes: Mutex<VecDeque<(&'static str, Value)>>,
    more: Notify,
}

impl Screen {
    fn new(key: SocketKey) -> Self {
        Self(Arc::new(Shown { key, pushes: Mutex::default(), more: Notify::new() }))
    }

    /// The body of the next push, which is a `push`.
    pub async fn next(&self, push: &str) -> Value {
        let (name, body) = self.any().await;
        assert_eq!(name, push, "{body}");
        body
    }

    async fn any(&self) -> (&'static str, Value) {
        let next = async {
            loop {
                let more = self.0.more.notified();
                if let Some(next) = self.0.pushes.lock().pop_front() {
                    return next;
                }
                more.await;
            }
        };
        tokio::time::timeout(DEADLINE, next).await.expect("no push came")
    }

    /// Names of the pushes that came and were not read.
    pub fn rest(&self) -> Vec<&'static str> {
        self.0.pushes.lock().drain(..).map(|(name, _)| name).collect()
    }

    /// Takes all that came.
    pub fn all(&self) -> Vec<(&'static str, Value)> {
        self.0.pushes.lock().drain(..).collect()
    }

    /// Takes the bodies of what came as `push`, and forgets the rest.
    pub fn bodies(&self, push: &str) -> Vec<Value> {
        let pushes = std::mem::take(&mut *self.0.pushes.lock());
        pushes.into_iter().filter(|(name, _)| *name == push).map(|(_, body)| body).collect()
    }

    fn show(&self, name: &'static str, body: Value) {
        self.0.pushes.lock().push_back((name, body));
        self.0.more.notify_one();
    }
}

impl Outlet for Screen {
    fn emit(&self, push: Push, body: &RawValue) -> Result<(), EmitError> {
        self.show(push.name(), serde_json::from_str(body.get()).unwrap());
        Ok(())
    }

    fn close(&self, reason: CloseReason) {
        self.show("closed", reason.as_str().into());
    }

    fn closes_in(&self, spread: Duration) -> Duration {
        spread
    }

    fn end(&self) {
        self.show("ended", Value::Null);
    }
}
