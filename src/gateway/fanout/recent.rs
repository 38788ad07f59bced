//! A bounded memory of message ids, so that a message announced twice is emitted once.

use std::collections::{HashSet, VecDeque};

use crate::model::id::MessageId;

/// At 1,000 messages a second this reaches back a minute; a second announcement follows within
/// seconds. About 2 MB.
const IDS_MAX: usize = 65_536;

#[derive(Default)]
pub struct RecentIds {
    known: HashSet<MessageId>,
    oldest_first: VecDeque<MessageId>,
}

impl RecentIds {
    /// True the first time.
    pub fn is_new(&mut self, id: MessageId) -> bool {
        if !self.known.insert(id) {
            return false;
        }
        if self.oldest_first.len() == IDS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
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
        assert!(recent.is_new(id(0)));
        assert!(!recent.is_new(id(0)));
        assert!((1..=IDS_MAX as u64).all(|value| recent.is_new(id(value))));
        assert_eq!(recent.known.len(), IDS_MAX);
        assert!(recent.is_new(id(0)), "the oldest is forgotten");
        assert!(!recent.is_new(id(IDS_MAX as u64)));
    }
}
