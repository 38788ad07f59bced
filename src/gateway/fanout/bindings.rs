//! What one session asks of the bus, given back when it is dropped.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt, join_all};
use parking_lot::Mutex;

use crate::bus::Bus;
use crate::bus::envelope::Topic;
use crate::lifecycle::Lifecycle;
use crate::telemetry::log_seldom;

/// Counted topics of the bus. A topic stays wanted when its bind fails: the bus binds it when its
/// broker is back, and then reports a gap.
pub struct Bindings {
    bus: Arc<dyn Bus>,
    topics: Vec<Topic>,
    /// Those that were not confirmed, and that a sync would tell of: until the gap that follows, what is published to them
    /// may not arrive.
    failed: Arc<Mutex<Vec<Topic>>>,
}

impl Bindings {
    pub fn none(bus: Arc<dyn Bus>) -> Self {
        Self { bus, topics: Vec::new(), failed: Arc::default() }
    }

    /// Binds all of `topics` at the same time; when this returns, what is published to them arrives.
    pub async fn bind(bus: Arc<dyn Bus>, topics: impl IntoIterator<Item = Topic>) -> Self {
        let mut bindings = Self::none(bus);
        let confirmed: Vec<_> = topics.into_iter().map(|topic| bindings.start(topic)).collect();
        join_all(confirmed).await;
        bindings
    }

    /// Counts `topic` now; it is bound when the returned future is done.
    fn start(&mut self, topic: Topic) -> BoxFuture<'static, ()> {
        self.topics.push(topic);
        let (bus, failed) = (self.bus.clone(), self.failed.clone());
        Box::pin(async move {
            if let Err(error) = bus.bind(topic).await {
                // A sync answers no presences.
                if !matches!(topic, Topic::Watchers(_)) && !failed.lock().contains(&topic) {
                    failed.lock().push(topic);
                }
                log_seldom!(warn, %error, "a topic is not bound, its sessions will have to sync");
            }
        })
    }

    /// Adds `topic` if it is not there; what is still to be awaited goes to `pending`.
    pub fn add(&mut self, topic: Topic, pending: &mut Confirmations) {
        if !self.topics.contains(&topic) {
            pending.push(self.start(topic));
        }
    }

    pub fn absorb(&mut self, mut other: Self) {
        self.failed.lock().append(&mut other.failed.lock());
        self.topics.append(&mut other.topics);
        self.topics.shrink_to_fit();
    }

    /// Whether some of which a sync would answer were not bound, or are not. That ends when they are bound for a session
    /// that is opened anew.
    pub fn miss_history(&self) -> bool {
        !self.failed.lock().is_empty()
    }

    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Takes what was bound for a session that is opened, perhaps anew, in place of its groups and of what is in there
    /// once more. Returns what was given back.
    pub fn renew(&mut self, bound: Self) -> Vec<Topic> {
        let is_replaced = |topic: &Topic| match topic {
            Topic::Group(_) => true,
            Topic::User(_) => bound.topics.contains(topic),
            Topic::Watchers(_) => false,
        };
        self.failed.lock().retain(|topic| !is_replaced(topic));
        let released = self.release(is_replaced);
        self.absorb(bound);
        released
    }

    /// Gives back those topics that `unwanted` picks, and returns them.
    pub fn release(&mut self, unwanted: impl Fn(&Topic) -> bool) -> Vec<Topic> {
        let (released, kept) = std::mem::take(&mut self.topics).into_iter().partition(unwanted);
        self.topics = kept;
        let released: Vec<Topic> = released;
        released.iter().for_each(|topic| self.bus.unbind(*topic));
        released
    }
}

impl Drop for Bindings {
    fn drop(&mut self) {
        self.topics.iter().for_each(|topic| self.bus.unbind(*topic));
    }
}

/// Binds that are under way.
#[derive(Default)]
pub struct Confirmations(Vec<BoxFuture<'static, ()>>);

impl Confirmations {
    /// Most binds are done at once: in process always, else when another session has the topic.
    fn push(&mut self, mut bind: BoxFuture<'static, ()>) {
        if (&mut bind).now_or_never().is_none() {
            self.0.push(bind);
        }
    }

    /// Calls `then` when all are done: now, or from a task, so that the fan-out does not wait.
    pub fn then(self, lifecycle: &Lifecycle, then: impl FnOnce() + Send + 'static) {
        if self.0.is_empty() {
            return then();
        }
        lifecycle.spawn("bind", async move {
            join_all(self.0).await;
            then();
        });
    }
}
