//! Who is kept out of a group.

use async_trait::async_trait;

use crate::model::group::Ban;
use crate::model::id::{GroupId, UserId};
use crate::store::StoreError;

#[async_trait]
pub trait BanStore: Send + Sync {
    /// Bans a person and ends their membership. Repeating it keeps the first ban, and ends a membership that
    /// is there still; nothing happens in a group that does not exist.
    ///
    /// Steps: the ban, then the membership, which in the official group is nickname and roles. Whoever joins
    /// at the same time is no member in the end: either the joining finds the ban, or this call the member.
    async fn insert_ban(&self, ban: &Ban) -> Result<(), StoreError>;

    /// True if there was one. In the official group the person is a member again, without nickname and
    /// roles. Steps: what may be left of these, then the ban.
    async fn delete_ban(&self, group_id: GroupId, user_id: UserId) -> Result<bool, StoreError>;

    async fn find_ban(&self, group_id: GroupId, user_id: UserId)
    -> Result<Option<Ban>, StoreError>;

    /// Bans after `after` by user id.
    async fn list_bans(
        &self,
        group_id: GroupId,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Ban>, StoreError>;
}
