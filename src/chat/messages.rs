//! Messages: sending, editing, deleting, reading history.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::chat::views::{MessageView, MessagesPage};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::{ChannelId, MessageId};
use crate::model::message::Message;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateMessage {
    pub content: String,
    pub nonce: Option<String>,
    pub reply_to_id: Option<MessageId>,
    pub attachment_ids: Option<Vec<String>>,
}

#[derive(Deserialize, ToSchema)]
pub struct UpdateMessage {
    pub content: String,
}

#[derive(Default, Deserialize, ToSchema, utoipa::IntoParams)]
pub struct ListMessages {
    pub before: Option<MessageId>,
    pub after: Option<MessageId>,
    pub around: Option<MessageId>,
    pub limit: Option<u32>,
}

/// A stored message, serialised once for the ack and all receivers.
pub struct Sent {
    pub message: Arc<RawValue>,
    /// False for a repeated nonce.
    pub new: bool,
}

/// The newest messages of a channel, newest first.
pub struct NewestPage {
    pub messages: Vec<Message>,
}

impl Chat {
    pub async fn create_message(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: CreateMessage,
    ) -> Result<Sent, ChatError> {
        todo!()
    }
    pub async fn update_message(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
        request: UpdateMessage,
    ) -> Result<MessageView, ChatError> {
        todo!()
    }
    pub async fn delete_message(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn list_messages(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: ListMessages,
    ) -> Result<MessagesPage, ChatError> {
        todo!()
    }
    pub async fn get_message(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<MessageView, ChatError> {
        todo!()
    }
}
