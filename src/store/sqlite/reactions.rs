//! Emojis on messages.
//!
//! A count is kept for each emoji of a message, so that showing a page never counts the reactions of
//! thousands of people. An emoji keeps its place while anybody uses it.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use crate::model::id::{ChangeId, ChannelId, MessageId, UserId};
use crate::model::message::{ChangeKind, REACTION_KINDS_MAX, ReactionCount};
use crate::store::sqlite::messages::message_exists;
use crate::store::sqlite::parents::channel_exists;
use crate::store::sqlite::statement::{Ms, count, execute, exists, id_list, list, rows};
use crate::store::sqlite::{SqliteStore, changes};
use crate::store::{Outcome, Reaction, ReactionStore, StoreError};

pub fn insert(
    conn: &Connection,
    reaction: &Reaction,
    change_id: ChangeId,
) -> Result<Outcome, StoreError> {
    let Reaction { channel_id, message_id, .. } = reaction;
    if !message_exists(conn, *channel_id, *message_id)? {
        return Ok(Outcome::NoMessage);
    }
    if reaction_exists(conn, reaction)? {
        return Ok(Outcome::Unchanged);
    }
    if !count_one_more(conn, reaction)? {
        return Ok(Outcome::Full);
    }
    insert_row(conn, reaction)?;
    changes::note(conn, change_id, *channel_id, *message_id, ChangeKind::ReactionAdded)?;
    Ok(Outcome::Changed)
}

fn insert_row(conn: &Connection, reaction: &Reaction) -> rusqlite::Result<()> {
    let Reaction { channel_id, message_id, emoji, user_id, at_ms } = reaction;
    let sql = "INSERT INTO reactions (channel_id, message_id, emoji, user_id, at_ms)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(conn, sql, params![channel_id, message_id, emoji, user_id, Ms(*at_ms)])?;
    Ok(())
}

/// One from another store, which comes in any order: emojis have the times of their first uses as their places.
pub fn insert_copied(conn: &Connection, reaction: &Reaction) -> rusqlite::Result<()> {
    let Reaction { channel_id, message_id, emoji, at_ms, .. } = reaction;
    if !message_exists(conn, *channel_id, *message_id)? || reaction_exists(conn, reaction)? {
        return Ok(());
    }
    let sql = "INSERT INTO reaction_counts (channel_id, message_id, emoji, position, count)
               VALUES (?1, ?2, ?3, ?4, 1)
               ON CONFLICT DO UPDATE
               SET count = count + 1, position = min(position, excluded.position)";
    execute(conn, sql, params![channel_id, message_id, emoji, Ms(*at_ms)])?;
    insert_row(conn, reaction)
}

fn reaction_exists(conn: &Connection, reaction: &Reaction) -> rusqlite::Result<bool> {
    let Reaction { channel_id, message_id, emoji, user_id, .. } = reaction;
    let sql = "SELECT 1 FROM reactions
               WHERE channel_id = ?1 AND message_id = ?2 AND emoji = ?3 AND user_id = ?4";
    exists(conn, sql, params![channel_id, message_id, emoji, user_id])
}

/// False if the message has as many emojis as it may, and this is another one.
fn count_one_more(conn: &Connection, reaction: &Reaction) -> rusqlite::Result<bool> {
    let Reaction { channel_id, message_id, emoji, .. } = reaction;
    let counted = execute(
        conn,
        "UPDATE reaction_counts SET count = count + 1
         WHERE channel_id = ?1 AND message_id = ?2 AND emoji = ?3",
        params![channel_id, message_id, emoji],
    )?;
    if counted == 1 {
        return Ok(true);
    }
    let sql = "SELECT count(*) FROM reaction_counts WHERE channel_id = ?1 AND message_id = ?2";
    if count(conn, sql, params![channel_id, message_id])? >= REACTION_KINDS_MAX as u64 {
        return Ok(false);
    }
    execute(
        conn,
        "INSERT INTO reaction_counts (channel_id, message_id, emoji, position, count)
         SELECT ?1, ?2, ?3, coalesce(max(position), 0) + 1, 1 FROM reaction_counts
         WHERE channel_id = ?1 AND message_id = ?2",
        params![channel_id, message_id, emoji],
    )?;
    Ok(true)
}

pub fn delete(
    conn: &Connection,
    reaction: &Reaction,
    change_id: ChangeId,
) -> Result<Outcome, StoreError> {
    let Reaction { channel_id, message_id, emoji, user_id, .. } = reaction;
    if !message_exists(conn, *channel_id, *message_id)? {
        return Ok(Outcome::NoMessage);
    }
    let sql = "DELETE FROM reactions
               WHERE channel_id = ?1 AND message_id = ?2 AND emoji = ?3 AND user_id = ?4";
    if execute(conn, sql, params![channel_id, message_id, emoji, user_id])? == 0 {
        return Ok(Outcome::Unchanged);
    }
    for sql in [
        "UPDATE reaction_counts SET count = count - 1
         WHERE channel_id = ?1 AND message_id = ?2 AND emoji = ?3",
        "DELETE FROM reaction_counts
         WHERE channel_id = ?1 AND message_id = ?2 AND emoji = ?3 AND count = 0",
    ] {
        execute(conn, sql, params![channel_id, message_id, emoji])?;
    }
    changes::note(conn, change_id, *channel_id, *message_id, ChangeKind::ReactionRemoved)?;
    Ok(Outcome::Changed)
}

pub fn users(
    conn: &Connection,
    (channel_id, message_id): (ChannelId, MessageId),
    emoji: &str,
    after: UserId,
    limit: usize,
) -> rusqlite::Result<Vec<UserId>> {
    let sql = concat!(
        "SELECT user_id FROM reactions
         WHERE channel_id = ?1 AND message_id = ?2 AND emoji = ?3 AND user_id > ?4 AND",
        channel_exists!(),
        "ORDER BY user_id LIMIT ?5"
    );
    list(conn, sql, params![channel_id, message_id, emoji, after, rows(limit)], |row| row.get(0))
}

/// `message_ids` is a JSON array. Messages without reactions are left out.
pub fn counts(
    conn: &Connection,
    channel_id: ChannelId,
    message_ids: &str,
    reader: Option<UserId>,
) -> rusqlite::Result<Vec<(MessageId, Vec<ReactionCount>)>> {
    let sql = concat!(
        "SELECT message_id, emoji, count, EXISTS (
             SELECT 1 FROM reactions
             WHERE reactions.channel_id = ?1 AND reactions.message_id = counted.message_id
               AND reactions.emoji = counted.emoji AND reactions.user_id = ?3)
         FROM reaction_counts AS counted
         WHERE channel_id = ?1 AND message_id IN (SELECT value FROM json_each(?2)) AND",
        channel_exists!(),
        "ORDER BY message_id, position"
    );
    let counted = list(conn, sql, params![channel_id, message_ids, reader], |row| {
        let count = ReactionCount { emoji: row.get(1)?, count: row.get(2)?, me: row.get(3)? };
        Ok((row.get(0)?, count))
    })?;
    let mut by_message: Vec<(MessageId, Vec<ReactionCount>)> = Vec::new();
    for (message_id, count) in counted {
        match by_message.last_mut() {
            Some((last, counts)) if *last == message_id => counts.push(count),
            _ => by_message.push((message_id, vec![count])),
        }
    }
    Ok(by_message)
}

#[async_trait]
impl ReactionStore for SqliteStore {
    async fn insert_reaction(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        let reaction = reaction.clone();
        self.write("insert_reaction", 128, move |conn| insert(conn, &reaction, change_id)).await
    }

    async fn delete_reaction(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        let reaction = reaction.clone();
        self.write("delete_reaction", 128, move |conn| delete(conn, &reaction, change_id)).await
    }

    async fn list_reaction_users(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        emoji: &str,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let emoji = emoji.to_owned();
        self.read("list_reaction_users", move |conn| {
            Ok(users(conn, (channel_id, message_id), &emoji, after, limit)?)
        })
        .await
    }

    async fn count_reactions(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
        reader: Option<UserId>,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, StoreError> {
        let message_ids = id_list(message_ids.iter().map(|message_id| message_id.to_i64()));
        self.read("count_reactions", move |conn| {
            Ok(counts(conn, channel_id, &message_ids, reader)?)
        })
        .await
    }
}
