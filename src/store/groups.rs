//! Groups and their roles.

use async_trait::async_trait;

use crate::model::channel::Channel;
use crate::model::group::{Group, GroupPatch, Member, Role};
use crate::model::id::GroupId;
use crate::store::StoreError;

#[async_trait]
pub trait GroupStore: Send + Sync {
    /// Inserts a group with its roles, first channels and first members; all or nothing, and nothing
    /// if the group is there already.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] for a second official group.
    async fn insert_group(
        &self,
        group: &Group,
        roles: &[Role],
        channels: &[Channel],
        members: &[Member],
    ) -> Result<(), StoreError>;

    async fn find_group(&self, group_id: GroupId) -> Result<Option<Group>, StoreError>;

    async fn find_official_group(&self) -> Result<Option<Group>, StoreError>;

    /// Returns the group after the change.
    async fn update_group(
        &self,
        group_id: GroupId,
        patch: &GroupPatch,
    ) -> Result<Option<Group>, StoreError>;

    /// Deletes a group with everything in it, messages included. False if it was not there. What takes
    /// long goes on behind: nothing of the group is found from now on.
    async fn delete_group(&self, group_id: GroupId) -> Result<bool, StoreError>;

    /// Lowest rank first.
    async fn list_roles(&self, group_id: GroupId) -> Result<Vec<Role>, StoreError>;
}
