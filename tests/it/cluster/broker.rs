//! A broker in this process, for the buses of several nodes, with the faults that real ones have. What goes from one
//! node to another is encoded and decoded on its way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use vibetalk::bus::codec::{Encoder, Parcel, ParcelContent, receive};
use vibetalk::bus::envelope::{Envelope, Topic};
use vibetalk::bus::node_event::NodeEvent;
use vibetalk::bus::{Bus, BusError, DELIVERIES_QUEUED_MAX, Deliveries, Delivery, GapFlag};
use vibetalk::model::id::NodeId;

const APPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// One queue for each node, in which only what it bound or what is for every node is put.
#[derive(Default)]
pub struct Broker {
    queues: Mutex<HashMap<NodeId, Queue>>,
}

struct Queue {
    deliveries: mpsc::Sender<Delivery>,
    gap: GapFlag,
    bound: HashMap<Topic, usize>,
    /// What waits from these publishers until it is released.
    held: HashMap<NodeId, Vec<Delivery>>,
    /// Nothing is put in, and the node is told once that ends.
    loses: bool,
    /// What the node publishes is refused.
    refuses: bool,
}

impl Queue {
    fn wants(&self, envelope: &Envelope) -> bool {
        let mut topics = envelope.topics.iter();
        envelope.is_for_every_node() || topics.any(|topic| self.bound.contains_key(topic))
    }

    fn put(&mut self, publisher: NodeId, delivery: Delivery) {
        if self.loses {
            return; // Whoever waits for it is told that the answer does not come.
        }
        match self.held.get_mut(&publisher) {
            Some(held) => held.push(delivery),
            None if self.deliveries.try_send(delivery).is_ok() => {}
            None => self.gap.raise(),
        }
    }
}

impl Broker {
    /// The bus of a node that joins.
    pub fn join(self: &Arc<Self>, node: NodeId) -> (Arc<BrokerBus>, Deliveries) {
        let (deliveries, queue) = mpsc::channel(DELIVERIES_QUEUED_MAX);
        let gap = GapFlag::default();
        let made = Queue {
            deliveries,
            gap: gap.clone(),
            bound: HashMap::new(),
            held: HashMap::new(),
            loses: false,
            refuses: false,
        };
        self.queues.lock().insert(node, made);
        let encoder = Encoder::new(u64::from(node.get()));
        let bus = BrokerBus { broker: self.clone(), node, encoder };
        (Arc::new(bus), Deliveries::new(queue, gap))
    }

    /// From now on what `publisher` sends to `node` waits.
    pub fn hold(&self, publisher: NodeId, node: NodeId) {
        self.with(node, |queue| _ = queue.held.entry(publisher).or_default());
    }

    /// Delivers what waited, and what comes next without waiting.
    pub fn release(&self, publisher: NodeId, node: NodeId) {
        self.with(node, |queue| {
            for delivery in queue.held.remove(&publisher).unwrap_or_default() {
                queue.put(publisher, delivery);
            }
        });
    }

    /// From now on whatever is for `node` is lost.
    pub fn lose(&self, node: NodeId) {
        self.with(node, |queue| queue.loses = true);
    }

    pub fn heal(&self, node: NodeId) {
        self.with(node, |queue| {
            queue.loses = false;
            queue.gap.raise();
        });
    }

    /// From now on whatever `publisher` wants to send is refused.
    pub fn refuse(&self, publisher: NodeId) {
        self.with(publisher, |queue| queue.refuses = true);
    }

    pub fn accept(&self, publisher: NodeId) {
        self.with(publisher, |queue| queue.refuses = false);
    }

    /// Gives a node something that it cannot read.
    pub fn deliver_unreadable(&self, node: NodeId, parcel: &Parcel) {
        self.with(node, |queue| assert!(receive(parcel, &queue.gap).is_none()));
    }

    fn with(&self, node: NodeId, change: impl FnOnce(&mut Queue)) {
        change(self.queues.lock().get_mut(&node).expect("the node has joined"));
    }

    fn put(
        &self,
        publisher: NodeId,
        is_wanted: impl Fn(NodeId, &Queue) -> bool,
        mut delivery: impl FnMut(NodeId, &Queue) -> Option<Delivery>,
    ) -> Result<(), BusError> {
        let mut queues = self.queues.lock();
        match queues.get(&publisher) {
            Some(queue) if !queue.refuses => {}
            Some(_) => return Err(BusError::Unavailable("nothing is taken".into())),
            None => return Err(BusError::Unavailable("the node is gone".into())),
        }
        for (node, queue) in queues.iter_mut() {
            if is_wanted(*node, queue)
                && let Some(delivery) = delivery(*node, queue)
            {
                queue.put(publisher, delivery);
            }
        }
        Ok(())
    }
}

pub struct BrokerBus {
    broker: Arc<Broker>,
    node: NodeId,
    encoder: Encoder,
}

/// An envelope on its way to several nodes.
struct Mail {
    publisher: NodeId,
    envelope: Arc<Envelope>,
    parcel: Parcel,
}

impl Mail {
    /// What arrives at `node`.
    fn envelope(&self, node: NodeId, queue: &Queue) -> Option<Arc<Envelope>> {
        if node == self.publisher {
            return Some(self.envelope.clone());
        }
        match receive(&self.parcel, &queue.gap)?.sent {
            ParcelContent::Envelope(envelope) => Some(Arc::new(envelope)),
            ParcelContent::Node(event) => panic!("{event:?}"),
        }
    }
}

impl BrokerBus {
    fn mail(&self, envelope: Envelope, is_volatile: bool) -> Result<Mail, BusError> {
        let parcel = self.encoder.envelope(&envelope, is_volatile)?;
        Ok(Mail { publisher: self.node, envelope: Arc::new(envelope), parcel })
    }

    fn send(&self, envelope: Envelope, is_volatile: bool) -> Result<(), BusError> {
        let mail = self.mail(envelope, is_volatile)?;
        let delivery = |node, queue: &Queue| {
            let envelope = mail.envelope(node, queue)?;
            Some(Delivery::Envelope { envelope, applied: None })
        };
        self.broker.put(self.node, |_, queue| queue.wants(&mail.envelope), delivery)
    }
}

#[async_trait]
impl Bus for BrokerBus {
    async fn publish(&self, envelope: Envelope) -> Result<(), BusError> {
        self.send(envelope, false)
    }

    async fn publish_applied(&self, envelope: Envelope) -> Result<(), BusError> {
        let mail = self.mail(envelope, false)?;
        let mut confirmations = Vec::new();
        let delivery = |node, queue: &Queue| {
            let (applied, confirmed) = oneshot::channel();
            confirmations.push(confirmed);
            let envelope = mail.envelope(node, queue)?;
            Some(Delivery::Envelope { envelope, applied: Some(applied) })
        };
        self.broker.put(self.node, |_, _| true, delivery)?;
        match tokio::time::timeout(APPLY_TIMEOUT, join_all(confirmations)).await {
            Err(_) => Err(BusError::Timeout),
            Ok(confirmed) if confirmed.iter().all(Result::is_ok) => Ok(()),
            Ok(_) => Err(BusError::Unavailable("a node did not apply it".into())),
        }
    }

    fn publish_volatile(&self, envelope: Envelope) {
        let _dropped = self.send(envelope, true);
    }

    async fn bind(&self, topic: Topic) -> Result<(), BusError> {
        let mut queues = self.broker.queues.lock();
        let queue = queues.get_mut(&self.node);
        let queue = queue.ok_or_else(|| BusError::Unavailable("the node is gone".into()))?;
        *queue.bound.entry(topic).or_default() += 1;
        Ok(())
    }

    fn unbind(&self, topic: Topic) {
        let mut queues = self.broker.queues.lock();
        let Some(queue) = queues.get_mut(&self.node) else { return };
        let Some(count) = queue.bound.get_mut(&topic) else { return };
        *count -= 1;
        if *count == 0 {
            queue.bound.remove(&topic);
        }
    }

    async fn publish_here(&self, envelope: Envelope) -> Result<(), BusError> {
        let envelope = Arc::new(envelope);
        let delivery =
            |_, _: &Queue| Some(Delivery::Envelope { envelope: envelope.clone(), applied: None });
        self.broker.put(self.node, |node, _| node == self.node, delivery)
    }

    async fn tell_nodes(&self, event: Arc<NodeEvent>) -> Result<(), BusError> {
        let origin = self.node;
        let parcel = self.encoder.node_event(origin, &event)?;
        let delivery = |_, queue: &Queue| match receive(&parcel, &queue.gap)?.sent {
            ParcelContent::Node(event) => Some(Delivery::Node { origin, event: Arc::new(event) }),
            ParcelContent::Envelope(envelope) => panic!("{envelope:?}"),
        };
        self.broker.put(origin, |node, _| node != origin, delivery)
    }

    fn missed(&self) {
        self.broker.with(self.node, |queue| queue.gap.raise());
    }

    fn is_alone(&self) -> bool {
        false
    }
}
