//! Whether the group or the channel is there that a row belongs to.
//!
//! The rows of what was deleted are still there for a while: every statement that reads or changes them
//! asks first, which costs one lookup.

use rusqlite::Connection;

use crate::model::id::GroupId;
use crate::store::sqlite::statement::{exists, find};

/// For statements whose `?1` is a group.
macro_rules! group_is_there {
    () => {
        " EXISTS (SELECT 1 FROM groups WHERE groups.group_id = ?1) "
    };
}
pub(super) use group_is_there;

/// For statements whose `?1` is a channel.
macro_rules! channel_exists {
    () => {
        " EXISTS (SELECT 1 FROM channels WHERE channels.channel_id = ?1) "
    };
}
pub(super) use channel_exists;

/// Whether a group is the official one; `None` if there is no such group.
pub fn is_official(conn: &Connection, group_id: GroupId) -> rusqlite::Result<Option<bool>> {
    let sql = "SELECT official FROM groups WHERE group_id = ?1";
    find(conn, sql, [group_id], |row| row.get(0))
}

pub fn group_exists(conn: &Connection, group_id: GroupId) -> rusqlite::Result<bool> {
    exists(conn, "SELECT 1 FROM groups WHERE group_id = ?1", [group_id])
}
