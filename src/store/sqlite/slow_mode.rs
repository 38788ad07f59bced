//! Statements about slow mode.

use rusqlite::{Connection, params};

use crate::clock::UnixMs;
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::message::Message;
use crate::store::TooEarly;
use crate::store::sqlite::statement::{Ms, execute, find};

/// Lets `message` through and notes that its author sent at `now_ms`, or says how long to wait.
pub fn pass(
    conn: &Connection,
    message: &Message,
    interval_ms: u64,
    now_ms: UnixMs,
) -> rusqlite::Result<Result<(), TooEarly>> {
    let Message { channel_id, author_id, .. } = *message;
    let wait_ms = |sent_at_ms: Option<UnixMs>| {
        let free_at_ms = sent_at_ms.map_or(0, |at_ms| at_ms.saturating_add(interval_ms));
        free_at_ms.saturating_sub(now_ms)
    };
    let mut wait = wait_ms(noted(conn, channel_id, author_id)?);
    if wait == 0 {
        // Nothing was noted while slow mode was off.
        wait = wait_ms(sent_lately(conn, channel_id, author_id)?);
    }
    if wait > 0 {
        return Ok(Err(TooEarly { wait_ms: wait }));
    }
    execute(
        conn,
        "INSERT OR REPLACE INTO slow_mode (channel_id, user_id, sent_at_ms) VALUES (?1, ?2, ?3)",
        params![channel_id, author_id, Ms(now_ms)],
    )?;
    Ok(Ok(()))
}

/// Also known of a message that was deleted since, or that many others followed.
fn noted(
    conn: &Connection,
    channel_id: ChannelId,
    user_id: UserId,
) -> rusqlite::Result<Option<UnixMs>> {
    let sql = "SELECT sent_at_ms FROM slow_mode WHERE channel_id = ?1 AND user_id = ?2";
    let noted = find(conn, sql, params![channel_id, user_id], |row| row.get(0))?;
    Ok(noted.map(|Ms(at_ms)| at_ms))
}

fn sent_lately(
    conn: &Connection,
    channel_id: ChannelId,
    user_id: UserId,
) -> rusqlite::Result<Option<UnixMs>> {
    let sql = "SELECT max(message_id) FROM
                   (SELECT message_id, author_id FROM messages WHERE channel_id = ?1
                    ORDER BY message_id DESC LIMIT 100)
               WHERE author_id = ?2";
    let last: Option<Option<MessageId>> =
        find(conn, sql, params![channel_id, user_id], |row| row.get(0))?;
    Ok(last.flatten().map(|message_id| message_id.timestamp_ms()))
}
