//! History, as each reader sees it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::chat::error::Noun;
use crate::chat::limits::page_limit;
use crate::chat::pages::{Cursor, Extras, HistoryPage, PageKey, load_extras, load_page};
use crate::chat::views::{MessageView, MessagesPage, ReplyView};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::channel::Channel;
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::message::{MESSAGES_PAGE_MAX, Message, ReactionCount};
use crate::model::time::Timestamp;

const LIMIT_DEFAULT: u32 = 50;

#[derive(Debug, Default, Deserialize)]
pub struct ListMessages {
    /// Messages older than this one.
    pub before: Option<MessageId>,
    /// The oldest messages that are newer than this one.
    pub after: Option<MessageId>,
    /// Messages on both sides of this one, and itself.
    pub around: Option<MessageId>,
    /// 1 to 100, by default 50.
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub limit: Option<u32>,
}

impl ListMessages {
    fn parse(self) -> Result<(Cursor, usize), ChatError> {
        let limit = page_limit(self.limit, LIMIT_DEFAULT, MESSAGES_PAGE_MAX as u32)?;
        let cursor = match (self.before, self.after, self.around) {
            (None, None, None) => Cursor::Newest,
            (Some(before), None, None) => Cursor::Before(before),
            (None, Some(after), None) => Cursor::After(after),
            (None, None, Some(around)) => Cursor::Around(around),
            _ => return Err(ChatError::malformed("takes at most one of before, after and around")),
        };
        Ok((cursor, limit))
    }
}

impl Chat {
    pub async fn list_messages(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: ListMessages,
    ) -> Result<MessagesPage, ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        let (cursor, limit) = request.parse()?;
        let page = self.history_page(PageKey { channel_id, cursor, limit }).await?;
        self.show_page(&standing.channel, &page, cursor, caller).await
    }

    pub(crate) async fn show_page(
        &self,
        channel: &Channel,
        page: &HistoryPage,
        cursor: Cursor,
        reader: Caller,
    ) -> Result<MessagesPage, ChatError> {
        let pinned = match &page.all_pinned {
            Some(pinned) => pinned.clone(),
            None => self.pinned_in(channel.id).await?,
        };
        let shown = self.show(channel, &page.messages, &page.extras, &pinned, Some(reader.user_id));
        let around = matches!(cursor, Cursor::Around(_));
        Ok(MessagesPage {
            messages: shown.await?,
            has_more: match cursor {
                Cursor::Newest | Cursor::Before(_) => page.more_before,
                Cursor::After(_) => page.more_after,
                Cursor::Around(_) => page.more_before || page.more_after,
            },
            has_more_before: around.then_some(page.more_before),
            has_more_after: around.then_some(page.more_after),
        })
    }

    pub async fn get_message(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<MessageView, ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        let message = self.get_stored_message(channel_id, message_id).await?;
        self.show_one(&standing.channel, &message, Some(caller.user_id)).await
    }

    /// # Errors
    ///
    /// `message_not_found`.
    pub(crate) async fn get_stored_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<Message, ChatError> {
        let message = self.store.find_message(channel_id, message_id).await?;
        message.ok_or(ChatError::NotFound(Noun::Message))
    }

    pub(crate) async fn show_one(
        &self,
        channel: &Channel,
        message: &Message,
        reader: Option<UserId>,
    ) -> Result<MessageView, ChatError> {
        let shown = self.show_all(channel, std::slice::from_ref(message), reader).await?;
        shown.into_iter().next().ok_or(ChatError::NotFound(Noun::Message))
    }

    /// Messages of one channel as `reader` sees them; without a reader, as pushes carry them.
    pub(crate) async fn show_all(
        &self,
        channel: &Channel,
        messages: &[Message],
        reader: Option<UserId>,
    ) -> Result<Vec<MessageView>, ChatError> {
        let pinned = self.pinned_in(channel.id).await?;
        let mut shown = Vec::with_capacity(messages.len());
        for slice in messages.chunks(MESSAGES_PAGE_MAX) {
            let extras = load_extras(&*self.store, channel.id, slice).await?;
            shown.extend(self.show(channel, slice, &extras, &pinned, reader).await?);
        }
        Ok(shown)
    }

    async fn show(
        &self,
        channel: &Channel,
        messages: &[Message],
        extras: &Extras,
        pinned: &HashSet<MessageId>,
        reader: Option<UserId>,
    ) -> Result<Vec<MessageView>, ChatError> {
        let own = self.own_reactions(channel.id, extras, reader).await?;
        let replied = extras.replied.values();
        let authors: BTreeSet<UserId> =
            messages.iter().chain(replied).map(|message| message.author_id).collect();
        // One read for all who are not cached: a page may have a hundred authors.
        let users = self.users_by_id(&Vec::from_iter(authors)).await?;
        let author = |message: &Message| {
            users.get(&message.author_id).cloned().ok_or(ChatError::NotFound(Noun::User))
        };
        let reply = |replied: &Message| {
            let (id, content) = (replied.id, replied.content.clone());
            Ok::<_, ChatError>(ReplyView { id, author: author(replied)?, content })
        };
        let show = |message: &Message| {
            let reactions = own.get(&message.id).or_else(|| extras.reactions.get(&message.id));
            let replied = message.reply_to.map(|id| extras.replied.get(&id).map(reply).transpose());
            let reactions = reactions.cloned().unwrap_or_default();
            let pinned = pinned.contains(&message.id);
            let replied = replied.transpose()?;
            Ok(MessageView {
                pinned,
                ..view(channel, message, author(message)?, replied, reactions)
            })
        };
        messages.iter().map(show).collect()
    }

    /// Reactions as `reader` sees them, of those messages that have any.
    async fn own_reactions(
        &self,
        channel_id: ChannelId,
        extras: &Extras,
        reader: Option<UserId>,
    ) -> Result<HashMap<MessageId, Vec<ReactionCount>>, ChatError> {
        if reader.is_none() || extras.reactions.is_empty() {
            return Ok(HashMap::new());
        }
        let reacted: Vec<MessageId> = extras.reactions.keys().copied().collect();
        let reactions = self.store.count_reactions(channel_id, &reacted, reader).await?;
        Ok(reactions.into_iter().collect())
    }

    async fn history_page(&self, key: PageKey) -> Result<Arc<HistoryPage>, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move { load_page(&*store, key).await.map(Arc::new) }
        };
        self.caches.pages.get(key, load).await
    }
}

/// A message that is not pinned, as it is when it was just sent.
pub(crate) fn view(
    channel: &Channel,
    message: &Message,
    author: crate::model::account::User,
    reply_to: Option<Option<ReplyView>>,
    reactions: Vec<ReactionCount>,
) -> MessageView {
    MessageView {
        id: message.id,
        channel_id: message.channel_id,
        group_id: channel.group_id,
        author,
        kind: if message.reply_to.is_some() { "reply" } else { "default" },
        content: message.content.clone(),
        created_at: Timestamp(message.id.timestamp_ms()),
        edited_at: message.edited_at_ms.map(Timestamp),
        nonce: message.nonce.clone(),
        reply_to,
        mentions: message.mentions.clone(),
        mentions_everyone: message.mentions_everyone,
        attachments: [],
        embeds: [],
        reactions,
        pinned: false,
        flags: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<MessageId> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_listing_takes_one_cursor() {
        let (cursor, limit) =
            ListMessages { before: id("9"), ..Default::default() }.parse().unwrap();
        assert_eq!((cursor, limit), (Cursor::Before(MessageId::new(9)), 50));
        let two = ListMessages { before: id("9"), after: id("0"), ..Default::default() };
        assert_eq!(two.parse().unwrap_err().code(), "invalid_request");
    }
}
