//! How fast one session may ask over HTTP; sockets are limited by the gateway.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::clock::UnixMs;
use crate::model::id::SessionId;
use crate::model::rate::{Rate, TokenBucket};

/// About 3 MB. Beyond it sessions that have been quiet are forgotten: they start with a full bucket,
/// which is what they would have by then.
const SESSIONS_MAX: usize = 65_536;

/// The buckets of the sessions that asked lately.
#[derive(Debug, Default)]
pub struct SessionRates {
    buckets: Mutex<HashMap<SessionId, TokenBucket>>,
}

impl SessionRates {
    /// Counts one request, or says in how many milliseconds the next may come.
    pub fn take(&self, session_id: SessionId, rate: Rate, now_ms: UnixMs) -> Result<(), u64> {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= SESSIONS_MAX && !buckets.contains_key(&session_id) {
            forget_quiet(&mut buckets, rate, now_ms);
        }
        buckets
            .entry(session_id)
            .or_insert_with(|| TokenBucket::full(rate, now_ms))
            .take(rate, now_ms)
    }
}

/// If nobody was quiet, everybody starts anew: a burst too many is better than memory without end.
fn forget_quiet(buckets: &mut HashMap<SessionId, TokenBucket>, rate: Rate, now_ms: UnixMs) {
    buckets.retain(|_, bucket| !bucket.is_full(rate, now_ms));
    if buckets.len() >= SESSIONS_MAX {
        buckets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 1.0, burst: 2.0 };

    #[test]
    fn sessions_do_not_share_a_bucket() {
        let rates = SessionRates::default();
        let [one, other] = [SessionId::new(1), SessionId::new(2)];
        assert!(rates.take(one, RATE, 0).is_ok());
        assert!(rates.take(one, RATE, 0).is_ok());
        assert_eq!(rates.take(one, RATE, 0), Err(1000));
        assert!(rates.take(other, RATE, 0).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_limited_sessions_stay_limited() {
        let rates = SessionRates::default();
        let quiet = SESSIONS_MAX as u64 - 1;
        for id in 0..quiet {
            assert!(rates.take(SessionId::new(id), RATE, 0).is_ok());
        }
        let busy = SessionId::new(quiet);
        while rates.take(busy, RATE, 5000).is_ok() {}
        assert!(rates.take(SessionId::new(quiet + 1), RATE, 5000).is_ok());
        assert_eq!(rates.buckets.lock().len(), 2);
        assert!(rates.take(busy, RATE, 5000).is_err());
    }
}
