//! How far the clocks of other nodes are from this one's.
//!
//! Each sign of life says what its sender's clock showed. On its way it takes some time, which makes that clock look as
//! if it were behind; of the last few the one that took least says most.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use crate::chat::Chat;
use crate::clock::UnixMs;
use crate::model::id::NodeId;
use crate::model::time_budget::CLOCK_SKEW_MS_MAX;
use crate::telemetry;

/// Signs of life that are looked at: as many seconds.
const SIGNS_MAX: usize = 8;

/// What was measured so far.
#[derive(Debug, Default)]
pub struct Skews(Mutex<HashMap<NodeId, Measured>>);

#[derive(Debug, Default)]
struct Measured {
    /// Milliseconds by which that clock was ahead, negative if it was behind, newest last.
    ahead_ms: VecDeque<i64>,
    is_too_far: bool,
}

/// How far a clock is ahead of this one's, and whether that has become too far, or close enough, with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    pub ahead_ms: i64,
    pub turned: Option<Turned>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    TooFar,
    CloseEnough,
}

impl Chat {
    /// Nodes whose clocks are too far from this one's.
    pub fn skewed_nodes(&self) -> Vec<NodeId> {
        self.skews.too_far()
    }
}

impl Skews {
    /// `node` said at `sent_ms` by its own clock that it lives.
    pub fn heard(&self, node: NodeId, sent_ms: UnixMs, now_ms: UnixMs) -> Skew {
        let mut nodes = self.0.lock();
        let measured = nodes.entry(node).or_default();
        measured.ahead_ms.push_back(sent_ms.cast_signed().saturating_sub(now_ms.cast_signed()));
        if measured.ahead_ms.len() > SIGNS_MAX {
            measured.ahead_ms.pop_front();
        }
        let ahead_ms = measured.ahead_ms.iter().copied().max().unwrap_or_default();
        let is_too_far = ahead_ms.unsigned_abs() > CLOCK_SKEW_MS_MAX;
        let was_too_far = std::mem::replace(&mut measured.is_too_far, is_too_far);
        let turned = match (was_too_far, is_too_far) {
            (false, true) => Some(Turned::TooFar),
            (true, false) => Some(Turned::CloseEnough),
            _ => None,
        };
        Skew { ahead_ms, turned }
    }

    /// Nodes whose clocks are too far from this one's.
    pub fn too_far(&self) -> Vec<NodeId> {
        let nodes = self.0.lock();
        let too_far = nodes.iter().filter(|(_, measured)| measured.is_too_far);
        too_far.map(|(node, _)| *node).collect()
    }

    fn forget(&self, node: NodeId) {
        self.0.lock().remove(&node);
    }
}

impl Chat {
    pub(crate) fn measure_clock(&self, node: NodeId, sent_ms: UnixMs) {
        let Skew { ahead_ms, turned } = self.skews.heard(node, sent_ms, self.clock.now_ms());
        publish(node, ahead_ms);
        match turned {
            Some(Turned::TooFar) => tracing::error!(
                node.id = %node,
                ahead.ms = ahead_ms,
                "the clock of node {node} is {ahead_ms} ms ahead of this one's; {CLOCK_SKEW_MS_MAX} are the most with which \
                 syncs find everything: set right the one that is wrong"
            ),
            Some(Turned::CloseEnough) => tracing::info!(
                node.id = %node,
                ahead.ms = ahead_ms,
                "the clock of node {node} is near enough to this one's again"
            ),
            None => {}
        }
    }

    /// The node is gone.
    pub(crate) fn forget_clock(&self, node: NodeId) {
        self.skews.forget(node);
        publish(node, 0);
    }
}

fn publish(node: NodeId, ahead_ms: i64) {
    metrics::gauge!(telemetry::CLOCK_SKEW, "node_id" => node.to_string())
        .set(ahead_ms as f64 / 1000.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: UnixMs = 1_795_000_000_000;

    #[test]
    fn the_sign_of_life_that_took_least_says_most() {
        let (skews, node) = (Skews::default(), NodeId::new(3).unwrap());
        let hear = |ahead_ms: i64| {
            let skew = skews.heard(node, NOW_MS.saturating_add_signed(ahead_ms), NOW_MS);
            (skew.ahead_ms, skew.turned)
        };
        assert_eq!(hear(-40), (-40, None));
        assert_eq!(hear(-4_000), (-40, None), "that one waited somewhere");
        assert_eq!(hear(2_000), (2_000, None));
        assert_eq!(hear(2_001), (2_001, Some(Turned::TooFar)));
        assert_eq!(hear(2_500), (2_500, None), "said once");
        assert_eq!(skews.too_far(), [node]);
        for _ in 1..SIGNS_MAX {
            assert_eq!(hear(10).1, None);
        }
        assert_eq!(hear(10), (10, Some(Turned::CloseEnough)));
        // Behind, for longer than anything waits.
        for _ in 1..SIGNS_MAX {
            assert_eq!(hear(-2_001).1, None);
        }
        assert_eq!(hear(-2_001), (-2_001, Some(Turned::TooFar)));
        skews.forget(node);
        assert!(skews.too_far().is_empty());
    }
}
