//! Which messages this node has announced lately: a bounded memory.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;

use crate::model::id::MessageId;

/// Ten minutes, in which a nonce counts, at 400 messages a second. About 8 MB.
///
/// What is older than all that is remembered is taken for announced. Nobody would know: a second
/// announcement would reach sockets that had the first, and a message that really was not announced is
/// found by the next sync.
const REMEMBERED_MAX: usize = 262_144;

#[derive(Debug, Default)]
pub struct Announced {
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    ids: HashSet<MessageId>,
    oldest_first: VecDeque<MessageId>,
    /// The highest id that was forgotten.
    forgotten: Option<MessageId>,
}

impl Announced {
    pub fn insert(&self, message_id: MessageId) {
        let mut remembered = self.remembered.lock();
        if !remembered.ids.insert(message_id) {
            return;
        }
        remembered.oldest_first.push_back(message_id);
        if remembered.oldest_first.len() > REMEMBERED_MAX
            && let Some(oldest) = remembered.oldest_first.pop_front()
        {
            remembered.ids.remove(&oldest);
            remembered.forgotten = remembered.forgotten.max(Some(oldest));
        }
    }

    /// Whether a message was announced, or may have been so long ago.
    pub fn contains(&self, message_id: MessageId) -> bool {
        let remembered = self.remembered.lock();
        Some(message_id) <= remembered.forgotten || remembered.ids.contains(&message_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_counts_as_announced() {
        let announced = Announced::default();
        let id = MessageId::new;
        assert!(!announced.contains(id(9)), "before anything was announced nothing is known");
        for value in 10..=REMEMBERED_MAX as u64 + 10 {
            announced.insert(id(value));
            announced.insert(id(value));
        }
        assert_eq!(announced.remembered.lock().ids.len(), REMEMBERED_MAX);
        assert!(
            announced.contains(id(10)) && announced.contains(id(9)) && announced.contains(id(11))
        );
        assert!(!announced.contains(id(REMEMBERED_MAX as u64 + 11)));
    }
}
