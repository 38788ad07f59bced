//! Messages that a channel keeps at hand.

use async_trait::async_trait;

use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::model::message::Message;
use crate::store::{Outcome, StoreError};

/// Pins are kept by channel, apart from messages, which do not say whether they are pinned.
#[async_trait]
pub trait PinStore: Send + Sync {
    /// Pins a message and notes `change_id` if it was not pinned. The limit is exact.
    async fn insert_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError>;

    async fn delete_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError>;

    /// Which messages of a channel are pinned, at most
    /// [`PINS_PER_CHANNEL_MAX`](crate::model::message::PINS_PER_CHANNEL_MAX), in any order.
    async fn list_pinned_ids(&self, channel_id: ChannelId) -> Result<Vec<MessageId>, StoreError>;

    /// Pinned messages, newest message first.
    async fn list_pins(&self, channel_id: ChannelId) -> Result<Vec<Message>, StoreError>;
}
