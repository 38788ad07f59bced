//! Who may do what: the one place that looks up memberships and permissions.
//!
//! What somebody may not see answers exactly like what does not exist.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::chat::cache::{GroupSnapshot, Person};
use crate::chat::error::Noun;
use crate::chat::{Caller, Chat, ChatError};
use crate::model::account::User;
use crate::model::channel::Channel;
use crate::model::group::{Member, standing};
use crate::model::id::{ChannelId, GroupId, UserId};
use crate::model::permission::{Permissions, Rank};
use crate::store::{GROUPS_PER_READ_MAX, GroupHead, Store, StoreError};

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
    /// Moderation works only on people strictly below oneself.
    pub(crate) fn require_below(&self, target: Rank) -> Result<(), ChatError> {
        match target < self.rank {
            true => Ok(()),
            false => Err(ChatError::Forbidden("works only on people below one's own role")),
        }
    }

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

/// Those of `group_ids` that exist, in two reads.
async fn load_groups(
    store: &dyn Store,
    group_ids: &[GroupId],
) -> Result<Vec<(GroupId, Option<Arc<GroupSnapshot>>)>, StoreError> {
    let heads = store.find_groups(group_ids).await?;
    let existing: Vec<GroupId> = heads.iter().map(|head| head.group.id).collect();
    let mut channels: HashMap<GroupId, Vec<Channel>> = HashMap::with_capacity(heads.len());
    for channel in store.list_channels(&existing).await? {
        channels.entry(channel.group_id.unwrap_or(GroupId::ZERO)).or_default().push(channel);
    }
    let snapshot = |GroupHead { group, roles, .. }: GroupHead| {
        let (group_id, channels) = (group.id, channels.remove(&group.id).unwrap_or_default());
        (group_id, Some(Arc::new(GroupSnapshot::new(group, roles, channels))))
    };
    Ok(heads.into_iter().map(snapshot).collect())
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

    /// What `user_id` may do in those of `group_ids` that they are in.
    pub async fn permissions_by_group(
        &self,
        user_id: UserId,
        group_ids: &[GroupId],
    ) -> Result<HashMap<GroupId, Permissions>, ChatError> {
        let keys: Vec<(GroupId, UserId)> = group_ids.iter().map(|id| (*id, user_id)).collect();
        let store = self.store.clone();
        let load = move |keys: Vec<(GroupId, UserId)>| {
            let store = store.clone();
            async move {
                let memberships = match keys[..] {
                    [(group_id, _)] => {
                        store.find_member(group_id, user_id).await?.into_iter().collect()
                    }
                    _ => store.list_memberships(user_id).await?,
                };
                let member = |it: Member| ((it.group_id, user_id), Some(Arc::new(it)));
                Ok(memberships.into_iter().map(member).collect())
            }
        };
        let members = self.caches.members.get_many(&keys, usize::MAX, None, load).await?;
        let members: Vec<Arc<Member>> = members.into_values().flatten().collect();
        let group_ids: Vec<GroupId> = members.iter().map(|member| member.group_id).collect();
        let heads = self.group_heads_by_id(&group_ids).await?;
        let mut held = HashMap::with_capacity(members.len());
        for member in members {
            let Some(head) = heads.get(&member.group_id) else { continue };
            let operator = head.group.official && self.person(user_id).await?.operator;
            let (permissions, _) = standing(&head.group, &head.roles, &member, operator);
            held.insert(member.group_id, permissions);
        }
        Ok(held)
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

    /// Of whom something is going to be done to. Read anew: another node may just have made more of them than is
    /// remembered here, and who is below somebody decides whether it may be done.
    pub(crate) async fn target_standing(
        &self,
        user_id: UserId,
        group_id: GroupId,
    ) -> Result<Option<GroupStanding>, ChatError> {
        self.caches.members.forget(&(group_id, user_id));
        self.standing_of(user_id, group_id).await
    }

    /// What somebody is a member of, read. Who is shown a group may use it from then on: what is remembered from before goes,
    /// because the node where they joined may still owe this one the news.
    pub(crate) async fn memberships_anew(&self, user_id: UserId) -> Result<Vec<Member>, ChatError> {
        let memberships = self.store.list_memberships(user_id).await?;
        for member in &memberships {
            let key = (member.group_id, user_id);
            let remembered = self.caches.members.peek(&key).await;
            if remembered.is_some_and(|remembered| remembered.as_deref() != Some(member)) {
                self.caches.members.forget(&key);
            }
        }
        Ok(memberships)
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
            async move { Ok(load_groups(&*store, &[group_id]).await?.pop().and_then(|it| it.1)) }
        };
        self.caches.groups.snapshots.get(group_id, load).await
    }

    /// Those of `group_ids` that exist; their channels have to fit into memory.
    pub async fn groups_by_id(
        &self,
        group_ids: &[GroupId],
    ) -> Result<HashMap<GroupId, Arc<GroupSnapshot>>, ChatError> {
        let store = self.store.clone();
        let load = move |group_ids: Vec<GroupId>| {
            let store = store.clone();
            async move { load_groups(&*store, &group_ids).await }
        };
        let snapshots = &self.caches.groups.snapshots;
        let found = snapshots.get_many(group_ids, GROUPS_PER_READ_MAX, None, load).await?;
        Ok(found.into_iter().filter_map(|(group_id, group)| Some((group_id, group?))).collect())
    }

    pub async fn find_group_head(
        &self,
        group_id: GroupId,
    ) -> Result<Option<Arc<GroupHead>>, ChatError> {
        let store = self.store.clone();
        let load = move || {
            let store = store.clone();
            async move { Ok(store.find_groups(&[group_id]).await?.pop().map(Arc::new)) }
        };
        self.caches.groups.heads.get(group_id, load).await
    }

    /// Those of `group_ids` that exist.
    pub async fn group_heads_by_id(
        &self,
        group_ids: &[GroupId],
    ) -> Result<HashMap<GroupId, Arc<GroupHead>>, ChatError> {
        let store = self.store.clone();
        let load = move |group_ids: Vec<GroupId>| {
            let store = store.clone();
            async move {
                let heads = store.find_groups(&group_ids).await?;
                Ok(heads.into_iter().map(|head| (head.group.id, Some(Arc::new(head)))).collect())
            }
        };
        let heads = &self.caches.groups.heads;
        let found = heads.get_many(group_ids, GROUPS_PER_READ_MAX, None, load).await?;
        Ok(found.into_iter().filter_map(|(group_id, head)| Some((group_id, head?))).collect())
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
        let counts = self.member_counts(&[group_id]).await?;
        Ok(counts.get(&group_id).copied().unwrap_or_default())
    }

    /// How many members each of `group_ids` has; none if it does not exist.
    pub async fn member_counts(
        &self,
        group_ids: &[GroupId],
    ) -> Result<HashMap<GroupId, u64>, ChatError> {
        let store = self.store.clone();
        let load = move |group_ids: Vec<GroupId>| {
            let store = store.clone();
            async move { store.count_members(&group_ids).await }
        };
        self.caches.member_counts.get_many(group_ids, GROUPS_PER_READ_MAX, 0, load).await
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
