//! Invites: who gets in, who does not, and what is announced of it.

use vibetalk::chat::invites::CreateInvite;

use super::{NOW_MS, TestChat, code};

fn uses(max_uses: u32) -> CreateInvite {
    CreateInvite { expires_in_seconds: None, max_uses: Some(max_uses) }
}

#[tokio::test]
async fn accepting_joins_and_tells_the_person_and_the_members() {
    let test = TestChat::start();
    let [owner, person] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    let code = test.invite(owner, group_id).await;
    test.announced().await;
    let preview = test.chat.get_invite(person, &code).await.unwrap();
    assert_eq!((preview.group.id, preview.group.member_count), (group_id, 1));
    assert_eq!(preview.creator.id, owner.user_id);

    let group = test.chat.accept_invite(person, &code).await.unwrap();
    assert_eq!((group.group.member_count, group.me.user_id), (2, person.user_id));
    let me = person.user_id;
    let expected =
        [format!("group:created to user {me}, {me} is in"), "member:joined to group".into()];
    assert_eq!(test.announced().await, expected);
    assert_eq!(test.chat.get_invite(person, &code).await.unwrap().group.member_count, 2);
}

#[tokio::test]
async fn joining_is_applied_before_it_is_answered() {
    let test = TestChat::start();
    let [owner, person] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    let code = test.invite(owner, group_id).await;
    test.announced().await;

    test.hold();
    let joining = test.chat.accept_invite(person, &code);
    tokio::pin!(joining);
    tokio::select! {
        biased;
        _ = &mut joining => panic!("answered before it was applied"),
        () = test.effect_delivered() => {}
    }
    test.resume();
    joining.await.unwrap();
}

#[tokio::test]
async fn a_member_uses_nothing_up_and_announces_nothing_to_clients() {
    let test = TestChat::start();
    let [owner, member, other, stranger] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    let invite = test.chat.create_invite(owner, group_id, uses(1)).await.unwrap().code;
    test.announced().await;
    let group = test.chat.accept_invite(member, &invite).await.unwrap();
    assert_eq!((group.group.id, group.group.member_count), (group_id, 2));
    let me = member.user_id;
    assert_eq!(test.announced().await, [format!("nothing to user {me}, {me} is in")]);

    test.chat.accept_invite(other, &invite).await.unwrap();
    assert_eq!(code(test.chat.accept_invite(stranger, &invite).await), "invite_not_found");
    // Who took the last use and was told nothing of it tries again.
    for member in [other, owner] {
        assert_eq!(test.chat.accept_invite(member, &invite).await.unwrap().group.id, group_id);
    }
}

#[tokio::test]
async fn one_person_accepting_many_times_at_once_joins_once() {
    let test = TestChat::start();
    let [owner, person] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    let invite = test.chat.create_invite(owner, group_id, uses(2)).await.unwrap().code;
    test.announced().await;
    let attempts = (0..10).map(|_| test.chat.accept_invite(person, &invite));
    for attempt in futures_util::future::join_all(attempts).await {
        assert_eq!(attempt.unwrap().group.member_count, 2);
    }
    let joined = test.announced().await;
    assert_eq!(joined.iter().filter(|line| line.starts_with("member:joined")).count(), 1);
    let listed = test.chat.list_invites(owner, group_id).await.unwrap().invites;
    assert_eq!(listed[0].uses, 1);
}

#[tokio::test]
async fn invites_expire() {
    let test = TestChat::start();
    let [owner, person] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    let request = CreateInvite { expires_in_seconds: Some(60), max_uses: None };
    let invite = test.chat.create_invite(owner, group_id, request).await.unwrap();
    assert_eq!(invite.expires_at.unwrap().0, NOW_MS + 60_000);
    test.clock.set(NOW_MS + 59_999);
    assert_eq!(code(test.chat.get_invite(person, &invite.code).await), "ok");
    test.clock.set(NOW_MS + 60_000);
    for result in [
        code(test.chat.get_invite(person, &invite.code).await),
        code(test.chat.accept_invite(person, &invite.code).await),
        code(test.chat.delete_invite(owner, &invite.code).await),
    ] {
        assert_eq!(result, "invite_not_found");
    }
    assert!(test.chat.list_invites(owner, group_id).await.unwrap().invites.is_empty());
}

#[tokio::test]
async fn codes_that_never_were_are_not_found() {
    let test = TestChat::start();
    let [person] = test.people("p").await;
    for unknown in ["", " ", "nope", "../..", &"x".repeat(300)] {
        assert_eq!(code(test.chat.get_invite(person, unknown).await), "invite_not_found");
        assert_eq!(code(test.chat.accept_invite(person, unknown).await), "invite_not_found");
        assert_eq!(code(test.chat.delete_invite(person, unknown).await), "invite_not_found");
    }
}

#[tokio::test]
async fn an_invite_is_listed_and_deleted_by_its_creator_and_by_who_manages_the_group() {
    let test = TestChat::start();
    let [owner, member, other, stranger] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.join(owner, group_id, other).await.unwrap();
    let (mine, second) = (test.invite(member, group_id).await, test.invite(member, group_id).await);
    let listed = test.chat.list_invites(member, group_id).await.unwrap().invites;
    assert_eq!(listed.len(), 2);
    assert!(test.chat.list_invites(other, group_id).await.unwrap().invites.is_empty());
    assert_eq!(test.chat.list_invites(owner, group_id).await.unwrap().invites.len(), 4);
    assert_eq!(code(test.chat.list_invites(stranger, group_id).await), "group_not_found");

    assert_eq!(code(test.chat.delete_invite(stranger, &mine).await), "invite_not_found");
    assert_eq!(code(test.chat.delete_invite(other, &mine).await), "forbidden");
    assert_eq!(code(test.chat.delete_invite(member, &mine).await), "ok");
    assert_eq!(code(test.chat.delete_invite(owner, &second).await), "ok");
    assert_eq!(code(test.chat.delete_invite(owner, &second).await), "invite_not_found");
}

#[tokio::test]
async fn limits_are_judged_after_access() {
    let test = TestChat::start();
    let [owner, stranger] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    assert_eq!(code(test.chat.create_invite(stranger, group_id, uses(0)).await), "group_not_found");
    assert_eq!(code(test.chat.create_invite(owner, group_id, uses(0)).await), "invalid_request");
}

#[tokio::test]
async fn one_member_cannot_use_up_the_invites_of_a_group() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    let mut last = String::new();
    for _ in 0..100 {
        last = test.chat.create_invite(member, group_id, uses(1)).await.unwrap().code;
    }
    assert_eq!(code(test.chat.create_invite(member, group_id, uses(1)).await), "conflict");
    assert_eq!(code(test.chat.create_invite(owner, group_id, uses(1)).await), "ok");
    test.chat.delete_invite(member, &last).await.unwrap();
    assert_eq!(code(test.chat.create_invite(member, group_id, uses(1)).await), "ok");
}
