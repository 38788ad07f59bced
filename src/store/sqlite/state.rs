//! Whether the database takes writes, and how far its ids go.

use std::time::Duration;

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::statement::{Ms, count, execute};
use crate::store::{StateStore, StoreError};

/// One look into each channel: seconds for a million of them on a slow disk.
const NEWEST_ID_TIMEOUT: Duration = Duration::from_secs(300);

/// Every kind of id that is given out and kept. Changes stand for messages that are deleted.
const NEWEST_ID: &str = "
    SELECT coalesce(max(id), 0) FROM (
        SELECT max(user_id) AS id FROM users
        UNION ALL SELECT max(session_id) FROM sessions
        UNION ALL SELECT max(group_id) FROM groups
        UNION ALL SELECT max(channel_id) FROM channels
        UNION ALL SELECT max(change_id) FROM channel_changes
        UNION ALL SELECT max(message_id) FROM nonces
        UNION ALL SELECT max(attempt_id) FROM password_attempts
        UNION ALL SELECT max((SELECT max(message_id) FROM messages
                              WHERE messages.channel_id = channels.channel_id)) FROM channels)";

#[async_trait]
impl StateStore for SqliteStore {
    async fn probe(&self, now_ms: UnixMs) -> Result<(), StoreError> {
        self.write("probe", 16, move |conn| {
            let sql = "INSERT INTO settings (name, value) VALUES ('probed_at_ms', ?1)
                       ON CONFLICT DO UPDATE SET value = excluded.value";
            execute(conn, sql, [Ms(now_ms)])?;
            Ok(())
        })
        .await
    }

    async fn newest_id(&self) -> Result<u64, StoreError> {
        let read = |conn: &rusqlite::Connection| Ok(count(conn, NEWEST_ID, [])?);
        self.read_within("newest_id", NEWEST_ID_TIMEOUT, read).await
    }
}
