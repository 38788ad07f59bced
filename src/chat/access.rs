//! Who may do what: the one place that looks up memberships and permissions.
//!
//! What somebody may not see answers exactly like what does not exist.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::chat::cache::{GroupHead, GroupSnapshot, Person};
use crate::chat::error::Noun;
use crate::chat::{Caller, Chat, ChatError};
use crate::model::account::User;
use crate::model::channel::Channel;
use crate::model::group::{Member, standing};
use crate::model::id::{ChannelId, GroupId, UserId};
use crate::model::permission::{Permissions, Rank};

/// More users that are not cached are read in one go.
const USERS_ONE_BY_ONE_MAX: usize = 8;
/// The store takes at most this many ids in one call.
const IDS_PER_READ_MAX: usize = 1_000;

/// A member of a group, with what they may do in it.
#[derive(Clone, Debug)]
pub struct GroupStanding {
    pub group: Arc<GroupSnapshot>,
    pub member: Arc<Member>,
    pub permissions: Permissions,
    pub rank: Rank,
}

impl GroupStanding {
    pub fn require(&self, wanted: Permissions) -> Result<(), ChatError> {
        require(self.permissions, wanted)
    }
}

/// Somebody who may see a channel, with what they may do in it.
#[derive(Clone, Debug)]
pub struct ChannelStanding {
    pub channel: Arc<Channel>,
    pub permissions: Permissions,
}

impl ChannelStanding {
    pub fn require(&self, wanted: Permissions) -> Result<(), ChatError> {
        require(self.permissions, wanted)
    }

    /// Everyone in a direct channel may pin; in a group it takes the right to manage messages.
    pub fn require_pinning(&self) -> Result<(), ChatError> {
        if self.channel.group_id.is_none() {
            Ok(())
        } else {
            self.require(Permissions::MANAGE_MESSAGES)
        }
    }
}

fn require(held: Permissions, wanted: Permissions) -> Result<(), ChatError> {
    if held.has(wanted) { Ok(()) } else { Err(ChatError::Forbidden("missing permission")) }
}

impl Chat {
    /// # Errors
    ///
    /// `group_not_found` if there is no such group or the caller is not in it.
    pub async fn group_access(
        &self,
        caller: Caller,
        group_id: GroupId,
    ) -> Result<GroupStanding, ChatError> {
        self.standing_of(caller.user_id, group_id).await?.ok_or(ChatError::NotFound(Noun::Group))
    }

    /// # Errors
    ///
    /// `channel_not_found` if there is no such channel or the caller may not see it.
    pub async fn channel_access(
        &self,
        caller: Caller,
        channel_id: ChannelId,
    ) -> Result<ChannelStanding, ChatError> {
        let permissions_and_channel = match self.find_channel(channel_id).await? {
            None => None,
            Some(channel) => self
                .channel_permissions(caller.user_id, &channel)
                .await?
                .map(|held| (held, channel)),
        };
        let (permissions, channel) = permissions_and_channel
            .filter(|(held, _)| held.has(Permissions::VIEW))
            .ok_or(ChatError::NotFound(Noun::Channel))?;
        Ok(ChannelStanding { channel, permissions })
    }

    /// What `user_id` may do in `channel`; `None` for somebody who is not in it at all.
    pub async fn channel_permissions(
        &self,
        user_id: UserId,
        channel: &Channel,
    ) -> Result<Option<Permissions>, ChatError> {
        let Some(group_id) = channel.group_id else {
            return Ok(channel.recipients.contains(&user_id).then_some(Permissions::DIRECT));
        };
        let held = self.group_permissions(user_id, group_id).await?;
        Ok(held.map(|held| held.in_channel(channel.kind)))
    }

    /// What `user_id` may do in a group; `None` as for [`standing_of`](Self::standing_of).
    pub async fn group_permissions(
        &self,
        user_id: UserId,
        group_id: GroupId,
    ) -> Result<Option<Permissions>, ChatError> {
        let Some(member) = self.find_member(group_id, user_id).await? else { return Ok(None) };
        let Some(head) = self.find_group_head(group_id).await? else { return Ok(None) };
        let operator = head.group.official && self.person(user_id).await?.operator;
        Ok(Some(standing(&head.group, &head.roles, &member, operator).0))
    }

    /// `None` for somebody who is no member, and for a group that does not exist.
    pub async fn standing_of(
        &self,
        user_id: UserId,
        group_id: GroupId,
    ) -> Result<Option<GroupStanding>, ChatError> {
        let Some(member) = self.find_member(group_id, user_id).await? else { return Ok(None) };
        let Some(group) = self.find_group(group_id).await? else { return Ok(None) };
        let operator = group.group.official && self.person(user_id).await?.operator;
        let (permissions, rank) = standing(&group.group, &group.roles, &member, operator);
        Ok(Some(GroupStanding { group, member, permissions, rank }))
    }

    pub async fn find_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Arc<Member>>, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move { Ok(store.find_member(group_id, user_id).await?.map(Arc::new)) }
        };
        self.caches.members.get((group_id, user_id), load).await
    }

    pub async fn find_group(
        &self,
        group_id: GroupId,
    ) -> Result<Option<Arc<GroupSnapshot>>, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move {
                let Some(group) = store.find_group(group_id).await? else { return Ok(None) };
                let roles = store.list_roles(group_id).await?;
                let channels = store.list_channels(group_id).await?;
                Ok(Some(Arc::new(GroupSnapshot::new(group, roles, channels))))
            }
        };
        self.caches.groups.snapshots.get(group_id, load).await
    }

    pub async fn find_group_head(
        &self,
        group_id: GroupId,
    ) -> Result<Option<Arc<GroupHead>>, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move {
                let Some(group) = store.find_group(group_id).await? else { return Ok(None) };
                let roles = store.list_roles(group_id).await?;
                let channels = store.measure_channels(group_id).await?;
                Ok(Some(Arc::new(GroupHead { group, roles, channels })))
            }
        };
        self.caches.groups.heads.get(group_id, load).await
    }

    pub async fn find_channel(
        &self,
        channel_id: ChannelId,
    ) -> Result<Option<Arc<Channel>>, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move { Ok(store.find_channel(channel_id).await?.map(Arc::new)) }
        };
        self.caches.channels.get(channel_id, load).await
    }

    /// Those of `channel_ids` that exist: from the cache, and the others in one go.
    pub async fn channels_by_id(
        &self,
        channel_ids: &[ChannelId],
    ) -> Result<HashMap<ChannelId, Arc<Channel>>, ChatError> {
        let mut found = HashMap::with_capacity(channel_ids.len());
        let mut missing = Vec::new();
        for channel_id in channel_ids {
            match self.caches.channels.peek(channel_id).await {
                Some(channel) => found.extend(channel.map(|channel| (*channel_id, channel))),
                None => missing.push(*channel_id),
            }
        }
        for chunk in missing.chunks(IDS_PER_READ_MAX) {
            let channels = self.store.find_channels(chunk).await?;
            found.extend(channels.into_iter().map(|channel| (channel.id, Arc::new(channel))));
        }
        Ok(found)
    }

    pub async fn count_members(&self, group_id: GroupId) -> Result<u64, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move { store.count_members(group_id).await }
        };
        self.caches.member_counts.get(group_id, load).await
    }

    /// # Errors
    ///
    /// `user_not_found`.
    pub async fn person(&self, user_id: UserId) -> Result<Arc<Person>, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move {
                let account = store.find_account(user_id).await?;
                Ok(account.map(|account| {
                    Arc::new(Person { user: account.user, operator: account.operator })
                }))
            }
        };
        let person = self.caches.people.get(user_id, load).await?;
        person.ok_or(ChatError::NotFound(Noun::User))
    }

    pub async fn user(&self, user_id: UserId) -> Result<User, ChatError> {
        Ok(self.person(user_id).await?.user.clone())
    }

    /// Users in the order of `user_ids`; those that do not exist are left out.
    pub async fn users(&self, user_ids: &[UserId]) -> Result<Vec<User>, ChatError> {
        let users = self.users_by_id(user_ids).await?;
        Ok(user_ids.iter().filter_map(|user_id| users.get(user_id).cloned()).collect())
    }

    /// Those of `user_ids` that exist.
    ///
    /// Few that are not cached are loaded each by itself, all at the same time, and stay cached; many are
    /// read in one go.
    pub async fn users_by_id(
        &self,
        user_ids: &[UserId],
    ) -> Result<HashMap<UserId, User>, ChatError> {
        let mut found = HashMap::with_capacity(user_ids.len());
        let mut missing = Vec::new();
        for user_id in user_ids {
            match self.caches.people.peek(user_id).await {
                Some(Some(person)) => _ = found.insert(*user_id, person.user.clone()),
                Some(None) => {}
                None => missing.push(*user_id),
            }
        }
        if missing.len() > USERS_ONE_BY_ONE_MAX {
            for chunk in missing.chunks(IDS_PER_READ_MAX) {
                let users = self.store.list_users(chunk).await?;
                found.extend(users.into_iter().map(|user| (user.id, user)));
            }
            return Ok(found);
        }
        let loading = missing.into_iter().map(|user_id| async move {
            match self.user(user_id).await {
                Ok(user) => Ok(Some((user_id, user))),
                Err(ChatError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        found.extend(try_join_all(loading).await?.into_iter().flatten());
        Ok(found)
    }
}
