//! Channels: where messages are written, in a group or between two to ten people.

use serde::{Deserialize, Serialize};

use crate::model::id::{ChannelId, GroupId, UserId};

/// People of one direct channel at most, its opener included.
pub const DIRECT_PEOPLE_MAX: usize = 10;
/// Six hours, in seconds.
pub const SLOW_MODE_SECONDS_MAX: u32 = 21_600;
/// More would not fit a channel list anybody can read; bounds what `ready` carries.
pub const CHANNELS_PER_GROUP_MAX: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    Text,
    Announcement,
    Direct,
}

impl ChannelKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Announcement => "announcement",
            Self::Direct => "direct",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Text, Self::Announcement, Self::Direct]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// A channel as stored. `group_id` is `None` and `recipients` is filled for direct channels only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    pub id: ChannelId,
    pub group_id: Option<GroupId>,
    pub kind: ChannelKind,
    pub name: String,
    pub topic: String,
    pub position: i32,
    pub slow_mode_seconds: u32,
    /// Everybody in a direct channel, sorted.
    pub recipients: Vec<UserId>,
}

/// A change of a channel's settings; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelPatch {
    pub name: Option<String>,
    pub topic: Option<String>,
    pub position: Option<i32>,
    pub slow_mode_seconds: Option<u32>,
}
