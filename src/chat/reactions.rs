//! Reactions: emojis that people put on messages.

use serde::Deserialize;

use crate::chat::views::UsersPage;
use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::{ChannelId, MessageId, UserId};

#[derive(Default, Deserialize, utoipa::IntoParams)]
pub struct ListReactionUsers {
    pub after: Option<UserId>,
    pub limit: Option<u32>,
}

impl Chat {
    pub async fn add_reaction(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
        emoji: String,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn remove_reaction(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
        emoji: String,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn list_reaction_users(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
        emoji: String,
        request: ListReactionUsers,
    ) -> Result<UsersPage, ChatError> {
        todo!()
    }
}
