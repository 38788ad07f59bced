//! The wall clock, as a value: production reads the system's, tests set their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, UTC.
pub type UnixMs = u64;

/// Clones share one time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    fixed: Option<Arc<AtomicU64>>,
}

impl Clock {
    /// The system's wall clock, which may step backwards.
    pub fn system() -> Self {
        Self { fixed: None }
    }

    /// A clock that stands still until [`set`](Self::set) moves it.
    pub fn fixed(now_ms: UnixMs) -> Self {
        Self { fixed: Some(Arc::new(AtomicU64::new(now_ms))) }
    }

    pub fn now_ms(&self) -> UnixMs {
        match &self.fixed {
            Some(now_ms) => now_ms.load(Ordering::Acquire),
            None => system_now_ms(),
        }
    }

    /// Moves a fixed clock; does nothing to the system's.
    pub fn set(&self, now_ms: UnixMs) {
        if let Some(fixed) = &self.fixed {
            fixed.store(now_ms, Ordering::Release);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock is the one reader of system time")]
fn system_now_ms() -> UnixMs {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
