//! From attaching to `ready`, for the first time and anew: the steps whose order makes it complete.
//!
//! Bound before attached, attached before the audiences are read: a change of audiences is either in what
//! is read or among the placements that are logged. Joined before the snapshot is taken: an event is either
//! in it or held. It knows no sockets, only an [`Outlet`].

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::bus::Bus;
use crate::bus::envelope::Topic;
use crate::chat::{Caller, Chat, ChatError, to_raw};
use crate::clock::UnixMs;
use crate::gateway::fanout::bindings::Bindings;
use crate::gateway::fanout::subscriber::Subscriber;
use crate::gateway::fanout::{Detached, FanoutHandle, Outlet};
use crate::model::presence::SocketKey;

/// Authenticating, and everything up to `ready`, each take so long at most. A store that is slower
/// is as good as down.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a session did not become ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error(transparent)]
    Detached(#[from] Detached),
}

/// What sessions are opened with.
#[derive(Clone, Copy)]
pub struct Opener<'a, O> {
    pub chat: &'a Chat,
    pub bus: &'a Arc<dyn Bus>,
    pub fanout: &'a FanoutHandle<O>,
}

impl<O: Outlet> Opener<'_, O> {
    /// Returns when the signed-in session ends by itself, after `ready` has gone out. `has_ended` says
    /// whether the socket is gone, which may have happened before it was attached.
    ///
    /// # Errors
    ///
    /// [`ChatError::Unauthorized`] if the signed-in session is over.
    pub async fn open(
        &self,
        caller: Caller,
        key: SocketKey,
        outlet: O,
        has_ended: impl Fn() -> bool,
    ) -> Result<UnixMs, NotReady> {
        let own = Bindings::bind(self.bus.clone(), [Topic::User(caller.user_id)]).await;
        let subscriber = Subscriber::new(caller.session_id, outlet, own);
        self.fanout.attach(key, subscriber).await?;
        if has_ended() {
            self.fanout.detach(key).await;
            return Err(Detached.into());
        }
        self.make_ready(caller, key, None).await
    }

    /// Like [`open`](Self::open) for a session that is live, of which pushes and changes may have been
    /// lost. If that fails it goes on as it was, and has to be tried again.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub async fn reopen(&self, caller: Caller, key: SocketKey) -> Result<UnixMs, NotReady> {
        self.fanout.hold(key).await?;
        // It may not have been bound the last time.
        let own = Some(Topic::User(caller.user_id));
        let made = timeout(STEP_TIMEOUT, self.make_ready(caller, key, own)).await;
        let result = made.unwrap_or(Err(ChatError::Timeout.into()));
        if matches!(result, Err(NotReady::Chat(_))) {
            self.fanout.release(key).await?;
        }
        result
    }

    async fn make_ready(
        &self,
        caller: Caller,
        key: SocketKey,
        own: Option<Topic>,
    ) -> Result<UnixMs, NotReady> {
        // The signed-in session may have ended when nobody could tell its socket.
        let expiry = self.chat.session_expiry(caller).await?;
        let expires_at_ms = expiry.ok_or(ChatError::Unauthorized)?;
        let audiences = self.chat.audiences(caller).await?;
        let topics = audiences.iter().map(|audience| Topic::Group(audience.group_id));
        let bindings = Bindings::bind(self.bus.clone(), topics.chain(own)).await;
        self.fanout.join(key, bindings, audiences).await?;
        let ready = self.chat.snapshot(caller).await?;
        self.fanout.open(key, to_raw(&ready)).await?;
        Ok(expires_at_ms)
    }
}
