//! How fast one session may ask over HTTP; sockets are limited by the gateway.

use crate::chat::rates::Parties;
use crate::clock::UnixMs;
use crate::model::id::SessionId;
use crate::model::rate::{Rate, TokenBucket};

/// The buckets of the sessions that asked lately.
#[derive(Debug, Default)]
pub struct SessionRates {
    buckets: Parties<SessionId, TokenBucket>,
}

impl SessionRates {
    /// Counts one request, or says in how many milliseconds the next may come.
    pub fn take(&self, session_id: SessionId, rate: Rate, now_ms: UnixMs) -> Result<(), u64> {
        let fresh = TokenBucket::full(rate, now_ms);
        let is_fresh = |bucket: &TokenBucket| bucket.is_full(rate, now_ms);
        self.buckets.act(session_id, fresh, is_fresh, |bucket| bucket.take(rate, now_ms))
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
}
