//! Where people are signed in.

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::account::{Session, TokenHash};
use crate::model::id::{SessionId, UserId};
use crate::store::StoreError;

#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Repeating it changes nothing, also after the session was refreshed or has ended.
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError>;

    /// `None` also for one that has ended, or expires at `now_ms` or before.
    async fn find_session(
        &self,
        session_id: SessionId,
        now_ms: UnixMs,
    ) -> Result<Option<Session>, StoreError>;

    /// Replaces the refresh token of a session if it is still `presented`, and prolongs the session.
    ///
    /// If it is `next` already and has been for less than `grace_ms`, the answer is the same and nothing
    /// changes: a repetition, or a race of several who hold one token, because `next` depends on
    /// `presented` alone. Of racing rotations one is carried out; every later one sees it.
    async fn rotate_refresh_token(
        &self,
        session_id: SessionId,
        rotation: &RefreshRotation,
    ) -> Result<Rotation, StoreError>;

    /// Ends all of `session_ids`, one after the other: from now on they are neither found nor listed nor
    /// refreshed. Those that are not there, or have ended, are no failure.
    ///
    /// They stay until [`delete_sessions`](Self::delete_sessions), or until they expire, so that
    /// whoever has to tell the nodes can do so again after a crash.
    async fn end_sessions(&self, session_ids: &[SessionId]) -> Result<(), StoreError>;

    /// Whose session has ended and is not deleted.
    async fn find_ended_session(&self, session_id: SessionId)
    -> Result<Option<UserId>, StoreError>;

    /// Sessions that have ended and are not deleted, at most `limit`, by person.
    async fn list_ended_sessions(
        &self,
        limit: usize,
    ) -> Result<Vec<(UserId, SessionId)>, StoreError>;

    /// Deletes all of `session_ids`, one after the other; those that are not there are no failure.
    async fn delete_sessions(&self, session_ids: &[SessionId]) -> Result<(), StoreError>;

    /// Sessions of a user that have neither ended nor expired, oldest first.
    async fn list_sessions(
        &self,
        user_id: UserId,
        now_ms: UnixMs,
    ) -> Result<Vec<Session>, StoreError>;
}

/// The replacement of a session's refresh token.
#[derive(Clone, Copy)]
pub struct RefreshRotation {
    pub presented: TokenHash,
    /// Always the same one for one `presented`.
    pub next: TokenHash,
    pub now_ms: UnixMs,
    /// Until when the session lasts from now on.
    pub expires_at_ms: UnixMs,
    pub grace_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The session's token is `next` now, or has been for less than the grace.
    Rotated,
    /// The session is there, but its token is another one: `presented` was used before, and what
    /// replaced it, too, or too long ago.
    Reused,
    /// No such session, or it has ended or expired.
    NotFound,
}
