//! The official group: run by operators, left by nobody.

use vibetalk::chat::Caller;
use vibetalk::chat::groups::UpdateGroup;
use vibetalk::chat::members::UpdateMember;
use vibetalk::chat::moderation::Moderation;
use vibetalk::model::id::{GroupId, UserId};

use super::{TestChat, code};

/// An operator and two others, all members of the official group.
async fn official() -> (TestChat, GroupId, [Caller; 3]) {
    let test = TestChat::start();
    let people = test.people("p").await;
    test.chat.ensure_official_group().await.unwrap();
    test.chat.promote("p0").await.unwrap();
    let groups = test.chat.list_groups(people[1]).await.unwrap().groups;
    assert_eq!((groups.len(), groups[0].group.official), (1, true));
    test.announced().await;
    (test, groups[0].group.id, people)
}

#[tokio::test]
async fn nobody_leaves_deletes_or_is_removed() {
    let (test, group_id, [operator, member, other]) = official().await;
    for caller in [operator, member] {
        assert_eq!(code(test.chat.leave_group(caller, group_id).await), "forbidden");
        assert_eq!(code(test.chat.delete_group(caller, group_id).await), "forbidden");
        let removal = Moderation::default();
        let removed = test.chat.remove_member(caller, group_id, other.user_id, removal).await;
        assert_eq!(code(removed), "forbidden");
    }
    assert!(test.announced().await.is_empty());
}

#[tokio::test]
async fn operators_change_it_and_others_do_not() {
    let (test, group_id, [operator, member, _]) = official().await;
    let rename = || UpdateGroup { name: Some("Ours".to_owned()), icon: None };
    assert_eq!(code(test.chat.update_group(member, group_id, rename()).await), "forbidden");
    let updated = test.chat.update_group(operator, group_id, rename()).await.unwrap();
    assert_eq!((updated.name.as_str(), updated.owner_id, updated.member_count), ("Ours", None, 3));
    assert_eq!(test.announced().await, ["group:updated to group"]);
}

#[tokio::test]
async fn members_are_never_announced_to_everybody() {
    let (test, group_id, [operator, member, other]) = official().await;
    let it = member.user_id;
    let nickname = UpdateMember { nickname: Some(Some("Nick".to_owned())), roles: None };
    test.chat.update_member(member, group_id, it, nickname).await.unwrap();
    test.give_roles(operator, group_id, member, &["moderator"]).await.unwrap();
    let ban = Moderation::default();
    test.chat.ban_member(operator, group_id, it, ban).await.unwrap();
    test.join(other, group_id, member).await.unwrap_err();
    test.chat.unban_member(operator, group_id, it).await.unwrap();
    let expected = [
        format!("nothing to user {it}, {it} is in"),
        format!("channel:updated to user {it}"),
        format!("group:deleted to user {it}, {it} is out"),
        format!("group:created to user {it}, {it} is in"),
    ];
    assert_eq!(test.announced().await, expected);
}

#[tokio::test]
async fn somebody_unbanned_is_a_member_again() {
    let (test, group_id, [operator, member, _]) = official().await;
    let ban = Moderation::default();
    test.chat.ban_member(operator, group_id, member.user_id, ban).await.unwrap();
    assert_eq!(code(test.chat.get_group(member, group_id).await), "group_not_found");
    test.chat.unban_member(operator, group_id, member.user_id).await.unwrap();
    assert_eq!(test.chat.get_group(member, group_id).await.unwrap().group.member_count, 3);
    test.chat.unban_member(operator, group_id, member.user_id).await.unwrap();
}

#[tokio::test]
async fn nobody_comes_back_with_the_roles_from_before_a_ban() {
    let (test, group_id, [operator, member, _]) = official().await;
    test.give_roles(operator, group_id, member, &["moderator"]).await.unwrap();
    let standing = test.chat.group_access(member, group_id).await.unwrap();
    assert_eq!(standing.member.roles, ["moderator"]);
    let ban = Moderation::default();
    test.chat.ban_member(operator, group_id, member.user_id, ban).await.unwrap();
    test.chat.unban_member(operator, group_id, member.user_id).await.unwrap();
    let standing = test.chat.group_access(member, group_id).await.unwrap();
    assert!(standing.member.roles.is_empty());
}

#[tokio::test]
async fn to_unban_nobody_is_ok() {
    let (test, group_id, [operator, ..]) = official().await;
    test.chat.unban_member(operator, group_id, UserId::new(7)).await.unwrap();
    assert!(test.announced().await.is_empty());
    assert!(test.chat.find_member(group_id, UserId::new(7)).await.unwrap().is_none());
}

#[tokio::test]
async fn operators_are_below_nobody() {
    let (test, group_id, [operator, member, _]) = official().await;
    test.give_roles(operator, group_id, member, &["admin"]).await.unwrap();
    let ban = Moderation::default();
    let banned = test.chat.ban_member(member, group_id, operator.user_id, ban).await;
    assert_eq!(code(banned), "forbidden");
}
