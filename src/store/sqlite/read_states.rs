//! How far people have read, and the mentions that wait for them.

use async_trait::async_trait;
use rusqlite::params;

use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::read_state::ReadState;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::statement::{execute, list};
use crate::store::{ReadScope, ReadStateStore, StoreError};

/// One statement for all scopes, which come as a JSON array of `[channel_id, everyone_from]`.
/// Materialized, or mentions would be counted twice: for the answer and for the condition.
const LIST_READ_STATES: &str = "
    WITH scopes (channel_id, everyone_from) AS (
             SELECT value ->> 0, value ->> 1 FROM json_each(?2)),
         counted (channel_id, last_read_id, mention_count) AS MATERIALIZED (
             SELECT scopes.channel_id, last_read_id,
                 (SELECT count(*) FROM mentions
                  WHERE mentions.user_id = ?1 AND mentions.channel_id = scopes.channel_id
                    AND mentions.message_id > coalesce(last_read_id, 0))
                 + (SELECT count(*) FROM everyone_mentions
                    WHERE everyone_mentions.channel_id = scopes.channel_id
                      AND everyone_mentions.message_id >= max(coalesce(last_read_id + 1, 0), everyone_from)
                      AND author_id <> ?1)
             FROM scopes
             CROSS JOIN channels ON channels.channel_id = scopes.channel_id
             LEFT JOIN read_states ON read_states.user_id = ?1
                                  AND read_states.channel_id = scopes.channel_id)
    SELECT channel_id, last_read_id, mention_count FROM counted
    WHERE last_read_id IS NOT NULL OR mention_count > 0";

fn scope_list(scopes: &[ReadScope]) -> String {
    let pair = |scope: &ReadScope| format!("[{},{}]", scope.channel_id, scope.everyone_from);
    format!("[{}]", scopes.iter().map(pair).collect::<Vec<_>>().join(","))
}

#[async_trait]
impl ReadStateStore for SqliteStore {
    async fn set_read_state(
        &self,
        user_id: UserId,
        channel_id: ChannelId,
        last_read_id: MessageId,
    ) -> Result<(), StoreError> {
        self.write("set_read_state", 32, move |conn| {
            let sql = "INSERT INTO read_states (user_id, channel_id, last_read_id)
                       SELECT ?1, ?2, ?3
                       WHERE EXISTS (SELECT 1 FROM channels WHERE channel_id = ?2)
                       ON CONFLICT DO UPDATE SET last_read_id = excluded.last_read_id";
            execute(conn, sql, params![user_id, channel_id, last_read_id])?;
            Ok(())
        })
        .await
    }

    async fn list_read_states(
        &self,
        user_id: UserId,
        scopes: &[ReadScope],
    ) -> Result<Vec<ReadState>, StoreError> {
        let scopes = scope_list(scopes);
        self.read("list_read_states", move |conn| {
            let states = list(conn, LIST_READ_STATES, params![user_id, scopes], |row| {
                Ok(ReadState {
                    channel_id: row.get(0)?,
                    last_read_id: row.get(1)?,
                    mention_count: row.get(2)?,
                })
            })?;
            Ok(states)
        })
        .await
    }
}
