//! Messages by plan into groups, and every delivery accounted for: `fanout` is one large group, `chat` many.

mod outcome;

use std::time::{Duration, Instant};

use anyhow::Result;
pub use outcome::{Chat, Fanout, Outcomes};

use super::MessageCreate;
use crate::connection::Push;
use crate::ledger::Ledger;
use crate::packet::{self, Ack};
use crate::plan::{self, Marker, Plan};
use crate::process::{Process, Usage};
use crate::report::{Latencies, percent, ratio};
use crate::swarm::Swarm;
use crate::target::Seat;

/// Receivers are numbered group by group; message `m` goes to group `m % groups`.
#[derive(Clone, Copy)]
pub struct Shape {
    pub groups: usize,
    /// Receivers in each group.
    pub members: usize,
    /// So many of a group's receivers take turns in sending.
    pub senders: usize,
    pub payload_bytes: usize,
    /// How long to wait for what is missing after the last send.
    pub drain: Duration,
}

pub struct Traffic<'a> {
    shape: Shape,
    plan: Plan,
    marker: &'a Marker,
    ledgers: Vec<Ledger>,
    answers: Vec<Answer>,
    delivered: u64,
    delivered_measured: u64,
    /// Pushes of messages that this group's receivers should not see.
    stray: u64,
    sync_required: u64,
    push_bytes: usize,
    first_refusal: Option<String>,
    last_delivery: Instant,
    delivery: Latencies,
    ack: Latencies,
    send_lag: Latencies,
    late: u64,
}

/// What a run cost both sides.
#[derive(Default)]
struct Costs {
    server: Option<Usage>,
    generator_busy_percent: f64,
    generator_waited_percent: f64,
    closed: usize,
}

/// What became of a message, as its sender knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Pending,
    Acked,
    Refused,
}

/// A send this late belongs to a generator that cannot keep up, not to the server.
const LATE: Duration = Duration::from_millis(10);
/// More late sends than this make a run invalid.
const LATE_PERCENT_MAX: f64 = 1.0;
/// Sends in one turn of a generator that catches up: receiving must not starve meanwhile.
const SENDS_PER_TURN: usize = 16;

impl<'a> Traffic<'a> {
    pub fn new(shape: Shape, plan: Plan, marker: &'a Marker) -> Self {
        let messages = plan.messages.div_ceil(shape.groups as u64);
        Self {
            ledgers: (0..shape.groups).map(|_| Ledger::new(shape.members, messages)).collect(),
            answers: vec![Answer::Pending; usize::try_from(plan.messages).expect("a plan fits")],
            shape,
            plan,
            marker,
            delivered: 0,
            delivered_measured: 0,
            stray: 0,
            sync_required: 0,
            push_bytes: 0,
            first_refusal: None,
            last_delivery: Instant::now(),
            delivery: Latencies::new(),
            ack: Latencies::new(),
            send_lag: Latencies::new(),
            late: 0,
        }
    }

    /// Sends the whole plan over the connections of `seats`, in their order, and waits for its deliveries.
    pub fn run(
        mut self,
        swarm: &mut Swarm,
        seats: &[Seat],
        server: Option<&Process>,
    ) -> Result<Outcomes> {
        let content = "x".repeat(self.shape.payload_bytes);
        let own = Process::find(std::process::id())?;
        let own_before = own.usage()?;
        let server_before = server.map(Process::usage).transpose()?;
        let busy_before = swarm.busy;
        self.plan.begin();
        let begun = Instant::now();
        let end = self.plan.intended(self.plan.messages) + self.shape.drain;
        let mut next = 0;
        while Instant::now() < end && !(next == self.plan.messages && self.is_complete()) {
            for _ in 0..SENDS_PER_TURN {
                if next == self.plan.messages || self.plan.intended(next) > Instant::now() {
                    break;
                }
                self.send(next, swarm, seats, &content);
                next += 1;
            }
            let due = if next < self.plan.messages { self.plan.intended(next) } else { end };
            swarm.turn(plan::wait_before(due), |receiver, push, now| {
                self.take(receiver, push, now)
            })?;
        }
        let elapsed = begun.elapsed();
        let usage = server.map(Process::usage).transpose()?.zip(server_before);
        let costs = Costs {
            server: usage.map(|(after, before)| after.since(before)),
            generator_busy_percent: percent(swarm.busy - busy_before, elapsed),
            generator_waited_percent: percent(own.usage()?.since(own_before).waited, elapsed),
            closed: swarm.closed,
        };
        Ok(self.outcome(&costs))
    }

    fn send(&mut self, message: u64, swarm: &mut Swarm, seats: &[Seat], content: &str) {
        let (group, place) = self.place(message);
        let sender = group * self.shape.members + place as usize % self.shape.senders;
        let channel_id = &seats[sender].channel_id;
        let create = MessageCreate { channel_id, content, nonce: self.marker.nonce(message) };
        let lag = Instant::now().saturating_duration_since(self.plan.intended(message));
        swarm.send(sender, &packet::request(message, "message:create", &create));
        self.late += u64::from(lag > LATE);
        self.send_lag.record(lag);
    }

    /// The message's group, and its number among that group's messages.
    fn place(&self, message: u64) -> (usize, u64) {
        let groups = self.shape.groups as u64;
        ((message % groups) as usize, message / groups)
    }

    fn take(&mut self, receiver: usize, push: Push<'_>, now: Instant) {
        match push {
            Push::MessageCreated(packet) => {
                if let Some(message) = self.marker.message(packet) {
                    self.push_bytes = self.push_bytes.max(packet.len());
                    self.take_delivery(receiver, message, now);
                }
            }
            Push::Ack(ack) => self.take_ack(&ack, now),
            Push::SyncRequired => self.sync_required += 1,
        }
    }

    fn take_delivery(&mut self, receiver: usize, message: u64, now: Instant) {
        let (group, number) = self.place(message);
        if receiver / self.shape.members != group {
            self.stray += 1;
        } else if self.ledgers[group].record(receiver % self.shape.members, number) {
            self.delivered += 1;
            self.last_delivery = now;
            if self.plan.is_measured(message) {
                self.delivered_measured += 1;
                self.delivery.record(now.saturating_duration_since(self.plan.intended(message)));
            }
        }
    }

    fn take_ack(&mut self, ack: &Ack<'_>, now: Instant) {
        let Some(answer) = self.answers.get_mut(ack.id as usize) else { return };
        if ack.is_ok() {
            *answer = Answer::Acked;
            if self.plan.is_measured(ack.id) {
                self.ack.record(now.saturating_duration_since(self.plan.intended(ack.id)));
            }
        } else {
            *answer = Answer::Refused;
            self.first_refusal
                .get_or_insert_with(|| String::from_utf8_lossy(ack.body).into_owned());
        }
    }

    fn count(&self, wanted: Answer) -> u64 {
        self.answers.iter().filter(|&&answer| answer == wanted).count() as u64
    }

    /// Every message is answered and every acked one was delivered to everybody.
    fn is_complete(&self) -> bool {
        let members = self.shape.members as u64;
        self.delivered >= self.plan.messages.saturating_sub(self.count(Answer::Refused)) * members
            && self.count(Answer::Pending) == 0
    }

    /// Deliveries that acked messages still owe.
    fn lost(&self) -> u64 {
        let acked = |&message: &u64| self.answers[message as usize] == Answer::Acked;
        let missing = |message| {
            let (group, number) = self.place(message);
            self.ledgers[group].missing(number)
        };
        (0..self.plan.messages).filter(acked).map(missing).sum()
    }

    fn outcome(self, costs: &Costs) -> Outcomes {
        let measured = self.last_delivery.saturating_duration_since(self.plan.measured_from());
        let late_percent = ratio(self.late as f64 * 100.0, self.plan.messages as f64);
        let elapsed = self.last_delivery.saturating_duration_since(self.plan.intended(0));
        Outcomes {
            groups: self.shape.groups,
            receivers: self.shape.groups * self.shape.members,
            messages: self.plan.messages,
            acked: self.count(Answer::Acked),
            refused: self.count(Answer::Refused),
            unanswered: self.count(Answer::Pending),
            lost: self.lost(),
            duplicates: self.ledgers.iter().map(|ledger| ledger.duplicates).sum(),
            stray: self.stray,
            closed: costs.closed,
            sync_required: self.sync_required,
            push_bytes: self.push_bytes,
            deliveries: self.delivered,
            deliveries_per_second: ratio(self.delivered_measured as f64, measured.as_secs_f64()),
            delivery: self.delivery.percentiles(),
            ack: self.ack.percentiles(),
            send_lag: self.send_lag.percentiles(),
            late_percent,
            valid: late_percent <= LATE_PERCENT_MAX,
            generator_busy_percent: costs.generator_busy_percent,
            generator_waited_percent: costs.generator_waited_percent,
            server_cpu_us_per_delivery: costs
                .server
                .map(|usage| ratio(usage.cpu.as_secs_f64() * 1e6, self.delivered as f64)),
            server_cpu_percent: costs.server.map(|usage| percent(usage.cpu, elapsed)),
            server_waited_percent: costs.server.map(|usage| percent(usage.waited, elapsed)),
            first_refusal: self.first_refusal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two groups of two; message 0 and 2 go to the first, message 1 to the second. All are acked.
    fn traffic(marker: &Marker) -> Traffic<'_> {
        let drain = Duration::ZERO;
        let shape = Shape { groups: 2, members: 2, senders: 2, payload_bytes: 1, drain };
        let plan = Plan::new(3.0, Duration::ZERO, Duration::from_secs(1));
        let mut traffic = Traffic::new(shape, plan, marker);
        for id in 0..3 {
            let ack = Ack { id, body: br#"[{"ok":true,"data":{}}]"# };
            traffic.take(0, Push::Ack(ack), Instant::now());
        }
        traffic
    }

    fn deliver(traffic: &mut Traffic<'_>, receiver: usize, message: u64) {
        let nonce = traffic.marker.nonce(message);
        let packet = format!(r#"42["message:created",{{"nonce":"{nonce}"}}]"#);
        traffic.take(receiver, Push::MessageCreated(packet.as_bytes()), Instant::now());
    }

    fn deliver_all(traffic: &mut Traffic<'_>) {
        for (receiver, message) in [(0, 0), (1, 0), (2, 1), (3, 1), (0, 2), (1, 2)] {
            deliver(traffic, receiver, message);
        }
    }

    fn outcome(traffic: Traffic<'_>) -> Outcomes {
        traffic.outcome(&Costs::default())
    }

    #[test]
    fn a_run_that_delivers_everything_does_not_fail() {
        let marker = Marker::random();
        let mut traffic = traffic(&marker);
        assert!(!traffic.is_complete());
        deliver_all(&mut traffic);
        assert!(traffic.is_complete());
        let outcome = outcome(traffic);
        assert_eq!((outcome.failure(), outcome.deliveries, outcome.delivery.count), (None, 6, 6));
    }

    #[test]
    fn an_acked_message_that_one_receiver_misses_is_lost() {
        let marker = Marker::random();
        let mut traffic = traffic(&marker);
        for (receiver, message) in [(0, 0), (1, 0), (2, 1), (3, 1), (0, 2)] {
            deliver(&mut traffic, receiver, message);
        }
        assert!(!traffic.is_complete());
        let outcome = outcome(traffic);
        assert_eq!(outcome.lost, 1);
        assert!(outcome.failure().is_some());
    }

    #[test]
    fn doubled_deliveries_and_those_to_another_group_are_faults() {
        let marker = Marker::random();
        let mut traffic = traffic(&marker);
        deliver_all(&mut traffic);
        deliver(&mut traffic, 0, 0);
        deliver(&mut traffic, 2, 0);
        let outcome = outcome(traffic);
        assert_eq!((outcome.lost, outcome.duplicates, outcome.stray), (0, 1, 1));
        assert!(outcome.failure().is_some());
    }

    #[test]
    fn a_refused_message_owes_no_deliveries_but_fails_the_run() {
        let marker = Marker::random();
        let mut traffic = traffic(&marker);
        let refusal = Ack { id: 1, body: br#"[{"ok":false,"error":{"code":"rate_limited"}}]"# };
        traffic.take(0, Push::Ack(refusal), Instant::now());
        for (receiver, message) in [(0, 0), (1, 0), (0, 2), (1, 2)] {
            deliver(&mut traffic, receiver, message);
        }
        assert!(traffic.is_complete());
        let outcome = outcome(traffic);
        assert_eq!((outcome.lost, outcome.refused), (0, 1));
        assert!(outcome.failure().unwrap().contains("rate_limited"));
    }
}
