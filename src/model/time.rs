//! Times on the wire: RFC 3339, UTC, milliseconds.

use serde::{Serialize, Serializer};

use crate::clock::UnixMs;

/// A point in time that serialises as `2026-11-24T12:00:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub UnixMs);

impl Timestamp {
    /// Reads any RFC 3339 time; finer than milliseconds is cut off. `None` before 1970 or if malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(parsed.as_millisecond()).ok().map(Self)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        let timestamp = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{timestamp:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_z() {
        assert_eq!(Timestamp(1_795_521_600_000).to_string(), "2026-11-24T12:00:00.000Z");
        assert_eq!(Timestamp(7).to_string(), "1970-01-01T00:00:00.007Z");
    }

    #[test]
    fn parsing_undoes_printing() {
        let time = Timestamp(1_795_521_600_123);
        assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        assert_eq!(Timestamp::parse("2026-11-24T13:00:00.123+01:00"), Some(time));
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59Z"), None);
    }
}
