//! What a node gets and cannot read, in a rolling upgrade for example.

use std::borrow::Cow;

use vibetalk::bus::codec::{Encoder, Parcel};
use vibetalk::bus::envelope::{Content, Envelope};

use super::super::chat::messages::content;
use super::Cluster;

#[tokio::test]
async fn what_a_node_cannot_read_is_a_gap_there_and_nothing_else_is_lost() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let owner = cluster.person().await;
    let (_, channel_id) = one.group(owner).await;
    let (here, there) = (one.open(owner).await, other.open(owner).await);
    one.create_message(owner, channel_id, content("before")).await.unwrap();
    for screen in [&here, &there] {
        screen.next("message:created").await;
    }
    cluster.settle().await;
    here.rest();
    there.rest();

    let parcel =
        Encoder::new(1).envelope(&Envelope::new(one.id, 0, [], Content::None), false).unwrap();
    let newer = |(name, value): &(Cow<'static, str>, String)| match name == "version" {
        true => (name.clone(), "2".to_owned()),
        false => (name.clone(), value.clone()),
    };
    let newer = Parcel { headers: parcel.headers.iter().map(newer).collect(), ..parcel };
    cluster.broker.deliver_unreadable(other.id, &newer);
    there.next("ready").await;
    one.create_message(owner, channel_id, content("after")).await.unwrap();
    there.next("message:created").await;
    here.next("message:created").await;
    assert!(!here.rest().contains(&"ready"), "the other node's sessions are as they were");
}
