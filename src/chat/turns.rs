//! Turns: commands that change one thing take turns, and are carried out whole.
//!
//! A command that stores and then announces must do both although its caller may go away in between
//! (a deadline, a closed connection); and two commands that change one thing must announce in the
//! order in which they stored, or clients would be left with the older state, and somebody who was
//! removed while joining would go on receiving. Turns order commands of one node; nothing orders
//! those of several nodes.

use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::chat::{Chat, ChatError};
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::telemetry::{self, log_seldom};

/// Queues that subjects share by hash; a collision only costs waiting.
const QUEUES: usize = 1024;

/// What commands change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A group's settings, and which channels and invites it has.
    Group(GroupId),
    Channel(ChannelId),
    /// A person's memberships: in which groups they are, and how many.
    Memberships(UserId),
    /// A person's profile.
    User(UserId),
    /// A message that is there already, with its reactions and its pin.
    Message(MessageId),
    ReadState(UserId, ChannelId),
    Settings(UserId),
}

/// Who waits for what.
pub struct Turns {
    queues: Box<[Arc<Mutex<()>>]>,
    /// Without a secret: ids are ours, and nobody can make them collide.
    hasher: BuildHasherDefault<DefaultHasher>,
}

impl Default for Turns {
    fn default() -> Self {
        let queues = (0..QUEUES).map(|_| Arc::default()).collect();
        Self { queues, hasher: BuildHasherDefault::default() }
    }
}

impl Turns {
    /// How many wait for a turn with `subject`, whoever has it included.
    pub fn waiting_for(&self, subject: Subject) -> usize {
        Arc::strong_count(self.queue_of(subject)) - 1
    }

    /// Waits for a turn with `subject`, which goes on until what is returned is dropped.
    pub async fn take(&self, subject: Subject) -> OwnedMutexGuard<()> {
        self.queue_of(subject).clone().lock_owned().await
    }

    fn queue_of(&self, subject: Subject) -> &Arc<Mutex<()>> {
        &self.queues[self.hasher.hash_one(subject) as usize % QUEUES]
    }
}

impl Chat {
    /// Who waits for what, for those who want to see commands wait for each other.
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Runs `work` when it is its turn, and to its end whether or not the caller still waits.
    ///
    /// `work` must not take another turn: it could wait for itself. A turn comes because each step of
    /// the work before it has a deadline. Ids of what is stored are made in the turn: a sync looks back only so far
    /// ([`time_budget`](crate::model::time_budget)).
    pub(crate) async fn in_turn<T, F>(&self, subject: Subject, work: F) -> Result<T, ChatError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ChatError>> + Send + 'static,
    {
        let turns = self.turns.clone();
        self.to_the_end(async move {
            let _turn = turns.take(subject).await;
            work.await
        })
        .await
    }

    /// Runs `work` to its end whether or not the caller still waits.
    ///
    /// # Errors
    ///
    /// Those of `work`, and `unavailable` if it panicked.
    pub(crate) async fn to_the_end<T, F>(&self, work: F) -> Result<T, ChatError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ChatError>> + Send + 'static,
    {
        let running = self.running.token();
        let work = AssertUnwindSafe(async move {
            let _running = running;
            work.await
        })
        .catch_unwind();
        self.lifecycle.to_the_end("command", work).await.unwrap_or_else(|_panic| {
            metrics::counter!(telemetry::PANICS).increment(1);
            log_seldom!(error, "a command panicked");
            Err(ChatError::Unavailable)
        })
    }
}
