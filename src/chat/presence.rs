//! Presence and typing: what is announced but never stored.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::{ChannelId, UserId};
use crate::model::presence::{ChosenStatus, Presence};

#[derive(Deserialize, ToSchema)]
pub struct UpdatePresence {
    pub status: ChosenStatus,
    pub text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelRef {
    pub channel_id: ChannelId,
}

#[derive(Clone, Debug, Serialize)]
pub struct Presences {
    pub presences: Vec<Presence>,
}

/// Names one open socket of a person, unique on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketKey(pub u64);

/// Who is there, on this node.
pub struct PresenceBoard;

impl Chat {
    /// A socket of the caller became ready.
    pub fn presence_opened(&self, caller: Caller, socket: SocketKey) {
        todo!()
    }
    /// A socket of the caller is gone; offline is announced a little later if it was the last one.
    pub fn presence_closed(&self, caller: Caller, socket: SocketKey) {
        todo!()
    }
    pub fn update_presence(
        &self,
        caller: Caller,
        socket: SocketKey,
        request: UpdatePresence,
    ) -> Result<(), ChatError> {
        todo!()
    }
    /// The presence of each of `user_ids` now; those unknown are offline.
    pub fn presences(&self, user_ids: &[UserId]) -> Presences {
        todo!()
    }
    /// Who is online anywhere: for `@everyone`.
    pub fn online_users(&self) -> Vec<UserId> {
        todo!()
    }
    pub async fn start_typing(&self, caller: Caller, request: ChannelRef) -> Result<(), ChatError> {
        todo!()
    }
}
