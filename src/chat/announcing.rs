//! Announcing what was stored: the one way from a command to the bus.
//!
//! The bus is private here, so that nothing goes out that nobody would owe if it did not.

use std::sync::Arc;

use serde::Serialize;

use crate::bus::envelope::{Content, Entity, Envelope, Topic};
use crate::bus::node_event::NodeEvent;
use crate::bus::{Bus, BusError};
use crate::chat::debts::Debt;
use crate::chat::{Chat, ChatError};
use crate::model::event::Push;
use crate::telemetry::log_seldom;

/// What commands may ask of the bus besides announcing.
pub struct Announcer {
    bus: Arc<dyn Bus>,
}

impl Announcer {
    pub fn new(bus: Arc<dyn Bus>) -> Self {
        Self { bus }
    }

    /// There can be no other nodes.
    pub fn is_alone(&self) -> bool {
        self.bus.is_alone()
    }

    /// Says something that is stored nowhere and worth nothing later.
    pub fn publish_volatile(&self, envelope: Envelope) {
        self.bus.publish_volatile(envelope);
    }

    /// # Errors
    ///
    /// As for [`Bus::publish_here`].
    pub async fn publish_here(&self, envelope: Envelope) -> Result<(), BusError> {
        self.bus.publish_here(envelope).await
    }

    /// # Errors
    ///
    /// As for [`Bus::tell_nodes`].
    pub async fn tell_nodes(&self, event: Arc<NodeEvent>) -> Result<(), BusError> {
        self.bus.tell_nodes(event).await
    }

    /// # Errors
    ///
    /// As for [`Bus::bind`].
    pub async fn bind(&self, topic: Topic) -> Result<(), BusError> {
        self.bus.bind(topic).await
    }

    pub fn unbind(&self, topic: Topic) {
        self.bus.unbind(topic);
    }

    /// This node begins anew.
    pub fn missed(&self) {
        self.bus.missed();
    }
}

impl Chat {
    /// Announces what is stored, and with it pays `debt`. A failure is not the caller's: it is logged, counted
    /// and owed. False if it is.
    pub(crate) async fn announce(&self, debt: Debt, envelope: Envelope) -> bool {
        let changed = envelope.changed.clone();
        let published = self.bus.bus.publish(envelope).await;
        match &published {
            Ok(()) => debt.paid(),
            Err(error) => {
                metrics::counter!(crate::telemetry::ANNOUNCEMENTS_LOST).increment(1);
                log_seldom!(warn, %error, "something stored was not announced yet");
                self.untold.add(changed);
            }
        }
        published.is_ok()
    }

    /// Announces a change of who gets what, and waits until all nodes have applied it. That is not all that is
    /// owed, or the caller pays.
    ///
    /// # Errors
    ///
    /// [`ChatError::Unavailable`] if that is not certain: the caller must not be told that it holds.
    pub(crate) async fn announce_applied(
        &self,
        _owed_until_paid: &Debt,
        envelope: Envelope,
    ) -> Result<(), ChatError> {
        let changed = envelope.changed.clone();
        self.bus.bus.publish_applied(envelope).await.map_err(|error| {
            self.untold.add(changed);
            metrics::counter!(crate::telemetry::ANNOUNCEMENTS_LOST).increment(1);
            log_seldom!(error, %error, "a change of membership was not applied everywhere");
            ChatError::Unavailable
        })
    }

    /// What is to be announced of `entity`, which is `body` by now: other nodes read what it is when they hear
    /// of it.
    pub(crate) fn current(&self, push: Push, entity: Entity, body: &impl Serialize) -> Content {
        match self.bus.is_alone() {
            true => crate::chat::push(push, body),
            false => Content::Current { push, entity },
        }
    }

    /// An envelope from this node, now.
    pub(crate) fn envelope(
        &self,
        topics: impl IntoIterator<Item = Topic>,
        content: Content,
    ) -> Envelope {
        Envelope::new(self.node, self.clock.now_ms(), topics, content)
    }
}
