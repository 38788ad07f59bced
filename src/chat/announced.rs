//! Which messages this node has announced lately: a bounded memory.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;

use crate::model::id::MessageId;

/// Minutes of a busy node. What has been forgotten is announced again, and dropped by the fan-out or
/// by clients, who know messages by id.
const REMEMBERED_MAX: usize = 65_536;

#[derive(Debug, Default)]
pub struct Announced {
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    ids: HashSet<MessageId>,
    oldest_first: VecDeque<MessageId>,
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
        }
    }

    pub fn contains(&self, message_id: MessageId) -> bool {
        self.remembered.lock().ids.contains(&message_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let announced = Announced::default();
        for id in 0..=REMEMBERED_MAX as u64 {
            announced.insert(MessageId::new(id));
            announced.insert(MessageId::new(id));
        }
        assert!(!announced.contains(MessageId::ZERO));
        assert!(announced.contains(MessageId::new(1)));
        assert_eq!(announced.remembered.lock().ids.len(), REMEMBERED_MAX);
    }
}
