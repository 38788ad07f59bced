//! Statements about slow mode.

use rusqlite::{Connection, params};

use crate::clock::UnixMs;
use crate::model::id::{ChannelId, UserId};
use crate::store::StoreError;
use crate::store::sqlite::statement::{Ms, execute, find};

/// The wait that runs is told from the one that just started by whether a row has changed.
pub fn claim(
    conn: &Connection,
    channel_id: ChannelId,
    user_id: UserId,
    interval_ms: u64,
    now_ms: UnixMs,
) -> Result<Result<(), u64>, StoreError> {
    let claimed = execute(
        conn,
        "INSERT INTO slow_mode (channel_id, user_id, expires_at_ms) VALUES (?1, ?2, ?4)
         ON CONFLICT DO UPDATE SET expires_at_ms = excluded.expires_at_ms
         WHERE expires_at_ms <= ?3",
        params![channel_id, user_id, Ms(now_ms), Ms(now_ms.saturating_add(interval_ms))],
    )?;
    if claimed == 1 {
        return Ok(Ok(()));
    }
    let sql = "SELECT expires_at_ms FROM slow_mode WHERE channel_id = ?1 AND user_id = ?2";
    let running = find(conn, sql, params![channel_id, user_id], |row| row.get(0))?;
    Ok(Err(running.map_or(0, |Ms(expires_at_ms)| expires_at_ms.saturating_sub(now_ms))))
}
