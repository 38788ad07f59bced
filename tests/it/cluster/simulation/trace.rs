//! What happened, as a number: two runs of one seed have the same.

use std::fmt::Arguments;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use parking_lot::Mutex;

use super::number;

/// Clones share it.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    now_ms: u64,
    hasher: DefaultHasher,
    is_shown: bool,
}

impl Trace {
    /// Shown as it grows with `VIBETALK_TRACE=1`.
    pub fn new() -> Self {
        let is_shown = number("VIBETALK_TRACE").is_some();
        Self(Arc::new(Mutex::new(Noted { is_shown, ..Noted::default() })))
    }

    pub fn set_now(&self, now_ms: u64) {
        self.0.lock().now_ms = now_ms;
    }

    pub fn note(&self, event: Arguments<'_>) {
        let mut noted = self.0.lock();
        let line = event.to_string();
        if noted.is_shown {
            println!("{:>6} {line}", noted.now_ms);
        }
        (noted.now_ms, line).hash(&mut noted.hasher);
    }

    pub fn hash(&self) -> u64 {
        self.0.lock().hasher.finish()
    }
}
