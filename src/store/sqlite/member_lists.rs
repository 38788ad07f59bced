//! Statements that read who is in which group.
//!
//! What is asked of `members` is asked of the view `official_members` if the group is the official one.

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Params, Row, params};

use crate::model::group::Member;
use crate::model::id::{GroupId, UserId};
use crate::model::name::folded_username;
use crate::model::search;
use crate::store::sqlite::parents::is_official;
use crate::store::sqlite::statement::{Ms, count, find, list, prefix_end, rows};
use crate::store::{MEMBERS_SEARCHED_MIN, NAMES_SEARCHED_MIN};

/// What [`member`] reads, from a table that is called `members`, and what else is asked.
macro_rules! select_members {
    ($from:expr) => {
        select_members!("", $from)
    };
    ($also:literal, $from:expr) => {
        concat!(
            "SELECT members.group_id, members.user_id, members.roles, members.nickname,
                    members.joined_at_ms",
            $also,
            " FROM ",
            $from
        )
    };
}

/// One statement about the members of a group, `?1`: of an ordinary one and of the official one.
pub struct Statement {
    pub ordinary: &'static str,
    pub official: &'static str,
}

/// Made of a macro that takes the table.
macro_rules! about_members {
    ($statement:ident) => {
        Statement {
            ordinary: $statement!("members"),
            official: $statement!("official_members AS members"),
        }
    };
}

impl Statement {
    /// `None` if there is no such group.
    pub fn about(
        &self,
        conn: &Connection,
        group_id: GroupId,
    ) -> rusqlite::Result<Option<&'static str>> {
        let pick = |official| if official { self.official } else { self.ordinary };
        Ok(is_official(conn, group_id)?.map(pick))
    }
}

/// Reads a row of `select_members`.
pub fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
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

macro_rules! find_one {
    ($from:literal) => {
        concat!(select_members!($from), " WHERE members.group_id = ?1 AND members.user_id = ?2")
    };
}
const FIND_ONE: Statement = about_members!(find_one);

pub fn find_one(
    conn: &Connection,
    group_id: GroupId,
    user_id: UserId,
) -> rusqlite::Result<Option<Member>> {
    let Some(sql) = FIND_ONE.about(conn, group_id)? else { return Ok(None) };
    find(conn, sql, params![group_id, user_id], member)
}

/// What rows say of the official group is in both tables.
const OF_USER: &str = concat!(
    select_members!("members"),
    " CROSS JOIN groups ON groups.group_id = members.group_id
     WHERE user_id = ?1 AND official = 0
     UNION ALL ",
    select_members!("official_members AS members"),
    " WHERE user_id = ?1
     ORDER BY 1"
);

pub fn of_user(conn: &Connection, user_id: UserId) -> rusqlite::Result<Vec<Member>> {
    list(conn, OF_USER, [user_id], member)
}

macro_rules! page {
    ($from:literal) => {
        concat!(
            select_members!($from),
            " WHERE members.group_id = ?1 AND members.user_id > ?2
             ORDER BY members.user_id LIMIT ?3"
        )
    };
}
const PAGE: Statement = about_members!(page);

pub fn page(
    conn: &Connection,
    group_id: GroupId,
    after: UserId,
    limit: usize,
) -> rusqlite::Result<Vec<Member>> {
    let Some(sql) = PAGE.about(conn, group_id)? else { return Ok(Vec::new()) };
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
macro_rules! by_name {
    ($from:literal) => {
        concat!(
            "WITH named (user_id) AS (
                 SELECT user_id FROM users WHERE username_folded >= ?2 AND username_folded < ?3
                 UNION SELECT user_id FROM user_words INDEXED BY user_words_by_word
                       WHERE word >= ?4 AND word < ?5
                 UNION SELECT user_id FROM member_words INDEXED BY member_words_by_word
                       WHERE group_id = ?1 AND word >= ?4 AND word < ?5)
             ",
            select_members!(concat!("named CROSS JOIN ", $from)),
            " WHERE members.group_id = ?1 AND members.user_id = named.user_id
               AND members.user_id > ?6 ORDER BY members.user_id LIMIT ?7"
        )
    };
}
const BY_NAME: Statement = about_members!(by_name);

/// Likewise, members one by one, each with whether a name of theirs begins so.
macro_rules! by_member {
    ($from:literal) => {
        concat!(
            select_members!(
                ", username_folded >= ?2 AND username_folded < ?3
                   OR EXISTS (SELECT 1 FROM user_words
                              WHERE user_words.user_id = members.user_id
                                AND word >= ?4 AND word < ?5)
                   OR EXISTS (SELECT 1 FROM member_words
                              WHERE member_words.group_id = ?1
                                AND member_words.user_id = members.user_id
                                AND word >= ?4 AND word < ?5)",
                $from
            ),
            " CROSS JOIN users ON users.user_id = members.user_id
             WHERE members.group_id = ?1 AND members.user_id > ?6
             ORDER BY members.user_id LIMIT ?7"
        )
    };
}
const BY_MEMBER: Statement = about_members!(by_member);

/// From the indexes on names while few people of the installation have such a name: then members are
/// looked up by id. Otherwise a match is rarely far, and members are looked at in order until the page is full.
pub fn page_of_prefix(
    conn: &Connection,
    group_id: GroupId,
    prefix: &str,
    after: UserId,
    limit: usize,
) -> rusqlite::Result<Vec<Member>> {
    let (username, word) = (folded_username(prefix), search::key(prefix));
    let (username_end, word_end) = (prefix_end(&username), prefix_end(&word));
    let most = rows(NAMES_SEARCHED_MIN + 1);
    let named = count(conn, NAMED, params![username, username_end, word, word_end, most])?;
    let is_common = named > NAMES_SEARCHED_MIN as u64;
    let found = if is_common { BY_MEMBER } else { BY_NAME };
    let Some(sql) = found.about(conn, group_id)? else { return Ok(Vec::new()) };
    let most = rows(if is_common { MEMBERS_SEARCHED_MIN } else { limit });
    let values = params![group_id, username, username_end, word, word_end, after, most];
    if is_common {
        first_who_match(conn, sql, values, limit)
    } else {
        list(conn, sql, values, member)
    }
}

/// Rows of [`BY_MEMBER`] are read no further than the page needs.
fn first_who_match(
    conn: &Connection,
    sql: &str,
    values: impl Params,
    limit: usize,
) -> rusqlite::Result<Vec<Member>> {
    let (mut statement, mut found) = (conn.prepare_cached(sql)?, Vec::new());
    let mut rows = statement.query(values)?;
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        if row.get(5)? {
            found.push(member(row)?);
        }
    }
    Ok(found)
}

macro_rules! filter {
    ($from:literal) => {
        concat!(
            "SELECT members.user_id FROM ",
            $from,
            " WHERE members.group_id = ?1
               AND members.user_id IN (SELECT value FROM json_each(?2))"
        )
    };
}
const FILTER: Statement = about_members!(filter);

/// Who of `user_ids`, a JSON array, is a member.
pub fn members_among(
    conn: &Connection,
    group_id: GroupId,
    user_ids: &str,
) -> rusqlite::Result<Vec<UserId>> {
    let Some(sql) = FILTER.about(conn, group_id)? else { return Ok(Vec::new()) };
    list(conn, sql, params![group_id, user_ids], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use rusqlite::types::ToSql;
    use rusqlite::{Params, StatementStatus};

    use super::*;
    use crate::store::sqlite::{Synchronous, schema};

    /// An installation with so many people, and the official group, whose id is 1.
    fn installation(people: u32) -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let conn = schema::open(&folder.path().join("test.db"), Synchronous::Off, true).unwrap();
        let fill = format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {people})
             INSERT INTO users SELECT n, 'user' || n, 'user' || n, 'Zoe', NULL, '', 0, 0 FROM n;
             INSERT INTO user_words SELECT user_id, 'zoe', username FROM users;
             INSERT INTO bans SELECT 1, user_id, '', 0 FROM users WHERE user_id % 7 = 0;
             INSERT INTO groups VALUES (1, 'VibeTalk', NULL, NULL, 1, 0, {people});"
        );
        conn.execute_batch(&fill).unwrap();
        (folder, conn)
    }

    /// SQLite's own measure of its work.
    fn steps(conn: &Connection, sql: &str, params: impl Params) -> i32 {
        let mut statement = conn.prepare(sql).unwrap();
        assert!(statement.query(params).unwrap().mapped(|_row| Ok(())).count() > 0, "{sql}");
        statement.get_status(StatementStatus::VmStep)
    }

    /// Each of the statements about one person or page, in an installation of so many.
    fn steps_of_each(people: u32) -> Vec<i32> {
        let (_folder, conn) = installation(people);
        let (one, last) = (1_i64, i64::from(people) - 2);
        let (user, word) = (["user9", "user90"], ["zo", "zp"]);
        let nobody = ["x", "y"];
        let ids = format!("[1,2,3,{last}]");
        let named: [&dyn ToSql; 7] = [&one, &user[0], &user[1], &nobody[0], &nobody[1], &0, &20];
        let common: [&dyn ToSql; 7] = [&one, &nobody[0], &nobody[1], &word[0], &word[1], &last, &1];
        vec![
            steps(&conn, FIND_ONE.official, params![1, last]),
            steps(&conn, PAGE.official, params![1, last - 200, 100]),
            steps(&conn, FILTER.official, params![1, ids]),
            steps(&conn, BY_NAME.official, &named[..]),
            steps(&conn, BY_MEMBER.official, &common[..]),
            steps(&conn, OF_USER, [last]),
        ]
    }

    /// Most people are called Zoe, but hardly anybody in the group of 6,000.
    #[test]
    fn a_search_of_a_common_name_looks_at_a_bounded_number_of_members() {
        let (_folder, conn) = installation(9_000);
        conn.execute_batch(
            "INSERT INTO groups VALUES (2, 'Rare', NULL, NULL, 0, 0, 6000);
             INSERT INTO members (group_id, user_id, roles, joined_at_ms)
             SELECT 2, user_id, '[]', 0 FROM users WHERE user_id > 3000;
             DELETE FROM user_words WHERE user_id > 3000 AND user_id < 9000;",
        )
        .unwrap();
        let group_id = GroupId::new(2);
        let after = |user_id| {
            let page = page_of_prefix(&conn, group_id, "zo", UserId::new(user_id), 10).unwrap();
            page.iter().map(|member| member.user_id.get()).collect::<Vec<_>>()
        };
        assert_eq!(after(0), [0; 0]);
        assert_eq!(after(8_999 - MEMBERS_SEARCHED_MIN as u64), [0; 0]);
        assert_eq!(after(9_000 - MEMBERS_SEARCHED_MIN as u64), [9_000]);
    }

    #[test]
    fn reading_members_of_the_official_group_takes_no_longer_with_more_people() {
        let (few, many) = (steps_of_each(1_000), steps_of_each(20_000));
        let as_much = |few: i32, many: i32| many < few + few / 2 + 50;
        assert!(few.iter().zip(&many).all(|it| as_much(*it.0, *it.1)), "{few:?}, then {many:?}");
    }
}
