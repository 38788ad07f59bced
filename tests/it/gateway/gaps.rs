//! What a bus can lose is mended by opening sessions anew.

use vibetalk::chat::moderation::Moderation;
use vibetalk::store::faults::Fault;

use super::{Node, groups, send};

#[tokio::test]
async fn who_was_removed_and_who_joined_unheard_are_where_they_belong() {
    let node = Node::start().await;
    let [mut owner, mut removed, mut joining] =
        [node.person("owner").await, node.person("removed").await, node.person("joining").await];
    let group = node.test.group(owner.caller, &[removed.caller]).await;
    let (group_id, channel_id) = (group.group.id, group.channels[0].id);
    owner.push("group:created").await;
    owner.push("member:joined").await;
    removed.push("group:created").await;
    removed.push("member:joined").await;

    node.bus.lose();
    let reason = Moderation { reason: None };
    let chat = &node.test.chat;
    chat.remove_member(owner.caller, group_id, removed.caller.user_id, reason).await.unwrap();
    node.test.join(owner.caller, group_id, joining.caller).await.unwrap();
    node.bus.heal();

    let id = group_id.to_string();
    assert!(!groups(&removed.push("ready").await).contains(&id.as_str()));
    assert!(groups(&joining.push("ready").await).contains(&id.as_str()));
    owner.push("ready").await;
    send(&node, owner.caller, channel_id, "after").await;
    for person in [&mut owner, &mut joining] {
        assert_eq!(person.push("message:created").await["content"], "after");
    }
    // What comes next to the one who was removed is not the group's.
    let direct = vibetalk::chat::direct::OpenDirect { user_ids: vec![removed.caller.user_id] };
    chat.open_direct(owner.caller, direct).await.unwrap();
    removed.push("channel:created").await;
}

#[tokio::test]
async fn a_session_that_ended_unheard_is_disconnected_for_good() {
    let node = Node::start().await;
    let mut person = node.person("ada").await;
    node.bus.lose();
    node.test.chat.logout(person.caller).await.unwrap();
    node.bus.heal();
    assert_eq!(person.socket.next().await.as_deref(), Some("41"));
}

#[tokio::test]
async fn while_the_store_is_away_sessions_go_on_with_what_they_know_and_are_opened_later() {
    let node = Node::start().await;
    let mut owner = node.person("owner").await;
    let group = node.test.group(owner.caller, &[]).await;
    owner.push("group:created").await;
    node.test.faults.plan("list_memberships", Fault::NotDone);
    node.bus.heal();
    send(&node, owner.caller, group.channels[0].id, "meanwhile").await;
    assert_eq!(owner.push("message:created").await["content"], "meanwhile");
    node.test.faults.clear();
    assert_eq!(groups(&owner.push("ready").await), [group.group.id.to_string()]);
}

#[tokio::test]
async fn a_gap_during_the_opening_anew_begins_with_all_of_them_again() {
    let node = Node::start().await;
    let mut owner = node.person("owner").await;
    node.test.faults.plan("find_session", Fault::NotDone);
    node.bus.heal();
    node.bus.lose();
    let group = node.test.group(owner.caller, &[]).await;
    node.test.faults.clear();
    node.bus.heal();
    loop {
        let ready = owner.push("ready").await;
        if groups(&ready).contains(&group.group.id.to_string().as_str()) {
            return;
        }
    }
}
