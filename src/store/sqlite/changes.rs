//! Statements about what changed in a channel.

use rusqlite::{Connection, params};

use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::model::message::{Change, ChangeKind};
use crate::store::StoreError;
use crate::store::sqlite::parents::channel_exists;
use crate::store::sqlite::statement::{execute, list, rows};

/// Noting a change twice is a no-op.
pub fn note(
    conn: &Connection,
    change_id: ChangeId,
    channel_id: ChannelId,
    message_id: MessageId,
    kind: ChangeKind,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO channel_changes (channel_id, change_id, message_id, kind)
               VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    execute(conn, sql, params![channel_id, change_id, message_id, kind.code()])?;
    Ok(())
}

/// Oldest first, from `first` on.
pub fn since(
    conn: &Connection,
    channel_id: ChannelId,
    first: ChangeId,
    limit: usize,
) -> Result<Vec<Change>, StoreError> {
    let sql = concat!(
        "SELECT change_id, message_id, kind FROM channel_changes
         WHERE channel_id = ?1 AND change_id >= ?2 AND",
        channel_exists!(),
        "ORDER BY change_id LIMIT ?3"
    );
    let changes = list(conn, sql, params![channel_id, first, rows(limit)], |row| {
        let code: u8 = row.get(2)?;
        let kind = ChangeKind::from_code(code)
            .ok_or(rusqlite::Error::IntegralValueOutOfRange(2, code.into()))?;
        Ok(Change { id: row.get(0)?, channel_id, message_id: row.get(1)?, kind })
    })?;
    Ok(changes)
}
