//! The official group.

use vibetalk::chat::official::promote;
use vibetalk::model::group::built_in_roles;
use vibetalk::model::permission::{Permissions, Rank};

use crate::chat::accounts::register;
use crate::chat::{NOW_MS, TestChat, code};

#[tokio::test]
async fn the_official_group_is_made_once() {
    let test = TestChat::start();
    test.chat.ensure_official_group().await.unwrap();
    let made = test.store.find_official_group().await.unwrap().unwrap();
    test.chat.ensure_official_group().await.unwrap();
    assert_eq!(test.store.find_official_group().await.unwrap().unwrap(), made);
    assert_eq!((made.name.as_str(), made.owner_id, made.official), ("VibeTalk", None, true));
    let group = test.chat.find_group(made.id).await.unwrap().unwrap();
    let channels: Vec<_> = group.channels.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(channels, ["general"]);
    assert_eq!(group.roles.len(), built_in_roles().len());
}

#[tokio::test]
async fn everybody_is_in_it_from_when_they_have_an_account() {
    let test = TestChat::start();
    let before = test.people::<3>("early").await;
    test.clock.set(NOW_MS + 1_000);
    test.chat.ensure_official_group().await.unwrap();
    let official = test.store.find_official_group().await.unwrap().unwrap();
    let after = test.people::<2>("late").await;
    for (people, joined_at_ms) in [(&before[..], NOW_MS), (&after[..], NOW_MS + 1_000)] {
        for person in people {
            let member = test.chat.find_member(official.id, person.user_id).await.unwrap();
            assert_eq!(member.unwrap().joined_at_ms, joined_at_ms);
        }
    }
    assert_eq!(test.chat.count_members(official.id).await.unwrap(), 5);
    assert_eq!(test.announced().await, <[String; 0]>::default());
}

#[tokio::test]
async fn whoever_registers_counts_at_once() {
    let test = TestChat::start();
    test.chat.ensure_official_group().await.unwrap();
    let official = test.chat.official_group().unwrap();
    assert_eq!(test.chat.count_members(official).await.unwrap(), 0);
    test.faults.count();
    register(&test, "ada").await.unwrap();
    let asked = test.faults.counted();
    assert_eq!(asked.get("insert_member"), None, "{asked:?}");
    assert_eq!(test.chat.count_members(official).await.unwrap(), 1);
}

#[tokio::test]
async fn operators_run_it() {
    let test = TestChat::start();
    let [ada, bob] = test.people("person").await;
    test.chat.ensure_official_group().await.unwrap();
    let official = test.store.find_official_group().await.unwrap().unwrap();
    let rank = async |person: vibetalk::chat::Caller| {
        let standing = test.chat.group_access(person, official.id).await.unwrap();
        (standing.permissions, standing.rank)
    };
    assert_eq!(rank(ada).await, (Permissions::MEMBER, Rank::MEMBER));
    test.chat.promote("PERSON0").await.unwrap();
    assert_eq!(rank(ada).await, (Permissions::ALL, Rank::OWNER));
    assert_eq!(rank(bob).await, (Permissions::MEMBER, Rank::MEMBER));
    assert_eq!(code(test.chat.promote("nobody").await), "user_not_found");
}

#[tokio::test]
async fn promoting_needs_nothing_but_the_store() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    assert_eq!(promote(&*test.store, "ada").await.unwrap(), ada.user_id);
    assert!(test.store.find_account(ada.user_id).await.unwrap().unwrap().operator);
}
