//! A signed-in caller, and how commands are run for one: limited, with a deadline, to their end.

use std::future::Future;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::chat::{Caller, Chat, ChatError};
use crate::edge::bearer;
use crate::http::HttpState;
use crate::http::answer::Failure;
use crate::http::memory::{MemoryBudgets, MemoryShare, ShareSlot};
use crate::http::rate::SessionRates;

/// Commands of this node that run at once. With a store that answers in milliseconds there are a few
/// dozen; more than this means that it does not, and more waiting would help nobody.
const COMMANDS_MAX: usize = 4096;

/// Runs commands for all requests.
#[derive(Clone)]
pub struct Commands {
    chat: Chat,
    places: Arc<Semaphore>,
    rates: Arc<SessionRates>,
    budgets: Arc<MemoryBudgets>,
}

impl Commands {
    pub fn new(chat: Chat) -> Self {
        let places = Arc::new(Semaphore::new(COMMANDS_MAX));
        Self { chat, places, rates: Arc::default(), budgets: Arc::default() }
    }

    /// Carries out a command to its end, also if the client is gone or the deadline has passed
    /// meanwhile: what is stored is then announced as well.
    pub async fn run<T, F, Fut>(&self, command: F) -> Result<T, ChatError>
    where
        T: Send + 'static,
        F: FnOnce(Chat) -> Fut,
        Fut: Future<Output = Result<T, ChatError>> + Send + 'static,
    {
        let place = self.places.clone().try_acquire_owned().map_err(|_| ChatError::Unavailable)?;
        let running = command(self.chat.clone());
        let whole = self.chat.to_the_end(async move {
            let _place = place;
            running.await
        });
        timeout(self.chat.limits().command_timeout, whole).await.map_err(|_| ChatError::Timeout)?
    }

    async fn authenticate(&self, parts: &Parts) -> Result<Authenticated, ChatError> {
        self.admit(parts, self.chat.authenticate(token(parts)?)).await
    }

    async fn authenticate_leaving(&self, parts: &Parts) -> Result<Authenticated, ChatError> {
        self.admit(parts, self.chat.authenticate_leaving(token(parts)?)).await
    }

    async fn admit(
        &self,
        parts: &Parts,
        checking: impl Future<Output = Result<Caller, ChatError>>,
    ) -> Result<Authenticated, ChatError> {
        let limit = self.chat.limits().command_timeout;
        let caller = timeout(limit, checking).await.map_err(|_| ChatError::Timeout)??;
        self.limit_rate(caller)?;
        let share = self.budgets.enter(caller.user_id, limit).await?;
        if let Some(slot) = parts.extensions.get::<ShareSlot>() {
            slot.set(share.clone());
        }
        Ok(Authenticated { caller, commands: self.clone(), share })
    }

    fn limit_rate(&self, caller: Caller) -> Result<(), ChatError> {
        let limits = self.chat.limits();
        if !limits.rates {
            return Ok(());
        }
        let now_ms = self.chat.clock().now_ms();
        self.rates.take(caller.session_id, limits.requests(), now_ms).map_err(|retry_after_ms| {
            metrics::counter!(crate::telemetry::RATE_LIMITED, "scope" => "http").increment(1);
            ChatError::RateLimited { retry_after_ms }
        })
    }
}

fn token(parts: &Parts) -> Result<&str, ChatError> {
    parts.headers.get(AUTHORIZATION).and_then(bearer).ok_or(ChatError::Unauthorized)
}

/// A request of somebody who is signed in, and not too fast. The first argument of a handler.
pub struct Authenticated {
    caller: Caller,
    commands: Commands,
    share: Arc<MemoryShare>,
}

impl Authenticated {
    pub async fn run<T, F, Fut>(&self, command: F) -> Result<T, ChatError>
    where
        T: Send + 'static,
        F: FnOnce(Chat, Caller) -> Fut,
        Fut: Future<Output = Result<T, ChatError>> + Send + 'static,
    {
        self.commands
            .run(|chat| {
                let (running, share) = (command(chat, self.caller), self.share.clone());
                async move {
                    let result = running.await;
                    drop(share); // Until here, also if the client is gone.
                    result
                }
            })
            .await
    }
}

impl FromRequestParts<HttpState> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Failure> {
        Ok(state.commands.authenticate(parts).await?)
    }
}

/// A request of somebody who logs out, perhaps once more because it failed the first time.
pub struct Leaving(pub Authenticated);

impl FromRequestParts<HttpState> for Leaving {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Failure> {
        Ok(Self(state.commands.authenticate_leaving(parts).await?))
    }
}
