//! What a client gets when it connects (`ready`) and when it comes back (`session:sync`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::chat::views::{Ready, Synced};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::{ChannelId, GroupId, MessageId};
use crate::model::permission::Permissions;

#[derive(Deserialize)]
pub struct Sync {
    pub channels: BTreeMap<ChannelId, MessageId>,
    /// RFC 3339: the `serverTime` of the last `ready` or sync.
    pub since: String,
}

/// A group whose audience a session joins.
#[derive(Clone, Copy, Debug)]
pub struct Audience {
    pub group_id: GroupId,
    pub permissions: Permissions,
}

impl Chat {
    /// The groups whose pushes the caller gets.
    pub async fn audiences(&self, caller: Caller) -> Result<Vec<Audience>, ChatError> {
        todo!()
    }
    /// The contents of `ready`.
    pub async fn snapshot(&self, caller: Caller) -> Result<Ready, ChatError> {
        todo!()
    }
    pub async fn sync(&self, caller: Caller, request: Sync) -> Result<Synced, ChatError> {
        todo!()
    }
}
