//! Whose a node id is: nodes that lose the store, sleep too long, or end.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use vibetalk::chat::secrets::Secrets;
use vibetalk::clock::{Clock, UnixMs};
use vibetalk::cluster::lease::{LeaseError, LeaseKeeper};
use vibetalk::lifecycle::Lifecycle;
use vibetalk::model::id::{MessageId, NoId};
use vibetalk::model::time_budget::{LEASE_GRACE_MS, LEASE_MS};
use vibetalk::store::faults::Fault;
use vibetalk::store::sqlite::SqliteStore;

use super::super::chat::{NOW_MS, messages::content};
use super::super::people::open_store;
use super::Cluster;

struct SharedStore {
    store: Arc<SqliteStore>,
    clock: Clock,
    _folder: TempDir,
}

impl SharedStore {
    fn open() -> Self {
        let clock = Clock::fixed(NOW_MS);
        let (store, folder) = open_store(clock.clone(), None);
        Self { store, clock, _folder: folder }
    }

    /// A process that is called `name`.
    async fn node(&self, name: &str, boot: u64) -> LeaseKeeper {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        LeaseKeeper::take(store, clock, name.to_owned(), boot).await.unwrap()
    }

    /// When an id is made of, if one is made.
    fn make_id(&self, node: &LeaseKeeper) -> Option<(u64, UnixMs)> {
        match node.ids().next(self.clock.now_ms()) {
            Ok(id) => Some((id, MessageId::new(id).timestamp_ms())),
            Err(NoId::LeaseOver(_)) => None,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_node_without_the_store_makes_ids_to_the_end_of_its_lease_and_goes_on_when_it_is_back() {
    let shared = SharedStore::open();
    let mut node = shared.node("one", 1).await;
    let mut last = shared.make_id(&node).unwrap().0;
    let renewed_ms = NOW_MS + LEASE_MS / 3;
    shared.clock.set(renewed_ms);
    node.renew().await.unwrap();

    shared.store.faults().plan("renew_node_id", Fault::NotDone);
    shared.clock.set(renewed_ms + LEASE_MS - 1);
    assert!(matches!(node.renew().await, Err(LeaseError::Store(_))));
    assert_eq!(node.keep().await, Some(Duration::from_secs(1)));
    let (id, _) = shared.make_id(&node).unwrap();
    assert!(id > last);
    last = id;
    shared.clock.set(renewed_ms + LEASE_MS);
    assert_eq!(shared.make_id(&node), None);
    assert!(!node.ids().is_leased(shared.clock.now_ms()), "it is not ready");

    shared.store.faults().clear();
    shared.clock.set(renewed_ms + 10 * LEASE_MS);
    node.renew().await.unwrap();
    assert_eq!(node.node().get(), 0);
    let (id, made_ms) = shared.make_id(&node).unwrap();
    assert!(id > last && made_ms == shared.clock.now_ms());
}

#[tokio::test]
async fn a_renewal_whose_answer_is_lost_prolongs_nothing() {
    let shared = SharedStore::open();
    let mut node = shared.node("one", 1).await;
    shared.store.faults().plan("renew_node_id", Fault::AnswerLost);
    shared.clock.set(NOW_MS + LEASE_MS - 1);
    assert!(node.renew().await.is_err());
    shared.clock.set(NOW_MS + LEASE_MS);
    assert_eq!(shared.make_id(&node), None, "nobody has said that it may");
}

/// SIGSTOP, or a frozen virtual machine.
#[tokio::test]
async fn a_node_that_slept_until_its_id_was_anothers_makes_none_and_stops() {
    let shared = SharedStore::open();
    let mut sleeper = shared.node("one", 1).await;
    let before = shared.make_id(&sleeper).unwrap().0;
    let looked_ms = shared.clock.now_ms();
    shared.clock.set(NOW_MS + LEASE_MS + LEASE_GRACE_MS);
    let heir = shared.node("one", 2).await;
    assert_eq!(heir.node(), sleeper.node(), "it is called so");
    let first = shared.make_id(&heir).unwrap().0;

    assert_eq!(shared.make_id(&sleeper), None);
    // Where it had looked at the clock already, what it makes is below.
    let late = sleeper.ids().next(looked_ms).unwrap();
    assert!(before < late && late < first);
    assert!(matches!(sleeper.renew().await, Err(LeaseError::Lost(node)) if node == heir.node()));
    assert_eq!(sleeper.keep().await, None, "its task ends, and with it the node");
    assert_eq!(shared.make_id(&sleeper), None);
    assert_eq!(shared.node("two", 3).await.node().get(), 1, "and keeps no other");
}

#[tokio::test]
async fn a_node_that_ends_gives_its_id_back_and_the_next_goes_on_above() {
    let shared = SharedStore::open();
    let node = shared.node("one", 1).await;
    let ids = node.ids();
    let mut last = 0;
    for _ in 0..5_000 {
        last = ids.next(NOW_MS).unwrap();
    }
    let lifecycle = Lifecycle::new();
    let keeping = lifecycle.spawn("lease", node.run(lifecycle.clone()));
    lifecycle.stop();
    keeping.await.unwrap();
    assert!(ids.next(NOW_MS).is_err(), "none is made any more");
    let next = shared.node("one", 2).await;
    assert_eq!(next.node().get(), 0);
    assert!(shared.make_id(&next).unwrap().0 > last);
}

#[tokio::test]
async fn clients_of_a_node_without_a_lease_are_told_that_it_is_unavailable() {
    let cluster = Cluster::of(1);
    let node = &cluster.nodes[0];
    let owner = cluster.person().await;
    let (_, channel_id) = node.group(owner).await;
    let send = |text| node.create_message(owner, channel_id, content(text));
    node.ids.lease(0, NOW_MS);
    let refused = send("late").await.err().unwrap();
    assert_eq!(refused.code(), "unavailable");
    node.ids.lease(0, NOW_MS + LEASE_MS);
    send("in time").await.unwrap();
}

#[tokio::test]
async fn nodes_of_one_store_derive_the_same_keys() {
    let shared = SharedStore::open();
    let of_store = async || Secrets::of_store(&*shared.store).await.unwrap();
    let first = of_store().await;
    assert_eq!(of_store().await, first);
    let other = SharedStore::open();
    assert_ne!(Secrets::of_store(&*other.store).await.unwrap(), first);
}
