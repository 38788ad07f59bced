//! What a node does when another one dies, stops, or has told too little.

use std::sync::Arc;

use vibetalk::bus::envelope::{Content, Topic};
use vibetalk::bus::node_event::{NodeEvent, SignOfLife, Version};
use vibetalk::bus::{Bus, Delivery};
use vibetalk::chat::presence::{SocketKey, run_presence};
use vibetalk::model::id::NodeId;

use super::super::chat::NOW_MS;
use super::super::chat::messages::content;
use super::{Cluster, DEADLINE};

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

/// Whoever hears that it has left takes all that it did to have been announced.
#[tokio::test]
async fn a_node_that_stops_leaves_after_what_it_is_still_carrying_out() {
    let cluster = Cluster::of(1);
    let one = &cluster.nodes[0];
    let [ada, bob] = cluster.people().await;
    let (group_id, channel_id) = one.group(ada).await;
    one.accept_invite(bob, &one.invite(ada, group_id).await).await.unwrap();
    let (bus, mut deliveries) = cluster.broker.join(NodeId::new(9).unwrap());
    for topic in [Topic::Group(group_id), Topic::User(bob.user_id)] {
        bus.bind(topic).await.unwrap();
    }
    let leaving = one.lifecycle.spawn("presence", run_presence(one.chat.clone()));
    let gate = cluster.faults.hold("insert_message");
    let send = async {
        let words = format!("last words, @everyone and <@{}>", bob.user_id);
        one.create_message(ada, channel_id, content(&words)).await.unwrap();
    };
    let stop = async {
        gate.reached().await;
        one.lifecycle.stop();
        for _ in 0..100 {
            tokio::task::yield_now().await; // It would have left by then.
        }
        gate.open();
    };
    tokio::join!(send, stop);
    tokio::time::timeout(DEADLINE, leaving).await.unwrap().unwrap();
    let mut told = Vec::new();
    while let Ok(delivery) = deliveries.try_recv() {
        match delivery {
            Delivery::Envelope { envelope, .. } => match &envelope.content {
                Content::Push { push, .. } | Content::Current { push, .. } => {
                    told.push(push.name());
                }
                other => panic!("{other:?}"),
            },
            Delivery::Node { event, .. } => match &*event {
                NodeEvent::Left => told.push("left"),
                NodeEvent::EveryoneMentioned(_) => told.push("everyone"),
                _ => {}
            },
            other => panic!("{other:?}"),
        }
    }
    let last = told.pop();
    told.sort_unstable();
    assert_eq!(
        (&*told, last),
        (&["everyone", "message:created", "readState:updated"][..], Some("left"))
    );
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
