//! The channels of a group as JSON that is made once for all its members.
//!
//! What differs by reader (permissions) and by the minute (the newest message) is put in for each; the
//! rest, which is nearly all of it, is copied.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use crate::chat::views::ChannelView;
use crate::model::channel::{Channel, ChannelKind};
use crate::model::id::{ChannelId, MessageId};
use crate::model::permission::Permissions;
use crate::store::ChannelsSize;

/// `,"lastMessageId":"…","permissions":"…"},` with numbers as long as can be.
const BYTES_BESIDES: usize = 62;

/// A channel without its texts and its closing brace, as long as can be.
const LONGEST: &str = r#"{"id":"9223372036854775807","groupId":"9223372036854775807","type":"announcement","name":,"topic":,"position":-2147483648,"slowModeSeconds":21600"#;

/// How long the list of channels of this size is for any reader at most.
pub fn bytes_max(size: ChannelsSize) -> usize {
    "[]".len() + size.text_bytes + size.count * (LONGEST.len() + BYTES_BESIDES)
}

/// The last message of those channels that have one; it may have been deleted.
pub(crate) type LastMessages = HashMap<ChannelId, MessageId>;

/// See the module.
#[derive(Debug)]
pub struct ChannelList {
    channels: Vec<ListedChannel>,
    bytes_max: usize,
}

#[derive(Debug)]
struct ListedChannel {
    id: ChannelId,
    kind: ChannelKind,
    /// A JSON object without its closing brace.
    open: Box<str>,
}

impl ChannelList {
    pub fn new(channels: &[Channel]) -> Self {
        let channels: Vec<ListedChannel> = channels.iter().map(ListedChannel::new).collect();
        let bytes = |channel: &ListedChannel| channel.open.len() + BYTES_BESIDES;
        let bytes_max = "[]".len() + channels.iter().map(bytes).sum::<usize>();
        Self { channels, bytes_max }
    }

    /// How long it is for any reader at most.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The list for somebody with these group-wide `permissions`.
    pub fn for_reader(&self, permissions: Permissions, last: &LastMessages) -> Box<RawValue> {
        let mut json = String::with_capacity(self.bytes_max);
        json.push('[');
        for (index, ListedChannel { id, kind, open }) in self.channels.iter().enumerate() {
            json.push_str(if index == 0 { "" } else { "," });
            json.push_str(open);
            if let Some(last) = last.get(id) {
                let _infallible = write!(json, ",\"lastMessageId\":\"{last}\"");
            }
            let held = permissions.in_channel(*kind).bits();
            let _infallible = write!(json, ",\"permissions\":\"{held}\"}}");
        }
        json.push(']');
        RawValue::from_string(json).expect("put together from JSON")
    }
}

impl ListedChannel {
    fn new(channel: &Channel) -> Self {
        let mut open = serde_json::to_string(&ChannelView::new(channel, None, None))
            .expect("our own types have string keys and no failing impls");
        open.pop();
        Self { id: channel.id, kind: channel.kind, open: open.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::joined::group_channel_views;
    use crate::model::id::{GroupId, MessageId};

    fn channel(id: u64, kind: ChannelKind, name: &str) -> Channel {
        Channel {
            id: ChannelId::new(id),
            group_id: Some(GroupId::new(u64::MAX >> 1)),
            kind,
            name: name.to_owned(),
            topic: "\u{1}\"}".to_owned(),
            position: i32::MAX,
            slow_mode_seconds: 21_600,
            recipients: Vec::new(),
        }
    }

    #[test]
    fn it_reads_like_what_it_replaces_and_is_no_longer_than_it_says() {
        let max = u64::MAX >> 1;
        let channels =
            [channel(1, ChannelKind::Text, "}"), channel(max, ChannelKind::Announcement, "\"a\"")];
        let last = LastMessages::from([(ChannelId::new(max), MessageId::new(max))]);
        for channels in [&channels[..], &channels[..1], &[]] {
            let list = ChannelList::new(channels);
            for permissions in [Permissions::MEMBER, Permissions::ALL] {
                let made = list.for_reader(permissions, &last);
                let views = group_channel_views(channels, permissions, &last);
                let (made_value, views): (serde_json::Value, _) =
                    (serde_json::from_str(made.get()).unwrap(), serde_json::to_value(views));
                assert_eq!(made_value, views.unwrap());
                assert!(made.get().len() <= list.bytes_max(), "{}", made.get());
                let texts = channels.iter().flat_map(|channel| [&channel.name, &channel.topic]);
                let text_bytes = texts.map(|text| serde_json::to_string(text).unwrap().len()).sum();
                let measured = bytes_max(ChannelsSize { count: channels.len(), text_bytes });
                assert!(list.bytes_max() <= measured, "{measured}");
            }
        }
    }
}
