//! How often strangers may try: registrations and failed logins per address, one login at a time per
//! user name.
//!
//! What is counted here is counted on this node. Failed logins per user name are counted over all
//! nodes, in the store.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::chat::ChatError;
use crate::clock::UnixMs;
use crate::model::address::network;
use crate::model::text;
use crate::model::window::MinuteWindow;
use crate::telemetry;

/// A flood from more addresses than this forgets some of their counts, but no more memory is used.
const ADDRESSES_MAX: u64 = 100_000;
/// Longer than a minute window lasts.
const IDLE_MAX: Duration = Duration::from_secs(120);
const TURN_WAIT_MAX: Duration = Duration::from_secs(10);

/// What a node remembers of attempts.
pub struct Attempts {
    pub registrations: AddressLimit,
    /// Against one password that is tried on many names; generous, because offices share an address.
    pub failed_logins: AddressLimit,
    turns: Cache<String, Arc<Semaphore>>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            registrations: AddressLimit::new("registration"),
            failed_logins: AddressLimit::new("login_address"),
            turns: Cache::builder().max_capacity(ADDRESSES_MAX).time_to_idle(IDLE_MAX).build(),
        }
    }
}

impl Attempts {
    /// Waits until no other login under `username` is being checked. Guesses that run at the same time
    /// would all be checked before the first of them counts.
    ///
    /// # Errors
    ///
    /// `rate_limited` after ten seconds of waiting.
    pub async fn turn(&self, username: &str) -> Result<OwnedSemaphorePermit, ChatError> {
        let one_at_a_time = async { Arc::new(Semaphore::new(1)) };
        let turns = self.turns.get_with(text::folded(username), one_at_a_time).await;
        match tokio::time::timeout(TURN_WAIT_MAX, turns.acquire_owned()).await {
            Ok(turn) => Ok(turn.expect("the semaphore is never closed")),
            Err(_) => Err(rate_limited("login", 1_000)),
        }
    }
}

/// Counts attempts per minute and address.
pub struct AddressLimit {
    scope: &'static str,
    windows: Cache<IpAddr, Arc<Mutex<MinuteWindow>>>,
}

impl AddressLimit {
    fn new(scope: &'static str) -> Self {
        let windows = Cache::builder().max_capacity(ADDRESSES_MAX).time_to_idle(IDLE_MAX).build();
        Self { scope, windows }
    }

    /// # Errors
    ///
    /// `rate_limited` if `max` attempts from `address` were counted in its current minute.
    pub async fn check(&self, address: IpAddr, max: u32, now_ms: UnixMs) -> Result<(), ChatError> {
        let Some(window) = self.windows.get(&network(address)).await else { return Ok(()) };
        let checked = window.lock().check(max, now_ms);
        checked.map_err(|wait_ms| rate_limited(self.scope, wait_ms))
    }

    pub async fn count(&self, address: IpAddr, now_ms: UnixMs) {
        self.window(address).await.lock().count(now_ms);
    }

    /// Counts an attempt, unless it is one too many.
    pub async fn take(&self, address: IpAddr, max: u32, now_ms: UnixMs) -> Result<(), ChatError> {
        let window = self.window(address).await;
        let mut window = window.lock();
        window.check(max, now_ms).map_err(|wait_ms| rate_limited(self.scope, wait_ms))?;
        window.count(now_ms);
        Ok(())
    }

    async fn window(&self, address: IpAddr) -> Arc<Mutex<MinuteWindow>> {
        self.windows.get_with(network(address), async { Arc::default() }).await
    }
}

/// Counts a refusal by `scope`, and makes its error.
pub(crate) fn rate_limited(scope: &'static str, retry_after_ms: u64) -> ChatError {
    metrics::counter!(telemetry::RATE_LIMITED, "scope" => scope).increment(1);
    ChatError::RateLimited { retry_after_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: UnixMs = 1_795_000_000_000;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn each_address_has_its_own_count() {
        let limit = AddressLimit::new("test");
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..3 {
            limit.take(one, 3, NOW_MS).await.unwrap();
        }
        let refused = limit.take(one, 3, NOW_MS + 59_999).await;
        assert!(matches!(refused, Err(ChatError::RateLimited { retry_after_ms: 1 })));
        assert!(limit.check(one, 3, NOW_MS).await.is_err());
        assert!(limit.take(other, 3, NOW_MS).await.is_ok());
        assert!(limit.take(one, 3, NOW_MS + 60_000).await.is_ok());
    }

    #[tokio::test]
    async fn logins_of_one_name_take_turns_in_any_case() {
        let attempts = Attempts::default();
        let first = attempts.turn("Ada").await.unwrap();
        let second = attempts.turn("aDA");
        tokio::pin!(second);
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        assert!(attempts.turn("bob").await.is_ok());
        drop(first);
        assert!(second.await.is_ok());
    }
}
