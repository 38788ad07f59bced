//! What the fan-out emits: pushes on their round of an audience, and presences.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Fanout;
use crate::bus::envelope::{Content, Envelope, Topic};
use crate::bus::{Deliveries, Delivery};
use crate::gateway::fanout::bodies::{PresenceBodies, raw};
use crate::gateway::fanout::command::FanoutCommand;
use crate::gateway::fanout::emitted::Verdict;
use crate::gateway::fanout::outlet::Outlet;
use crate::gateway::fanout::round::Round;
use crate::gateway::meters::PushMeters;
use crate::model::event::Push;
use crate::model::permission::Permissions;
use crate::model::presence::{Presence, SocketKey};

/// Pushes that go round together at most.
const RIDERS_MAX: usize = 32;

/// What the fan-out reads.
pub struct Inflow<O> {
    pub commands: mpsc::Receiver<FanoutCommand<O>>,
    pub deliveries: Deliveries,
}

/// What was emitted since other tasks had their turn.
#[derive(Default)]
pub struct YieldBudget {
    visits: usize,
    emits: usize,
}

impl YieldBudget {
    /// Sessions visited before the writers that this wakes get their turn. Fewer than the tasks that
    /// tokio runs between two polls of its driver (61), which is when a task that yielded comes back:
    /// with more, woken writers pile up, and whatever is woken after them waits for them all.
    const VISITS_MAX: usize = 32;
    /// Much fewer than may be queued for one session, all of which could be for the same.
    const EMITS_MAX: usize = 256;

    /// Counts a visit. True if the turn was over, and others had theirs.
    pub async fn visited(&mut self, emits: usize) -> bool {
        self.visits += 1;
        self.emits += emits;
        if self.visits < Self::VISITS_MAX && self.emits < Self::EMITS_MAX {
            return false;
        }
        *self = Self::default();
        tokio::task::yield_now().await;
        true
    }
}

impl<O: Outlet> Fanout<O> {
    /// Emits the content of `envelope`; what follows it in `inflow` for the same topics may go along.
    pub(super) async fn emit(&mut self, envelope: &Arc<Envelope>, inflow: Option<&mut Inflow<O>>) {
        match &envelope.content {
            // The inbound side has read what is current before it comes here.
            Content::None | Content::Current { .. } => {}
            Content::Push { .. } | Content::ChannelPush { .. } => {
                self.go_round(envelope, inflow).await;
            }
            Content::Presences(presences) => {
                let started = Instant::now();
                let recipients = self.emit_presences(presences).await;
                self.measure(envelope, Push::PresenceChanged, recipients, started);
            }
        }
    }

    async fn go_round(&mut self, first: &Arc<Envelope>, mut inflow: Option<&mut Inflow<O>>) {
        let mut round = Round::new(self.audience(&first.topics));
        self.put_on(&mut round, first.clone());
        if let Some(inflow) = inflow.as_deref_mut() {
            self.let_join(&mut round, &mut inflow.deliveries);
        }
        loop {
            while let Some(rider) = round.next_arrived() {
                self.measure(&rider.envelope, rider.push, rider.recipients, rider.started);
            }
            let Some(key) = round.next_stop() else { return };
            if let Err(error) = round.visit(self.subscribers.get_mut(&key)) {
                self.drop_failed(key, error);
            }
            // A round that is joined again and again does not end, and then nothing else is done.
            if self.turn.visited(round.riders()).await
                && let Some(Inflow { commands, deliveries }) = inflow.as_deref_mut()
                && commands.is_empty()
            {
                self.let_join(&mut round, deliveries);
            }
        }
    }

    /// The sessions of `topics`, each once, with its permissions in the first topic that it is in.
    fn audience(&self, topics: &[Topic]) -> Vec<(SocketKey, Permissions)> {
        let rooms = topics.iter().filter_map(|topic| self.rooms.get(topic)).flatten();
        let members = rooms.map(|(key, permissions)| (*key, *permissions));
        if topics.len() == 1 {
            return members.collect();
        }
        let mut seen = HashSet::new();
        members.filter(|(key, _)| seen.insert(*key)).collect()
    }

    /// What was emitted before, or is not true any more, is left out.
    fn put_on(&mut self, round: &mut Round, envelope: Arc<Envelope>) {
        match self.emitted.judge(&envelope.about) {
            Verdict::Emit => round.join(envelope),
            Verdict::LeaveOut => {}
            Verdict::Sync(channel_id) => {
                let content = Content::Push {
                    push: Push::SyncRequired,
                    body: raw(format!("{{\"channelIds\":[\"{channel_id}\"],\"reason\":\"late\"}}")),
                };
                round.join(Arc::new(Envelope { content, ..(*envelope).clone() }));
            }
        }
    }

    /// Puts on what comes next, as long as it may go along.
    fn let_join(&mut self, round: &mut Round, deliveries: &mut Deliveries) {
        while round.riders() < RIDERS_MAX
            && let Some(topics) = round.topics()
            && let Some(next) = deliveries.next_if(|next| rides_along(next, topics))
        {
            if let Delivery::Envelope { envelope, .. } = next {
                self.put_on(round, envelope);
            }
        }
    }

    fn measure(&mut self, envelope: &Envelope, push: Push, recipients: usize, started: Instant) {
        let meters = self.meters.entry(push).or_insert_with(|| PushMeters::new(push));
        meters.recipients.record(recipients as f64);
        meters.duration.record(started.elapsed());
        let now_ms = self.context.clock.now_ms();
        let latency_ms = now_ms.saturating_sub(envelope.published_at_ms);
        let local = envelope.origin == self.context.node;
        let latency = if local { &meters.latency_local } else { &meters.latency_remote };
        latency.record(Duration::from_millis(latency_ms));
    }

    /// To each session those presences that it watches, and its own, in one array.
    async fn emit_presences(&mut self, presences: &[Presence]) -> usize {
        let mut indices_by_key: HashMap<SocketKey, SmallVec<[u32; 4]>> = HashMap::new();
        for (index, presence) in (0u32..).zip(presences) {
            for topic in [Topic::Watchers(presence.user_id), Topic::User(presence.user_id)] {
                for key in self.rooms.get(&topic).into_iter().flat_map(|room| room.keys()) {
                    let indices = indices_by_key.entry(*key).or_default();
                    if indices.last() != Some(&index) {
                        indices.push(index);
                    }
                }
            }
        }
        let recipients = indices_by_key.len();
        let mut bodies = PresenceBodies::new(presences);
        for (key, indices) in indices_by_key {
            self.tell(key, Push::PresenceChanged, &bodies.of(indices));
            self.turn.visited(1).await;
        }
        recipients
    }
}

/// Whether a delivery may go round together with others to `topics`: it only has a push.
fn rides_along(delivery: &Delivery, topics: &[Topic]) -> bool {
    let Delivery::Envelope { envelope, applied: None } = delivery else { return false };
    envelope.effect.is_none()
        && envelope.topics.as_slice() == topics
        && matches!(envelope.content, Content::Push { .. } | Content::ChannelPush { .. })
}
