//! What a member sees of one group: its channels with their newest messages, and themselves. Lists of
//! groups are in `ready.rs`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::chat::access::GroupStanding;
use crate::chat::cache::{GroupSnapshot, Person};
use crate::chat::channel_list::LastMessages;
use crate::chat::error::Noun;
use crate::chat::views::{ChannelView, GroupView, JoinedGroupView, MemberView};
use crate::chat::{Chat, ChatError};
use crate::model::channel::Channel;
use crate::model::group::{Member, standing};
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::model::permission::Permissions;
use crate::store::{Activity, ChannelPlace};

/// The store takes at most this many channels in one call.
const CHANNELS_PER_READ_MAX: usize = 10_000;

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
        let last = self.last_messages(user_id, &group.channels).await?;
        Ok(joined_view(&group, &member, &person, member_count, &last))
    }

    /// The last message of each of `channels`, of which `reader` is in those that are direct.
    pub(crate) async fn last_messages<'a>(
        &self,
        reader: UserId,
        channels: impl IntoIterator<Item = &'a Channel>,
    ) -> Result<LastMessages, ChatError> {
        let last = |(id, activity): (_, Activity)| Some((id, activity.last_message_id?));
        Ok(self.activity(reader, channels).await?.into_iter().filter_map(last).collect())
    }

    pub(crate) async fn activity<'a>(
        &self,
        reader: UserId,
        channels: impl IntoIterator<Item = &'a Channel>,
    ) -> Result<HashMap<ChannelId, Activity>, ChatError> {
        let places: Vec<ChannelPlace> = channels.into_iter().map(ChannelPlace::from).collect();
        let mut by_channel = HashMap::with_capacity(places.len());
        for chunk in places.chunks(CHANNELS_PER_READ_MAX) {
            let listed = self.store.list_activity(reader, chunk).await?;
            by_channel.extend(listed.into_iter().map(|activity| (activity.channel_id, activity)));
        }
        Ok(by_channel)
    }

    /// The newest message of one channel that is there still.
    pub(crate) async fn newest_message(
        &self,
        channel_id: ChannelId,
    ) -> Result<Option<MessageId>, ChatError> {
        let newest = self.store.messages_before(channel_id, MessageId::MAX, 1).await?;
        Ok(newest.first().map(|message| message.id))
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
