//! Two servers side by side: reads the JSON reports of each and prints the figures that matter with their ratios.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Scenario, path of the figure in its report, and what it is called in the table.
const FIGURES: [(&str, &str, &str); 20] = [
    ("idle", "/connections", "idle connections"),
    ("idle", "/kib_per_connection", "memory, KiB a connection"),
    ("idle", "/kib_per_connection_from_start", "  counted from the start"),
    ("idle", "/connect_cpu_us", "connect, µs CPU"),
    ("idle", "/hold_cpu_percent", "idle CPU, % of a core"),
    ("fanout", "/receivers", "fan-out, receivers"),
    ("fanout", "/deliveries_per_second", "  deliveries/s"),
    ("fanout", "/delivery/p50_us", "  p50, µs"),
    ("fanout", "/delivery/p99_us", "  p99, µs"),
    ("fanout", "/server_cpu_us_per_delivery", "  µs CPU a delivery"),
    ("fanout", "/lost", "  lost deliveries"),
    ("chat", "/deliveries_per_second", "many groups, deliveries/s"),
    ("chat", "/delivery/p50_us", "  p50, µs"),
    ("chat", "/delivery/p99_us", "  p99, µs"),
    ("chat", "/server_cpu_us_per_delivery", "  µs CPU a delivery"),
    ("senders", "/acked_per_second", "stored sends/s (bare stores nothing)"),
    ("senders", "/ack/p99_us", "  ack p99, µs"),
    ("rtt", "/acked_per_second", "round trips/s, one socket"),
    ("rtt", "/ack/p50_us", "  p50, µs"),
    ("rtt", "/server_cpu_us_per_request", "  µs CPU a request"),
];

/// The table; a figure that either side lacks is left out.
pub fn table(bare: &Path, vibetalk: &Path) -> Result<String> {
    let (bare, vibetalk) = (reports(bare)?, reports(vibetalk)?);
    let mut lines = format!("{:<38} {:>12} {:>12} {:>7}\n", "", "bare", "vibetalk", "ratio");
    for (scenario, path, name) in FIGURES {
        let figures = figure(&bare, scenario, path).zip(figure(&vibetalk, scenario, path));
        let Some((bare, vibetalk)) = figures else { continue };
        let ratio = if bare > 0.0 { format!("{:.2}", vibetalk / bare) } else { "-".into() };
        writeln!(lines, "{name:<38} {bare:>12} {vibetalk:>12} {ratio:>7}")?;
    }
    Ok(lines)
}

fn reports(file: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    text.lines().map(|line| serde_json::from_str(line).context("not a report")).collect()
}

/// The figure in the last report of `scenario`.
fn figure(reports: &[Value], scenario: &str, path: &str) -> Option<f64> {
    reports.iter().rfind(|report| report["scenario"] == scenario)?.pointer(path)?.as_f64()
}
