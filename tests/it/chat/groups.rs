//! Making, changing, leaving and deleting groups.

use vibetalk::chat::groups::{CreateGroup, UpdateGroup};
use vibetalk::chat::members::ListMembers;
use vibetalk::chat::memberships::GROUPS_PER_PERSON_MAX;
use vibetalk::model::id::GroupId;

use super::{TestChat, code};

fn create(name: &str) -> CreateGroup {
    CreateGroup { name: name.to_owned(), icon: None }
}

fn rename(name: &str) -> UpdateGroup {
    UpdateGroup { name: Some(name.to_owned()), icon: None }
}

#[tokio::test]
async fn a_new_group_belongs_to_its_creator_and_starts_with_a_channel() {
    let test = TestChat::start();
    let [owner] = test.people("owner").await;
    let group = test.chat.create_group(owner, create(" mine ")).await.unwrap();
    assert_eq!((group.group.name.as_str(), group.group.member_count), (" mine ", 1));
    assert_eq!(group.group.owner_id, Some(owner.user_id));
    let channels: Vec<&str> = group.channels.iter().map(|channel| &*channel.name).collect();
    assert_eq!(channels, ["general"]);
    assert_eq!(group.channels[0].permissions.unwrap().bits(), 511);
    let me = owner.user_id;
    assert_eq!(test.announced().await, [format!("group:created to user {me}, {me} is in")]);
}

#[tokio::test]
async fn what_somebody_is_not_in_does_not_exist_whatever_else_is_wrong() {
    let test = TestChat::start();
    let [owner, stranger] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    for group_id in [group_id, GroupId::new(12)] {
        let chat = &test.chat;
        assert_eq!(
            code(chat.update_group(stranger, group_id, rename("")).await),
            "group_not_found"
        );
        assert_eq!(code(chat.delete_group(stranger, group_id).await), "group_not_found");
        assert_eq!(code(chat.leave_group(stranger, group_id).await), "group_not_found");
        assert_eq!(code(chat.get_group(stranger, group_id).await), "group_not_found");
        assert_eq!(code(chat.list_channels(stranger, group_id).await), "group_not_found");
    }
}

#[tokio::test]
async fn an_update_reaches_the_members_and_the_next_request() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.chat.get_group(member, group_id).await.unwrap(); // Now it is cached.
    test.announced().await;

    let updated = test.chat.update_group(owner, group_id, rename("new")).await.unwrap();
    assert_eq!((updated.name.as_str(), updated.member_count), ("new", 2));
    assert_eq!(test.chat.get_group(member, group_id).await.unwrap().group.name, "new");
    assert_eq!(test.announced().await, ["group:updated to group"]);

    let nothing = UpdateGroup { name: None, icon: None };
    assert_eq!(test.chat.update_group(owner, group_id, nothing).await.unwrap().name, "new");
    assert!(test.announced().await.is_empty());
    assert_eq!(code(test.chat.update_group(member, group_id, rename("x")).await), "forbidden");
    assert_eq!(code(test.chat.update_group(owner, group_id, rename(" ")).await), "invalid_request");
    let long = "x".repeat(101);
    assert_eq!(code(test.chat.update_group(owner, group_id, rename(&long)).await), "too_large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_updates_are_announced_in_the_order_they_are_stored() {
    let test = TestChat::start();
    let [owner] = test.people("owner").await;
    let group_id = test.group(owner, &[]).await.group.id;
    test.announced().await;
    let names: Vec<String> = (0..50).map(|number| format!("name {number}")).collect();
    let updates = names.iter().map(|name| test.chat.update_group(owner, group_id, rename(name)));
    futures_util::future::join_all(updates).await;

    let last = test.bodies("group:updated").await.pop().unwrap();
    let stored = test.chat.get_group(owner, group_id).await.unwrap().group.name;
    assert_eq!(last["name"], *stored);
}

#[tokio::test]
async fn only_the_owner_deletes_a_group_and_then_it_is_gone_for_everybody() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    let (group_id, channel_id) = (group.group.id, group.channels[0].id);
    let invite = test.invite(owner, group_id).await;
    test.give_roles(owner, group_id, member, &["admin"]).await.unwrap();
    assert_eq!(code(test.chat.delete_group(member, group_id).await), "forbidden");
    test.announced().await;

    test.chat.delete_group(owner, group_id).await.unwrap();
    assert_eq!(test.announced().await, ["group:deleted to group, closes"]);
    for person in [owner, member] {
        assert_eq!(code(test.chat.get_group(person, group_id).await), "group_not_found");
        assert_eq!(code(test.chat.get_channel(person, channel_id).await), "channel_not_found");
        assert_eq!(code(test.chat.delete_group(person, group_id).await), "group_not_found");
        assert!(test.chat.list_groups(person).await.unwrap().groups.is_empty());
    }
    assert_eq!(code(test.chat.accept_invite(member, &invite).await), "invite_not_found");
}

#[tokio::test]
async fn leaving_is_applied_before_it_is_answered() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.announced().await;

    test.hold();
    let leaving = test.chat.leave_group(member, group_id);
    tokio::pin!(leaving);
    tokio::select! {
        biased;
        _ = &mut leaving => panic!("answered before it was applied"),
        () = test.effect_delivered() => {}
    }
    test.resume();
    leaving.await.unwrap();
    let me = member.user_id;
    let expected =
        [format!("group:deleted to user {me}, {me} is out"), "member:left to group".into()];
    assert_eq!(test.announced().await, expected);
    assert_eq!(code(test.chat.get_group(member, group_id).await), "group_not_found");
    assert_eq!(test.chat.get_group(owner, group_id).await.unwrap().group.member_count, 1);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_stop_what_is_stored_from_being_announced() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.announced().await;

    test.hold();
    {
        let leaving = test.chat.leave_group(member, group_id);
        tokio::pin!(leaving);
        tokio::select! {
            biased;
            _ = &mut leaving => panic!("answered before it was applied"),
            () = test.effect_delivered() => {}
        }
    }
    test.resume();
    test.join(owner, group_id, member).await.unwrap(); // Waits for the turn of what goes on.
    let lines = test.announced().await;
    let pushes: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(pushes, ["group:deleted", "member:left", "group:created", "member:joined"]);
}

#[tokio::test]
async fn an_owner_cannot_leave() {
    let test = TestChat::start();
    let [owner] = test.people("owner").await;
    let group_id = test.group(owner, &[]).await.group.id;
    assert_eq!(code(test.chat.leave_group(owner, group_id).await), "forbidden");
}

#[tokio::test]
async fn groups_of_one_person_are_bounded() {
    let test = TestChat::with_limits(|limits| limits.rates = false);
    let [owner, other] = test.people("p").await;
    for _ in 0..=GROUPS_PER_PERSON_MAX {
        test.chat.create_group(owner, create("g")).await.unwrap();
    }
    assert_eq!(code(test.chat.create_group(owner, create("g")).await), "conflict");
    let group_id = test.group(other, &[]).await.group.id;
    assert_eq!(code(test.join(other, group_id, owner).await), "conflict");
    let groups = test.chat.list_groups(owner).await.unwrap().groups;
    assert_eq!(groups.len(), GROUPS_PER_PERSON_MAX + 1);
    assert!(groups.windows(2).all(|pair| pair[0].group.id < pair[1].group.id));
    let members = ListMembers { query: None, after: None, limit: None };
    let members = test.chat.list_members(owner, groups[0].group.id, members).await.unwrap();
    assert_eq!(members.members.len(), 1);
}
