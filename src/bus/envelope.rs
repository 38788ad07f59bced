//! What travels on the bus: addresses, what to change at each node, and the push for the clients,
//! serialised once. [`codec`](crate::bus::codec) is how it travels between processes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::sync::Arc;

use crate::clock::UnixMs;
use crate::model::channel::ChannelKind;
use crate::model::event::Push;
use crate::model::id::{ChangeId, ChannelId, GroupId, MessageId, NodeId, SessionId, UserId};
use crate::model::presence::Presence;

/// Whose sessions an envelope is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The online members of a group.
    Group(GroupId),
    /// One person on all devices: direct messages, read states, memberships.
    User(UserId),
    /// Sessions that watch a person's presence.
    Watchers(UserId),
}

/// Addressed to the sessions of all its topics together; a session in several gets one copy.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub origin: NodeId,
    pub published_at_ms: UnixMs,
    pub topics: SmallVec<[Topic; 2]>,
    /// Forgotten before anything else happens: no node acts on this with what it knew before.
    pub changed: SmallVec<[Changed; 1]>,
    /// Applied before the content goes out, so that who leaves no longer gets it and who joins does.
    pub effect: Option<Effect>,
    pub about: About,
    pub content: Content,
}

impl Envelope {
    /// One that changes nothing and tells of nothing that could be outdated.
    pub fn new(
        origin: NodeId,
        published_at_ms: UnixMs,
        topics: impl IntoIterator<Item = Topic>,
        content: Content,
    ) -> Self {
        Self {
            origin,
            published_at_ms,
            topics: topics.into_iter().collect(),
            changed: SmallVec::new(),
            effect: None,
            about: About::Nothing,
            content,
        }
    }

    /// Whether it goes to every node, and not only to those that asked for one of its topics.
    pub fn is_for_every_node(&self) -> bool {
        let said_only_in =
            |changed: &Changed| matches!(changed, Changed::History(_) | Changed::Pins(_));
        self.effect.is_some() || !self.changed.iter().all(said_only_in)
    }
}

/// Something that was changed in the store, by the name under which nodes remember it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Changed {
    /// A group's settings, roles or list of channels, or that it is there.
    Group(GroupId),
    /// A channel's settings, or that it is there, and with it its history.
    Channel(ChannelId),
    /// Whether somebody is in a group, with which roles and nickname.
    Membership(GroupId, UserId),
    /// How many members a group has, and nothing else of it.
    MemberCount(GroupId),
    /// A person's profile, and whether they are an operator.
    Person(UserId),
    /// When a signed-in session ends.
    Session(SessionId),
    /// Messages of a channel and their reactions.
    History(ChannelId),
    /// Which messages of a channel are pinned.
    Pins(ChannelId),
}

#[derive(Clone, Debug)]
pub enum Content {
    /// Only the effect matters.
    None,
    /// The same for all receivers.
    Push { push: Push, body: Arc<RawValue> },
    /// A channel of a group without its `permissions`: each receiver gets the body with their own.
    ChannelPush { push: Push, kind: ChannelKind, body: Arc<RawValue> },
    /// Presences, each for the sessions of [`Topic::Watchers`] and [`Topic::User`] of its person. The
    /// envelope's `topics` are empty: each node makes it for its own sessions, and its fan-out picks for each
    /// what it watches and its own, as one array.
    Presences(Vec<Presence>),
    /// A push of what `entity` is by the time when a node hears of it: each node reads that, and makes a push
    /// of it unless `push` says what is not true any more. So no older state goes out after a newer one,
    /// whatever overtakes what on the way. Only where there are several nodes.
    Current { push: Push, entity: Entity },
}

/// Something that is stored, and changed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entity {
    Group(GroupId),
    /// A channel of a group, for everybody in it.
    Channel(ChannelId),
    /// A channel of a group with what this person may do there.
    ChannelOf(UserId, ChannelId),
    /// Whether somebody is in a group, with which nickname and roles.
    Member(GroupId, UserId),
    Message(ChannelId, MessageId),
    User(UserId),
    Settings(UserId),
    ReadState(UserId, ChannelId),
}

/// What a push is about, for a node to leave out what others have overtaken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum About {
    /// Nothing that a later push could make untrue.
    #[default]
    Nothing,
    /// A message that a node emits once, however often it is announced.
    NewMessage(ChannelId, MessageId),
    /// Something in a message, as it was read just before.
    Message(MessageId),
    /// Whether a message is pinned: the latest change stays.
    Pin(MessageId, ChangeId),
    /// Whether somebody has reacted with an emoji: the latest change stays.
    Reaction {
        message_id: MessageId,
        user_id: UserId,
        emoji: String,
        change_id: ChangeId,
    },
    /// Nothing about it follows.
    DeletedMessage(MessageId),
    Channel(ChannelId),
    /// Nothing about it follows.
    DeletedChannel(ChannelId),
}

/// What an envelope changes at every node, before its content goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// Whether `user_id` is in the group, or what they may do there, has changed. Each node reads what holds
    /// by now; the content goes out there only if that is what `is_member` says.
    Membership { user_id: UserId, group_id: GroupId, is_member: bool },
    /// The group is gone: `content` still reaches its audience, then nobody is in it.
    CloseGroup { group_id: GroupId },
    /// Those sockets of `user_id` that belong to these signed-in sessions are disconnected, for good.
    EndSessions { user_id: UserId, session_ids: Vec<SessionId> },
}
