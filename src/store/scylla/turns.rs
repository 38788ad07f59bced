//! WriteTurns at what is read, changed and written back under a condition.
//!
//! Of several who do so at the same time one succeeds and the others begin anew. Those of this process wait for each
//! other instead; what decides is the condition, because other processes do not wait.

use std::hash::{BuildHasher, Hash, RandomState};

use tokio::sync::{Mutex, MutexGuard};

/// Places; two that have nothing to do with each other seldom share one.
const PLACES: usize = 16_384;

pub struct WriteTurns {
    hasher: RandomState,
    places: Box<[Mutex<()>]>,
}

impl WriteTurns {
    pub fn new() -> Self {
        let places = (0..PLACES).map(|_| Mutex::new(())).collect();
        Self { hasher: RandomState::new(), places }
    }

    /// At most one at a time: whoever has one takes no other. Waits as long as the call may.
    pub async fn at(&self, key: impl Hash) -> MutexGuard<'_, ()> {
        let place = self.hasher.hash_one(key) as usize % PLACES;
        self.places[place].lock().await
    }
}
