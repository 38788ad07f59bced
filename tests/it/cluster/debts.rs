//! What the bus refused, and what a store that failed kept from being announced, is told later, once.

use serde_json::{Value, json};
use vibetalk::chat::Caller;
use vibetalk::chat::groups::UpdateGroup;
use vibetalk::chat::members::UpdateMember;
use vibetalk::chat::messages::UpdateMessage;
use vibetalk::chat::read_states::MarkRead;
use vibetalk::chat::settings::UpdateSettings;
use vibetalk::chat::users::UpdateUser;
use vibetalk::model::id::{ChannelId, GroupId, MessageId};
use vibetalk::store::faults::Fault;

use super::super::chat::code;
use super::super::chat::messages::content;
use super::{Cluster, Node, Screen};

/// Ada changes something at the first node, and has a session at the second.
struct Scene {
    cluster: Cluster,
    ada: Caller,
    screen: Screen,
    group_id: GroupId,
    channel_id: ChannelId,
}

impl Scene {
    async fn start() -> Self {
        let cluster = Cluster::of(2);
        let ada = cluster.person().await;
        let (group_id, channel_id) = cluster.nodes[0].group(ada).await;
        cluster.settle().await;
        let screen = cluster.nodes[1].open(ada).await;
        Self { cluster, ada, screen, group_id, channel_id }
    }

    /// What is told of `change`, which was stored while the bus took nothing.
    async fn told_late(&self, push: &str, change: impl AsyncFnOnce(&Node)) -> Value {
        let one = &self.cluster.nodes[0];
        self.cluster.broker.refuse(one.id);
        change(one).await;
        assert!(!one.pay().await, "the bus still takes nothing");
        self.cluster.broker.accept(one.id);
        self.told_once(push).await
    }

    /// What is told once the node pays, of what was not told yet.
    async fn told_once(&self, push: &str) -> Value {
        let one = &self.cluster.nodes[0];
        self.cluster.settle().await;
        assert_eq!(self.screen.rest(), Vec::<&str>::new(), "it is told already");
        assert!(one.pay().await);
        let body = self.screen.next(push).await;
        assert!(one.pay().await);
        self.cluster.settle().await;
        assert_eq!(self.screen.rest(), Vec::<&str>::new(), "once is enough");
        body
    }

    async fn message(&self) -> MessageId {
        let one = &self.cluster.nodes[0];
        let sent = one.create_message(self.ada, self.channel_id, content("hello")).await.unwrap();
        let message: Value = serde_json::from_str(sent.message.get()).unwrap();
        self.cluster.settle().await;
        self.screen.rest();
        message["id"].as_str().unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn a_group_that_was_renamed_while_the_bus_refused() {
    let scene = Scene::start().await;
    let rename = async |node: &Node| {
        let request = UpdateGroup { name: Some("renamed".into()), icon: None };
        node.update_group(scene.ada, scene.group_id, request).await.unwrap();
    };
    assert_eq!(scene.told_late("group:updated", rename).await["name"], "renamed");
    let at_other = scene.cluster.nodes[1].get_group(scene.ada, scene.group_id).await.unwrap();
    assert_eq!(at_other.group.name, "renamed");
}

#[tokio::test]
async fn a_person_who_was_renamed_while_the_bus_refused() {
    let scene = Scene::start().await;
    let rename = async |node: &Node| {
        let request = UpdateUser { display_name: Some("Countess".into()), avatar: None };
        node.update_user(scene.ada, request).await.unwrap();
    };
    assert_eq!(scene.told_late("user:updated", rename).await["displayName"], "Countess");
}

#[tokio::test]
async fn settings_that_were_changed_while_the_bus_refused() {
    let scene = Scene::start().await;
    let change = async |node: &Node| {
        let settings = serde_json::from_value(json!({ "theme": "dark" })).unwrap();
        node.update_settings(scene.ada, UpdateSettings { settings }).await.unwrap();
    };
    let told = scene.told_late("settings:updated", change).await;
    assert_eq!(told["settings"], json!({ "theme": "dark" }));
}

#[tokio::test]
async fn a_channel_that_was_read_while_the_bus_refused() {
    let scene = Scene::start().await;
    let message_id = scene.message().await;
    let read = async |node: &Node| {
        node.mark_read(scene.ada, scene.channel_id, MarkRead { message_id }).await.unwrap();
    };
    let told = scene.told_late("readState:updated", read).await;
    assert_eq!(told["lastReadId"], json!(message_id));
}

#[tokio::test]
async fn a_read_state_that_was_stored_and_could_not_be_read() {
    for (operation, fault) in
        [("list_read_states", Fault::NotDone), ("set_read_state", Fault::AnswerLost)]
    {
        let scene = Scene::start().await;
        let (one, message_id) = (&scene.cluster.nodes[0], scene.message().await);
        scene.cluster.faults.plan(operation, fault);
        let read = one.mark_read(scene.ada, scene.channel_id, MarkRead { message_id }).await;
        assert_eq!(code(read), "timeout");
        scene.cluster.faults.clear();
        let told = scene.told_once("readState:updated").await;
        assert_eq!(told["lastReadId"], json!(message_id), "{operation}");
    }
}

#[tokio::test]
async fn what_was_changed_as_a_whole_and_nobody_knows_whether_it_was() {
    for fault in [Fault::NotDone, Fault::AnswerLost] {
        let scene = Scene::start().await;
        let one = &scene.cluster.nodes[0];
        scene.cluster.faults.plan("update_group", fault);
        let group = UpdateGroup { name: Some("renamed".into()), icon: None };
        assert_eq!(code(one.update_group(scene.ada, scene.group_id, group).await), "timeout");
        let name = if fault == Fault::AnswerLost { "renamed" } else { "group" };
        scene.cluster.faults.clear();
        assert_eq!(scene.told_once("group:updated").await["name"], name, "{fault:?}");

        scene.cluster.faults.plan("update_user", fault);
        let user = UpdateUser { display_name: Some("Countess".into()), avatar: None };
        assert_eq!(code(one.update_user(scene.ada, user).await), "timeout");
        scene.cluster.faults.clear();
        scene.told_once("user:updated").await;

        scene.cluster.faults.plan("update_settings", fault);
        let settings = serde_json::from_value(json!({ "theme": "dark" })).unwrap();
        let changed = one.update_settings(scene.ada, UpdateSettings { settings }).await;
        assert_eq!(code(changed), "timeout");
        scene.cluster.faults.clear();
        scene.told_once("settings:updated").await;
    }
}

#[tokio::test]
async fn what_somebody_may_do_in_channels_since_the_bus_refused() {
    let scene = Scene::start().await;
    let (one, other) = scene.cluster.both();
    let bob = scene.cluster.person().await;
    let invite = one.invite(scene.ada, scene.group_id).await;
    one.accept_invite(bob, &invite).await.unwrap();
    let screen = other.open(bob).await;
    scene.cluster.broker.refuse(one.id);
    let request = UpdateMember { nickname: None, roles: Some(vec!["admin".into()]) };
    let promoted = one.update_member(scene.ada, scene.group_id, bob.user_id, request).await;
    assert_eq!(code(promoted), "unavailable");
    scene.cluster.broker.accept(one.id);
    assert!(one.pay().await);
    scene.cluster.settle().await;
    let shown = screen.rest();
    assert!(shown.contains(&"channel:updated") && shown.contains(&"member:updated"), "{shown:?}");
    assert!(one.pay().await);
    scene.cluster.settle().await;
    assert_eq!(screen.rest(), Vec::<&str>::new());
}

/// What somebody may do holds at every node once it is answered, whichever node is asked again.
#[tokio::test]
async fn roles_that_were_not_applied_everywhere_are_by_whoever_is_asked_again() {
    for asks_the_other in [false, true] {
        let scene = Scene::start().await;
        let (one, other) = scene.cluster.both();
        let bob = scene.cluster.person().await;
        let invite = one.invite(scene.ada, scene.group_id).await;
        one.accept_invite(bob, &invite).await.unwrap();
        let give = async |node: &Node| {
            let request = UpdateMember { nickname: None, roles: Some(vec!["admin".into()]) };
            code(node.update_member(scene.ada, scene.group_id, bob.user_id, request).await)
        };
        let of_bob = async |node: &Node| {
            let channel = node.get_channel(bob, scene.channel_id).await.unwrap();
            channel.permissions.unwrap().bits()
        };
        let before = of_bob(other).await;
        // Neither hears the other.
        for node in [one, other] {
            scene.cluster.broker.refuse(node.id);
        }
        assert_eq!(give(one).await, "unavailable");
        assert_eq!(give(one).await, "unavailable", "it is stored, and still not known everywhere");
        assert_eq!(of_bob(other).await, before);
        let asked = if asks_the_other { other } else { one };
        assert_eq!(give(asked).await, "unavailable");
        for node in [one, other] {
            scene.cluster.broker.accept(node.id);
        }
        assert_eq!(give(asked).await, "ok");
        assert_ne!(of_bob(other).await, before, "asks the other: {asks_the_other}");
        assert_eq!(of_bob(one).await, of_bob(other).await);
    }
}

/// What a node remembers goes its own way: it is forgotten also where nobody is told.
#[tokio::test]
async fn what_was_changed_while_the_bus_refused_is_forgotten_at_the_other_node() {
    let scene = Scene::start().await;
    let (one, other) = scene.cluster.both();
    let message_id = scene.message().await;
    let newest = async || {
        let listing = other.list_messages(scene.ada, scene.channel_id, Default::default());
        let message = listing.await.unwrap().messages.remove(0);
        (message.content, message.pinned)
    };
    let name = async || other.get_group(scene.ada, scene.group_id).await.unwrap().group.name;
    assert_eq!(newest().await, ("hello".to_owned(), false));
    assert_eq!(name().await, "group");
    scene.cluster.broker.refuse(one.id);
    one.add_pin(scene.ada, scene.channel_id, message_id).await.unwrap();
    let request = UpdateMessage { content: "edited".into() };
    one.update_message(scene.ada, scene.channel_id, message_id, request).await.unwrap();
    let request = UpdateGroup { name: Some("renamed".into()), icon: None };
    one.update_group(scene.ada, scene.group_id, request).await.unwrap();
    scene.cluster.broker.accept(one.id);
    scene.cluster.settle().await;
    assert_eq!(newest().await, ("edited".to_owned(), true));
    assert_eq!(name().await, "renamed");
}
