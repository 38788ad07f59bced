//! Leases of node ids.

use std::collections::HashSet;

use futures_util::future::join_all;
use vibetalk::clock::UnixMs;
use vibetalk::model::id::NodeId;
use vibetalk::model::time_budget::LEASE_GRACE_MS;
use vibetalk::store::{NodeLease, NodeTaking, Store};

use super::{MINUTE_MS, NOW_MS};

/// Of a node that is called after its holder.
pub fn taking(holder: u64, now_ms: UnixMs) -> NodeTaking {
    let until_ms = now_ms + MINUTE_MS;
    NodeTaking { holder, name: format!("node {holder}"), now_ms, until_ms }
}

async fn take(store: &dyn Store, holder: u64, now_ms: UnixMs) -> NodeLease {
    store.take_node_id(&taking(holder, now_ms)).await.unwrap().unwrap()
}

pub async fn a_node_id_is_taken_once(store: &dyn Store) {
    let first = take(store, u64::MAX, NOW_MS).await;
    let expected = NodeLease {
        node: NodeId::default(),
        holder: u64::MAX,
        from_ms: NOW_MS,
        until_ms: NOW_MS + MINUTE_MS,
    };
    assert_eq!(first, expected);
    let second = take(store, 2, NOW_MS).await;
    assert_eq!(second.node.get(), 1);
    // A repetition, also with a clock that went back, and after the lease has ended.
    assert_eq!(take(store, u64::MAX, NOW_MS - 5).await, first);
    let late_ms = NOW_MS + 10 * MINUTE_MS;
    let again = take(store, u64::MAX, late_ms).await;
    assert_eq!((again.node, again.from_ms), (first.node, first.from_ms));
    assert_eq!(again.until_ms, late_ms + MINUTE_MS);
}

pub async fn racing_takers_get_different_node_ids(store: &dyn Store) {
    let takings = (1..=20).map(|holder| take(store, holder, NOW_MS));
    let leases = join_all(takings).await;
    let distinct: HashSet<NodeId> = leases.iter().map(|lease| lease.node).collect();
    assert_eq!(distinct.len(), 20);
}

pub async fn a_lease_is_renewed_until_it_ends(store: &dyn Store) {
    let lease = take(store, 1, NOW_MS).await;
    let end_ms = lease.until_ms;
    let renew = async |lease: &NodeLease, now_ms, until_ms| {
        store.renew_node_id(lease, now_ms, until_ms).await.unwrap()
    };
    for _ in 0..2 {
        assert!(renew(&lease, end_ms - 1, end_ms + 10).await);
    }
    assert!(renew(&lease, end_ms, end_ms + 5).await, "it never gets shorter");
    assert!(renew(&lease, end_ms + 9, end_ms + 20).await);
    assert!(!renew(&lease, end_ms + 20, end_ms + 90).await, "it is over");
    assert!(!renew(&NodeLease { holder: 2, ..lease.clone() }, NOW_MS, end_ms + 90).await);
    let other = NodeLease { node: NodeId::new(9).unwrap(), ..lease };
    assert!(!renew(&other, NOW_MS, end_ms + 90).await, "nobody has that");
}

pub async fn a_lease_that_ended_is_taken_over_after_a_while(store: &dyn Store) {
    let lease = take(store, 1, NOW_MS).await;
    let reborn = |now_ms| NodeTaking { name: "node 1".into(), ..taking(2, now_ms) };
    let free_ms = lease.until_ms + LEASE_GRACE_MS;
    let early = store.take_node_id(&reborn(free_ms - 1)).await.unwrap().unwrap();
    assert_ne!(early.node, lease.node, "its holder may live");
    store.give_back_node_id(&early, free_ms).await.unwrap();

    let next = NodeTaking { holder: 3, ..reborn(free_ms) };
    let next = store.take_node_id(&next).await.unwrap().unwrap();
    assert_eq!((next.node, next.from_ms), (lease.node, free_ms), "by its name");
    for now_ms in [NOW_MS, free_ms] {
        assert!(!store.renew_node_id(&lease, now_ms, free_ms + MINUTE_MS).await.unwrap());
    }
    store.give_back_node_id(&lease, NOW_MS).await.unwrap();
    assert!(store.renew_node_id(&next, free_ms, free_ms + MINUTE_MS).await.unwrap());
    let again = take(store, 1, free_ms).await;
    assert_ne!(again.node, lease.node, "who was away gets another one");
}

pub async fn what_is_given_back_is_free_at_once(store: &dyn Store) {
    let lease = take(store, 1, NOW_MS).await;
    for _ in 0..2 {
        store.give_back_node_id(&lease, NOW_MS + 500).await.unwrap();
    }
    assert!(!store.renew_node_id(&lease, NOW_MS, lease.until_ms).await.unwrap());
    let next = take(store, 2, NOW_MS + 100).await;
    assert_eq!((next.node, next.from_ms), (lease.node, NOW_MS + 500), "none is made twice");
}

pub async fn there_are_so_many_node_ids(store: &dyn Store) {
    for holder in 0..=u64::from(NodeId::MAX) {
        assert_eq!(u64::from(take(store, holder, NOW_MS).await.node.get()), holder);
    }
    assert_eq!(store.take_node_id(&taking(5_000, NOW_MS)).await.unwrap(), None);
    let free_ms = NOW_MS + MINUTE_MS + LEASE_GRACE_MS;
    assert!(store.take_node_id(&taking(5_000, free_ms)).await.unwrap().is_some());
}
