//! Messages as stored, the mentions in their content, and what changes about them.

use serde::Serialize;

use crate::clock::UnixMs;
use crate::model::id::{ChangeId, ChannelId, MessageId, UserId};

/// Messages of one page at most, so that a full page fits one frame.
pub const MESSAGES_PAGE_MAX: usize = 100;
/// Pinned messages of one channel at most.
pub const PINS_PER_CHANNEL_MAX: usize = 100;
/// Different emojis on one message at most; bounds what a message carries.
pub const REACTION_KINDS_MAX: usize = 50;
/// People one message can mention by name; further ones are text only.
pub const MENTIONS_PER_MESSAGE_MAX: usize = 100;

/// A message as stored. Its author, reply preview and reactions are added when it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub channel_id: ChannelId,
    pub author_id: UserId,
    pub content: String,
    pub edited_at_ms: Option<UnixMs>,
    pub reply_to: Option<MessageId>,
    /// Mentioned by name and able to see the channel; sorted, without repetition.
    pub mentions: Vec<UserId>,
    pub mentions_everyone: bool,
    pub nonce: Option<String>,
}

/// New content of a message, with the mentions that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageEdit {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    /// Who edits; anybody but the author changes nothing.
    pub author_id: UserId,
    pub content: String,
    pub mentions: Vec<UserId>,
    pub mentions_everyone: bool,
    /// By the clock of the node that edits.
    pub edited_at_ms: UnixMs,
}

impl MessageEdit {
    /// When `before` is edited by this: later than by any edit before, whatever the clocks of the nodes say,
    /// because clients keep of two states of a message the later one.
    pub fn time_after(&self, before: &Message) -> UnixMs {
        before.edited_at_ms.map_or(self.edited_at_ms, |last_ms| self.edited_at_ms.max(last_ms + 1))
    }
}

/// One emoji on one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReactionCount {
    pub emoji: String,
    pub count: u32,
    /// Whether the reader is among them; false in pushes, which have many readers.
    pub me: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Updated,
    Deleted,
    ReactionAdded,
    ReactionRemoved,
    Pinned,
    Unpinned,
}

impl ChangeKind {
    const ALL: [Self; 6] = [
        Self::Updated,
        Self::Deleted,
        Self::ReactionAdded,
        Self::ReactionRemoved,
        Self::Pinned,
        Self::Unpinned,
    ];

    /// The number that stores keep; never reused.
    pub const fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Something that happened to a message after it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: ChangeId,
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    pub kind: ChangeKind,
}

/// Who `content` mentions as `<@userId>`, in order of first appearance, and whether it says `@everyone`.
///
/// Whether they count (can see the channel, may mention everyone) is for the caller to decide.
pub fn mentions_in(content: &str) -> (Vec<UserId>, bool) {
    let mut users = Vec::new();
    for (start, _) in content.match_indices("<@") {
        let rest = &content[start + 2..];
        let mentioned = rest.split_once('>').and_then(|(digits, _)| digits.parse::<UserId>().ok());
        match mentioned {
            Some(user) if !users.contains(&user) && users.len() < MENTIONS_PER_MESSAGE_MAX => {
                users.push(user);
            }
            _ => {}
        }
    }
    (users, says_everyone(content))
}

/// `@everyone` as a word of its own: `me@everyone.example` and `@everyones` mention nobody.
fn says_everyone(content: &str) -> bool {
    const WORD: &str = "@everyone";
    content.match_indices(WORD).any(|(start, _)| {
        let before = content[..start].chars().next_back();
        let after = content[start + WORD.len()..].chars().next();
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_word(before) && !is_word(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_found_once_each() {
        let (users, everyone) = mentions_in("<@5> hi <@7><@5> <@x> <@ 3> <@9");
        assert_eq!(users, [UserId::new(5), UserId::new(7)]);
        assert!(!everyone);
    }

    #[test]
    fn everyone_is_a_word() {
        for (content, expected) in [
            ("@everyone", true),
            ("hey @everyone!", true),
            ("(@everyone)", true),
            ("me@everyone.example", false),
            ("@everyones", false),
            ("everyone", false),
        ] {
            assert_eq!(mentions_in(content).1, expected, "{content}");
        }
    }

    #[test]
    fn mentions_are_bounded() {
        let content: String = (1..=200).map(|user| format!("<@{user}>")).collect();
        assert_eq!(mentions_in(&content).0.len(), MENTIONS_PER_MESSAGE_MAX);
    }

    #[test]
    fn change_codes_round_trip() {
        for kind in ChangeKind::ALL {
            assert_eq!(ChangeKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(ChangeKind::from_code(6), None);
    }
}
