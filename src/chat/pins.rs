//! Pins: messages that a channel keeps at hand.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;

use crate::bus::envelope::{About, Changed};
use crate::chat::debts::Owed;
use crate::chat::error::Noun;
use crate::chat::pages::{Cursor, HistoryPage};
use crate::chat::turns::Subject;
use crate::chat::views::{MessageRefView, MessagesPage};
use crate::chat::{Caller, Chat, ChatError, push};
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::store::{Outcome, StoreError};

#[derive(Debug, Default, Deserialize)]
pub struct ListPins {
    /// Messages older than this one.
    pub before: Option<MessageId>,
}

impl Chat {
    pub async fn add_pin(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        self.set_pinned(caller, channel_id, message_id, true).await
    }

    pub async fn remove_pin(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        self.set_pinned(caller, channel_id, message_id, false).await
    }

    async fn set_pinned(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
        pinned: bool,
    ) -> Result<(), ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        standing.require_pinning()?;
        self.limit_changes(caller, standing.channel.group_id)?;
        let (chat, channel) = (self.clone(), standing.channel);
        self.in_turn(Subject::Message(message_id), async move {
            let change_id = ChangeId::new(chat.next_id()?);
            let (event, outcome) = match pinned {
                true => (Push::PinAdded, chat.store.insert_pin(channel_id, message_id, change_id)),
                false => {
                    (Push::PinRemoved, chat.store.delete_pin(channel_id, message_id, change_id))
                }
            };
            let about = About::Pin(message_id, change_id);
            chat.finish_pin(&channel, event, message_id, about, outcome.await).await
        })
        .await
    }

    /// Newest message first; as many as fit on a page.
    pub async fn list_pins(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: ListPins,
    ) -> Result<MessagesPage, ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        let mut pinned = self.store.list_pins(channel_id).await?;
        pinned.retain(|message| request.before.is_none_or(|before| message.id < before));
        let page = HistoryPage::of_pinned(&*self.store, channel_id, pinned).await?;
        self.show_page(&standing.channel, &page, Cursor::Newest, caller).await
    }

    /// Which messages of a channel are pinned.
    pub(crate) async fn pinned_in(
        &self,
        channel_id: ChannelId,
    ) -> Result<Arc<HashSet<MessageId>>, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move {
                let pinned = store.list_pinned_ids(channel_id).await?;
                Ok(Arc::new(pinned.into_iter().collect()))
            }
        };
        self.caches.pins.get(channel_id, load).await
    }

    async fn finish_pin(
        &self,
        channel: &Channel,
        event: Push,
        message_id: MessageId,
        about: About,
        outcome: Result<Outcome, StoreError>,
    ) -> Result<(), ChatError> {
        let changed =
            (!matches!(outcome, Ok(Outcome::Unchanged))).then_some(Changed::Pins(channel.id));
        let changes = self.changed(changed);
        let owed = Owed::Missed(channel.id);
        let (outcome, debt) = self.owing(owed, std::future::ready(outcome)).await?;
        let unchanged = match outcome {
            Outcome::NoMessage => Err(ChatError::NotFound(Noun::Message)),
            Outcome::Full => Err(ChatError::Conflict("a channel has at most 100 pins")),
            Outcome::Unchanged => Ok(()),
            Outcome::Changed => {
                let body = MessageRefView { channel_id: channel.id, message_id };
                self.announce_in(channel, changes, about, push(event, &body), debt).await;
                return Ok(());
            }
        };
        debt.void();
        unchanged
    }
}
