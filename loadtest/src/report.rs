//! What a run found, for people (lines) and machines (one JSON object; its field names are stable).

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Raised when a field is renamed or changes its meaning.
const SCHEMA: u32 = 1;

/// A scenario's result.
pub trait Outcome: Serialize + fmt::Display {
    const SCENARIO: &'static str;

    /// Why the run counts as failed, such as lost messages.
    fn failure(&self) -> Option<String>;
}

#[derive(Serialize)]
struct Report<'a, T> {
    schema: u32,
    scenario: &'static str,
    target: &'a str,
    bare: bool,
    #[serde(flatten)]
    outcome: &'a T,
}

/// Prints `outcome`; true if the run failed.
pub fn print<T: Outcome>(
    outcome: &T,
    target: &str,
    bare: bool,
    json: bool,
) -> anyhow::Result<bool> {
    let failure = outcome.failure();
    if json {
        let report = Report { schema: SCHEMA, scenario: T::SCENARIO, target, bare, outcome };
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{} on {target}\n{outcome}", T::SCENARIO);
    }
    if let Some(reason) = &failure {
        eprintln!("failed: {reason}");
    }
    Ok(failure.is_some())
}

/// Durations from 1 µs to 60 s with 3 significant digits; longer ones count as 60 s.
pub struct Latencies(Histogram<u32>);

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    pub count: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

impl Latencies {
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are valid"))
    }

    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn percentiles(&self) -> Percentiles {
        let at = |percent| self.0.value_at_percentile(percent);
        Percentiles {
            count: self.0.len(),
            p50_us: at(50.0),
            p90_us: at(90.0),
            p99_us: at(99.0),
            p999_us: at(99.9),
            max_us: self.0.max(),
        }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: u64| us as f64 / 1_000.0;
        let [p50, p90, p99, p999, max] =
            [self.p50_us, self.p90_us, self.p99_us, self.p999_us, self.max_us].map(ms);
        write!(f, "p50 {p50:.2} ms, p90 {p90:.2}, p99 {p99:.2}, p99.9 {p999:.2}, max {max:.2}")
    }
}

/// `amount` per `per`, with two decimals; 0 for nothing.
pub fn ratio(amount: f64, per: f64) -> f64 {
    if per > 0.0 { (amount / per * 100.0).round() / 100.0 } else { 0.0 }
}

/// `part` in percent of `whole`.
pub fn percent(part: Duration, whole: Duration) -> f64 {
    ratio(part.as_secs_f64() * 100.0, whole.as_secs_f64())
}

/// For lines with a value that needs `--server-pid`.
pub fn or_unknown(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown (no --server-pid)".into(), |value| format!("{value:.2}"))
}
