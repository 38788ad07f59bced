//! Who is there, wherever that is; the flushes and signs of life that tasks do are done by hand.

use std::sync::Arc;
use std::time::Duration;

use vibetalk::bus::node_event::{NodeEvent, SignOfLife, Version};
use vibetalk::chat::presence::{SocketKey, UpdatePresence};
use vibetalk::chat::{Caller, Chat};
use vibetalk::model::presence::{ChosenStatus, OFFLINE_DELAY_MS, Status};
use vibetalk::model::time_budget::CLOCK_SKEW_MS_MAX;

use super::super::chat::NOW_MS;
use super::Cluster;

const SOCKET: SocketKey = SocketKey(1);

/// What `chat` shows of a person.
fn seen(chat: &Chat, person: Caller) -> (Status, String) {
    let mut shown = chat.presences(&[person.user_id]).presences;
    let presence = shown.remove(0);
    (presence.status, presence.text)
}

fn choose(chat: &Chat, person: Caller, status: ChosenStatus, text: &str) {
    let request = UpdatePresence { status, text: Some(text.into()) };
    chat.update_presence(person, SOCKET, request).unwrap();
}

/// From now on time passes only by hand: nothing below asks the store, which would wait for real.
fn pause() {
    tokio::time::pause();
}

/// Enough rounds for whatever is behind to be asked for and told.
async fn rounds(cluster: &Cluster) {
    for _ in 0..3 {
        for node in &cluster.nodes {
            node.say_alive().await;
        }
        cluster.settle().await;
        for node in &cluster.nodes {
            node.flush_presence().await;
        }
        cluster.settle().await;
        tokio::time::advance(Duration::from_millis(1001)).await;
    }
}

#[tokio::test]
async fn a_person_is_where_any_node_says_and_as_they_chose_last() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let ada = cluster.person().await;
    pause();
    one.presence_opened(ada, SOCKET);
    choose(one, ada, ChosenStatus::Dnd, "busy");
    rounds(&cluster).await;
    assert_eq!(seen(other, ada), (Status::Dnd, "busy".into()));

    // One more device, at the other node, where nothing was chosen.
    other.presence_opened(ada, SOCKET);
    rounds(&cluster).await;
    assert_eq!(seen(one, ada), (Status::Dnd, "busy".into()));
    let request = UpdatePresence { status: ChosenStatus::Online, text: None };
    other.update_presence(ada, SOCKET, request).unwrap();
    rounds(&cluster).await;
    for node in [one, other] {
        assert_eq!(seen(node, ada), (Status::Online, "busy".into()), "the text stays");
    }

    one.presence_closed(ada, SOCKET);
    cluster.clock.set(NOW_MS + OFFLINE_DELAY_MS);
    rounds(&cluster).await;
    assert_eq!(seen(one, ada).0, Status::Online, "they are at the other node");
    other.presence_closed(ada, SOCKET);
    cluster.clock.set(NOW_MS + 2 * OFFLINE_DELAY_MS);
    rounds(&cluster).await;
    assert_eq!([seen(one, ada).0, seen(other, ada).0], [Status::Offline; 2]);
}

#[tokio::test]
async fn sessions_are_told_of_whom_they_watch_at_another_node() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [ada, bob] = cluster.people().await;
    let screen = other.open(bob).await;
    pause();
    other.watch(&screen, ada.user_id).await;
    one.presence_opened(ada, SOCKET);
    rounds(&cluster).await;
    let told = screen.next("presence:changed").await;
    assert_eq!(told[0]["status"], "online", "{told}");
    assert!(screen.rest().is_empty());
}

#[tokio::test]
async fn what_a_node_missed_is_told_whole() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [ada, bob] = cluster.people().await;
    pause();
    one.presence_opened(ada, SOCKET);
    rounds(&cluster).await;
    cluster.broker.lose(other.id);
    one.presence_closed(ada, SOCKET);
    one.presence_opened(bob, SOCKET);
    cluster.clock.set(NOW_MS + OFFLINE_DELAY_MS);
    one.flush_presence().await;
    cluster.broker.heal(other.id);
    rounds(&cluster).await;
    assert_eq!([seen(other, ada).0, seen(other, bob).0], [Status::Offline, Status::Online]);
}

#[tokio::test]
async fn a_node_that_is_silent_has_nobody_and_gets_its_people_back_when_it_speaks() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [ada, bob] = cluster.people().await;
    pause();
    for person in [ada, bob] {
        one.presence_opened(person, SOCKET);
    }
    choose(one, bob, ChosenStatus::Invisible, "");
    rounds(&cluster).await;
    assert_eq!(seen(other, ada).0, Status::Online);

    tokio::time::advance(Duration::from_secs(5)).await;
    other.flush_presence().await;
    assert_eq!(seen(other, ada).0, Status::Offline);
    other.presence_opened(bob, SOCKET);
    assert_eq!(seen(other, bob).0, Status::Offline, "who comes over is as invisible as before");

    rounds(&cluster).await;
    assert_eq!(seen(other, ada).0, Status::Online);
}

#[tokio::test]
async fn everybody_who_is_mentioned_is_told_at_the_node_where_they_are() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [owner, ada] = cluster.people().await;
    let (group_id, channel_id) = one.group(owner).await;
    let code = one.invite(owner, group_id).await;
    one.accept_invite(ada, &code).await.unwrap();
    let screen = other.open(ada).await;
    other.presence_opened(ada, SOCKET);
    let text = super::super::chat::messages::content("hello @everyone");
    one.create_message(owner, channel_id, text).await.unwrap();
    screen.next("message:created").await;
    let state = screen.next("readState:updated").await;
    assert_eq!(state["mentionCount"], 1, "{state}");
}

#[tokio::test]
async fn a_node_hears_whose_clock_is_too_far_from_its_own() {
    let cluster = Cluster::of(3);
    let [one, two, other] = [0, 1, 2].map(|index| &cluster.nodes[index]);
    for (node, ahead_ms) in [(one, CLOCK_SKEW_MS_MAX), (two, CLOCK_SKEW_MS_MAX + 1)] {
        let now_ms = NOW_MS + ahead_ms;
        let sign = NodeEvent::Alive(SignOfLife {
            presence: Version::default(),
            now_ms,
            settled_until_ms: now_ms,
        });
        node.bus.tell_nodes(Arc::new(sign)).await.unwrap();
    }
    cluster.settle().await;
    assert_eq!(other.skewed_nodes(), [two.id]);
    pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    other.flush_presence().await;
    assert!(other.skewed_nodes().is_empty(), "it is gone");
}
