//! Sessions: a person's signed-in devices, and how they end.
//!
//! An ending is stored, announced, and then deleted. So one that could not be announced is found again,
//! by a retry of whoever ended it or by [`run_endings`].

use std::time::Duration;

use crate::bus::envelope::{Changed, Content, Effect, Topic};
use crate::chat::accounts::Requester;
use crate::chat::changes::Changes;
use crate::chat::debts::Debt;
use crate::chat::error::Noun;
use crate::chat::views::{SessionView, Sessions, SignedIn};
use crate::chat::{Caller, Chat, ChatError};
use crate::clock::UnixMs;
use crate::model::account::{Account, Session};
use crate::model::id::{SessionId, UserId};
use crate::model::time::Timestamp;
use crate::telemetry::log_seldom;

/// Devices that a person is signed in on; signing in on one more ends the session that is oldest.
pub const SESSIONS_PER_PERSON_MAX: usize = 100;

/// Endings that were stored and not announced are looked for this often.
const UNANNOUNCED_INTERVAL: Duration = Duration::from_secs(10);
/// More of them wait for the next time; there are some only while the bus fails.
const UNANNOUNCED_MAX: usize = 1_000;

/// Whose session it is, and when it ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting {
    pub user_id: UserId,
    pub expires_at_ms: UnixMs,
}

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

    /// The same for somebody who logs out, perhaps once more: a session that has ended counts as well
    /// until all nodes know that it has.
    pub async fn authenticate_leaving(&self, access_token: &str) -> Result<Caller, ChatError> {
        let caller = self.tokens.read_access(access_token, self.clock.now_ms())?;
        if self.session_lasts(caller).await? {
            return Ok(caller);
        }
        let ended = self.store.find_ended_session(caller.session_id).await?;
        if ended == Some(caller.user_id) { Ok(caller) } else { Err(ChatError::Unauthorized) }
    }

    /// Whether the caller is still signed in. To be asked again once a new socket is known to the
    /// fan-out: a session that ended before that could not disconnect it.
    pub async fn session_lasts(&self, caller: Caller) -> Result<bool, ChatError> {
        Ok(self.session_expiry(caller).await?.is_some())
    }

    /// When the caller's session ends by itself; `None` if it has ended.
    pub async fn session_expiry(&self, caller: Caller) -> Result<Option<UnixMs>, ChatError> {
        let Caller { user_id, session_id } = caller;
        let now_ms = self.clock.now_ms();
        let mut lasting = self.find_lasting(session_id).await?;
        if lasting.is_some_and(|lasting| lasting.expires_at_ms <= now_ms) {
            // It may have been refreshed at another node since it was cached.
            drop(self.changed([Changed::Session(session_id)]));
            lasting = self.find_lasting(session_id).await?;
        }
        let lasting = lasting.filter(|it| it.user_id == user_id && it.expires_at_ms > now_ms);
        Ok(lasting.map(|lasting| lasting.expires_at_ms))
    }

    async fn find_lasting(&self, session_id: SessionId) -> Result<Option<Lasting>, ChatError> {
        let (store, now_ms) = (self.store.clone(), self.clock.now_ms());
        let load = move || {
            let store = store.clone();
            async move {
                let session = store.find_session(session_id, now_ms).await?;
                Ok(session.map(|Session { user_id, expires_at_ms, .. }| Lasting {
                    user_id,
                    expires_at_ms,
                }))
            }
        };
        self.caches.sessions.get(session_id, load).await
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

    /// May be retried: one that has ended and that not all nodes know of is ended once more.
    ///
    /// # Errors
    ///
    /// `session_not_found`, also for somebody else's.
    pub async fn end_session(
        &self,
        caller: Caller,
        session_id: SessionId,
    ) -> Result<(), ChatError> {
        let session = self.store.find_session(session_id, self.clock.now_ms()).await?;
        let owner = match session {
            Some(session) => Some(session.user_id),
            None => self.store.find_ended_session(session_id).await?,
        };
        if owner != Some(caller.user_id) {
            return Err(ChatError::NotFound(Noun::Session));
        }
        self.end_sessions(caller.user_id, vec![session_id]).await
    }

    /// Ends sessions of one person: when this returns, their tokens are refused and their sockets are
    /// gone on every node.
    ///
    /// # Errors
    ///
    /// `unavailable` if the sessions have ended but a node may not know yet; it will, because
    /// [`run_endings`] goes on trying.
    pub(crate) async fn end_sessions(
        &self,
        user_id: UserId,
        session_ids: Vec<SessionId>,
    ) -> Result<(), ChatError> {
        let chat = self.clone();
        self.to_the_end(async move {
            let ended = chat.store.end_sessions(&session_ids).await;
            // Also where nobody knows whether they have ended.
            drop(chat.sessions_changed(&session_ids));
            ended?;
            chat.announce_ended(user_id, session_ids).await
        })
        .await
    }

    fn sessions_changed(&self, session_ids: &[SessionId]) -> Changes {
        self.changed(session_ids.iter().copied().map(Changed::Session))
    }

    /// Refuses the tokens of sessions that have ended in the store, disconnects their sockets on every
    /// node, and then deletes them: what is left in the store is what not everybody knows of.
    pub(crate) async fn announce_ended(
        &self,
        user_id: UserId,
        session_ids: Vec<SessionId>,
    ) -> Result<(), ChatError> {
        if session_ids.is_empty() {
            return Ok(());
        }
        let changes = self.sessions_changed(&session_ids);
        let effect = Effect::EndSessions { user_id, session_ids: session_ids.clone() };
        let envelope = self.envelope([Topic::User(user_id)], Content::None);
        let envelope = envelope.with_changes(changes).with_effect(effect);
        // What is marked as ended in the store is announced until it is deleted there.
        self.announce_applied(&Debt::none(), envelope).await?;
        tracing::debug!(user.id = %user_id, ended = session_ids.len(), "ended sessions");
        if let Err(error) = self.store.delete_sessions(&session_ids).await {
            log_seldom!(warn, %error, "sessions that have ended are announced once more");
        }
        Ok(())
    }

    /// Announces a session that has ended, if that is not done.
    pub(crate) async fn finish_ending(&self, session_id: SessionId) -> Result<(), ChatError> {
        match self.store.find_ended_session(session_id).await? {
            Some(user_id) => self.announce_ended(user_id, vec![session_id]).await,
            None => Ok(()),
        }
    }

    async fn end_oldest_sessions(&self, user_id: UserId) -> Result<(), ChatError> {
        let sessions = self.store.list_sessions(user_id, self.clock.now_ms()).await?;
        let excess = sessions.len().saturating_sub(SESSIONS_PER_PERSON_MAX);
        let oldest = sessions.into_iter().take(excess).map(|session| session.id);
        self.end_sessions(user_id, oldest.collect()).await
    }

    /// Starts a session for somebody who has just proved to have `account`.
    ///
    /// # Errors
    ///
    /// `unauthorized` if the password was changed since: the sessions of the old one ended then, and
    /// this one would have been overlooked.
    pub(crate) async fn sign_in(
        &self,
        account: Account,
        requester: &Requester,
    ) -> Result<SignedIn, ChatError> {
        let (id, now_ms) = self.next_id_and_time()?;
        let Account { user, password_hash, .. } = account;
        let caller = Caller { user_id: user.id, session_id: SessionId::new(id) };
        let refresh = self.tokens.issue_refresh(caller.session_id);
        let session = Session {
            id: caller.session_id,
            user_id: user.id,
            refresh_hash: refresh.hash,
            created_at_ms: now_ms,
            last_used_at_ms: now_ms,
            expires_at_ms: self.tokens.session_expires_at_ms(now_ms),
            user_agent: requester.user_agent.clone(),
        };
        self.store.insert_session(&session).await?;
        let account = self.store.find_account(user.id).await?;
        if account.is_none_or(|account| account.password_hash != password_hash) {
            self.end_sessions(user.id, vec![session.id]).await?;
            return Err(ChatError::Unauthorized);
        }
        // Whoever signs in has done so, whether or not an old session can be ended now.
        if let Err(error) = self.end_oldest_sessions(user.id).await {
            log_seldom!(warn, %error, user.id = %user.id, "somebody keeps too many sessions");
        }
        Ok(self.signed_in(caller, user, refresh.text, now_ms))
    }
}

/// Announces what has ended in the store and could not be announced then, also what a node that died
/// has left.
pub async fn run_endings(chat: Chat) {
    let lifecycle = chat.lifecycle.clone();
    loop {
        tokio::select! {
            biased;
            () = lifecycle.stopping() => return,
            () = tokio::time::sleep(UNANNOUNCED_INTERVAL) => {}
        }
        if let Err(error) = chat.announce_endings().await {
            tracing::warn!(%error, "sessions that have ended could not be announced");
        }
    }
}

impl Chat {
    /// Announces every ending that is not known everywhere, up to the first that fails.
    pub async fn announce_endings(&self) -> Result<(), ChatError> {
        let ended = self.store.list_ended_sessions(UNANNOUNCED_MAX).await?;
        for of_one in ended.chunk_by(|(one, _), (other, _)| one == other) {
            let session_ids = of_one.iter().map(|(_, session_id)| *session_id).collect();
            self.announce_ended(of_one[0].0, session_ids).await?;
        }
        Ok(())
    }
}
