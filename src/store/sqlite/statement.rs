//! Running prepared statements, and how our types look in columns.
//!
//! Ids and times are SQLite's 64-bit integers; lists of ids are JSON arrays of integers.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::model::id::{AttemptId, ChangeId, ChannelId, GroupId, MessageId, SessionId, UserId};
pub use crate::store::ms::Ms;

/// Returns how many rows have changed.
pub fn execute(conn: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    conn.prepare_cached(sql)?.execute(params)
}

/// The first row, if there is one.
pub fn find<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    conn.prepare_cached(sql)?.query_row(params, read).optional()
}

pub fn list<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// Whether `SELECT 1 …` finds anything.
pub fn exists(conn: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<bool> {
    conn.prepare_cached(sql)?.exists(params)
}

/// The only column of the only row, a count.
pub fn count(conn: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<u64> {
    let count: i64 = conn.prepare_cached(sql)?.query_row(params, |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

macro_rules! id_columns {
    ($($id:ty),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.to_i64().into())
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map(Self::from_i64)
            }
        }
    )*};
}

id_columns!(UserId, GroupId, ChannelId, MessageId, SessionId, AttemptId, ChangeId);

impl ToSql for Ms {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0).unwrap_or(i64::MAX).into())
    }
}

impl FromSql for Ms {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|ms| Self(ms.unsigned_abs()))
    }
}

/// A `LIMIT`.
pub fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A list of ids as one parameter, for `json_each`.
pub fn id_list(ids: impl IntoIterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(","))
}

pub fn user_list(user_ids: &[UserId]) -> String {
    id_list(user_ids.iter().map(|user_id| user_id.to_i64()))
}

pub fn group_list(group_ids: &[GroupId]) -> String {
    id_list(group_ids.iter().map(|group_id| group_id.to_i64()))
}

/// A column that holds what [`user_list`] gave; null is the empty list.
pub struct UserList(pub Vec<UserId>);

impl FromSql for UserList {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        if value == ValueRef::Null {
            return Ok(Self(Vec::new()));
        }
        let ids: Vec<i64> = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        Ok(Self(ids.into_iter().map(UserId::from_i64).collect()))
    }
}

/// The end of the texts that begin with `prefix`, exclusive, in the order of `BINARY`: code points.
///
/// A range instead of LIKE: it needs no escaping and always uses the index.
pub fn prefix_end(prefix: &str) -> Value {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        // The successor of U+D7FF lies behind the surrogates.
        if let Some(next) = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32) {
            end.push(next);
            return Value::Text(end.into_iter().collect());
        }
    }
    // Every blob sorts behind every text.
    Value::Blob(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        for (prefix, end) in
            [("ab", "ac"), ("z\u{10FFFF}", "{"), ("\u{D7FF}", "\u{E000}"), ("%_", "%`")]
        {
            assert_eq!(prefix_end(prefix), Value::Text(end.into()), "{prefix}");
        }
        assert_eq!(prefix_end("\u{10FFFF}"), Value::Blob(Vec::new()));
        assert_eq!(prefix_end(""), Value::Blob(Vec::new()));
    }
}
