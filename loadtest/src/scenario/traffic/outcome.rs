//! What a run of messages by plan found; the fields are the JSON report's.

use std::fmt;

use serde::Serialize;

use crate::report::{Outcome, Percentiles, or_unknown};

#[derive(Clone, Serialize)]
pub struct Outcomes {
    pub groups: usize,
    pub receivers: usize,
    pub messages: u64,
    pub acked: u64,
    pub refused: u64,
    pub unanswered: u64,
    /// Deliveries of acked messages that did not arrive.
    pub lost: u64,
    pub duplicates: u64,
    pub stray: u64,
    /// Connections that the server ended.
    pub closed: usize,
    pub sync_required: u64,
    /// The longest `message:created`, as a Socket.IO packet: two servers compare only if theirs are alike.
    pub push_bytes: usize,
    pub deliveries: u64,
    /// Without the warm-up.
    pub deliveries_per_second: f64,
    /// From the intended send to each receiver, without the warm-up.
    pub delivery: Percentiles,
    pub ack: Percentiles,
    pub send_lag: Percentiles,
    /// Sends that were more than 10 ms late.
    pub late_percent: f64,
    /// At most 1 % of the sends were late.
    pub valid: bool,
    /// Share of the run in which the generator was not waiting; near 100 it is the generator that is measured.
    pub generator_busy_percent: f64,
    /// Time in which the generator's core was taken by others; a quiet machine shows almost nothing.
    pub generator_waited_percent: f64,
    pub server_cpu_us_per_delivery: Option<f64>,
    pub server_cpu_percent: Option<f64>,
    /// The same of the server: by others, or by its own threads, if it has more of them than cores.
    pub server_waited_percent: Option<f64>,
    pub first_refusal: Option<String>,
}

impl Outcomes {
    /// Why the run counts as failed; late sends only make it invalid.
    pub fn failure(&self) -> Option<String> {
        let failed = self.lost + self.duplicates + self.stray + self.refused + self.unanswered;
        (failed > 0 || self.closed > 0).then(|| {
            format!(
                "{} lost, {} duplicated, {} stray, {} refused, {} unanswered, {} closed{}",
                self.lost,
                self.duplicates,
                self.stray,
                self.refused,
                self.unanswered,
                self.closed,
                self.first_refusal
                    .as_ref()
                    .map(|body| format!("; first refusal {body}"))
                    .unwrap_or_default()
            )
        })
    }
}

/// Only their names differ, so that the two are compared apart.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Fanout(pub Outcomes);

#[derive(Serialize)]
#[serde(transparent)]
pub struct Chat(pub Outcomes);

impl Outcome for Fanout {
    const SCENARIO: &'static str = "fanout";

    fn failure(&self) -> Option<String> {
        self.0.failure()
    }
}

impl Outcome for Chat {
    const SCENARIO: &'static str = "chat";

    fn failure(&self) -> Option<String> {
        self.0.failure()
    }
}

impl fmt::Display for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { groups, receivers, messages, deliveries, deliveries_per_second, .. } = self;
        writeln!(
            f,
            "  load         {messages} messages to {receivers} receivers in {groups} groups"
        )?;
        writeln!(
            f,
            "  deliveries   {deliveries}, {deliveries_per_second:.0}/s, of {} bytes",
            self.push_bytes
        )?;
        writeln!(f, "  delivery     {}", self.delivery)?;
        writeln!(f, "  ack          {}", self.ack)?;
        writeln!(
            f,
            "  send lag     {}{}",
            self.send_lag,
            if self.valid { "" } else { " (INVALID RUN)" }
        )?;
        writeln!(
            f,
            "  server       {} µs CPU a delivery, {} % of a core, waited for it {} %\n  generator    \
             busy {:.0} %, waited for its core {:.1} %",
            or_unknown(self.server_cpu_us_per_delivery),
            or_unknown(self.server_cpu_percent),
            or_unknown(self.server_waited_percent),
            self.generator_busy_percent,
            self.generator_waited_percent
        )?;
        write!(
            f,
            "  faults       {} lost, {} duplicated, {} refused, {} unanswered, {} closed, {} syncs asked for",
            self.lost,
            self.duplicates,
            self.refused,
            self.unanswered,
            self.closed,
            self.sync_required
        )
    }
}
