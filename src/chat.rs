//! Commands: everything a person can do, once, for sockets and HTTP alike.
//!
//! A command parses, authorises, stores, then publishes; nothing is published that is not stored
//! (typing and presence are never stored). Commands emit to no socket: that is the fan-out's.

use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use smallvec::SmallVec;
use tokio::sync::mpsc;

use crate::bus::Bus;
use crate::bus::envelope::{About, Content, Effect, Envelope, Topic};
use crate::chat::inner::ChatInner;
use crate::chat::limits::Limits;
use crate::chat::mentions::Telling;
use crate::chat::tokens::Tokens;
use crate::clock::{Clock, UnixMs};
use crate::lifecycle::Lifecycle;
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{ClockBehind, IdGenerator, NoId, NodeId, SessionId, UserId};
use crate::model::time::Timestamp;
use crate::store::{Store, StoreError};
use crate::telemetry::log_seldom;

pub mod access;
pub mod accounts;
pub mod announced;
mod announcing;
pub mod attempts;
pub mod cache;
pub mod changes;
pub mod channel_list;
pub mod channels;
pub mod current;
pub mod debts;
pub mod direct;
pub mod error;
pub mod groups;
pub mod history;
mod inbound;
mod inner;
pub mod invites;
pub mod joined;
pub mod limits;
pub mod members;
pub mod memberships;
pub mod mentions;
pub mod messages;
pub mod moderation;
pub mod official;
pub mod pages;
pub mod passwords;
pub mod peers;
pub mod pins;
pub mod presence;
pub mod rates;
pub mod reactions;
pub mod read_states;
pub mod ready;
pub mod repairs;
pub mod secrets;
pub mod sessions;
pub mod settings;
pub mod skews;
pub mod sync;
pub mod tokens;
pub mod turns;
pub mod users;
pub mod views;
pub mod watermark;
mod whole_number;

pub use error::ChatError;
pub(crate) use whole_number::whole_number;

/// Who gives a command: a person, signed in on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub user_id: UserId,
    pub session_id: SessionId,
}

/// What the node gives the commands to work with.
pub struct ChatParts {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub clock: Clock,
    /// They say which node this is.
    pub ids: Arc<IdGenerator>,
    pub limits: Limits,
    pub tokens: Tokens,
    /// What is stored has been announced after so long, or is owed: [`SETTLED_MS`](crate::model::time_budget::SETTLED_MS).
    /// In virtual time less will do.
    pub settled_ms: u64,
    pub lifecycle: Lifecycle,
}

/// All commands. Clones share everything.
#[derive(Clone)]
pub struct Chat(Arc<ChatInner>);

/// For `chat` itself: nobody else can name what is in there.
impl std::ops::Deref for Chat {
    type Target = ChatInner;
    fn deref(&self) -> &ChatInner {
        &self.0
    }
}

impl Chat {
    /// Beside the commands comes what [`mentions::run_mentions`] has to read.
    pub fn new(parts: ChatParts) -> (Self, mpsc::Receiver<Telling>) {
        let (inner, mentions) = ChatInner::new(parts);
        (Self(Arc::new(inner)), mentions)
    }

    /// Which node this is.
    pub fn node(&self) -> NodeId {
        self.node
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How far the clock is behind the ids that were made; see [`IdGenerator::behind_ms`].
    pub fn clock_behind_ms(&self) -> u64 {
        self.ids.behind_ms(self.clock.now_ms())
    }

    /// Whether this node may make ids by now.
    pub fn has_id_lease(&self) -> bool {
        self.ids.is_leased(self.clock.now_ms())
    }

    /// Whether the store stores.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub async fn probe_store(&self) -> Result<(), StoreError> {
        self.store.probe(self.clock.now_ms()).await
    }

    /// Whether other nodes have been told what they are to forget, or are being told.
    pub fn has_told_changes(&self) -> bool {
        self.untold.is_empty()
    }

    /// Whether what was announced has been read, and has gone on to the fan-out.
    pub fn has_read_announcements(&self) -> bool {
        self.readings.is_empty()
    }

    /// The next id, of whatever kind; see [`IdGenerator::next`].
    pub fn next_id(&self) -> Result<u64, ChatError> {
        let now_ms = self.clock.now_ms();
        self.ids.next(now_ms).map_err(|refused| {
            match refused {
                NoId::ClockBehind(behind) => log_clock_behind(behind, now_ms),
                NoId::LeaseOver(over) => {
                    log_seldom!(error, node.id = %over.node, "{over}: refusing writes until it is renewed");
                }
            }
            ChatError::Unavailable
        })
    }

    /// An id that also is the time when it was made.
    pub fn next_id_and_time(&self) -> Result<(u64, UnixMs), ChatError> {
        let id = self.next_id()?;
        Ok((id, crate::model::id::MessageId::new(id).timestamp_ms()))
    }
}

fn log_clock_behind(behind: ClockBehind, now_ms: UnixMs) {
    let until = Timestamp(now_ms.saturating_add(behind.wait_ms()));
    log_seldom!(error, behind.ms = behind.behind_ms, "{behind}: refusing writes until {until}");
}

impl Envelope {
    pub(crate) fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
        self
    }

    pub(crate) fn about(mut self, about: About) -> Self {
        self.about = about;
        self
    }
}

/// Everybody who may see `channel`: one topic for a group, whatever its size.
pub(crate) fn audience(channel: &Channel) -> SmallVec<[Topic; 2]> {
    match channel.group_id {
        Some(group_id) => SmallVec::from_slice(&[Topic::Group(group_id)]),
        None => channel.recipients.iter().map(|user_id| Topic::User(*user_id)).collect(),
    }
}

/// The same push for everybody, serialised here and nowhere else.
pub(crate) fn push(push: Push, body: &impl Serialize) -> Content {
    Content::Push { push, body: to_raw(body) }
}

/// Serialises once what then travels as it is.
pub(crate) fn to_raw(body: &impl Serialize) -> Arc<RawValue> {
    serde_json::value::to_raw_value(body)
        .expect("our own types have string keys and no failing impls")
        .into()
}

/// How long something is as JSON, without making it.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value)
        .expect("our own types have string keys and no failing impls");
    count.0
}

/// For optional fields in which null means something: `Some(None)` for null, `None` if absent.
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    <Option<T> as serde::Deserialize>::deserialize(deserializer).map(Some)
}
