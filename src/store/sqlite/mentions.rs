//! Statements about the mentions that read states count.

use rusqlite::{Connection, params};

use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::message::Message;
use crate::store::sqlite::statement::{execute, user_list};

/// How the `mentions` of a message look in its row.
pub fn column(mentions: &[UserId]) -> Option<String> {
    (!mentions.is_empty()).then(|| user_list(mentions))
}

/// Makes mentions count. One of everybody contains those by name.
pub fn note(
    conn: &Connection,
    (channel_id, message_id): (ChannelId, MessageId),
    author_id: UserId,
    mentions: &[UserId],
    everyone: bool,
) -> rusqlite::Result<()> {
    if everyone {
        let sql = "INSERT INTO everyone_mentions (channel_id, message_id, author_id)
                   VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        execute(conn, sql, params![channel_id, message_id, author_id])?;
        return Ok(());
    }
    for user_id in mentions.iter().filter(|user_id| **user_id != author_id) {
        let sql = "INSERT INTO mentions (user_id, channel_id, message_id)
                   VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        execute(conn, sql, params![user_id, channel_id, message_id])?;
    }
    Ok(())
}

/// Takes back mentions by name.
pub fn forget(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
    mentions: &[UserId],
) -> rusqlite::Result<()> {
    for user_id in mentions {
        let sql = "DELETE FROM mentions WHERE user_id = ?1 AND channel_id = ?2 AND message_id = ?3";
        execute(conn, sql, params![user_id, channel_id, message_id])?;
    }
    Ok(())
}

/// Takes back all mentions of a message.
pub fn forget_all(conn: &Connection, message: &Message) -> rusqlite::Result<()> {
    forget(conn, message.channel_id, message.id, &message.mentions)?;
    if message.mentions_everyone {
        let sql = "DELETE FROM everyone_mentions WHERE channel_id = ?1 AND message_id = ?2";
        execute(conn, sql, params![message.channel_id, message.id])?;
    }
    Ok(())
}
