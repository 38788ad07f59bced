//! How often one connection may ask to join a namespace (CONNECT), and how long it may be in none.
//!
//! Each CONNECT costs a check of its token, and an accepted one a whole `ready`, so neither may be
//! had in a loop. Who may join is the gateway's; this only counts.

use std::time::Duration;

use tokio::time::Instant;

use super::settings::CONNECT_TIMEOUT;
use crate::model::rate::{Rate, TokenBucket};
use crate::telemetry::{self, log_seldom};

/// A client asks once, and once more with a fresh token: ten at once is a loop.
const RATE: Rate = Rate { per_second: 1.0, burst: 10.0 };
/// A token that was refused so often gets no better.
const REFUSED_MAX: u8 = 10;

/// The attempts of one connection.
pub struct JoinAttempts {
    began: Instant,
    tokens: TokenBucket,
    refused: u8,
    /// Since when the connection is in no namespace, if somebody watches that.
    unused_since: Option<Instant>,
}

/// What whoever watches an unused connection does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unused {
    /// Look again after so long: it has been in a namespace since.
    Wait(Duration),
    /// It has had its time; nobody watches it any more.
    Over,
}

impl JoinAttempts {
    pub fn new(began: Instant) -> Self {
        Self { began, tokens: TokenBucket::full(RATE, 0), refused: 0, unused_since: None }
    }

    /// Takes attempts to join, whatever namespace; false if there are too many, and counts that.
    pub fn take(&mut self, connects: u32, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.began).as_millis();
        let elapsed_ms = u64::try_from(elapsed).unwrap_or(u64::MAX);
        let all_pass = (0..connects).all(|_| self.tokens.take(RATE, elapsed_ms).is_ok());
        if !all_pass {
            metrics::counter!(telemetry::RATE_LIMITED, "scope" => "connect").increment(1);
            log_seldom!(info, "closing a connection that tried to join too often");
        }
        all_pass
    }

    /// Of the connection.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// Counts a refusal; false if it is one too many.
    pub fn refused(&mut self) -> bool {
        self.refused = self.refused.saturating_add(1);
        self.refused < REFUSED_MAX
    }

    pub fn accepted(&mut self) {
        self.refused = 0;
    }

    /// The connection is in no namespace from `now` on; true if somebody has to begin to watch it.
    pub fn unused(&mut self, now: Instant) -> bool {
        self.unused_since.replace(now).is_none()
    }

    pub fn look(&mut self, now: Instant) -> Unused {
        let unused = self.unused_since.map_or(CONNECT_TIMEOUT, |since| now - since);
        match CONNECT_TIMEOUT.checked_sub(unused) {
            Some(left) if !left.is_zero() => Unused::Wait(left),
            _ => {
                self.unused_since = None;
                Unused::Over
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ten_attempts_pass_at_once_and_then_one_a_second() {
        let began = Instant::now();
        let mut attempts = JoinAttempts::new(began);
        assert!(attempts.take(9, began) && attempts.take(0, began));
        assert!(attempts.take(1, began) && !attempts.take(1, began));
        assert!(attempts.take(1, began + SECOND));
        assert!(!attempts.take(1, began + SECOND));
        assert!(!attempts.take(11, began + 60 * SECOND));
    }

    #[test]
    fn the_tenth_refusal_in_a_row_is_the_last() {
        let mut attempts = JoinAttempts::new(Instant::now());
        assert!((0..9).all(|_| attempts.refused()));
        attempts.accepted();
        assert_eq!((0..10).filter(|_| attempts.refused()).count(), 9);
    }

    #[test]
    fn an_unused_connection_is_watched_once_and_from_its_last_use_on() {
        let began = Instant::now();
        let mut attempts = JoinAttempts::new(began);
        assert!(attempts.unused(began));
        assert!(!attempts.unused(began + 10 * SECOND), "it is watched already");
        let first_look = attempts.look(began + CONNECT_TIMEOUT);
        assert_eq!(first_look, Unused::Wait(10 * SECOND));
        assert_eq!(attempts.look(began + CONNECT_TIMEOUT + 10 * SECOND), Unused::Over);
        assert!(attempts.unused(began + 60 * SECOND), "watched anew");
    }
}
