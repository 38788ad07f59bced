//! The requests of one socket: carried out one at a time, in the order in which they came.
//!
//! A socket has a queue but no task of its own. A runner exists only while there is work, because ten
//! thousand idle sockets should cost no ten thousand tasks.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::chat::ChatError;
use crate::chat::limits::Limits;
use crate::clock::Clock;
use crate::edge::{CloseReason, EngineSession};
use crate::gateway::meters::EventMeters;
use crate::gateway::reply::{AckBody, Reply};
use crate::lifecycle::Lifecycle;
use crate::model::rate::{Rate, TokenBucket};
use crate::telemetry::{self, log_seldom};

/// A request on its way to its answer.
pub type Work = Pin<Box<dyn Future<Output = Result<AckBody, ChatError>> + Send>>;

/// What is being carried out when the node stops gets so long to end: less than the node waits for
/// its tasks (`app.rs`), more than the store's own deadlines usually need.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long requests wait for a client to read the answers to earlier ones; then it is slow, and closed.
/// A client that takes nothing from its connection is found out sooner, by the edge.
const ROOM_TIMEOUT: Duration = Duration::from_secs(30);
/// After how long a socket with too many unanswered requests may try again: some will be answered.
const UNANSWERED_RETRY_MS: u64 = 1000;

/// What all sockets have in common.
pub struct Rules {
    /// `None`: no limit.
    pub requests: Option<Rate>,
    pub unanswered_max: usize,
    pub command_timeout: Duration,
    pub clock: Clock,
    pub lifecycle: Lifecycle,
}

impl Rules {
    pub fn new(limits: &Limits, clock: Clock, lifecycle: Lifecycle) -> Self {
        Self {
            requests: limits.rates.then(|| limits.requests()),
            unanswered_max: limits.requests_unanswered_max,
            command_timeout: limits.command_timeout,
            clock,
            lifecycle,
        }
    }
}

struct Job {
    meters: &'static EventMeters,
    work: Work,
    reply: Reply,
}

struct InboxState {
    tokens: Option<TokenBucket>,
    jobs: VecDeque<Job>,
    /// The jobs, and the one being carried out. A runner exists while there are any.
    unanswered: usize,
    /// The session has ended or the node stops: nothing new is carried out.
    stopped: bool,
    /// The client is gone: nobody will make room for answers.
    unheard: bool,
}

pub struct Inbox {
    rules: Arc<Rules>,
    transport: Arc<EngineSession>,
    state: Mutex<InboxState>,
    became_unheard: Notify,
}

impl Inbox {
    pub fn new(rules: Arc<Rules>, transport: Arc<EngineSession>) -> Arc<Self> {
        let tokens = rules.requests.map(|rate| TokenBucket::full(rate, rules.clock.now_ms()));
        let (jobs, unanswered, stopped, unheard) = (VecDeque::new(), 0, false, false);
        let state = Mutex::new(InboxState { tokens, jobs, unanswered, stopped, unheard });
        Arc::new(Self { rules, transport, state, became_unheard: Notify::new() })
    }

    pub fn transport(&self) -> &Arc<EngineSession> {
        &self.transport
    }

    /// Queues a request, or refuses it at once. Does not block.
    pub fn push(
        self: &Arc<Self>,
        meters: &'static EventMeters,
        reply: Reply,
        work: impl FnOnce() -> Work,
    ) {
        let mut state = self.state.lock();
        if let Err(error) = self.admit(&mut state) {
            drop(state);
            return finish(meters, reply, Err(error));
        }
        state.jobs.push_back(Job { meters, work: work(), reply });
        state.unanswered += 1;
        if state.unanswered == 1 {
            self.rules.lifecycle.spawn("inbox", self.clone().run());
        }
    }

    fn admit(&self, state: &mut InboxState) -> Result<(), ChatError> {
        if state.stopped {
            return Err(ChatError::Unavailable);
        }
        if state.unanswered >= self.rules.unanswered_max {
            metrics::counter!(telemetry::RATE_LIMITED, "scope" => "unanswered").increment(1);
            return Err(ChatError::RateLimited { retry_after_ms: UNANSWERED_RETRY_MS });
        }
        let (Some(tokens), Some(rate)) = (&mut state.tokens, self.rules.requests) else {
            return Ok(());
        };
        tokens.take(rate, self.rules.clock.now_ms()).map_err(|retry_after_ms| {
            metrics::counter!(telemetry::RATE_LIMITED, "scope" => "event").increment(1);
            ChatError::RateLimited { retry_after_ms }
        })
    }

    /// Carries out nothing from now on, and drops what waits; what runs goes on.
    pub fn stop(&self) {
        self.state.lock().stopped = true;
        self.abandon();
    }

    /// The client is gone. What it has asked for is carried out all the same.
    pub fn client_gone(&self) {
        self.state.lock().unheard = true;
        self.became_unheard.notify_waiters();
    }

    /// Waits until the client has read enough of what it was answered: its memory here is bounded, and
    /// whoever asks for much and reads slowly is only answered slowly.
    async fn room(&self) {
        let mut unheard = pin!(self.became_unheard.notified());
        unheard.as_mut().enable();
        if self.transport.has_room() || self.state.lock().unheard {
            return;
        }
        tokio::select! {
            () = self.transport.room() => {}
            () = unheard => {}
            () = tokio::time::sleep(ROOM_TIMEOUT) => self.transport.close(CloseReason::SlowConsumer),
        }
    }

    /// Works until there is nothing left to do, or the node stops.
    async fn run(self: Arc<Self>) {
        let mut stopping = pin!(self.rules.lifecycle.stopping());
        while let Some(job) = self.next_job() {
            let mut carrying_out = pin!(async {
                self.room().await;
                self.carry_out(job).await;
            });
            tokio::select! {
                biased;
                () = &mut carrying_out => {}
                () = &mut stopping => {
                    self.stop();
                    if timeout(FINISH_TIMEOUT, carrying_out).await.is_err() {
                        tracing::warn!("a request is cut off, the node stops");
                    }
                    return;
                }
            }
            if self.is_done() {
                return;
            }
        }
    }

    fn next_job(&self) -> Option<Job> {
        self.state.lock().jobs.pop_front()
    }

    /// Counts a job as answered; true if it was the last.
    fn is_done(&self) -> bool {
        let mut state = self.state.lock();
        state.unanswered -= 1;
        if state.unanswered == 0 {
            state.jobs = VecDeque::new(); // A burst's room is not kept for an idle socket.
        }
        state.unanswered == 0
    }

    /// Drops what waits; its replies say `unavailable`.
    fn abandon(&self) {
        let mut state = self.state.lock();
        let jobs = std::mem::take(&mut state.jobs);
        state.unanswered -= jobs.len();
        drop(state); // Replies send, so not under the lock.
        drop(jobs);
    }

    async fn carry_out(&self, job: Job) {
        let Job { meters, work, reply } = job;
        let started = Instant::now();
        let work = AssertUnwindSafe(work).catch_unwind();
        // One that is acked `timeout` goes on, so that what it stored is also announced.
        let work = self.rules.lifecycle.to_the_end("overdue_request", work);
        let result = match timeout(self.rules.command_timeout, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => {
                self.panicked(meters.event);
                Err(ChatError::Unavailable)
            }
            Err(_) => Err(ChatError::Timeout),
        };
        meters.duration.record(started.elapsed());
        finish(meters, reply, result);
    }

    /// What a handler left half done nobody knows, so its client starts afresh.
    fn panicked(&self, event: &'static str) {
        metrics::counter!(telemetry::PANICS).increment(1);
        log_seldom!(error, event, "the handler of {event} panicked, closing its connection");
        self.transport.close(CloseReason::TransportError);
        self.abandon();
    }
}

/// Logs, counts and sends the outcome of a request.
pub fn finish(meters: &EventMeters, reply: Reply, result: Result<AckBody, ChatError>) {
    match &result {
        Ok(_) => meters.accepted.increment(1),
        Err(error) => {
            meters.count_refused(error.code());
            log_failure(meters.event, error);
        }
    }
    reply.send(result);
}

/// Our faults with their causes; a refusal is the client's business. Messages of refusals may quote
/// the request, so only their codes are logged.
fn log_failure(event: &'static str, error: &ChatError) {
    if error.is_fault() {
        log_seldom!(error, event, error = error as &dyn std::error::Error, "{event} failed");
    } else {
        tracing::debug!(event, code = error.code(), "{event} was refused");
    }
}
