//! What travels on the bus: addresses, what to change at each node, and the push for the clients,
//! serialised once.

use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::sync::Arc;

use crate::clock::UnixMs;
use crate::model::channel::ChannelKind;
use crate::model::event::Push;
use crate::model::id::{GroupId, MessageId, NodeId, SessionId, UserId};
use crate::model::permission::Permissions;
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
    /// Applied before the content goes out, so that who leaves no longer gets it and who joins does.
    pub effect: Option<Effect>,
    pub content: Content,
}

#[derive(Clone, Debug)]
pub enum Content {
    /// Only the effect matters.
    None,
    /// The same for all receivers.
    Push {
        push: Push,
        body: Arc<RawValue>,
        /// Set for `message:created`: a message that is announced again after a lost announcement is
        /// emitted at most once by a node.
        once: Option<MessageId>,
    },
    /// A channel of a group without its `permissions`: each receiver gets the body with their own.
    ChannelPush { push: Push, kind: ChannelKind, body: Arc<RawValue> },
    /// Presences, each for the sessions of [`Topic::Watchers`] and [`Topic::User`] of its person. The
    /// envelope's `topics` are empty: it goes to every node, and the fan-out there picks for each
    /// session what it watches and its own, as one array.
    Presences(Vec<Presence>),
}

/// What an envelope changes at every node, before its content goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The sessions of `user_id` join the group's audience.
    Join {
        user_id: UserId,
        group_id: GroupId,
        permissions: Permissions,
    },
    Leave {
        user_id: UserId,
        group_id: GroupId,
    },
    /// Somebody's group-wide permissions have changed.
    Permissions {
        user_id: UserId,
        group_id: GroupId,
        permissions: Permissions,
    },
    /// The group is gone: `content` still reaches its audience, then nobody is in it.
    CloseGroup {
        group_id: GroupId,
    },
    /// Those sockets of `user_id` that belong to these signed-in sessions are disconnected, for good.
    EndSessions {
        user_id: UserId,
        session_ids: Vec<SessionId>,
    },
}
