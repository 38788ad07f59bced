//! Two nodes change one thing, and a third hears of it in the other order.

use serde_json::{Value, json};
use vibetalk::chat::channels::{CreateChannel, UpdateChannel};
use vibetalk::chat::groups::UpdateGroup;
use vibetalk::chat::members::UpdateMember;
use vibetalk::chat::messages::{CreateMessage, UpdateMessage};
use vibetalk::chat::moderation::Moderation;
use vibetalk::chat::reactions::ReactionTarget;
use vibetalk::chat::read_states::MarkRead;
use vibetalk::chat::settings::UpdateSettings;
use vibetalk::chat::users::UpdateUser;
use vibetalk::chat::{Caller, Chat};
use vibetalk::model::id::{ChannelId, GroupId, MessageId};

use super::super::chat::code;
use super::super::chat::messages::content;
use super::{Cluster, Screen};

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
        while cluster.store.find_member(group_id, ada.user_id).await.unwrap().is_none() {
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

/// Between reading what they are told of the group, and being in its room.
#[tokio::test]
async fn who_joins_hears_of_what_changes_in_the_group_meanwhile() {
    let cluster = Cluster::of(2);
    let (joining, other) = cluster.both();
    let [owner, ada] = cluster.people().await;
    let (group_id, _) = other.group(owner).await;
    let new_channel =
        |name: &str| -> CreateChannel { serde_json::from_value(json!({ "name": name })).unwrap() };
    let [going, changing] = [
        other.create_channel(owner, group_id, new_channel("going")).await.unwrap().id,
        other.create_channel(owner, group_id, new_channel("changing")).await.unwrap().id,
    ];
    let invite = other.invite(owner, group_id).await;
    let screen = other.open(ada).await;

    let told = cluster.faults.hold("list_activity");
    let changes = async {
        told.reached().await;
        other.create_channel(owner, group_id, new_channel("coming")).await.unwrap();
        other.delete_channel(owner, going).await.unwrap();
        let update = json!({ "name": "changed" });
        let update: UpdateChannel = serde_json::from_value(update).unwrap();
        other.update_channel(owner, changing, update).await.unwrap();
        let update: UpdateGroup = serde_json::from_value(json!({ "name": "renamed" })).unwrap();
        other.update_group(owner, group_id, update).await.unwrap();
        cluster.faults.clear();
    };
    let (accepted, ()) = tokio::join!(joining.accept_invite(ada, &invite), changes);
    assert_eq!(accepted.unwrap().channels.len(), 3, "as it was read");
    assert!(joining.pay().await);
    cluster.settle().await;

    let pushes = screen.all();
    let body = |name: &str| {
        let found = pushes.iter().find(|(push, _)| *push == name);
        &found.unwrap_or_else(|| panic!("no {name} in {pushes:?}")).1
    };
    assert_eq!(pushes[0].0, "group:created");
    assert_eq!(body("channel:created")["name"], "coming");
    assert_eq!(body("channel:deleted")["channelId"], going.to_string());
    assert_eq!(body("channel:updated")["name"], "changed");
    assert_eq!(body("group:updated")["name"], "renamed");
}

#[tokio::test]
async fn who_was_banned_elsewhere_while_they_joined_is_not_in() {
    let cluster = Cluster::of(2);
    let (joining, banning) = cluster.both();
    let [owner, ada] = cluster.people().await;
    let (group_id, _) = banning.group(owner).await;
    let invite = banning.invite(owner, group_id).await;
    let storing = cluster.faults.hold("redeem_invite");
    let banned = async {
        storing.reached().await;
        let reason = Moderation { reason: None };
        banning.ban_member(owner, group_id, ada.user_id, reason).await.unwrap();
        storing.open();
    };
    let (joined, ()) = tokio::join!(joining.accept_invite(ada, &invite), banned);
    assert_eq!(code(joined), "forbidden");
    for node in [joining, banning] {
        assert_eq!(code(node.get_group(ada, group_id).await), "group_not_found");
    }
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
        while cluster.store.find_member(group_id, ada.user_id).await.unwrap().is_some() {
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

/// Three nodes: at the third, what the first announces comes after what the second does.
struct Overtaking {
    cluster: Cluster,
    ada: Caller,
    /// Of Ada, who owns the group, at the third node.
    screen: Screen,
    group_id: GroupId,
    channel_id: ChannelId,
}

impl Overtaking {
    async fn start() -> Self {
        let cluster = Cluster::of(3);
        let ada = cluster.person().await;
        let (group_id, channel_id) = cluster.nodes[0].group(ada).await;
        cluster.settle().await;
        let screen = cluster.nodes[2].open(ada).await;
        Self { cluster, ada, screen, group_id, channel_id }
    }

    /// `early` at the first node, then `late` at the second.
    async fn run<T>(
        &self,
        early: impl AsyncFnOnce(&Chat) -> T,
        late: impl AsyncFnOnce(&Chat, &T),
    ) -> T {
        let [first, second, third] = [0, 1, 2].map(|index| &self.cluster.nodes[index]);
        self.cluster.broker.hold(first.id, third.id);
        let made = early(&first.chat).await;
        late(&second.chat, &made).await;
        self.cluster.settle_from(second).await;
        self.cluster.broker.release(first.id, third.id);
        self.cluster.settle().await;
        made
    }

    async fn message(&self, chat: &Chat) -> MessageId {
        let sent = chat.create_message(self.ada, self.channel_id, content("first")).await.unwrap();
        let message: Value = serde_json::from_str(sent.message.get()).unwrap();
        message["id"].as_str().unwrap().parse().unwrap()
    }

    /// A message that everybody has.
    async fn old_message(&self) -> MessageId {
        let message_id = self.message(&self.cluster.nodes[0].chat).await;
        self.cluster.settle().await;
        self.screen.rest();
        message_id
    }

    /// What the last `push` says in `field`.
    fn last(&self, push: &str, field: &str) -> Value {
        let bodies = self.screen.bodies(push);
        bodies.last().unwrap_or_else(|| panic!("no {push}"))[field].clone()
    }
}

#[tokio::test]
async fn the_later_name_of_a_group_stays() {
    let test = Overtaking::start().await;
    let rename = async |chat: &Chat, name: &str| {
        let request = UpdateGroup { name: Some(name.into()), icon: None };
        chat.update_group(test.ada, test.group_id, request).await.unwrap();
    };
    test.run(async |chat| rename(chat, "early").await, async |chat, ()| rename(chat, "late").await)
        .await;
    assert_eq!(test.last("group:updated", "name"), "late");
}

#[tokio::test]
async fn the_later_topic_of_a_channel_stays() {
    let test = Overtaking::start().await;
    let change = async |chat: &Chat, topic: &str| {
        let request = UpdateChannel { topic: Some(topic.into()), ..UpdateChannel::default() };
        chat.update_channel(test.ada, test.channel_id, request).await.unwrap();
    };
    test.run(async |chat| change(chat, "early").await, async |chat, ()| change(chat, "late").await)
        .await;
    assert_eq!(test.last("channel:updated", "topic"), "late");
}

#[tokio::test]
async fn nothing_of_a_channel_follows_its_deletion() {
    let test = Overtaking::start().await;
    let create = async |chat: &Chat| {
        let request = CreateChannel {
            name: "new".into(),
            topic: None,
            kind: None,
            position: None,
            slow_mode_seconds: None,
        };
        chat.create_channel(test.ada, test.group_id, request).await.unwrap().id
    };
    let delete = async |chat: &Chat, channel_id: &ChannelId| {
        chat.delete_channel(test.ada, *channel_id).await.unwrap();
    };
    test.run(create, delete).await;
    assert_eq!(test.screen.rest(), ["channel:deleted"]);
}

#[tokio::test]
async fn the_later_names_of_a_person_stay() {
    let test = Overtaking::start().await;
    let rename = async |chat: &Chat, name: &str| {
        let request = UpdateUser { display_name: Some(name.into()), avatar: None };
        chat.update_user(test.ada, request).await.unwrap();
        let request = UpdateMember { nickname: Some(Some(name.into())), roles: None };
        chat.update_member(test.ada, test.group_id, test.ada.user_id, request).await.unwrap();
    };
    let name_late = async |chat: &Chat, (): &()| rename(chat, "late").await;
    test.run(async |chat| rename(chat, "early").await, name_late).await;
    assert_eq!(test.last("user:updated", "displayName"), "late");

    test.run(async |chat| rename(chat, "early").await, name_late).await;
    assert_eq!(test.last("member:updated", "nickname"), "late");
}

#[tokio::test]
async fn the_later_settings_and_read_states_stay() {
    let test = Overtaking::start().await;
    let [first, second] = [test.old_message().await, test.old_message().await];
    let change = async |chat: &Chat, value: &str, message_id: MessageId| {
        let settings = serde_json::from_value(json!({ "theme": value })).unwrap();
        chat.update_settings(test.ada, UpdateSettings { settings }).await.unwrap();
        chat.mark_read(test.ada, test.channel_id, MarkRead { message_id }).await.unwrap();
    };
    let early = async |chat: &Chat| change(chat, "early", first).await;
    let late = async |chat: &Chat, (): &()| change(chat, "late", second).await;
    test.run(early, late).await;
    assert_eq!(test.last("settings:updated", "settings"), json!({ "theme": "late" }));

    test.run(early, late).await;
    assert_eq!(test.last("readState:updated", "lastReadId"), json!(second));
}

#[tokio::test]
async fn the_later_edit_of_a_message_stays() {
    let test = Overtaking::start().await;
    let message_id = test.old_message().await;
    let edit = async |chat: &Chat, content: &str| {
        let request = UpdateMessage { content: content.into() };
        chat.update_message(test.ada, test.channel_id, message_id, request).await.unwrap();
    };
    test.run(async |chat| edit(chat, "early").await, async |chat, ()| edit(chat, "late").await)
        .await;
    assert_eq!(test.last("message:updated", "content"), "late");
}

#[tokio::test]
async fn a_reaction_or_pin_that_was_taken_back_stays_away() {
    let test = Overtaking::start().await;
    let message_id = test.old_message().await;
    let target = || ReactionTarget { channel_id: test.channel_id, message_id, emoji: "+".into() };
    let add = async |chat: &Chat| {
        chat.add_reaction(test.ada, target()).await.unwrap();
        chat.add_pin(test.ada, test.channel_id, message_id).await.unwrap();
    };
    let remove = async |chat: &Chat, (): &()| {
        chat.remove_reaction(test.ada, target()).await.unwrap();
        chat.remove_pin(test.ada, test.channel_id, message_id).await.unwrap();
    };
    test.run(add, remove).await;
    assert_eq!(test.screen.rest(), ["reaction:removed", "pin:removed"]);
}

#[tokio::test]
async fn a_message_that_is_sent_again_at_another_node_is_shown_once() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let ada = cluster.person().await;
    let (_, channel_id) = one.group(ada).await;
    let screens = [one.open(ada).await, other.open(ada).await];
    let request = || CreateMessage { nonce: Some("nonce".to_owned()), ..content("hello") };
    assert!(one.create_message(ada, channel_id, request()).await.unwrap().new);
    assert!(!other.create_message(ada, channel_id, request()).await.unwrap().new);
    cluster.settle().await;
    for screen in screens {
        assert_eq!(screen.rest(), ["message:created"]);
    }
}

#[tokio::test]
async fn a_message_does_not_follow_its_deletion() {
    let test = Overtaking::start().await;
    let delete = async |chat: &Chat, message_id: &MessageId| {
        chat.delete_message(test.ada, test.channel_id, *message_id).await.unwrap();
    };
    test.run(async |chat| test.message(chat).await, delete).await;
    assert_eq!(test.screen.rest(), ["message:deleted"]);
}

#[tokio::test]
async fn clients_ask_for_a_message_of_which_they_heard_too_early() {
    let test = Overtaking::start().await;
    let edit = async |chat: &Chat, message_id: &MessageId| {
        let request = UpdateMessage { content: "late".into() };
        chat.update_message(test.ada, test.channel_id, *message_id, request).await.unwrap();
    };
    test.run(async |chat| test.message(chat).await, edit).await;
    let sync = test.last("sync:required", "channelIds");
    assert_eq!(sync, json!([test.channel_id]), "the message as it was sent would be shown");
}

#[tokio::test]
async fn members_show_who_is_in_by_now() {
    let test = Overtaking::start().await;
    let bob = test.cluster.person().await;
    let code = test.cluster.nodes[0].invite(test.ada, test.group_id).await;
    // The effect of joining is applied everywhere before anybody is told; only the telling is overtaken.
    let broker = &test.cluster.broker;
    let [first, second, third] = [0, 1, 2].map(|index| &test.cluster.nodes[index]);
    first.accept_invite(bob, &code).await.unwrap();
    test.cluster.settle().await;
    assert_eq!(test.screen.rest(), ["member:joined"]);
    broker.hold(first.id, third.id);
    let left = first.leave_group(bob, test.group_id);
    let returned = async {
        while test.cluster.store.find_member(test.group_id, bob.user_id).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
        second.accept_invite(bob, &code).await.unwrap();
        broker.release(first.id, third.id);
    };
    let (_, ()) = tokio::join!(left, returned);
    test.cluster.settle().await;
    assert_ne!(test.screen.rest().last(), Some(&"member:left"));
}
