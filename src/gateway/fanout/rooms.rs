//! Who gets what: the sessions of each topic, with their permissions in it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::bus::envelope::Topic;
use crate::model::permission::Permissions;
use crate::model::presence::SocketKey;

/// Hashes [`SocketKey`]s, which are ours and count up, so nobody can make them collide.
#[derive(Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is one u64");
    }

    fn write_u64(&mut self, key: u64) {
        // Fibonacci hashing: the map looks at the top and bottom bits.
        self.0 = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

pub type ByKey<V> = HashMap<SocketKey, V, BuildHasherDefault<KeyHasher>>;
pub type Keys = HashSet<SocketKey, BuildHasherDefault<KeyHasher>>;
pub type Room = ByKey<Permissions>;

#[derive(Default)]
pub struct Rooms {
    by_topic: HashMap<Topic, Room>,
}

impl Rooms {
    pub fn get(&self, topic: &Topic) -> Option<&Room> {
        self.by_topic.get(topic)
    }

    pub fn keys(&self, topic: &Topic) -> Vec<SocketKey> {
        self.get(topic).map(|room| room.keys().copied().collect()).unwrap_or_default()
    }

    /// Joins, or changes the permissions of who is in already.
    pub fn join(&mut self, topic: Topic, key: SocketKey, permissions: Permissions) {
        self.by_topic.entry(topic).or_default().insert(key, permissions);
    }

    pub fn leave(&mut self, topic: Topic, key: SocketKey) {
        let Some(room) = self.by_topic.get_mut(&topic) else { return };
        room.remove(&key);
        if room.is_empty() {
            self.by_topic.remove(&topic);
        }
    }
}
