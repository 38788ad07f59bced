//! The inbound side of a node: what commands of other nodes mean for what this one remembers.

use tokio::sync::mpsc;

use crate::bus::envelope::Changed;
use crate::bus::node_event::NodeEvent;
use crate::bus::{Delivery, Inbound};
use crate::chat::Chat;
use crate::chat::current::Announcement;
use crate::chat::mentions::MentionNews;
use crate::model::id::NodeId;

impl Inbound for Chat {
    fn heard(&self, delivery: Delivery, later: &mpsc::Sender<Delivery>) -> Option<Delivery> {
        match delivery {
            // What was missed may have been any change.
            Delivery::Gap => {
                self.caches.forget_all();
                self.peers.begun_anew();
            }
            Delivery::Envelope { envelope, applied } => {
                // Its own commands have forgotten already, and what was read since is right.
                if envelope.origin != self.node {
                    self.forget(&envelope.changed);
                }
                let Some(entity) = envelope.entity() else {
                    return Some(Delivery::Envelope { envelope, applied });
                };
                self.read_current(entity, Announcement { envelope, applied }, later.clone());
                return None;
            }
            Delivery::Node { origin, event } => {
                self.hear(origin, &event);
                return None;
            }
            Delivery::Placed { .. } => {}
        }
        Some(delivery)
    }
}

impl Chat {
    fn hear(&self, origin: NodeId, event: &NodeEvent) {
        match event {
            NodeEvent::Changed(changed) => self.forget(changed),
            NodeEvent::ForgetAll => self.caches.forget_all(),
            NodeEvent::Alive(sign) => {
                if self.peers.heard(origin, sign.presence.boot, sign.settled_until_ms) {
                    self.lost_node(origin);
                }
                self.presence.heard_alive(origin, sign.presence);
                self.measure_clock(origin, sign.now_ms);
            }
            NodeEvent::Presence(news) => {
                self.presence.heard_news(origin, news, self.clock.now_ms());
            }
            NodeEvent::PresenceWanted(node) if *node == self.node => self.presence.heard_wanted(),
            NodeEvent::PresenceWanted(_) => {}
            NodeEvent::Gap => self.bus.missed(),
            NodeEvent::Left => {
                self.peers.left(origin);
                self.presence.heard_left(origin, self.clock.now_ms());
            }
            NodeEvent::EveryoneMentioned(mentioned) => {
                self.tell_mentioned(MentionNews::of_everyone(mentioned.clone()));
            }
        }
    }

    /// What it had stored and not announced, nobody knows.
    pub(crate) fn lost_node(&self, node: NodeId) {
        tracing::warn!(node.id = %node, "node {node} has died: beginning anew");
        self.bus.missed();
    }

    fn forget(&self, changed: &[Changed]) {
        changed.iter().for_each(|changed| self.caches.forget(changed));
    }
}
