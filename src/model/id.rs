//! Snowflake ids and the buckets of a channel's history.
//!
//! An id has 63 bits, so that it stays a positive `bigint` in SQLite and CQL until 2109:
//! 42 bits of milliseconds since the Unix epoch, 10 bits node, 11 bits sequence.

use std::fmt;
use std::str::FromStr;

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::UnixMs;

const SEQUENCE_BITS: u32 = 11;
const NODE_BITS: u32 = 10;
const TIMESTAMP_SHIFT: u32 = SEQUENCE_BITS + NODE_BITS;
/// Ten days, Discord's choice: the biggest channels stay below 100 MB a partition.
pub const BUCKET_MS: u64 = 10 * 24 * 60 * 60 * 1000;
/// How far the clock may be behind the ids already made before new ones are refused.
pub const CLOCK_BEHIND_MS_MAX: u64 = 5_000;

/// A time slice of one channel: the second half of a history partition's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(pub u64);

/// Why a text is not an id.
#[derive(Debug, thiserror::Error)]
#[error("an id is a string of 1 to 19 decimal digits, at most 9223372036854775807")]
pub struct InvalidId;

fn parse_id(text: &str) -> Result<u64, InvalidId> {
    let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value: u64 = digits_only.then(|| text.parse().ok()).flatten().ok_or(InvalidId)?;
    if value > i64::MAX as u64 { Err(InvalidId) } else { Ok(value) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Below every id that was ever made.
            pub const ZERO: Self = Self(0);
            /// Above every id that will ever be made.
            pub const MAX: Self = Self(i64::MAX as u64);

            pub const fn new(value: u64) -> Self {
                Self(value & i64::MAX as u64)
            }

            pub const fn get(self) -> u64 {
                self.0
            }

            /// For the `bigint` columns of the stores.
            pub const fn to_i64(self) -> i64 {
                self.0 as i64
            }

            /// From a `bigint` column, which holds only what [`to_i64`](Self::to_i64) gave.
            pub const fn from_i64(value: i64) -> Self {
                Self::new(value as u64)
            }

            pub const fn timestamp_ms(self) -> UnixMs {
                self.0 >> TIMESTAMP_SHIFT
            }

            /// The lowest id that could be made at `timestamp_ms`.
            pub const fn first_at(timestamp_ms: UnixMs) -> Self {
                Self::new(timestamp_ms << TIMESTAMP_SHIFT)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_id(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    UserId
    GroupId
    ChannelId
    /// Identifies a message. Message ids sort by creation time, to the millisecond.
    MessageId
    /// A signed-in device: what refresh tokens belong to and what a person can end.
    SessionId
    /// One try to sign in, or to show a password otherwise.
    AttemptId
    /// One entry of what `session:sync` reports: an edit, a deletion, a reaction, a pin.
    ChangeId
}

impl MessageId {
    /// The partition of its channel's history that holds this message.
    pub const fn bucket(self) -> Bucket {
        Bucket(self.timestamp_ms() / BUCKET_MS)
    }
}

impl ChangeId {
    pub const fn bucket(self) -> Bucket {
        Bucket(self.timestamp_ms() / BUCKET_MS)
    }
}

/// Which process of a cluster, 0 to 1023. Clients see it as `n<number>`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(try_from = "u16")]
pub struct NodeId(u16);

/// Why a number is not the id of a node.
#[derive(Debug, thiserror::Error)]
#[error("nodes have numbers up to {}", NodeId::MAX)]
pub struct InvalidNodeId;

impl TryFrom<u16> for NodeId {
    type Error = InvalidNodeId;
    fn try_from(number: u16) -> Result<Self, InvalidNodeId> {
        Self::new(number).ok_or(InvalidNodeId)
    }
}

impl NodeId {
    pub const MAX: u16 = (1 << NODE_BITS) - 1;

    /// `None` above [`NodeId::MAX`].
    pub const fn new(number: u16) -> Option<Self> {
        if number <= Self::MAX { Some(Self(number)) } else { None }
    }

    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// The wall clock is more than [`CLOCK_BEHIND_MS_MAX`] behind ids that were made already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock is {behind_ms} ms behind the newest id")]
pub struct ClockBehind {
    pub behind_ms: u64,
}

impl ClockBehind {
    /// How long it takes until ids can be made again, if the clock goes on as it should.
    pub const fn wait_ms(self) -> u64 {
        self.behind_ms.saturating_sub(CLOCK_BEHIND_MS_MAX)
    }
}

/// The node id was leased, and ids of this time are not its any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease of node {node} has ended")]
pub struct LeaseOver {
    pub node: NodeId,
}

/// Why no id was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoId {
    #[error(transparent)]
    ClockBehind(#[from] ClockBehind),
    #[error(transparent)]
    LeaseOver(#[from] LeaseOver),
}

/// Makes ids that never repeat and never go backwards on this node.
///
/// When the clock stands still, goes back a little, or more than 2,048 ids are wanted in one
/// millisecond, it goes on counting from the last id, borrowing from the milliseconds to come.
///
/// Where the node id is [leased](Self::lease), ids are made of times within the lease only, whenever that is done: also a
/// process that slept between looking at its clock and making an id makes none that is another's.
#[derive(Debug)]
pub struct IdGenerator {
    node: NodeId,
    made: Mutex<Made>,
}

#[derive(Debug)]
struct Made {
    /// Milliseconds and sequence of the last id, without the node: `ms << SEQUENCE_BITS | sequence`.
    last: u64,
    /// No id is made of this time or a later one.
    until_ms: UnixMs,
}

impl IdGenerator {
    /// Of a node whose id is its own for ever.
    pub fn new(node: NodeId) -> Self {
        Self::above(node, 0)
    }

    /// A generator whose ids are all above `newest`, the highest id there is: the clock may have been
    /// ahead when it was made, and been set right since.
    pub fn above(node: NodeId, newest: u64) -> Self {
        // From the next millisecond on: in its own, ids of nodes with lower numbers sort before it.
        let last = match newest {
            0 => 0,
            newest => newest >> TIMESTAMP_SHIFT << SEQUENCE_BITS | ((1 << SEQUENCE_BITS) - 1),
        };
        Self { node, made: Mutex::new(Made { last, until_ms: UnixMs::MAX }) }
    }

    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// From now on ids are made of times from `from_ms` on and before `until_ms`.
    pub fn lease(&self, from_ms: UnixMs, until_ms: UnixMs) {
        let mut made = self.made.lock();
        made.last = made.last.max((from_ms << SEQUENCE_BITS).saturating_sub(1));
        made.until_ms = until_ms;
    }

    /// Makes no ids from now on. Returns the first time of which none was made.
    pub fn end_lease(&self) -> UnixMs {
        let mut made = self.made.lock();
        made.until_ms = 0;
        (made.last >> SEQUENCE_BITS) + 1
    }

    /// Whether ids may be made of this time.
    pub fn is_leased(&self, now_ms: UnixMs) -> bool {
        now_ms < self.made.lock().until_ms
    }

    /// # Errors
    ///
    /// [`ClockBehind`] when the next id would lie more than [`CLOCK_BEHIND_MS_MAX`] in the future, [`LeaseOver`] when it
    /// would lie beyond the lease.
    pub fn next(&self, now_ms: UnixMs) -> Result<u64, NoId> {
        let mut made = self.made.lock();
        let next = (made.last + 1).max(now_ms << SEQUENCE_BITS);
        let next_ms = next >> SEQUENCE_BITS;
        if next_ms.saturating_sub(now_ms) > CLOCK_BEHIND_MS_MAX {
            let behind_ms = (made.last >> SEQUENCE_BITS).saturating_sub(now_ms);
            return Err(ClockBehind { behind_ms }.into());
        }
        if next_ms >= made.until_ms {
            return Err(LeaseOver { node: self.node }.into());
        }
        made.last = next;
        drop(made);
        Ok(self.compose(next))
    }

    /// How many milliseconds `now_ms` is behind the last id; 0 if it is not.
    pub fn behind_ms(&self, now_ms: UnixMs) -> u64 {
        (self.made.lock().last >> SEQUENCE_BITS).saturating_sub(now_ms)
    }

    fn compose(&self, ms_and_sequence: u64) -> u64 {
        let timestamp_ms = ms_and_sequence >> SEQUENCE_BITS;
        let sequence = ms_and_sequence & ((1 << SEQUENCE_BITS) - 1);
        timestamp_ms << TIMESTAMP_SHIFT | u64::from(self.node.0) << SEQUENCE_BITS | sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: UnixMs = 1_795_000_000_000;

    fn generator() -> IdGenerator {
        IdGenerator::new(NodeId::new(7).unwrap())
    }

    #[test]
    fn an_id_holds_its_time_and_node() {
        let id = MessageId::new(generator().next(NOW_MS).unwrap());
        assert_eq!(id.timestamp_ms(), NOW_MS);
        assert_eq!(id.get() >> SEQUENCE_BITS & 1023, 7);
        assert_eq!(id.bucket(), Bucket(NOW_MS / BUCKET_MS));
    }

    #[test]
    fn ids_go_on_rising_when_the_clock_goes_back() {
        let ids = generator();
        let before = ids.next(NOW_MS).unwrap();
        let after = ids.next(NOW_MS - CLOCK_BEHIND_MS_MAX).unwrap();
        assert!(after > before);
    }

    #[test]
    fn ids_are_refused_when_the_clock_is_far_behind() {
        let ids = generator();
        ids.next(NOW_MS).unwrap();
        let refused = ids.next(NOW_MS - CLOCK_BEHIND_MS_MAX - 1);
        assert_eq!(refused, Err(ClockBehind { behind_ms: CLOCK_BEHIND_MS_MAX + 1 }.into()));
        assert_eq!(ids.behind_ms(NOW_MS - 7_000), 7_000);
        assert!(ids.next(NOW_MS).is_ok(), "it recovers with the clock");
        assert_eq!(ids.behind_ms(NOW_MS), 0);
    }

    #[test]
    fn ids_go_on_above_those_of_before_a_restart() {
        let before = IdGenerator::new(NodeId::new(900).unwrap());
        let made: Vec<u64> = (0..3000).map(|_| before.next(NOW_MS).unwrap()).collect();
        let newest = made[2999];
        let ids = IdGenerator::above(NodeId::new(7).unwrap(), newest);
        assert!(ids.next(NOW_MS - 4_000).unwrap() > newest, "held for five seconds");
        let ids = IdGenerator::above(NodeId::new(7).unwrap(), newest);
        let Err(NoId::ClockBehind(refused)) = ids.next(NOW_MS - 3_600_000) else { panic!() };
        assert!((3_600_000..3_600_003).contains(&refused.behind_ms), "{refused}");
        assert_eq!(refused.wait_ms(), refused.behind_ms - CLOCK_BEHIND_MS_MAX);
        assert!(ids.next(NOW_MS).unwrap() > newest);
    }

    #[test]
    fn a_full_millisecond_borrows_from_the_next() {
        let ids = generator();
        let made: Vec<u64> = (0..5000).map(|_| ids.next(NOW_MS).unwrap()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(MessageId::new(made[4999]).timestamp_ms(), NOW_MS + 2);
    }

    fn made_at(ids: &IdGenerator, now_ms: UnixMs) -> Result<UnixMs, NoId> {
        ids.next(now_ms).map(|id| MessageId::new(id).timestamp_ms())
    }

    #[test]
    fn no_id_is_made_of_a_time_outside_the_lease() {
        let (ids, over) = (generator(), LeaseOver { node: NodeId::new(7).unwrap() });
        ids.lease(NOW_MS + 5, NOW_MS + 10);
        assert_eq!(made_at(&ids, NOW_MS), Ok(NOW_MS + 5), "where the lease before it ended");
        assert_eq!(made_at(&ids, NOW_MS + 9), Ok(NOW_MS + 9));
        assert_eq!(made_at(&ids, NOW_MS + 10), Err(over.into()));
        assert_eq!(made_at(&ids, NOW_MS + 3_600_000), Err(over.into()), "it slept");
        // It looked at its clock before it slept: that time is still its own.
        assert_eq!(made_at(&ids, NOW_MS + 9), Ok(NOW_MS + 9));
        // Nor does it borrow from the time after.
        let made = (0..5000).map(|_| ids.next(NOW_MS + 9)).take_while(Result::is_ok).count();
        assert_eq!(made, (1 << SEQUENCE_BITS) - 2);

        ids.lease(NOW_MS + 5, NOW_MS + 20);
        assert_eq!(made_at(&ids, NOW_MS + 12), Ok(NOW_MS + 12));
        assert!(ids.is_leased(NOW_MS + 19) && !ids.is_leased(NOW_MS + 20));
        assert_eq!(ids.end_lease(), NOW_MS + 13);
        assert_eq!(made_at(&ids, NOW_MS + 13), Err(over.into()));
    }

    #[test]
    fn a_node_without_a_lease_makes_ids_for_ever() {
        assert!(generator().is_leased(UnixMs::MAX - 1));
    }

    #[test]
    fn ids_are_positive_until_2109() {
        let last_ms = (1 << 42) - 1;
        assert!(MessageId::first_at(last_ms).to_i64() > 0);
    }

    #[test]
    fn only_decimal_strings_are_ids() {
        for bad in
            ["", "+1", "-1", " 1", "1.0", "0x1", "9223372036854775808", "99999999999999999999"]
        {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
        assert_eq!("0".parse::<UserId>().unwrap(), UserId::ZERO);
        assert!(serde_json::from_str::<UserId>("1").is_err(), "numbers lose digits in JavaScript");
        assert_eq!(serde_json::to_string(&UserId::new(12)).unwrap(), "\"12\"");
    }
}
