//! Logs and metrics: how tracing is set up, and the one list of every metric this binary exports.

use std::fmt;
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Filter, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::section::{choices, section};

section! {
    /// What operators may set of the log.
    pub struct LogSettings {
        /// `human`, `json`, or `auto`: human on a terminal, JSON otherwise.
        format: LogFormat = "log.format", LogFormat::Auto;
        /// What is logged: a level, or directives as `info,vibetalk::edge=debug`.
        filter: String = "log.filter", "info".to_owned();
    }
}

choices! {
    /// How log lines look.
    pub enum LogFormat {
        Auto = "auto",
        Human = "human",
        Json = "json",
    }
}

/// Logs to standard error, for people or as JSON lines, each of which says by which node it was written.
///
/// # Errors
///
/// A filter that does not parse.
pub fn init_logging(settings: &LogSettings, node_name: &str) -> anyhow::Result<()> {
    let filter = log_filter(&settings.filter)?;
    let human = match settings.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let named = |lines| NamedLines::new(node_name, lines);
    let lines = match human {
        true => lines.boxed(),
        false => lines.json().flatten_event(true).map_event_format(named).boxed(),
    };
    let installed = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    installed.map_err(|error| anyhow::anyhow!("cannot set up logging: {error}"))
}

/// JSON lines with the node's name in front, because they are read where those of all nodes are.
struct NamedLines<F> {
    /// As JSON has it.
    node_name: String,
    lines: F,
}

impl<F> NamedLines<F> {
    fn new(node_name: &str, lines: F) -> Self {
        Self { node_name: serde_json::Value::from(node_name).to_string(), lines }
    }
}

impl<S, N, F> FormatEvent<S, N> for NamedLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.lines.format_event(context, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(fields) => write!(writer, r#"{{"node.name":{},{fields}"#, self.node_name),
            None => writer.write_str(&line),
        }
    }
}

/// Says at most what `filter` does, also as a hint: without one, libraries would make up all their trace lines,
/// for each frame, to have them dropped here.
fn log_filter<S>(filter: &str) -> anyhow::Result<impl Filter<S> + use<S>> {
    let filter = EnvFilter::try_new(filter).context("log.filter is not valid")?;
    let no_secrets = filter_fn(holds_no_secrets).with_max_level_hint(LevelFilter::TRACE);
    Ok(filter.and(no_secrets))
}

/// Our own lines hold no texts of people and no tokens, at any level. Those of libraries do: at debug and
/// trace they write frames, close reasons and headers, whatever directive asks for it.
fn holds_no_secrets(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("vibetalk") || *metadata.level() <= Level::INFO
}

/// Lines of one kind in [`SELDOM_INTERVAL`] at most.
const SELDOM_LINES_MAX: u64 = 10;
const SELDOM_INTERVAL: Duration = Duration::from_secs(10);

/// Bounds how often one kind of line is logged; see [`log_seldom`].
pub struct Seldom(Mutex<Lines>);

struct Lines {
    since: Option<Instant>,
    asked: u64,
}

impl Default for Seldom {
    fn default() -> Self {
        Self::new()
    }
}

impl Seldom {
    pub const fn new() -> Self {
        Self(Mutex::new(Lines { since: None, asked: 0 }))
    }

    /// Whether a line is to be logged at `now`; if so, how many were left out since the last one.
    pub fn allows(&self, now: Instant) -> Option<u64> {
        let mut lines = self.0.lock();
        let mut left_out = 0;
        if lines.since.is_none_or(|since| now.duration_since(since) >= SELDOM_INTERVAL) {
            left_out = lines.asked.saturating_sub(SELDOM_LINES_MAX);
            *lines = Lines { since: Some(now), asked: 0 };
        }
        lines.asked += 1;
        (lines.asked <= SELDOM_LINES_MAX).then_some(left_out)
    }
}

/// Logs like `tracing::warn!`, `log_seldom!(warn, …)`, but a line that a stranger or an outage could
/// multiply without end: at most ten in ten seconds from each place. `lines.left_out` says how many
/// were not written before this one.
macro_rules! log_seldom {
    ($level:ident, $($line:tt)+) => {{
        static SELDOM: $crate::telemetry::Seldom = $crate::telemetry::Seldom::new();
        match SELDOM.allows(std::time::Instant::now()) {
            Some(0) => tracing::$level!($($line)+),
            Some(left_out) => tracing::$level!(lines.left_out = left_out, $($line)+),
            None => {}
        }
    }};
}
pub(crate) use log_seldom;

/// A metric's kind, as Prometheus types it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// One exported metric family.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: MetricKind,
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident, $name:literal, $kind:ident, $help:literal;)*) => {
        $(pub const $constant: &str = $name;)*
        /// Every metric family of this binary; `docs/metrics.md` is generated from it.
        pub const METRICS: &[Metric] = &[$(Metric { name: $name, kind: MetricKind::$kind, help: $help }),*];
    };
}

metrics! {
    BUILD_INFO, "vibetalk_build_info", Gauge, "Always 1; the labels say what runs.";
    CLOCK_SKEW, "vibetalk_clock_skew_seconds", Gauge, "How far the clock of another node is ahead of this one's, negative if it is behind, by node_id. Beyond 2 s, syncs may miss what was sent meanwhile.";
    NODE_LEASES, "vibetalk_node_leases_total", Counter, "Renewals of the lease of this node's id, by outcome: renewed, failed (tried again), taken_again (it had ended), lost (the node stops).";
    TASKS_ALIVE, "vibetalk_tasks_alive", Gauge, "Running tasks by name.";
    BUS_PUBLISHED, "vibetalk_bus_published_total", Counter, "Envelopes given to the bus, by kind and outcome.";
    ANNOUNCEMENTS_LOST, "vibetalk_announcements_lost_total", Counter, "Stored changes that the bus did not take. Messages and what becomes of them clients find when they sync; memberships and channels are announced again by the server, see vibetalk_announcements_late_total.";
    ANNOUNCEMENTS_LATE, "vibetalk_announcements_late_total", Counter, "Stored changes that the bus took at a later try.";
    SYNC_MARK_AGE, "vibetalk_sync_mark_age_seconds", Gauge, "How long ago it was up to which this node's sessions are known to have everything (sync:mark): some 45 s while all is well. It grows while that stands still, and clients that come back get as much more again.";
    SYNC_MARK_HELD, "vibetalk_sync_mark_held", Gauge, "1 for what keeps the time of sync:mark from going on, by reason: debt (this node has not announced something that it stored, or has not for long), peer (another node is silent, or its own time stands still), gap (a node has died and this one has not begun anew yet).";
    CACHE_REQUESTS, "vibetalk_cache_requests_total", Counter, "Reads of snapshot caches, by cache and outcome.";
    MENTIONS_UNTOLD, "vibetalk_mentions_untold_total", Counter, "Messages whose mentioned people were not all told at once, because too many waited or the store was too slow.";
    MESSAGES_STORED, "vibetalk_messages_stored_total", Counter, "New messages, by kind of channel.";
    SYNC_CHANNELS, "vibetalk_sync_channels_total", Counter, "Channels synced, by whether all that was missed came.";
    RATE_LIMITED, "vibetalk_rate_limited_total", Counter, "Requests refused for coming too often, by scope.";
    LOGINS, "vibetalk_logins_total", Counter, "Logins by outcome.";
    USERS_ONLINE, "vibetalk_users_online", Gauge, "People with a socket on this node, the invisible included.";
    STORE_DURATION, "vibetalk_store_duration_seconds", Histogram, "Time of store calls by operation, waiting included.";
    STORE_ERRORS, "vibetalk_store_errors_total", Counter, "Store calls that failed, by cause.";
    STORE_BATCH_CALLS, "vibetalk_store_batch_calls", Histogram, "Writes that one commit of the embedded store made durable.";
    PANICS, "vibetalk_panics_total", Counter, "Panics caught in tasks, handlers and requests.";
    WORKER_STALLS, "vibetalk_worker_stalls_total", Counter, "Times that a worker of the runtime ran one task for 5 s without a pause.";
    ACCEPT_ERRORS, "vibetalk_accept_errors_total", Counter, "Failures to accept a connection, such as too few file descriptors.";
    BYTES_RECEIVED, "vibetalk_bytes_received_total", Counter, "Bytes read from clients by transport.";
    BYTES_SENT, "vibetalk_bytes_sent_total", Counter, "Bytes written to clients by transport.";
    CONNECTIONS, "vibetalk_connections", Gauge, "Engine.IO sessions by transport and protocol.";
    CONNECTIONS_REFUSED, "vibetalk_connections_refused_total", Counter, "Connections closed before their first request by reason.";
    HANDSHAKES_REFUSED, "vibetalk_handshakes_refused_total", Counter, "Engine.IO handshakes that were refused by reason.";
    SESSIONS_UNKNOWN, "vibetalk_sessions_unknown_total", Counter, "Engine.IO requests of a session that is not here, by reason: ended, foreign (of another node with the same key), forged (or signed with another key).";
    OVERSIZED, "vibetalk_oversized_total", Counter, "Connections closed because a message was too large, by what there was too much of: bytes or binaries.";
    TRANSPORT_UPGRADES, "vibetalk_transport_upgrades_total", Counter, "Upgrades from polling to WebSocket by outcome.";
    CONNECTS, "vibetalk_connects_total", Counter, "Handshakes by transport and outcome.";
    DISCONNECTS, "vibetalk_disconnects_total", Counter, "Sessions that ended, by transport and reason.";
    SESSION_DURATION, "vibetalk_session_duration_seconds", Histogram, "How long sessions lasted, by transport.";
    SESSIONS, "vibetalk_sessions", Gauge, "Authenticated sockets that the fan-out serves.";
    EVENTS_RECEIVED, "vibetalk_events_received_total", Counter, "Requests of sockets by event and outcome.";
    EVENT_DURATION, "vibetalk_event_duration_seconds", Histogram, "From the start of a request of a socket to its ack, by event.";
    FANOUT_RECIPIENTS, "vibetalk_fanout_recipients", Histogram, "Sockets of this node that one envelope reached, by push.";
    FANOUT_DURATION, "vibetalk_fanout_duration_seconds", Histogram, "From taking an envelope to having queued it at its last socket, by push.";
    DELIVERY_LATENCY, "vibetalk_delivery_latency_seconds", Histogram, "From publishing an envelope to having queued it at its last socket, by path.";
    OUTBOUND_QUEUE_FULL, "vibetalk_outbound_queue_full_total", Counter, "Sockets closed because they had too much queued.";
    BUS_GAPS, "vibetalk_bus_gaps_total", Counter, "Times when deliveries may have been missed and all sessions had to be opened anew.";
    BUS_UNREADABLE, "vibetalk_bus_unreadable_total", Counter, "What other nodes sent and this one could not read, by reason: version (a newer one), damaged, too_large, each of which may leave a gap; push (one that this version does not have, which its clients do not get).";
    SESSIONS_REOPENED, "vibetalk_sessions_reopened_total", Counter, "Sessions opened anew after a gap, by outcome: ok, ended (the signed-in session is over), gone, failed (tried again).";
    SESSIONS_BEHIND, "vibetalk_sessions_behind", Gauge, "Sessions that are still to be opened anew after a gap. They get no sync:mark before.";
    WRITE_STALLS, "vibetalk_write_stalls_total", Counter, "Connections closed because their peer read nothing for too long.";
    HTTP_REQUESTS, "vibetalk_http_requests_total", Counter, "HTTP requests without Socket.IO, by method, route and class of status.";
    HTTP_REQUEST_DURATION, "vibetalk_http_request_duration_seconds", Histogram, "From the head of an HTTP request to that of its answer, by method, route and class of status.";
    READY, "vibetalk_ready", Gauge, "1 while a check of readiness passes, by check.";
}

/// Counts a task while it lives, and a panic that ends it.
pub struct TaskAlive {
    name: &'static str,
}

impl TaskAlive {
    pub fn start(name: &'static str) -> Self {
        metrics::gauge!(TASKS_ALIVE, "task" => name).increment(1.0);
        Self { name }
    }
}

impl Drop for TaskAlive {
    fn drop(&mut self) {
        metrics::gauge!(TASKS_ALIVE, "task" => self.name).decrement(1.0);
        if std::thread::panicking() {
            metrics::counter!(PANICS).increment(1);
            tracing::error!(task = self.name, "task {} panicked", self.name);
        }
    }
}

/// Latency bucket bounds, in seconds.
const SECONDS_BUCKETS: &[f64] = &[
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
    2.5, 5.0, 10.0,
];
/// Session lengths, in seconds: one second to one day.
const SESSION_BUCKETS: &[f64] = &[1.0, 10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0];
/// Counts: recipients of one event, messages of one sync.
const COUNT_BUCKETS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0,
    20_000.0,
];

/// Installs the process-wide recorder, once; later calls return the same handle.
///
/// The caller runs [`PrometheusHandle::run_upkeep`] every few seconds, or samples pile up.
pub fn install_recorder() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS_BUCKETS)
                .and_then(|b| {
                    b.set_buckets_for_metric(
                        Matcher::Full("vibetalk_session_duration_seconds".into()),
                        SESSION_BUCKETS,
                    )
                })
                .and_then(|b| b.set_buckets(COUNT_BUCKETS))
                .expect("bucket lists are not empty")
                .build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed, /metrics stays empty");
            }
            describe();
            handle
        })
        .clone()
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn libraries_make_up_no_line_that_nobody_asked_for() {
        for (filter, level) in [("info", LevelFilter::INFO), ("debug", LevelFilter::DEBUG)] {
            let filter = log_filter::<tracing_subscriber::Registry>(filter).unwrap();
            assert_eq!(filter.max_level_hint(), Some(level));
        }
    }

    #[test]
    fn json_lines_say_who_wrote_them() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = LogBuffer(written.clone());
        let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let lines = lines.json().flatten_event(true);
        let lines = lines.map_event_format(|lines| NamedLines::new("chat-1", lines));
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(user.id = 5, "hello {}", "{you}");
            tracing::info!("again");
        });
        let written = String::from_utf8(written.lock().clone()).unwrap();
        let lines: Vec<serde_json::Value> =
            written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line["node.name"] == "chat-1"));
        assert_eq!(
            (&lines[0]["user.id"], &lines[0]["message"]),
            (&5.into(), &"hello {you}".into())
        );
    }

    #[derive(Clone)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn names_end_as_prometheus_asks() {
        for metric in METRICS {
            let counter_suffix = metric.name.ends_with("_total");
            assert_eq!(counter_suffix, metric.kind == MetricKind::Counter, "{}", metric.name);
            assert!(
                metric.name.starts_with("vibetalk_") && metric.help.ends_with('.'),
                "{}",
                metric.name
            );
        }
    }

    #[test]
    fn a_kind_of_line_is_logged_ten_times_in_ten_seconds() {
        let (seldom, start) = (Seldom::new(), Instant::now());
        let logged = |seconds| seldom.allows(start + Duration::from_secs(seconds));
        assert_eq!((0..1000).filter_map(|_| logged(0)).collect::<Vec<_>>(), [0; 10]);
        assert_eq!(logged(9), None);
        assert_eq!(logged(10), Some(991), "the first one says how many were left out");
        assert_eq!(logged(10), Some(0));
        assert_eq!(logged(25), Some(0), "none were");
    }

    /// `docs/metrics.md`.
    fn reference() -> String {
        let mut metrics: Vec<&Metric> = METRICS.iter().collect();
        metrics.sort_by_key(|metric| metric.name);
        let rows = metrics.iter().map(|metric| {
            let kind = format!("{:?}", metric.kind).to_lowercase();
            format!("| `{}` | {kind} | {} |\n", metric.name, metric.help)
        });
        let rows: String = rows.collect();
        format!(
            "# Metrics\n\n\
             Everything that `/metrics` offers, besides `process_*`: what the operating system knows of the process.\n\
             How to scrape it, and where to look first: [operations](operations.md#metrics). Histograms come as\n\
             `_bucket`, `_sum` and `_count`; times are in seconds.\n\n\
             <!-- Generated from METRICS in src/telemetry.rs: UPDATE_DOCS=1 cargo test --lib telemetry -->\n\n\
             | metric | kind | what it says |\n| --- | --- | --- |\n{rows}"
        )
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "no setting of the server: it writes a document")]
    fn the_reference_of_metrics_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        if std::env::var("UPDATE_DOCS").is_ok() {
            std::fs::write(path, reference()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == reference(), "run: UPDATE_DOCS=1 cargo test --lib telemetry");
    }
}
