//! Commands on a real store and the in-process bus, without sockets: what they answer, what they
//! announce, and in which order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use vibetalk::bus::envelope::{Content, Effect, Envelope, Topic};
use vibetalk::bus::local::LocalBus;
use vibetalk::bus::{Bus, Deliveries, Delivery, Inbound};
use vibetalk::chat::groups::CreateGroup;
use vibetalk::chat::invites::CreateInvite;
use vibetalk::chat::limits::Limits;
use vibetalk::chat::members::UpdateMember;
use vibetalk::chat::mentions::run_mentions;
use vibetalk::chat::tokens::{ACCESS_TTL, REFRESH_TTL, Tokens};
use vibetalk::chat::views::JoinedGroupView;
use vibetalk::chat::{Caller, Chat, ChatError, ChatParts};
use vibetalk::clock::Clock;
use vibetalk::lifecycle::Lifecycle;
use vibetalk::model::account::Account;
use vibetalk::model::id::{GroupId, IdGenerator, NodeId, SessionId, UserId};
use vibetalk::model::presence::Presence;
use vibetalk::model::time_budget::SETTLED_MS;
use vibetalk::store::Store;
use vibetalk::store::faults::Faults;

mod accounts;
mod bounds;
mod channels;
mod direct;
mod everyone;
mod groups;
mod history;
mod invites;
mod lossy_bus;
mod members;
mod mentions;
pub mod messages;
mod moderation;
mod official;
mod official_group;
mod pins;
mod presence;
mod reactions;
mod read_states;
mod reads;
mod repairs;
mod sending;
mod sessions;
mod settings;
mod sync;
mod sync_bounds;
mod unknown_outcomes;
mod users;

use crate::people::{account, open_store};
use lossy_bus::LossyBus;

pub const NOW_MS: u64 = 1_795_000_000_000;

/// All commands, and a record of what they announce instead of a fan-out.
pub struct TestChat {
    pub chat: Chat,
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub ids: Arc<IdGenerator>,
    pub clock: Clock,
    pub lifecycle: Lifecycle,
    record: Arc<Record>,
    /// While true, what is published is lost.
    pub bus_loses: Arc<AtomicBool>,
    /// Which calls of the store fail.
    pub faults: Faults,
    _folder: TempDir,
}

/// What a fan-out would have got.
struct Record {
    envelopes: Mutex<Vec<Arc<Envelope>>>,
    /// False: what is delivered is recorded, but not said to be applied.
    applies: watch::Sender<bool>,
}

impl TestChat {
    /// With people who may write and make as much as they like: a clock that stands refills nothing.
    pub fn start() -> Self {
        Self::with_limits(|limits| {
            limits.messages_burst = u32::MAX;
            limits.official_messages_burst = u32::MAX;
            limits.made_per_minute = u32::MAX;
        })
    }

    pub fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        let (bus, deliveries) = LocalBus::new();
        let bus_loses = Arc::new(AtomicBool::new(false));
        let mut test = Self::on(Arc::new(LossyBus { bus, loses: bus_loses.clone() }), limits);
        test.bus_loses = bus_loses;
        test.lifecycle.spawn("record", test.record.clone().run(deliveries));
        test
    }

    /// On a bus whose deliveries somebody else reads: nothing is recorded.
    pub fn on(bus: Arc<dyn Bus>, limits: Limits) -> Self {
        let clock = Clock::fixed(NOW_MS);
        let (store, folder) = open_store(clock.clone(), None);
        let ids = Arc::new(IdGenerator::new(NodeId::default()));
        let lifecycle = Lifecycle::new();
        let parts = parts(store.clone(), bus.clone(), clock.clone(), ids.clone(), &lifecycle);
        let chat = new_chat(ChatParts { limits, ..parts });
        let faults = store.faults().clone();
        let record =
            Arc::new(Record { envelopes: Mutex::default(), applies: watch::Sender::new(true) });
        let bus_loses = Arc::default();
        Self { chat, store, bus, ids, clock, lifecycle, record, bus_loses, faults, _folder: folder }
    }

    /// As after a gap, or another node: nothing that was read is remembered.
    pub fn forget(&self) {
        let (nobody, _) = mpsc::channel(1);
        self.chat.heard(Delivery::Gap, &nobody);
    }

    /// Somebody with an account, as if registered.
    pub async fn person(&self, username: &str) -> Caller {
        self.person_with_hash(username, "").await
    }

    pub async fn person_with_hash(&self, username: &str, password_hash: &str) -> Caller {
        let user_id = UserId::new(self.chat.next_id().unwrap());
        let account = Account {
            password_hash: password_hash.to_owned(),
            created_at_ms: self.clock.now_ms(),
            ..account(user_id, username)
        };
        self.store.insert_account(&account).await.unwrap();
        Caller { user_id, session_id: SessionId::new(user_id.get()) }
    }

    /// People called `<prefix>0`, `<prefix>1`, …
    pub async fn people<const N: usize>(&self, prefix: &str) -> [Caller; N] {
        let mut people = Vec::with_capacity(N);
        for number in 0..N {
            people.push(self.person(&format!("{prefix}{number}")).await);
        }
        people.try_into().unwrap()
    }

    pub async fn group(&self, owner: Caller, members: &[Caller]) -> JoinedGroupView {
        let request = CreateGroup { name: "group".to_owned(), icon: None };
        let group = self.chat.create_group(owner, request).await.unwrap();
        for member in members {
            self.join(owner, group.group.id, *member).await.unwrap();
        }
        group
    }

    /// Lets `person` in with a new invite of `inviter`.
    pub async fn join(
        &self,
        inviter: Caller,
        group_id: GroupId,
        person: Caller,
    ) -> Result<JoinedGroupView, ChatError> {
        let code = self.invite(inviter, group_id).await;
        self.chat.accept_invite(person, &code).await
    }

    pub async fn invite(&self, inviter: Caller, group_id: GroupId) -> String {
        let request = CreateInvite { expires_in_seconds: None, max_uses: None };
        self.chat.create_invite(inviter, group_id, request).await.unwrap().code
    }

    pub async fn give_roles(
        &self,
        caller: Caller,
        group_id: GroupId,
        person: Caller,
        roles: &[&str],
    ) -> Result<(), ChatError> {
        let roles = roles.iter().map(ToString::to_string).collect();
        let request = UpdateMember { nickname: None, roles: Some(roles) };
        self.chat.update_member(caller, group_id, person.user_id, request).await.map(drop)
    }

    /// What was announced since the last call, a line each: content, topics, effect.
    pub async fn announced(&self) -> Vec<String> {
        self.drain().await.iter().map(|envelope| line(envelope)).collect()
    }

    /// The presences announced since the last call, one list for each announcement.
    pub async fn presences(&self) -> Vec<Vec<Presence>> {
        let envelopes = self.drain().await;
        let lists = envelopes.iter().filter_map(|envelope| match &envelope.content {
            Content::Presences(presences) => Some(presences.clone()),
            _ => None,
        });
        lists.collect()
    }

    /// The bodies of what was announced as `push` since the last call.
    pub async fn bodies(&self, push: &str) -> Vec<serde_json::Value> {
        let envelopes = self.drain().await;
        let of_push = envelopes.iter().filter_map(|envelope| match &envelope.content {
            Content::Push { push: it, body, .. } | Content::ChannelPush { push: it, body, .. } => {
                (it.name() == push).then(|| serde_json::from_str(body.get()).unwrap())
            }
            _ => None,
        });
        of_push.collect()
    }

    async fn drain(&self) -> Vec<Arc<Envelope>> {
        // Deliveries come in order: once this one is applied, all before it are recorded.
        let fence = Envelope::new(NodeId::default(), 0, [], Content::None);
        let loses = self.bus_loses.swap(false, Ordering::SeqCst);
        self.bus.publish_applied(fence).await.unwrap();
        self.bus_loses.store(loses, Ordering::SeqCst);
        let mut envelopes = std::mem::take(&mut *self.record.envelopes.lock());
        envelopes.pop(); // The fence.
        envelopes
    }

    /// From now on nothing is applied, until [`resume`](Self::resume).
    pub fn hold(&self) {
        self.record.applies.send_replace(false);
    }

    pub fn resume(&self) {
        self.record.applies.send_replace(true);
    }

    /// Waits until something with an effect was delivered.
    pub async fn effect_delivered(&self) {
        self.delivered(|envelope| envelope.effect.is_some()).await;
    }

    /// Waits until something that `fits` was delivered.
    pub async fn delivered(&self, fits: impl Fn(&Envelope) -> bool) {
        let seen = async {
            while !self.record.envelopes.lock().iter().any(|envelope| fits(envelope)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap();
    }
}

/// Those of all test nodes.
pub fn tokens() -> Tokens {
    Tokens::new([7; 32], ACCESS_TTL, REFRESH_TTL)
}

/// What the commands of a test node are made of.
pub fn parts(
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    clock: Clock,
    ids: Arc<IdGenerator>,
    lifecycle: &Lifecycle,
) -> ChatParts {
    ChatParts {
        store,
        bus,
        clock,
        ids,
        limits: Limits::default(),
        tokens: tokens(),
        settled_ms: SETTLED_MS,
        lifecycle: lifecycle.clone(),
    }
}

/// The commands of one node, with what tells people of mentions.
pub fn new_chat(parts: ChatParts) -> Chat {
    let lifecycle = parts.lifecycle.clone();
    let (chat, mention_news) = Chat::new(parts);
    lifecycle.spawn("mentions", run_mentions(chat.clone(), mention_news));
    chat
}

impl Record {
    async fn run(self: Arc<Self>, mut deliveries: Deliveries) {
        let mut applies = self.applies.subscribe();
        while let Some(delivery) = deliveries.recv().await {
            let Delivery::Envelope { envelope, applied } = delivery else { continue };
            self.envelopes.lock().push(envelope);
            let Some(applied) = applied else { continue };
            if applies.wait_for(|applies| *applies).await.is_err() {
                return;
            }
            // Who waited may have gone away.
            let _unread = applied.send(());
        }
    }
}

fn line(envelope: &Envelope) -> String {
    let content = match &envelope.content {
        Content::None => "nothing",
        Content::Push { push, .. }
        | Content::ChannelPush { push, .. }
        | Content::Current { push, .. } => push.name(),
        Content::Presences(_) => "presences",
    };
    let topics: Vec<String> = envelope.topics.iter().map(topic).collect();
    let effect = envelope.effect.as_ref().map(|effect| format!(", {}", effect_line(effect)));
    format!("{content} to {}{}", topics.join(" "), effect.unwrap_or_default())
}

fn topic(topic: &Topic) -> String {
    match topic {
        Topic::Group(_) => "group".to_owned(),
        Topic::User(user_id) => format!("user {user_id}"),
        Topic::Watchers(user_id) => format!("watchers of {user_id}"),
    }
}

fn effect_line(effect: &Effect) -> String {
    match effect {
        Effect::Membership { user_id, is_member: true, .. } => format!("{user_id} is in"),
        Effect::Membership { user_id, is_member: false, .. } => format!("{user_id} is out"),
        Effect::CloseGroup { .. } => "closes".to_owned(),
        Effect::EndSessions { session_ids, .. } if session_ids.len() == 1 => {
            "ends sessions".to_owned()
        }
        Effect::EndSessions { session_ids, .. } => format!("ends {} sessions", session_ids.len()),
    }
}

/// The code of a refusal.
pub fn code<T>(result: Result<T, ChatError>) -> &'static str {
    result.err().map_or("ok", |error| error.code())
}
