//! Channel history.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::clock::UnixMs;
use crate::model::id::{ChangeId, ChannelId, MessageId, UserId};
use crate::model::message::{Change, ChangeKind, Message, MessageEdit};
use crate::store::sqlite::parents::channel_exists;
use crate::store::sqlite::statement::{Ms, UserList, execute, exists, find, id_list, list, rows};
use crate::store::sqlite::{SqliteStore, changes, mentions, slow_mode};
use crate::store::{Inserted, MessageStore, NewMessage, StoreError, TooEarly};

macro_rules! message_columns {
    () => {
        "channel_id, message_id, author_id, content, edited_at_ms, reply_to, mentions,
         mentions_everyone, nonce"
    };
}

macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages WHERE channel_id = ?1 AND",
            channel_exists!(),
            $rest
        )
    };
}

pub fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let edited_at: Option<Ms> = row.get(4)?;
    let UserList(mentions) = row.get(6)?;
    Ok(Message {
        channel_id: row.get(0)?,
        id: row.get(1)?,
        author_id: row.get(2)?,
        content: row.get(3)?,
        edited_at_ms: edited_at.map(|Ms(at_ms)| at_ms),
        reply_to: row.get(5)?,
        mentions,
        mentions_everyone: row.get(7)?,
        nonce: row.get(8)?,
    })
}

pub fn find_message(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
) -> rusqlite::Result<Option<Message>> {
    let sql = select_messages!("AND message_id = ?2");
    find(conn, sql, params![channel_id, message_id], message)
}

pub fn message_exists(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
) -> rusqlite::Result<bool> {
    let sql = concat!(
        "SELECT 1 FROM messages WHERE channel_id = ?1 AND message_id = ?2 AND",
        channel_exists!()
    );
    exists(conn, sql, params![channel_id, message_id])
}

/// Without its index a page of pins would read the whole channel.
pub fn pinned_messages(conn: &Connection, channel_id: ChannelId) -> rusqlite::Result<Vec<Message>> {
    let sql = concat!(
        "SELECT ",
        message_columns!(),
        " FROM messages INDEXED BY pins WHERE channel_id = ?1 AND pinned = 1 AND",
        channel_exists!(),
        "ORDER BY message_id DESC"
    );
    list(conn, sql, [channel_id], message)
}

fn insert_message(
    conn: &Connection,
    new: &NewMessage,
) -> Result<Result<Inserted, TooEarly>, StoreError> {
    let NewMessage { ref message, now_ms, nonce_kept_ms, slow_mode_ms } = *new;
    if let Some(first) = find_nonce(conn, message, now_ms)? {
        let stored = find_message(conn, message.channel_id, first)?;
        // Deleted since: what is repeated must not bring it back. A claim and its message are one commit.
        let message = stored.unwrap_or_else(|| Message { id: first, ..message.clone() });
        return Ok(Ok(Inserted { message, new: false }));
    }
    if let Some(interval_ms) = slow_mode_ms
        && !message_exists(conn, message.channel_id, message.id)?
        && let Err(too_early) = slow_mode::pass(conn, message, interval_ms, now_ms)?
    {
        return Ok(Err(too_early));
    }
    note_nonce(conn, message, now_ms.saturating_add(nonce_kept_ms))?;
    Ok(Ok(insert_once(conn, message)?))
}

/// Repeating it is a no-op, whatever its nonce.
pub fn insert_once(conn: &Connection, message: &Message) -> rusqlite::Result<Inserted> {
    if insert_message_row(conn, message)? {
        let Message { channel_id, id, author_id, mentions, mentions_everyone, .. } = message;
        mentions::note(conn, (*channel_id, *id), *author_id, mentions, *mentions_everyone)?;
        return Ok(Inserted { message: message.clone(), new: true });
    }
    // Either a repetition without a nonce, or the channel is gone and has taken the message with it.
    let stored = find_message(conn, message.channel_id, message.id)?;
    let new = stored.is_none();
    Ok(Inserted { message: stored.unwrap_or_else(|| message.clone()), new })
}

/// The message that used the nonce first.
fn find_nonce(
    conn: &Connection,
    message: &Message,
    now_ms: UnixMs,
) -> rusqlite::Result<Option<MessageId>> {
    let Some(nonce) = &message.nonce else { return Ok(None) };
    find(
        conn,
        "SELECT message_id FROM nonces
         WHERE author_id = ?1 AND channel_id = ?2 AND nonce = ?3 AND expires_at_ms > ?4",
        params![message.author_id, message.channel_id, nonce, Ms(now_ms)],
        |row| row.get(0),
    )
}

fn note_nonce(conn: &Connection, message: &Message, expires_at_ms: UnixMs) -> rusqlite::Result<()> {
    let Some(nonce) = &message.nonce else { return Ok(()) };
    let Message { author_id, channel_id, id, .. } = message;
    execute(
        conn,
        "INSERT OR REPLACE INTO nonces (author_id, channel_id, nonce, message_id, expires_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![author_id, channel_id, nonce, id, Ms(expires_at_ms)],
    )?;
    Ok(())
}

/// False if the message is there already, or its channel does not exist.
fn insert_message_row(conn: &Connection, message: &Message) -> rusqlite::Result<bool> {
    let sql = concat!(
        "INSERT INTO messages (",
        message_columns!(),
        ", pinned) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0 WHERE",
        channel_exists!(),
        "ON CONFLICT DO NOTHING"
    );
    let inserted = execute(
        conn,
        sql,
        params![
            message.channel_id,
            message.id,
            message.author_id,
            message.content,
            message.edited_at_ms.map(Ms),
            message.reply_to,
            mentions::column(&message.mentions),
            message.mentions_everyone,
            message.nonce
        ],
    )?;
    Ok(inserted == 1)
}

fn update_message(
    conn: &Connection,
    edit: &MessageEdit,
    change_id: ChangeId,
) -> Result<Option<Message>, StoreError> {
    let MessageEdit { channel_id, message_id, author_id, .. } = *edit;
    let stored = find_message(conn, channel_id, message_id)?;
    let Some(stored) = stored.filter(|message| message.author_id == author_id) else {
        return Ok(None);
    };
    mentions::forget_all(conn, &stored)?;
    execute(
        conn,
        "UPDATE messages SET content = ?3, mentions = ?4, mentions_everyone = ?5, edited_at_ms = ?6
         WHERE channel_id = ?1 AND message_id = ?2",
        params![
            channel_id,
            message_id,
            edit.content,
            mentions::column(&edit.mentions),
            edit.mentions_everyone,
            Ms(edit.time_after(&stored))
        ],
    )?;
    let at = (channel_id, message_id);
    mentions::note(conn, at, author_id, &edit.mentions, edit.mentions_everyone)?;
    changes::note(conn, change_id, channel_id, message_id, ChangeKind::Updated)?;
    Ok(find_message(conn, channel_id, message_id)?)
}

fn delete_message(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
    change_id: ChangeId,
) -> Result<bool, StoreError> {
    let Some(message) = find_message(conn, channel_id, message_id)? else { return Ok(false) };
    mentions::forget_all(conn, &message)?;
    for sql in [
        "DELETE FROM reactions WHERE channel_id = ?1 AND message_id = ?2",
        "DELETE FROM reaction_counts WHERE channel_id = ?1 AND message_id = ?2",
        "DELETE FROM messages WHERE channel_id = ?1 AND message_id = ?2",
    ] {
        execute(conn, sql, params![channel_id, message_id])?;
    }
    changes::note(conn, change_id, channel_id, message_id, ChangeKind::Deleted)?;
    Ok(true)
}

#[async_trait]
impl MessageStore for SqliteStore {
    async fn insert_message(
        &self,
        new: &NewMessage,
    ) -> Result<Result<Inserted, TooEarly>, StoreError> {
        let new = new.clone();
        let bytes = 128 + new.message.content.len();
        self.write("insert_message", bytes, move |conn| insert_message(conn, &new)).await
    }

    async fn find_message_by_nonce(
        &self,
        author_id: UserId,
        channel_id: ChannelId,
        nonce: &str,
        now_ms: UnixMs,
    ) -> Result<Option<Message>, StoreError> {
        let nonce = nonce.to_owned();
        self.read("find_message_by_nonce", move |conn| {
            let sql = select_messages!(
                "AND message_id = (SELECT message_id FROM nonces
                                   WHERE author_id = ?2 AND channel_id = ?1 AND nonce = ?3
                                     AND expires_at_ms > ?4)"
            );
            Ok(find(conn, sql, params![channel_id, author_id, nonce, Ms(now_ms)], message)?)
        })
        .await
    }

    async fn find_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let read = move |conn: &Connection| Ok(find_message(conn, channel_id, message_id)?);
        self.read("find_message", read).await
    }

    async fn list_messages(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError> {
        let message_ids = id_list(message_ids.iter().map(|message_id| message_id.to_i64()));
        self.read("list_messages", move |conn| {
            let sql = select_messages!("AND message_id IN (SELECT value FROM json_each(?2))");
            Ok(list(conn, sql, params![channel_id, message_ids], message)?)
        })
        .await
    }

    async fn messages_before(
        &self,
        channel_id: ChannelId,
        before: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.read("messages_before", move |conn| {
            let sql = select_messages!("AND message_id < ?2 ORDER BY message_id DESC LIMIT ?3");
            Ok(list(conn, sql, params![channel_id, before, rows(limit)], message)?)
        })
        .await
    }

    async fn messages_after(
        &self,
        channel_id: ChannelId,
        after: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.read("messages_after", move |conn| {
            let sql = select_messages!("AND message_id > ?2 ORDER BY message_id LIMIT ?3");
            Ok(list(conn, sql, params![channel_id, after, rows(limit)], message)?)
        })
        .await
    }

    async fn update_message(
        &self,
        edit: &MessageEdit,
        change_id: ChangeId,
    ) -> Result<Option<Message>, StoreError> {
        let edit = edit.clone();
        let bytes = 128 + edit.content.len();
        self.write("update_message", bytes, move |conn| update_message(conn, &edit, change_id))
            .await
    }

    async fn delete_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<bool, StoreError> {
        self.write("delete_message", 64, move |conn| {
            delete_message(conn, channel_id, message_id, change_id)
        })
        .await
    }

    async fn list_changes(
        &self,
        channel_id: ChannelId,
        since: ChangeId,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        self.read("list_changes", move |conn| changes::since(conn, channel_id, since, limit)).await
    }
}
