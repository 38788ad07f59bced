//! The in-process bus: one node that talks to itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::bus::envelope::{Envelope, Topic};
use crate::bus::node_event::NodeEvent;
use crate::bus::{Bus, BusError, DELIVERIES_QUEUED_MAX, Deliveries, Delivery, GapFlag};
use crate::model::time_budget::PUBLISH_MAX;
use crate::telemetry;

/// The fan-out empties its queue in milliseconds; longer means that it hangs.
const ACCEPT_TIMEOUT: Duration = PUBLISH_MAX;

/// Delivers every envelope to the one node there is; binding is a no-op, because all arrives anyway.
pub struct LocalBus {
    deliveries: mpsc::Sender<Delivery>,
    gap: GapFlag,
}

impl LocalBus {
    pub fn new() -> (Self, Deliveries) {
        let (sender, queue) = mpsc::channel(DELIVERIES_QUEUED_MAX);
        let gap = GapFlag::default();
        (Self { deliveries: sender, gap: gap.clone() }, Deliveries::new(queue, gap))
    }

    async fn deliver(
        &self,
        envelope: Envelope,
        applied: Option<oneshot::Sender<()>>,
    ) -> Result<(), BusError> {
        let delivery = Delivery::Envelope { envelope: Arc::new(envelope), applied };
        match timeout(ACCEPT_TIMEOUT, self.deliveries.send(delivery)).await {
            Ok(Ok(())) => {
                metrics::counter!(telemetry::BUS_PUBLISHED, "kind" => "durable", "outcome" => "confirmed").increment(1);
                Ok(())
            }
            Ok(Err(_)) => Err(BusError::Unavailable("fan-out has ended".into())),
            Err(_) => {
                metrics::counter!(telemetry::BUS_PUBLISHED, "kind" => "durable", "outcome" => "timeout").increment(1);
                self.gap.raise();
                Err(BusError::Timeout)
            }
        }
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, envelope: Envelope) -> Result<(), BusError> {
        self.deliver(envelope, None).await
    }

    async fn publish_applied(&self, envelope: Envelope) -> Result<(), BusError> {
        let (sender, applied) = oneshot::channel();
        self.deliver(envelope, Some(sender)).await?;
        match timeout(ACCEPT_TIMEOUT, applied).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(BusError::Unavailable("fan-out has ended".into())),
            Err(_) => Err(BusError::Timeout),
        }
    }

    fn publish_volatile(&self, envelope: Envelope) {
        let delivery = Delivery::Envelope { envelope: Arc::new(envelope), applied: None };
        let outcome =
            if self.deliveries.try_send(delivery).is_ok() { "confirmed" } else { "dropped" };
        metrics::counter!(telemetry::BUS_PUBLISHED, "kind" => "volatile", "outcome" => outcome)
            .increment(1);
    }

    async fn bind(&self, _topic: Topic) -> Result<(), BusError> {
        Ok(())
    }

    fn unbind(&self, _topic: Topic) {}

    async fn publish_here(&self, envelope: Envelope) -> Result<(), BusError> {
        self.publish(envelope).await
    }

    async fn tell_nodes(&self, _event: Arc<NodeEvent>) -> Result<(), BusError> {
        Ok(())
    }

    fn missed(&self) {
        self.gap.raise();
    }

    fn is_alone(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::envelope::Content;
    use crate::model::id::NodeId;

    fn envelope() -> Envelope {
        Envelope::new(NodeId::default(), 0, [], Content::None)
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_fan_out_never_got_is_told_as_a_gap() {
        let (bus, mut deliveries) = LocalBus::new();
        for _ in 0..DELIVERIES_QUEUED_MAX {
            bus.publish(envelope()).await.unwrap();
        }
        bus.publish_volatile(envelope()); // Dropped, and no gap: it is worth nothing later.
        assert!(matches!(deliveries.recv().await, Some(Delivery::Envelope { .. })));
        bus.publish(envelope()).await.unwrap();

        assert!(matches!(bus.publish(envelope()).await, Err(BusError::Timeout)));
        assert!(matches!(deliveries.recv().await, Some(Delivery::Gap)));
        assert!(matches!(deliveries.recv().await, Some(Delivery::Envelope { .. })));
    }
}
