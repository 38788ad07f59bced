//! The one outbound path: what the bus delivers goes to the sockets of this node here, and nowhere
//! else.
//!
//! One task owns the rooms and reads the bus in order, so all receivers see one order and there is
//! no lock. It emits per socket, because it has to know who did not take a packet: a slow consumer,
//! which is closed, and gets nothing more that could follow a hole. It knows no commands and no
//! store; sessions tell it who they are through [`FanoutHandle`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use smallvec::SmallVec;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use crate::bus::envelope::{Content, Effect, Envelope, Topic};
use crate::bus::{Bus, Deliveries, Delivery};
use crate::clock::Clock;
use crate::edge::CloseReason;
use crate::gateway::meters::PushMeters;
use crate::lifecycle::Lifecycle;
use crate::model::event::Push;
use crate::model::id::{GroupId, NodeId, SessionId, UserId};
use crate::model::permission::{Audience, Permissions};
use crate::model::presence::{Presence, SocketKey};
use crate::telemetry;

pub mod bindings;
pub mod bodies;
pub mod command;
pub mod outlet;
mod recent;
mod rooms;
pub mod subscriber;

use bindings::{Bindings, Confirmations};
use bodies::{Bodies, PresenceBodies, raw};
use command::Command;
pub use command::{Detached, FanoutHandle};
pub use outlet::{EmitError, Outlet};
use recent::RecentIds;
use rooms::{ByKey, Rooms};
use subscriber::{Body, Subscriber};

/// Sockets served before other tasks get a turn. Much fewer would queue each envelope behind all the
/// writers it has just woken: at 512, the p99 of a room of 10,000 rose from 0.2 s to 1.2 s.
const EMITS_PER_TURN: usize = 4096;
/// After a gap, sessions are made to sync over so long, or they would all ask the store at once.
const SYNC_SPREAD: Duration = Duration::from_secs(5);
const SYNC_TICK: Duration = Duration::from_millis(50);

/// What the fan-out works with.
pub struct Context {
    pub bus: Arc<dyn Bus>,
    pub clock: Clock,
    pub node: NodeId,
    pub lifecycle: Lifecycle,
}

pub struct Fanout<O> {
    context: Context,
    subscribers: ByKey<Subscriber<O>>,
    rooms: Rooms,
    /// Sessions whose effects are logged: they have no groups yet.
    joining: HashSet<SocketKey>,
    emitted: RecentIds,
    /// Who is still to be told to sync.
    sync_due: VecDeque<SocketKey>,
    meters: HashMap<Push, PushMeters>,
    emits_this_turn: usize,
}

/// Starts the fan-out; the node stops if it ends.
pub fn spawn<O: Outlet>(context: Context, deliveries: Deliveries) -> FanoutHandle<O> {
    let (handle, commands) = FanoutHandle::new();
    let lifecycle = context.lifecycle.clone();
    lifecycle.spawn_critical("fanout", Fanout::<O>::new(context).run(commands, deliveries));
    handle
}

impl<O: Outlet> Fanout<O> {
    pub fn new(context: Context) -> Self {
        Self {
            context,
            subscribers: ByKey::default(),
            rooms: Rooms::default(),
            joining: HashSet::new(),
            emitted: RecentIds::default(),
            sync_due: VecDeque::new(),
            meters: HashMap::new(),
            emits_this_turn: 0,
        }
    }

    pub async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command<O>>,
        mut deliveries: Deliveries,
    ) {
        let lifecycle = self.context.lifecycle.clone();
        let mut stopping = std::pin::pin!(lifecycle.stopping());
        let mut sync_ticks = tokio::time::interval(SYNC_TICK);
        sync_ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stopping => return,
                Some(command) = commands.recv() => self.obey(command).await,
                delivery = deliveries.recv() => match delivery {
                    Some(delivery) => self.take(delivery).await,
                    None => return tracing::error!("the bus has ended"),
                },
                _ = sync_ticks.tick(), if !self.sync_due.is_empty() => self.demand_syncs(),
            }
        }
    }

    // What sessions tell.

    async fn obey(&mut self, command: Command<O>) {
        match command {
            Command::Attach { key, subscriber } => self.attach(key, *subscriber),
            Command::Join { key, bindings, audiences, done } => {
                self.join(key, bindings, &audiences, done);
            }
            Command::Open { key, ready, done } => self.open(key, &ready, done),
            Command::Watch { key, bindings, done } => self.watch(key, bindings, done),
            Command::Detach { key } => self.remove(key),
            Command::AnnounceDraining { spread, done } => {
                self.announce_draining(spread).await;
                let _asker_may_be_gone = done.send(());
            }
        }
    }

    fn attach(&mut self, key: SocketKey, subscriber: Subscriber<O>) {
        for topic in subscriber.bindings.topics() {
            self.rooms.join(*topic, key, Permissions::DIRECT);
        }
        self.joining.insert(key);
        self.subscribers.insert(key, subscriber);
        metrics::gauge!(telemetry::SESSIONS).set(self.subscribers.len() as f64);
    }

    fn join(
        &mut self,
        key: SocketKey,
        bindings: Bindings,
        audiences: &[Audience],
        done: oneshot::Sender<()>,
    ) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        subscriber.bindings.absorb(bindings);
        for audience in audiences {
            self.rooms.join(Topic::Group(audience.group_id), key, audience.permissions);
        }
        self.joining.remove(&key);
        let mut pending = Confirmations::default();
        for effect in subscriber.take_effects() {
            self.apply_to(key, &effect, &mut pending);
        }
        pending.then(&self.context.lifecycle, move || {
            let _asker_may_be_gone = done.send(());
        });
    }

    fn open(&mut self, key: SocketKey, ready: &RawValue, done: oneshot::Sender<()>) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        match subscriber.go_live(ready) {
            Ok(()) => {
                let _asker_may_be_gone = done.send(());
            }
            Err(error) => self.drop_failed(vec![(key, error)]),
        }
    }

    fn watch(&mut self, key: SocketKey, bindings: Bindings, done: oneshot::Sender<()>) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        let watches = |topic: &Topic| matches!(topic, Topic::Watchers(_));
        for topic in subscriber.bindings.release(watches) {
            self.rooms.leave(topic, key);
        }
        for topic in bindings.topics() {
            self.rooms.join(*topic, key, Permissions::NONE);
        }
        subscriber.bindings.absorb(bindings);
        let _asker_may_be_gone = done.send(());
    }

    /// Forgets a session; its topics are given back.
    fn remove(&mut self, key: SocketKey) {
        let Some(subscriber) = self.subscribers.remove(&key) else { return };
        for topic in subscriber.bindings.topics() {
            self.rooms.leave(*topic, key);
        }
        self.joining.remove(&key);
        metrics::gauge!(telemetry::SESSIONS).set(self.subscribers.len() as f64);
    }

    /// A socket that did not take a packet gets no later one either.
    fn drop_failed(&mut self, failed: Vec<(SocketKey, EmitError)>) {
        for (key, error) in failed {
            if error == EmitError::Full
                && let Some(subscriber) = self.subscribers.get(&key)
            {
                metrics::counter!(telemetry::OUTBOUND_QUEUE_FULL).increment(1);
                subscriber.outlet.close(CloseReason::SlowConsumer);
            }
            self.remove(key);
        }
    }

    // What the bus delivers.

    async fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Gap => {
                metrics::counter!(telemetry::BUS_GAPS).increment(1);
                self.sync_due = self.subscribers.keys().copied().collect();
            }
            Delivery::Envelope { envelope, applied } => {
                let mut pending = Confirmations::default();
                if let Some(effect) = &envelope.effect {
                    self.apply(effect, &mut pending);
                }
                self.emit(&envelope).await;
                if let Some(Effect::CloseGroup { group_id }) = &envelope.effect {
                    self.close_group(*group_id, &mut pending);
                }
                if let Some(applied) = applied {
                    pending.then(&self.context.lifecycle, move || {
                        let _publisher_may_have_given_up = applied.send(());
                    });
                }
            }
        }
    }

    fn apply(&mut self, effect: &Effect, pending: &mut Confirmations) {
        match effect {
            Effect::Join { user_id, .. }
            | Effect::Leave { user_id, .. }
            | Effect::Permissions { user_id, .. } => {
                for key in self.rooms.keys(&Topic::User(*user_id)) {
                    self.apply_or_log(key, effect, pending);
                }
            }
            Effect::EndSessions { user_id, session_ids } => {
                self.end_sessions(*user_id, session_ids);
            }
            Effect::CloseGroup { .. } => {} // After the content.
        }
    }

    fn close_group(&mut self, group_id: GroupId, pending: &mut Confirmations) {
        let effect = Effect::CloseGroup { group_id };
        let members = self.rooms.keys(&Topic::Group(group_id));
        let joining: Vec<SocketKey> = self.joining.iter().copied().collect();
        for key in members.into_iter().chain(joining) {
            self.apply_or_log(key, &effect, pending);
        }
    }

    fn apply_or_log(&mut self, key: SocketKey, effect: &Effect, pending: &mut Confirmations) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        if !subscriber.log_effect(effect) {
            self.apply_to(key, effect, pending);
        }
    }

    fn apply_to(&mut self, key: SocketKey, effect: &Effect, pending: &mut Confirmations) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        match *effect {
            Effect::Join { group_id, permissions, .. } => {
                subscriber.bindings.add(Topic::Group(group_id), pending);
                self.rooms.join(Topic::Group(group_id), key, permissions);
            }
            Effect::Leave { group_id, .. } | Effect::CloseGroup { group_id } => {
                let left = Topic::Group(group_id);
                subscriber.bindings.release(|topic| *topic == left);
                self.rooms.leave(left, key);
            }
            Effect::Permissions { group_id, permissions, .. } => {
                self.rooms.set_permissions(Topic::Group(group_id), key, permissions);
            }
            Effect::EndSessions { .. } => {}
        }
    }

    fn end_sessions(&mut self, user_id: UserId, session_ids: &[SessionId]) {
        for key in self.rooms.keys(&Topic::User(user_id)) {
            let subscriber = self.subscribers.get(&key);
            if let Some(ended) = subscriber.filter(|it| session_ids.contains(&it.session_id)) {
                ended.outlet.end();
                self.remove(key);
            }
        }
    }

    // What goes out.

    async fn emit(&mut self, envelope: &Envelope) {
        let started = Instant::now();
        let (push, recipients) = match &envelope.content {
            Content::None => return,
            Content::Push { once: Some(id), .. } if !self.emitted.is_new(*id) => return,
            Content::Push { push, body, .. } => {
                (*push, self.emit_to(&envelope.topics, *push, Bodies::Same(body)).await)
            }
            Content::ChannelPush { push, kind, body } => {
                let bodies = Bodies::channel(*kind, body);
                (*push, self.emit_to(&envelope.topics, *push, bodies).await)
            }
            Content::Presences(presences) => {
                (Push::PresenceChanged, self.emit_presences(presences).await)
            }
        };
        self.measure(envelope, push, recipients, started);
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

    /// One copy to each session of `topics`; returns how many.
    async fn emit_to(&mut self, topics: &[Topic], push: Push, mut bodies: Bodies<'_>) -> usize {
        let mut served = HashSet::new();
        let mut recipients = 0;
        let mut failed = Vec::new();
        for topic in topics {
            let Some(room) = self.rooms.get(topic) else { continue };
            for (key, permissions) in room {
                if topics.len() > 1 && !served.insert(*key) {
                    continue;
                }
                let Some(subscriber) = self.subscribers.get_mut(key) else { continue };
                match subscriber.deliver(push, bodies.of(*permissions)) {
                    Ok(()) => recipients += 1,
                    Err(error) => failed.push((*key, error)),
                }
                breathe(&mut self.emits_this_turn).await;
            }
        }
        self.drop_failed(failed);
        recipients
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
        let mut failed = Vec::new();
        for (key, indices) in indices_by_key {
            let Some(subscriber) = self.subscribers.get_mut(&key) else { continue };
            if let Err(error) = subscriber.deliver(Push::PresenceChanged, &bodies.of(indices)) {
                failed.push((key, error));
            }
            breathe(&mut self.emits_this_turn).await;
        }
        self.drop_failed(failed);
        recipients
    }

    /// Tells the next few sessions to sync.
    fn demand_syncs(&mut self) {
        let ticks = SYNC_SPREAD.as_millis() / SYNC_TICK.as_millis();
        let count = self.subscribers.len().div_ceil(ticks as usize).max(1);
        let body = raw(r#"{"reason":"gap"}"#.to_owned());
        for _ in 0..count {
            let Some(key) = self.sync_due.pop_front() else { return };
            self.tell(key, Push::SyncRequired, &body);
        }
    }

    /// Tells every session when it will be closed, which is for each another moment within `spread`.
    async fn announce_draining(&mut self, spread: Duration) {
        let keys: Vec<SocketKey> = self.subscribers.keys().copied().collect();
        for key in keys {
            let Some(subscriber) = self.subscribers.get(&key) else { continue };
            let reconnect_in_ms = subscriber.outlet.closes_in(spread).as_millis();
            let body = raw(format!("{{\"reconnectInMs\":{reconnect_in_ms}}}"));
            self.tell(key, Push::ServerDraining, &body);
            breathe(&mut self.emits_this_turn).await;
        }
    }

    fn tell(&mut self, key: SocketKey, push: Push, body: &Body) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        if let Err(error) = subscriber.deliver(push, body) {
            self.drop_failed(vec![(key, error)]);
        }
    }
}

/// Lets other tasks run after every [`EMITS_PER_TURN`]th call.
async fn breathe(emits_this_turn: &mut usize) {
    *emits_this_turn += 1;
    if *emits_this_turn >= EMITS_PER_TURN {
        *emits_this_turn = 0;
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests;
