//! Emojis on messages: a row for each person's, and for each emoji how many there are, counted anew by whoever changes
//! it.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use scylla::DeserializeRow;

use crate::clock::UnixMs;
use crate::model::id::{Bucket, ChangeId, ChannelId, MessageId, UserId};
use crate::model::message::{ChangeKind, REACTION_KINDS_MAX, ReactionCount};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::errors::failed;
use crate::store::scylla::messages::by_bucket;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, rows, timestamp};
use crate::store::{Outcome, Reaction, ReactionStore, StoreError};

statements! {
    insert: decide "INSERT INTO ks.reactions (at_ms, channel_id, message_id, emoji, user_id)
                    VALUES (?, ?, ?, ?, ?) IF NOT EXISTS";
    delete: decide "DELETE FROM ks.reactions
                    WHERE channel_id = ? AND message_id = ? AND emoji = ? AND user_id = ? IF EXISTS";
    list: read "SELECT user_id FROM ks.reactions
                WHERE channel_id = ? AND message_id = ? AND emoji = ? AND user_id > ? LIMIT ?";
    own: read "SELECT emoji FROM ks.reactions
               WHERE channel_id = ? AND message_id = ? AND emoji IN ? AND user_id = ?";
    count: read "SELECT count(*), min(at_ms) FROM ks.reactions
                 WHERE channel_id = ? AND message_id = ? AND emoji = ?";
    note: write "UPDATE ks.reaction_counts USING TIMESTAMP ? SET counted = ?
                 WHERE channel_id = ? AND bucket = ? AND message_id = ? AND emoji = ?";
    of_message: read "SELECT message_id, emoji, counted FROM ks.reaction_counts
                      WHERE channel_id = ? AND bucket = ? AND message_id = ?";
    of_messages: read "SELECT message_id, emoji, counted FROM ks.reaction_counts
                       WHERE channel_id = ? AND bucket = ? AND message_id IN ?";
    forget: write "DELETE FROM ks.reactions WHERE channel_id = ? AND message_id = ?";
    forget_counts: write "DELETE FROM ks.reaction_counts WHERE channel_id = ? AND bucket = ? AND message_id = ?";
}

/// How many people use an emoji, as it was counted by the change of this id: larger than what an earlier one counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CountedEmoji {
    by: u64,
    count: u32,
    /// Of the first use: what orders emojis.
    first_ms: UnixMs,
}

impl CountedEmoji {
    fn to_bytes(self) -> Vec<u8> {
        let Self { by, count, first_ms } = self;
        [&by.to_be_bytes()[..], &count.to_be_bytes()[..], &first_ms.to_be_bytes()[..]].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let decode = || {
            let (by, rest) = bytes.split_first_chunk()?;
            let (count, rest) = rest.split_first_chunk()?;
            let first_ms = rest.first_chunk()?;
            Some(Self {
                by: u64::from_be_bytes(*by),
                count: u32::from_be_bytes(*count),
                first_ms: u64::from_be_bytes(*first_ms),
            })
        };
        decode().ok_or_else(|| failed("a count of reactions is cut off"))
    }
}

#[derive(DeserializeRow)]
struct ReactionRow {
    message_id: MessageId,
    emoji: String,
    counted: Vec<u8>,
}

/// One emoji of one message that somebody uses.
struct Used {
    message_id: MessageId,
    emoji: String,
    counted: CountedEmoji,
}

/// In the order of their first use.
fn used(rows: Vec<ReactionRow>) -> Result<Vec<Used>, StoreError> {
    let mut all = Vec::new();
    for ReactionRow { message_id, emoji, counted } in rows {
        let counted = CountedEmoji::from_bytes(&counted)?;
        if counted.count > 0 {
            all.push(Used { message_id, emoji, counted });
        }
    }
    all.sort_unstable_by(|a, b| {
        let key = |used: &Used| (used.message_id, used.counted.first_ms);
        key(a).cmp(&key(b)).then_with(|| a.emoji.cmp(&b.emoji))
    });
    Ok(all)
}

impl ScyllaStore {
    async fn react(&self, reaction: &Reaction, change_id: ChangeId) -> Result<Outcome, StoreError> {
        let Reaction { channel_id, message_id, ref emoji, user_id, at_ms } = *reaction;
        let steps = self.steps("insert_reaction");
        if self.message_at(channel_id, message_id).await?.is_none() {
            return Ok(Outcome::NoMessage);
        }
        let at = (channel_id, message_id.bucket(), message_id);
        let kinds = used(self.db().rows(&self.cql().reactions.of_message, at).await?)?;
        let is_used = kinds.iter().any(|kind| kind.emoji == *emoji);
        if !is_used && kinds.len() >= REACTION_KINDS_MAX {
            return Ok(Outcome::Full);
        }
        let values = (Ms(at_ms), channel_id, message_id, emoji, user_id);
        let decision = self.db().decide(&self.cql().reactions.insert, values).await?;
        steps.done()?;
        // Also for a repetition, whose first try may have ended in between.
        self.recount((channel_id, message_id), emoji, change_id).await?;
        steps.done()?;
        // Refused by its own first try it was new.
        let is_new = decision.applied() || decision.is_repeated();
        self.note_reaction(is_new, (channel_id, message_id), change_id, ChangeKind::ReactionAdded)
            .await
    }

    async fn unreact(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        let Reaction { channel_id, message_id, ref emoji, user_id, .. } = *reaction;
        let steps = self.steps("delete_reaction");
        if self.message_at(channel_id, message_id).await?.is_none() {
            return Ok(Outcome::NoMessage);
        }
        let values = (channel_id, message_id, emoji, user_id);
        let deleted = self.db().decide(&self.cql().reactions.delete, values).await?.once()?;
        steps.done()?;
        self.recount((channel_id, message_id), emoji, change_id).await?;
        steps.done()?;
        self.note_reaction(
            deleted,
            (channel_id, message_id),
            change_id,
            ChangeKind::ReactionRemoved,
        )
        .await
    }

    async fn note_reaction(
        &self,
        changed: bool,
        at: (ChannelId, MessageId),
        change_id: ChangeId,
        kind: ChangeKind,
    ) -> Result<Outcome, StoreError> {
        if !changed {
            return Ok(Outcome::Unchanged);
        }
        self.note_change(change_id, at, kind).await?;
        Ok(Outcome::Changed)
    }

    /// Of a message that is there, without telling of it. Whoever counts last counts them all.
    pub(super) async fn write_reaction(&self, reaction: &Reaction) -> Result<(), StoreError> {
        let Reaction { channel_id, message_id, ref emoji, user_id, at_ms } = *reaction;
        let values = (Ms(at_ms), channel_id, message_id, emoji, user_id);
        self.db().decide(&self.cql().reactions.insert, values).await?;
        self.recount((channel_id, message_id), emoji, ChangeId::new(message_id.get())).await
    }

    async fn recount(
        &self,
        (channel_id, message_id): (ChannelId, MessageId),
        emoji: &str,
        change_id: ChangeId,
    ) -> Result<(), StoreError> {
        let (cql, by) = (&self.cql().reactions, change_id.get());
        let row: Option<(i64, Option<Ms>)> =
            self.db().row(&cql.count, (channel_id, message_id, emoji)).await?;
        let (count, first) = row.unwrap_or_default();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let first_ms = first.map_or(0, |Ms(at_ms)| at_ms);
        let counted = CountedEmoji { by, count, first_ms }.to_bytes();
        let bucket = message_id.bucket();
        let values = (timestamp(by), counted, channel_id, bucket, message_id, emoji);
        self.db().write(&cql.note, values).await
    }

    /// Of a message that is about to be deleted.
    pub(super) async fn forget_reactions(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), StoreError> {
        let cql = &self.cql().reactions;
        self.db().write(&cql.forget, (channel_id, message_id)).await?;
        let at = (channel_id, message_id.bucket(), message_id);
        self.db().write(&cql.forget_counts, at).await
    }

    /// Which of `used`, all of one message, are also of `reader`.
    async fn own(
        &self,
        channel_id: ChannelId,
        used: &[Used],
        reader: Option<UserId>,
    ) -> Result<Vec<String>, StoreError> {
        let Some(reader) = reader else { return Ok(Vec::new()) };
        let emojis: Vec<&str> = used.iter().map(|used| used.emoji.as_str()).collect();
        let values = (channel_id, used[0].message_id, emojis, reader);
        self.db().column(&self.cql().reactions.own, values).await
    }
}

#[async_trait]
impl ReactionStore for ScyllaStore {
    async fn insert_reaction(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        self.call("insert_reaction", self.react(reaction, change_id)).await
    }

    async fn delete_reaction(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        self.call("delete_reaction", self.unreact(reaction, change_id)).await
    }

    async fn list_reaction_users(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        emoji: &str,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let values = (channel_id, message_id, emoji, after, rows(limit));
        self.call("list_reaction_users", self.db().column(&self.cql().reactions.list, values)).await
    }

    async fn count_reactions(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
        reader: Option<UserId>,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, StoreError> {
        let list = &self.cql().reactions.of_messages;
        self.call("count_reactions", async {
            let read = async |(bucket, ids): (Bucket, Vec<MessageId>)| {
                self.db().rows::<ReactionRow>(list, (channel_id, bucket, ids)).await
            };
            let rows = try_join_all(by_bucket(message_ids).into_iter().map(read)).await?;
            let used = used(rows.into_iter().flatten().collect())?;
            let of_messages = used.chunk_by(|a, b| a.message_id == b.message_id);
            let count = async |used: &[Used]| {
                let own = self.own(channel_id, used, reader).await?;
                let count = |Used { emoji, counted, .. }: &Used| ReactionCount {
                    emoji: emoji.clone(),
                    count: counted.count,
                    me: own.contains(emoji),
                };
                Ok((used[0].message_id, used.iter().map(count).collect()))
            };
            for_all(of_messages, count).await
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_later_is_larger() {
        let earlier = CountedEmoji { by: 255, count: 9, first_ms: 7 };
        let later = CountedEmoji { by: 256, count: 8, first_ms: 7 };
        assert!(later.to_bytes() > earlier.to_bytes());
        assert_eq!(CountedEmoji::from_bytes(&later.to_bytes()).unwrap(), later);
        assert!(CountedEmoji::from_bytes(&[1; 19]).is_err());
    }
}
