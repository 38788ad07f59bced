//! A bounded memory of message ids, so that a message announced twice is emitted once.

use std::collections::{HashSet, VecDeque};

use crate::model::id::MessageId;

/// Ten minutes, in which a message may be sent again, at 400 messages a second; ids that are older than
/// all of these are taken for emitted. Even at 20,000 a second that is some 10 s, and no message is
/// announced for the first time as late as that. About 8 MB.
const IDS_MAX: usize = 262_144;

#[derive(Default)]
pub struct RecentIds {
    known: HashSet<MessageId>,
    oldest_first: VecDeque<MessageId>,
    /// The highest id that was forgotten.
    forgotten: Option<MessageId>,
}

impl RecentIds {
    /// Whether it was emitted, or may have been so long ago.
    pub fn contains(&self, id: MessageId) -> bool {
        Some(id) <= self.forgotten || self.known.contains(&id)
    }

    /// True the first time; false for what may have been emitted so long ago.
    pub fn is_new(&mut self, id: MessageId) -> bool {
        if self.contains(id) {
            return false;
        }
        self.known.insert(id);
        if self.oldest_first.len() == IDS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
            self.forgotten = self.forgotten.max(Some(oldest));
        }
        self.oldest_first.push_back(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_and_the_memory_is_bounded() {
        let mut recent = RecentIds::default();
        let id = MessageId::new;
        assert!(recent.is_new(id(1)));
        assert!(!recent.is_new(id(1)));
        assert!((2..=IDS_MAX as u64 + 1).all(|value| recent.is_new(id(value))));
        assert_eq!(recent.known.len(), IDS_MAX);
        assert!(!recent.is_new(id(1)), "forgotten, and too old to be new");
        assert!(!recent.is_new(id(IDS_MAX as u64 + 1)));
        assert!(recent.is_new(id(IDS_MAX as u64 + 2)));
        assert_eq!((recent.known.len(), recent.oldest_first.len()), (IDS_MAX, IDS_MAX));
    }
}
