//! The official group, which everybody is a member of: from when they have an account, without anything that
//! says so, and unless they are banned from it.
//!
//! It has no owner; operators run it. Registrations are never announced to its members: that would be
//! everybody, for each.

use crate::bus::envelope::Changed;
use crate::chat::error::Noun;
use crate::chat::groups::first_channel;
use crate::chat::{Chat, ChatError};
use crate::model::group::{Group, OFFICIAL_GROUP_NAME, built_in_roles};
use crate::model::id::{ChannelId, GroupId, UserId};
use crate::store::{Store, StoreError};

impl Chat {
    /// Makes the official group if there is none. For the start of a node, before it serves.
    pub async fn ensure_official_group(&self) -> Result<(), ChatError> {
        let group = match self.store.find_official_group().await? {
            Some(group) => group,
            None => self.make_official_group().await?,
        };
        self.official_group.get_or_init(|| group.id);
        Ok(())
    }

    /// `None` until [`ensure_official_group`](Self::ensure_official_group) has ended.
    pub fn official_group(&self) -> Option<GroupId> {
        self.official_group.get().copied()
    }

    /// Makes somebody an operator, who may run the official group.
    ///
    /// # Errors
    ///
    /// `user_not_found`.
    pub async fn promote(&self, username: &str) -> Result<(), ChatError> {
        let user_id = promote(&*self.store, username).await?;
        drop(self.changed([Changed::Person(user_id)]));
        Ok(())
    }

    async fn make_official_group(&self) -> Result<Group, ChatError> {
        let (id, created_at_ms) = self.next_id_and_time()?;
        let group = Group {
            id: GroupId::new(id),
            name: OFFICIAL_GROUP_NAME.to_owned(),
            icon: None,
            owner_id: None,
            official: true,
            created_at_ms,
        };
        let general = first_channel(ChannelId::new(self.next_id()?), group.id);
        match self.store.insert_group(&group, &built_in_roles(), &[general], &[]).await {
            Ok(()) => {
                tracing::info!(group.id = %group.id, "made the official group {}", group.id);
                Ok(group)
            }
            // Another node was first.
            Err(StoreError::Conflict) => {
                self.store.find_official_group().await?.ok_or(ChatError::Unavailable)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes somebody an operator, in the store only: a running server, of which this process need not be
/// part, knows once its cached person is 30 s old.
///
/// # Errors
///
/// `user_not_found`.
pub async fn promote(store: &dyn Store, username: &str) -> Result<UserId, ChatError> {
    let account = store.find_account_by_name(username).await?;
    let user_id = account.ok_or(ChatError::NotFound(Noun::User))?.user.id;
    store.set_operator(user_id, true).await?;
    tracing::info!(user.id = %user_id, "made user {user_id} an operator");
    Ok(user_id)
}
