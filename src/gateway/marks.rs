//! Tells sessions now and then up to when they know everything (`sync:mark`), so that they need not ask for more
//! when they come back.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::chat::views::SyncMarkView;
use crate::chat::{Chat, to_raw};
use crate::gateway::fanout::{FanoutHandle, MARK_PARTS, Outlet};
use crate::lifecycle::Lifecycle;
use crate::model::time::Timestamp;

/// A session that gets something gets a mark within it. A client that comes back is told the
/// messages of about a minute once more.
pub const INTERVAL: Duration = Duration::from_secs(15);

/// Tells each of them every `every`, one [part](MARK_PARTS) after the other, until the node stops.
pub async fn run_marks<O: Outlet>(
    chat: Chat,
    fanout: FanoutHandle<O>,
    every: Duration,
    lifecycle: Lifecycle,
) {
    let mut ticks = interval(every / MARK_PARTS as u32);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told_ms = [0; MARK_PARTS];
    for part in (0..MARK_PARTS).cycle() {
        tokio::select! {
            biased;
            () = lifecycle.stopping() => return,
            _ = ticks.tick() => {}
        }
        let until_ms = chat.settled_until_ms();
        let Some(until_ms) = until_ms.filter(|until_ms| *until_ms > told_ms[part]) else {
            continue;
        };
        told_ms[part] = until_ms;
        let body = to_raw(&SyncMarkView { server_time: Timestamp(until_ms) });
        if fanout.mark(part, body).await.is_err() {
            return;
        }
    }
}
