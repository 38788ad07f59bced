//! The open model: when each message is meant to be sent, whatever the server does meanwhile.
//!
//! Latency is measured from the intended time, so a server (or generator) that stalls is charged for everything
//! that waited ("coordinated omission"). A message's `nonce` names its place in the plan and this run.

use std::fmt;
use std::time::{Duration, Instant};

use memchr::memmem::Finder;

/// Messages `0..messages`, one every `interval`.
pub struct Plan {
    start: Instant,
    interval: Duration,
    pub messages: u64,
    /// The first so many are sent but not measured.
    pub warmup_messages: u64,
}

impl Plan {
    /// `rate` in messages per second; warm-up comes before `duration`.
    pub fn new(rate: f64, warmup: Duration, duration: Duration) -> Self {
        let interval = Duration::from_secs_f64(1.0 / rate);
        let count = |time: Duration| (time.as_secs_f64() * rate).round() as u64;
        Self {
            start: Instant::now(),
            interval,
            messages: count(warmup) + count(duration).max(1),
            warmup_messages: count(warmup),
        }
    }

    /// Message 0 is due now.
    pub fn begin(&mut self) {
        self.start = Instant::now();
    }

    pub fn intended(&self, message: u64) -> Instant {
        let interval_ns = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX);
        self.start + Duration::from_nanos(interval_ns.saturating_mul(message))
    }

    pub fn measured_from(&self) -> Instant {
        self.intended(self.warmup_messages)
    }

    pub const fn is_measured(&self, message: u64) -> bool {
        message >= self.warmup_messages
    }
}

/// How long to wait for events before the next planned send.
///
/// epoll rounds up to whole milliseconds, so the last one is spun away: a send is late by microseconds instead.
pub fn wait_before(due: Instant) -> Duration {
    let rest = due.saturating_duration_since(Instant::now());
    Duration::from_millis(u64::try_from(rest.as_millis()).unwrap_or(u64::MAX)).min(TURN_MAX)
}

/// An idle generator still looks around this often.
const TURN_MAX: Duration = Duration::from_millis(100);

/// Marks this run's messages; those of earlier runs on the same server are not counted.
pub struct Marker {
    text: String,
    finder: Finder<'static>,
}

impl Marker {
    /// Random, so that runs at the same time and server do not meet.
    pub fn random() -> Self {
        let text = format!("lt{:08x}-", rand::random::<u32>());
        let finder = Finder::new(text.as_bytes()).into_owned();
        Self { text, finder }
    }

    pub fn nonce(&self, message: u64) -> String {
        format!("{}{message}", self.text)
    }

    /// The message that `packet` carries, found without parsing it.
    pub fn message(&self, packet: &[u8]) -> Option<u64> {
        let digits = &packet[self.finder.find(packet)? + self.text.len()..];
        let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
    }
}

/// The marker without its dash: fit for user names.
impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end_matches('-'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_does_not_drift() {
        let plan = Plan::new(32.0, Duration::from_secs(2), Duration::from_secs(10));
        assert_eq!((plan.warmup_messages, plan.messages), (64, 384));
        assert_eq!(plan.measured_from() - plan.intended(0), Duration::from_secs(2));
        assert_eq!(plan.intended(383) - plan.intended(63), Duration::from_secs(10));
    }

    #[test]
    fn a_message_is_recognised_inside_its_packet() {
        let marker = Marker::random();
        let packet =
            format!(r#"42["message:created",{{"nonce":"{}","flags":0}}]"#, marker.nonce(42));
        assert_eq!(marker.message(packet.as_bytes()), Some(42));
        assert_eq!(
            Marker { text: "lt-".into(), finder: Finder::new("lt-") }.message(b"lt-x"),
            None
        );
        assert_eq!(Marker::random().message(packet.as_bytes()), None, "another run's");
    }
}
