//! Channels of groups and between people.

use async_trait::async_trait;

use crate::model::channel::{Channel, ChannelPatch};
use crate::model::id::{ChangeId, ChannelId, GroupId, MessageId, UserId};
use crate::store::StoreError;

/// Whose a channel is never changes: an implementation may remember the group of each.
#[async_trait]
pub trait ChannelStore: Send + Sync {
    /// False, and nothing changes, if the group does not exist (any more); true also for a repetition. A
    /// channel that races its group's deletion may be stored, and is found by nobody.
    async fn insert_channel(&self, channel: &Channel) -> Result<bool, StoreError>;

    async fn find_channel(&self, channel_id: ChannelId) -> Result<Option<Channel>, StoreError>;

    /// Those of `channel_ids` (at most 1,000) that exist, in any order.
    async fn find_channels(&self, channel_ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError>;

    /// The channels of all of `group_ids` (at most [`GROUPS_PER_READ_MAX`](crate::store::GROUPS_PER_READ_MAX)),
    /// each group's together, by position, then id. Groups are read at the same time. How much there is of a
    /// group's, [`GroupHead`](crate::store::GroupHead) says: who asks for many groups has to know that it fits.
    async fn list_channels(&self, group_ids: &[GroupId]) -> Result<Vec<Channel>, StoreError>;

    /// Returns the channel after the change; never brings a deleted one back.
    async fn update_channel(
        &self,
        channel_id: ChannelId,
        patch: &ChannelPatch,
    ) -> Result<Option<Channel>, StoreError>;

    /// Deletes a channel with its messages. False if it was not there. Steps: a note of what is to be
    /// deleted, then the channel: nothing of it is found from now on. What takes long goes on behind, also
    /// after a crash.
    async fn delete_channel(&self, channel_id: ChannelId) -> Result<bool, StoreError>;

    /// Returns the direct channel of exactly these people, inserting `candidate` if there is none and
    /// `quota` allows it, about. Racing calls for the same people get one channel.
    ///
    /// Steps: the claim of these people, the channel, then each one's list. Whoever finds a claim does what
    /// is missing of the rest.
    async fn open_direct_channel(
        &self,
        candidate: &Channel,
        quota: OpeningQuota,
    ) -> Result<DirectOpening, StoreError>;

    /// Those `limit` of a person's direct channels in which something happened last (a message, else
    /// their opening), by id. Which one was last is about: a deleted message may count.
    async fn list_direct_channels(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> Result<Vec<Channel>, StoreError>;

    /// What happened last in each of `channels` (at most 10,000) in which anything did, in any order. Of
    /// direct channels those that `reader` is in.
    ///
    /// One read for each group, and one for all direct channels. Never behind anything that was answered, but
    /// about: it may name a message that was deleted, or that never came.
    async fn list_activity(
        &self,
        reader: UserId,
        channels: &[ChannelPlace],
    ) -> Result<Vec<Activity>, StoreError>;
}

/// How much there is of a group's channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelsSize {
    pub count: usize,
    /// Names and topics as JSON.
    pub text_bytes: usize,
}

/// Which channel, and whose: of a group, or a direct one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelPlace {
    pub channel_id: ChannelId,
    pub group_id: Option<GroupId>,
}

impl From<&Channel> for ChannelPlace {
    fn from(channel: &Channel) -> Self {
        Self { channel_id: channel.id, group_id: channel.group_id }
    }
}

/// What happened last in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    pub channel_id: ChannelId,
    pub last_message_id: Option<MessageId>,
    /// Of the changes that are kept.
    pub last_change_id: Option<ChangeId>,
}

/// How many direct channels somebody may open: fewer than `opened_max` with ids of `since` or above
/// before the next one.
#[derive(Clone, Copy, Debug)]
pub struct OpeningQuota {
    pub opener: UserId,
    pub since: ChannelId,
    pub opened_max: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectOpening {
    New(Channel),
    Found(Channel),
    /// Nothing was inserted; `first` is the oldest one that counts against the quota.
    TooMany {
        first: ChannelId,
    },
}
