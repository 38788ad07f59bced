//! A bus that can fail to take what is announced: a lost broker, or a node that dies in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use vibetalk::bus::envelope::{Envelope, Topic};
use vibetalk::bus::local::LocalBus;
use vibetalk::bus::node_event::NodeEvent;
use vibetalk::bus::{Bus, BusError};

/// While it `loses`, it takes nothing: no announcement, whether waited for or not, and no bind.
pub struct LossyBus {
    pub bus: LocalBus,
    pub loses: Arc<AtomicBool>,
}

impl LossyBus {
    fn check(&self) -> Result<(), BusError> {
        match self.loses.load(Ordering::SeqCst) {
            true => Err(BusError::Unavailable("lost on purpose".to_owned())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Bus for LossyBus {
    async fn publish(&self, envelope: Envelope) -> Result<(), BusError> {
        self.check()?;
        self.bus.publish(envelope).await
    }

    async fn publish_applied(&self, envelope: Envelope) -> Result<(), BusError> {
        self.check()?;
        self.bus.publish_applied(envelope).await
    }

    fn publish_volatile(&self, envelope: Envelope) {
        if self.check().is_ok() {
            self.bus.publish_volatile(envelope);
        }
    }

    async fn bind(&self, topic: Topic) -> Result<(), BusError> {
        self.check()?;
        self.bus.bind(topic).await
    }

    fn unbind(&self, topic: Topic) {
        self.bus.unbind(topic);
    }

    async fn publish_here(&self, envelope: Envelope) -> Result<(), BusError> {
        self.check()?;
        self.bus.publish_here(envelope).await
    }

    async fn tell_nodes(&self, event: Arc<NodeEvent>) -> Result<(), BusError> {
        self.bus.tell_nodes(event).await
    }

    fn missed(&self) {
        self.bus.missed();
    }

    fn is_alone(&self) -> bool {
        true
    }
}
