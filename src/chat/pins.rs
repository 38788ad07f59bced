//! Pins: messages that a channel keeps at hand.

use crate::chat::views::Messages;
use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::{ChannelId, MessageId};

impl Chat {
    pub async fn add_pin(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn remove_pin(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn list_pins(
        &self,
        caller: Caller,
        channel_id: ChannelId,
    ) -> Result<Messages, ChatError> {
        todo!()
    }
}
