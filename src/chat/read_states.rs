//! Read states: how far somebody has read a channel.

use serde::Deserialize;

use crate::bus::envelope::{Entity, Topic};
use crate::chat::debts::Owed;
use crate::chat::turns::Subject;
use crate::chat::{Caller, Chat, ChatError};
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::read_state::ReadState;
use crate::store::{ReadMark, ReadScope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarkRead {
    /// The last message that was read; need not exist, and "0" marks everything unread.
    pub message_id: MessageId,
}

impl Chat {
    pub async fn mark_read(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: MarkRead,
    ) -> Result<ReadState, ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        let chat = self.clone();
        self.in_turn(Subject::ReadState(caller.user_id, channel_id), async move {
            chat.store_read_state(caller.user_id, &standing.channel, request.message_id).await
        })
        .await
    }

    async fn store_read_state(
        &self,
        user_id: UserId,
        channel: &Channel,
        last_read_id: MessageId,
    ) -> Result<ReadState, ChatError> {
        let set_at = MessageId::new(self.next_id()?);
        let mark = ReadMark { user_id, channel_id: channel.id, last_read_id, set_at };
        let (push, entity) = (Push::ReadStateUpdated, Entity::ReadState(user_id, channel.id));
        let marking = self.store.set_read_state(mark);
        let (_, debt) = self.owing(Owed::Current(push, entity), marking).await?;
        let read_state = self.read_state(user_id, channel).await?;
        let content = self.current(push, entity, &read_state);
        self.announce(debt, self.envelope([Topic::User(user_id)], content)).await;
        Ok(read_state)
    }

    /// A person's read state of one channel that they may see.
    pub(crate) async fn read_state(
        &self,
        user_id: UserId,
        channel: &Channel,
    ) -> Result<ReadState, ChatError> {
        let joined_at_ms = match channel.group_id {
            Some(group_id) => {
                self.find_member(group_id, user_id).await?.map_or(0, |member| member.joined_at_ms)
            }
            None => 0,
        };
        let joined_from = MessageId::first_at(joined_at_ms);
        let scope = ReadScope { channel_id: channel.id, group_id: channel.group_id, joined_from };
        let stored = self.store.list_read_states(user_id, &[scope]).await?.into_iter().next();
        Ok(stored.unwrap_or(ReadState {
            channel_id: channel.id,
            last_read_id: None,
            mention_count: 0,
        }))
    }
}
