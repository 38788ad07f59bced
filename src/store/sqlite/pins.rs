//! Messages that a channel keeps at hand.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::model::message::{ChangeKind, Message, PINS_PER_CHANNEL_MAX};
use crate::store::sqlite::messages::{find_message, pinned_messages};
use crate::store::sqlite::statement::{count, execute};
use crate::store::sqlite::{SqliteStore, changes};
use crate::store::{Outcome, PinStore, StoreError};

fn pin(
    conn: &Connection,
    channel_id: ChannelId,
    message_id: MessageId,
    change_id: ChangeId,
) -> Result<Outcome, StoreError> {
    match find_message(conn, channel_id, message_id)? {
        None => return Ok(Outcome::NoMessage),
        Some(message) if message.pinned => return Ok(Outcome::Unchanged),
        Some(_) => {}
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
    match find_message(conn, channel_id, message_id)? {
        None => return Ok(Outcome::NoMessage),
        Some(message) if !message.pinned => return Ok(Outcome::Unchanged),
        Some(_) => {}
    }
    set_pinned(conn, channel_id, message_id, false)?;
    changes::note(conn, change_id, channel_id, message_id, ChangeKind::Unpinned)?;
    Ok(Outcome::Changed)
}

fn set_pinned(
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

    async fn list_pins(&self, channel_id: ChannelId) -> Result<Vec<Message>, StoreError> {
        self.read("list_pins", move |conn| Ok(pinned_messages(conn, channel_id)?)).await
    }
}
