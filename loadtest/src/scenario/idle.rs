//! What connections cost that do nothing: memory, CPU to connect, CPU to stay.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::process::Process;
use crate::report::{Outcome, ratio};
use crate::swarm::Swarm;
use crate::target::Seat;

#[derive(Serialize)]
pub struct Idle {
    connections: usize,
    connect_seconds: f64,
    connects_per_second: f64,
    connect_cpu_us: f64,
    /// Before the first account was registered.
    rss_start_kib: u64,
    /// Before the first connection.
    rss_before_kib: u64,
    /// After the hold.
    rss_after_kib: u64,
    /// `(rss_after - rss_before) / connections`.
    kib_per_connection: f64,
    /// The same from `rss_start_kib`: an upper bound, as it charges accounts and caches to the connections.
    kib_per_connection_from_start: f64,
    hold_seconds: f64,
    /// CPU over the hold, in percent of one core.
    hold_cpu_percent: f64,
    closed: usize,
}

/// Freed memory goes back to the kernel with a delay (mimalloc: up to a second).
const SETTLE: Duration = Duration::from_secs(2);

/// Opens all `seats`, lets the server settle, then watches it for `hold`.
pub fn run(
    swarm: &mut Swarm,
    seats: Vec<Seat>,
    hold: Duration,
    server: &Process,
    rss_start_kib: u64,
) -> Result<Idle> {
    let connections = seats.len();
    swarm.hold(SETTLE)?;
    let (rss_before_kib, cpu_before) = (server.rss_kib()?, server.cpu()?);
    let begun = Instant::now();
    swarm.open(seats.into_iter().map(|seat| seat.greeting).collect())?;
    let connect_seconds = begun.elapsed().as_secs_f64();
    let connect_cpu = server.cpu()? - cpu_before;

    swarm.hold(SETTLE)?;
    let (cpu_settled, settled) = (server.cpu()?, Instant::now());
    swarm.hold(hold)?;
    let hold_cpu = server.cpu()? - cpu_settled;
    let hold_seconds = settled.elapsed().as_secs_f64();
    let rss_after_kib = server.rss_kib()?;

    let grown_since = |kib: u64| ratio(rss_after_kib as f64 - kib as f64, connections as f64);
    Ok(Idle {
        connections,
        connect_seconds,
        connects_per_second: ratio(connections as f64, connect_seconds),
        connect_cpu_us: ratio(connect_cpu.as_secs_f64() * 1e6, connections as f64),
        rss_start_kib,
        rss_before_kib,
        rss_after_kib,
        kib_per_connection: grown_since(rss_before_kib),
        kib_per_connection_from_start: grown_since(rss_start_kib),
        hold_seconds,
        hold_cpu_percent: ratio(hold_cpu.as_secs_f64() * 100.0, hold_seconds),
        closed: swarm.closed,
    })
}

impl Outcome for Idle {
    const SCENARIO: &'static str = "idle";

    fn failure(&self) -> Option<String> {
        (self.closed > 0).then(|| format!("{} idle connections were closed", self.closed))
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  connecting   {} ready in {:.1} s ({:.0}/s), {:.0} µs CPU each",
            self.connections, self.connect_seconds, self.connects_per_second, self.connect_cpu_us
        )?;
        writeln!(
            f,
            "  memory       {:.2} KiB a connection ({} -> {} KiB; {:.2} counted from the start)",
            self.kib_per_connection,
            self.rss_before_kib,
            self.rss_after_kib,
            self.kib_per_connection_from_start
        )?;
        write!(
            f,
            "  CPU          {:.2} % of a core over {:.0} s, {} closed",
            self.hold_cpu_percent, self.hold_seconds, self.closed
        )
    }
}
