//! Statements about the keys under which people are found by name; `model::search` makes them.
//!
//! User names are not among them: they have an index of their own, and are found by their start.

use rusqlite::{Connection, params};

use crate::model::account::User;
use crate::model::id::{GroupId, UserId};
use crate::model::name::folded_username;
use crate::model::search::word_keys;
use crate::store::sqlite::statement::execute;

/// Replaces the keys of a person's display name.
pub fn note_user(conn: &Connection, user: &User) -> rusqlite::Result<()> {
    execute(conn, "DELETE FROM user_words WHERE user_id = ?1", [user.id])?;
    let username = folded_username(&user.username);
    for word in word_keys(&user.display_name) {
        let sql = "INSERT INTO user_words (user_id, word, username_folded) VALUES (?1, ?2, ?3)";
        execute(conn, sql, params![user.id, word, username])?;
    }
    Ok(())
}

/// Replaces the keys of a nickname; there are none without it.
pub fn note_member(
    conn: &Connection,
    (group_id, user_id): (GroupId, UserId),
    nickname: Option<&str>,
) -> rusqlite::Result<()> {
    forget_member(conn, (group_id, user_id))?;
    for word in nickname.map(word_keys).unwrap_or_default() {
        let sql = "INSERT INTO member_words (group_id, user_id, word) VALUES (?1, ?2, ?3)";
        execute(conn, sql, params![group_id, user_id, word])?;
    }
    Ok(())
}

pub fn forget_member(
    conn: &Connection,
    (group_id, user_id): (GroupId, UserId),
) -> rusqlite::Result<()> {
    let sql = "DELETE FROM member_words WHERE group_id = ?1 AND user_id = ?2";
    execute(conn, sql, params![group_id, user_id])?;
    Ok(())
}

/// For names that were stored before there were keys.
pub fn note_all(conn: &Connection) -> rusqlite::Result<()> {
    let mut people = conn.prepare("SELECT user_id, username, display_name, avatar FROM users")?;
    let mut rows = people.query([])?;
    while let Some(row) = rows.next()? {
        let user = User {
            id: row.get(0)?,
            username: row.get(1)?,
            display_name: row.get(2)?,
            avatar: row.get(3)?,
        };
        note_user(conn, &user)?;
    }
    let sql = "SELECT group_id, user_id, nickname FROM members WHERE nickname IS NOT NULL";
    let mut members = conn.prepare(sql)?;
    let mut rows = members.query([])?;
    while let Some(row) = rows.next()? {
        let nickname: String = row.get(2)?;
        note_member(conn, (row.get(0)?, row.get(1)?), Some(&nickname))?;
    }
    Ok(())
}
