//! Groups and their roles.

use async_trait::async_trait;

use crate::model::channel::Channel;
use crate::model::group::{Group, GroupPatch, Member, Role};
use crate::model::id::GroupId;
use crate::store::{ChannelsSize, StoreError};

#[async_trait]
pub trait GroupStore: Send + Sync {
    /// Inserts a group with its roles, first channels and first members; nothing if the group is there
    /// already. Steps: all that is in it, then the group, without which nothing of it is found; of the
    /// official group then its claim to be that. `members` count for nothing in the official group
    /// ([`MemberStore`](crate::store::MemberStore)).
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

    /// Those of `group_ids` (at most [`GROUPS_PER_READ_MAX`]) that exist, in any order, each with what decides
    /// about permissions in it. The group, its roles and its channels are read by its id, for all groups at the
    /// same time.
    async fn find_groups(&self, group_ids: &[GroupId]) -> Result<Vec<GroupHead>, StoreError>;

    /// There is at most one, whichever node made it, and it stays for ever: who has found it may remember
    /// which one it is.
    async fn find_official_group(&self) -> Result<Option<Group>, StoreError>;

    /// Returns the group after the change; of a group that is being deleted `None`.
    async fn update_group(
        &self,
        group_id: GroupId,
        patch: &GroupPatch,
    ) -> Result<Option<Group>, StoreError>;

    /// Deletes a group with everything in it, messages included. False if it was not there, and for the
    /// official group, which nobody deletes. Steps: a note of
    /// what is to be deleted, then the group: nothing of it is found from now on. What takes long goes on
    /// behind, also after a crash.
    async fn delete_group(&self, group_id: GroupId) -> Result<bool, StoreError>;
}

/// Groups that are asked for in one call at most: more than anybody is in.
pub const GROUPS_PER_READ_MAX: usize = 250;

/// A group without its channels, and how much there is of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupHead {
    pub group: Group,
    /// Lowest rank first.
    pub roles: Vec<Role>,
    pub channels: ChannelsSize,
}
