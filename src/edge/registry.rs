//! Every session of the node, for draining, and by session id, for polling requests.
//!
//! Holds weak references only: a session ends when the engine lets go of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use engineioxide_core::Sid;
use parking_lot::Mutex;

use super::session::EngineSession;

#[derive(Default)]
pub(super) struct Registry {
    next_number: AtomicU64,
    count: AtomicUsize,
    by_number: Mutex<HashMap<u64, Weak<EngineSession>>>,
    by_sid: Mutex<HashMap<Sid, Weak<EngineSession>>>,
}

impl Registry {
    pub fn register(&self, session: Weak<EngineSession>) -> u64 {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.by_number.lock().insert(number, session);
        number
    }

    /// Makes a session findable by its id.
    pub fn name(&self, sid: Sid, session: Weak<EngineSession>) {
        self.by_sid.lock().insert(sid, session);
    }

    pub fn find(&self, sid: &Sid) -> Option<Arc<EngineSession>> {
        self.by_sid.lock().get(sid).and_then(Weak::upgrade)
    }

    pub fn forget(&self, number: u64, sid: Option<&Sid>) {
        self.by_number.lock().remove(&number);
        if let Some(sid) = sid {
            self.by_sid.lock().remove(sid);
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// All sessions, by their numbers.
    pub fn all(&self) -> Vec<(u64, Weak<EngineSession>)> {
        let by_number = self.by_number.lock();
        by_number.iter().map(|(number, session)| (*number, session.clone())).collect()
    }
}
