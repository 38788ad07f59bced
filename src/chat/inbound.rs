//! The inbound side of a node: what commands of other nodes mean for what this one remembers.

use crate::bus::envelope::Changed;
use crate::bus::node_event::NodeEvent;
use crate::bus::{Delivery, Inbound};
use crate::chat::Chat;

impl Inbound for Chat {
    fn heard(&self, delivery: &Delivery) {
        match delivery {
            // What was missed may have been any change.
            Delivery::Gap => self.caches.forget_all(),
            // Its own commands have forgotten already, and what was read since is right.
            Delivery::Envelope { envelope, .. } if envelope.origin == self.node => {}
            Delivery::Envelope { envelope, .. } => self.forget(&envelope.changed),
            Delivery::Node { event, .. } => match &**event {
                NodeEvent::Changed(changed) => self.forget(changed),
                NodeEvent::ForgetAll => self.caches.forget_all(),
            },
        }
    }
}

impl Chat {
    fn forget(&self, changed: &[Changed]) {
        changed.iter().for_each(|changed| self.caches.forget(changed));
    }
}
