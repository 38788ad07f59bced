//! After a gap every session of the node is opened anew: in the rooms that the store says, and with a
//! second `ready`.
//!
//! Spread over some seconds, or all would ask the store at once. A slice is done before the next begins, so
//! a slow store is asked more slowly. Who could not be opened anew is tried again for as long as it is
//! here: nobody is left with what they missed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::chat::{Caller, ChatError};
use crate::clock::UnixMs;
use crate::gateway::fanout::Outlet;
use crate::gateway::opening::{NotReady, Opener};
use crate::lifecycle::Lifecycle;
use crate::model::presence::SocketKey;
use crate::telemetry::{self, log_seldom};

const SPREAD: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(50);
/// After a slice of which nobody could be opened.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A session of the node, as far as opening it anew goes.
pub trait Reopen: Send + Sync + 'static {
    /// False if it has to be tried again.
    fn reopen(&self) -> impl Future<Output = bool> + Send;
}

/// Opens `sessions`, which are those of that moment, anew after each gap, until the node stops.
pub async fn run_reopenings<S: Reopen>(
    sessions: impl Fn() -> Vec<Arc<S>> + Send,
    gaps: watch::Receiver<u64>,
    lifecycle: Lifecycle,
) {
    tokio::select! {
        biased;
        () = lifecycle.stopping() => {}
        () = reopen_after_gaps(sessions, gaps) => {}
    }
}

async fn reopen_after_gaps<S: Reopen>(
    sessions: impl Fn() -> Vec<Arc<S>>,
    mut gaps: watch::Receiver<u64>,
) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = DueReopenings::of(Vec::new());
    loop {
        metrics::gauge!(telemetry::SESSIONS_BEHIND).set(due.sessions.len() as f64);
        tokio::select! {
            biased;
            changed = gaps.changed() => match changed {
                Ok(()) => {
                    due = DueReopenings::of(sessions());
                    tracing::warn!(
                        sessions = due.sessions.len(),
                        "pushes may be missing: opening sessions anew"
                    );
                }
                Err(_) => return,
            },
            _ = ticks.tick(), if !due.sessions.is_empty() => due.reopen_slice().await,
        }
    }
}

/// Sessions that are still to be opened anew.
struct DueReopenings<S> {
    sessions: VecDeque<Arc<S>>,
    slice: usize,
}

impl<S: Reopen> DueReopenings<S> {
    fn of(sessions: Vec<Arc<S>>) -> Self {
        let slices = SPREAD.as_millis() / TICK.as_millis();
        let slice = sessions.len().div_ceil(slices as usize).max(1);
        Self { sessions: sessions.into(), slice }
    }

    async fn reopen_slice(&mut self) {
        let count = self.slice.min(self.sessions.len());
        let slice: Vec<_> = self.sessions.drain(..count).collect();
        let reopened = join_all(slice.iter().map(|session| session.reopen())).await;
        let is_store_away = !reopened.contains(&true);
        let failed = slice.into_iter().zip(reopened).filter(|(_, reopened)| !reopened);
        self.sessions.extend(failed.map(|(session, _)| session));
        if is_store_away {
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}

/// How opening a session anew came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reopened {
    /// Until the signed-in session ends by itself.
    Until(UnixMs),
    /// There is nothing to be opened any more.
    Over,
    /// It goes on as it was, and has to be tried again.
    Failed,
}

/// Opens a session anew that was open; ends it if the signed-in session is over.
pub async fn reopen<O: Outlet>(opener: Opener<'_, O>, caller: Caller, key: SocketKey) -> Reopened {
    let (outcome, reopened) = match opener.reopen(caller, key).await {
        Ok(expires_at_ms) => ("ok", Reopened::Until(expires_at_ms)),
        Err(NotReady::Detached(_)) => ("gone", Reopened::Over),
        Err(NotReady::Chat(ChatError::Unauthorized)) => {
            opener.fanout.end(key).await;
            ("ended", Reopened::Over)
        }
        Err(NotReady::Chat(error)) => {
            log_seldom!(
                warn,
                error = &error as &dyn std::error::Error,
                "a session was not opened anew"
            );
            ("failed", Reopened::Failed)
        }
    };
    metrics::counter!(telemetry::SESSIONS_REOPENED, "outcome" => outcome).increment(1);
    reopened
}
