//! Read states: how far somebody has read, and who is told of mentions.

use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::{ChannelId, MessageId};
use crate::model::read_state::ReadState;

impl Chat {
    pub async fn mark_read(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<ReadState, ChatError> {
        todo!()
    }
}
