//! The one outbound path: what the bus delivers goes to the sockets of this node here, and nowhere
//! else.
//!
//! One task owns the rooms and reads the bus in order, so all receivers see one order and there is
//! no lock. It emits per socket, because it has to know who did not take a packet: a slow consumer,
//! which is closed, and gets nothing more that could follow a hole. It knows no commands and no
//! store; sessions tell it who they are through [`FanoutHandle`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::bus::envelope::{Effect, Topic};
use crate::bus::{Bus, Deliveries, Delivery};
use crate::clock::Clock;
use crate::edge::CloseReason;
use crate::gateway::meters::PushMeters;
use crate::lifecycle::Lifecycle;
use crate::model::event::Push;
use crate::model::id::{GroupId, NodeId, SessionId, UserId};
use crate::model::permission::{Audience, Permissions};
use crate::model::presence::SocketKey;
use crate::telemetry;

pub mod bindings;
pub mod bodies;
pub mod command;
mod emission;
mod emitted;
pub mod gaps;
pub mod outlet;
mod recent;
mod rooms;
mod round;
pub mod subscriber;

use bindings::{Bindings, Confirmations};
use bodies::raw;
use command::FanoutCommand;
pub use command::{Detached, FanoutHandle, MARK_PARTS};
use emission::{Inflow, YieldBudget};
use emitted::Emitted;
pub use gaps::Gaps;
pub use outlet::{EmitError, Outlet};
pub use rooms::ByKey;
use rooms::{Keys, Rooms};
use subscriber::{Placement, PushBody, Subscriber};

/// What the fan-out works with.
pub struct Context {
    pub bus: Arc<dyn Bus>,
    pub clock: Clock,
    pub node: NodeId,
    pub lifecycle: Lifecycle,
    /// Raised for each gap: sessions have to be opened anew.
    pub gaps: Gaps,
}

pub struct Fanout<O> {
    context: Context,
    subscribers: ByKey<Subscriber<O>>,
    /// Each of them is in one, so that nobody looks through all for those who are to get a mark now.
    mark_parts: [Keys; MARK_PARTS],
    rooms: Rooms,
    /// Sessions whose placements are logged: they have no groups yet.
    joining: HashSet<SocketKey>,
    emitted: Emitted,
    meters: HashMap<Push, PushMeters>,
    turn: YieldBudget,
}

/// Starts the fan-out; the node stops if it ends.
pub fn spawn<O: Outlet>(context: Context, deliveries: Deliveries) -> FanoutHandle<O> {
    let (handle, commands) = FanoutHandle::new();
    let lifecycle = context.lifecycle.clone();
    lifecycle.spawn_critical("fanout", Fanout::new(context).run(Inflow { commands, deliveries }));
    handle
}

impl<O: Outlet> Fanout<O> {
    pub fn new(context: Context) -> Self {
        Self {
            context,
            subscribers: ByKey::default(),
            mark_parts: Default::default(),
            rooms: Rooms::default(),
            joining: HashSet::new(),
            emitted: Emitted::default(),
            meters: HashMap::new(),
            turn: YieldBudget::default(),
        }
    }

    pub async fn run(mut self, mut inflow: Inflow<O>) {
        let lifecycle = self.context.lifecycle.clone();
        let mut stopping = std::pin::pin!(lifecycle.stopping());
        loop {
            tokio::select! {
                // A round of a large audience takes long, so whatever is quick goes first.
                biased;
                () = &mut stopping => return,
                Some(command) = inflow.commands.recv() => self.obey(command).await,
                delivery = inflow.deliveries.recv() => match delivery {
                    Some(delivery) => self.take(delivery, &mut inflow).await,
                    None => return tracing::error!("the bus has ended"),
                },
            }
        }
    }

    // What sessions tell.

    async fn obey(&mut self, command: FanoutCommand<O>) {
        match command {
            FanoutCommand::Attach { key, subscriber } => self.attach(key, *subscriber),
            FanoutCommand::Hold { key } => self.hold(key),
            FanoutCommand::Release { key } => self.release(key),
            FanoutCommand::Join { key, bindings, audiences, done } => {
                self.join(key, bindings, &audiences, done);
            }
            FanoutCommand::Open { key, ready, done } => self.open(key, &ready, done),
            FanoutCommand::Watch { key, bindings, done } => self.watch(key, bindings, done),
            FanoutCommand::Detach { key } => self.remove(key),
            FanoutCommand::End { key } => self.end(key),
            FanoutCommand::Mark { part, body } => self.mark(part, &body).await,
            FanoutCommand::AnnounceDraining { spread, done } => {
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
        self.mark_parts[mark_part(key)].insert(key);
        self.subscribers.insert(key, subscriber);
        metrics::gauge!(telemetry::SESSIONS).set(self.subscribers.len() as f64);
    }

    /// What is published from now on is held back, as before `ready`. Until the session joins anew, it
    /// stays where it is.
    fn hold(&mut self, key: SocketKey) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        subscriber.hold();
        self.joining.insert(key);
    }

    /// Undoes [`hold`](Self::hold): the session goes on with what it knew, without a `ready`.
    fn release(&mut self, key: SocketKey) {
        self.joining.remove(&key);
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        if let Err(error) = subscriber.release() {
            self.drop_failed(key, error);
        }
    }

    /// Takes a session out of the groups in which it was, and into those of `audiences`.
    fn join(
        &mut self,
        key: SocketKey,
        bindings: Bindings,
        audiences: &[Audience],
        done: oneshot::Sender<()>,
    ) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        let is_group = |topic: &Topic| matches!(topic, Topic::Group(_));
        for left in subscriber.bindings.renew(bindings).into_iter().filter(is_group) {
            self.rooms.leave(left, key);
        }
        for audience in audiences {
            self.rooms.join(Topic::Group(audience.group_id), key, audience.permissions);
        }
        self.joining.remove(&key);
        let mut pending = Confirmations::default();
        for placement in subscriber.take_placements() {
            self.place(key, placement, &mut pending);
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
            Err(error) => self.drop_failed(key, error),
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
        self.mark_parts[mark_part(key)].remove(&key);
        metrics::gauge!(telemetry::SESSIONS).set(self.subscribers.len() as f64);
    }

    /// A socket that did not take a packet gets no later one either.
    fn drop_failed(&mut self, key: SocketKey, error: EmitError) {
        if error == EmitError::Full
            && let Some(subscriber) = self.subscribers.get(&key)
        {
            metrics::counter!(telemetry::OUTBOUND_QUEUE_FULL).increment(1);
            subscriber.outlet.close(CloseReason::SlowConsumer);
        }
        self.remove(key);
    }

    // What the bus delivers.

    async fn take(&mut self, delivery: Delivery, inflow: &mut Inflow<O>) {
        match delivery {
            Delivery::Node { .. } => {} // The inbound side's.
            Delivery::Gap => {
                metrics::counter!(telemetry::BUS_GAPS).increment(1);
                self.subscribers.values_mut().for_each(Subscriber::missed_something);
                self.context.gaps.raise();
            }
            Delivery::Placed { place, envelope, applied } => {
                let mut pending = Confirmations::default();
                for key in self.rooms.keys(&Topic::User(place.user_id)) {
                    self.place_and_log(key, Placement::from(place), &mut pending);
                }
                self.emit(&envelope, None).await;
                self.confirm(applied, pending);
            }
            Delivery::Envelope { envelope, applied } => {
                if let Some(Effect::EndSessions { user_id, session_ids }) = &envelope.effect {
                    self.end_sessions(*user_id, session_ids);
                }
                // What was waited for, or changes an audience after it, is followed by nothing.
                let followed = envelope.effect.is_none() && applied.is_none();
                self.emit(&envelope, followed.then_some(inflow)).await;
                let mut pending = Confirmations::default();
                if let Some(Effect::CloseGroup { group_id }) = &envelope.effect {
                    self.close_group(*group_id, &mut pending);
                }
                if let Some(applied) = applied {
                    self.confirm(applied, pending);
                }
            }
        }
    }

    fn confirm(&self, applied: oneshot::Sender<()>, pending: Confirmations) {
        pending.then(&self.context.lifecycle, move || {
            let _publisher_may_have_given_up = applied.send(());
        });
    }

    fn close_group(&mut self, group_id: GroupId, pending: &mut Confirmations) {
        let members = self.rooms.keys(&Topic::Group(group_id));
        let joining: Vec<SocketKey> = self.joining.iter().copied().collect();
        for key in members.into_iter().chain(joining) {
            self.place_and_log(key, Placement { group_id, permissions: None }, pending);
        }
    }

    /// A session that joins with audiences that were read before is placed once more then.
    fn place_and_log(&mut self, key: SocketKey, placement: Placement, pending: &mut Confirmations) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        if let Err(error) = subscriber.log(placement) {
            return self.drop_failed(key, error);
        }
        self.place(key, placement, pending);
    }

    fn place(&mut self, key: SocketKey, placement: Placement, pending: &mut Confirmations) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        let group = Topic::Group(placement.group_id);
        match placement.permissions {
            Some(permissions) => {
                subscriber.bindings.add(group, pending);
                self.rooms.join(group, key, permissions);
            }
            None => {
                subscriber.bindings.release(|topic| *topic == group);
                self.rooms.leave(group, key);
            }
        }
    }

    fn end_sessions(&mut self, user_id: UserId, session_ids: &[SessionId]) {
        for key in self.rooms.keys(&Topic::User(user_id)) {
            let subscriber = self.subscribers.get(&key);
            if subscriber.is_some_and(|it| session_ids.contains(&it.session_id)) {
                self.end(key);
            }
        }
    }

    fn end(&mut self, key: SocketKey) {
        let Some(subscriber) = self.subscribers.get(&key) else { return };
        subscriber.outlet.end();
        self.remove(key);
    }

    /// Tells every session when it will be closed, which is for each another moment within `spread`.
    async fn announce_draining(&mut self, spread: Duration) {
        let keys: Vec<SocketKey> = self.subscribers.keys().copied().collect();
        for key in keys {
            let Some(subscriber) = self.subscribers.get(&key) else { continue };
            let reconnect_in_ms = subscriber.outlet.closes_in(spread).as_millis();
            let body = raw(format!("{{\"reconnectInMs\":{reconnect_in_ms}}}"));
            self.tell(key, Push::ServerDraining, &body);
            self.turn.visited(1).await;
        }
    }

    async fn mark(&mut self, part: usize, body: &PushBody) {
        let is_due =
            |key: &&SocketKey| self.subscribers.get(*key).is_some_and(Subscriber::is_due_a_mark);
        let due: Vec<SocketKey> = self.mark_parts[part].iter().filter(is_due).copied().collect();
        for key in due {
            let Some(subscriber) = self.subscribers.get_mut(&key) else { continue };
            if let Err(error) = subscriber.mark(body) {
                self.drop_failed(key, error);
            }
            self.turn.visited(1).await;
        }
    }

    fn tell(&mut self, key: SocketKey, push: Push, body: &PushBody) {
        let Some(subscriber) = self.subscribers.get_mut(&key) else { return };
        if let Err(error) = subscriber.deliver(push, body) {
            self.drop_failed(key, error);
        }
    }
}

fn mark_part(key: SocketKey) -> usize {
    key.0 as usize % MARK_PARTS
}

#[cfg(test)]
mod tests;
