//! The inbound side of a node: what commands of other nodes mean for what this one remembers.

use tokio::sync::mpsc;

use crate::bus::envelope::{Changed, Effect};
use crate::bus::node_event::NodeEvent;
use crate::bus::{Delivery, Inbound};
use crate::chat::Chat;
use crate::chat::placing::Announced;

impl Inbound for Chat {
    fn heard(&self, delivery: Delivery, later: &mpsc::Sender<Delivery>) -> Option<Delivery> {
        match delivery {
            // What was missed may have been any change.
            Delivery::Gap => self.caches.forget_all(),
            Delivery::Envelope { envelope, applied } => {
                // Its own commands have forgotten already, and what was read since is right.
                if envelope.origin != self.node {
                    self.forget(&envelope.changed);
                }
                let Some(Effect::Membership { user_id, group_id, is_member }) = envelope.effect
                else {
                    return Some(Delivery::Envelope { envelope, applied });
                };
                let announced = Announced { user_id, group_id, is_member, envelope, applied };
                self.place(announced, later.clone());
                return None;
            }
            Delivery::Node { event, .. } => {
                match &*event {
                    NodeEvent::Changed(changed) => self.forget(changed),
                    NodeEvent::ForgetAll => self.caches.forget_all(),
                }
                return None;
            }
            Delivery::Placed { .. } => {}
        }
        Some(delivery)
    }
}

impl Chat {
    fn forget(&self, changed: &[Changed]) {
        changed.iter().for_each(|changed| self.caches.forget(changed));
    }
}
