//! Removing and banning.

use vibetalk::chat::moderation::{ListBans, Moderation};
use vibetalk::chat::{Caller, ChatError};
use vibetalk::model::id::{GroupId, UserId};

use super::{TestChat, code};

impl TestChat {
    async fn remove(
        &self,
        caller: Caller,
        group_id: GroupId,
        target: Caller,
    ) -> Result<(), ChatError> {
        self.chat.remove_member(caller, group_id, target.user_id, Moderation::default()).await
    }

    async fn ban(
        &self,
        caller: Caller,
        group_id: GroupId,
        target: Caller,
    ) -> Result<(), ChatError> {
        let request = Moderation { reason: Some("spam".to_owned()) };
        self.chat.ban_member(caller, group_id, target.user_id, request).await
    }
}

#[tokio::test]
async fn removing_and_banning_work_only_on_people_below() {
    let test = TestChat::start();
    let [owner, admin, moderator, member, other] = test.people("p").await;
    let group_id = test.group(owner, &[admin, moderator, member, other]).await.group.id;
    test.give_roles(owner, group_id, admin, &["admin"]).await.unwrap();
    test.give_roles(owner, group_id, moderator, &["moderator"]).await.unwrap();
    for (caller, target) in [
        (member, other),
        (moderator, moderator),
        (moderator, admin),
        (moderator, owner),
        (admin, owner),
        (admin, admin),
        (owner, owner),
    ] {
        assert_eq!(code(test.remove(caller, group_id, target).await), "forbidden");
        assert_eq!(code(test.ban(caller, group_id, target).await), "forbidden");
    }
    assert_eq!(code(test.remove(moderator, group_id, member).await), "ok");
    assert_eq!(code(test.remove(moderator, group_id, member).await), "member_not_found");
    assert_eq!(code(test.ban(admin, group_id, moderator).await), "ok");
}

#[tokio::test]
async fn a_removal_is_applied_before_it_is_answered_and_tells_everybody() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.announced().await;
    test.hold();
    let removal = test.remove(owner, group_id, member);
    tokio::pin!(removal);
    tokio::select! {
        biased;
        _ = &mut removal => panic!("answered before it was applied"),
        () = test.effect_delivered() => {}
    }
    test.resume();
    removal.await.unwrap();
    let it = member.user_id;
    let expected =
        [format!("group:deleted to user {it}, {it} is out"), "member:left to group".into()];
    assert_eq!(test.announced().await, expected);
    test.join(owner, group_id, member).await.unwrap();
}

#[tokio::test]
async fn a_banned_person_stays_out_until_unbanned() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.announced().await;
    test.ban(owner, group_id, member).await.unwrap();
    assert_eq!(test.announced().await.len(), 2);
    assert_eq!(code(test.join(owner, group_id, member).await), "forbidden");

    let again = Moderation { reason: Some("another".to_owned()) };
    test.chat.ban_member(owner, group_id, member.user_id, again).await.unwrap();
    let bans = test.chat.list_bans(owner, group_id, ListBans::default()).await.unwrap().bans;
    assert_eq!((bans[0].user.id, bans[0].reason.as_str()), (member.user_id, "spam"));

    for _ in 0..2 {
        test.chat.unban_member(owner, group_id, member.user_id).await.unwrap();
    }
    test.join(owner, group_id, member).await.unwrap();
}

#[tokio::test]
async fn somebody_who_never_joined_can_be_banned() {
    let test = TestChat::start();
    let [owner, stranger] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    test.announced().await;
    test.ban(owner, group_id, stranger).await.unwrap();
    let it = stranger.user_id;
    assert_eq!(test.announced().await, [format!("nothing to user {it}, {it} is out")]);
    let nobody = Caller { user_id: UserId::new(12), ..stranger };
    assert_eq!(code(test.ban(owner, group_id, nobody).await), "user_not_found");
}

#[tokio::test]
async fn bans_are_for_those_who_manage_members() {
    let test = TestChat::start();
    let [owner, member, stranger] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    let list =
        async |caller| code(test.chat.list_bans(caller, group_id, ListBans::default()).await);
    assert_eq!(list(member).await, "forbidden");
    assert_eq!(list(stranger).await, "group_not_found");
    let unban = test.chat.unban_member(member, group_id, stranger.user_id).await;
    assert_eq!(code(unban), "forbidden");
    let long = Moderation { reason: Some("x".repeat(501)) };
    let ban = test.chat.ban_member(owner, group_id, member.user_id, long).await;
    assert_eq!(code(ban), "too_large");
}

#[tokio::test]
async fn bans_come_in_pages() {
    let test = TestChat::start();
    let [owner, a, b, c] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    for banned in [c, a, b] {
        test.ban(owner, group_id, banned).await.unwrap();
    }
    let page = async |after, limit| {
        let page = test.chat.list_bans(owner, group_id, ListBans { after, limit }).await.unwrap();
        (page.bans.iter().map(|ban| ban.user.id).collect::<Vec<_>>(), page.has_more)
    };
    let (a, b, c) = (a.user_id, b.user_id, c.user_id);
    assert_eq!(page(None, Some(2)).await, (vec![a, b], true));
    assert_eq!(page(Some(b), Some(2)).await, (vec![c], false));
}

#[tokio::test]
async fn a_removal_waits_for_the_joining_that_it_undoes() {
    let test = TestChat::start();
    let [owner, person] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    let code = test.invite(owner, group_id).await;
    test.announced().await;
    test.hold();
    let joining = test.chat.accept_invite(person, &code);
    let removal = async {
        test.effect_delivered().await;
        test.remove(owner, group_id, person).await
    };
    let others = async {
        test.effect_delivered().await;
        // The store writes in order: without turns the removal would be stored by then.
        let _others: [Caller; 5] = test.people("other").await;
        test.resume();
    };
    let (joined, removed, ()) = tokio::join!(joining, removal, others);
    joined.unwrap();
    removed.unwrap();
    let lines = test.announced().await;
    let pushes: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(pushes, ["group:created", "member:joined", "group:deleted", "member:left"]);
}

#[tokio::test]
async fn a_departure_that_failed_half_way_is_completed_by_trying_again() {
    let test = TestChat::start();
    let [owner, removed] = test.people("p").await;
    let group_id = test.group(owner, &[removed]).await.group.id;
    // As after the end of another node: the member is gone from the store only.
    test.store.delete_member(group_id, removed.user_id).await.unwrap();
    test.forget();
    test.announced().await;
    assert_eq!(code(test.remove(owner, group_id, removed).await), "member_not_found");
    let user_id = removed.user_id;
    let expected = format!("nothing to user {user_id}, {user_id} is out");
    assert_eq!(test.announced().await, [expected]);
}
