//! The inbound side of a node: what commands of other nodes mean for what this one remembers.

use crate::bus::{Delivery, Inbound};
use crate::chat::Chat;

impl Inbound for Chat {
    fn heard(&self, delivery: &Delivery) {
        match delivery {
            // What was missed may have been any change.
            Delivery::Gap => self.caches.forget_all(),
            Delivery::Envelope { .. } => {}
        }
    }
}
