//! A token bucket, as a pure function of (state, now): the rate limit of sessions and addresses.

use crate::clock::UnixMs;

/// `burst` tokens at most, refilled at `per_second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

/// The state of one limited party.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    tokens: f64,
    refilled_at_ms: UnixMs,
}

impl TokenBucket {
    pub fn full(rate: Rate, now_ms: UnixMs) -> Self {
        Self { tokens: rate.burst, refilled_at_ms: now_ms }
    }

    /// Takes one token, or says in how many milliseconds (at least 1) there will be one.
    ///
    /// A clock that goes backwards refills nothing and takes nothing away.
    pub fn take(&mut self, rate: Rate, now_ms: UnixMs) -> Result<(), u64> {
        let elapsed_ms = now_ms.saturating_sub(self.refilled_at_ms);
        self.refilled_at_ms = self.refilled_at_ms.max(now_ms);
        self.tokens = (self.tokens + elapsed_ms as f64 / 1000.0 * rate.per_second).min(rate.burst);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait_ms = ((1.0 - self.tokens) / rate.per_second * 1000.0).ceil();
        Err((wait_ms as u64).max(1))
    }

    /// True if it is as good as new, so that it need not be remembered.
    pub fn is_full(&self, rate: Rate, now_ms: UnixMs) -> bool {
        let elapsed_ms = now_ms.saturating_sub(self.refilled_at_ms);
        self.tokens + elapsed_ms as f64 / 1000.0 * rate.per_second >= rate.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 200.0, burst: 500.0 };

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut bucket = TokenBucket::full(RATE, 0);
        assert!((0..500).all(|_| bucket.take(RATE, 0).is_ok()));
        assert_eq!(bucket.take(RATE, 0), Err(5));
        assert!(bucket.take(RATE, 5).is_ok());
        assert!(bucket.take(RATE, 5).is_err());
        let passed = (0..1000).filter(|_| bucket.take(RATE, 1005).is_ok()).count();
        assert_eq!(passed, 200);
    }

    #[test]
    fn a_clock_that_goes_back_neither_gives_nor_takes() {
        let mut bucket = TokenBucket::full(RATE, 10_000);
        assert!((0..500).all(|_| bucket.take(RATE, 10_000).is_ok()));
        assert!(bucket.take(RATE, 0).is_err());
        assert!(bucket.take(RATE, 10_000).is_err());
        assert!(bucket.take(RATE, 10_005).is_ok());
    }
}
