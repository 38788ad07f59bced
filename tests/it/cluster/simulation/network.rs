//! A bus in virtual time, with the faults that real ones have: what a node sends travels to each other node for a
//! while, in order, and overtakes what others send; nodes are cut off; queues overflow.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use vibetalk::bus::codec::{Encoder, ParcelContent, decode};
use vibetalk::bus::envelope::{Content, Envelope, Topic};
use vibetalk::bus::node_event::NodeEvent;
use vibetalk::bus::{Bus, BusError, DELIVERIES_QUEUED_MAX, Deliveries, Delivery, GapFlag};
use vibetalk::model::id::NodeId;

use super::trace::Trace;

const APPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// Publishers that are cut off notice after so long.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Network(Mutex<Wires>);

struct Wires {
    random: StdRng,
    trace: Trace,
    now_ms: u64,
    /// Of a delivery at most.
    delay_ms: u64,
    ports: BTreeMap<NodeId, Port>,
    /// By publisher and receiver.
    links: BTreeMap<(NodeId, NodeId), Link>,
}

/// What the broker has of a node.
struct Port {
    deliveries: mpsc::Sender<Delivery>,
    gap: GapFlag,
    bound: HashMap<Topic, usize>,
    /// Nothing comes in or goes out, and the node is told once that ends.
    is_cut: bool,
    /// It is gone, and the broker has not noticed: nobody confirms what is sent there.
    is_dead: bool,
    unconfirmed: Vec<Delivery>,
    /// The next deliveries find the queue full.
    overflows: u32,
}

#[derive(Default)]
struct Link {
    travelling: VecDeque<(u64, Delivery)>,
    /// Nothing arrives before.
    held_until_ms: u64,
}

impl Network {
    pub fn new(seed: u64, trace: Trace) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Wires {
            random: StdRng::seed_from_u64(seed),
            trace,
            now_ms: 0,
            delay_ms: 0,
            ports: BTreeMap::new(),
            links: BTreeMap::new(),
        })))
    }

    pub fn join(self: &Arc<Self>, node: NodeId) -> (Arc<dyn Bus>, Deliveries) {
        let (deliveries, queue) = mpsc::channel(DELIVERIES_QUEUED_MAX);
        let gap = GapFlag::default();
        let port = Port {
            deliveries,
            gap: gap.clone(),
            bound: HashMap::new(),
            is_cut: false,
            is_dead: false,
            unconfirmed: Vec::new(),
            overflows: 0,
        };
        let mut wires = self.0.lock();
        wires.ports.insert(node, port);
        wires.links.retain(|(_, receiver), _| *receiver != node);
        let encoder = Encoder::new(u64::from(node.get()));
        (Arc::new(NodeBus { network: self.clone(), node, encoder }), Deliveries::new(queue, gap))
    }

    pub fn set_delay(&self, delay_ms: u64) {
        self.0.lock().delay_ms = delay_ms;
    }

    /// What `publisher` sends to `node` arrives later than it should.
    pub fn hold(&self, publisher: NodeId, node: NodeId, for_ms: u64) {
        let mut wires = self.0.lock();
        let until_ms = wires.now_ms + for_ms;
        wires.trace.note(format_args!("{publisher} to {node}: held until {until_ms}"));
        wires.links.entry((publisher, node)).or_default().held_until_ms = until_ms;
    }

    /// From now on nothing reaches `node`, nor what it sends others.
    pub fn cut(&self, node: NodeId) {
        let mut wires = self.0.lock();
        wires.trace.note(format_args!("{node} is cut off"));
        let Some(port) = wires.ports.get_mut(&node) else { return };
        port.is_cut = true;
        for ((_, receiver), link) in &mut wires.links {
            if *receiver == node {
                link.travelling.clear();
            }
        }
    }

    pub fn overflow(&self, node: NodeId, deliveries: u32) {
        let mut wires = self.0.lock();
        wires.trace.note(format_args!("the queue of {node} is full"));
        if let Some(port) = wires.ports.get_mut(&node) {
            port.overflows = deliveries;
        }
    }

    pub fn mend(&self, node: NodeId) {
        let mut wires = self.0.lock();
        wires.trace.note(format_args!("{node} is back"));
        let Some(port) = wires.ports.get_mut(&node) else { return };
        if std::mem::take(&mut port.is_cut) {
            port.gap.raise();
        }
    }

    /// Nothing is late any more.
    pub fn release_all(&self) {
        self.0.lock().links.values_mut().for_each(|link| link.held_until_ms = 0);
    }

    /// The node is dead, and nobody knows.
    pub fn die(&self, node: NodeId) {
        if let Some(port) = self.0.lock().ports.get_mut(&node) {
            port.is_dead = true;
        }
    }

    /// The broker has noticed.
    pub fn leave(&self, node: NodeId) {
        self.0.lock().ports.remove(&node);
    }

    /// Delivers what has arrived by now.
    pub fn run(&self, now_ms: u64) {
        let mut wires = self.0.lock();
        let Wires { ports, links, now_ms: clock_ms, .. } = &mut *wires;
        *clock_ms = now_ms;
        for ((_, receiver), link) in links {
            while link.held_until_ms <= now_ms
                && let Some((due_ms, _)) = link.travelling.front()
                && *due_ms <= now_ms
            {
                let Some((_, delivery)) = link.travelling.pop_front() else { break };
                if let Some(port) = ports.get_mut(receiver) {
                    port.put(delivery);
                }
            }
        }
    }

    fn wires<T>(&self, change: impl FnOnce(&mut Wires) -> T) -> T {
        change(&mut self.0.lock())
    }
}

impl Port {
    fn put(&mut self, delivery: Delivery) {
        if self.is_dead {
            self.unconfirmed.push(delivery);
        } else if self.is_cut {
            // Whoever waits for it is told that the answer does not come.
        } else if self.overflows > 0 || self.deliveries.try_send(delivery).is_err() {
            self.overflows = self.overflows.saturating_sub(1);
            self.gap.raise();
        }
    }

    fn wants(&self, envelope: &Envelope) -> bool {
        let mut topics = envelope.topics.iter();
        envelope.is_for_every_node() || topics.any(|topic| self.bound.contains_key(topic))
    }
}

impl Wires {
    /// False if the publisher is cut off.
    fn send(
        &mut self,
        publisher: NodeId,
        wanted: impl Fn(&Port) -> bool,
        mut delivery: impl FnMut() -> Delivery,
    ) -> bool {
        if self.ports.get(&publisher).is_none_or(|port| port.is_cut) {
            return false;
        }
        let receivers: Vec<NodeId> =
            self.ports.iter().filter(|(_, port)| wanted(port)).map(|(node, _)| *node).collect();
        for receiver in receivers.into_iter().filter(|receiver| *receiver != publisher) {
            let delay_ms = self.random.random_range(0..=self.delay_ms);
            let link = self.links.entry((publisher, receiver)).or_default();
            let last_ms = link.travelling.back().map_or(0, |(due_ms, _)| *due_ms);
            link.travelling.push_back((last_ms.max(self.now_ms + delay_ms), delivery()));
        }
        true
    }

    /// A node's own sessions need no broker.
    fn send_home(&mut self, node: NodeId, delivery: Delivery) {
        if let Some(port) = self.ports.get_mut(&node)
            && let Err(_full) = port.deliveries.try_send(delivery)
        {
            port.gap.raise();
        }
    }

    fn confirm_delay(&mut self) -> Duration {
        Duration::from_millis(self.random.random_range(0..=self.delay_ms))
    }

    fn is_cut(&self, node: NodeId) -> bool {
        self.ports.get(&node).is_none_or(|port| port.is_cut)
    }
}

struct NodeBus {
    network: Arc<Network>,
    node: NodeId,
    encoder: Encoder,
}

impl NodeBus {
    /// An envelope as other nodes get it: encoded and decoded.
    fn posted(&self, envelope: &Envelope, is_volatile: bool) -> Arc<Envelope> {
        let parcel = self.encoder.envelope(envelope, is_volatile).unwrap();
        match decode(&parcel).unwrap().sent {
            ParcelContent::Envelope(envelope) => Arc::new(envelope),
            ParcelContent::Node(event) => panic!("{event:?}"),
        }
    }

    /// Returns once the broker has confirmed it.
    async fn confirmed(&self, is_sent: bool) -> Result<(), BusError> {
        if !is_sent {
            let delay = self
                .network
                .wires(|wires| wires.random.random_range(0..=CONFIRM_TIMEOUT.as_millis() as u64));
            sleep(Duration::from_millis(delay)).await;
            return Err(BusError::Unavailable("cut off".into()));
        }
        sleep(self.network.wires(Wires::confirm_delay)).await;
        match self.network.wires(|wires| wires.is_cut(self.node)) {
            true => Err(BusError::Timeout),
            false => Ok(()),
        }
    }
}

fn sent(envelope: impl Into<Arc<Envelope>>) -> Delivery {
    Delivery::Envelope { envelope: envelope.into(), applied: None }
}

fn name(envelope: &Envelope) -> String {
    let content = match &envelope.content {
        Content::None => "nothing".to_owned(),
        Content::Push { push, .. } => push.name().to_owned(),
        Content::Current { push, entity } => format!("{} {entity:?}", push.name()),
        Content::ChannelPush { push, .. } => push.name().to_owned(),
        Content::Presences(presences) => format!("{} presences", presences.len()),
    };
    format!("{content} to {:?} {:?} {:?}", envelope.topics, envelope.about, envelope.effect)
}

#[async_trait]
impl Bus for NodeBus {
    async fn publish(&self, envelope: Envelope) -> Result<(), BusError> {
        let posted = self.posted(&envelope, false);
        let is_sent = self.network.wires(|wires| {
            wires.trace.note(format_args!("{} publishes {}", self.node, name(&envelope)));
            wires.send_home(self.node, sent(envelope));
            wires.send(self.node, |port| port.wants(&posted), || sent(posted.clone()))
        });
        self.confirmed(is_sent).await
    }

    async fn publish_applied(&self, envelope: Envelope) -> Result<(), BusError> {
        let posted = self.posted(&envelope, false);
        let mut confirmations = Vec::new();
        let mut sent = |envelope| {
            let (applied, confirmed) = oneshot::channel();
            confirmations.push(confirmed);
            Delivery::Envelope { envelope, applied: Some(applied) }
        };
        let is_sent = self.network.wires(|wires| {
            wires.trace.note(format_args!("{} publishes applied {}", self.node, name(&envelope)));
            wires.send_home(self.node, sent(Arc::new(envelope)));
            wires.send(self.node, |_| true, || sent(posted.clone()))
        });
        let confirmed = timeout(APPLY_TIMEOUT, join_all(confirmations)).await;
        self.confirmed(is_sent).await?;
        match confirmed {
            Err(_) => Err(BusError::Timeout),
            Ok(confirmed) if confirmed.iter().all(Result::is_ok) => Ok(()),
            Ok(_) => Err(BusError::Unavailable("a node did not apply it".into())),
        }
    }

    fn publish_volatile(&self, envelope: Envelope) {
        let posted = self.posted(&envelope, true);
        self.network.wires(|wires| {
            wires.send_home(self.node, sent(envelope));
            wires.send(self.node, |port| port.wants(&posted), || sent(posted.clone()));
        });
    }

    /// A topic stays wanted when the broker is away.
    async fn bind(&self, topic: Topic) -> Result<(), BusError> {
        let is_cut = self.network.wires(|wires| {
            if let Some(port) = wires.ports.get_mut(&self.node) {
                *port.bound.entry(topic).or_default() += 1;
            }
            wires.is_cut(self.node)
        });
        if is_cut { Err(BusError::Unavailable("cut off".into())) } else { Ok(()) }
    }

    fn unbind(&self, topic: Topic) {
        self.network.wires(|wires| {
            let Some(port) = wires.ports.get_mut(&self.node) else { return };
            let Some(count) = port.bound.get_mut(&topic) else { return };
            *count -= 1;
            if *count == 0 {
                port.bound.remove(&topic);
            }
        });
    }

    async fn publish_here(&self, envelope: Envelope) -> Result<(), BusError> {
        self.network.wires(|wires| wires.send_home(self.node, sent(envelope)));
        Ok(())
    }

    async fn tell_nodes(&self, event: Arc<NodeEvent>) -> Result<(), BusError> {
        let origin = self.node;
        let parcel = self.encoder.node_event(origin, &event)?;
        let event = match decode(&parcel).unwrap().sent {
            ParcelContent::Node(event) => Arc::new(event),
            ParcelContent::Envelope(envelope) => panic!("{envelope:?}"),
        };
        let delivery = || Delivery::Node { origin, event: event.clone() };
        let is_sent = self.network.wires(|wires| wires.send(origin, |_| true, delivery));
        self.confirmed(is_sent).await
    }

    fn missed(&self) {
        self.network.wires(|wires| {
            if let Some(port) = wires.ports.get(&self.node) {
                port.gap.raise();
            }
        });
    }

    fn is_alone(&self) -> bool {
        false
    }
}
