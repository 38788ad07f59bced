//! Start and end of the node: signals, soft and hard cancellation, and every task by name.
//!
//! Soft cancellation ([`Lifecycle::drain`]) asks the node to leave service politely: no new
//! sessions, clients are told to reconnect. Hard cancellation ([`Lifecycle::stop`]) ends tasks.
//! Nothing else in the crate calls `tokio::spawn`, so no task is anonymous or forgotten.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::telemetry;

mod to_the_end;

pub use to_the_end::ToTheEnd;

/// LifecycleInner by all parts of one node; clones are cheap.
#[derive(Clone, Default)]
pub struct Lifecycle {
    shared: Arc<LifecycleInner>,
}

#[derive(Default)]
struct LifecycleInner {
    drain: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
    critical_task_ended: AtomicBool,
}

impl Lifecycle {
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` under `name`. The returned handle may be dropped; the task goes on.
    ///
    /// A panic is logged and counted as `vibetalk_panics_total`, and ends only this task.
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
        let running = tokio::spawn(self.shared.tasks.track_future(async move {
            let _alive = telemetry::TaskAlive::start(name);
            task.await;
        }));
        running
    }

    /// Runs a task that the node cannot do without: when it ends, by return or by panic, before
    /// [`stop`](Self::stop), the node stops and exits with an error.
    pub fn spawn_critical<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let lifecycle = self.clone();
        self.spawn(name, async move {
            let guard = CriticalTask { lifecycle, name };
            task.await;
            drop(guard);
        })
    }

    /// Begins to leave service; idempotent.
    pub fn drain(&self) {
        self.shared.drain.cancel();
    }

    pub fn is_draining(&self) -> bool {
        self.shared.drain.is_cancelled()
    }

    /// Resolves when the node begins to leave service.
    pub async fn draining(&self) {
        self.shared.drain.cancelled().await;
    }

    /// Ends every task that listens to [`stopping`](Self::stopping); implies [`drain`](Self::drain).
    pub fn stop(&self) {
        self.shared.drain.cancel();
        self.shared.stop.cancel();
    }

    pub fn is_stopping(&self) -> bool {
        self.shared.stop.is_cancelled()
    }

    /// Resolves when the node stops. Long-running tasks select on it.
    pub async fn stopping(&self) {
        self.shared.stop.cancelled().await;
    }

    /// Waits for all tasks, at most `limit`. False if some were still running.
    pub async fn wait_for_tasks(&self, limit: Duration) -> bool {
        self.shared.tasks.close();
        tokio::time::timeout(limit, self.shared.tasks.wait()).await.is_ok()
    }

    /// True if the node stopped because a critical task ended: the process exits with an error.
    pub fn has_failed(&self) -> bool {
        self.shared.critical_task_ended.load(Ordering::Acquire)
    }
}

/// Ends the node when a critical task is dropped early, however that happened.
struct CriticalTask {
    lifecycle: Lifecycle,
    name: &'static str,
}

impl Drop for CriticalTask {
    fn drop(&mut self) {
        if !self.lifecycle.is_stopping() {
            tracing::error!(task = self.name, "critical task {} ended, stopping", self.name);
            self.lifecycle.shared.critical_task_ended.store(true, Ordering::Release);
            self.lifecycle.stop();
        }
    }
}

/// A write beyond the largest file that there may be (`ulimit -f`). Its number is that of Linux and of
/// macOS.
const FILE_SIZE_EXCEEDED: i32 = 25;

/// What the system and its people ask of the process, caught from the moment this is made: each would
/// end it on the spot.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    users: [Signal; 2],
    /// Caught so that the write fails (EFBIG), which the store reports, and not the process.
    _file_size: Signal,
}

impl Signals {
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            users: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
            _file_size: signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED))?,
        })
    }

    /// Resolves at the first that asks the node to stop: SIGTERM, SIGINT (Ctrl+C) or SIGQUIT. All settings
    /// are read at the start, so SIGHUP has nothing to do.
    pub async fn stop(&mut self) {
        let [first, second] = &mut self.users;
        loop {
            let ignored = tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.quit.recv() => return,
                _ = self.hangup.recv() => "SIGHUP",
                _ = first.recv() => "SIGUSR1",
                _ = second.recv() => "SIGUSR2",
            };
            tracing::info!(
                signal = ignored,
                "{ignored} does nothing: settings are read at the start"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_critical_task_that_ends_stops_the_node() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_critical("short", async {});
        lifecycle.stopping().await;
        assert!(lifecycle.has_failed());
        assert!(lifecycle.is_draining());
    }

    #[tokio::test]
    async fn a_critical_task_that_ends_after_stop_is_no_failure() {
        let lifecycle = Lifecycle::new();
        let waiting = lifecycle.clone();
        lifecycle.spawn_critical("long", async move { waiting.stopping().await });
        lifecycle.stop();
        assert!(lifecycle.wait_for_tasks(Duration::from_secs(5)).await);
        assert!(!lifecycle.has_failed());
    }

    #[tokio::test]
    async fn a_panic_in_a_critical_task_stops_the_node() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_critical("panicking", async { panic!("on purpose") });
        lifecycle.stopping().await;
        assert!(lifecycle.has_failed());
    }
}
