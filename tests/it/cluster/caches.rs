//! What one node has changed holds at the other from the answer on.

use serde_json::json;
use vibetalk::chat::Caller;
use vibetalk::chat::accounts::{Register, Requester};
use vibetalk::chat::channels::UpdateChannel;
use vibetalk::chat::groups::UpdateGroup;
use vibetalk::chat::members::UpdateMember;
use vibetalk::chat::moderation::Moderation;
use vibetalk::chat::sync::Sync;
use vibetalk::chat::users::UpdateUser;
use vibetalk::model::id::{GroupId, MessageId};

use super::super::chat::code;
use super::super::chat::messages::content;
use super::Cluster;

const NO_REASON: Moderation = Moderation { reason: None };

fn roles(name: &str) -> UpdateMember {
    UpdateMember { nickname: None, roles: Some(vec![name.into()]) }
}

/// The owner, a moderator and a member of a group.
async fn moderated_group(cluster: &Cluster) -> ([Caller; 3], GroupId) {
    let (one, people) = (&cluster.nodes[0], cluster.people().await);
    let [owner, moderator, member] = people;
    let (group_id, _) = one.group(owner).await;
    let code = one.invite(owner, group_id).await;
    for person in [moderator, member] {
        one.accept_invite(person, &code).await.unwrap();
    }
    one.update_member(owner, group_id, moderator.user_id, roles("moderator")).await.unwrap();
    (people, group_id)
}

#[tokio::test]
async fn who_was_removed_at_one_node_is_refused_at_the_other() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [owner, ada] = cluster.people().await;
    let (group_id, channel_id) = one.group(owner).await;
    let code_of = one.invite(owner, group_id).await;
    other.accept_invite(ada, &code_of).await.unwrap();
    other.create_message(ada, channel_id, content("hello")).await.unwrap();

    one.remove_member(owner, group_id, ada.user_id, NO_REASON).await.unwrap();
    let refused = other.create_message(ada, channel_id, content("still here")).await;
    assert_eq!(code(refused), "channel_not_found");
}

#[tokio::test]
async fn who_is_shown_a_group_may_use_it_also_where_nobody_told_of_their_joining() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [owner, ada] = cluster.people().await;
    let (group_id, channel_id) = one.group(owner).await;
    let invitation = one.invite(owner, group_id).await;
    // The other node remembers that she is not in it.
    let refused = other.create_message(ada, channel_id, content("hello")).await;
    assert_eq!(code(refused), "channel_not_found");

    cluster.broker.refuse(one.id);
    assert_eq!(code(one.accept_invite(ada, &invitation).await), "unavailable");
    let ready = other.snapshot(ada).await.unwrap();
    assert!(ready.groups.iter().any(|listed| listed.group.id == group_id));
    let request = Sync {
        channels: [(channel_id, MessageId::ZERO)].into(),
        since: json!(ready.server_time).as_str().unwrap().to_owned(),
    };
    let synced = other.sync(ada, request).await.unwrap();
    assert!(synced.channels.contains_key(&channel_id));
    other.create_message(ada, channel_id, content("hello")).await.unwrap();
}

#[tokio::test]
async fn a_member_who_was_promoted_at_one_node_is_not_banned_at_the_other() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let ([owner, moderator, ada], group_id) = moderated_group(&cluster).await;
    // The other node knows both as they are.
    other.get_group(moderator, group_id).await.unwrap();
    other.get_group(ada, group_id).await.unwrap();

    one.update_member(owner, group_id, ada.user_id, roles("admin")).await.unwrap();
    let banned = other.ban_member(moderator, group_id, ada.user_id, NO_REASON).await;
    assert_eq!(code(banned), "forbidden");
}

#[tokio::test]
async fn who_was_promoted_where_the_bus_refused_is_neither_banned_nor_removed_nor_demoted() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let ([owner, moderator, ada], group_id) = moderated_group(&cluster).await;
    cluster.broker.refuse(one.id);
    for command in ["ban", "remove", "demote"] {
        // The other node remembers her as she is before.
        other.get_group(ada, group_id).await.unwrap();
        let promoted = one.update_member(owner, group_id, ada.user_id, roles("admin")).await;
        assert_eq!(code(promoted), "unavailable", "the other does not know of it");
        let (by, of) = (moderator, ada.user_id);
        let refused = match command {
            "ban" => code(other.ban_member(by, group_id, of, NO_REASON).await),
            "remove" => code(other.remove_member(by, group_id, of, NO_REASON).await),
            _ => {
                let nobody = UpdateMember { nickname: None, roles: Some(Vec::new()) };
                code(other.update_member(by, group_id, of, nobody).await)
            }
        };
        assert_eq!(refused, "forbidden", "{command}");
        let nobody = UpdateMember { nickname: None, roles: Some(Vec::new()) };
        cluster.broker.accept(one.id);
        one.update_member(owner, group_id, ada.user_id, nobody).await.unwrap();
        cluster.broker.refuse(one.id);
    }
}

#[tokio::test]
async fn settings_of_groups_channels_and_people_are_those_of_the_last_change() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [owner] = cluster.people().await;
    let (group_id, channel_id) = one.group(owner).await;
    other.get_group(owner, group_id).await.unwrap();
    other.get_channel(owner, channel_id).await.unwrap();
    other.user(owner.user_id).await.unwrap();

    let renamed = UpdateGroup { name: Some("new name".into()), icon: None };
    one.update_group(owner, group_id, renamed).await.unwrap();
    let topic = UpdateChannel {
        name: None,
        topic: Some("new topic".into()),
        position: None,
        slow_mode_seconds: None,
    };
    one.update_channel(owner, channel_id, topic).await.unwrap();
    let person = UpdateUser { display_name: Some("Countess".into()), avatar: None };
    one.update_user(owner, person).await.unwrap();
    cluster.settle().await;
    assert_eq!(other.user(owner.user_id).await.unwrap().display_name, "Countess");
    assert_eq!(other.get_group(owner, group_id).await.unwrap().group.name, "new name");
    assert_eq!(other.get_channel(owner, channel_id).await.unwrap().topic, "new topic");
}

#[tokio::test]
async fn a_page_of_history_that_is_remembered_without_anybody_being_there_is_forgotten() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [owner] = cluster.people().await;
    let (_, channel_id) = one.group(owner).await;
    let newest = || other.list_messages(owner, channel_id, Default::default());
    assert_eq!(newest().await.unwrap().messages.len(), 0);
    one.create_message(owner, channel_id, content("said at the other node")).await.unwrap();
    cluster.settle().await;
    assert_eq!(newest().await.unwrap().messages.len(), 1);
}

#[tokio::test]
async fn who_registers_at_one_node_is_in_the_official_group_at_the_other() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    for node in [one, other] {
        node.ensure_official_group().await.unwrap();
    }
    let official = other.official_group().unwrap();
    assert_eq!(other.count_members(official).await.unwrap(), 0);
    let request = Register {
        username: "ada".to_owned(),
        password: "correct horse".to_owned(),
        display_name: None,
    };
    let requester = Requester { address: [192, 0, 2, 1].into(), user_agent: "agent".to_owned() };
    let signed_in = one.register(request, requester).await.unwrap();
    let ada = other.authenticate(&signed_in.access_token).await.unwrap();
    let group = other.get_group(ada, official).await.unwrap();
    assert!(group.group.official);
    cluster.settle().await;
    assert_eq!(other.count_members(official).await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_pinned_at_one_node_is_pinned_at_the_other() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [owner] = cluster.people().await;
    let (_, channel_id) = one.group(owner).await;
    one.create_message(owner, channel_id, content("keep this")).await.unwrap();
    let newest = async || {
        let page = other.list_messages(owner, channel_id, Default::default()).await.unwrap();
        (page.messages[0].id, page.messages[0].pinned)
    };
    let (message_id, pinned) = newest().await;
    assert!(!pinned);
    one.add_pin(owner, channel_id, message_id).await.unwrap();
    cluster.settle().await;
    assert_eq!(newest().await, (message_id, true));
    one.remove_pin(owner, channel_id, message_id).await.unwrap();
    cluster.settle().await;
    assert_eq!(newest().await, (message_id, false));
}

#[tokio::test]
async fn a_session_that_was_ended_at_one_node_is_over_at_the_other() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [ada, bob] = cluster.people().await;
    let screen = other.open(ada).await;
    for person in [ada, bob] {
        assert!(other.session_lasts(person).await.unwrap());
        one.logout(person).await.unwrap();
        assert!(!other.session_lasts(person).await.unwrap(), "with a socket there, or without");
    }
    screen.next("ended").await;
}

#[tokio::test]
async fn a_node_that_missed_changes_reads_everything_anew() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let [owner] = cluster.people().await;
    let (group_id, _) = one.group(owner).await;
    other.get_group(owner, group_id).await.unwrap();
    cluster.broker.lose(other.id);
    let renamed = UpdateGroup { name: Some("new name".into()), icon: None };
    one.update_group(owner, group_id, renamed).await.unwrap();
    cluster.broker.heal(other.id);
    cluster.settle().await;
    assert_eq!(other.get_group(owner, group_id).await.unwrap().group.name, "new name");
}
