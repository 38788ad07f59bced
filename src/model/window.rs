//! A count per minute, as a pure function of (state, now): the limit of attempts from one address.
//!
//! A token bucket would let nearly twice as many pass in the first minute; here the first attempt
//! starts the minute, and the count of that minute is exact.

use crate::clock::UnixMs;

const MINUTE_MS: u64 = 60_000;

/// The attempts of one party since the first of its current minute.
#[derive(Clone, Copy, Debug, Default)]
pub struct MinuteWindow {
    started_at_ms: UnixMs,
    count: u32,
}

impl MinuteWindow {
    /// `Err` with the milliseconds until the minute is over if `max` attempts were counted in it.
    pub fn check(&self, max: u32, now_ms: UnixMs) -> Result<(), u64> {
        if self.is_over(now_ms) || self.count < max {
            return Ok(());
        }
        Err(self.started_at_ms + MINUTE_MS - now_ms)
    }

    /// Attempts in the minute of now.
    pub fn counted(&self, now_ms: UnixMs) -> u32 {
        if self.is_over(now_ms) { 0 } else { self.count }
    }

    pub fn count(&mut self, now_ms: UnixMs) {
        if self.is_over(now_ms) {
            *self = Self { started_at_ms: now_ms, count: 0 };
        }
        self.count = self.count.saturating_add(1);
    }

    /// A clock that went back before the window's start ends it, or it could last for hours.
    fn is_over(&self, now_ms: UnixMs) -> bool {
        now_ms < self.started_at_ms || now_ms >= self.started_at_ms + MINUTE_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(times: &[UnixMs]) -> MinuteWindow {
        let mut window = MinuteWindow::default();
        times.iter().for_each(|now_ms| window.count(*now_ms));
        window
    }

    #[test]
    fn the_count_is_exact_within_a_minute() {
        let window = counted(&[100_000, 100_001, 130_000]);
        assert_eq!(window.check(4, 159_999), Ok(()));
        assert_eq!(window.check(3, 130_000), Err(30_000));
        assert_eq!(window.check(3, 159_999), Err(1));
        assert_eq!(window.check(3, 160_000), Ok(()));
    }

    #[test]
    fn a_new_minute_starts_with_its_first_attempt() {
        let window = counted(&[100_000, 100_001, 165_000]);
        assert_eq!(window.check(2, 165_000), Ok(()));
        assert_eq!(window.check(1, 165_000), Err(60_000));
        assert_eq!([165_000, 224_999, 225_000].map(|now_ms| window.counted(now_ms)), [1, 1, 0]);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_lengthen_the_minute() {
        let window = counted(&[9_000_000, 9_000_000]);
        assert_eq!(window.check(2, 1_000), Ok(()));
    }
}
