//! The store port: what `chat` asks of durable storage, one trait per aggregate.
//!
//! Both kinds of implementation pass `tests/it/conformance/store.rs`. A method that writes returns
//! only when the write would survive the loss of this process and of the machine's power.
//! Implementations neither publish nor check permissions.
//!
//! # What an outcome means
//!
//! - `Ok`: done, or refused or found to be so already, as the value says. What was written is durable, and
//!   every read that begins from now on sees it, on whichever node.
//! - [`StoreError::Conflict`]: nothing was written.
//! - [`StoreError::Unavailable`], [`StoreError::Busy`], [`StoreError::Timeout`] and [`StoreError::Failed`] of a read:
//!   nothing is known. It may be repeated.
//! - The same of a write: **an unknown outcome**. It was done, or was not, or was done up to one of its
//!   steps, or will be within seconds.
//!
//! Every write may be repeated as it was, with the same ids, at once or later, by the same node or another,
//! also while the first try is still on its way: then it happens once. But the answer of a repetition may be
//! "it was so already" (`false`, `None`, [`Outcome::Unchanged`], [`Redemption::AlreadyMember`]), and the
//! caller cannot tell its own first try from somebody else's. So who gets an unknown outcome
//!
//! 1. repeats the call, and announces what is there then also when nothing is new, or
//! 2. reads what is there and announces that (`chat/repairs.rs` does until the bus took it), or
//! 3. says `unavailable` and leaves the repetition to the client, whose nonce or id makes it the same call.
//!
//! A call ends within the time that [`time_budget`](crate::model::time_budget) gives it: a sync looks back as far as that
//! takes. Implementations settle what they can by themselves before they give up: of a conditional write without an
//! answer they ask what is stored. They do not repeat behind the caller's back beyond its deadline.
//!
//! # What holds when calls race
//!
//! A method promises what one partition of a database can keep, and a condition on one row decides. Exact,
//! over all nodes:
//!
//! - what is unique: user names, the official group, an invite's code, the direct channel of the same people,
//!   a nonce, the successor of a refresh token, a node id, the shared secret;
//! - the last use of an invite, one use for each person, and slow mode's one message;
//! - one row: a member, a ban, a person's reaction, a pin. Of racing inserts one is told that it was new, of
//!   racing deletions one that it was there;
//! - an edit never brings back what a deletion took, nor does an update of a person, group, channel or member.
//!
//! About, because they span rows or partitions; racing callers may exceed a limit by as many, and a count may
//! lag behind for seconds:
//!
//! - how many members a group has, how many people used an emoji, how many mentions wait (up to
//!   [`MENTIONS_COUNTED_MAX`]);
//! - how many emojis a message has, how many direct channels somebody opened, how many invites are open;
//! - what happened last in a channel ([`Activity`]).
//!
//! Of two racing changes of one field the one with the later id or clock stays, which need not be the one
//! that was answered later. Messages may become visible in another order than that of their ids: who reads
//! what is new looks back some seconds. Each node judges expiries by its own `now_ms`.
//!
//! The embedded store does more: each of its calls is one transaction, and they happen one after the other.
//! Callers do not rely on it.
//!
//! # A crash between the steps
//!
//! A method that writes to several partitions does so one after the other, in an order that its docs name.
//! What is done stays when the process ends in between, and readers can live with it: whatever comes first is
//! not found without what comes last, or takes rights away rather than giving them. Repeating the call does
//! the rest. Nothing has to be cleaned up for the store to be right.
//!
//! # Adding a method
//!
//! In this order:
//!
//! 1. `src/store/<noun>.rs`: the method, with what it promises: its errors, what a repetition does, and what
//!    holds when callers race. What it takes and gives back is of `model`, or stands below the trait.
//! 2. `tests/it/conformance/store/<noun>.rs`: a case for each of these promises, named in the list in
//!    `tests/it/conformance/store.rs`.
//! 3. `src/store/sqlite/<noun>.rs`: the implementation. One `read` or `write` each, under the method's
//!    name, which is also that of the metric and of the fault point.
//! 4. A new table: the next file in `src/store/sqlite/migrations/`, and its line in `schema.rs`. Rows that
//!    expire or belong to something that can be deleted go in `maintenance.rs`; ids of a new kind are in
//!    `newest_id`.

mod accounts;
mod attempts;
mod bans;
mod channels;
pub mod config;
pub mod faults;
mod groups;
mod invites;
mod keys;
mod measured;
mod members;
mod messages;
mod ms;
mod nodes;
mod pins;
mod reactions;
mod read_states;
pub mod records;
pub mod scylla;
mod sessions;
mod settings;
pub mod sqlite;
mod state;
pub mod transfer;

pub use accounts::AccountStore;
pub use attempts::{AttemptLimits, AttemptStore, Reservation};
pub use bans::BanStore;
pub use channels::{
    Activity, ChannelPlace, ChannelStore, ChannelsSize, DirectOpening, OpeningQuota,
};
pub use groups::{GROUPS_PER_READ_MAX, GroupHead, GroupStore};
pub use invites::{InviteStore, REDEEMED_AGAIN_MS, Redemption};
pub use keys::KeyStore;
pub use members::{Joining, MEMBERS_SEARCHED_MIN, MemberStore, NAMES_SEARCHED_MIN};
pub use messages::{
    CHANGES_KEPT_MS, Inserted, MessageStore, NewMessage, SLOW_MODE_KEPT_MS, TooEarly,
};
pub use nodes::{KnownNode, NodeLease, NodeStore, NodeTaking, free_node_id};
pub use pins::PinStore;
pub use reactions::{Outcome, Reaction, ReactionStore};
pub use read_states::{
    MENTIONS_COUNTED_MAX, OWN_MESSAGES_MAX, ReadMark, ReadScope, ReadStateStore,
};
pub use records::RecordStore;
pub use sessions::{RefreshRotation, Rotation, SessionStore};
pub use settings::SettingsStore;
pub use state::StateStore;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something unique is taken: a user name, an invite's code, the place of the official group.
    #[error("already taken")]
    Conflict,
    /// It cannot be reached. Of a write, the outcome is unknown.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It has too much to do, and was not asked; but some of the steps of a write may be done.
    #[error("the store has too much to do")]
    Busy,
    /// Nothing is known of the outcome.
    #[error("the store did not answer in time")]
    Timeout,
    /// What was read does not decode, or a statement is wrong: a fault of ours.
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Everything `chat` stores in.
pub trait Store:
    StateStore
    + NodeStore
    + KeyStore
    + AccountStore
    + SessionStore
    + AttemptStore
    + SettingsStore
    + GroupStore
    + MemberStore
    + BanStore
    + InviteStore
    + ChannelStore
    + MessageStore
    + ReactionStore
    + PinStore
    + ReadStateStore
    + RecordStore
{
}
impl<T> Store for T where
    T: StateStore
        + NodeStore
        + KeyStore
        + AccountStore
        + SessionStore
        + AttemptStore
        + SettingsStore
        + GroupStore
        + MemberStore
        + BanStore
        + InviteStore
        + ChannelStore
        + MessageStore
        + ReactionStore
        + PinStore
        + ReadStateStore
        + RecordStore
{
}
