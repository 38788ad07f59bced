//! All that is stored, record by record; see `store/records.rs`.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use crate::model::group::Member;
use crate::model::id::{ChannelId, UserId};
use crate::model::message::{Change, ChangeKind};
use crate::store::records::{GroupRecord, Record, RecordKind, RecordPage, RecordStore};
use crate::store::sqlite::statement::{Ms, execute, exists, list};
use crate::store::sqlite::{
    SqliteStore, accounts, bans, changes, channels, groups, invites, member_lists, members,
    messages, pins, reactions, read_states, sessions, settings, words,
};
use crate::store::{CHANGES_KEPT_MS, DirectOpening, OpeningQuota, Reaction, ReadMark, StoreError};

/// How records of one kind are read.
struct Source {
    /// Up to a condition.
    select: &'static str,
    /// The columns that order and tell them apart.
    keys: &'static [&'static str],
    record: fn(&Connection, &Row<'_>) -> rusqlite::Result<Record>,
}

macro_rules! in_channel {
    ($table:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM channels WHERE channels.channel_id = ",
            $table,
            ".channel_id)"
        )
    };
}

/// Rows of deleted groups and channels, which are there for a while, are no records; `?1` is the time.
fn source(kind: RecordKind) -> Source {
    match kind {
        RecordKind::Account => Source {
            select: "SELECT user_id, username, display_name, avatar, password_hash, operator, created_at_ms
                     FROM users WHERE ?1 >= 0",
            keys: &["user_id"],
            record: |_, row| Ok(Record::Account(accounts::account(row)?)),
        },
        RecordKind::Session => Source {
            select: "SELECT session_id, user_id, refresh_hash, created_at_ms, last_used_at_ms, expires_at_ms,
                            user_agent FROM sessions WHERE ended = 0 AND expires_at_ms > ?1",
            keys: &["session_id"],
            record: |_, row| Ok(Record::Session(sessions::session(row)?)),
        },
        RecordKind::Settings => Source {
            select: "SELECT settings, user_id FROM user_settings WHERE ?1 >= 0",
            keys: &["user_id"],
            record: |_, row| {
                Ok(Record::Settings { user_id: row.get(1)?, settings: settings::settings(row)? })
            },
        },
        RecordKind::Group => Source {
            select: "SELECT group_id, name, icon, owner_id, official, created_at_ms FROM groups WHERE ?1 >= 0",
            keys: &["group_id"],
            record: |conn, row| {
                let group = groups::group(row)?;
                let roles = groups::roles_of(conn, group.id)?.into_iter().map(Into::into).collect();
                Ok(Record::Group(GroupRecord { group, roles }))
            },
        },
        RecordKind::Channel => Source {
            select: "SELECT channel_id, group_id, kind, name, topic, position, slow_mode_seconds, recipients
                     FROM channels WHERE group_id IS NOT NULL AND ?1 >= 0",
            keys: &["channel_id"],
            record: |_, row| Ok(Record::Channel(channels::channel(row)?)),
        },
        RecordKind::DirectChannel => Source {
            select: "SELECT channel_id, group_id, kind, name, topic, position, slow_mode_seconds, recipients,
                            (SELECT user_id FROM direct_people
                             WHERE direct_people.channel_id = channels.channel_id AND opened = 1)
                     FROM channels WHERE group_id IS NULL AND ?1 >= 0",
            keys: &["channel_id"],
            record: |_, row| {
                Ok(Record::DirectChannel { channel: channels::channel(row)?, opener: row.get(8)? })
            },
        },
        RecordKind::Member => Source {
            // In the official group, rows are of those who have a nickname or roles, and everybody is in it since
            // they registered.
            select: "SELECT members.group_id AS group_id, user_id, roles, nickname,
                            iif(official, 0, joined_at_ms)
                     FROM members CROSS JOIN groups ON groups.group_id = members.group_id
                     WHERE NOT (official AND nickname IS NULL AND roles = '[]') AND ?1 >= 0",
            keys: &["members.group_id", "user_id"],
            record: |_, row| Ok(Record::Member(member_lists::member(row)?)),
        },
        RecordKind::Ban => Source {
            select: "SELECT group_id, user_id, reason, created_at_ms FROM bans
                     WHERE EXISTS (SELECT 1 FROM groups WHERE groups.group_id = bans.group_id) AND ?1 >= 0",
            keys: &["group_id", "user_id"],
            record: |_, row| Ok(Record::Ban(bans::ban(row)?)),
        },
        RecordKind::Invite => Source {
            select: "SELECT code, group_id, creator_id, uses, uses_max, expires_at_ms, created_at_ms FROM invites
                     WHERE EXISTS (SELECT 1 FROM groups WHERE groups.group_id = invites.group_id)
                       AND (expires_at_ms IS NULL OR expires_at_ms > ?1)",
            keys: &["code"],
            record: |_, row| Ok(Record::Invite(invites::invite(row)?)),
        },
        RecordKind::InviteUse => Source {
            select: "SELECT code, user_id, used_at_ms FROM invite_uses
                     WHERE EXISTS (SELECT 1 FROM invites JOIN groups ON groups.group_id = invites.group_id
                                   WHERE invites.code = invite_uses.code
                                     AND (expires_at_ms IS NULL OR expires_at_ms > ?1))",
            keys: &["code", "user_id"],
            record: |_, row| {
                let Ms(used_at_ms) = row.get(2)?;
                Ok(Record::InviteUse { code: row.get(0)?, user_id: row.get(1)?, used_at_ms })
            },
        },
        RecordKind::Message => Source {
            select: concat!(
                "SELECT channel_id, message_id, author_id, content, edited_at_ms, reply_to, mentions,
                        mentions_everyone, nonce FROM messages WHERE ?1 >= 0 AND ",
                in_channel!("messages")
            ),
            keys: &["channel_id", "message_id"],
            record: |_, row| Ok(Record::Message(messages::message(row)?)),
        },
        RecordKind::Reaction => Source {
            select: concat!(
                "SELECT channel_id, message_id, emoji, user_id, at_ms FROM reactions WHERE ?1 >= 0 AND ",
                in_channel!("reactions")
            ),
            keys: &["channel_id", "message_id", "emoji", "user_id"],
            record: |_, row| {
                let Ms(at_ms) = row.get(4)?;
                Ok(Record::Reaction(Reaction {
                    channel_id: row.get(0)?,
                    message_id: row.get(1)?,
                    emoji: row.get(2)?,
                    user_id: row.get(3)?,
                    at_ms,
                }))
            },
        },
        RecordKind::Pin => Source {
            select: concat!(
                "SELECT channel_id, message_id FROM messages WHERE pinned = 1 AND ?1 >= 0 AND ",
                in_channel!("messages")
            ),
            keys: &["channel_id", "message_id"],
            record: |_, row| Ok(Record::Pin { channel_id: row.get(0)?, message_id: row.get(1)? }),
        },
        RecordKind::Change => Source {
            select: concat!(
                "SELECT channel_id, change_id, message_id, kind FROM channel_changes
                 WHERE (change_id >> 21) > ?1 - ",
                "604800000 AND ",
                in_channel!("channel_changes")
            ),
            keys: &["channel_id", "change_id"],
            record: |_, row| Ok(Record::Change(change(row)?)),
        },
        RecordKind::ReadMark => Source {
            select: concat!(
                "SELECT user_id, channel_id, last_read_id, set_at FROM read_states WHERE ?1 >= 0 AND ",
                in_channel!("read_states")
            ),
            keys: &["user_id", "channel_id"],
            record: |_, row| {
                Ok(Record::ReadMark(ReadMark {
                    user_id: row.get(0)?,
                    channel_id: row.get(1)?,
                    last_read_id: row.get(2)?,
                    set_at: row.get(3)?,
                }))
            },
        },
    }
}

// A statement cannot be put together of a number.
const _: () = assert!(CHANGES_KEPT_MS == 604_800_000);

fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    let code: u8 = row.get(3)?;
    let kind = ChangeKind::from_code(code)
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(3, code.into()))?;
    Ok(Change { id: row.get(1)?, channel_id: row.get(0)?, message_id: row.get(2)?, kind })
}

/// Where a page ended: the keys of its last row, as a JSON array.
fn place_of(row: &Row<'_>, keys: &[&str]) -> rusqlite::Result<String> {
    let values = keys.iter().map(|key| {
        let column = key.rsplit('.').next().unwrap_or(key);
        Ok(match row.get(column)? {
            Value::Integer(number) => number.into(),
            Value::Text(text) => text.into(),
            _ => serde_json::Value::Null, // No key is anything else.
        })
    });
    Ok(serde_json::Value::Array(values.collect::<rusqlite::Result<_>>()?).to_string())
}

fn values_of(place: &str) -> Result<Vec<Value>, StoreError> {
    let values: Vec<serde_json::Value> =
        serde_json::from_str(place).map_err(|error| StoreError::Failed(error.into()))?;
    let value = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Value::Text(text),
        other => other.as_i64().map_or(Value::Null, Value::Integer),
    };
    Ok(values.into_iter().map(value).collect())
}

fn page(
    conn: &Connection,
    kind: RecordKind,
    from: Option<&str>,
    (now_ms, limit): (u64, usize),
) -> Result<RecordPage, StoreError> {
    let Source { select, keys, record } = source(kind);
    let mut values = vec![Value::Integer(i64::try_from(now_ms).unwrap_or(i64::MAX))];
    values.extend(from.map(values_of).transpose()?.unwrap_or_default());
    let columns = keys.join(", ");
    let behind = match values.len() {
        1 => String::new(),
        count => {
            let marks: Vec<String> = (2..=count).map(|n| format!("?{n}")).collect();
            format!(" AND ({columns}) > ({})", marks.join(", "))
        }
    };
    let sql = format!("{select}{behind} ORDER BY {columns} LIMIT {limit}");
    let read = |row: &Row<'_>| Ok((record(conn, row)?, place_of(row, keys)?));
    let rows = list(conn, &sql, params_from_iter(values), read)?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|(_, place)| place.clone());
    Ok(RecordPage { records: rows.into_iter().map(|(record, _)| record).collect(), next })
}

fn write(conn: &Connection, record: &Record) -> Result<(), StoreError> {
    match record {
        Record::Account(account) => accounts::insert_account(conn, account)?,
        Record::Session(session) => sessions::insert(conn, session)?,
        Record::Settings { user_id, settings } => {
            settings::update(conn, *user_id, settings)?;
        }
        Record::Group(GroupRecord { group, roles }) => {
            groups::insert_empty(conn, group, roles.iter().cloned().map(Into::into).collect())?;
        }
        Record::Channel(channel) => {
            channels::insert_channel(conn, channel)?;
        }
        Record::DirectChannel { channel, opener } => {
            let opener = opener.unwrap_or(UserId::ZERO);
            let quota = OpeningQuota { opener, since: ChannelId::ZERO, opened_max: u32::MAX };
            match channels::open_direct_channel(conn, channel, quota)? {
                DirectOpening::Found(found) if found.id != channel.id => {
                    return Err(StoreError::Conflict);
                }
                _ => {}
            }
        }
        Record::Member(member) => write_member(conn, member)?,
        Record::Ban(ban) => bans::insert_ban(conn, ban)?,
        Record::Invite(invite) => invites::insert(conn, invite)?,
        Record::InviteUse { code, user_id, used_at_ms } => {
            let sql = "INSERT INTO invite_uses (code, user_id, used_at_ms) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO NOTHING";
            execute(conn, sql, params![code, user_id, Ms(*used_at_ms)])?;
        }
        Record::Message(message) => {
            messages::insert_once(conn, message)?;
        }
        Record::Reaction(reaction) => {
            reactions::insert_copied(conn, reaction)?;
        }
        Record::Pin { channel_id, message_id } => {
            pins::set_pinned(conn, *channel_id, *message_id, true)?;
        }
        Record::Change(Change { id, channel_id, message_id, kind }) => {
            changes::note(conn, *id, *channel_id, *message_id, *kind)?;
        }
        Record::ReadMark(mark) => read_states::set(conn, *mark)?,
    }
    Ok(())
}

fn write_member(conn: &Connection, member: &Member) -> Result<(), StoreError> {
    let is_official = exists(
        conn,
        "SELECT 1 FROM groups WHERE group_id = ?1 AND official = 1",
        [member.group_id],
    )?;
    if !is_official {
        members::insert(conn, member)?;
        return Ok(());
    }
    let Member { group_id, user_id, roles, nickname, joined_at_ms } = member;
    let sql = "INSERT INTO members (group_id, user_id, roles, nickname, joined_at_ms)
               VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let values = params![group_id, user_id, members::role_list(roles), nickname, Ms(*joined_at_ms)];
    if execute(conn, sql, values)? == 1 {
        words::note_member(conn, (*group_id, *user_id), nickname.as_deref())?;
    }
    Ok(())
}

#[async_trait]
impl RecordStore for SqliteStore {
    async fn read_records(
        &self,
        kind: RecordKind,
        from: Option<&str>,
        limit: usize,
    ) -> Result<RecordPage, StoreError> {
        let (from, now_ms) = (from.map(str::to_owned), self.shared.clock.now_ms());
        let read = move |conn: &Connection| page(conn, kind, from.as_deref(), (now_ms, limit));
        self.read("read_records", read).await
    }

    async fn write_record(&self, record: &Record) -> Result<(), StoreError> {
        let record = record.clone();
        self.write("write_record", 512, move |conn| write(conn, &record)).await
    }
}
