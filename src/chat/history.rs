//! History: pages of a channel, read once for all who want them, and shown to each reader.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::chat::error::Noun;
use crate::chat::limits::page_limit;
use crate::chat::views::{MessageView, MessagesPage, ReplyView};
use crate::chat::{Caller, Chat, ChatError, json_bytes};
use crate::model::channel::Channel;
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::message::{MESSAGES_PAGE_MAX, Message, ReactionCount};
use crate::model::time::Timestamp;
use crate::store::{Store, StoreError};

const LIMIT_DEFAULT: u32 = 50;

#[derive(Debug, Default, Deserialize, ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
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

/// Which part of a channel's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    Newest,
    Before(MessageId),
    After(MessageId),
    Around(MessageId),
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

/// Names a cached page. All pages of a channel share one hash, and so one generation: a change in a
/// channel makes the node forget all of its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    channel_id: ChannelId,
    cursor: Cursor,
    limit: usize,
}

impl PageKey {
    /// Stands for all pages of a channel when they are forgotten.
    pub fn all_of(channel_id: ChannelId) -> Self {
        Self { channel_id, cursor: Cursor::Newest, limit: 0 }
    }
}

impl Hash for PageKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.channel_id.hash(state);
    }
}

/// A page as JSON at most, about. A hundred messages of 4,000 letters of any script fit; with long replies
/// and all reactions there can be, they would have seven megabytes.
const PAGE_BYTES_MAX: usize = 2_000_000;
/// What a message as JSON has besides its texts and reactions, with its author's names and picture.
const MESSAGE_BYTES: usize = 1024;
/// Likewise of a reaction.
const REACTION_BYTES: usize = 48;

/// A page as stored, newest first, without any reader's own view of it.
#[derive(Debug, Default)]
pub struct HistoryPage {
    messages: Vec<Message>,
    more_before: bool,
    more_after: bool,
    /// Those that are pinned, of a page of nothing else.
    all_pinned: Option<Arc<HashSet<MessageId>>>,
    extras: Extras,
}

impl HistoryPage {
    /// As many of `messages`, which are pinned, as fit on a page, from the newest.
    pub(crate) async fn of_pinned(
        store: &dyn Store,
        channel_id: ChannelId,
        messages: Vec<Message>,
    ) -> Result<Self, StoreError> {
        let extras = load_extras(store, channel_id, &messages).await?;
        let all_pinned = Some(Arc::new(messages.iter().map(|message| message.id).collect()));
        let mut page = Self { messages, extras, all_pinned, ..Self::default() };
        page.cut(Cursor::Newest);
        Ok(page)
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let of_message = |message: &Message| 512 + message.content.len();
        let messages: usize = self.messages.iter().map(of_message).sum();
        let replied: usize = self.extras.replied.values().map(of_message).sum();
        let reactions: usize =
            self.extras.reactions.values().map(|counts| 128 * counts.len()).sum();
        1024 + messages + replied + reactions
    }

    /// Leaves out messages at the end that is farther from the cursor until the page fits; one always
    /// does.
    fn cut(&mut self, cursor: Cursor) {
        let mut bytes: VecDeque<usize> =
            self.messages.iter().map(|message| self.extras.json_bytes_with(message)).collect();
        let mut total: usize = bytes.iter().sum();
        let (mut first, mut left) = (0, bytes.len());
        while total > PAGE_BYTES_MAX && left > 1 {
            let newest_goes = match cursor {
                Cursor::Newest | Cursor::Before(_) => false,
                Cursor::After(_) => true,
                Cursor::Around(id) => {
                    let shown = &self.messages[first..first + left];
                    let newer = shown.partition_point(|message| message.id > id);
                    newer > left / 2
                }
            };
            let gone = if newest_goes { bytes.pop_front() } else { bytes.pop_back() };
            total -= gone.unwrap_or_default();
            left -= 1;
            first += usize::from(newest_goes);
            self.more_after |= newest_goes;
            self.more_before |= !newest_goes;
        }
        self.messages.truncate(first + left);
        self.messages.drain(..first);
    }
}

/// What messages are shown with besides themselves.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// `me` is false throughout.
    reactions: HashMap<MessageId, Vec<ReactionCount>>,
    /// What the messages reply to, where it still exists.
    replied: HashMap<MessageId, Message>,
}

impl Extras {
    /// About how long `message` is as JSON.
    fn json_bytes_with(&self, message: &Message) -> usize {
        let replied = message.reply_to.and_then(|id| self.replied.get(&id));
        let reply = replied.map_or(0, |replied| MESSAGE_BYTES + json_bytes(&replied.content));
        let reactions = self.reactions.get(&message.id).into_iter().flatten();
        let reactions = reactions.map(|it| REACTION_BYTES + json_bytes(&it.emoji)).sum::<usize>();
        MESSAGE_BYTES + json_bytes(&message.content) + reply + reactions
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
        let authors: HashSet<UserId> =
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

async fn load_page(store: &dyn Store, key: PageKey) -> Result<HistoryPage, StoreError> {
    let PageKey { channel_id, cursor, limit } = key;
    let mut page = match cursor {
        Cursor::Newest => load_before(store, channel_id, MessageId::MAX, limit).await?,
        Cursor::Before(id) => load_before(store, channel_id, id, limit).await?,
        Cursor::After(id) => load_after(store, channel_id, id, limit).await?,
        Cursor::Around(id) => load_around(store, channel_id, id, limit).await?,
    };
    page.extras = load_extras(store, channel_id, &page.messages).await?;
    page.cut(cursor);
    Ok(page)
}

async fn load_before(
    store: &dyn Store,
    channel_id: ChannelId,
    before: MessageId,
    limit: usize,
) -> Result<HistoryPage, StoreError> {
    let mut messages = store.messages_before(channel_id, before, limit + 1).await?;
    let more_before = messages.len() > limit;
    messages.truncate(limit);
    Ok(HistoryPage { messages, more_before, ..HistoryPage::default() })
}

async fn load_after(
    store: &dyn Store,
    channel_id: ChannelId,
    after: MessageId,
    limit: usize,
) -> Result<HistoryPage, StoreError> {
    let mut messages = store.messages_after(channel_id, after, limit + 1).await?;
    let more_after = messages.len() > limit;
    messages.truncate(limit);
    messages.reverse();
    Ok(HistoryPage { messages, more_after, ..HistoryPage::default() })
}

/// Half of the page on each side of `around`; where one side has less, the other fills up.
async fn load_around(
    store: &dyn Store,
    channel_id: ChannelId,
    around: MessageId,
    limit: usize,
) -> Result<HistoryPage, StoreError> {
    // Ids have 63 bits: one more than the highest would wrap to 0.
    let up_to_it = MessageId::new(around.get().saturating_add(1).min(MessageId::MAX.get()));
    let mut older = store.messages_before(channel_id, up_to_it, limit + 1).await?;
    let mut newer = store.messages_after(channel_id, around, limit + 1).await?;
    let older_kept = older.len().min((limit - limit / 2).max(limit.saturating_sub(newer.len())));
    let newer_kept = newer.len().min(limit - older_kept);
    let (more_before, more_after) = (older.len() > older_kept, newer.len() > newer_kept);
    older.truncate(older_kept);
    newer.truncate(newer_kept);
    let messages = newer.into_iter().rev().chain(older).collect();
    Ok(HistoryPage { messages, more_before, more_after, ..HistoryPage::default() })
}

async fn load_extras(
    store: &dyn Store,
    channel_id: ChannelId,
    messages: &[Message],
) -> Result<Extras, StoreError> {
    if messages.is_empty() {
        return Ok(Extras::default());
    }
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    let reactions = store.count_reactions(channel_id, &ids, None).await?;
    let replied: HashSet<MessageId> =
        messages.iter().filter_map(|message| message.reply_to).collect();
    let replied = match replied.is_empty() {
        true => Vec::new(),
        false => store.list_messages(channel_id, &replied.into_iter().collect::<Vec<_>>()).await?,
    };
    Ok(Extras {
        reactions: reactions.into_iter().filter(|(_, counts)| !counts.is_empty()).collect(),
        replied: replied.into_iter().map(|message| (message.id, message)).collect(),
    })
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

    #[test]
    fn page_limits_are_checked() {
        for (limit, good) in [(0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(page_limit(Some(limit), 50, 100).is_ok(), good, "{limit}");
        }
    }
}
