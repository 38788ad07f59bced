//! Who becomes and ceases to be a member, and what members change. Every insert and delete keeps the group's
//! `member_count`, and so does, for the official group, every account and ban. What is read is in `member_lists`.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::model::group::{Member, MemberPatch};
use crate::model::id::{GroupId, UserId};
use crate::store::sqlite::member_lists::{self, Statement, member};
use crate::store::sqlite::parents::is_official;
use crate::store::sqlite::statement::{Ms, execute, exists, find, group_list, list, user_list};
use crate::store::sqlite::{SqliteStore, words};
use crate::store::{Joining, MemberStore, StoreError};

pub fn role_list(roles: &[String]) -> String {
    serde_json::to_string(roles).expect("texts are always JSON")
}

fn join(conn: &Connection, member: &Member) -> rusqlite::Result<Joining> {
    let Member { group_id, user_id, .. } = *member;
    let Some(official) = is_official(conn, group_id)? else { return Ok(Joining::NoGroup) };
    if is_banned(conn, group_id, user_id)? {
        return Ok(Joining::Banned);
    }
    Ok(if !official && insert(conn, member)? { Joining::New } else { Joining::Already })
}

/// A ban keeps out who is no member yet; with it nobody is.
pub fn is_banned(conn: &Connection, group_id: GroupId, user_id: UserId) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM bans WHERE group_id = ?1 AND user_id = ?2";
    exists(conn, sql, params![group_id, user_id])
}

/// False if the person is a member already. That there is such a group, and an ordinary one, is not checked.
pub fn insert(conn: &Connection, member: &Member) -> rusqlite::Result<bool> {
    let inserted = execute(
        conn,
        "INSERT INTO members (group_id, user_id, roles, nickname, joined_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        params![
            member.group_id,
            member.user_id,
            role_list(&member.roles),
            member.nickname,
            Ms(member.joined_at_ms)
        ],
    )?;
    if inserted == 1 {
        let sql = "UPDATE groups SET member_count = member_count + 1 WHERE group_id = ?1";
        execute(conn, sql, [member.group_id])?;
        words::note_member(conn, (member.group_id, member.user_id), member.nickname.as_deref())?;
    }
    Ok(inserted == 1)
}

pub fn delete(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
) -> rusqlite::Result<Option<Member>> {
    if is_official(conn, group_id)? != Some(false) {
        return Ok(None);
    }
    let deleted = delete_row(conn, group_id, user_id)?;
    if deleted.is_some() {
        let sql = "UPDATE groups SET member_count = member_count - 1 WHERE group_id = ?1";
        execute(conn, sql, [group_id])?;
    }
    Ok(deleted)
}

fn delete_row(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
) -> rusqlite::Result<Option<Member>> {
    let sql = "DELETE FROM members WHERE group_id = ?1 AND user_id = ?2
               RETURNING group_id, user_id, roles, nickname, joined_at_ms";
    let deleted = find(conn, sql, params![group_id, user_id], member)?;
    if deleted.is_some() {
        words::forget_member(conn, (group_id, user_id))?;
    }
    Ok(deleted)
}

/// Somebody has an account, or is not banned any more: the official group, if there is one, has a member more.
pub fn count_registered(conn: &Connection, user_id: UserId) -> rusqlite::Result<()> {
    let sql = "UPDATE groups SET member_count = member_count + 1
               WHERE official = 1
                 AND EXISTS (SELECT 1 FROM official_members AS members
                             WHERE members.group_id = groups.group_id AND members.user_id = ?1)";
    execute(conn, sql, [user_id])?;
    Ok(())
}

/// Somebody is banned from the official group, as of now.
pub fn leave_official(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
) -> rusqlite::Result<()> {
    delete_row(conn, group_id, user_id)?;
    let sql = "UPDATE groups SET member_count = member_count - 1
               WHERE group_id = ?1 AND EXISTS (SELECT 1 FROM users WHERE user_id = ?2)";
    execute(conn, sql, params![group_id, user_id])?;
    Ok(())
}

const UPDATE: Statement = Statement {
    ordinary: "UPDATE members SET nickname = iif(?3, ?4, nickname), roles = coalesce(?5, roles)
               WHERE group_id = ?1 AND user_id = ?2
               RETURNING group_id, user_id, roles, nickname, joined_at_ms",
    official: "INSERT INTO members (group_id, user_id, roles, nickname, joined_at_ms)
               SELECT group_id, user_id, coalesce(?5, roles), iif(?3, ?4, nickname), joined_at_ms
               FROM official_members WHERE group_id = ?1 AND user_id = ?2
               ON CONFLICT DO UPDATE SET nickname = excluded.nickname, roles = excluded.roles,
                                         joined_at_ms = excluded.joined_at_ms
               RETURNING group_id, user_id, roles, nickname, joined_at_ms",
};

fn update(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
    patch: &MemberPatch,
) -> rusqlite::Result<Option<Member>> {
    let Some(sql) = UPDATE.about(conn, group_id)? else { return Ok(None) };
    let nickname = patch.nickname.as_ref().map(Option::as_deref);
    let roles = patch.roles.as_deref().map(role_list);
    let values = params![group_id, user_id, nickname.is_some(), nickname.flatten(), roles];
    let updated = find(conn, sql, values, member)?;
    if let Some(nickname) = nickname.filter(|_| updated.is_some()) {
        words::note_member(conn, (group_id, user_id), nickname)?;
    }
    Ok(updated)
}

#[async_trait]
impl MemberStore for SqliteStore {
    async fn insert_member(&self, member: &Member) -> Result<Joining, StoreError> {
        let member = member.clone();
        self.write("insert_member", 128, move |conn| Ok(join(conn, &member)?)).await
    }

    async fn delete_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        let delete = move |conn: &Connection| Ok(delete(conn, group_id, user_id)?);
        self.write("delete_member", 16, delete).await
    }

    async fn find_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        let read = move |conn: &Connection| Ok(member_lists::find_one(conn, group_id, user_id)?);
        self.read("find_member", read).await
    }

    async fn update_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
        patch: &MemberPatch,
    ) -> Result<Option<Member>, StoreError> {
        let patch = patch.clone();
        self.write("update_member", 256, move |conn| Ok(update(conn, group_id, user_id, &patch)?))
            .await
    }

    async fn list_members(
        &self,
        group_id: GroupId,
        prefix: Option<&str>,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        let prefix = prefix.map(str::to_owned);
        self.read("list_members", move |conn| {
            Ok(match &prefix {
                None => member_lists::page(conn, group_id, after, limit)?,
                Some(prefix) => member_lists::page_of_prefix(conn, group_id, prefix, after, limit)?,
            })
        })
        .await
    }

    async fn filter_members(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        let user_ids = user_list(user_ids);
        self.read("filter_members", move |conn| {
            Ok(member_lists::members_among(conn, group_id, &user_ids)?)
        })
        .await
    }

    async fn count_members(
        &self,
        group_ids: &[GroupId],
    ) -> Result<Vec<(GroupId, u64)>, StoreError> {
        let group_ids = group_list(group_ids);
        self.read("count_members", move |conn| {
            let sql = "SELECT group_id, member_count FROM groups
                       WHERE group_id IN (SELECT value FROM json_each(?1))";
            let count = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
            Ok(list(conn, sql, [&group_ids], count)?)
        })
        .await
    }

    async fn list_memberships(&self, user_id: UserId) -> Result<Vec<Member>, StoreError> {
        let read = move |conn: &Connection| Ok(member_lists::of_user(conn, user_id)?);
        self.read("list_memberships", read).await
    }
}
