//! What a member sees of a group: its channels with their newest messages, and themselves.
//!
//! Built for `ready`, when thousands come back at once: all from caches but one read of memberships
//! and one of newest messages.

use std::collections::HashMap;
use std::sync::Arc;

use crate::chat::access::GroupStanding;
use crate::chat::cache::{GroupSnapshot, Person};
use crate::chat::error::Noun;
use crate::chat::views::{ChannelView, GroupView, JoinedGroupView, MemberView};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::channel::Channel;
use crate::model::group::{Member, standing};
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::model::permission::Permissions;

/// The store takes at most this many channels in one call.
const CHANNELS_PER_READ_MAX: usize = 10_000;

/// The newest message of those channels that have one.
pub(crate) type LastMessages = HashMap<ChannelId, MessageId>;

impl Chat {
    /// All groups of the caller, by id.
    pub(crate) async fn joined_groups(
        &self,
        caller: Caller,
    ) -> Result<Vec<JoinedGroupView>, ChatError> {
        let memberships = self.store.list_memberships(caller.user_id).await?;
        let mut groups = Vec::with_capacity(memberships.len());
        for member in memberships {
            // A group that was deleted since is none of the caller's any more.
            if let Some(group) = self.find_group(member.group_id).await? {
                groups.push((group, member));
            }
        }
        let channels = groups.iter().flat_map(|(group, _)| &group.channels);
        let last = self.last_messages(channels.map(|channel| channel.id)).await?;
        let person = self.person(caller.user_id).await?;
        let mut views = Vec::with_capacity(groups.len());
        for (group, member) in &groups {
            let member_count = self.count_members(group.group.id).await?;
            views.push(joined_view(group, member, &person, member_count, &last));
        }
        Ok(views)
    }

    /// One group of somebody's.
    ///
    /// # Errors
    ///
    /// `group_not_found` for a group they are not in.
    pub(crate) async fn joined_group(
        &self,
        user_id: UserId,
        group_id: GroupId,
    ) -> Result<JoinedGroupView, ChatError> {
        let GroupStanding { group, member, .. } =
            self.standing_of(user_id, group_id).await?.ok_or(ChatError::NotFound(Noun::Group))?;
        let person = self.person(user_id).await?;
        let member_count = self.count_members(group_id).await?;
        let last = self.last_messages(group.channels.iter().map(|channel| channel.id)).await?;
        Ok(joined_view(&group, &member, &person, member_count, &last))
    }

    pub(crate) async fn last_messages(
        &self,
        channel_ids: impl IntoIterator<Item = ChannelId>,
    ) -> Result<LastMessages, ChatError> {
        let channel_ids: Vec<ChannelId> = channel_ids.into_iter().collect();
        let mut last = LastMessages::new();
        for chunk in channel_ids.chunks(CHANNELS_PER_READ_MAX) {
            last.extend(self.store.list_last_messages(chunk).await?);
        }
        Ok(last)
    }

    pub(crate) async fn group_view(&self, group: &GroupSnapshot) -> Result<GroupView, ChatError> {
        Ok(GroupView::new(&group.group, self.count_members(group.group.id).await?))
    }
}

fn joined_view(
    group: &GroupSnapshot,
    member: &Member,
    person: &Arc<Person>,
    member_count: u64,
    last: &LastMessages,
) -> JoinedGroupView {
    let (permissions, _) = standing(&group.group, &group.roles, member, person.operator);
    JoinedGroupView {
        group: GroupView::new(&group.group, member_count),
        channels: group_channel_views(&group.channels, permissions, last),
        me: MemberView::new(member, person.user.clone()),
    }
}

/// Channels of one group, for somebody with these group-wide `permissions`.
pub(crate) fn group_channel_views(
    channels: &[Channel],
    permissions: Permissions,
    last: &LastMessages,
) -> Vec<ChannelView> {
    let view = |channel: &Channel| {
        let in_channel = permissions.in_channel(channel.kind);
        let last_message_id = last.get(&channel.id).copied();
        ChannelView { last_message_id, ..ChannelView::new(channel, None, Some(in_channel)) }
    };
    channels.iter().map(view).collect()
}
