//! Claims: which message a nonce stands for.
//!
//! A claim is stored before its message. So of a claim without one its first try is on its way, or has ended in between: who
//! repeats it waits for a moment, and then completes it.

use std::time::Duration;

use crate::clock::UnixMs;
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::message::Message;
use crate::model::time_budget::{CLOCK_SKEW_MS_MAX, ID_AGE_MS_MAX, SHARED_WRITE_MS_MAX};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, timestamp, ttl_seconds};
use crate::store::{NewMessage, StoreError};

/// How much longer rows are kept than they count: beyond what clocks are apart.
const KEPT_LONGER_MS: u64 = 60_000;
/// How long a repetition waits for the first try.
const WAIT_MS: u64 = 200;
const LOOK_INTERVAL_MS: u64 = 25;
/// When the first try of a claim has ended for sure: its call, and what the database may still do of it by itself.
const ENDED_MS: u64 = ID_AGE_MS_MAX + 2 * SHARED_WRITE_MS_MAX + CLOCK_SKEW_MS_MAX;

statements! {
    find: read "SELECT message_id, expires_at_ms, deleted FROM ks.nonces
                WHERE author_id = ? AND channel_id = ? AND nonce = ?";
    claim: decide "INSERT INTO ks.nonces (message_id, expires_at_ms, deleted, author_id, channel_id, nonce)
                   VALUES (?, ?, false, ?, ?, ?) IF NOT EXISTS USING TTL ?";
    take_over: decide "UPDATE ks.nonces USING TTL ? SET message_id = ?, expires_at_ms = ?, deleted = ?
                       WHERE author_id = ? AND channel_id = ? AND nonce = ? IF message_id = ?";
    give_back: decide "DELETE FROM ks.nonces WHERE author_id = ? AND channel_id = ? AND nonce = ?
                       IF message_id = ?";
    never: write "DELETE FROM ks.messages USING TIMESTAMP ?
                  WHERE channel_id = ? AND bucket = ? AND message_id = ?";
}

/// What becomes of a message that is to be stored.
pub enum Claim {
    /// It is to be stored under this id: its own, or that of a first try which did not come so far.
    Store(MessageId),
    /// It is there.
    Stored(Message),
    /// It was, under this id.
    Deleted(MessageId),
}

/// A claim as it was found.
struct FoundClaim {
    message_id: MessageId,
    expires_at_ms: UnixMs,
    deleted: bool,
}

impl ScyllaStore {
    /// Whoever has no nonce is known by its id alone.
    pub(super) async fn claim(&self, new: &NewMessage) -> Result<Claim, StoreError> {
        let Message { channel_id, id, ref nonce, .. } = new.message;
        let Some(nonce) = nonce else {
            let stored = self.message_at(channel_id, id).await?;
            return Ok(stored.map_or(Claim::Store(id), Claim::Stored));
        };
        loop {
            let Some(found) = self.try_claim(new, nonce).await? else {
                return Ok(Claim::Store(id));
            };
            if found.expires_at_ms <= new.now_ms {
                if self.take_over(new, nonce, found.message_id).await? {
                    return Ok(Claim::Store(id));
                }
                continue; // Somebody else did.
            }
            if found.deleted {
                return Ok(Claim::Deleted(found.message_id));
            }
            if let Some(claim) = self.complete(new, nonce, found.message_id).await? {
                return Ok(claim);
            }
        }
    }

    /// `None` if the nonce was free.
    async fn try_claim(
        &self,
        new: &NewMessage,
        nonce: &str,
    ) -> Result<Option<FoundClaim>, StoreError> {
        let Message { author_id, channel_id, id, .. } = new.message;
        let expires = Ms(new.now_ms.saturating_add(new.nonce_kept_ms));
        let ttl = ttl_seconds(new.nonce_kept_ms, KEPT_LONGER_MS);
        let values = (id, expires, author_id, channel_id, nonce, ttl);
        let decision = self.db().decide(&self.cql().nonces.claim, values).await?;
        let found: Option<MessageId> = decision.found("message_id")?;
        let Some(message_id) = found.filter(|_| !decision.applied()) else { return Ok(None) };
        let expires_at_ms = decision.found::<Ms>("expires_at_ms")?.map_or(0, |Ms(at_ms)| at_ms);
        let deleted = decision.found("deleted")?.unwrap_or(false);
        Ok(Some(FoundClaim { message_id, expires_at_ms, deleted }))
    }

    /// What becomes of a repetition of `first`; `None` if the claim has changed meanwhile.
    async fn complete(
        &self,
        new: &NewMessage,
        nonce: &str,
        first: MessageId,
    ) -> Result<Option<Claim>, StoreError> {
        let (channel_id, id) = (new.message.channel_id, new.message.id);
        let wait_ms = if first == id { 0 } else { WAIT_MS };
        let mut waited_ms = 0;
        loop {
            if let Some(stored) = self.message_at(channel_id, first).await? {
                return Ok(Some(Claim::Stored(stored)));
            }
            if waited_ms >= wait_ms {
                break;
            }
            waited_ms += LOOK_INTERVAL_MS;
            tokio::time::sleep(Duration::from_millis(LOOK_INTERVAL_MS)).await;
        }
        let age_ms = (new.now_ms + waited_ms).saturating_sub(first.timestamp_ms());
        if first == id || age_ms <= ID_AGE_MS_MAX {
            return Ok(Some(Claim::Store(first)));
        }
        if age_ms <= ENDED_MS {
            // Under the old id a sync might miss it, under a new one it might be stored twice.
            return Err(StoreError::Unavailable("the first try is on its way".into()));
        }
        if !self.take_over(new, nonce, first).await? {
            return Ok(None);
        }
        // Should the database hold back what it was told of the first try, it comes to nothing.
        let never = (timestamp(first.get()), channel_id, first.bucket(), first);
        self.db().write(&self.cql().nonces.never, never).await?;
        Ok(Some(Claim::Store(id)))
    }

    /// False if the nonce does not stand for `first` any more.
    async fn take_over(
        &self,
        new: &NewMessage,
        nonce: &str,
        first: MessageId,
    ) -> Result<bool, StoreError> {
        let Message { author_id, channel_id, id, .. } = new.message;
        let expires = Ms(new.now_ms.saturating_add(new.nonce_kept_ms));
        let ttl = ttl_seconds(new.nonce_kept_ms, KEPT_LONGER_MS);
        let values = (ttl, id, expires, false, author_id, channel_id, nonce, first);
        let decision = self.db().decide(&self.cql().nonces.take_over, values).await?;
        Ok(decision.applied())
    }

    /// Frees the nonce of a message that is not stored after all.
    pub(super) async fn give_back_claim(&self, message: &Message) -> Result<(), StoreError> {
        let Message { author_id, channel_id, id, ref nonce, .. } = *message;
        let Some(nonce) = nonce else { return Ok(()) };
        let values = (author_id, channel_id, nonce, id);
        self.db().decide(&self.cql().nonces.give_back, values).await.map(drop)
    }

    /// From here on no repetition of the send brings the message back.
    pub(super) async fn mark_deleted(&self, message: &Message) -> Result<(), StoreError> {
        let Message { author_id, channel_id, id, ref nonce, .. } = *message;
        let Some(nonce) = nonce else { return Ok(()) };
        let Some(found) = self.find_claim(author_id, channel_id, nonce).await? else {
            return Ok(());
        };
        if found.message_id != id || found.deleted {
            return Ok(());
        }
        let span_ms = found.expires_at_ms.saturating_sub(id.timestamp_ms());
        let (ttl, expires) = (ttl_seconds(span_ms, KEPT_LONGER_MS), Ms(found.expires_at_ms));
        let values = (ttl, id, expires, true, author_id, channel_id, nonce, id);
        self.db().decide(&self.cql().nonces.take_over, values).await.map(drop)
    }

    /// The message that a nonce stands for, while it counts.
    pub(super) async fn claimed(
        &self,
        (author_id, channel_id): (UserId, ChannelId),
        nonce: &str,
        now_ms: UnixMs,
    ) -> Result<Option<MessageId>, StoreError> {
        let found = self.find_claim(author_id, channel_id, nonce).await?;
        let counts = found.filter(|found| !found.deleted && found.expires_at_ms > now_ms);
        Ok(counts.map(|found| found.message_id))
    }

    async fn find_claim(
        &self,
        author_id: UserId,
        channel_id: ChannelId,
        nonce: &str,
    ) -> Result<Option<FoundClaim>, StoreError> {
        let values = (author_id, channel_id, nonce);
        let row: Option<(MessageId, Ms, bool)> =
            self.db().row(&self.cql().nonces.find, values).await?;
        Ok(row.map(|(message_id, Ms(expires_at_ms), deleted)| FoundClaim {
            message_id,
            expires_at_ms,
            deleted,
        }))
    }
}
