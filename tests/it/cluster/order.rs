//! Two nodes change one thing, and a third hears of it in the other order.

use vibetalk::chat::members::Moderation;

use super::super::chat::messages::content;
use super::Cluster;

#[tokio::test]
async fn who_joined_and_was_then_banned_elsewhere_is_out_wherever_the_joining_comes_late() {
    let cluster = Cluster::of(3);
    let [joining, banning, third] = [0, 1, 2].map(|index| &cluster.nodes[index]);
    let [owner, ada] = cluster.people().await;
    let (group_id, channel_id) = banning.group(owner).await;
    let code = banning.invite(owner, group_id).await;
    let screen = third.open(ada).await;

    cluster.broker.hold(joining.id, third.id);
    let accepted = joining.accept_invite(ada, &code);
    let banned = async {
        while banning.store.find_member(group_id, ada.user_id).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        let reason = Moderation { reason: None };
        banning.ban_member(owner, group_id, ada.user_id, reason).await.unwrap();
        cluster.broker.release(joining.id, third.id);
    };
    let (_, ()) = tokio::join!(accepted, banned);
    assert_eq!(screen.rest().last(), Some(&"group:deleted"));

    banning.create_message(owner, channel_id, content("between us")).await.unwrap();
    cluster.settle().await;
    assert_eq!(screen.rest(), Vec::<&str>::new());
}

#[tokio::test]
async fn who_left_and_came_back_elsewhere_is_in_wherever_the_leaving_comes_late() {
    let cluster = Cluster::of(3);
    let [leaving, returning, third] = [0, 1, 2].map(|index| &cluster.nodes[index]);
    let [owner, ada] = cluster.people().await;
    let (group_id, channel_id) = leaving.group(owner).await;
    let code = leaving.invite(owner, group_id).await;
    leaving.accept_invite(ada, &code).await.unwrap();
    let screen = third.open(ada).await;

    cluster.broker.hold(leaving.id, third.id);
    let left = leaving.leave_group(ada, group_id);
    let returned = async {
        while returning.store.find_member(group_id, ada.user_id).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
        returning.accept_invite(ada, &code).await.unwrap();
        cluster.broker.release(leaving.id, third.id);
    };
    let (_, ()) = tokio::join!(left, returned);
    returning.create_message(owner, channel_id, content("welcome back")).await.unwrap();
    cluster.settle().await;
    let shown = screen.rest();
    assert!(!shown.contains(&"group:deleted"), "{shown:?}");
    assert_eq!(shown.last(), Some(&"message:created"), "{shown:?}");
}
