//! Fault points: how tests make a store fail where a real one can, let calls wait for each other, and count what
//! it is asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the caller is told that the time is over.
    NotDone,
    /// The same is told, and only so many of the steps are done that the docs of the method name. Where they
    /// are one commit, as in the embedded store, none is; a call that has fewer steps is carried out.
    StoppedAfter(u8),
    /// The same is told, but all is done.
    AnswerLost,
}

/// Counts the steps of one call of a store that does them one after the other.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: AtomicU8,
    /// None unless the call is to stop.
    last: Option<u8>,
}

impl Steps {
    /// To be asked after each step that the docs of the method name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Timeout`] if the call is to stop here.
    pub(crate) fn done(&self) -> Result<(), StoreError> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.last == Some(done) { Err(StoreError::Timeout) } else { Ok(()) }
    }
}

/// Where calls wait before they are carried out.
#[derive(Debug, Default)]
pub struct Gate {
    reached: Notify,
    opened: CancellationToken,
}

impl Gate {
    /// Returns when a call waits.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets all of them on, also those that come later.
    pub fn open(&self) {
        self.opened.cancel();
    }

    async fn pass(&self) {
        self.reached.notify_one();
        self.opened.cancelled().await;
    }
}

/// What is around a store: how long its calls take, and which fail. A simulation decides it.
pub trait Surroundings: Send + Sync {
    /// Stands for a call of `operation`, which is `carried_out` when that is polled to its end. False: the
    /// caller gets no answer.
    fn call<'a>(
        &'a self,
        operation: &'static str,
        carried_out: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, bool>;
}

/// Which calls of a store fail, by the name of their operation; none unless a test says so. Clones share
/// it.
#[derive(Clone, Default)]
pub struct Faults(Arc<Planned>);

#[derive(Default)]
struct Planned {
    /// False while there is nothing to do.
    watching: AtomicBool,
    by_operation: Mutex<HashMap<&'static str, Fault>>,
    gates: Mutex<HashMap<&'static str, Arc<Gate>>>,
    /// None unless calls are counted.
    calls: Mutex<Option<BTreeMap<&'static str, u64>>>,
    surroundings: Mutex<Option<Arc<dyn Surroundings>>>,
}

impl Faults {
    /// From now on each call of `operation` fails.
    pub fn plan(&self, operation: &'static str, fault: Fault) {
        self.0.by_operation.lock().insert(operation, fault);
        self.0.watching.store(true, Ordering::Release);
    }

    /// From now on each call of `operation` waits until the gate is opened.
    pub fn hold(&self, operation: &'static str) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        self.0.gates.lock().insert(operation, gate.clone());
        self.0.watching.store(true, Ordering::Release);
        gate
    }

    /// From now on each call is carried out by `surroundings`.
    pub fn surround(&self, surroundings: Arc<dyn Surroundings>) {
        *self.0.surroundings.lock() = Some(surroundings);
        self.0.watching.store(true, Ordering::Release);
    }

    /// Nothing fails or waits any more, and nothing is counted.
    pub fn clear(&self) {
        self.0.gates.lock().drain().for_each(|(_, gate)| gate.open());
        self.0.by_operation.lock().clear();
        *self.0.surroundings.lock() = None;
        *self.0.calls.lock() = None;
        self.0.watching.store(false, Ordering::Release);
    }

    /// From now on calls are counted, from none.
    pub fn count(&self) {
        *self.0.calls.lock() = Some(BTreeMap::new());
        self.0.watching.store(true, Ordering::Release);
    }

    /// How many calls there were of each operation since they are counted, failed ones included.
    pub fn counted(&self) -> BTreeMap<&'static str, u64> {
        self.0.calls.lock().clone().unwrap_or_default()
    }

    /// The steps of a call of `operation` that is about to begin.
    pub(crate) fn steps(&self, operation: &'static str) -> Steps {
        let last = match self.planned(operation) {
            Some(Fault::StoppedAfter(steps)) => Some(steps),
            _ => None,
        };
        Steps { last, ..Steps::default() }
    }

    fn planned(&self, operation: &'static str) -> Option<Fault> {
        let is_watching = self.0.watching.load(Ordering::Acquire);
        is_watching.then(|| self.0.by_operation.lock().get(operation).copied()).flatten()
    }

    /// Carries `call` out, which is one commit, unless it is to fail.
    ///
    /// # Errors
    ///
    /// Those of `call`, and [`StoreError::Timeout`] if it is to fail.
    pub(crate) async fn inject<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let stopped = matches!(self.planned(operation), Some(Fault::StoppedAfter(_)));
        self.inject_steps(operation, async {
            if stopped { Err(StoreError::Timeout) } else { call.await }
        })
        .await
    }

    /// Likewise for a call that asks its [`Steps`] where to stop.
    pub(crate) async fn inject_steps<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if !self.0.watching.load(Ordering::Acquire) {
            return call.await;
        }
        if let Some(calls) = self.0.calls.lock().as_mut() {
            *calls.entry(operation).or_default() += 1;
        }
        let gate = self.0.gates.lock().get(operation).cloned();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let surroundings = self.0.surroundings.lock().clone();
        if let Some(surroundings) = surroundings {
            let mut result = None;
            let carried_out = Box::pin(async { result = Some(call.await) });
            let is_answered = surroundings.call(operation, carried_out).await;
            return result.filter(|_| is_answered).unwrap_or(Err(StoreError::Timeout));
        }
        match self.planned(operation) {
            None => call.await,
            Some(Fault::NotDone) => Err(StoreError::Timeout),
            // A call with fewer steps is carried out.
            Some(Fault::AnswerLost | Fault::StoppedAfter(_)) => {
                call.await.and(Err(StoreError::Timeout))
            }
        }
    }
}
