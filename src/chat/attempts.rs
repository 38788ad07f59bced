//! How often strangers may try: registrations and failed logins per address, one password at a time per
//! user name and address.
//!
//! What is counted here is counted on this node. Wrong passwords per user name are counted over all
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
use crate::model::id::UserId;
use crate::model::name::folded_username;
use crate::model::window::MinuteWindow;
use crate::telemetry;

/// A flood from more addresses than this forgets some of their counts, but no more memory is used.
const ADDRESSES_MAX: u64 = 100_000;
/// Longer than a minute window lasts.
const IDLE_MAX: Duration = Duration::from_secs(120);
const TURN_WAIT_MAX: Duration = Duration::from_secs(10);

/// What somebody is told who would get through if all passwords that are being checked are right.
const PENDING_RETRY_MS: u64 = 1_000;

/// What a node remembers of attempts.
pub struct AuthAttempts {
    pub registrations: AddressRate,
    /// Against one password that is tried on many names; generous, because offices share an address.
    pub failed_logins: AddressRate,
    turns: Cache<PasswordSource, Arc<Semaphore>>,
}

/// Where passwords come from that are checked one after another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum PasswordSource {
    Login { username_folded: String, network: IpAddr },
    SignedIn(UserId),
}

impl Default for AuthAttempts {
    fn default() -> Self {
        Self {
            registrations: AddressRate::new("registration"),
            failed_logins: AddressRate::new("login_address"),
            turns: Cache::builder().max_capacity(ADDRESSES_MAX).time_to_idle(IDLE_MAX).build(),
        }
    }
}

impl AuthAttempts {
    /// Waits until no other login under `username` from this address is being checked: as each counts
    /// as failed meanwhile, people who share a bot's account would refuse each other.
    ///
    /// # Errors
    ///
    /// `rate_limited` after ten seconds of waiting.
    pub async fn login_turn(
        &self,
        username: &str,
        address: IpAddr,
    ) -> Result<OwnedSemaphorePermit, ChatError> {
        let username_folded = folded_username(username);
        self.turn(PasswordSource::Login { username_folded, network: network(address) }).await
    }

    /// The same for somebody who is signed in. Strangers are never in front of them.
    pub async fn own_turn(&self, user_id: UserId) -> Result<OwnedSemaphorePermit, ChatError> {
        self.turn(PasswordSource::SignedIn(user_id)).await
    }

    async fn turn(&self, place: PasswordSource) -> Result<OwnedSemaphorePermit, ChatError> {
        let one_at_a_time = async { Arc::new(Semaphore::new(1)) };
        let turns = self.turns.get_with(place, one_at_a_time).await;
        match tokio::time::timeout(TURN_WAIT_MAX, turns.acquire_owned()).await {
            Ok(turn) => Ok(turn.expect("the semaphore is never closed")),
            Err(_) => Err(rate_limited("login", 1_000)),
        }
    }
}

/// Counts attempts per minute and address.
pub struct AddressRate {
    scope: &'static str,
    windows: Cache<IpAddr, Arc<Mutex<Window>>>,
}

#[derive(Default)]
struct Window {
    minute: MinuteWindow,
    /// AuthAttempts of which it is not known yet whether they count.
    pending: u32,
}

impl AddressRate {
    fn new(scope: &'static str) -> Self {
        let windows = Cache::builder().max_capacity(ADDRESSES_MAX).time_to_idle(IDLE_MAX).build();
        Self { scope, windows }
    }

    /// Counts an attempt, unless it is one too many.
    ///
    /// # Errors
    ///
    /// `rate_limited` if `max` attempts from `address` were counted in its current minute.
    pub async fn take(&self, address: IpAddr, max: u32, now_ms: UnixMs) -> Result<(), ChatError> {
        self.reserve(address, max, now_ms).await?.count(now_ms);
        Ok(())
    }

    /// Takes the place of an attempt that may turn out not to count. As many as could count are let
    /// through at once, and no more.
    pub async fn reserve(
        &self,
        address: IpAddr,
        max: u32,
        now_ms: UnixMs,
    ) -> Result<ReservedPlace, ChatError> {
        let shared = self.windows.get_with(network(address), async { Arc::default() }).await;
        let mut window = shared.lock();
        let refused = |wait_ms| rate_limited(self.scope, wait_ms);
        window.minute.check(max, now_ms).map_err(refused)?;
        if window.minute.counted(now_ms) + window.pending >= max {
            return Err(refused(PENDING_RETRY_MS));
        }
        window.pending += 1;
        drop(window);
        Ok(ReservedPlace(shared))
    }
}

/// An attempt that is being made; dropped, it does not count.
pub struct ReservedPlace(Arc<Mutex<Window>>);

impl ReservedPlace {
    pub fn count(self, now_ms: UnixMs) {
        self.0.lock().minute.count(now_ms);
    }
}

impl Drop for ReservedPlace {
    fn drop(&mut self) {
        self.0.lock().pending -= 1;
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
        let limit = AddressRate::new("test");
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..3 {
            limit.take(one, 3, NOW_MS).await.unwrap();
        }
        let refused = limit.take(one, 3, NOW_MS + 59_999).await;
        assert!(matches!(refused, Err(ChatError::RateLimited { retry_after_ms: 1 })));
        assert!(limit.reserve(one, 3, NOW_MS).await.is_err());
        assert!(limit.take(other, 3, NOW_MS).await.is_ok());
        assert!(limit.take(one, 3, NOW_MS + 60_000).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_reserved_counts_until_it_is_known_not_to() {
        let limit = AddressRate::new("test");
        let one = address("192.0.2.1");
        let reserve = || limit.reserve(one, 2, NOW_MS);
        let (right, wrong) = (reserve().await.unwrap(), reserve().await.unwrap());
        let refused = reserve().await.err();
        assert!(matches!(refused, Some(ChatError::RateLimited { retry_after_ms: 1_000 })));
        drop(right);
        wrong.count(NOW_MS);
        reserve().await.unwrap().count(NOW_MS);
        let refused = reserve().await.err();
        assert!(matches!(refused, Some(ChatError::RateLimited { retry_after_ms: 60_000 })));
        assert!(limit.reserve(one, 2, NOW_MS + 60_000).await.is_ok());
    }

    #[tokio::test]
    async fn logins_of_one_name_take_turns_in_any_case() {
        let attempts = AuthAttempts::default();
        let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = attempts.login_turn("Ada", here).await.unwrap();
        let second = attempts.login_turn("aDA", here);
        tokio::pin!(second);
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        assert!(attempts.login_turn("bob", here).await.is_ok());
        assert!(attempts.login_turn("Ada", there).await.is_ok(), "nobody waits for strangers");
        assert!(attempts.own_turn(UserId::new(1)).await.is_ok());
        drop(first);
        assert!(second.await.is_ok());
    }
}
