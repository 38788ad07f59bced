//! Slow mode: who sent when, in channels that were slow then.

use scylla::DeserializeRow;

use crate::clock::UnixMs;
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::message::Message;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, ttl_seconds};
use crate::store::{SLOW_MODE_KEPT_MS, StoreError, TooEarly};

/// How many of a channel's newest messages are looked at for what was sent while it was not slow.
const LATELY: usize = 100;
/// How much longer rows are kept than they count: beyond what clocks are apart.
const KEPT_LONGER_MS: u64 = 60_000;

statements! {
    find: read "SELECT message_id, sent_at_ms FROM ks.slow_mode WHERE channel_id = ? AND user_id = ?";
    insert: decide "INSERT INTO ks.slow_mode (message_id, sent_at_ms, channel_id, user_id) VALUES (?, ?, ?, ?)
                    IF NOT EXISTS USING TTL ?";
    update: decide "UPDATE ks.slow_mode USING TTL ? SET message_id = ?, sent_at_ms = ?
                    WHERE channel_id = ? AND user_id = ? IF message_id = ?";
}

#[derive(DeserializeRow)]
struct SlowModeRow {
    message_id: MessageId,
    sent_at_ms: Ms,
}

impl ScyllaStore {
    /// Lets `message` through and notes that its author sent at `now_ms`, or says how long to wait.
    pub(super) async fn pass_slow_mode(
        &self,
        message: &Message,
        interval_ms: u64,
        now_ms: UnixMs,
    ) -> Result<Result<(), TooEarly>, StoreError> {
        let Message { channel_id, author_id, id, .. } = *message;
        let wait_ms =
            |sent_at_ms: UnixMs| sent_at_ms.saturating_add(interval_ms).saturating_sub(now_ms);
        loop {
            let find = &self.cql().slow_mode.find;
            let noted: Option<SlowModeRow> = self.db().row(find, (channel_id, author_id)).await?;
            if noted.as_ref().is_some_and(|row| row.message_id == id) {
                return Ok(Ok(()));
            }
            let mut wait = noted.as_ref().map_or(0, |row| wait_ms(row.sent_at_ms.0));
            if wait == 0 {
                // Nothing was noted while slow mode was off.
                wait = self.sent_lately(channel_id, author_id).await?.map_or(0, wait_ms);
            }
            if wait > 0 {
                return Ok(Err(TooEarly { wait_ms: wait }));
            }
            if self.note_sent(message, noted, now_ms).await? {
                return Ok(Ok(()));
            }
        }
    }

    /// False if another message was faster.
    async fn note_sent(
        &self,
        message: &Message,
        noted: Option<SlowModeRow>,
        now_ms: UnixMs,
    ) -> Result<bool, StoreError> {
        let (cql, ttl) = (&self.cql().slow_mode, ttl_seconds(SLOW_MODE_KEPT_MS, KEPT_LONGER_MS));
        let (id, at) = (message.id, (message.channel_id, message.author_id));
        let decision = match noted {
            None => self.db().decide(&cql.insert, (id, Ms(now_ms), at.0, at.1, ttl)).await?,
            Some(row) => {
                let values = (ttl, id, Ms(now_ms), at.0, at.1, row.message_id);
                self.db().decide(&cql.update, values).await?
            }
        };
        Ok(decision.applied())
    }

    async fn sent_lately(
        &self,
        channel_id: ChannelId,
        user_id: UserId,
    ) -> Result<Option<UnixMs>, StoreError> {
        let newest = self.history_before(channel_id, MessageId::MAX, LATELY).await?;
        let last = newest.iter().find(|message| message.author_id == user_id);
        Ok(last.map(|message| message.id.timestamp_ms()))
    }
}
