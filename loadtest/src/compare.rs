//! Servers side by side: reads the JSON reports of each and prints the figures that matter with their ratios.
//! Of several runs of a scenario it takes the median of each figure.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// Scenario, path of the figure in its report, and what it is called in the table.
const FIGURES: [(&str, &str, &str); 23] = [
    ("idle", "/connections", "idle connections"),
    ("idle", "/kib_per_connection", "memory, KiB a connection"),
    ("idle", "/kib_per_connection_from_start", "  counted from the start"),
    ("idle", "/connect_cpu_us", "connect, µs CPU"),
    ("idle", "/hold_cpu_percent", "idle CPU, % of a core"),
    ("fanout", "/receivers", "fan-out, receivers"),
    ("fanout", "/push_bytes", "  bytes a push"),
    ("fanout", "/deliveries_per_second", "  deliveries/s"),
    ("fanout", "/delivery/p50_us", "  p50, µs"),
    ("fanout", "/delivery/p99_us", "  p99, µs"),
    ("fanout", "/server_cpu_us_per_delivery", "  µs CPU a delivery"),
    ("fanout", "/lost", "  lost deliveries"),
    ("fanout", "/server_waited_percent", "  % that the server's core was taken"),
    ("fanout", "/generator_waited_percent", "  % that the generator's core was"),
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

/// The table: a column per file, named after it, with ratios to the first one.
///
/// A figure that the first one lacks is left out.
pub fn table(files: &[PathBuf]) -> Result<String> {
    let servers = files.iter().map(|file| reports(file)).collect::<Result<Vec<_>>>()?;
    let mut table = format!("{:<38}", "");
    for (column, file) in files.iter().enumerate() {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        write!(table, " {name:>12}{}", if column > 0 { "   ratio" } else { "" })?;
    }
    for (scenario, path, name) in FIGURES {
        let mut figures = servers.iter().map(|reports| figure(reports, scenario, path));
        let Some(base) = figures.next().flatten() else { continue };
        write!(table, "\n{name:<38} {:>12}", short(base))?;
        for other in figures {
            write!(table, "{}", beside(base, other))?;
        }
    }
    Ok(table + "\n")
}

/// Decimals only where they say something.
fn short(figure: f64) -> String {
    if figure < 100.0 {
        format!("{}", (figure * 100.0).round() / 100.0)
    } else {
        format!("{figure:.0}")
    }
}

/// A figure and its ratio to `base`, where there are such.
fn beside(base: f64, other: Option<f64>) -> String {
    match other {
        Some(other) if base > 0.0 => format!(" {:>12} {:>7.2}", short(other), other / base),
        Some(other) => format!(" {:>12} {:>7}", short(other), "-"),
        None => format!(" {:>12} {:>7}", "-", "-"),
    }
}

fn reports(file: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    text.lines().map(|line| serde_json::from_str(line).context("not a report")).collect()
}

/// The median of the figure over the reports of `scenario`; `None` if they do not have it.
fn figure(reports: &[Value], scenario: &str, path: &str) -> Option<f64> {
    let of_scenario = reports.iter().filter(|report| report["scenario"] == scenario);
    let mut figures: Vec<f64> =
        of_scenario.filter_map(|report| report.pointer(path)?.as_f64()).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ratios_are_to_the_first_server() {
        assert_eq!(beside(2.0, Some(3.0)).split_whitespace().collect::<Vec<_>>(), ["3", "1.50"]);
        assert_eq!(beside(0.0, Some(3.0)).split_whitespace().collect::<Vec<_>>(), ["3", "-"]);
        assert_eq!(beside(2.0, None).split_whitespace().collect::<Vec<_>>(), ["-", "-"]);
    }

    #[test]
    fn a_figure_is_the_median_of_its_scenario() {
        let idle = |kib: f64| json!({ "scenario": "idle", "kib_per_connection": kib });
        let other = json!({ "scenario": "rtt", "kib_per_connection": 999.0 });
        let reports = [idle(30.0), idle(10.0), other, idle(20.0)];
        assert_eq!(figure(&reports, "idle", "/kib_per_connection"), Some(20.0));
        assert_eq!(figure(&reports, "idle", "/connect_cpu_us"), None);
    }
}
