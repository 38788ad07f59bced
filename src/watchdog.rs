//! Notices a worker of the runtime that runs one task for ever, and in the end stops the process.
//!
//! A task that never awaits keeps its worker, and the connections that the worker would have served, from
//! everything else; so can a worker that keeps the runtime's reactor. No task can tell, because it may never
//! run again: this is a thread of its own. It does not look at blocking calls on their own threads.
//!
//! It counts its own ticks, not the time that has passed, so that a process that was suspended, or starved as
//! a whole, is not taken for one that is stuck.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeMetrics};

use crate::telemetry;

/// How often the workers are looked at.
const TICK: Duration = Duration::from_secs(1);
/// A worker goes through its tasks thousands of times in this many ticks.
const TICKS_UNTIL_STALLED: u32 = 5;
/// By then nothing is going to end it: whoever supervises the process starts it anew.
const TICKS_UNTIL_STOP: u32 = 30;

/// Watches a runtime until it is dropped.
pub struct Watchdog {
    _stop: mpsc::SyncSender<()>,
}

impl Watchdog {
    /// Watches the workers of `runtime` from a thread. A worker that has not yielded for 5 s is logged and
    /// counted as `vibetalk_worker_stalls_total`; after 30 s the process aborts, so that a core dump, where the
    /// system keeps them, shows what it was doing. What was acked is durable by then.
    ///
    /// # Errors
    ///
    /// If there can be no more threads.
    pub fn start(runtime: &Handle) -> std::io::Result<Self> {
        let mut watch = RuntimeWatch::new(runtime.metrics());
        let (stop, stopped) = mpsc::sync_channel(0);
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                for (worker, event) in watch.look() {
                    report(worker, event);
                }
            }
        })?;
        Ok(Self { _stop: stop })
    }
}

/// The workers of a runtime.
struct RuntimeWatch {
    metrics: RuntimeMetrics,
    workers: Vec<Worker>,
}

impl RuntimeWatch {
    fn new(metrics: RuntimeMetrics) -> Self {
        Self { workers: vec![Worker::default(); metrics.num_workers()], metrics }
    }

    /// Looks at all of them, a tick after the last time.
    fn look(&mut self) -> Vec<(usize, Event)> {
        let Self { metrics, workers } = self;
        let events = workers.iter_mut().enumerate().filter_map(|(index, worker)| {
            worker.look(Progress::of(metrics, index)).map(|event| (index, event))
        });
        events.collect()
    }
}

/// What a worker has done since it began, as far as it has told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// Grows when the worker parks and when it goes on; odd while it is parked.
    parks: u64,
    /// Grows whenever the worker has run some dozens of tasks, also if it never parks.
    busy: Duration,
}

impl Progress {
    fn of(metrics: &RuntimeMetrics, worker: usize) -> Self {
        Self {
            parks: metrics.worker_park_unpark_count(worker),
            busy: metrics.worker_total_busy_duration(worker),
        }
    }

    const fn is_parked(self) -> bool {
        self.parks % 2 == 1
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Stalled,
    /// It yielded after all, after so many ticks.
    WentOn {
        ticks: u32,
    },
    Stuck,
}

#[derive(Clone, Default)]
struct Worker {
    last: Progress,
    ticks_without_progress: u32,
}

impl Worker {
    fn look(&mut self, now: Progress) -> Option<Event> {
        if now.is_parked() || now != self.last {
            let ticks = std::mem::take(&mut self.ticks_without_progress);
            self.last = now;
            return (ticks >= TICKS_UNTIL_STALLED).then_some(Event::WentOn { ticks });
        }
        self.ticks_without_progress += 1;
        match self.ticks_without_progress {
            TICKS_UNTIL_STALLED => Some(Event::Stalled),
            TICKS_UNTIL_STOP => Some(Event::Stuck),
            _ => None,
        }
    }
}

fn report(worker: usize, event: Event) {
    match event {
        Event::Stalled => {
            metrics::counter!(telemetry::WORKER_STALLS).increment(1);
            tracing::error!(
                worker,
                "worker {worker} of the runtime has not yielded for {TICKS_UNTIL_STALLED} s"
            );
        }
        Event::WentOn { ticks } => {
            tracing::warn!(worker, seconds = ticks, "worker {worker} went on after {ticks} s");
        }
        Event::Stuck => {
            tracing::error!(
                worker,
                "worker {worker} of the runtime is stuck for {TICKS_UNTIL_STOP} s, stopping at once"
            );
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn progress(parks: u64, busy_ms: u64) -> Progress {
        Progress { parks, busy: Duration::from_millis(busy_ms) }
    }

    fn events(seen: impl IntoIterator<Item = Progress>) -> Vec<(usize, Event)> {
        let mut worker = Worker::default();
        let looks = seen.into_iter().enumerate();
        looks.filter_map(|(tick, now)| Some((tick, worker.look(now)?))).collect()
    }

    #[test]
    fn a_worker_that_parks_or_gets_on_is_not_stalled() {
        assert_eq!(events((0..100).map(|_| progress(7, 3))), [], "parked all the time");
        assert_eq!(events((0..100).map(|tick| progress(8, tick))), [], "busy, and gets on");
        assert_eq!(events((0..100).map(|tick| progress(2 * (tick / 4), 0))), [], "parks at times");
    }

    #[test]
    fn a_stall_is_told_once_and_so_is_its_end() {
        let stalled = (0..20).map(|_| progress(8, 3));
        let went_on = [progress(8, 4), progress(9, 4)];
        let told = [(5, Event::Stalled), (20, Event::WentOn { ticks: 19 })];
        assert_eq!(events(stalled.chain(went_on)), told);
        let stuck = (0..100).map(|_| progress(8, 3));
        assert_eq!(events(stuck), [(5, Event::Stalled), (30, Event::Stuck)]);
    }

    /// Waits until so many workers are parked, which stay so while there is nothing to do.
    fn wait_for_parked(metrics: &RuntimeMetrics, wanted: usize) {
        let began = std::time::Instant::now();
        let parked = || {
            let is_parked = |&worker: &usize| Progress::of(metrics, worker).is_parked();
            (0..metrics.num_workers()).filter(is_parked).count()
        };
        while parked() < wanted {
            assert!(began.elapsed() < PATIENCE, "{} workers are parked", parked());
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_task_that_never_yields_is_noticed_beside_idle_workers() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
        let metrics = runtime.handle().metrics();
        let mut watch = RuntimeWatch::new(metrics.clone());
        let (begin, has_begun) = mpsc::sync_channel(1);
        let let_go = Arc::new(AtomicBool::new(false));
        let seen_by_task = let_go.clone();
        let spinning = async move {
            begin.send(()).unwrap();
            while !seen_by_task.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        };
        let task = runtime.spawn(spinning);
        has_begun.recv_timeout(PATIENCE).unwrap();
        wait_for_parked(&metrics, 2);
        // The first look may find a worker for the first time.
        let events: Vec<_> = (0..=TICKS_UNTIL_STALLED).flat_map(|_| watch.look()).collect();
        let [(worker, Event::Stalled)] = events[..] else { panic!("{events:?}") };
        let_go.store(true, Ordering::Relaxed);
        runtime.block_on(task).unwrap();
        wait_for_parked(&metrics, 3);
        let events = watch.look();
        let [(same, Event::WentOn { ticks })] = events[..] else { panic!("{events:?}") };
        assert_eq!(same, worker);
        assert!(ticks >= TICKS_UNTIL_STALLED);
    }
}
