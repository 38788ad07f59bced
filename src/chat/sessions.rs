//! Sessions: a person's signed-in devices, and how they end.

use crate::bus::envelope::{Content, Effect, Topic};
use crate::chat::accounts::Origin;
use crate::chat::error::Noun;
use crate::chat::views::{SessionView, Sessions, SignedIn};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::account::{Session, User};
use crate::model::id::{SessionId, UserId};
use crate::model::time::Timestamp;

/// Devices that a person is signed in on; signing in on one more ends the session that is oldest.
pub const SESSIONS_PER_PERSON_MAX: usize = 100;

impl Chat {
    /// Who an access token belongs to, while its session lasts.
    ///
    /// # Errors
    ///
    /// `token_expired` or `unauthorized`.
    pub async fn authenticate(&self, access_token: &str) -> Result<Caller, ChatError> {
        let caller = self.tokens.read_access(access_token, self.clock.now_ms())?;
        if self.session_lasts(caller).await? { Ok(caller) } else { Err(ChatError::Unauthorized) }
    }

    /// Whether the caller is still signed in. To be asked again once a new socket is known to the
    /// fan-out: a session that ended before that could not disconnect it.
    pub async fn session_lasts(&self, caller: Caller) -> Result<bool, ChatError> {
        let (store, session_id) = (self.store.clone(), caller.session_id);
        let now_ms = self.clock.now_ms();
        let load = move || {
            let store = store.clone();
            async move {
                let session = store.find_session(session_id, now_ms).await?;
                Ok(session.map(|session| session.user_id))
            }
        };
        let owner = self.caches.sessions.get(session_id, load).await?;
        Ok(owner == Some(caller.user_id))
    }

    pub async fn logout(&self, caller: Caller) -> Result<(), ChatError> {
        self.end_sessions(caller.user_id, vec![caller.session_id]).await
    }

    pub async fn list_sessions(&self, caller: Caller) -> Result<Sessions, ChatError> {
        let sessions = self.store.list_sessions(caller.user_id, self.clock.now_ms()).await?;
        let view = |session: Session| SessionView {
            id: session.id,
            created_at: Timestamp(session.created_at_ms),
            last_used_at: Timestamp(session.last_used_at_ms),
            user_agent: session.user_agent,
            current: session.id == caller.session_id,
        };
        Ok(Sessions { sessions: sessions.into_iter().map(view).collect() })
    }

    /// # Errors
    ///
    /// `session_not_found`, also for somebody else's. One that has ended may still have sockets, if
    /// ending it failed half way: those of the caller are gone by then.
    pub async fn end_session(
        &self,
        caller: Caller,
        session_id: SessionId,
    ) -> Result<(), ChatError> {
        let session = self.store.find_session(session_id, self.clock.now_ms()).await?;
        match session.map(|session| session.user_id == caller.user_id) {
            Some(true) => return self.end_sessions(caller.user_id, vec![session_id]).await,
            Some(false) => {}
            None => self.announce_ended(caller.user_id, vec![session_id]).await?,
        }
        Err(ChatError::NotFound(Noun::Session))
    }

    pub(crate) async fn end_other_sessions(&self, caller: Caller) -> Result<(), ChatError> {
        let sessions = self.store.list_sessions(caller.user_id, self.clock.now_ms()).await?;
        let others = sessions.iter().map(|session| session.id);
        let others: Vec<_> = others.filter(|id| *id != caller.session_id).collect();
        self.end_sessions(caller.user_id, others).await
    }

    /// Ends sessions of one person: when this returns, their tokens are refused and their sockets are
    /// gone on every node.
    ///
    /// # Errors
    ///
    /// `unavailable` if the sessions have ended but a node may not know yet.
    pub(crate) async fn end_sessions(
        &self,
        user_id: UserId,
        session_ids: Vec<SessionId>,
    ) -> Result<(), ChatError> {
        if session_ids.is_empty() {
            return Ok(());
        }
        let chat = self.clone();
        self.to_the_end(async move {
            chat.store.delete_sessions(&session_ids).await?;
            for session_id in &session_ids {
                chat.caches.sessions.invalidate(session_id).await;
            }
            tracing::debug!(user.id = %user_id, ended = session_ids.len(), "ended sessions");
            chat.announce_ended(user_id, session_ids).await
        })
        .await
    }

    /// Disconnects those sockets of a person that belong to one of `session_ids`.
    async fn announce_ended(
        &self,
        user_id: UserId,
        session_ids: Vec<SessionId>,
    ) -> Result<(), ChatError> {
        let effect = Effect::EndSessions { user_id, session_ids };
        let envelope = self.envelope([Topic::User(user_id)], Content::None).with_effect(effect);
        self.announce_applied(envelope).await
    }

    async fn end_oldest_sessions(&self, user_id: UserId) -> Result<(), ChatError> {
        let sessions = self.store.list_sessions(user_id, self.clock.now_ms()).await?;
        let excess = sessions.len().saturating_sub(SESSIONS_PER_PERSON_MAX);
        let oldest = sessions.into_iter().take(excess).map(|session| session.id);
        self.end_sessions(user_id, oldest.collect()).await
    }

    /// Starts a session for somebody who has proved who they are.
    pub(crate) async fn sign_in(&self, user: User, origin: &Origin) -> Result<SignedIn, ChatError> {
        let (id, now_ms) = self.next_id_and_time()?;
        let caller = Caller { user_id: user.id, session_id: SessionId::new(id) };
        let refresh = self.tokens.issue_refresh(caller.session_id);
        let session = Session {
            id: caller.session_id,
            user_id: user.id,
            refresh_hash: refresh.hash,
            created_at_ms: now_ms,
            last_used_at_ms: now_ms,
            expires_at_ms: self.tokens.session_expires_at_ms(now_ms),
            user_agent: origin.user_agent.clone(),
        };
        self.store.insert_session(&session).await?;
        self.end_oldest_sessions(session.user_id).await?;
        Ok(self.signed_in(caller, user, refresh.text, now_ms))
    }
}
