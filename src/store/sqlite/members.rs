//! Who is in which group. Every insert and delete keeps the group's `member_count`.

use async_trait::async_trait;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Row, params};

use crate::model::group::{Member, MemberPatch};
use crate::model::id::{GroupId, UserId};
use crate::model::name::folded_username;
use crate::model::search;
use crate::store::sqlite::parents::{group_exists, group_is_there};
use crate::store::sqlite::statement::{
    Ms, count, execute, exists, find, list, prefix_end, rows, user_list,
};
use crate::store::sqlite::{SqliteStore, words};
use crate::store::{Joining, MemberStore, StoreError};

/// Names of the whole installation that begin with a prefix beyond which it is cheaper to look at the
/// members one by one: a match is then rarely far, and at worst all members are looked at.
const NAMES_LOOKED_UP_MAX: u64 = 2000;

macro_rules! member_columns {
    () => {
        "members.group_id, members.user_id, members.roles, members.nickname, members.joined_at_ms"
    };
}

fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
    let roles: String = row.get(2)?;
    let roles = serde_json::from_str(&roles).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, Type::Text, FromSqlError::other(error).into())
    })?;
    let Ms(joined_at_ms) = row.get(4)?;
    Ok(Member {
        group_id: row.get(0)?,
        user_id: row.get(1)?,
        roles,
        nickname: row.get(3)?,
        joined_at_ms,
    })
}

fn role_list(roles: &[String]) -> String {
    serde_json::to_string(roles).expect("texts are always JSON")
}

fn join(conn: &Connection, member: &Member) -> rusqlite::Result<Joining> {
    let Member { group_id, user_id, .. } = *member;
    if !group_exists(conn, group_id)? {
        return Ok(Joining::NoGroup);
    }
    if is_banned(conn, group_id, user_id)? {
        return Ok(Joining::Banned);
    }
    Ok(if insert(conn, member)? { Joining::New } else { Joining::Already })
}

/// A ban keeps out who is no member yet; with it nobody is.
pub fn is_banned(conn: &Connection, group_id: GroupId, user_id: UserId) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM bans WHERE group_id = ?1 AND user_id = ?2";
    exists(conn, sql, params![group_id, user_id])
}

/// False if the person is a member already. Whether the group exists is not checked.
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
    let sql = concat!(
        "DELETE FROM members WHERE group_id = ?1 AND user_id = ?2 AND",
        group_is_there!(),
        "RETURNING group_id, user_id, roles, nickname, joined_at_ms"
    );
    let deleted = find(conn, sql, params![group_id, user_id], member)?;
    if deleted.is_some() {
        let sql = "UPDATE groups SET member_count = member_count - 1 WHERE group_id = ?1";
        execute(conn, sql, [group_id])?;
        words::forget_member(conn, (group_id, user_id))?;
    }
    Ok(deleted)
}

pub fn find_one(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
) -> rusqlite::Result<Option<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM members WHERE group_id = ?1 AND user_id = ?2 AND",
        group_is_there!()
    );
    find(conn, sql, params![group_id, user_id], member)
}

pub fn update(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
    patch: &MemberPatch,
) -> rusqlite::Result<Option<Member>> {
    let nickname = patch.nickname.as_ref().map(Option::as_deref);
    let updated = find(
        conn,
        concat!(
            "UPDATE members SET nickname = iif(?3, ?4, nickname), roles = coalesce(?5, roles)
             WHERE group_id = ?1 AND user_id = ?2 AND",
            group_is_there!(),
            "RETURNING group_id, user_id, roles, nickname, joined_at_ms"
        ),
        params![
            group_id,
            user_id,
            nickname.is_some(),
            nickname.flatten(),
            patch.roles.as_deref().map(role_list)
        ],
        member,
    )?;
    if let Some(nickname) = nickname.filter(|_| updated.is_some()) {
        words::note_member(conn, (group_id, user_id), nickname)?;
    }
    Ok(updated)
}

pub fn of_user(conn: &Connection, user_id: UserId) -> rusqlite::Result<Vec<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM members CROSS JOIN groups ON groups.group_id = members.group_id
         WHERE user_id = ?1 ORDER BY members.group_id"
    );
    list(conn, sql, [user_id], member)
}

pub fn page(
    conn: &Connection,
    group_id: GroupId,
    after: UserId,
    limit: usize,
) -> rusqlite::Result<Vec<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM members WHERE group_id = ?1 AND user_id > ?2 AND",
        group_is_there!(),
        "ORDER BY user_id LIMIT ?3"
    );
    list(conn, sql, params![group_id, after, rows(limit)], member)
}

/// How many names of the installation begin with a prefix, up to a limit.
const NAMED: &str = "
    SELECT count(*) FROM (
        SELECT 1 FROM users WHERE username_folded >= ?1 AND username_folded < ?2
        UNION ALL
        SELECT 1 FROM user_words INDEXED BY user_words_by_word WHERE word >= ?3 AND word < ?4
        LIMIT ?5)";

/// Members of whom a name begins with it, found by their names.
const BY_NAME: &str = concat!(
    "WITH named (user_id) AS (
         SELECT user_id FROM users WHERE username_folded >= ?2 AND username_folded < ?3
         UNION SELECT user_id FROM user_words INDEXED BY user_words_by_word
               WHERE word >= ?4 AND word < ?5
         UNION SELECT user_id FROM member_words INDEXED BY member_words_by_word
               WHERE group_id = ?1 AND word >= ?4 AND word < ?5)
     SELECT ",
    member_columns!(),
    " FROM named CROSS JOIN members ON group_id = ?1 AND members.user_id = named.user_id
     WHERE members.user_id > ?6 ORDER BY members.user_id LIMIT ?7"
);

/// Likewise, members looked at one by one.
const BY_MEMBER: &str = concat!(
    "SELECT ",
    member_columns!(),
    " FROM members CROSS JOIN users ON users.user_id = members.user_id
     WHERE group_id = ?1 AND members.user_id > ?6
       AND (username_folded >= ?2 AND username_folded < ?3
            OR EXISTS (SELECT 1 FROM user_words
                       WHERE user_words.user_id = members.user_id AND word >= ?4 AND word < ?5)
            OR EXISTS (SELECT 1 FROM member_words
                       WHERE member_words.group_id = ?1
                         AND member_words.user_id = members.user_id
                         AND word >= ?4 AND word < ?5))
     ORDER BY members.user_id LIMIT ?7"
);

/// From the indexes on names while few people of the installation have such a name: then members are
/// looked up by id. Otherwise members are looked at in order until the page is full.
pub fn page_of_prefix(
    conn: &Connection,
    group_id: GroupId,
    prefix: &str,
    after: UserId,
    limit: usize,
) -> rusqlite::Result<Vec<Member>> {
    if !group_exists(conn, group_id)? {
        return Ok(Vec::new());
    }
    let (username, word) = (folded_username(prefix), search::key(prefix));
    let (username_end, word_end) = (prefix_end(&username), prefix_end(&word));
    let most = NAMES_LOOKED_UP_MAX as i64 + 1;
    let named = count(conn, NAMED, params![username, username_end, word, word_end, most])?;
    let sql = if named <= NAMES_LOOKED_UP_MAX { BY_NAME } else { BY_MEMBER };
    let values = params![group_id, username, username_end, word, word_end, after, rows(limit)];
    list(conn, sql, values, member)
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
        let read = move |conn: &Connection| Ok(find_one(conn, group_id, user_id)?);
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
                None => page(conn, group_id, after, limit)?,
                Some(prefix) => page_of_prefix(conn, group_id, prefix, after, limit)?,
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
            let sql = concat!(
                "SELECT user_id FROM members
                 WHERE group_id = ?1 AND user_id IN (SELECT value FROM json_each(?2)) AND",
                group_is_there!()
            );
            Ok(list(conn, sql, params![group_id, user_ids], |row| row.get(0))?)
        })
        .await
    }

    async fn count_members(&self, group_id: GroupId) -> Result<u64, StoreError> {
        self.read("count_members", move |conn| {
            let sql = "SELECT coalesce(max(member_count), 0) FROM groups WHERE group_id = ?1";
            Ok(count(conn, sql, [group_id])?)
        })
        .await
    }

    async fn list_memberships(&self, user_id: UserId) -> Result<Vec<Member>, StoreError> {
        let read = move |conn: &Connection| Ok(of_user(conn, user_id)?);
        self.read("list_memberships", read).await
    }
}
