//! Passwords that were shown and are not known to be right.

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::account::PasswordAttempt;
use crate::model::id::AttemptId;
use crate::store::StoreError;

#[async_trait]
pub trait AttemptStore: Send + Sync {
    /// Notes a password that is shown as a failure before it is known to be one, unless as many as
    /// `limits` allow count already. Of racing attempts at most so many are reserved.
    ///
    /// Repeating one that was reserved reserves it once. One that is not released counts until it
    /// expires, as does one of which a repetition arrives after its release.
    async fn reserve_attempt(
        &self,
        attempt: &PasswordAttempt,
        limits: AttemptLimits,
        now_ms: UnixMs,
    ) -> Result<Reservation, StoreError>;

    /// Takes back a reservation: the password was right, or was not looked at.
    async fn release_attempt(&self, attempt_id: AttemptId) -> Result<(), StoreError>;
}

/// How many failures may count, before a password is looked at.
#[derive(Clone, Copy, Debug)]
pub struct AttemptLimits {
    /// Of a stranger: under this name from this network, whoever asked. Of somebody who is signed in:
    /// under this name by people who are.
    pub own_max: u32,
    /// Under this name from everywhere; of no matter to whoever is signed in.
    pub name_max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    Reserved,
    /// Nothing is noted; there is room again then, if nothing fails meanwhile.
    TooMany {
        until_ms: UnixMs,
    },
}
