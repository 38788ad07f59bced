//! Other nodes, as far as this one hears of them: which of them have died.
//!
//! A node that dies may have stored something, a ban even, that it never announced, and nobody else knows what. So
//! its death is a gap for the others. One that was cut off and comes back pays what it owes by itself
//! (`repairs.rs`), and one that stops has done so and takes its leave.
//!
//! Each tells up to when it has announced everything (`watermark.rs`).

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::clock::UnixMs;
use crate::model::id::NodeId;

/// Who is silent for so long is not only cut off for a while.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// And yet they may be, and go on storing for their own people: up to when they had announced everything counts for
/// so long. Clients that come back after a node has died get more again for that time.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10 * 60);

#[derive(Debug, Default)]
pub struct Peers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_node: HashMap<NodeId, Peer>,
    /// One has died, and this node has not begun anew yet.
    has_lost_one: bool,
}

#[derive(Debug)]
struct Peer {
    boot: u64,
    heard_at: Instant,
    settled_until_ms: UnixMs,
    is_taken_for_dead: bool,
}

impl Peers {
    /// A node lives. True if it has started anew since it was heard last, and so had died.
    pub fn heard(&self, node: NodeId, boot: u64, settled_until_ms: UnixMs) -> bool {
        let mut known = self.0.lock();
        let heard_at = Instant::now();
        let peer = Peer { boot, heard_at, settled_until_ms, is_taken_for_dead: false };
        let before = known.by_node.insert(node, peer);
        let has_died = before.is_some_and(|before| before.boot != boot);
        known.has_lost_one |= has_died;
        has_died
    }

    /// A node has stopped; what it did it has announced.
    pub fn left(&self, node: NodeId) {
        self.0.lock().by_node.remove(&node);
    }

    /// Takes the nodes that seem to have died since.
    pub fn take_dead(&self) -> Vec<NodeId> {
        let now = Instant::now();
        let mut known = self.0.lock();
        known.by_node.retain(|_, peer| now - peer.heard_at <= FORGOTTEN_AFTER);
        let mut dead = Vec::new();
        for (node, peer) in &mut known.by_node {
            if now - peer.heard_at > DEAD_AFTER && !peer.is_taken_for_dead {
                peer.is_taken_for_dead = true;
                dead.push(*node);
            }
        }
        known.has_lost_one |= !dead.is_empty();
        dead
    }

    /// This node begins anew: what those that have died never announced is no worse than that.
    pub fn begun_anew(&self) {
        self.0.lock().has_lost_one = false;
    }

    /// Up to when all that others stored has been announced: the earliest that they say. `None` if one has died
    /// of which nobody knows.
    pub fn settled_until_ms(&self) -> Option<UnixMs> {
        let known = self.0.lock();
        let earliest = known.by_node.values().map(|peer| peer.settled_until_ms).min();
        (!known.has_lost_one).then_some(earliest.unwrap_or(UnixMs::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId::new(3).unwrap();
    const OTHER: NodeId = NodeId::new(4).unwrap();
    const NOW_MS: UnixMs = 1_795_000_000_000;

    #[tokio::test(start_paused = true)]
    async fn a_node_has_died_when_it_is_silent_for_long_or_starts_anew() {
        let peers = Peers::default();
        assert!(!peers.heard(NODE, 1, NOW_MS));
        tokio::time::advance(DEAD_AFTER).await;
        assert_eq!(peers.take_dead(), []);
        assert!(!peers.heard(NODE, 1, NOW_MS), "it was cut off");
        assert!(peers.heard(NODE, 2, NOW_MS), "it has started anew");
        tokio::time::advance(DEAD_AFTER + Duration::from_millis(1)).await;
        assert_eq!(peers.take_dead(), [NODE]);
        assert_eq!(peers.take_dead(), [], "once");
        assert!(!peers.heard(NODE, 2, NOW_MS), "it was cut off all the same");
        assert!(peers.heard(NODE, 3, NOW_MS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_took_its_leave_has_not_died() {
        let peers = Peers::default();
        peers.heard(NODE, 1, NOW_MS);
        peers.left(NODE);
        tokio::time::advance(2 * DEAD_AFTER).await;
        assert_eq!(peers.take_dead(), []);
        assert!(!peers.heard(NODE, 2, NOW_MS));
    }

    #[tokio::test(start_paused = true)]
    async fn all_is_settled_up_to_where_it_is_for_the_slowest_and_nothing_after_a_death() {
        let peers = Peers::default();
        assert_eq!(peers.settled_until_ms(), Some(UnixMs::MAX), "nobody else is there");
        peers.heard(NODE, 1, NOW_MS);
        peers.heard(OTHER, 1, NOW_MS - 1);
        assert_eq!(peers.settled_until_ms(), Some(NOW_MS - 1));
        peers.left(OTHER);
        assert_eq!(peers.settled_until_ms(), Some(NOW_MS));

        peers.heard(NODE, 2, NOW_MS + 1);
        assert_eq!(peers.settled_until_ms(), None, "it may have stored something before");
        peers.begun_anew();
        assert_eq!(peers.settled_until_ms(), Some(NOW_MS + 1));

        tokio::time::advance(DEAD_AFTER + Duration::from_millis(1)).await;
        assert_eq!(peers.settled_until_ms(), Some(NOW_MS + 1), "for as long as it may come back");
        peers.take_dead();
        assert_eq!(peers.settled_until_ms(), None);
        peers.begun_anew();
        assert_eq!(peers.settled_until_ms(), Some(NOW_MS + 1), "it may only be cut off");
        tokio::time::advance(FORGOTTEN_AFTER).await;
        peers.take_dead();
        assert_eq!(peers.settled_until_ms(), Some(UnixMs::MAX));
    }
}
