//! Read states: how far somebody has read a channel, and how often they are mentioned after that.

use serde::Serialize;

use crate::model::id::{ChannelId, MessageId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadState {
    pub channel_id: ChannelId,
    /// The person's own messages behind the mark are read, too, up to the first of somebody else.
    pub last_read_id: Option<MessageId>,
    /// Unread messages that mention the person, `@everyone` included, never their own or deleted ones. Counted up
    /// to 1,000: so many are 1,000 or more.
    pub mention_count: u32,
}
