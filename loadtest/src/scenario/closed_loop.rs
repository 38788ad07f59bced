//! Each socket sends its next request when the last one was acked: how many fit through, and how long one takes.
//!
//! A closed loop slows down with the server, so its latencies are those of an unhurried client; the open model of
//! `fanout` and `chat` is the one that shows queueing.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use super::MessageCreate;
use crate::connection::Push;
use crate::packet;
use crate::plan::Marker;
use crate::process::Process;
use crate::report::{Latencies, Outcome, Percentiles, or_unknown, ratio};
use crate::swarm::Swarm;
use crate::target::Seat;

/// What the sockets ask for, over and over.
pub enum Request<'a> {
    /// Stored and announced.
    MessageCreate { marker: &'a Marker, content: String },
    /// Answered without the store: what is left is decoding, dispatch and the ack.
    WatchNobody,
}

impl Request<'_> {
    fn packet(&self, id: u64, seat: &Seat) -> String {
        match self {
            Self::MessageCreate { marker, content } => {
                let (channel_id, nonce) = (seat.channel_id.as_str(), marker.nonce(id));
                let create = MessageCreate { channel_id, content, nonce };
                packet::request(id, "message:create", &create)
            }
            Self::WatchNobody => packet::request(id, "presence:watch", &json!({ "userIds": [] })),
        }
    }
}

#[derive(Serialize)]
pub struct Rounds {
    sockets: usize,
    seconds: f64,
    acked: u64,
    acked_per_second: f64,
    ack: Percentiles,
    refused: u64,
    unanswered: u64,
    closed: usize,
    server_cpu_us_per_request: Option<f64>,
    /// Time in which the server's core was taken, by others or by its own other threads.
    server_waited_percent: Option<f64>,
    first_refusal: Option<String>,
}

/// When the last request of a socket went out; `None` while it waits for nothing.
type Outstanding = Vec<Option<Instant>>;

/// Requests still open at the end get this long to be answered.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs `request` on all connections of `seats` for `duration`, behind a `warmup` that is not measured.
pub fn run(
    swarm: &mut Swarm,
    seats: &[Seat],
    request: &Request<'_>,
    warmup: Duration,
    duration: Duration,
    server: Option<&Process>,
) -> Result<Rounds> {
    let mut tally = Tally::new(seats.len());
    let mut idle: Vec<usize> = (0..seats.len()).collect();
    tally.run_until(Instant::now() + warmup, swarm, seats, request, &mut idle)?;
    tally.restart();

    let before = server.map(Process::usage).transpose()?;
    let begun = Instant::now();
    tally.run_until(begun + duration, swarm, seats, request, &mut idle)?;
    let seconds = begun.elapsed().as_secs_f64();
    let (acked, ack) = (tally.acked, tally.ack.percentiles());
    let usage = server.map(Process::usage).transpose()?.zip(before);
    let usage = usage.map(|(after, before)| after.since(before));

    tally.drain(swarm, &mut idle)?;
    Ok(Rounds {
        sockets: seats.len(),
        seconds,
        acked,
        acked_per_second: ratio(acked as f64, seconds),
        ack,
        refused: tally.refused,
        unanswered: tally.outstanding.iter().flatten().count() as u64,
        closed: swarm.closed,
        server_cpu_us_per_request: usage
            .map(|usage| ratio(usage.cpu.as_secs_f64() * 1e6, acked as f64)),
        server_waited_percent: usage
            .map(|usage| ratio(usage.waited.as_secs_f64() * 100.0, seconds)),
        first_refusal: tally.first_refusal,
    })
}

struct Tally {
    outstanding: Outstanding,
    next_id: u64,
    acked: u64,
    refused: u64,
    first_refusal: Option<String>,
    ack: Latencies,
}

impl Tally {
    fn new(sockets: usize) -> Self {
        Self {
            outstanding: vec![None; sockets],
            next_id: 0,
            acked: 0,
            refused: 0,
            first_refusal: None,
            ack: Latencies::new(),
        }
    }

    /// Forgets what the warm-up measured; its faults stay.
    fn restart(&mut self) {
        self.acked = 0;
        self.ack = Latencies::new();
    }

    fn run_until(
        &mut self,
        end: Instant,
        swarm: &mut Swarm,
        seats: &[Seat],
        request: &Request<'_>,
        idle: &mut Vec<usize>,
    ) -> Result<()> {
        while Instant::now() < end {
            for socket in idle.drain(..) {
                let packet = request.packet(self.next_id, &seats[socket]);
                self.next_id += 1;
                self.outstanding[socket] = Some(Instant::now());
                swarm.send(socket, &packet);
            }
            self.turn(swarm, idle)?;
        }
        Ok(())
    }

    fn drain(&mut self, swarm: &mut Swarm, idle: &mut Vec<usize>) -> Result<()> {
        let end = Instant::now() + DRAIN;
        while Instant::now() < end && self.outstanding.iter().any(Option::is_some) {
            self.turn(swarm, idle)?;
        }
        Ok(())
    }

    /// Takes the acks that came; their sockets are idle again.
    fn turn(&mut self, swarm: &mut Swarm, idle: &mut Vec<usize>) -> Result<()> {
        swarm.turn(Duration::from_millis(100), |socket, push, now| {
            let Push::Ack(ack) = push else { return };
            let Some(sent) = self.outstanding[socket].take() else { return };
            idle.push(socket);
            if ack.is_ok() {
                self.acked += 1;
                self.ack.record(now.saturating_duration_since(sent));
            } else {
                self.refused += 1;
                self.first_refusal
                    .get_or_insert_with(|| String::from_utf8_lossy(ack.body).into_owned());
            }
        })
    }
}

impl Rounds {
    fn failure(&self) -> Option<String> {
        let Self { refused, unanswered, closed, first_refusal, .. } = self;
        (refused + unanswered > 0 || *closed > 0).then(|| {
            let refusal = first_refusal.as_deref().unwrap_or("none");
            format!(
                "{refused} refused (first: {refusal}), {unanswered} unanswered, {closed} closed"
            )
        })
    }
}

/// Only their names differ, so that the two are compared apart.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Senders(pub Rounds);

#[derive(Serialize)]
#[serde(transparent)]
pub struct Rtt(pub Rounds);

impl Outcome for Senders {
    const SCENARIO: &'static str = "senders";

    fn failure(&self) -> Option<String> {
        self.0.failure()
    }
}

impl Outcome for Rtt {
    const SCENARIO: &'static str = "rtt";

    fn failure(&self) -> Option<String> {
        self.0.failure()
    }
}

impl fmt::Display for Senders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Rtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sockets, acked, seconds, acked_per_second, .. } = self;
        writeln!(
            f,
            "  acked        {acked} by {sockets} sockets in {seconds:.1} s, {acked_per_second:.0}/s"
        )?;
        writeln!(f, "  ack          {}", self.ack)?;
        writeln!(
            f,
            "  server       {} µs CPU a request, waited for its core {} %",
            or_unknown(self.server_cpu_us_per_request),
            or_unknown(self.server_waited_percent)
        )?;
        write!(
            f,
            "  faults       {} refused, {} unanswered, {} closed",
            self.refused, self.unanswered, self.closed
        )
    }
}
