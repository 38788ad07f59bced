//! How far people have read, and the mentions that wait for them.

use async_trait::async_trait;

use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::model::read_state::ReadState;
use crate::store::StoreError;

/// How many own messages behind a mark are looked at. Beyond, they do not move it: so many without a word
/// of anybody else, and without ever reading, are those of a program.
pub const OWN_MESSAGES_MAX: u32 = 1000;

/// How many mentions of one channel are counted: as many and more are the same number.
pub const MENTIONS_COUNTED_MAX: u32 = 1000;

#[async_trait]
pub trait ReadStateStore: Send + Sync {
    /// The mark with the highest [`set_at`](ReadMark::set_at) stays, in whatever order they arrive.
    async fn set_read_state(&self, mark: ReadMark) -> Result<(), StoreError>;

    /// Read states of a person in those of `scopes` that have one: where something was marked read, or
    /// a mention is unread. In any order.
    ///
    /// Mentions are counted to [`MENTIONS_COUNTED_MAX`], and no further. Those by name are kept by person; those of
    /// everyone by group, one row for a message however many it means. So it is one read of the person's marks, one
    /// of their mentions and one for each group, which nodes may remember; and a look behind the mark in those
    /// channels alone in which something happened after it.
    ///
    /// Nobody has to read what they wrote: where the person's own messages follow the mark, with nobody
    /// else's in between, `last_read_id` is the last of these (at most [`OWN_MESSAGES_MAX`]), if it was sent
    /// after the mark was set. Nothing is written for it, neither when they send nor here.
    async fn list_read_states(
        &self,
        user_id: UserId,
        scopes: &[ReadScope],
    ) -> Result<Vec<ReadState>, StoreError>;
}

/// Up to where a person has read a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadMark {
    pub user_id: UserId,
    pub channel_id: ChannelId,
    pub last_read_id: MessageId,
    /// An id that was made for it: what the person has sent by then does not move the mark, so that it can
    /// be set back behind own messages, too.
    pub set_at: MessageId,
}

/// A channel the person may see, and the first message that could be sent after they joined: from there
/// on `@everyone` meant them, too, and what was before they do not have to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadScope {
    pub channel_id: ChannelId,
    /// The channel's group; none of a direct one.
    pub group_id: Option<GroupId>,
    pub joined_from: MessageId,
}
