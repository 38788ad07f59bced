//! Sockets whose session ends by itself: nobody says so, and a socket lives no longer than its session.
//!
//! One list for all sockets of the node, looked at every second. A refresh prolongs a session without a
//! word here; so the store is asked, when the time has come that was known last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::MissedTickBehavior;

use crate::chat::{Caller, Chat};
use crate::clock::UnixMs;
use crate::gateway::fanout::{ByKey, FanoutHandle};
use crate::gateway::socket_outlet::SocketOutlet;
use crate::lifecycle::Lifecycle;
use crate::model::presence::SocketKey;
use crate::telemetry::log_seldom;

const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// When the sockets of this node are to be looked at.
#[derive(Default)]
pub struct Expiries {
    lists: Mutex<Lists>,
}

#[derive(Default)]
struct Lists {
    by_time: BTreeMap<(UnixMs, SocketKey), Caller>,
    times: ByKey<UnixMs>,
}

impl Expiries {
    /// The caller's session, of which `key` is a socket, lasts until then at least.
    pub fn watch(&self, key: SocketKey, caller: Caller, expires_at_ms: UnixMs) {
        let mut lists = self.lists.lock();
        lists.times.insert(key, expires_at_ms);
        lists.by_time.insert((expires_at_ms, key), caller);
    }

    /// The socket is gone.
    pub fn forget(&self, key: SocketKey) {
        let mut lists = self.lists.lock();
        if let Some(time_ms) = lists.times.remove(&key) {
            lists.by_time.remove(&(time_ms, key));
        }
    }

    /// Changes nothing for a socket that is gone.
    pub fn prolong(&self, key: SocketKey, expires_at_ms: UnixMs) {
        let mut lists = self.lists.lock();
        let Some(time_ms) = lists.times.get_mut(&key) else { return };
        let before = std::mem::replace(time_ms, expires_at_ms);
        if let Some(caller) = lists.by_time.remove(&(before, key)) {
            lists.by_time.insert((expires_at_ms, key), caller);
        }
    }

    /// The socket whose session ends first, if its time has come.
    fn due(&self, now_ms: UnixMs) -> Option<(SocketKey, Caller)> {
        let lists = self.lists.lock();
        let (&(time_ms, key), caller) = lists.by_time.first_key_value()?;
        (time_ms <= now_ms).then_some((key, *caller))
    }
}

/// Disconnects sockets whose session has expired, until the node stops.
pub async fn run_expiries(
    chat: Chat,
    fanout: FanoutHandle<SocketOutlet>,
    expiries: Arc<Expiries>,
    lifecycle: Lifecycle,
) {
    let mut ticks = tokio::time::interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = lifecycle.stopping() => return,
            _ = ticks.tick() => end_due(&chat, &fanout, &expiries).await,
        }
    }
}

/// While the store does not answer nobody is disconnected: it would have said that a session goes on.
async fn end_due(chat: &Chat, fanout: &FanoutHandle<SocketOutlet>, expiries: &Expiries) {
    while let Some((key, caller)) = expiries.due(chat.clock().now_ms()) {
        match chat.session_expiry(caller).await {
            Ok(Some(expires_at_ms)) => expiries.prolong(key, expires_at_ms),
            Ok(None) => {
                tracing::debug!(session.id = %caller.session_id, "a session of a socket expired");
                expiries.forget(key);
                fanout.end(key).await;
            }
            Err(error) => {
                return log_seldom!(warn, %error, "cannot tell whether sessions go on, trying again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{SessionId, UserId};

    fn caller(number: u64) -> Caller {
        Caller { user_id: UserId::new(number), session_id: SessionId::new(number) }
    }

    #[test]
    fn the_first_to_expire_is_due_first_and_none_before_its_time() {
        let expiries = Expiries::default();
        for (number, time_ms) in [(1, 30), (2, 10), (3, 20)] {
            expiries.watch(SocketKey(number), caller(number), time_ms);
        }
        assert_eq!(expiries.due(9), None);
        assert_eq!(expiries.due(100), Some((SocketKey(2), caller(2))));
        expiries.prolong(SocketKey(2), 25);
        assert_eq!(expiries.due(100), Some((SocketKey(3), caller(3))));
        expiries.forget(SocketKey(3));
        assert_eq!(expiries.due(24), None);
        assert_eq!(expiries.due(25), Some((SocketKey(2), caller(2))));
    }

    #[test]
    fn nothing_is_kept_of_sockets_that_are_gone() {
        let expiries = Expiries::default();
        expiries.watch(SocketKey(1), caller(1), 10);
        expiries.forget(SocketKey(1));
        expiries.forget(SocketKey(1));
        expiries.prolong(SocketKey(1), 20);
        let lists = expiries.lists.lock();
        assert!(lists.by_time.is_empty() && lists.times.is_empty());
    }
}
