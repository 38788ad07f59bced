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

use crate::chat::ChatError;
use crate::gateway::opening::NotReady;
use crate::gateway::session::{Session, Shared};
use crate::telemetry::{self, log_seldom};

const SPREAD: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(50);
/// After a slice of which nobody could be opened.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Opens sessions anew after each gap, until the node stops.
pub async fn run_reopenings(shared: Arc<Shared>, gaps: watch::Receiver<u64>) {
    tokio::select! {
        () = shared.lifecycle.stopping() => {}
        () = reopen_after_gaps(&shared, gaps) => {}
    }
}

async fn reopen_after_gaps(shared: &Shared, mut gaps: watch::Receiver<u64>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = Due::default();
    loop {
        tokio::select! {
            biased;
            changed = gaps.changed() => match changed {
                Ok(()) => due = Due::all(shared),
                Err(_) => return,
            },
            _ = ticks.tick(), if !due.sessions.is_empty() => due.reopen_slice().await,
        }
    }
}

/// Sessions that are still to be opened anew.
#[derive(Default)]
struct Due {
    sessions: VecDeque<Arc<Session>>,
    slice: usize,
}

impl Due {
    fn all(shared: &Shared) -> Self {
        let sessions: VecDeque<_> = shared.sessions.all().into();
        let slices = SPREAD.as_millis() / TICK.as_millis();
        let slice = sessions.len().div_ceil(slices as usize).max(1);
        tracing::warn!(sessions = sessions.len(), "pushes may be missing: opening sessions anew");
        Self { sessions, slice }
    }

    async fn reopen_slice(&mut self) {
        let count = self.slice.min(self.sessions.len());
        let slice: Vec<_> = self.sessions.drain(..count).collect();
        let reopened = join_all(slice.iter().map(|session| reopen(session))).await;
        let is_store_away = !reopened.contains(&true);
        let failed = slice.into_iter().zip(reopened).filter(|(_, reopened)| !reopened);
        self.sessions.extend(failed.map(|(session, _)| session));
        if is_store_away {
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}

/// False if it has to be tried again.
async fn reopen(session: &Session) -> bool {
    // One that is opening may have missed something as well. It ends if it takes too long.
    if session.ready().await.is_err() {
        return true;
    }
    let shared = &session.shared;
    let outcome = match shared.opener().reopen(session.caller, session.key).await {
        Ok(expires_at_ms) => {
            shared.expiries.prolong(session.key, expires_at_ms);
            "ok"
        }
        Err(NotReady::Detached(_)) => "gone",
        Err(NotReady::Chat(ChatError::Unauthorized)) => {
            shared.fanout.end(session.key).await;
            "ended"
        }
        Err(NotReady::Chat(error)) => {
            log_seldom!(
                warn,
                error = &error as &dyn std::error::Error,
                "a session was not opened anew"
            );
            "failed"
        }
    };
    metrics::counter!(telemetry::SESSIONS_REOPENED, "outcome" => outcome).increment(1);
    outcome != "failed"
}
