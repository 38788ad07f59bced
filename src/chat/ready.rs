//! What a client gets when it connects: `ready`, which is bounded however much somebody is in.
//!
//! Built when thousands come back at once: groups come from caches, with their channels as JSON that is
//! made once for all their members. With the groups cached the store is asked six times, however many
//! groups, channels and messages there are: for memberships twice (audiences and groups), direct channels, what
//! happened last in these and in the groups' channels, and read states. With nothing cached it is asked for the
//! person, and for all groups together: their heads, counts, and the channels of those that fit (two reads, three
//! times at most). Up to four groups that are not cached are read one by one instead, each once for all who come
//! at that time. People in direct channels are one read for each thousand.

use std::sync::Arc;

use crate::chat::access::GroupStanding;
use crate::chat::cache::GroupSnapshot;
use crate::chat::channel_list;
use crate::chat::limits::{LIMITS, READY_BYTES_MAX};
use crate::chat::views::{
    ChannelView, GroupView, Groups, ListedGroup, MemberView, Ready, WholeGroup,
};
use crate::chat::{Caller, Chat, ChatError, json_bytes};
use crate::clock::UnixMs;
use crate::model::channel::Channel;
use crate::model::group::{Member, standing};
use crate::model::id::{GroupId, MessageId};
use crate::model::permission::{Audience, Permissions};
use crate::model::time::Timestamp;
use crate::store::ReadScope;

/// Of these, what direct channels may take: strangers open them, with names and pictures of theirs.
const DIRECT_BYTES_MAX: usize = 500_000;
/// How often it is looked for more groups that fit.
const FITTING_ROUNDS_MAX: usize = 3;
/// A read state as JSON with all numbers as long as can be, and its comma.
const READ_STATE_BYTES: usize = 98;
/// `,"channels":[]` or `,"partial":true`, and a comma.
const LISTED_BYTES_BESIDES: usize = 16;

/// Groups of one person as a list shows them, with where read states are to be looked for.
struct GroupList {
    groups: Vec<ListedGroup>,
    scopes: Vec<ReadScope>,
}

/// A group before it is known whether its channels fit, which take up `bytes` at most.
struct GroupCandidate {
    listed: ListedGroup,
    standing: MemberStanding,
    bytes: usize,
}

/// Its member.
#[derive(Clone, Copy)]
struct MemberStanding {
    permissions: Permissions,
    joined_at_ms: UnixMs,
}

/// One that is to be listed with its channels.
struct Fitting {
    index: usize,
    snapshot: Arc<GroupSnapshot>,
    head: MemberStanding,
}

impl Chat {
    /// The groups whose pushes the caller gets.
    pub async fn audiences(&self, caller: Caller) -> Result<Vec<Audience>, ChatError> {
        let memberships = self.memberships_anew(caller.user_id).await?;
        let heads = self.group_heads_by_id(&groups_of(&memberships)).await?;
        let mut audiences = Vec::with_capacity(memberships.len());
        for membership in memberships {
            let group_id = membership.group_id;
            // A group that was deleted since is none of the caller's any more.
            let Some(head) = heads.get(&group_id) else { continue };
            let operator = head.group.official && self.person(caller.user_id).await?.operator;
            let (permissions, _) = standing(&head.group, &head.roles, &membership, operator);
            audiences.push(Audience { group_id, permissions });
        }
        Ok(audiences)
    }

    /// The contents of `ready`: what a client shows before it reads any history, as far as
    /// [`READY_BYTES_MAX`] allow.
    pub async fn snapshot(&self, caller: Caller) -> Result<Ready, ChatError> {
        let mut ready = Ready {
            server_id: self.node.to_string(),
            server_time: Timestamp(self.clock.now_ms()),
            user: self.user(caller.user_id).await?,
            groups: Vec::new(),
            direct_channels: self.list_direct_channels(caller).await?,
            read_states: Vec::new(),
            limits: LIMITS,
        };
        keep_latest(&mut ready.direct_channels, DIRECT_BYTES_MAX);
        let taken = json_bytes(&ready) + READ_STATE_BYTES * ready.direct_channels.len();
        let left = READY_BYTES_MAX.saturating_sub(taken);
        let GroupList { groups, mut scopes } = self.group_list(caller, left).await?;
        scopes.extend(ready.direct_channels.iter().map(|channel| ReadScope {
            channel_id: channel.id,
            group_id: None,
            joined_from: MessageId::ZERO,
        }));
        ready.groups = groups;
        ready.read_states = self.store.list_read_states(caller.user_id, &scopes).await?;
        Ok(ready)
    }

    /// All groups of the caller, by id; those whose channels do not fit come without.
    pub async fn list_groups(&self, caller: Caller) -> Result<Groups, ChatError> {
        Ok(Groups { groups: self.group_list(caller, READY_BYTES_MAX).await?.groups })
    }

    /// One group of the caller's with all its channels and their read states.
    ///
    /// # Errors
    ///
    /// `group_not_found` for a group they are not in.
    pub async fn get_group(
        &self,
        caller: Caller,
        group_id: GroupId,
    ) -> Result<WholeGroup, ChatError> {
        let GroupStanding { group, member, permissions, .. } =
            self.group_access(caller, group_id).await?;
        let last = self.last_messages(caller.user_id, &group.channels).await?;
        let scopes: Vec<ReadScope> = scopes_of(&group, member.joined_at_ms).collect();
        Ok(WholeGroup {
            group: self.group_view(&group).await?,
            channels: group.list().for_reader(permissions, &last),
            me: MemberView::new(&member, self.user(caller.user_id).await?),
            read_states: self.store.list_read_states(caller.user_id, &scopes).await?,
        })
    }

    /// Groups of the caller, by id, in at most `bytes_max`. Those that are small enough for what is left
    /// come with their channels, also behind one that is not: nobody's huge group hides all others.
    async fn group_list(&self, caller: Caller, bytes_max: usize) -> Result<GroupList, ChatError> {
        let heads = self.group_heads(caller).await?;
        let heads_bytes = |head: &GroupCandidate| json_bytes(&head.listed) + LISTED_BYTES_BESIDES;
        let left = bytes_max.saturating_sub(heads.iter().map(heads_bytes).sum());
        let fitting = self.fitting(&heads, left).await?;
        let without = |head: GroupCandidate| ListedGroup { partial: Some(true), ..head.listed };
        let mut groups: Vec<ListedGroup> = heads.into_iter().map(without).collect();
        let channels = fitting.iter().flat_map(|it| &it.snapshot.channels);
        let last = self.last_messages(caller.user_id, channels).await?;
        for Fitting { index, snapshot, head } in &fitting {
            let channels = Some(snapshot.list().for_reader(head.permissions, &last));
            let listed = &mut groups[*index];
            (listed.channels, listed.partial) = (channels, None);
        }
        let scopes = fitting.iter().flat_map(|it| scopes_of(&it.snapshot, it.head.joined_at_ms));
        Ok(GroupList { groups, scopes: scopes.collect() })
    }

    /// Which of `heads` come with their channels in `left` bytes. Only what fits is read and held on to: the
    /// channels of many huge groups are more than a node has.
    ///
    /// What is left once those that fit at their longest are known as they are may be enough for some more.
    async fn fitting(
        &self,
        heads: &[GroupCandidate],
        mut left: usize,
    ) -> Result<Vec<Fitting>, ChatError> {
        let mut fitting = Vec::with_capacity(heads.len());
        let mut waiting: Vec<usize> = (0..heads.len()).collect();
        for _ in 0..FITTING_ROUNDS_MAX {
            let mut room = left;
            let mut picked = Vec::new();
            waiting.retain(|index| match room.checked_sub(heads[*index].bytes) {
                Some(rest) => {
                    room = rest;
                    picked.push(*index);
                    false
                }
                None => true,
            });
            if picked.is_empty() {
                break;
            }
            let ids: Vec<GroupId> = picked.iter().map(|it| heads[*it].listed.group.id).collect();
            let mut snapshots = self.groups_by_id(&ids).await?;
            for (index, group_id) in picked.into_iter().zip(ids) {
                // Gone since, or grown.
                let Some(snapshot) = snapshots.remove(&group_id) else { continue };
                let Some(rest) = left.checked_sub(bytes_of_snapshot(&snapshot)) else { continue };
                left = rest;
                fitting.push(Fitting { index, snapshot, head: heads[index].standing });
            }
        }
        Ok(fitting)
    }

    /// All groups of the caller without their channels, by id.
    async fn group_heads(&self, caller: Caller) -> Result<Vec<GroupCandidate>, ChatError> {
        let memberships = self.memberships_anew(caller.user_id).await?;
        let person = self.person(caller.user_id).await?;
        let group_ids = groups_of(&memberships);
        let found = self.group_heads_by_id(&group_ids).await?;
        let counts = self.member_counts(&group_ids).await?;
        let mut heads = Vec::with_capacity(memberships.len());
        for member in memberships {
            // A group that was deleted since is none of the caller's any more.
            let Some(head) = found.get(&member.group_id) else { continue };
            let (permissions, _) = standing(&head.group, &head.roles, &member, person.operator);
            let member_count = counts.get(&member.group_id).copied().unwrap_or_default();
            let listed = ListedGroup {
                group: GroupView::new(&head.group, member_count),
                channels: None,
                partial: None,
                me: MemberView::new(&member, person.user.clone()),
            };
            let standing = MemberStanding { permissions, joined_at_ms: member.joined_at_ms };
            let bytes = bytes_of(channel_list::bytes_max(head.channels), head.channels.count);
            heads.push(GroupCandidate { bytes, listed, standing });
        }
        Ok(heads)
    }
}

fn groups_of(memberships: &[Member]) -> Vec<GroupId> {
    memberships.iter().map(|member| member.group_id).collect()
}

/// What a group's channels and their read states take up at most.
fn bytes_of(list_bytes: usize, channels: usize) -> usize {
    list_bytes + READ_STATE_BYTES * channels
}

fn bytes_of_snapshot(snapshot: &GroupSnapshot) -> usize {
    bytes_of(snapshot.list().bytes_max(), snapshot.channels.len())
}

fn scopes_of(
    snapshot: &GroupSnapshot,
    joined_at_ms: UnixMs,
) -> impl Iterator<Item = ReadScope> + '_ {
    let joined_from = MessageId::first_at(joined_at_ms);
    let scope = move |channel: &Channel| ReadScope {
        channel_id: channel.id,
        group_id: channel.group_id,
        joined_from,
    };
    snapshot.channels.iter().map(scope)
}

/// Drops those direct channels in which nothing has happened for longest, until they fit.
fn keep_latest(channels: &mut Vec<ChannelView>, bytes_max: usize) {
    let latest = |channel: &ChannelView| {
        channel.last_message_id.map_or(channel.id.get(), |id| id.get().max(channel.id.get()))
    };
    channels.sort_unstable_by_key(|channel| std::cmp::Reverse(latest(channel)));
    let mut left = bytes_max;
    let fits = |channel: &&ChannelView| match left.checked_sub(json_bytes(channel) + 1) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let fit = channels.iter().take_while(fits).count();
    channels.truncate(fit);
    channels.sort_unstable_by_key(|channel| channel.id);
}
