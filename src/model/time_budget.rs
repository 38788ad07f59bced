//! The times that depend on each other, and why: what `session:sync` promises is true because a message that
//! somebody has not seen cannot lie further back than a sync looks.
//!
//! ```text
//!   id made      store called             visible to every reader, or refused
//!      |--- ID_AGE ---|------- WRITE --------|
//! ```
//!
//! A client has seen the newest message of a channel, or the server's time, at some moment. What it has not seen became
//! visible after that moment, so its id was made at most [`ID_AGE_MS_MAX`] and the write's deadline earlier, by
//! the clock of the node that made it. That clock may be behind the one which the client's cursor comes from, by
//! [`CLOCK_SKEW_MS_MAX`]. A sync looks back further than these three together.
//!
//! That an id may run ahead of a clock that went back ([`CLOCK_BEHIND_MS_MAX`](super::id::CLOCK_BEHIND_MS_MAX)) takes
//! nothing from it: it is not ahead of the time by which it was made before.

use std::time::Duration;

/// How far a sync looks back: part of the contract (docs/protocol.md), because clients get messages of that time twice.
pub const SYNC_OVERLAP_MS: u64 = 5_000;

/// How far apart the clocks of two nodes may be. NTP keeps them within some milliseconds; each node measures, and
/// says so when they are further apart.
pub const CLOCK_SKEW_MS_MAX: u64 = 2_000;

/// From making an id to calling the store with it. Nothing is waited for in between, no turn either.
pub const ID_AGE_MS_MAX: u64 = 400;

/// From calling a store that several nodes share to its answer, waiting and repetitions included: what was not
/// written by then is not written, or not known to be.
pub const SHARED_WRITE_MS_MAX: u64 = 2_500;

/// Likewise of the embedded store, which has one process and so one clock. Longer than most disks take to recover
/// from a burst of writes of others.
pub const EMBEDDED_WRITE_MS_MAX: u64 = 4_500;

/// How long the embedded store waits for another program that writes to its file, such as somebody's SQLite shell; it does
/// so twice at most.
pub const EMBEDDED_LOCK_MS_MAX: u64 = 2_000;

/// Publishing waits so long for room at most.
pub const PUBLISH_MS_MAX: u64 = 5_000;

/// Whatever is read of something that was stored to tell it, at its node and then at each other, where it may wait for
/// a reading before it, takes so long at most; else it is told later, or sessions are opened anew.
pub const TELLING_READ_MS_MAX: u64 = 10_000;

/// From making the id of a message or of a change until each node's sessions have been told of it, or its node
/// knows that they have not (`chat/watermark.rs`).
pub const SETTLED_MS: u64 = 45_000;

/// For how long a node may make ids after it has last been told so: long enough that a store which is being restarted
/// is back before.
pub const LEASE_MS: u64 = 30_000;

/// A lease is renewed so often. Two may fail.
pub const LEASE_RENEWAL_MS: u64 = LEASE_MS / 3;

/// An id is taken from a node that is gone so long after its lease ended: who judges that may have a clock that is
/// ahead of its holder's.
pub const LEASE_GRACE_MS: u64 = 2 * CLOCK_SKEW_MS_MAX;

const _: () = assert!(CLOCK_SKEW_MS_MAX + ID_AGE_MS_MAX + SHARED_WRITE_MS_MAX < SYNC_OVERLAP_MS);
const _: () = assert!(ID_AGE_MS_MAX + EMBEDDED_WRITE_MS_MAX < SYNC_OVERLAP_MS);
const _: () = assert!(
    ID_AGE_MS_MAX + EMBEDDED_WRITE_MS_MAX + 3 * TELLING_READ_MS_MAX + PUBLISH_MS_MAX < SETTLED_MS
);
const _: () = assert!(2 * EMBEDDED_LOCK_MS_MAX < EMBEDDED_WRITE_MS_MAX);
// A renewal that is lost and one that times out leave time for a third.
const _: () = assert!(2 * LEASE_RENEWAL_MS + 2 * SHARED_WRITE_MS_MAX < LEASE_MS);
const _: () = assert!(CLOCK_SKEW_MS_MAX < LEASE_GRACE_MS);

pub const PUBLISH_MAX: Duration = Duration::from_millis(PUBLISH_MS_MAX);
pub const TELLING_READ_MAX: Duration = Duration::from_millis(TELLING_READ_MS_MAX);
pub const EMBEDDED_LOCK_MAX: Duration = Duration::from_millis(EMBEDDED_LOCK_MS_MAX);
pub const EMBEDDED_WRITE_MAX: Duration = Duration::from_millis(EMBEDDED_WRITE_MS_MAX);
pub const SHARED_WRITE_MAX: Duration = Duration::from_millis(SHARED_WRITE_MS_MAX);
