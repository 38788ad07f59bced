//! What is left of groups and channels that were deleted. Nobody finds any of it; it is deleted when nothing that belongs
//! to it can be on its way any more.
//!
//! An entry is written before the deletion, with the time of the clock as its timestamp, so that taking out an entry that was
//! read takes out no newer one.

use std::time::Duration;

use crate::clock::UnixMs;
use crate::model::id::{ChannelId, GroupId};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, rows};
use crate::telemetry::log_seldom;

/// When nothing is on its way any more: longer than a write may take, and than a node may believe that a channel is there.
pub const SETTLED_MS: UnixMs = 5 * 60 * 1000;
/// How often it is looked whether something is to be deleted.
const INTERVAL: Duration = Duration::from_secs(60);
/// What one look does at most, each kind.
const ENTRIES_AT_A_TIME: usize = 100;
/// For one group or channel: a million messages in some thousands of statements. What has been deleted by then is not
/// looked at again.
const TIMEOUT: Duration = Duration::from_secs(300);

statements! {
    note: write "INSERT INTO ks.garbage (kind, id, noted_at_ms) VALUES (?, ?, ?) USING TIMESTAMP ?";
    list: read "SELECT id, noted_at_ms FROM ks.garbage WHERE kind = ? LIMIT ?";
    forget: write "DELETE FROM ks.garbage USING TIMESTAMP ? WHERE kind = ? AND id = ?";
}

/// What is deleted, or about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Garbage {
    Group(GroupId),
    Channel(ChannelId),
}

impl Garbage {
    const fn kind(self) -> i8 {
        match self {
            Self::Group(_) => 0,
            Self::Channel(_) => 1,
        }
    }

    const fn id(self) -> i64 {
        match self {
            Self::Group(id) => id.to_i64(),
            Self::Channel(id) => id.to_i64(),
        }
    }
}

fn timestamp_of(noted: Ms) -> i64 {
    i64::try_from(noted.0.saturating_mul(1000)).unwrap_or(i64::MAX)
}

impl ScyllaStore {
    /// Before the deletion: from then on nobody else knows of it.
    pub(super) async fn note_garbage(&self, garbage: Garbage) -> Result<(), StoreError> {
        let now = Ms(self.0.clock.now_ms());
        let values = (garbage.kind(), garbage.id(), now, timestamp_of(now));
        self.db().write(&self.cql().garbage.note, values).await
    }

    /// Deletes what is left of what was deleted, for ever. Several nodes may do so: what they do twice comes to the same.
    pub async fn collect_garbage_again_and_again(&self) {
        loop {
            // Not all nodes at the same time.
            tokio::time::sleep(INTERVAL.mul_f64(rand::random_range(0.5..1.5))).await;
            if let Err(error) = self.collect_garbage().await {
                log_seldom!(warn, %error, "what is left of deleted groups and channels stays for now");
            }
        }
    }

    /// Deletes what is left of some groups and channels whose deletion has settled. Returns of how many.
    ///
    /// # Errors
    ///
    /// Those of the database; what is left then is found again.
    pub async fn collect_garbage(&self) -> Result<usize, StoreError> {
        let groups = self.settled(Garbage::Group(GroupId::ZERO)).await?;
        let channels = self.settled(Garbage::Channel(ChannelId::ZERO)).await?;
        let groups = groups.into_iter().map(|(id, at)| (Garbage::Group(GroupId::from_i64(id)), at));
        let channels =
            channels.into_iter().map(|(id, at)| (Garbage::Channel(ChannelId::from_i64(id)), at));
        let mut collected = 0;
        for (garbage, noted) in groups.chain(channels) {
            self.call_within("collect_garbage", TIMEOUT, self.collect(garbage, noted)).await?;
            collected += 1;
        }
        Ok(collected)
    }

    /// Entries of the kind of `like` that are old enough.
    async fn settled(&self, like: Garbage) -> Result<Vec<(i64, Ms)>, StoreError> {
        let noted_by = self.0.clock.now_ms().saturating_sub(SETTLED_MS);
        let values = (like.kind(), rows(ENTRIES_AT_A_TIME));
        let mut entries: Vec<(i64, Ms)> = self.db().rows(&self.cql().garbage.list, values).await?;
        entries.retain(|(_, noted)| noted.0 <= noted_by);
        Ok(entries)
    }

    async fn collect(&self, garbage: Garbage, noted: Ms) -> Result<(), StoreError> {
        // A deletion that was noted and did not happen by now will not happen.
        if !self.was_not_deleted(garbage).await? {
            match garbage {
                Garbage::Group(group_id) => self.delete_contents_of_group(group_id).await?,
                Garbage::Channel(channel_id) => self.delete_contents_of_channel(channel_id).await?,
            }
        }
        let values = (timestamp_of(noted), garbage.kind(), garbage.id());
        self.db().write(&self.cql().garbage.forget, values).await
    }

    async fn was_not_deleted(&self, garbage: Garbage) -> Result<bool, StoreError> {
        match garbage {
            Garbage::Group(group_id) => Ok(self.kind_of(group_id).await?.is_some()),
            Garbage::Channel(channel_id) => self.is_there(channel_id).await,
        }
    }
}
