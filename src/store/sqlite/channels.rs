//! Channels of groups and between people.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Row, params};

use crate::model::channel::{Channel, ChannelKind, ChannelPatch};
use crate::model::id::{ChannelId, GroupId, UserId};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::parents::group_exists;
use crate::store::sqlite::statement::{
    UserList, execute, find, group_list, id_list, list, rows, user_list,
};
use crate::store::{
    Activity, ChannelPlace, ChannelStore, ChannelsSize, DirectOpening, OpeningQuota, StoreError,
};

macro_rules! channel_columns {
    () => {
        "channels.channel_id, group_id, kind, name, topic, position, slow_mode_seconds, recipients"
    };
}

pub fn channel(row: &Row<'_>) -> rusqlite::Result<Channel> {
    let kind: String = row.get(2)?;
    let unknown = || {
        let cause = FromSqlError::Other(format!("unknown kind of channel: {kind}").into());
        rusqlite::Error::FromSqlConversionFailure(2, Type::Text, cause.into())
    };
    let UserList(recipients) = row.get(7)?;
    Ok(Channel {
        id: row.get(0)?,
        group_id: row.get(1)?,
        kind: ChannelKind::from_name(&kind).ok_or_else(unknown)?,
        name: row.get(3)?,
        topic: row.get(4)?,
        position: row.get(5)?,
        slow_mode_seconds: row.get(6)?,
        recipients,
    })
}

/// False if there is a channel with this id already.
pub fn insert_channel_row(conn: &Connection, channel: &Channel) -> rusqlite::Result<bool> {
    let recipients = (!channel.recipients.is_empty()).then(|| user_list(&channel.recipients));
    let inserted = execute(
        conn,
        "INSERT INTO channels (channel_id, group_id, kind, name, topic, position, slow_mode_seconds,
                               recipients)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (channel_id) DO NOTHING",
        params![
            channel.id,
            channel.group_id,
            channel.kind.as_str(),
            channel.name,
            channel.topic,
            channel.position,
            channel.slow_mode_seconds,
            recipients
        ],
    )?;
    Ok(inserted == 1)
}

pub fn insert_channel(conn: &Connection, channel: &Channel) -> Result<bool, StoreError> {
    let Some(group_id) = channel.group_id else { return Ok(false) };
    if !group_exists(conn, group_id)? {
        return Ok(false);
    }
    insert_channel_row(conn, channel)?;
    Ok(true)
}

fn find_channel(conn: &Connection, channel_id: ChannelId) -> rusqlite::Result<Option<Channel>> {
    let sql = concat!("SELECT ", channel_columns!(), " FROM channels WHERE channel_id = ?1");
    find(conn, sql, [channel_id], channel)
}

/// How much there is of the channels of those groups that have any. SQLite escapes in JSON what serde_json
/// escapes.
pub fn measure_channels(
    conn: &Connection,
    group_ids: &str,
) -> rusqlite::Result<HashMap<GroupId, ChannelsSize>> {
    let sql = "SELECT group_id, count(*),
                      sum(octet_length(json_quote(name)) + octet_length(json_quote(topic)))
               FROM channels WHERE group_id IN (SELECT value FROM json_each(?1)) GROUP BY group_id";
    let size = |row: &Row<'_>| {
        let number = |column| Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)? as usize);
        Ok((row.get(0)?, ChannelsSize { count: number(1)?, text_bytes: number(2)? }))
    };
    Ok(list(conn, sql, [group_ids], size)?.into_iter().collect())
}

fn update_channel(
    conn: &Connection,
    channel_id: ChannelId,
    patch: &ChannelPatch,
) -> Result<Option<Channel>, StoreError> {
    execute(
        conn,
        "UPDATE channels SET name = coalesce(?2, name), topic = coalesce(?3, topic),
                             position = coalesce(?4, position),
                             slow_mode_seconds = coalesce(?5, slow_mode_seconds)
         WHERE channel_id = ?1",
        params![channel_id, patch.name, patch.topic, patch.position, patch.slow_mode_seconds],
    )?;
    Ok(find_channel(conn, channel_id)?)
}

/// From here on nothing in the channel is found; its rows go later, a batch at a time.
fn delete_channel(conn: &Connection, channel_id: ChannelId) -> Result<bool, StoreError> {
    if execute(conn, "DELETE FROM channels WHERE channel_id = ?1", [channel_id])? == 0 {
        return Ok(false);
    }
    let sql = "INSERT INTO garbage (channel_id) VALUES (?1) ON CONFLICT DO NOTHING";
    execute(conn, sql, [channel_id])?;
    Ok(true)
}

pub fn delete_channels_of(conn: &Connection, group_id: GroupId) -> Result<(), StoreError> {
    let sql = "SELECT channel_id FROM channels WHERE group_id = ?1";
    let channel_ids: Vec<ChannelId> = list(conn, sql, [group_id], |row| row.get(0))?;
    for channel_id in channel_ids {
        delete_channel(conn, channel_id)?;
    }
    Ok(())
}

pub fn open_direct_channel(
    conn: &Connection,
    candidate: &Channel,
    quota: OpeningQuota,
) -> Result<DirectOpening, StoreError> {
    let sql = concat!("SELECT ", channel_columns!(), " FROM channels WHERE recipients = ?1");
    if let Some(open) = find(conn, sql, [user_list(&candidate.recipients)], channel)? {
        return Ok(DirectOpening::Found(open));
    }
    let (opened, first) = count_opened(conn, quota)?;
    if let Some(first) = first.filter(|_| opened >= quota.opened_max) {
        return Ok(DirectOpening::TooMany { first });
    }
    insert_channel_row(conn, candidate)?;
    for user_id in &candidate.recipients {
        let sql = "INSERT INTO direct_people (user_id, channel_id, opened) VALUES (?1, ?2, ?3)";
        execute(conn, sql, params![user_id, candidate.id, *user_id == quota.opener])?;
    }
    Ok(DirectOpening::New(candidate.clone()))
}

/// How many direct channels the opener has opened, and the first of them.
fn count_opened(
    conn: &Connection,
    OpeningQuota { opener, since, .. }: OpeningQuota,
) -> rusqlite::Result<(u32, Option<ChannelId>)> {
    let sql = "SELECT count(*), min(channel_id) FROM direct_people
               WHERE user_id = ?1 AND channel_id >= ?2 AND opened = 1";
    let counted = find(conn, sql, params![opener, since], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(counted.unwrap_or((0, None)))
}

#[async_trait]
impl ChannelStore for SqliteStore {
    async fn insert_channel(&self, channel: &Channel) -> Result<bool, StoreError> {
        let channel = channel.clone();
        self.write("insert_channel", 1024, move |conn| insert_channel(conn, &channel)).await
    }

    async fn find_channel(&self, channel_id: ChannelId) -> Result<Option<Channel>, StoreError> {
        self.read("find_channel", move |conn| Ok(find_channel(conn, channel_id)?)).await
    }

    async fn find_channels(&self, channel_ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
        let channel_ids = id_list(channel_ids.iter().map(|channel_id| channel_id.to_i64()));
        self.read("find_channels", move |conn| {
            let sql = concat!(
                "SELECT ",
                channel_columns!(),
                " FROM channels WHERE channel_id IN (SELECT value FROM json_each(?1))"
            );
            Ok(list(conn, sql, [&channel_ids], channel)?)
        })
        .await
    }

    async fn list_channels(&self, group_ids: &[GroupId]) -> Result<Vec<Channel>, StoreError> {
        let group_ids = group_list(group_ids);
        self.read("list_channels", move |conn| {
            let sql = concat!(
                "SELECT ",
                channel_columns!(),
                " FROM channels WHERE group_id IN (SELECT value FROM json_each(?1))
                 ORDER BY group_id, position, channel_id"
            );
            Ok(list(conn, sql, [&group_ids], channel)?)
        })
        .await
    }

    async fn update_channel(
        &self,
        channel_id: ChannelId,
        patch: &ChannelPatch,
    ) -> Result<Option<Channel>, StoreError> {
        let patch = patch.clone();
        self.write("update_channel", 1024, move |conn| update_channel(conn, channel_id, &patch))
            .await
    }

    async fn delete_channel(&self, channel_id: ChannelId) -> Result<bool, StoreError> {
        self.write("delete_channel", 16, move |conn| delete_channel(conn, channel_id)).await
    }

    async fn open_direct_channel(
        &self,
        candidate: &Channel,
        quota: OpeningQuota,
    ) -> Result<DirectOpening, StoreError> {
        let mut candidate = candidate.clone();
        candidate.recipients.sort_unstable();
        candidate.recipients.dedup();
        self.write("open_direct_channel", 512, move |conn| {
            open_direct_channel(conn, &candidate, quota)
        })
        .await
    }

    async fn list_direct_channels(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> Result<Vec<Channel>, StoreError> {
        self.read("list_direct_channels", move |conn| {
            // The ids of channels and messages are times, and can be compared.
            let sql = concat!(
                "WITH active (channel_id) AS MATERIALIZED (
                     SELECT channel_id FROM direct_people WHERE user_id = ?1
                     ORDER BY coalesce((SELECT max(message_id) FROM messages
                                        WHERE messages.channel_id = direct_people.channel_id),
                                       channel_id) DESC
                     LIMIT ?2)
                 SELECT ",
                channel_columns!(),
                " FROM active CROSS JOIN channels ON channels.channel_id = active.channel_id
                  ORDER BY channels.channel_id"
            );
            Ok(list(conn, sql, params![user_id, rows(limit)], channel)?)
        })
        .await
    }

    async fn list_activity(
        &self,
        _reader: UserId,
        channels: &[ChannelPlace],
    ) -> Result<Vec<Activity>, StoreError> {
        let channel_ids = id_list(channels.iter().map(|channel| channel.channel_id.to_i64()));
        self.read("list_activity", move |conn| {
            let sql = "
                WITH last (channel_id, message_id, change_id) AS MATERIALIZED (
                    SELECT channel_id,
                           (SELECT max(message_id) FROM messages
                            WHERE messages.channel_id = channels.channel_id),
                           (SELECT max(change_id) FROM channel_changes
                            WHERE channel_changes.channel_id = channels.channel_id)
                    FROM channels WHERE channel_id IN (SELECT value FROM json_each(?1)))
                SELECT channel_id, message_id, change_id FROM last
                WHERE message_id IS NOT NULL OR change_id IS NOT NULL";
            Ok(list(conn, sql, [&channel_ids], |row| {
                Ok(Activity {
                    channel_id: row.get(0)?,
                    last_message_id: row.get(1)?,
                    last_change_id: row.get(2)?,
                })
            })?)
        })
        .await
    }
}
