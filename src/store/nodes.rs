//! Which nodes there are: who may make ids under which number, and for how long.
//!
//! A node id is leased. What is leased is a span of the times of which ids are made: ids of one node id that different
//! processes made lie in spans that do not meet, whatever their clocks show and however long a process slept
//! between looking at its clock and making an id.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::id::NodeId;
use crate::model::time_budget::LEASE_GRACE_MS;
use crate::store::StoreError;

#[async_trait]
pub trait NodeStore: Send + Sync {
    /// Gives `taking.holder` a node id, or the one that it has already; `None` if none is free.
    ///
    /// A node id is free if it was never taken, was given back, or if its lease ended [`LEASE_GRACE_MS`] ago by
    /// `taking.now_ms`. Of the free ones it is the one that `taking.name` had last, or else [as](free_node_id) may be.
    ///
    /// Whoever holds one gets it again, also after its lease ended, as long as nobody else took it: repeating a call
    /// changes nothing but the end, which never comes earlier. Of racing calls for one node id one gets it; the others get
    /// another one, or nothing is known (as for any write) and they repeat.
    async fn take_node_id(&self, taking: &NodeTaking) -> Result<Option<NodeLease>, StoreError>;

    /// Lets the holder of a lease make ids until `until_ms`, or as long as it could before if that is longer. False, and
    /// nothing changes, if the lease is over at `now_ms`, or the node id is another's: the holder takes it, or another one,
    /// again. May be repeated.
    async fn renew_node_id(
        &self,
        lease: &NodeLease,
        now_ms: UnixMs,
        until_ms: UnixMs,
    ) -> Result<bool, StoreError>;

    /// Gives a node id back, with which the holder has made no id of `unused_from_ms` or later, and will not. Whoever has it
    /// next begins there. Nothing changes if it is another's by now. May be repeated.
    async fn give_back_node_id(
        &self,
        lease: &NodeLease,
        unused_from_ms: UnixMs,
    ) -> Result<(), StoreError>;
}

/// Who wants a node id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTaking {
    /// Drawn at the node's start.
    pub holder: u64,
    /// What operators call the node.
    pub name: String,
    pub now_ms: UnixMs,
    /// When the lease ends.
    pub until_ms: UnixMs,
}

/// The right to make ids as `node`, of times from `from_ms` on and before `until_ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLease {
    pub node: NodeId,
    pub holder: u64,
    pub from_ms: UnixMs,
    pub until_ms: UnixMs,
}

/// A node id that was taken once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownNode {
    pub node: NodeId,
    pub name: String,
    /// `None` since it was given back.
    pub holder: Option<u64>,
    pub from_ms: UnixMs,
    /// No id of this time or a later one has been made.
    pub until_ms: UnixMs,
}

impl KnownNode {
    fn is_free(&self, now_ms: UnixMs) -> bool {
        self.holder.is_none() || self.until_ms.saturating_add(LEASE_GRACE_MS) <= now_ms
    }
}

/// The lease that `taking` is to get, when these are all the node ids that were ever taken.
///
/// The one that it has; or the one of its name; or the lowest that nobody has and nobody lost; or the one whose lease
/// ended first. What a clock that is ahead takes for ended is touched last.
pub fn free_node_id(known: &[KnownNode], taking: &NodeTaking) -> Option<NodeLease> {
    let holder = taking.holder;
    if let Some(own) = known.iter().find(|known| known.holder == Some(holder)) {
        let until_ms = own.until_ms.max(taking.until_ms);
        return Some(NodeLease { node: own.node, holder, from_ms: own.from_ms, until_ms });
    }
    let free = |known: &&KnownNode| known.is_free(taking.now_ms);
    let named = known.iter().filter(free).find(|known| known.name == taking.name);
    let by_node: HashMap<NodeId, &KnownNode> = known.iter().map(|it| (it.node, it)).collect();
    let mut nodes = (0..=NodeId::MAX).filter_map(NodeId::new);
    let unused = nodes.find_map(|node| match by_node.get(&node) {
        None => Some((node, 0)),
        Some(known) => known.holder.is_none().then_some((node, known.until_ms)),
    });
    let ended = || known.iter().filter(free).min_by_key(|known| known.until_ms);
    let (node, used_until_ms) = named
        .map(|known| (known.node, known.until_ms))
        .or(unused)
        .or_else(|| ended().map(|known| (known.node, known.until_ms)))?;
    let from_ms = taking.now_ms.max(used_until_ms);
    let until_ms = taking.until_ms.max(from_ms);
    Some(NodeLease { node, holder, from_ms, until_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: UnixMs = 1_795_000_000_000;

    fn known(number: u16, name: &str, holder: Option<u64>, until_ms: UnixMs) -> KnownNode {
        let node = NodeId::new(number).unwrap();
        KnownNode { node, name: name.into(), holder, from_ms: 5, until_ms }
    }

    fn check(known: &[KnownNode], expected: Option<(u16, UnixMs, UnixMs)>) {
        let until_ms = NOW_MS + 10;
        let taking = NodeTaking { holder: 9, name: "me".into(), now_ms: NOW_MS, until_ms };
        let lease = free_node_id(known, &taking);
        let lease = lease.map(|lease| (lease.node.get(), lease.from_ms, lease.until_ms));
        assert_eq!(lease, expected);
    }

    #[test]
    fn a_free_node_id_is_found() {
        let ended_ms = NOW_MS - LEASE_GRACE_MS;
        check(&[], Some((0, NOW_MS, NOW_MS + 10)));
        let one = known(0, "one", Some(1), NOW_MS + 1);
        check(std::slice::from_ref(&one), Some((1, NOW_MS, NOW_MS + 10)));
        // One of its own, over or not.
        for until_ms in [0, NOW_MS + 20] {
            let own = known(2, "it was called otherwise", Some(9), until_ms);
            check(&[one.clone(), own], Some((2, 5, until_ms.max(NOW_MS + 10))));
        }
        // The one of its name, if it is free.
        let named = |holder, until_ms| [one.clone(), known(7, "me", holder, until_ms)];
        check(&named(Some(2), ended_ms), Some((7, NOW_MS, NOW_MS + 10)));
        check(&named(None, NOW_MS), Some((7, NOW_MS, NOW_MS + 10)));
        check(&named(Some(2), ended_ms + 1), Some((1, NOW_MS, NOW_MS + 10)));
        // It begins where the one before it ended, if that had a clock that was ahead.
        check(&named(None, NOW_MS + 4), Some((7, NOW_MS + 4, NOW_MS + 10)));
        check(&named(None, NOW_MS + 40), Some((7, NOW_MS + 40, NOW_MS + 40)));
        // What was given back is as good as new, what ended is not.
        check(&[known(0, "x", Some(2), 1), one.clone()], Some((1, NOW_MS, NOW_MS + 10)));
        check(&[known(0, "x", None, 1)], Some((0, NOW_MS, NOW_MS + 10)));
    }

    #[test]
    fn the_one_that_ended_first_is_taken_last() {
        let ended_ms = NOW_MS - LEASE_GRACE_MS;
        let mut all: Vec<_> = (0..=NodeId::MAX).map(|n| known(n, "x", Some(1), NOW_MS)).collect();
        check(&all, None);
        all[30].until_ms = ended_ms;
        all[20].until_ms = ended_ms - 1;
        check(&all, Some((20, NOW_MS, NOW_MS + 10)));
    }
}
