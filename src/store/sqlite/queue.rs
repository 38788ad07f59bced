//! A bounded queue from async callers to the threads that own connections.
//!
//! A full queue makes callers wait for a place, for as long as they like; threads block for items.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The store has been closed.
#[derive(Debug)]
pub struct Closed;

/// What a thread finds when it looks for work.
pub enum Next<T> {
    Item(T),
    /// Nothing came for as long as the thread was willing to wait.
    Idle,
    /// Closed, and all that was queued before has been taken.
    Closed,
}

pub struct Queue<T> {
    state: Mutex<QueueState<T>>,
    changed: Condvar,
    places: Arc<Semaphore>,
}

struct QueueState<T> {
    items: VecDeque<(T, OwnedSemaphorePermit)>,
    closed: bool,
}

impl<T> Queue<T> {
    pub fn new(places: usize) -> Arc<Self> {
        let state = QueueState { items: VecDeque::new(), closed: false };
        let places = Arc::new(Semaphore::new(places));
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), places })
    }

    /// Waits for a place. Dropping the future gives up, and nothing is queued.
    pub async fn push(&self, item: T) -> Result<(), Closed> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Closed)?;
        let mut state = self.state.lock();
        if state.closed {
            return Err(Closed);
        }
        state.items.push_back((item, place));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Blocks until there is an item, at most for `patience`.
    pub fn next(&self, patience: Duration) -> Next<T> {
        let mut state = self.state.lock();
        if state.items.is_empty() && !state.closed {
            let empty = |state: &mut QueueState<T>| state.items.is_empty() && !state.closed;
            self.changed.wait_while_for(&mut state, empty, patience);
        }
        match state.items.pop_front() {
            Some((item, _place)) => Next::Item(item),
            None if state.closed => Next::Closed,
            None => Next::Idle,
        }
    }

    /// Takes the first item if `wanted` says so; never blocks.
    pub fn next_if(&self, wanted: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut state = self.state.lock();
        state.items.pop_front_if(|(item, _place)| wanted(item)).map(|(item, _place)| item)
    }

    /// Refuses new items; threads still get those that are queued.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.places.close();
        self.changed.notify_all();
    }
}
