//! The store port: what `chat` asks of durable storage, one trait per aggregate.
//!
//! Both kinds of implementation pass `tests/it/conformance/store.rs`. A method that writes returns
//! only when the write would survive the loss of this process and of the machine's power.
//! Implementations neither publish nor check permissions.
//!
//! Every method fails with [`StoreError::Unavailable`] when the store cannot be reached or its queue
//! is full, and with [`StoreError::Timeout`] after its deadline. Reads may be retried, and so may
//! writes unless their docs say otherwise.
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
pub mod faults;
mod groups;
mod invites;
mod members;
mod messages;
mod pins;
mod reactions;
mod read_states;
mod sessions;
mod settings;
pub mod sqlite;
mod state;

pub use accounts::AccountStore;
pub use attempts::{AttemptLimits, AttemptStore, Reservation};
pub use bans::BanStore;
pub use channels::{ChannelStore, ChannelsSize, Opening, OpeningQuota};
pub use groups::GroupStore;
pub use invites::{InviteStore, Redemption};
pub use members::MemberStore;
pub use messages::{CHANGES_KEPT_MS, Inserted, MessageStore, SLOW_MODE_KEPT_MS, TooEarly};
pub use pins::PinStore;
pub use reactions::{Outcome, Reaction, ReactionStore};
pub use read_states::{OWN_MESSAGES_MAX, ReadMark, ReadScope, ReadStateStore};
pub use sessions::{RefreshRotation, Rotation, SessionStore};
pub use settings::SettingsStore;
pub use state::StateStore;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something unique is taken: a user name, an invite's code, the place of the official group.
    #[error("already taken")]
    Conflict,
    #[error("the store is not available: {0}")]
    Unavailable(String),
    #[error("the store did not answer in time")]
    Timeout,
    /// What was read does not decode, or a statement is wrong: a fault of ours.
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Everything `chat` stores in.
pub trait Store:
    StateStore
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
{
}
impl<T> Store for T where
    T: StateStore
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
{
}
