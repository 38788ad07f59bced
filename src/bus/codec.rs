//! How envelopes and node events travel between processes: as parcels, which have a few small headers that any
//! broker can carry, and a body. Within one process nothing is encoded.
//!
//! # Format
//!
//! The version of what is below is [`VERSION`]. Headers are texts:
//!
//! | header | what |
//! | --- | --- |
//! | `version` | the oldest version of the format whose readers understand the parcel |
//! | `id` | the sender's boot and its number: `0123456789abcdef.42`, no two of all nodes are the same |
//! | `kind` | `envelope` or `node` |
//! | `origin` | the sender's node id |
//! | `topics` | of an envelope: `g:<group> u:<user> w:<watched user>`, so that a node that has nobody for it need not read on |
//! | `volatile` | `1`: nobody misses it who cannot read it |
//! | `meta` | of an envelope: JSON, see [`meta`] |
//!
//! The body of an envelope is the JSON that clients get, byte for byte as it was serialised once. A receiver looks
//! whether it is JSON, so that no damage reaches a client, and does not take it apart. The body of a node event is
//! its JSON. Neither names anything secret.
//!
//! # What a node does with what it does not know
//!
//! - **A header, or a field of `meta` or of a node event's JSON**: it does as if it were not there. So what an older
//!   node may leave out is added without a new version.
//! - **A push**: the rest of the envelope holds, its clients get nothing. That server never promised the push to them.
//! - **A topic**: it has nobody for it.
//! - **An effect, a change, what a push is about or shows, a node event, a kind of parcel, or a newer `version`**: it is
//!   unreadable.
//!
//! So a new node may run beside old ones. What must not be left out takes a new version: the new nodes
//! state it only in the parcels that need it, and old nodes take each of these for a gap until they are replaced too.
//!
//! # What is unreadable
//!
//! Damaged, too large, or of a newer version. It is counted and logged ([`receive`]), and concerns nothing else that
//! arrives. What it said is lost, and nobody knows what that was: a **gap**, after which the node forgets its
//! caches and opens its sessions anew; [`publish_applied`](crate::bus::Bus::publish_applied) is not confirmed for it.
//! Only what is volatile (typing, presence, signs of life) leaves no gap: it is worth nothing later, or is told again.

use std::borrow::Cow;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::bus::GapFlag;
use crate::bus::envelope::{Content, Envelope, Topic};
use crate::bus::node_event::NodeEvent;
use crate::model::id::NodeId;
use crate::telemetry::{self, log_seldom};

mod meta;

use meta::{Meta, PushName};

/// Of the format. A change of what is written is an addition that older nodes may leave out, or a new version.
pub const VERSION: u16 = 1;
/// A broker sends headers in one frame, of 128 KiB with RabbitMQ's defaults.
pub const HEADERS_BYTES_MAX: usize = 64 * 1024;
/// Half of what RabbitMQ 4 takes by default. The largest body of ours is a group with all its channels, 2 MB.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Headers that a reader looks through: twice as many as there are, for those to come.
const HEADERS_MAX: usize = 16;

const KIND_ENVELOPE: &str = "envelope";
const KIND_NODE_EVENT: &str = "node";

/// What a broker carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    pub headers: Vec<(Cow<'static, str>, String)>,
    pub body: Bytes,
}

impl Parcel {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Whose loss is no gap.
    pub fn is_volatile(&self) -> bool {
        self.header("volatile").is_some()
    }

    /// Whom it is for, as far as this node knows such topics; none of a parcel that cannot be read.
    pub fn topics(&self) -> SmallVec<[Topic; 2]> {
        self.read_topics().unwrap_or_default()
    }

    fn read_topics(&self) -> Result<SmallVec<[Topic; 2]>, Unreadable> {
        let words = self.header("topics").unwrap_or_default().split_ascii_whitespace();
        words.filter_map(|word| read_topic(word).transpose()).collect()
    }

    fn headers_bytes(&self) -> usize {
        self.headers.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    fn check_size(&self) -> Result<(), TooLarge> {
        let (headers_bytes, body_bytes) = (self.headers_bytes(), self.body.len());
        if headers_bytes > HEADERS_BYTES_MAX || body_bytes > BODY_BYTES_MAX {
            return Err(TooLarge { headers_bytes, body_bytes });
        }
        Ok(())
    }

    fn required<T: FromStr>(&self, name: &'static str) -> Result<T, Unreadable> {
        let value = self.header(name).and_then(|value| value.parse().ok());
        value.ok_or(Unreadable::Damaged(name))
    }
}

/// Which parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParcelId {
    /// Drawn at the sender's start.
    pub boot: u64,
    /// Counted by the sender.
    pub number: u64,
}

impl fmt::Display for ParcelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.{}", self.boot, self.number)
    }
}

impl FromStr for ParcelId {
    type Err = ParseIntError;
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (boot, number) = text.split_once('.').unwrap_or_default();
        Ok(Self { boot: u64::from_str_radix(boot, 16)?, number: number.parse()? })
    }
}

/// It would not get through the broker, or be refused where it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a parcel with {headers_bytes} bytes of headers and {body_bytes} of body is too large: \
     {HEADERS_BYTES_MAX} and {BODY_BYTES_MAX} are the most"
)]
pub struct TooLarge {
    pub headers_bytes: usize,
    pub body_bytes: usize,
}

/// Why a node cannot read what it got. Says nothing of what is in it, so that it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is of version {found} of the format, this node knows {VERSION} at most")]
    Version { found: u64 },
    #[error("its {0} is missing, damaged, or not known to this node")]
    Damaged(&'static str),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

impl Unreadable {
    const fn reason(self) -> &'static str {
        match self {
            Self::Version { .. } => "version",
            Self::Damaged(_) => "damaged",
            Self::TooLarge(_) => "too_large",
        }
    }
}

/// Writes what one node sends, and numbers it.
#[derive(Debug)]
pub struct Encoder {
    boot: u64,
    numbered: AtomicU64,
}

impl Encoder {
    /// `boot` is drawn at the node's start.
    pub const fn new(boot: u64) -> Self {
        Self { boot, numbered: AtomicU64::new(0) }
    }

    /// `is_volatile`: it is published as [such](crate::bus::Bus::publish_volatile).
    ///
    /// # Errors
    ///
    /// [`TooLarge`], and nothing is to be sent.
    pub fn envelope(&self, envelope: &Envelope, is_volatile: bool) -> Result<Parcel, TooLarge> {
        let mut headers = self.headers(KIND_ENVELOPE, envelope.origin, is_volatile);
        if !envelope.topics.is_empty() {
            let topics: Vec<String> = envelope.topics.iter().map(write_topic).collect();
            headers.push(("topics".into(), topics.join(" ")));
        }
        headers.push(("meta".into(), to_json(&Meta::of(envelope))));
        sized(Parcel { headers, body: body(&envelope.content) })
    }

    /// # Errors
    ///
    /// As for [`envelope`](Self::envelope).
    pub fn node_event(&self, origin: NodeId, event: &NodeEvent) -> Result<Parcel, TooLarge> {
        let headers = self.headers(KIND_NODE_EVENT, origin, event.is_told_again());
        sized(Parcel { headers, body: to_json(event).into() })
    }

    fn headers(
        &self,
        kind: &str,
        origin: NodeId,
        is_volatile: bool,
    ) -> Vec<(Cow<'static, str>, String)> {
        let number = self.numbered.fetch_add(1, Ordering::Relaxed);
        let id = ParcelId { boot: self.boot, number };
        let mut headers = Vec::with_capacity(8);
        headers.extend([
            ("version".into(), VERSION.to_string()),
            ("id".into(), id.to_string()),
            ("kind".into(), kind.to_owned()),
            ("origin".into(), origin.get().to_string()),
        ]);
        if is_volatile {
            headers.push(("volatile".into(), "1".to_owned()));
        }
        headers
    }
}

fn sized(parcel: Parcel) -> Result<Parcel, TooLarge> {
    parcel.check_size().map(|()| parcel)
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own types have string keys and no failing impls")
}

/// The JSON of a push is shared with whoever else has the envelope, and not copied.
fn body(content: &Content) -> Bytes {
    struct PushBytes(Arc<RawValue>);
    impl AsRef<[u8]> for PushBytes {
        fn as_ref(&self) -> &[u8] {
            self.0.get().as_bytes()
        }
    }
    match content {
        Content::None | Content::Current { .. } => Bytes::new(),
        Content::Push { body, .. } | Content::ChannelPush { body, .. } => {
            Bytes::from_owner(PushBytes(body.clone()))
        }
        Content::Presences(presences) => to_json(presences).into(),
    }
}

/// A parcel that was read.
#[derive(Debug)]
pub struct OpenedParcel {
    pub id: ParcelId,
    pub origin: NodeId,
    pub sent: ParcelContent,
}

#[derive(Debug)]
pub enum ParcelContent {
    Envelope(Envelope),
    Node(NodeEvent),
}

/// Reads a parcel. Takes as much memory as the parcel has, and a little.
///
/// # Errors
///
/// [`Unreadable`], whatever the bytes are; see the module's documentation for what is then to be done.
pub fn decode(parcel: &Parcel) -> Result<OpenedParcel, Unreadable> {
    parcel.check_size()?;
    if parcel.headers.len() > HEADERS_MAX {
        return Err(Unreadable::Damaged("headers"));
    }
    let version: u64 = parcel.required("version")?;
    if version > u64::from(VERSION) {
        return Err(Unreadable::Version { found: version });
    }
    let id = parcel.required("id")?;
    let number: u16 = parcel.required("origin")?;
    let origin = NodeId::new(number).ok_or(Unreadable::Damaged("origin"))?;
    let sent = match parcel.header("kind") {
        Some(KIND_ENVELOPE) => ParcelContent::Envelope(read_envelope(origin, parcel)?),
        Some(KIND_NODE_EVENT) => ParcelContent::Node(from_json(&parcel.body, "body")?),
        _ => return Err(Unreadable::Damaged("kind")),
    };
    Ok(OpenedParcel { id, origin, sent })
}

/// Reads what has arrived. `None` for what cannot be read, which is counted and logged; the gap that it leaves is
/// raised.
pub fn receive(parcel: &Parcel, gap: &GapFlag) -> Option<OpenedParcel> {
    let unreadable = match decode(parcel) {
        Ok(opened) => return Some(opened),
        Err(unreadable) => unreadable,
    };
    let reason = unreadable.reason();
    metrics::counter!(telemetry::BUS_UNREADABLE, "reason" => reason).increment(1);
    log_seldom!(error, reason, "something that another node sent cannot be read: {unreadable}");
    if !parcel.is_volatile() {
        gap.raise();
    }
    None
}

fn read_envelope(origin: NodeId, parcel: &Parcel) -> Result<Envelope, Unreadable> {
    let meta = parcel.header("meta").ok_or(Unreadable::Damaged("meta"))?;
    let meta: Meta<'_> = from_json(meta.as_bytes(), "meta")?;
    Ok(Envelope {
        origin,
        published_at_ms: meta.published_at_ms,
        topics: parcel.read_topics()?,
        content: read_content(&meta, &parcel.body)?,
        changed: meta.changed.iter().copied().collect(),
        effect: meta.effect.map(Cow::into_owned),
        about: meta.about.map(Cow::into_owned).unwrap_or_default(),
    })
}

fn read_content(meta: &Meta<'_>, body: &Bytes) -> Result<Content, Unreadable> {
    let push = match meta.push {
        None if meta.has_presences => return Ok(Content::Presences(from_json(body, "body")?)),
        None => return Ok(Content::None),
        Some(PushName::Unknown) => {
            metrics::counter!(telemetry::BUS_UNREADABLE, "reason" => "push").increment(1);
            return Ok(Content::None);
        }
        Some(PushName::Known(push)) => push,
    };
    if let Some(entity) = meta.entity {
        return Ok(Content::Current { push, entity });
    }
    let raw: &RawValue = from_json(body, "body")?;
    let body = raw.to_owned().into();
    Ok(match meta.channel_kind {
        Some(kind) => Content::ChannelPush { push, kind, body },
        None => Content::Push { push, body },
    })
}

/// The cause stays out of it: it quotes what it does not like.
fn from_json<'a, T: serde::Deserialize<'a>>(
    json: &'a [u8],
    part: &'static str,
) -> Result<T, Unreadable> {
    serde_json::from_slice(json).map_err(|_| Unreadable::Damaged(part))
}

fn write_topic(topic: &Topic) -> String {
    match topic {
        Topic::Group(group_id) => format!("g:{group_id}"),
        Topic::User(user_id) => format!("u:{user_id}"),
        Topic::Watchers(user_id) => format!("w:{user_id}"),
    }
}

/// `None` for a topic that this node does not know.
fn read_topic(word: &str) -> Result<Option<Topic>, Unreadable> {
    fn id<T: FromStr>(text: &str) -> Result<T, Unreadable> {
        text.parse().map_err(|_| Unreadable::Damaged("topics"))
    }
    let (kind, text) = word.split_once(':').ok_or(Unreadable::Damaged("topics"))?;
    Ok(Some(match kind {
        "g" => Topic::Group(id(text)?),
        "u" => Topic::User(id(text)?),
        "w" => Topic::Watchers(id(text)?),
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests;
