//! What commands have changed: this node forgets it at once, the others when they hear of it.
//!
//! A command names what it changed with [`Chat::changed`], after the write and before anybody is told, also
//! where nobody knows whether something was written. What comes back travels with the announcement, so that
//! a node never acts on an effect or a push with what it knew before. What is not given to an announcement,
//! because there is none or the command failed, is told to the other nodes by itself ([`run_changes`]).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::bus::envelope::{Changed, Envelope};
use crate::bus::node_event::NodeEvent;
use crate::chat::Chat;
use crate::telemetry::log_seldom;

/// Changes in one event; what is more goes with the next.
const TOLD_AT_ONCE_MAX: usize = 1_000;
/// Changes that wait to be told; beyond, other nodes are told to forget everything.
const UNTOLD_MAX: usize = 10_000;
/// After a failure.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Changes that other nodes may not know of yet. Dropping it leaves them to [`run_changes`].
#[must_use = "it belongs to the announcement of the change"]
pub(crate) struct Changes {
    changed: SmallVec<[Changed; 1]>,
    untold: Arc<Untold>,
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.untold.add(self.changed.drain(..));
    }
}

impl Envelope {
    /// Nodes that get this forget what `changes` names before they act on it.
    pub(crate) fn with_changes(mut self, mut changes: Changes) -> Self {
        self.changed.append(&mut changes.changed);
        if !self.is_for_every_node() {
            // Not every node asks for what is said in a channel, but any may remember its history.
            changes.untold.add(self.changed.iter().copied());
        }
        self
    }
}

/// What other nodes are still to be told.
#[derive(Debug)]
pub struct Untold {
    /// There are no other nodes.
    is_alone: bool,
    waiting: Mutex<WaitingChanges>,
    added: Notify,
}

#[derive(Debug, Default)]
struct WaitingChanges {
    changed: HashSet<Changed>,
    /// They were too many.
    all: bool,
}

impl Untold {
    pub fn new(is_alone: bool) -> Self {
        Self { is_alone, waiting: Mutex::default(), added: Notify::new() }
    }

    pub fn add(&self, changed: impl IntoIterator<Item = Changed>) {
        if self.is_alone {
            return;
        }
        let mut waiting = self.waiting.lock();
        let before = waiting.changed.len();
        waiting.changed.extend(changed);
        if waiting.changed.len() > before {
            self.added.notify_one();
        }
        if waiting.changed.len() > UNTOLD_MAX {
            *waiting = WaitingChanges { all: true, ..WaitingChanges::default() };
        }
    }

    /// Whether everything has been told, or is being told.
    pub fn is_empty(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.changed.is_empty() && !waiting.all
    }

    /// The next event; `None` if there is nothing to tell.
    fn take(&self) -> Option<NodeEvent> {
        let mut waiting = self.waiting.lock();
        if std::mem::take(&mut waiting.all) {
            return Some(NodeEvent::ForgetAll);
        }
        let told: Vec<Changed> = waiting.changed.iter().take(TOLD_AT_ONCE_MAX).copied().collect();
        for changed in &told {
            waiting.changed.remove(changed);
        }
        (!told.is_empty()).then_some(NodeEvent::Changed(told))
    }

    /// What was taken and could not be told.
    fn put_back(&self, event: &NodeEvent) {
        match event {
            NodeEvent::Changed(changed) => self.add(changed.iter().copied()),
            _ => self.waiting.lock().all = true,
        }
    }
}

impl Chat {
    /// Forgets what this node remembers of `changed`; the others do when they hear of it.
    pub(crate) fn changed(&self, changed: impl IntoIterator<Item = Changed>) -> Changes {
        let changed: SmallVec<_> = changed.into_iter().collect();
        changed.iter().for_each(|changed| self.caches.forget(changed));
        Changes { changed, untold: self.untold.clone() }
    }

    /// Tells the other nodes what waits. False if that failed: it waits on.
    async fn tell_changes(&self) -> bool {
        while let Some(event) = self.untold.take() {
            let event = Arc::new(event);
            if let Err(error) = self.bus.tell_nodes(event.clone()).await {
                self.untold.put_back(&event);
                log_seldom!(warn, %error, "other nodes may remember something that has changed");
                return false;
            }
        }
        true
    }
}

/// Tells other nodes what no announcement tells them, until the node stops.
pub async fn run_changes(chat: Chat) {
    let tell = async {
        loop {
            match chat.tell_changes().await {
                true => chat.untold.added.notified().await,
                false => tokio::time::sleep(RETRY_DELAY).await,
            }
        }
    };
    tokio::select! {
        biased;
        () = chat.lifecycle.stopping() => {}
        () = tell => {}
    }
}
