//! Messages that a channel keeps at hand: a flag in their rows, which `messages` leaves alone.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::model::message::{ChangeKind, Message, PINS_PER_CHANNEL_MAX};
use crate::store::sqlite::messages::pinned_messages;
use crate::store::sqlite::parents::channel_exists;
use crate::store::sqlite::statement::{count, execute, find, list};
use crate::store::sqlite::{SqliteStore, changes};
use crate::store::{Outcome, PinStore, StoreError};

fn pin(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
    change_id: ChangeId,
) -> Result<Outcome, StoreError> {
    match is_pinned(conn, channel_id, message_id)? {
        None => return Ok(Outcome::NoMessage),
        Some(true) => return Ok(Outcome::Unchanged),
        Some(false) => {}
    }
    let sql = "SELECT count(*) FROM messages INDEXED BY pins WHERE channel_id = ?1 AND pinned = 1";
    if count(conn, sql, [channel_id])? >= PINS_PER_CHANNEL_MAX as u64 {
        return Ok(Outcome::Full);
    }
    set_pinned(conn, channel_id, message_id, true)?;
    changes::note(conn, change_id, channel_id, message_id, ChangeKind::Pinned)?;
    Ok(Outcome::Changed)
}

fn unpin(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
    change_id: ChangeId,
) -> Result<Outcome, StoreError> {
    match is_pinned(conn, channel_id, message_id)? {
        None => return Ok(Outcome::NoMessage),
        Some(false) => return Ok(Outcome::Unchanged),
        Some(true) => {}
    }
    set_pinned(conn, channel_id, message_id, false)?;
    changes::note(conn, change_id, channel_id, message_id, ChangeKind::Unpinned)?;
    Ok(Outcome::Changed)
}

/// `None` if there is no such message.
fn is_pinned(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
) -> rusqlite::Result<Option<bool>> {
    let sql = concat!(
        "SELECT pinned FROM messages WHERE channel_id = ?1 AND message_id = ?2 AND",
        channel_exists!()
    );
    find(conn, sql, params![channel_id, message_id], |row| row.get(0))
}

pub fn set_pinned(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
    pinned: bool,
) -> rusqlite::Result<()> {
    let sql = "UPDATE messages SET pinned = ?3 WHERE channel_id = ?1 AND message_id = ?2";
    execute(conn, sql, params![channel_id, message_id, pinned])?;
    Ok(())
}

#[async_trait]
impl PinStore for SqliteStore {
    async fn insert_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        self.write("insert_pin", 64, move |conn| pin(conn, channel_id, message_id, change_id)).await
    }

    async fn delete_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        self.write("delete_pin", 64, move |conn| unpin(conn, channel_id, message_id, change_id))
            .await
    }

    async fn list_pinned_ids(&self, channel_id: ChannelId) -> Result<Vec<MessageId>, StoreError> {
        self.read("list_pinned_ids", move |conn| {
            let sql = concat!(
                "SELECT message_id FROM messages INDEXED BY pins
                 WHERE channel_id = ?1 AND pinned = 1 AND",
                channel_exists!()
            );
            Ok(list(conn, sql, [channel_id], |row| row.get(0))?)
        })
        .await
    }

    async fn list_pins(&self, channel_id: ChannelId) -> Result<Vec<Message>, StoreError> {
        self.read("list_pins", move |conn| Ok(pinned_messages(conn, channel_id)?)).await
    }
}
