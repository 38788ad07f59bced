//! Channel history, in buckets.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use scylla::DeserializeRow;

use crate::clock::UnixMs;
use crate::model::id::{Bucket, ChangeId, ChannelId, MessageId, UserId};
use crate::model::message::{Change, Message, MessageEdit};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::places::ChannelOwner;
use crate::store::scylla::statement::{CqlStatement, statements};
use crate::store::scylla::value::{KEYS_AT_A_TIME, Ms, rows};
use crate::store::{Inserted, MessageStore, NewMessage, StoreError, TooEarly};

macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT channel_id, message_id, author_id, content, edited_at_ms, reply_to, mentions, mentions_everyone,
                    nonce, edit_id, ever_mentioned FROM ks.messages WHERE channel_id = ? AND bucket = ?",
            $rest
        )
    };
}

statements! {
    find: read select_messages!(" AND message_id = ?");
    list: read select_messages!(" AND message_id IN ?");
    before: read select_messages!(" AND message_id < ? LIMIT ?");
    after: read select_messages!(" AND message_id > ? ORDER BY message_id LIMIT ?");
    authors: read "SELECT message_id, author_id FROM ks.messages
                   WHERE channel_id = ? AND bucket = ? AND message_id > ? ORDER BY message_id LIMIT ?";
    // A group's channel is a row of the group; without it the messages are of one that was deleted.
    is_there: read "SELECT created_at_ms, kind FROM ks.groups WHERE group_id = ? AND channel_id = ?";
    buckets_to: read "SELECT bucket FROM ks.channel_buckets WHERE channel_id = ? AND bucket <= ?";
    buckets_from: read "SELECT bucket FROM ks.channel_buckets WHERE channel_id = ? AND bucket >= ?
                        ORDER BY bucket ASC";
}

/// A row without an author is what is left of a message.
#[derive(DeserializeRow)]
pub(super) struct MessageRow {
    channel_id: ChannelId,
    message_id: MessageId,
    author_id: Option<UserId>,
    content: Option<String>,
    edited_at_ms: Option<Ms>,
    reply_to: Option<MessageId>,
    mentions: Option<Vec<UserId>>,
    mentions_everyone: Option<bool>,
    nonce: Option<String>,
    pub(super) edit_id: Option<ChangeId>,
    pub(super) ever_mentioned: Option<Vec<UserId>>,
}

impl MessageRow {
    pub(super) fn message(self) -> Option<Message> {
        Some(Message {
            id: self.message_id,
            channel_id: self.channel_id,
            author_id: self.author_id?,
            content: self.content.unwrap_or_default(),
            edited_at_ms: self.edited_at_ms.map(|Ms(at_ms)| at_ms),
            reply_to: self.reply_to,
            mentions: self.mentions.unwrap_or_default(),
            mentions_everyone: self.mentions_everyone.unwrap_or(false),
            nonce: self.nonce,
        })
    }
}

impl ScyllaStore {
    /// What `found` finds in a channel; nothing if the channel was deleted.
    pub(super) async fn in_channel<T: Default>(
        &self,
        channel_id: ChannelId,
        found: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (is_there, found) = futures_util::try_join!(self.is_there(channel_id), found)?;
        Ok(if is_there { found } else { T::default() })
    }

    pub(super) async fn is_there(&self, channel_id: ChannelId) -> Result<bool, StoreError> {
        let group_id = match self.place_of(channel_id).await?.as_deref() {
            None => return Ok(false),
            Some(ChannelOwner::Direct(_)) => return Ok(true),
            Some(ChannelOwner::Group(group_id)) => *group_id,
        };
        let row: Option<(Option<Ms>, Option<String>)> =
            self.db().row(&self.cql().messages.is_there, (group_id, channel_id)).await?;
        Ok(row.is_some_and(|(created, kind)| created.is_some() && kind.is_some()))
    }

    pub(super) async fn message_row(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<Option<MessageRow>, StoreError> {
        let at = (channel_id, message_id.bucket(), message_id);
        self.db().row(&self.cql().messages.find, at).await
    }

    pub(super) async fn message_at(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        Ok(self.message_row(channel_id, message_id).await?.and_then(MessageRow::message))
    }

    /// Those of `message_ids` that exist, in any order.
    pub(super) async fn messages_at(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError> {
        let list = &self.cql().messages.list;
        let read = async |(bucket, ids): (Bucket, Vec<MessageId>)| {
            self.db().rows::<MessageRow>(list, (channel_id, bucket, ids)).await
        };
        let found = try_join_all(by_bucket(message_ids).into_iter().map(read)).await?;
        Ok(found.into_iter().flatten().filter_map(MessageRow::message).collect())
    }

    /// Messages older than `before`, newest first.
    pub(super) async fn history_before(
        &self,
        channel_id: ChannelId,
        before: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let cql = &self.cql().messages;
        let buckets = self.db().column(&cql.buckets_to, (channel_id, before.bucket())).await?;
        let rows: Vec<MessageRow> =
            self.read_buckets(&cql.before, channel_id, &buckets, before, limit).await?;
        Ok(rows.into_iter().filter_map(MessageRow::message).collect())
    }

    /// Messages newer than `after`, oldest first.
    async fn history_after(
        &self,
        channel_id: ChannelId,
        after: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let cql = &self.cql().messages;
        let buckets = self.db().column(&cql.buckets_from, (channel_id, after.bucket())).await?;
        let rows: Vec<MessageRow> =
            self.read_buckets(&cql.after, channel_id, &buckets, after, limit).await?;
        Ok(rows.into_iter().filter_map(MessageRow::message).collect())
    }

    /// Who wrote the messages that are newer than `after`, oldest first.
    pub(super) async fn authors_after(
        &self,
        channel_id: ChannelId,
        after: MessageId,
        limit: usize,
    ) -> Result<Vec<(MessageId, Option<UserId>)>, StoreError> {
        let cql = &self.cql().messages;
        let buckets = self.db().column(&cql.buckets_from, (channel_id, after.bucket())).await?;
        self.read_buckets(&cql.authors, channel_id, &buckets, after, limit).await
    }

    /// One bucket after the other until there are enough.
    async fn read_buckets<R>(
        &self,
        read: &CqlStatement,
        channel_id: ChannelId,
        buckets: &[Bucket],
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<R>, StoreError>
    where
        R: for<'row> scylla::deserialize::row::DeserializeRow<'row, 'row>,
    {
        let mut found = Vec::new();
        for bucket in buckets {
            if found.len() >= limit {
                break;
            }
            let values = (channel_id, *bucket, from, rows(limit - found.len()));
            found.extend(self.db().rows::<R>(read, values).await?);
        }
        Ok(found)
    }
}

/// By their buckets, as many at a time as one statement takes.
pub(super) fn by_bucket(message_ids: &[MessageId]) -> Vec<(Bucket, Vec<MessageId>)> {
    let mut ids = message_ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let buckets = ids.chunk_by(|a, b| a.bucket() == b.bucket());
    let some = buckets.flat_map(|ids| ids.chunks(KEYS_AT_A_TIME));
    some.map(|ids| (ids[0].bucket(), ids.to_vec())).collect()
}

#[async_trait]
impl MessageStore for ScyllaStore {
    async fn insert_message(
        &self,
        new: &NewMessage,
    ) -> Result<Result<Inserted, TooEarly>, StoreError> {
        let steps = self.steps("insert_message");
        self.call("insert_message", self.insert(new, &steps)).await
    }

    async fn find_message_by_nonce(
        &self,
        author_id: UserId,
        channel_id: ChannelId,
        nonce: &str,
        now_ms: UnixMs,
    ) -> Result<Option<Message>, StoreError> {
        let find = async {
            match self.claimed((author_id, channel_id), nonce, now_ms).await? {
                Some(message_id) => self.message_at(channel_id, message_id).await,
                None => Ok(None),
            }
        };
        self.call("find_message_by_nonce", self.in_channel(channel_id, find)).await
    }

    async fn find_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let find = self.message_at(channel_id, message_id);
        self.call("find_message", self.in_channel(channel_id, find)).await
    }

    async fn list_messages(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError> {
        let list = self.messages_at(channel_id, message_ids);
        self.call("list_messages", self.in_channel(channel_id, list)).await
    }

    async fn messages_before(
        &self,
        channel_id: ChannelId,
        before: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let page = self.history_before(channel_id, before, limit);
        self.call("messages_before", self.in_channel(channel_id, page)).await
    }

    async fn messages_after(
        &self,
        channel_id: ChannelId,
        after: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let page = self.history_after(channel_id, after, limit);
        self.call("messages_after", self.in_channel(channel_id, page)).await
    }

    async fn update_message(
        &self,
        edit: &MessageEdit,
        change_id: ChangeId,
    ) -> Result<Option<Message>, StoreError> {
        let steps = self.steps("update_message");
        self.call("update_message", self.edit(edit, change_id, &steps)).await
    }

    async fn delete_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<bool, StoreError> {
        let steps = self.steps("delete_message");
        self.call("delete_message", self.delete((channel_id, message_id), change_id, &steps)).await
    }

    async fn list_changes(
        &self,
        channel_id: ChannelId,
        since: ChangeId,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        let list = self.changes_since(channel_id, since, limit);
        self.call("list_changes", self.in_channel(channel_id, list)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::BUCKET_MS;

    #[test]
    fn ids_are_asked_for_by_bucket() {
        let [a, b, c] = [1, 2, BUCKET_MS].map(MessageId::first_at);
        assert_eq!(by_bucket(&[c, b, a, b]), [(Bucket(0), vec![a, b]), (Bucket(1), vec![c])]);
        assert!(by_bucket(&[]).is_empty());
        let many: Vec<MessageId> = (1..=201).map(MessageId::new).collect();
        let sizes: Vec<usize> = by_bucket(&many).iter().map(|(_, ids)| ids.len()).collect();
        assert_eq!(sizes, [100, 100, 1]);
    }
}
