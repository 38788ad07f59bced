//! How far people have read, and the mentions that wait for them.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use crate::model::id::UserId;
use crate::model::read_state::ReadState;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::statement::{execute, list};
use crate::store::{
    MENTIONS_COUNTED_MAX, OWN_MESSAGES_MAX, ReadMark, ReadScope, ReadStateStore, StoreError,
};

/// One statement for all scopes, which come as a JSON array of `[channel_id, joined_from]`.
/// Materialized, or mentions would be counted twice: for the answer and for the condition.
///
/// `?3` is [`OWN_MESSAGES_MAX`], `?4` [`MENTIONS_COUNTED_MAX`]. Of most channels only the first message behind the mark is looked at: there is
/// none, or somebody else wrote it.
const LIST_READ_STATES: &str = "
    WITH scopes (channel_id, joined_from) AS (
             SELECT value ->> 0, value ->> 1 FROM json_each(?2)),
         marked (channel_id, joined_from, last_read_id, unread_from, set_at) AS MATERIALIZED (
             SELECT scopes.channel_id, joined_from, last_read_id,
                 coalesce(last_read_id + 1, joined_from), coalesce(set_at, 0)
             FROM scopes
             CROSS JOIN channels ON channels.channel_id = scopes.channel_id
             LEFT JOIN read_states ON read_states.user_id = ?1
                                  AND read_states.channel_id = scopes.channel_id),
         counted (channel_id, last_read_id, mention_count) AS MATERIALIZED (
             SELECT channel_id,
                 coalesce(
                     CASE ?1 WHEN (
                         SELECT author_id FROM messages
                         WHERE messages.channel_id = marked.channel_id AND message_id >= unread_from
                         ORDER BY message_id LIMIT 1)
                     THEN (
                         SELECT message_id FROM messages
                         WHERE messages.channel_id = marked.channel_id AND message_id >= unread_from
                           AND message_id > set_at
                           AND message_id < coalesce(
                               (SELECT message_id
                                FROM (SELECT message_id, author_id FROM messages
                                      WHERE messages.channel_id = marked.channel_id
                                        AND message_id >= unread_from
                                      ORDER BY message_id LIMIT ?3)
                                WHERE author_id <> ?1 LIMIT 1),
                               (SELECT message_id FROM messages
                                WHERE messages.channel_id = marked.channel_id
                                  AND message_id >= unread_from
                                ORDER BY message_id LIMIT 1 OFFSET ?3),
                               9223372036854775807)
                         ORDER BY message_id DESC LIMIT 1)
                     END,
                     last_read_id),
                 min(?4,
                     (SELECT count(*) FROM (
                          SELECT 1 FROM mentions
                          WHERE mentions.user_id = ?1 AND mentions.channel_id = marked.channel_id
                            AND mentions.message_id > coalesce(last_read_id, 0)
                          LIMIT ?4))
                     + (SELECT count(*) FROM (
                            SELECT 1 FROM everyone_mentions
                            WHERE everyone_mentions.channel_id = marked.channel_id
                              AND everyone_mentions.message_id
                                  >= max(coalesce(last_read_id + 1, 0), joined_from)
                              AND author_id <> ?1
                            LIMIT ?4)))
             FROM marked)
    SELECT channel_id, last_read_id, mention_count FROM counted
    WHERE last_read_id IS NOT NULL OR mention_count > 0";

fn scope_list(scopes: &[ReadScope]) -> String {
    let pair = |scope: &ReadScope| format!("[{},{}]", scope.channel_id, scope.joined_from);
    format!("[{}]", scopes.iter().map(pair).collect::<Vec<_>>().join(","))
}

/// The newest mark stays.
pub fn set(conn: &Connection, mark: ReadMark) -> Result<(), StoreError> {
    let sql = "INSERT INTO read_states (user_id, channel_id, last_read_id, set_at)
               SELECT ?1, ?2, ?3, ?4
               WHERE EXISTS (SELECT 1 FROM channels WHERE channel_id = ?2)
               ON CONFLICT DO UPDATE
               SET last_read_id = excluded.last_read_id, set_at = excluded.set_at
               WHERE excluded.set_at >= read_states.set_at";
    let ReadMark { user_id, channel_id, last_read_id, set_at } = mark;
    execute(conn, sql, params![user_id, channel_id, last_read_id, set_at])?;
    Ok(())
}

#[async_trait]
impl ReadStateStore for SqliteStore {
    async fn set_read_state(&self, mark: ReadMark) -> Result<(), StoreError> {
        self.write("set_read_state", 40, move |conn| set(conn, mark)).await
    }

    async fn list_read_states(
        &self,
        user_id: UserId,
        scopes: &[ReadScope],
    ) -> Result<Vec<ReadState>, StoreError> {
        let scopes = scope_list(scopes);
        self.read("list_read_states", move |conn| {
            let values = params![user_id, scopes, OWN_MESSAGES_MAX, MENTIONS_COUNTED_MAX];
            let states = list(conn, LIST_READ_STATES, values, |row| {
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
