//! Other nodes, as far as this one hears of them: which of them have died.
//!
//! A node that dies may have stored something, a ban even, that it never announced, and nobody else knows what. So
//! its death is a gap for the others. One that was cut off and comes back pays what it owes by itself
//! (`repairs.rs`), and one that stops has done so and takes its leave.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::model::id::NodeId;

/// Who is silent for so long is not only cut off for a while.
const DEAD_AFTER: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Peers(Mutex<HashMap<NodeId, Peer>>);

#[derive(Debug)]
struct Peer {
    boot: u64,
    heard_at: Instant,
}

impl Peers {
    /// A node lives. True if it has started anew since it was heard last, and so had died.
    pub fn heard(&self, node: NodeId, boot: u64) -> bool {
        let before = self.0.lock().insert(node, Peer { boot, heard_at: Instant::now() });
        before.is_some_and(|before| before.boot != boot)
    }

    /// A node has stopped; what it did it has announced.
    pub fn left(&self, node: NodeId) {
        self.0.lock().remove(&node);
    }

    /// Takes the nodes that have died.
    pub fn take_dead(&self) -> Vec<NodeId> {
        let now = Instant::now();
        let is_dead = |_: &NodeId, peer: &mut Peer| now - peer.heard_at > DEAD_AFTER;
        self.0.lock().extract_if(is_dead).map(|(node, _)| node).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId::new(3).unwrap();

    #[tokio::test(start_paused = true)]
    async fn a_node_has_died_when_it_is_silent_for_long_or_starts_anew() {
        let peers = Peers::default();
        assert!(!peers.heard(NODE, 1));
        tokio::time::advance(DEAD_AFTER).await;
        assert_eq!(peers.take_dead(), []);
        assert!(!peers.heard(NODE, 1), "it was cut off");
        assert!(peers.heard(NODE, 2), "it has started anew");
        tokio::time::advance(DEAD_AFTER + Duration::from_millis(1)).await;
        assert_eq!(peers.take_dead(), [NODE]);
        assert_eq!(peers.take_dead(), [], "once");
        assert!(!peers.heard(NODE, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_took_its_leave_has_not_died() {
        let peers = Peers::default();
        peers.heard(NODE, 1);
        peers.left(NODE);
        tokio::time::advance(2 * DEAD_AFTER).await;
        assert_eq!(peers.take_dead(), []);
        assert!(!peers.heard(NODE, 2));
    }
}
