//! Where people are signed in.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::clock::UnixMs;
use crate::model::account::Session;
use crate::model::id::{SessionId, UserId};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::statement::{Ms, execute, find, id_list, list, rows};
use crate::store::{RefreshRotation, Rotation, SessionStore, StoreError};

macro_rules! session_columns {
    () => {
        "session_id, user_id, refresh_hash, created_at_ms, last_used_at_ms, expires_at_ms, user_agent"
    };
}

pub fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let (Ms(created_at_ms), Ms(last_used_at_ms), Ms(expires_at_ms)) =
        (row.get(3)?, row.get(4)?, row.get(5)?);
    Ok(Session {
        id: row.get(0)?,
        user_id: row.get(1)?,
        refresh_hash: row.get(2)?,
        created_at_ms,
        last_used_at_ms,
        expires_at_ms,
        user_agent: row.get(6)?,
    })
}

/// Repeating it is a no-op.
pub fn insert(conn: &Connection, session: &Session) -> Result<(), StoreError> {
    let sql = concat!(
        "INSERT INTO sessions (",
        session_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING"
    );
    let Session { id, user_id, refresh_hash, user_agent, .. } = session;
    let [created, used, expires] =
        [session.created_at_ms, session.last_used_at_ms, session.expires_at_ms].map(Ms);
    execute(conn, sql, params![id, user_id, refresh_hash, created, used, expires, user_agent])?;
    Ok(())
}

/// A session's token was last replaced when the session was last used.
fn rotate_refresh_token(
    conn: &Connection,
    session_id: SessionId,
    rotation: &RefreshRotation,
) -> Result<Rotation, StoreError> {
    let RefreshRotation { presented, next, now_ms, expires_at_ms, grace_ms } = rotation;
    let rotated = execute(
        conn,
        "UPDATE sessions SET refresh_hash = ?3, last_used_at_ms = ?4, expires_at_ms = ?5
         WHERE session_id = ?1 AND refresh_hash = ?2 AND expires_at_ms > ?4 AND ended = 0",
        params![session_id, presented, next, Ms(*now_ms), Ms(*expires_at_ms)],
    )?;
    if rotated == 1 {
        return Ok(Rotation::Rotated);
    }
    let repeats = "SELECT refresh_hash = ?2 AND last_used_at_ms + ?4 > ?3 FROM sessions
                   WHERE session_id = ?1 AND expires_at_ms > ?3 AND ended = 0";
    let values = params![session_id, next, Ms(*now_ms), Ms(*grace_ms)];
    Ok(match find(conn, repeats, values, |row| row.get(0))? {
        Some(true) => Rotation::Rotated,
        Some(false) => Rotation::Reused,
        None => Rotation::NotFound,
    })
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let session = session.clone();
        self.write("insert_session", 512, move |conn| insert(conn, &session)).await
    }

    async fn find_session(
        &self,
        session_id: SessionId,
        now_ms: UnixMs,
    ) -> Result<Option<Session>, StoreError> {
        self.read("find_session", move |conn| {
            let sql = concat!(
                "SELECT ",
                session_columns!(),
                " FROM sessions WHERE session_id = ?1 AND expires_at_ms > ?2 AND ended = 0"
            );
            Ok(find(conn, sql, params![session_id, Ms(now_ms)], session)?)
        })
        .await
    }

    async fn rotate_refresh_token(
        &self,
        session_id: SessionId,
        rotation: &RefreshRotation,
    ) -> Result<Rotation, StoreError> {
        let rotation = *rotation;
        self.write("rotate_refresh_token", 64, move |conn| {
            rotate_refresh_token(conn, session_id, &rotation)
        })
        .await
    }

    async fn end_sessions(&self, session_ids: &[SessionId]) -> Result<(), StoreError> {
        let session_ids = id_list(session_ids.iter().map(|session_id| session_id.to_i64()));
        self.write("end_sessions", session_ids.len(), move |conn| {
            let sql = "UPDATE sessions SET ended = 1
                       WHERE session_id IN (SELECT value FROM json_each(?1))";
            execute(conn, sql, [&session_ids])?;
            Ok(())
        })
        .await
    }

    async fn find_ended_session(
        &self,
        session_id: SessionId,
    ) -> Result<Option<UserId>, StoreError> {
        self.read("find_ended_session", move |conn| {
            let sql = "SELECT user_id FROM sessions WHERE session_id = ?1 AND ended = 1";
            Ok(find(conn, sql, [session_id], |row| row.get(0))?)
        })
        .await
    }

    async fn list_ended_sessions(
        &self,
        limit: usize,
    ) -> Result<Vec<(UserId, SessionId)>, StoreError> {
        self.read("list_ended_sessions", move |conn| {
            let sql = "SELECT user_id, session_id FROM sessions WHERE ended = 1
                       ORDER BY user_id LIMIT ?1";
            Ok(list(conn, sql, [rows(limit)], |row| Ok((row.get(0)?, row.get(1)?)))?)
        })
        .await
    }

    async fn delete_sessions(&self, session_ids: &[SessionId]) -> Result<(), StoreError> {
        let session_ids = id_list(session_ids.iter().map(|session_id| session_id.to_i64()));
        self.write("delete_sessions", session_ids.len(), move |conn| {
            let sql = "DELETE FROM sessions
                       WHERE session_id IN (SELECT value FROM json_each(?1))";
            execute(conn, sql, [&session_ids])?;
            Ok(())
        })
        .await
    }

    async fn list_sessions(
        &self,
        user_id: UserId,
        now_ms: UnixMs,
    ) -> Result<Vec<Session>, StoreError> {
        self.read("list_sessions", move |conn| {
            let sql = concat!(
                "SELECT ",
                session_columns!(),
                " FROM sessions WHERE user_id = ?1 AND expires_at_ms > ?2 AND ended = 0
                  ORDER BY created_at_ms, session_id"
            );
            Ok(list(conn, sql, params![user_id, Ms(now_ms)], session)?)
        })
        .await
    }
}
