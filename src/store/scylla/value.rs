//! How ids and times are kept, and the timestamps of writes.

use scylla::cluster::metadata::ColumnType;
use scylla::deserialize::value::DeserializeValue;
use scylla::deserialize::{DeserializationError, FrameSlice, TypeCheckError};
use scylla::serialize::SerializationError;
use scylla::serialize::value::SerializeValue;
use scylla::serialize::writers::{CellWriter, WrittenCellProof};

use crate::model::id::{
    AttemptId, Bucket, ChangeId, ChannelId, GroupId, MessageId, SessionId, UserId,
};
use crate::model::search::KEY_CHARS_MAX;
use crate::model::time_budget::CLOCK_SKEW_MS_MAX;
pub use crate::store::ms::Ms;

/// Kept as another type, which holds every value of it.
macro_rules! kept_as {
    ($($type:ty as $column:ty: |$value:ident| $to:expr, $from:expr;)*) => {$(
        impl SerializeValue for $type {
            fn serialize<'b>(
                &self,
                column: &ColumnType<'_>,
                writer: CellWriter<'b>,
            ) -> Result<WrittenCellProof<'b>, SerializationError> {
                let $value = self;
                <$column>::serialize(&$to, column, writer)
            }
        }

        impl<'frame, 'metadata> DeserializeValue<'frame, 'metadata> for $type {
            fn type_check(column: &ColumnType<'_>) -> Result<(), TypeCheckError> {
                <$column>::type_check(column)
            }

            fn deserialize(
                column: &'metadata ColumnType<'metadata>,
                value: Option<FrameSlice<'frame>>,
            ) -> Result<Self, DeserializationError> {
                <$column>::deserialize(column, value).map($from)
            }
        }
    )*};
}

kept_as! {
    UserId as i64: |id| id.to_i64(), UserId::from_i64;
    GroupId as i64: |id| id.to_i64(), GroupId::from_i64;
    ChannelId as i64: |id| id.to_i64(), ChannelId::from_i64;
    MessageId as i64: |id| id.to_i64(), MessageId::from_i64;
    SessionId as i64: |id| id.to_i64(), SessionId::from_i64;
    AttemptId as i64: |id| id.to_i64(), AttemptId::from_i64;
    ChangeId as i64: |id| id.to_i64(), ChangeId::from_i64;
    // Ten days each: an `int` holds them to the year 58,000,000.
    Bucket as i32: |bucket| i32::try_from(bucket.0).unwrap_or(i32::MAX), |bucket| Self(bucket.unsigned_abs().into());
    Ms as i64: |ms| i64::try_from(ms.0).unwrap_or(i64::MAX), |ms| Self(ms.unsigned_abs());
}

/// Keys of one partition that a statement names (`IN ?`): as many as ScyllaDB takes.
pub const KEYS_AT_A_TIME: usize = 100;

/// A `LIMIT`.
pub fn rows(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

/// A `USING TTL` that outlasts a span by `slack_ms`, because the database counts by its own clock from when it is
/// written. The longest there is are twenty years; 0 would be for ever.
pub fn ttl_seconds(span_ms: u64, slack_ms: u64) -> i32 {
    const SECONDS_MAX: u64 = 20 * 365 * 24 * 60 * 60;
    let seconds = span_ms.saturating_add(slack_ms).div_ceil(1000).clamp(1, SECONDS_MAX);
    i32::try_from(seconds).expect("it is at most twenty years")
}

/// The timestamp (in microseconds) of a cell in which of several writes the one with the later id is to stay,
/// in whatever order they arrive. Ids of one millisecond have the same: of cells with the same timestamp the
/// larger value stays, so the value has to begin with the id. All writes of such a cell have timestamps of this kind.
pub fn timestamp(id: u64) -> i64 {
    let at_ms = MessageId::new(id).timestamp_ms();
    i64::try_from(at_ms * 1000).unwrap_or(i64::MAX)
}

/// Likewise of a row that conditional writes may change later: these have the database's own time, which may be behind
/// that of the node which made the id.
pub fn first_timestamp(id: u64) -> i64 {
    let at_ms = MessageId::new(id).timestamp_ms().saturating_sub(5 * CLOCK_SKEW_MS_MAX);
    i64::try_from(at_ms * 1000).unwrap_or(i64::MAX)
}

/// The end of the keys that begin with `prefix`, exclusive, in the order of their UTF-8.
pub fn prefix_end(prefix: &str) -> String {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        // The successor of U+D7FF lies behind the surrogates.
        if let Some(next) = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32) {
            end.push(next);
            return end.into_iter().collect();
        }
    }
    // Nothing lies behind: longer than any key.
    format!("{prefix}{}", "\u{10FFFF}".repeat(KEY_CHARS_MAX + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_outlasts_its_span() {
        assert_eq!(ttl_seconds(1, 0), 1);
        assert_eq!(ttl_seconds(60_000, 5_000), 65);
        assert_eq!(ttl_seconds(0, 0), 1, "0 would be for ever");
        assert_eq!(ttl_seconds(u64::MAX, 1), 630_720_000);
    }

    #[test]
    fn what_is_inserted_is_older_than_what_changes_it() {
        let id = MessageId::first_at(1_795_000_000_000).get();
        assert_eq!(timestamp(id), 1_795_000_000_000_000);
        assert_eq!(timestamp(id), timestamp(id + 9));
        assert!(first_timestamp(id) + 1000 * CLOCK_SKEW_MS_MAX.cast_signed() < timestamp(id));
        assert_eq!(first_timestamp(12), 0);
    }

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        for (prefix, end) in
            [("ab", "ac"), ("z\u{10FFFF}", "{"), ("\u{D7FF}", "\u{E000}"), ("%_", "%`")]
        {
            assert_eq!(prefix_end(prefix), end, "{prefix}");
        }
        let last = "\u{10FFFF}".repeat(KEY_CHARS_MAX);
        assert!(prefix_end("\u{10FFFF}") > last);
    }
}
