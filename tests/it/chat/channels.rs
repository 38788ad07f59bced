//! Channels of groups.

use vibetalk::chat::channels::{CreateChannel, UpdateChannel};
use vibetalk::model::channel::{CHANNELS_PER_GROUP_MAX, ChannelKind};

use super::{TestChat, code};

fn create(name: &str) -> CreateChannel {
    CreateChannel {
        name: name.to_owned(),
        topic: None,
        kind: None,
        position: None,
        slow_mode_seconds: None,
    }
}

fn update() -> UpdateChannel {
    UpdateChannel { name: None, topic: None, position: None, slow_mode_seconds: None }
}

#[tokio::test]
async fn a_new_channel_comes_last_and_everybody_gets_it_without_permissions_of_others() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.announced().await;
    let news = CreateChannel { kind: Some(ChannelKind::Announcement), ..create("news") };
    let channel = test.chat.create_channel(owner, group_id, news).await.unwrap();
    assert_eq!((channel.position, channel.topic.as_str(), channel.slow_mode_seconds), (1, "", 0));
    assert_eq!(channel.permissions.unwrap().bits(), 511);

    let pushed = test.bodies("channel:created").await;
    assert_eq!(pushed.len(), 1);
    assert_eq!((&pushed[0]["name"], pushed[0].get("permissions")), (&"news".into(), None));
    let seen = test.chat.list_channels(member, group_id).await.unwrap().channels;
    let seen: Vec<_> = seen.iter().map(|it| (&*it.name, it.permissions.unwrap().bits())).collect();
    assert_eq!(seen, [("general", 135), ("news", 133)]);
}

#[tokio::test]
async fn channels_are_in_order_of_position_then_id() {
    let test = TestChat::start();
    let [owner] = test.people("owner").await;
    let group_id = test.group(owner, &[]).await.group.id;
    for (name, position) in [("b", 5), ("c", 5), ("a", 0)] {
        let request = CreateChannel { position: Some(position), ..create(name) };
        test.chat.create_channel(owner, group_id, request).await.unwrap();
    }
    let listed = test.chat.list_channels(owner, group_id).await.unwrap();
    let names: Vec<&str> = listed.channels.iter().map(|channel| &*channel.name).collect();
    assert_eq!(names, ["general", "a", "b", "c"]);
}

#[tokio::test]
async fn settings_hold_from_the_next_request_on() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    let (group_id, channel_id) = (group.group.id, group.channels[0].id);
    test.chat.get_channel(member, channel_id).await.unwrap(); // Now it is cached.
    test.announced().await;

    let request = UpdateChannel {
        topic: Some("new".to_owned()),
        slow_mode_seconds: Some(21_600),
        ..update()
    };
    let updated = test.chat.update_channel(owner, channel_id, request).await.unwrap();
    assert_eq!((updated.name.as_str(), updated.topic.as_str()), ("general", "new"));
    let cached = test.chat.find_channel(channel_id).await.unwrap().unwrap();
    assert_eq!(cached.slow_mode_seconds, 21_600);
    let listed = test.chat.list_channels(member, group_id).await.unwrap().channels;
    assert_eq!(listed[0].topic, "new");
    assert_eq!(test.announced().await, ["channel:updated to group"]);

    test.chat.update_channel(owner, channel_id, update()).await.unwrap();
    assert!(test.announced().await.is_empty());
}

#[tokio::test]
async fn access_then_permission_then_fields() {
    let test = TestChat::start();
    let [owner, member, stranger] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    let (group_id, channel_id) = (group.group.id, group.channels[0].id);
    let bad = || UpdateChannel { slow_mode_seconds: Some(21_601), ..update() };
    let chat = &test.chat;
    assert_eq!(code(chat.create_channel(stranger, group_id, create("")).await), "group_not_found");
    assert_eq!(code(chat.create_channel(member, group_id, create("")).await), "forbidden");
    assert_eq!(code(chat.create_channel(owner, group_id, create("")).await), "invalid_request");
    assert_eq!(code(chat.update_channel(stranger, channel_id, bad()).await), "channel_not_found");
    assert_eq!(code(chat.update_channel(member, channel_id, bad()).await), "forbidden");
    assert_eq!(code(chat.update_channel(owner, channel_id, bad()).await), "invalid_request");
    assert_eq!(code(chat.delete_channel(member, channel_id).await), "forbidden");

    for (request, expected) in [
        (CreateChannel { kind: Some(ChannelKind::Direct), ..create("x") }, "invalid_request"),
        (CreateChannel { position: Some(-1), ..create("x") }, "invalid_request"),
        (CreateChannel { topic: Some("t".repeat(1001)), ..create("x") }, "too_large"),
        (create(&"x".repeat(101)), "too_large"),
    ] {
        assert_eq!(code(chat.create_channel(owner, group_id, request).await), expected);
    }
}

#[tokio::test]
async fn a_deleted_channel_is_gone() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    let channel_id = group.channels[0].id;
    test.chat.get_channel(member, channel_id).await.unwrap();
    test.announced().await;
    test.chat.delete_channel(owner, channel_id).await.unwrap();
    assert_eq!(test.announced().await, ["channel:deleted to group"]);
    assert_eq!(code(test.chat.get_channel(member, channel_id).await), "channel_not_found");
    assert_eq!(code(test.chat.delete_channel(owner, channel_id).await), "channel_not_found");
    let left = test.chat.get_group(member, group.group.id).await.unwrap().channels;
    assert_eq!(left.get(), "[]");
}

#[tokio::test]
async fn channels_of_a_group_are_bounded_also_when_many_are_made_at_once() {
    let test = TestChat::start();
    let [owner] = test.people("owner").await;
    let group_id = test.group(owner, &[]).await.group.id;
    let creations = (0..CHANNELS_PER_GROUP_MAX)
        .map(|_| test.chat.create_channel(owner, group_id, create("one of many")));
    let results = futures_util::future::join_all(creations).await;
    let refused: Vec<_> = results.into_iter().map(code).filter(|code| *code != "ok").collect();
    assert_eq!(refused, ["conflict"], "the group started with one");
}
