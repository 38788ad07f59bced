//! People and their passwords.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::model::account::{Account, User, UserPatch};
use crate::model::id::{SessionId, UserId};
use crate::model::name::folded_username;
use crate::model::search;
use crate::store::sqlite::statement::{
    Ms, execute, exists, find, list, prefix_end, rows, user_list,
};
use crate::store::sqlite::{SqliteStore, members, words};
use crate::store::{AccountStore, StoreError};

macro_rules! account_columns {
    () => {
        "user_id, username, display_name, avatar, password_hash, operator, created_at_ms"
    };
}

/// Reads the first columns of `account_columns`.
fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        username: row.get(1)?,
        display_name: row.get(2)?,
        avatar: row.get(3)?,
    })
}

pub fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let Ms(created_at_ms) = row.get(6)?;
    Ok(Account {
        user: user(row)?,
        password_hash: row.get(4)?,
        operator: row.get(5)?,
        created_at_ms,
    })
}

pub fn insert_account(conn: &Connection, account: &Account) -> Result<(), StoreError> {
    let Account { user, password_hash, operator, created_at_ms } = account;
    let username_folded = folded_username(&user.username);
    let repeated = "SELECT 1 FROM users WHERE user_id = ?1 AND username_folded = ?2";
    if exists(conn, repeated, params![user.id, username_folded])? {
        return Ok(());
    }
    execute(
        conn,
        "INSERT INTO users (user_id, username, username_folded, display_name, avatar, password_hash,
                            operator, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            user.id,
            user.username,
            username_folded,
            user.display_name,
            user.avatar,
            password_hash,
            operator,
            Ms(*created_at_ms)
        ],
    )?;
    words::note_user(conn, user)?;
    members::count_registered(conn, user.id)?;
    Ok(())
}

fn change_password(
    conn: &Connection,
    user_id: UserId,
    [replaced, password_hash]: &[String; 2],
    kept: SessionId,
) -> rusqlite::Result<Option<Vec<SessionId>>> {
    let sql = "UPDATE users SET password_hash = ?3
               WHERE user_id = ?1 AND password_hash IN (?2, ?3)";
    if execute(conn, sql, params![user_id, replaced, password_hash])? == 0 {
        return Ok(None);
    }
    let end = "UPDATE sessions SET ended = 1 WHERE user_id = ?1 AND session_id <> ?2 AND ended = 0";
    execute(conn, end, params![user_id, kept])?;
    let ended = "SELECT session_id FROM sessions WHERE user_id = ?1 AND ended = 1";
    list(conn, ended, [user_id], |row| row.get(0)).map(Some)
}

fn update_user(
    conn: &Connection,
    user_id: UserId,
    patch: &UserPatch,
) -> Result<Option<User>, StoreError> {
    let updated = find(
        conn,
        "UPDATE users SET display_name = coalesce(?2, display_name), avatar = iif(?3, ?4, avatar)
         WHERE user_id = ?1 RETURNING user_id, username, display_name, avatar",
        params![
            user_id,
            patch.display_name,
            patch.avatar.is_some(),
            patch.avatar.as_ref().and_then(Option::as_ref)
        ],
        user,
    )?;
    if let Some(user) = updated.as_ref().filter(|_| patch.display_name.is_some()) {
        words::note_user(conn, user)?;
    }
    Ok(updated)
}

/// Words that a search looks at: a letter that thousands of people's names begin with costs no more.
const WORDS_LOOKED_AT_MAX: usize = 2000;

/// The first by user name of both ranges, from their indexes alone. Of the second only a part is looked
/// at: its own order is another.
const SEARCH_USERS: &str = "
    SELECT user_id, username, display_name, avatar FROM users
    WHERE username_folded IN (
        SELECT username_folded FROM (
            SELECT username_folded FROM users
            WHERE username_folded >= ?1 AND username_folded < ?2
            ORDER BY username_folded LIMIT ?5)
        UNION
        SELECT username_folded FROM (
            SELECT DISTINCT username_folded FROM (
                SELECT username_folded FROM user_words INDEXED BY user_words_by_word
                WHERE word >= ?3 AND word < ?4
                LIMIT ?6)
            ORDER BY username_folded LIMIT ?5))
    ORDER BY username_folded LIMIT ?5";

#[async_trait]
impl AccountStore for SqliteStore {
    async fn insert_account(&self, account: &Account) -> Result<(), StoreError> {
        let account = account.clone();
        self.write("insert_account", 512, move |conn| insert_account(conn, &account)).await
    }

    async fn find_account(&self, user_id: UserId) -> Result<Option<Account>, StoreError> {
        self.read("find_account", move |conn| {
            let sql = concat!("SELECT ", account_columns!(), " FROM users WHERE user_id = ?1");
            Ok(find(conn, sql, [user_id], account)?)
        })
        .await
    }

    async fn find_account_by_name(&self, username: &str) -> Result<Option<Account>, StoreError> {
        let username = folded_username(username);
        self.read("find_account_by_name", move |conn| {
            let sql =
                concat!("SELECT ", account_columns!(), " FROM users WHERE username_folded = ?1");
            Ok(find(conn, sql, [&username], account)?)
        })
        .await
    }

    async fn list_users(&self, user_ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        let user_ids = user_list(user_ids);
        self.read("list_users", move |conn| {
            let sql = "SELECT user_id, username, display_name, avatar FROM users
                       WHERE user_id IN (SELECT value FROM json_each(?1))";
            Ok(list(conn, sql, [&user_ids], user)?)
        })
        .await
    }

    async fn update_user(
        &self,
        user_id: UserId,
        patch: &UserPatch,
    ) -> Result<Option<User>, StoreError> {
        let patch = patch.clone();
        self.write("update_user", 512, move |conn| update_user(conn, user_id, &patch)).await
    }

    async fn change_password(
        &self,
        user_id: UserId,
        replaced: &str,
        password_hash: &str,
        kept: SessionId,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        let hashes = [replaced.to_owned(), password_hash.to_owned()];
        self.write("change_password", 256, move |conn| {
            Ok(change_password(conn, user_id, &hashes, kept)?)
        })
        .await
    }

    async fn set_operator(&self, user_id: UserId, operator: bool) -> Result<(), StoreError> {
        self.write("set_operator", 16, move |conn| {
            let sql = "UPDATE users SET operator = ?2 WHERE user_id = ?1";
            execute(conn, sql, params![user_id, operator])?;
            Ok(())
        })
        .await
    }

    async fn search_users(&self, prefix: &str, limit: usize) -> Result<Vec<User>, StoreError> {
        let (username, word) = (folded_username(prefix), search::key(prefix));
        self.read("search_users", move |conn| {
            let (username_end, word_end) = (prefix_end(&username), prefix_end(&word));
            let [limit, looked_at] = [limit, WORDS_LOOKED_AT_MAX].map(rows);
            let ranges = params![username, username_end, word, word_end, limit, looked_at];
            Ok(list(conn, SEARCH_USERS, ranges, user)?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::sqlite::{Synchronous, schema};

    /// SQLite's own measure of its work.
    fn steps_of_a_search(people: u32) -> i32 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let conn = schema::open(&path, Synchronous::Off, true).unwrap();
        let fill = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                    INSERT INTO user_words SELECT n, 'zoe ' || n, 'user' || n FROM n";
        conn.execute(fill, [people]).unwrap();
        let mut search = conn.prepare(SEARCH_USERS).unwrap();
        let ranges = params!["zo", "zp", "zo", "zp", rows(20), rows(WORDS_LOOKED_AT_MAX)];
        assert_eq!(search.query(ranges).unwrap().mapped(user).count(), 0, "words alone");
        search.get_status(StatementStatus::VmStep)
    }

    #[test]
    fn a_search_that_very_many_match_takes_no_longer_than_one_that_many_do() {
        let (many, very_many) = (steps_of_a_search(3_000), steps_of_a_search(30_000));
        assert!(very_many < many + many / 2, "{many} steps, then {very_many}");
    }
}
