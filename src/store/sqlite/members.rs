//! Statements about members of groups. Every insert and delete keeps the group's `member_count`.

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Row, params};

use crate::model::group::{Member, MemberPatch};
use crate::model::id::{GroupId, UserId};
use crate::model::name::folded;
use crate::store::sqlite::statement::{Ms, count, execute, find, list, prefix_end, rows};

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

/// False if the person is a member already. Whether the group exists is not checked.
pub fn insert(conn: &Connection, member: &Member) -> rusqlite::Result<bool> {
    let inserted = execute(
        conn,
        "INSERT INTO members (group_id, user_id, roles, nickname, nickname_folded, joined_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        params![
            member.group_id,
            member.user_id,
            role_list(&member.roles),
            member.nickname,
            member.nickname.as_deref().map(folded),
            Ms(member.joined_at_ms)
        ],
    )?;
    if inserted == 1 {
        let sql = "UPDATE groups SET member_count = member_count + 1 WHERE group_id = ?1";
        execute(conn, sql, [member.group_id])?;
    }
    Ok(inserted == 1)
}

pub fn delete(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
) -> rusqlite::Result<Option<Member>> {
    let sql = concat!(
        "DELETE FROM members WHERE group_id = ?1 AND user_id = ?2 RETURNING ",
        "group_id, user_id, roles, nickname, joined_at_ms"
    );
    let deleted = find(conn, sql, params![group_id, user_id], member)?;
    if deleted.is_some() {
        let sql = "UPDATE groups SET member_count = member_count - 1 WHERE group_id = ?1";
        execute(conn, sql, [group_id])?;
    }
    Ok(deleted)
}

pub fn find_one(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
) -> rusqlite::Result<Option<Member>> {
    let sql =
        concat!("SELECT ", member_columns!(), " FROM members WHERE group_id = ?1 AND user_id = ?2");
    find(conn, sql, params![group_id, user_id], member)
}

pub fn update(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
    patch: &MemberPatch,
) -> rusqlite::Result<Option<Member>> {
    let nickname = patch.nickname.as_ref().and_then(Option::as_deref);
    find(
        conn,
        "UPDATE members SET nickname = iif(?3, ?4, nickname),
                            nickname_folded = iif(?3, ?5, nickname_folded),
                            roles = coalesce(?6, roles)
         WHERE group_id = ?1 AND user_id = ?2
         RETURNING group_id, user_id, roles, nickname, joined_at_ms",
        params![
            group_id,
            user_id,
            patch.nickname.is_some(),
            nickname,
            nickname.map(folded),
            patch.roles.as_deref().map(role_list)
        ],
        member,
    )
}

pub fn of_user(conn: &Connection, user_id: UserId) -> rusqlite::Result<Vec<Member>> {
    let sql =
        concat!("SELECT ", member_columns!(), " FROM members WHERE user_id = ?1 ORDER BY group_id");
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
        " FROM members WHERE group_id = ?1 AND user_id > ?2 ORDER BY user_id LIMIT ?3"
    );
    list(conn, sql, params![group_id, after, rows(limit)], member)
}

/// From the indexes on names while few people of the installation have such a name: then members are
/// looked up by id. Otherwise members are looked at in order until the page is full.
pub fn page_of_prefix(
    conn: &Connection,
    group_id: GroupId,
    prefix: &str,
    after: UserId,
    limit: usize,
) -> rusqlite::Result<Vec<Member>> {
    const NAMED: &str = "
        SELECT count(*) FROM (
            SELECT 1 FROM users WHERE username_folded >= ?1 AND username_folded < ?2
            UNION ALL
            SELECT 1 FROM users WHERE display_folded >= ?1 AND display_folded < ?2
            LIMIT ?3)";
    const BY_NAME: &str = concat!(
        "WITH named (user_id) AS (
             SELECT user_id FROM users WHERE username_folded >= ?2 AND username_folded < ?3
             UNION SELECT user_id FROM users WHERE display_folded >= ?2 AND display_folded < ?3
             UNION SELECT user_id FROM members INDEXED BY members_by_nickname
                   WHERE group_id = ?1 AND nickname_folded >= ?2 AND nickname_folded < ?3)
         SELECT ",
        member_columns!(),
        " FROM named CROSS JOIN members ON group_id = ?1 AND members.user_id = named.user_id
         WHERE members.user_id > ?4 ORDER BY members.user_id LIMIT ?5"
    );
    const BY_MEMBER: &str = concat!(
        "SELECT ",
        member_columns!(),
        " FROM members CROSS JOIN users ON users.user_id = members.user_id
         WHERE group_id = ?1 AND members.user_id > ?4
           AND (username_folded >= ?2 AND username_folded < ?3
                OR display_folded >= ?2 AND display_folded < ?3
                OR nickname_folded >= ?2 AND nickname_folded < ?3)
         ORDER BY members.user_id LIMIT ?5"
    );
    let prefix = folded(prefix);
    let end = prefix_end(&prefix);
    let named = count(conn, NAMED, params![prefix, end, NAMES_LOOKED_UP_MAX as i64 + 1])?;
    let sql = if named <= NAMES_LOOKED_UP_MAX { BY_NAME } else { BY_MEMBER };
    list(conn, sql, params![group_id, prefix, end, after, rows(limit)], member)
}
