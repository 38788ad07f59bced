//! The official group, which everybody is a member of.
//!
//! It has no owner; operators run it. Joining it is never announced to its members: that would be
//! everybody, for each registration.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::bus::envelope::{Changed, Content, Effect, Topic};
use crate::chat::error::Noun;
use crate::chat::groups::first_channel;
use crate::chat::repairs::Owed;
use crate::chat::{Chat, ChatError};
use crate::model::group::{Group, Member, OFFICIAL_GROUP_NAME, built_in_roles};
use crate::model::id::{ChannelId, GroupId, UserId};
use crate::store::{Joining, Store, StoreError};

/// People read at once when those without membership are added.
const BACKFILL_PAGE: usize = 500;
/// Writes at once, so that a group commit takes many and nobody else waits long.
const BACKFILL_WRITES_MAX: usize = 16;

impl Chat {
    /// Makes the official group if there is none, and adds everybody who is not in it.
    ///
    /// For the start of a node, before it serves: those who are added are told nothing.
    pub async fn ensure_official_group(&self) -> Result<(), ChatError> {
        let group = match self.store.find_official_group().await? {
            Some(group) => group,
            None => self.make_official_group().await?,
        };
        self.backfill(group.id).await?;
        self.official_group.get_or_init(|| group.id);
        Ok(())
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

    /// Makes a new person a member of the official group.
    pub(crate) async fn join_official_group(&self, user_id: UserId) -> Result<(), ChatError> {
        let Some(group_id) = self.official_group.get().copied() else {
            // Only a node that does not serve yet has none; its backfill takes everybody in.
            return Ok(());
        };
        let member = Member::new(group_id, user_id, self.clock.now_ms());
        let owed = Owed::Membership(group_id, user_id);
        if self.owing(owed, self.store.insert_member(&member)).await? != Joining::New {
            return Ok(()); // Or banned: everybody else is in it.
        }
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        let envelope = self.envelope([Topic::User(user_id)], Content::None).with_changes(changes);
        self.announce(envelope.with_effect(Effect::Membership {
            user_id,
            group_id,
            is_member: true,
        }))
        .await;
        Ok(())
    }

    /// Joins somebody whose registration ended between account and membership.
    pub(crate) async fn heal_official_membership(&self, user_id: UserId) -> Result<(), ChatError> {
        let Some(group_id) = self.official_group.get().copied() else { return Ok(()) };
        if self.find_member(group_id, user_id).await?.is_some() {
            return Ok(());
        }
        self.join_official_group(user_id).await
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

    async fn backfill(&self, group_id: GroupId) -> Result<(), ChatError> {
        let (mut after, mut added) = (UserId::ZERO, 0_usize);
        loop {
            let page = self.store.list_non_members(group_id, after, BACKFILL_PAGE).await?;
            let Some(last) = page.last().copied() else { break };
            self.insert_members(group_id, &page).await?;
            (after, added) = (last, added + page.len());
            tracing::info!(group.id = %group_id, added, "adding people to the official group");
        }
        if added > 0 {
            drop(self.changed([Changed::Group(group_id)]));
        }
        Ok(())
    }

    async fn insert_members(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<(), ChatError> {
        let joined_at_ms = self.clock.now_ms();
        let insert = |user_id: UserId| async move {
            self.store.insert_member(&Member::new(group_id, user_id, joined_at_ms)).await?;
            drop(self.changed([Changed::Membership(group_id, user_id)]));
            Ok::<_, ChatError>(())
        };
        let inserts = user_ids.iter().copied().map(insert);
        stream::iter(inserts).buffer_unordered(BACKFILL_WRITES_MAX).try_collect().await
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
