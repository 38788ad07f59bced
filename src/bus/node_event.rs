//! What nodes tell each other, and no client.

use serde::{Deserialize, Serialize};

use crate::bus::envelope::Changed;
use crate::clock::UnixMs;
use crate::model::channel::Channel;
use crate::model::id::{NodeId, UserId};
use crate::model::presence::Attested;

/// Goes to every other node, whatever it bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeEvent {
    /// This has changed, and no announcement that the other nodes get says so.
    Changed(Vec<Changed>),
    /// So much has changed that anything may have.
    ForgetAll,
    /// The sender lives; told each second.
    Alive(SignOfLife),
    Presence(PresenceNews),
    /// This node should tell its presence whole.
    PresenceWanted(NodeId),
    /// A message mentions everybody: each node tells those who are online there.
    EveryoneMentioned(EveryoneMentioned),
    /// The sender could not announce so much that it is a gap for each other node.
    Gap,
    /// The sender stops: nobody is there any more, and it owes nothing.
    Left,
}

impl NodeEvent {
    /// Nobody misses it for long: it, or what it tells, is told again.
    pub const fn is_told_again(&self) -> bool {
        match self {
            Self::Alive(_) | Self::Presence(_) | Self::PresenceWanted(_) => true,
            Self::Changed(_) | Self::ForgetAll | Self::EveryoneMentioned(_) => false,
            Self::Gap | Self::Left => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignOfLife {
    /// Who knows of another version of the sender's presence has missed some.
    pub presence: Version,
    /// The sender's clock.
    pub now_ms: UnixMs,
    /// What the sender stored before, by its clock, has been announced.
    #[serde(default)]
    pub settled_until_ms: UnixMs,
}

/// How far a node has told its presence. Another boot begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Drawn at the node's start.
    pub boot: u64,
    pub number: u64,
}

/// Who is there at the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceNews {
    /// With this news.
    pub version: Version,
    pub scope: NewsScope,
    pub people: Vec<(UserId, Attested)>,
}

/// What news are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NewsScope {
    /// What has changed since the version before.
    Changes,
    /// All who are there, in parts that follow each other: with the first it begins anew, and after the last nobody else
    /// is there.
    Whole { is_first: bool, is_last: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EveryoneMentioned {
    pub channel: Channel,
    pub author: UserId,
    /// Those whom the message names, who are told by the sender.
    pub named: Vec<UserId>,
}
