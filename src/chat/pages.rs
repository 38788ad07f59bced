//! Pages of a channel's history as they are stored: read once for all who want them, cached, and bounded. How
//! each reader sees them is `history`'s.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::chat::json_bytes;
use crate::model::id::{ChannelId, MessageId};
use crate::model::message::{Message, ReactionCount};
use crate::store::{Store, StoreError};

/// Which part of a channel's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    Newest,
    Before(MessageId),
    After(MessageId),
    Around(MessageId),
}

/// Names a cached page. All pages of a channel share one hash, and so one generation: a change in a
/// channel makes the node forget all of its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    pub(crate) channel_id: ChannelId,
    pub(crate) cursor: Cursor,
    pub(crate) limit: usize,
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
    pub(crate) messages: Vec<Message>,
    pub(crate) more_before: bool,
    pub(crate) more_after: bool,
    /// Those that are pinned, of a page of nothing else.
    pub(crate) all_pinned: Option<Arc<HashSet<MessageId>>>,
    pub(crate) extras: Extras,
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
    pub(crate) reactions: HashMap<MessageId, Vec<ReactionCount>>,
    /// What the messages reply to, where it still exists.
    pub(crate) replied: HashMap<MessageId, Message>,
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

/// Reads the page that `key` names.
pub(crate) async fn load_page(store: &dyn Store, key: PageKey) -> Result<HistoryPage, StoreError> {
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

/// What `messages` of one channel are shown with.
pub(crate) async fn load_extras(
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
