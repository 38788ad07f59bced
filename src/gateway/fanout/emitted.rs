//! What this node has emitted lately, so that nothing goes out twice, and nothing after what makes it untrue.
//!
//! Announcements of one node come in order, those of several overtake each other on the way.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::bus::envelope::About;
use crate::gateway::fanout::recent::RecentIds;
use crate::model::id::{ChangeId, ChannelId, MessageId, UserId};

/// Of each kind. What is forgotten was announced so long ago that nothing that it would make untrue comes
/// any more. Some 10 MB in all at most.
const REMEMBERED_MAX: usize = 65_536;

/// What becomes of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Emit,
    /// It was emitted before, or is not true any more.
    LeaveOut,
    /// Something that happened to this message since has been emitted before it, to clients that did not
    /// know it: they have to ask what holds by now.
    Sync(ChannelId),
}

#[derive(Default)]
pub struct Emitted {
    messages: RecentIds,
    /// Of which something was emitted, although they had not been themselves.
    early: Recent<MessageId, ()>,
    deleted_messages: Recent<MessageId, ()>,
    deleted_channels: Recent<ChannelId, ()>,
    latest: Recent<Part, ChangeId>,
}

/// Something in a message of which the latest change counts.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Part {
    Pin(MessageId),
    Reaction(MessageId, UserId, String),
}

impl Emitted {
    /// Decides about a push, and remembers it.
    pub fn judge(&mut self, about: &About) -> Verdict {
        let emit = match about {
            About::Nothing => true,
            About::NewMessage(channel_id, message_id) => {
                return self.judge_new(*channel_id, *message_id);
            }
            About::Message(message_id) => self.is_there(*message_id),
            About::Pin(message_id, change_id) => {
                self.is_there(*message_id) && self.is_latest(Part::Pin(*message_id), *change_id)
            }
            About::Reaction { message_id, user_id, emoji, change_id } => {
                let part = Part::Reaction(*message_id, *user_id, emoji.clone());
                self.is_there(*message_id) && self.is_latest(part, *change_id)
            }
            About::DeletedMessage(message_id) => {
                self.deleted_messages.insert(*message_id, ()).is_none()
            }
            About::Channel(channel_id) => !self.deleted_channels.contains(channel_id),
            About::DeletedChannel(channel_id) => {
                self.deleted_channels.insert(*channel_id, ());
                true
            }
        };
        if emit { Verdict::Emit } else { Verdict::LeaveOut }
    }

    fn judge_new(&mut self, channel_id: ChannelId, message_id: MessageId) -> Verdict {
        let is_deleted = self.deleted_messages.contains(&message_id)
            || self.deleted_channels.contains(&channel_id);
        if !self.messages.is_new(message_id) || is_deleted {
            return Verdict::LeaveOut;
        }
        match self.early.contains(&message_id) {
            true => Verdict::Sync(channel_id),
            false => Verdict::Emit,
        }
    }

    fn is_there(&mut self, message_id: MessageId) -> bool {
        if self.deleted_messages.contains(&message_id) {
            return false;
        }
        if !self.messages.contains(message_id) {
            self.early.insert(message_id, ());
        }
        true
    }

    fn is_latest(&mut self, part: Part, change_id: ChangeId) -> bool {
        if self.latest.get(&part).is_some_and(|latest| *latest >= change_id) {
            return false;
        }
        self.latest.insert(part, change_id);
        true
    }
}

/// The last [`REMEMBERED_MAX`] keys.
struct Recent<K, V> {
    known: HashMap<K, V>,
    oldest_first: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { known: HashMap::new(), oldest_first: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    fn contains(&self, key: &K) -> bool {
        self.known.contains_key(key)
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key)
    }

    /// Returns what was there.
    fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.known.insert(key.clone(), value);
        if before.is_none() {
            self.oldest_first.push_back(key);
            if self.oldest_first.len() > REMEMBERED_MAX
                && let Some(oldest) = self.oldest_first.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ChannelId = ChannelId::new(1);
    const MESSAGE: MessageId = MessageId::new(2);
    const ADA: UserId = UserId::new(3);

    fn reaction(emoji: &str, change: u64) -> About {
        let (emoji, change_id) = (emoji.to_owned(), ChangeId::new(change));
        About::Reaction { message_id: MESSAGE, user_id: ADA, emoji, change_id }
    }

    fn judged<const N: usize>(abouts: [About; N]) -> [Verdict; N] {
        let mut emitted = Emitted::default();
        abouts.map(|about| emitted.judge(&about))
    }

    #[test]
    fn a_message_goes_out_once_and_not_after_its_deletion() {
        use Verdict::{Emit, LeaveOut};
        let new = || About::NewMessage(ROOM, MESSAGE);
        assert_eq!(judged([new(), new()]), [Emit, LeaveOut]);
        let deleted = || About::DeletedMessage(MESSAGE);
        assert_eq!(judged([new(), deleted(), deleted()]), [Emit, Emit, LeaveOut]);
        let after = [About::Message(MESSAGE), reaction("+", 9), new()];
        let [edit, react, again] = after;
        assert_eq!(
            judged([deleted(), edit, react, again]),
            [Emit, LeaveOut, LeaveOut, LeaveOut],
            "not even when its announcement comes last"
        );
    }

    #[test]
    fn clients_ask_for_a_message_whose_changes_came_first() {
        use Verdict::{Emit, Sync};
        for early in
            [About::Message(MESSAGE), reaction("+", 9), About::Pin(MESSAGE, ChangeId::new(9))]
        {
            assert_eq!(judged([early, About::NewMessage(ROOM, MESSAGE)]), [Emit, Sync(ROOM)]);
        }
    }

    #[test]
    fn of_pins_and_reactions_the_latest_change_stays() {
        use Verdict::{Emit, LeaveOut};
        let pin = |change| About::Pin(MESSAGE, ChangeId::new(change));
        assert_eq!(judged([pin(8), pin(7), pin(8), pin(9)]), [Emit, LeaveOut, LeaveOut, Emit]);
        assert_eq!(
            judged([reaction("+", 8), reaction("-", 7), reaction("+", 7), reaction("+", 9)]),
            [Emit, Emit, LeaveOut, Emit],
            "each emoji by itself"
        );
    }

    #[test]
    fn nothing_of_a_deleted_channel_follows() {
        use Verdict::{Emit, LeaveOut};
        let channel = || About::Channel(ROOM);
        let message = About::NewMessage(ROOM, MESSAGE);
        assert_eq!(
            judged([channel(), About::DeletedChannel(ROOM), channel(), message]),
            [Emit, Emit, LeaveOut, LeaveOut]
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::default();
        (0..=REMEMBERED_MAX).for_each(|key| assert!(recent.insert(key, ()).is_none()));
        assert_eq!(
            (recent.known.len(), recent.oldest_first.len()),
            (REMEMBERED_MAX, REMEMBERED_MAX)
        );
        assert!(!recent.contains(&0) && recent.contains(&1));
    }
}
