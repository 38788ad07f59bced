//! How many members groups have: counted, and remembered for a while. A stored number would be a condition on every
//! joining, and what a node counts itself is never wrong for long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use crate::clock::UnixMs;
use crate::model::id::{Bucket, GroupId, MessageId};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::groups::GroupKind;
use crate::store::scylla::statement::statements;

/// Groups whose counts are remembered: some 100 bytes each.
const REMEMBERED_MAX: u64 = 10_000;
/// A count is good for a second, and for one more with each so many members, because these take some 50 ms to count.
const MEMBERS_PER_SECOND: u64 = 20_000;
const REMEMBERED_SECONDS_MAX: u64 = 10;
/// How many registered in a time that is over is noted for a day, and for up to another one, so that not all are
/// counted again at the same time: accounts may have been copied here, or deleted.
const NOTED_SECONDS: i32 = 24 * 60 * 60;

statements! {
    members: read "SELECT count(*) FROM ks.members WHERE group_id = ?";
    bans: read "SELECT count(*) FROM ks.bans WHERE group_id = ?";
    buckets: read "SELECT bucket, accounts FROM ks.account_buckets WHERE scope = 0";
    accounts: read "SELECT count(*) FROM ks.accounts WHERE bucket = ?";
    note: write "UPDATE ks.account_buckets USING TTL ? SET accounts = ? WHERE scope = 0 AND bucket = ?";
}

/// What is remembered.
pub struct Counts {
    remembered: Cache<GroupId, MemberCount>,
    /// Raised by each change that this node has made.
    changes: AtomicU64,
}

impl Counts {
    pub fn new() -> Self {
        Self { remembered: Cache::new(REMEMBERED_MAX), changes: AtomicU64::new(0) }
    }

    fn good(&self, group_id: GroupId) -> Option<u64> {
        let counted = self.remembered.get(&group_id).filter(MemberCount::is_good)?;
        Some(counted.count)
    }

    fn adjust(&self, group_id: GroupId, by: i64) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        if let Some(MemberCount { count, good_until }) = self.remembered.get(&group_id) {
            let count = count.saturating_add_signed(by);
            self.remembered.insert(group_id, MemberCount { count, good_until });
        }
    }
}

#[derive(Clone, Copy)]
pub struct MemberCount {
    count: u64,
    good_until: Instant,
}

impl MemberCount {
    fn now(count: u64) -> Self {
        let seconds = (1 + count / MEMBERS_PER_SECOND).min(REMEMBERED_SECONDS_MAX);
        Self { count, good_until: Instant::now() + Duration::from_secs(seconds) }
    }

    fn is_good(&self) -> bool {
        Instant::now() < self.good_until
    }
}

/// Whether registrations with ids of `bucket` may still be on their way.
fn is_open(bucket: Bucket, now_ms: UnixMs) -> bool {
    bucket.0 + 1 >= MessageId::first_at(now_ms).bucket().0
}

impl ScyllaStore {
    /// Keeps a remembered count in step with what this node does; others find it out by counting.
    pub(super) fn adjust_count(&self, group_id: GroupId, by: i64) {
        self.0.counts.adjust(group_id, by);
    }

    /// Of those that exist.
    pub(super) async fn counts_of(
        &self,
        group_ids: &[GroupId],
    ) -> Result<Vec<(GroupId, u64)>, StoreError> {
        let count = |group_id| async move {
            let Some(kind) = self.kind_of(group_id).await? else { return Ok(None) };
            Ok(Some((group_id, self.count_of(group_id, kind).await?)))
        };
        Ok(for_all(group_ids.iter().copied(), count).await?.into_iter().flatten().collect())
    }

    async fn count_of(&self, group_id: GroupId, kind: GroupKind) -> Result<u64, StoreError> {
        if let Some(count) = self.0.counts.good(group_id) {
            return Ok(count);
        }
        let _turn = self.turn(("count", group_id)).await;
        if let Some(count) = self.0.counts.good(group_id) {
            return Ok(count);
        }
        let changes = self.0.counts.changes.load(Ordering::Acquire);
        let mut count = self.count_anew(group_id, kind).await?;
        if self.0.counts.changes.load(Ordering::Acquire) != changes {
            // Perhaps without what was changed meanwhile. Once more, and not for ever: in a crowd something always is.
            count = self.count_anew(group_id, kind).await?;
        }
        self.0.counts.remembered.insert(group_id, MemberCount::now(count));
        Ok(count)
    }

    async fn count_anew(&self, group_id: GroupId, kind: GroupKind) -> Result<u64, StoreError> {
        match kind {
            GroupKind::Ordinary => self.count_rows(group_id).await,
            GroupKind::Official => self.count_registered(group_id).await,
        }
    }

    async fn count_rows(&self, group_id: GroupId) -> Result<u64, StoreError> {
        let count: Option<i64> =
            self.db().value(&self.cql().member_counts.members, (group_id,)).await?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }

    /// Everybody but the banned.
    async fn count_registered(&self, group_id: GroupId) -> Result<u64, StoreError> {
        let cql = &self.cql().member_counts;
        let buckets: Vec<(Bucket, Option<i64>)> = self.db().rows(&cql.buckets, ()).await?;
        let counts = for_all(buckets, |(bucket, noted)| self.count_bucket(bucket, noted));
        let bans = self.db().value::<i64>(&cql.bans, (group_id,));
        let (counts, bans) = futures_util::try_join!(counts, bans)?;
        let registered: u64 = counts.into_iter().sum();
        Ok(registered.saturating_sub(bans.unwrap_or_default().unsigned_abs()))
    }

    async fn count_bucket(&self, bucket: Bucket, noted: Option<i64>) -> Result<u64, StoreError> {
        let (cql, is_over) = (&self.cql().member_counts, !is_open(bucket, self.0.clock.now_ms()));
        if let Some(noted) = noted.filter(|_| is_over) {
            return Ok(noted.unsigned_abs());
        }
        let counted = self.db().value::<i64>(&cql.accounts, (bucket,)).await?.unwrap_or_default();
        if is_over {
            let ttl = NOTED_SECONDS + rand::random_range(0..NOTED_SECONDS);
            self.db().write(&cql.note, (ttl, counted, bucket)).await?;
        }
        Ok(counted.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::BUCKET_MS;

    #[test]
    fn a_bucket_is_over_when_no_id_of_it_is_on_its_way() {
        let now_ms = 100 * BUCKET_MS + 5;
        for (bucket, open) in [(98, false), (99, true), (100, true), (101, true)] {
            assert_eq!(is_open(Bucket(bucket), now_ms), open, "{bucket}");
        }
    }

    #[test]
    fn large_counts_are_good_for_longer() {
        let seconds = |count| {
            let left = MemberCount::now(count).good_until.duration_since(Instant::now());
            left.as_secs_f64().round() as u64
        };
        assert_eq!([0, 20_000, 1_000_000].map(seconds), [1, 2, 10]);
    }
}
