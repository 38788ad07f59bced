//! Codes that let people into a group.

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::group::{Invite, Member};
use crate::model::id::{GroupId, UserId};
use crate::store::StoreError;

/// How long somebody who took the last use of an invite may repeat it: longer than clients try. Later it is
/// spent for them, too, so that whoever was removed does not come back by it.
pub const REDEEMED_AGAIN_MS: u64 = 10 * 60 * 1000;

#[async_trait]
pub trait InviteStore: Send + Sync {
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if another invite has this code.
    async fn insert_invite(&self, invite: &Invite) -> Result<(), StoreError>;

    /// Also a spent or (for a while) an expired one; see [`Invite::is_open`].
    async fn find_invite(&self, code: &str) -> Result<Option<Invite>, StoreError>;

    /// For limits it is about: racing inserts do not see each other. Open invites of a group, newest first, at most `limit`; only `creator`'s if given.
    async fn list_invites(
        &self,
        group_id: GroupId,
        creator: Option<UserId>,
        now_ms: UnixMs,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError>;

    /// True if it was there: whoever comes from now on finds none.
    async fn delete_invite(&self, code: &str) -> Result<bool, StoreError>;

    /// Uses an invite and makes `member` a member. Each person uses it once: whoever is a member already, or
    /// comes back by it, uses nothing up. Of racing people on the last use exactly one gets in.
    ///
    /// Steps: a look for a ban, the use, the membership as [`insert_member`](crate::store::MemberStore::insert_member)
    /// does it. Whoever used it within [`REDEEMED_AGAIN_MS`] completes that also when it is spent by now, and a
    /// member is told so always.
    async fn redeem_invite(
        &self,
        code: &str,
        member: &Member,
        now_ms: UnixMs,
    ) -> Result<Redemption, StoreError>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redemption {
    Joined,
    AlreadyMember,
    Banned,
    /// Unknown, spent, expired, or of another group than the member's.
    NotFound,
}
