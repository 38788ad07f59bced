//! Where people are signed in. Rows of a session expire as a whole: each change writes all of it anew.

use async_trait::async_trait;
use scylla::DeserializeRow;

use crate::clock::UnixMs;
use crate::model::account::Session;
use crate::model::id::{SessionId, UserId};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::errors::failed;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, rows, ttl_seconds};
use crate::store::{RefreshRotation, Rotation, SessionStore, StoreError};

/// How much longer than the session its rows last: beyond what clocks are apart, and for as long as the end of one may
/// have to be told.
const KEPT_LONGER_MS: u64 = 24 * 60 * 60 * 1000;

statements! {
    find: read "SELECT session_id, user_id, refresh_hash, created_at_ms, last_used_at_ms, expires_at_ms, user_agent,
                       ended FROM ks.sessions WHERE session_id = ?";
    insert: decide "INSERT INTO ks.sessions (user_id, refresh_hash, created_at_ms, last_used_at_ms, expires_at_ms,
                                             user_agent, ended, session_id)
                    VALUES (?, ?, ?, ?, ?, ?, false, ?) IF NOT EXISTS USING TTL ?";
    rotate: decide "UPDATE ks.sessions USING TTL ?
                    SET user_id = ?, refresh_hash = ?, created_at_ms = ?, last_used_at_ms = ?, expires_at_ms = ?,
                        user_agent = ?, ended = false
                    WHERE session_id = ? IF refresh_hash = ? AND ended = false";
    end: decide "UPDATE ks.sessions USING TTL ? SET ended = true WHERE session_id = ? IF EXISTS";
    delete: decide "DELETE FROM ks.sessions WHERE session_id = ? IF EXISTS";
    list: read "SELECT session_id FROM ks.sessions_by_user WHERE user_id = ?";
    note: write "INSERT INTO ks.sessions_by_user (user_id, session_id) VALUES (?, ?) USING TTL ?";
    forget: write "DELETE FROM ks.sessions_by_user WHERE user_id = ? AND session_id = ?";
    list_ended: read "SELECT user_id, session_id FROM ks.ended_sessions WHERE scope = 0 LIMIT ?";
    note_ended: write "INSERT INTO ks.ended_sessions (scope, session_id, user_id) VALUES (0, ?, ?) USING TTL ?";
    forget_ended: write "DELETE FROM ks.ended_sessions WHERE scope = 0 AND session_id = ?";
}

#[derive(DeserializeRow)]
pub(super) struct SessionRow {
    session_id: SessionId,
    user_id: UserId,
    refresh_hash: Vec<u8>,
    created_at_ms: Ms,
    last_used_at_ms: Ms,
    expires_at_ms: Ms,
    user_agent: String,
    ended: bool,
}

impl SessionRow {
    pub(super) fn is_open(&self, now_ms: UnixMs) -> bool {
        !self.ended && self.expires_at_ms.0 > now_ms
    }

    pub(super) fn session(self) -> Result<Session, StoreError> {
        let refresh_hash = self.refresh_hash.try_into();
        Ok(Session {
            id: self.session_id,
            user_id: self.user_id,
            refresh_hash: refresh_hash.map_err(|_| failed("a token's hash has another length"))?,
            created_at_ms: self.created_at_ms.0,
            last_used_at_ms: self.last_used_at_ms.0,
            expires_at_ms: self.expires_at_ms.0,
            user_agent: self.user_agent,
        })
    }

    /// From when it was last used, which is when its row was written.
    fn ttl(&self) -> i32 {
        ttl(self.last_used_at_ms.0, self.expires_at_ms.0)
    }
}

fn ttl(from_ms: UnixMs, expires_at_ms: UnixMs) -> i32 {
    ttl_seconds(expires_at_ms.saturating_sub(from_ms), KEPT_LONGER_MS)
}

impl ScyllaStore {
    /// Also one that has ended or expired.
    async fn session_row(&self, session_id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        self.db().row(&self.cql().sessions.find, (session_id,)).await
    }

    async fn session_rows_of(&self, user_id: UserId) -> Result<Vec<SessionRow>, StoreError> {
        let session_ids: Vec<SessionId> =
            self.db().column(&self.cql().sessions.list, (user_id,)).await?;
        let found = for_all(session_ids, |session_id| self.session_row(session_id)).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Noted first, so that whoever has to tell of it finds it, and ended then.
    async fn end_session(&self, row: &SessionRow) -> Result<(), StoreError> {
        let cql = &self.cql().sessions;
        let (session_id, ttl) = (row.session_id, row.ttl());
        self.db().write(&cql.note_ended, (session_id, row.user_id, ttl)).await?;
        self.db().decide(&cql.end, (ttl, session_id)).await.map(drop)
    }

    /// Ends all sessions of a person but `kept`. Returns those that have ended and are not deleted.
    pub(super) async fn end_sessions_of(
        &self,
        user_id: UserId,
        kept: SessionId,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut ended = Vec::new();
        for row in self.session_rows_of(user_id).await? {
            if !row.ended && row.session_id == kept {
                continue;
            }
            if !row.ended {
                self.end_session(&row).await?;
            }
            ended.push(row.session_id);
        }
        Ok(ended)
    }

    /// `None` if somebody else changed the session meanwhile.
    async fn rotate(
        &self,
        session_id: SessionId,
        rotation: &RefreshRotation,
    ) -> Result<Option<Rotation>, StoreError> {
        let RefreshRotation { presented, next, now_ms, expires_at_ms, grace_ms } = *rotation;
        let row = self.session_row(session_id).await?;
        let Some(row) = row.filter(|row| !row.ended && row.expires_at_ms.0 > now_ms) else {
            return Ok(Some(Rotation::NotFound));
        };
        if row.refresh_hash == next {
            let repeats = row.last_used_at_ms.0.saturating_add(grace_ms) > now_ms;
            return Ok(Some(if repeats { Rotation::Rotated } else { Rotation::Reused }));
        }
        if row.refresh_hash != presented {
            return Ok(Some(Rotation::Reused));
        }
        let (cql, ttl) = (&self.cql().sessions, ttl(now_ms, expires_at_ms));
        self.db().write(&cql.note, (row.user_id, session_id, ttl)).await?;
        let values = (
            ttl,
            row.user_id,
            next.to_vec(),
            row.created_at_ms,
            Ms(now_ms),
            Ms(expires_at_ms),
            &row.user_agent,
            session_id,
            presented.to_vec(),
        );
        let decision = self.db().decide(&cql.rotate, values).await?;
        Ok(decision.applied().then_some(Rotation::Rotated))
    }

    async fn delete_session(&self, session_id: SessionId) -> Result<(), StoreError> {
        let cql = &self.cql().sessions;
        if let Some(row) = self.session_row(session_id).await? {
            self.db().write(&cql.forget, (row.user_id, session_id)).await?;
            self.db().decide(&cql.delete, (session_id,)).await?;
        }
        // Last: while it is noted a repetition finds it.
        self.db().write(&cql.forget_ended, (session_id,)).await
    }
}

#[async_trait]
impl SessionStore for ScyllaStore {
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let cql = &self.cql().sessions;
        self.call("insert_session", async {
            let ttl = ttl(session.last_used_at_ms, session.expires_at_ms);
            // The list first: a session that is not in it would outlive a changed password.
            self.db().write(&cql.note, (session.user_id, session.id, ttl)).await?;
            let values = (
                session.user_id,
                session.refresh_hash.to_vec(),
                Ms(session.created_at_ms),
                Ms(session.last_used_at_ms),
                Ms(session.expires_at_ms),
                &session.user_agent,
                session.id,
                ttl,
            );
            self.db().decide(&cql.insert, values).await.map(drop)
        })
        .await
    }

    async fn find_session(
        &self,
        session_id: SessionId,
        now_ms: UnixMs,
    ) -> Result<Option<Session>, StoreError> {
        self.call("find_session", async {
            let row = self.session_row(session_id).await?;
            let row = row.filter(|row| !row.ended && row.expires_at_ms.0 > now_ms);
            row.map(SessionRow::session).transpose()
        })
        .await
    }

    async fn rotate_refresh_token(
        &self,
        session_id: SessionId,
        rotation: &RefreshRotation,
    ) -> Result<Rotation, StoreError> {
        self.call("rotate_refresh_token", async {
            let _turn = self.turn(("session", session_id)).await;
            loop {
                if let Some(rotation) = self.rotate(session_id, rotation).await? {
                    return Ok(rotation);
                }
            }
        })
        .await
    }

    async fn end_sessions(&self, session_ids: &[SessionId]) -> Result<(), StoreError> {
        self.call("end_sessions", async {
            for session_id in session_ids {
                if let Some(row) = self.session_row(*session_id).await?.filter(|row| !row.ended) {
                    self.end_session(&row).await?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn find_ended_session(
        &self,
        session_id: SessionId,
    ) -> Result<Option<UserId>, StoreError> {
        self.call("find_ended_session", async {
            let row = self.session_row(session_id).await?;
            Ok(row.filter(|row| row.ended).map(|row| row.user_id))
        })
        .await
    }

    async fn list_ended_sessions(
        &self,
        limit: usize,
    ) -> Result<Vec<(UserId, SessionId)>, StoreError> {
        let list = &self.cql().sessions.list_ended;
        self.call("list_ended_sessions", async {
            let mut ended: Vec<(UserId, SessionId)> = self.db().rows(list, (rows(limit),)).await?;
            ended.sort_unstable();
            Ok(ended)
        })
        .await
    }

    async fn delete_sessions(&self, session_ids: &[SessionId]) -> Result<(), StoreError> {
        self.call("delete_sessions", async {
            for session_id in session_ids {
                self.delete_session(*session_id).await?;
            }
            Ok(())
        })
        .await
    }

    async fn list_sessions(
        &self,
        user_id: UserId,
        now_ms: UnixMs,
    ) -> Result<Vec<Session>, StoreError> {
        self.call("list_sessions", async {
            let rows = self.session_rows_of(user_id).await?.into_iter();
            let current = rows.filter(|row| !row.ended && row.expires_at_ms.0 > now_ms);
            let mut sessions = current.map(SessionRow::session).collect::<Result<Vec<_>, _>>()?;
            sessions.sort_unstable_by_key(|session| (session.created_at_ms, session.id));
            Ok(sessions)
        })
        .await
    }
}
