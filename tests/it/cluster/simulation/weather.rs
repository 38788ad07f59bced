//! The store as nodes meet it: calls take virtual time, and some get no answer.
//!
//! A call is carried out in one go, on the thread of the nodes: nothing else moves meanwhile, neither a task nor
//! the time. What races are the calls, and not the threads of the store.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::unconstrained;
use vibetalk::store::faults::Surroundings;

use super::trace::Trace;

pub struct Weather(Mutex<Sky>);

struct Sky {
    random: StdRng,
    trace: Trace,
    /// Before a call and after it, at most.
    delay_ms: u64,
    /// Of a thousand calls, how many get no answer.
    failing: u32,
    /// Nodes that do not reach the store.
    away: BTreeSet<usize>,
    /// The node that runs; `None` outside of all.
    running: Option<usize>,
}

struct Plan {
    before: Duration,
    is_done: bool,
    after: Duration,
    is_answered: bool,
}

impl Weather {
    pub fn new(seed: u64, trace: Trace) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Sky {
            random: StdRng::seed_from_u64(seed),
            trace,
            delay_ms: 0,
            failing: 0,
            away: BTreeSet::new(),
            running: None,
        })))
    }

    pub fn set(&self, delay_ms: u64, failing: u32) {
        let mut sky = self.0.lock();
        (sky.delay_ms, sky.failing) = (delay_ms, failing);
    }

    pub fn set_running(&self, node: Option<usize>) {
        self.0.lock().running = node;
    }

    pub fn set_away(&self, node: usize, is_away: bool) {
        let away = &mut self.0.lock().away;
        if is_away {
            away.insert(node)
        } else {
            away.remove(&node)
        };
    }
}

impl Sky {
    /// `None` for the test's own calls.
    fn plan(&mut self, operation: &str) -> Option<Plan> {
        let node = self.running?;
        let mut delay = || Duration::from_millis(self.random.random_range(0..=self.delay_ms));
        let (before, after) = (delay(), delay());
        let fails = self.random.random_range(0..1000) < self.failing;
        let (is_done, is_answered) = match self.away.contains(&node) {
            true => (false, false),
            false if fails => (self.random.random_bool(0.5), false),
            false => (true, true),
        };
        self.trace.note(format_args!("node {node} {operation} {is_done} {is_answered}"));
        Some(Plan { before, is_done, after, is_answered })
    }
}

impl Surroundings for Weather {
    fn call<'a>(
        &'a self,
        operation: &'static str,
        carried_out: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, bool> {
        async move {
            let plan = self.0.lock().plan(operation);
            let Some(Plan { before, is_done, after, is_answered }) = plan else {
                in_one_go(carried_out);
                return true;
            };
            tokio::time::sleep(before).await;
            if is_done {
                in_one_go(carried_out);
            }
            tokio::time::sleep(after).await;
            is_answered
        }
        .boxed()
    }
}

/// Polls `work` to its end, while the thread does nothing else.
pub fn in_one_go<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut work = pin!(unconstrained(work));
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park(),
        }
    }
}
