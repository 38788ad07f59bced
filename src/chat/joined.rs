//! What a member sees of one group: its channels with their newest messages, and themselves. Lists of
//! groups are in `ready.rs`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::chat::access::GroupStanding;
use crate::chat::cache::{GroupSnapshot, Person};
use crate::chat::error::Noun;
use crate::chat::views::{ChannelView, GroupView, JoinedGroupView, MemberView};
use crate::chat::{Chat, ChatError};
use crate::model::channel::Channel;
use crate::model::group::{Member, standing};
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::model::permission::Permissions;

/// The store takes at most this many channels in one call.
const CHANNELS_PER_READ_MAX: usize = 10_000;

/// The newest message of those channels that have one.
pub(crate) type LastMessages = HashMap<ChannelId, MessageId>;

impl Chat {
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
