//! Deletes what was in a deleted channel: bucket by bucket, the list of them last, so that it goes on where it
//! stopped. Read marks stay, a row for each reader; what expires by itself does so.

use std::collections::BTreeSet;

use scylla::DeserializeRow;

use crate::model::id::{Bucket, ChannelId, MessageId, UserId};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::places::ChannelOwner;
use crate::store::scylla::statement::statements;

statements! {
    buckets: read "SELECT bucket FROM ks.channel_buckets WHERE channel_id = ?";
    mentioned: read "SELECT mentions, ever_mentioned FROM ks.messages WHERE channel_id = ? AND bucket = ?";
    reacted: read "SELECT message_id FROM ks.reaction_counts WHERE channel_id = ? AND bucket = ?";
    mentions: write "DELETE FROM ks.mentions WHERE user_id = ? AND channel_id = ?";
    reactions: write "DELETE FROM ks.reactions WHERE channel_id = ? AND message_id = ?";
    reaction_counts: write "DELETE FROM ks.reaction_counts WHERE channel_id = ? AND bucket = ?";
    messages: write "DELETE FROM ks.messages WHERE channel_id = ? AND bucket = ?";
    bucket: write "DELETE FROM ks.channel_buckets WHERE channel_id = ? AND bucket = ?";
    changes: write "DELETE FROM ks.channel_changes WHERE channel_id = ?";
    everyone_mentions: write "DELETE FROM ks.everyone_mentions WHERE channel_id = ?";
    pins: write "DELETE FROM ks.pins WHERE channel_id = ?";
    activity: write "DELETE FROM ks.group_activity WHERE group_id = ? AND channel_id = ?";
    place: write "DELETE FROM ks.channel_places WHERE channel_id = ?";
}

#[derive(DeserializeRow)]
struct MentionedRow {
    mentions: Option<Vec<UserId>>,
    ever_mentioned: Option<Vec<UserId>>,
}

impl ScyllaStore {
    pub(super) async fn delete_contents_of_channel(
        &self,
        channel_id: ChannelId,
    ) -> Result<(), StoreError> {
        let cql = &self.cql().garbage_channels;
        let buckets: Vec<Bucket> = self.db().column(&cql.buckets, (channel_id,)).await?;
        for bucket in buckets {
            self.delete_bucket(channel_id, bucket).await?;
        }
        for of_channel in [&cql.changes, &cql.everyone_mentions, &cql.pins] {
            self.db().write(of_channel, (channel_id,)).await?;
        }
        if let Some(ChannelOwner::Group(group_id)) = self.place_of(channel_id).await?.as_deref() {
            self.db().write(&cql.activity, (*group_id, channel_id)).await?;
        }
        self.db().write(&cql.place, (channel_id,)).await
    }

    /// The messages after all that is found by them.
    async fn delete_bucket(&self, channel_id: ChannelId, bucket: Bucket) -> Result<(), StoreError> {
        let (cql, at) = (&self.cql().garbage_channels, (channel_id, bucket));
        let mut people: BTreeSet<UserId> = BTreeSet::new();
        let visit = |row: MentionedRow| {
            people.extend(row.mentions.into_iter().chain(row.ever_mentioned).flatten());
        };
        self.db().each(&cql.mentioned, at, visit).await?;
        let forget = |user_id| self.db().write(&cql.mentions, (user_id, channel_id));
        for_all(people, forget).await?;

        let mut reacted: BTreeSet<MessageId> = BTreeSet::new();
        let visit = |(message_id,): (MessageId,)| {
            reacted.insert(message_id);
        };
        self.db().each(&cql.reacted, at, visit).await?;
        let forget = |message_id| self.db().write(&cql.reactions, (channel_id, message_id));
        for_all(reacted, forget).await?;
        for of_bucket in [&cql.reaction_counts, &cql.messages, &cql.bucket] {
            self.db().write(of_bucket, at).await?;
        }
        Ok(())
    }
}
