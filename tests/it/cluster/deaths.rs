//! What a node does when another one dies, stops, or has told too little.

use std::sync::Arc;

use vibetalk::bus::node_event::{NodeEvent, SignOfLife, Version};
use vibetalk::chat::presence::SocketKey;

use super::super::chat::NOW_MS;
use super::Cluster;

fn alive(boot: u64) -> Arc<NodeEvent> {
    let presence = Version { boot, number: 0 };
    Arc::new(NodeEvent::Alive(SignOfLife { presence, now_ms: NOW_MS, settled_until_ms: NOW_MS }))
}

#[tokio::test]
async fn a_node_that_started_anew_had_died_and_others_open_their_sessions_anew() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let screen = other.open(cluster.person().await).await;
    for event in [alive(1), alive(1)] {
        one.bus.tell_nodes(event).await.unwrap();
    }
    cluster.settle().await;
    assert!(screen.rest().is_empty());
    one.bus.tell_nodes(alive(2)).await.unwrap();
    screen.next("ready").await;
}

#[tokio::test]
async fn what_was_lost_is_noticed_without_anything_more_to_come() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let screen = other.open(cluster.person().await).await;
    cluster.settle().await;
    cluster.broker.lose(other.id);
    one.bus.publish(one.fence()).await.unwrap();
    cluster.broker.heal(other.id);
    screen.next("ready").await;
}

#[tokio::test]
async fn who_could_not_tell_too_much_is_a_gap_for_the_others() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let screen = other.open(cluster.person().await).await;
    one.bus.tell_nodes(Arc::new(NodeEvent::Gap)).await.unwrap();
    screen.next("ready").await;
}

#[tokio::test]
async fn a_node_that_stops_takes_its_people_with_it_and_is_no_gap() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let ada = cluster.person().await;
    let screen = other.open(cluster.person().await).await;
    one.presence_opened(ada, SocketKey(1));
    one.say_alive().await;
    cluster.settle().await;
    other.flush_presence().await; // It asks.
    cluster.settle().await;
    one.flush_presence().await;
    cluster.settle().await;
    let there = || format!("{:?}", other.presences(&[ada.user_id]).presences[0].status);
    assert_eq!(there(), "Online");
    one.bus.tell_nodes(Arc::new(NodeEvent::Left)).await.unwrap();
    one.bus.tell_nodes(alive(7)).await.unwrap();
    cluster.settle().await;
    assert_eq!(there(), "Offline");
    assert!(screen.rest().is_empty());
}
