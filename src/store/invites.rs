//! Codes that let people into a group.

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::group::{Invite, Member};
use crate::model::id::{GroupId, UserId};
use crate::store::StoreError;

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

    /// Uses an invite and makes `member` a member, in one step: of racing people on the last use
    /// exactly one gets in, and somebody who is a member already uses nothing up.
    ///
    /// A ban is checked in the same step. May be retried: a member is told so also when the invite is
    /// spent by now.
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
