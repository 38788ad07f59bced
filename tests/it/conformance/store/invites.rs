//! Invites and how they are redeemed.

use futures_util::future::join_all;
use vibetalk::model::group::{Ban, Invite, Member};
use vibetalk::model::id::{GroupId, UserId};
use vibetalk::store::{REDEEMED_AGAIN_MS, Redemption, Store, StoreError};

use super::{NOW_MS, check_count, member, next_id, stored_group, user_id};

fn invite(group_id: GroupId, uses_max: Option<u32>) -> Invite {
    Invite {
        code: format!("code-{}", next_id()),
        group_id,
        creator_id: user_id(),
        uses: 0,
        uses_max,
        expires_at_ms: None,
        created_at_ms: NOW_MS,
    }
}

pub async fn stored(store: &dyn Store, group_id: GroupId, uses_max: Option<u32>) -> Invite {
    let invite = invite(group_id, uses_max);
    store.insert_invite(&invite).await.unwrap();
    invite
}

async fn redeem(store: &dyn Store, invite: &Invite, member: &Member) -> Redemption {
    store.redeem_invite(&invite.code, member, NOW_MS).await.unwrap()
}

pub async fn an_invite_is_found_also_when_spent(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let invite = Invite { expires_at_ms: Some(NOW_MS + 5), ..invite(group_id, Some(1)) };
    store.insert_invite(&invite).await.unwrap();
    assert_eq!(store.find_invite(&invite.code).await.unwrap(), Some(invite.clone()));
    redeem(store, &invite, &member(group_id)).await;
    store.insert_invite(&invite).await.unwrap(); // A late retry makes it no fresh one.
    let spent = store.find_invite(&invite.code).await.unwrap();
    assert_eq!(spent, Some(Invite { uses: 1, ..invite.clone() }));

    let taken = Invite { creator_id: user_id(), ..invite.clone() };
    assert!(matches!(store.insert_invite(&taken).await, Err(StoreError::Conflict)));
    assert!(store.delete_invite(&invite.code).await.unwrap());
    assert!(!store.delete_invite(&invite.code).await.unwrap());
    assert_eq!(store.find_invite(&invite.code).await.unwrap(), None);
}

pub async fn open_invites_are_listed_newest_first(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let creator = user_id();
    let mut open = Vec::new();
    for (n, expires_at_ms) in [None, Some(NOW_MS + 1), Some(NOW_MS), None].into_iter().enumerate() {
        let created_at_ms = NOW_MS - 100 + n as u64;
        let invite =
            Invite { expires_at_ms, created_at_ms, creator_id: creator, ..invite(group_id, None) };
        store.insert_invite(&invite).await.unwrap();
        if n != 2 {
            open.insert(0, invite);
        }
    }
    let spent = stored(store, group_id, Some(1)).await;
    redeem(store, &spent, &member(group_id)).await;
    let others = stored(store, group_id, None).await;

    let list = async |creator, limit| {
        store.list_invites(group_id, creator, NOW_MS, limit).await.unwrap()
    };
    assert_eq!(list(Some(creator), 10).await, open);
    assert_eq!(list(Some(creator), 2).await, open[..2]);
    let mut all = vec![others];
    all.extend(open);
    assert_eq!(list(None, 10).await, all);
}

pub async fn an_invite_lets_people_in_until_it_is_spent(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let invite = stored(store, group_id, Some(2)).await;
    let people: Vec<Member> = (0..3).map(|_| member(group_id)).collect();
    assert_eq!(redeem(store, &invite, &people[0]).await, Redemption::Joined);
    assert_eq!(redeem(store, &invite, &people[1]).await, Redemption::Joined);
    assert_eq!(redeem(store, &invite, &people[2]).await, Redemption::NotFound);
    assert_eq!(store.find_invite(&invite.code).await.unwrap().unwrap().uses, 2);
    assert_eq!(store.list_members(group_id, None, UserId::ZERO, 10).await.unwrap(), people[..2]);
    check_count(store, group_id, 2).await;
}

pub async fn one_of_racing_people_gets_the_last_use(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let invite = stored(store, group_id, Some(1)).await;
    let people: Vec<Member> = (0..20).map(|_| member(group_id)).collect();
    let outcomes = join_all(people.iter().map(|member| redeem(store, &invite, member))).await;
    let joined = outcomes.iter().filter(|outcome| **outcome == Redemption::Joined).count();
    assert_eq!(joined, 1);
    check_count(store, group_id, 1).await;
}

pub async fn a_member_uses_nothing_up(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let invite = stored(store, group_id, Some(2)).await;
    let person = member(group_id);
    assert_eq!(redeem(store, &invite, &person).await, Redemption::Joined);
    for _ in 0..3 {
        assert_eq!(redeem(store, &invite, &person).await, Redemption::AlreadyMember);
    }
    assert_eq!(store.find_invite(&invite.code).await.unwrap().unwrap().uses, 1);
    assert_eq!(redeem(store, &invite, &member(group_id)).await, Redemption::Joined);
}

pub async fn who_comes_back_uses_nothing_up(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let invite = stored(store, group_id, Some(2)).await;
    let person = member(group_id);
    for _ in 0..3 {
        assert_eq!(redeem(store, &invite, &person).await, Redemption::Joined);
        store.delete_member(group_id, person.user_id).await.unwrap();
    }
    assert_eq!(store.find_invite(&invite.code).await.unwrap().unwrap().uses, 1);
    assert_eq!(redeem(store, &invite, &member(group_id)).await, Redemption::Joined);
}

/// The person may have been told nothing of it, and may have got no further than the use.
pub async fn the_last_use_is_repeated_for_a_while(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let invite = stored(store, group_id, Some(1)).await;
    let person = member(group_id);
    let at = async |now_ms| {
        let redeemed = store.redeem_invite(&invite.code, &person, now_ms).await.unwrap();
        store.delete_member(group_id, person.user_id).await.unwrap();
        redeemed
    };
    assert_eq!(at(NOW_MS).await, Redemption::Joined);
    assert_eq!(redeem(store, &invite, &member(group_id)).await, Redemption::NotFound);
    assert_eq!(at(NOW_MS + REDEEMED_AGAIN_MS - 1).await, Redemption::Joined);
    assert_eq!(at(NOW_MS + REDEEMED_AGAIN_MS).await, Redemption::NotFound);
}

pub async fn invites_are_refused_to_the_banned_and_when_expired(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let person = member(group_id);
    let ban = Ban {
        group_id,
        user_id: person.user_id,
        reason: String::new(),
        created_at_ms: NOW_MS,
    };
    store.insert_ban(&ban).await.unwrap();
    let open = stored(store, group_id, None).await;
    assert_eq!(redeem(store, &open, &person).await, Redemption::Banned);
    check_count(store, group_id, 0).await;

    let expired = Invite { expires_at_ms: Some(NOW_MS), ..invite(group_id, None) };
    store.insert_invite(&expired).await.unwrap();
    assert_eq!(redeem(store, &expired, &member(group_id)).await, Redemption::NotFound);
}

pub async fn an_invite_of_another_group_is_not_found(store: &dyn Store) {
    let (group_id, other) = (stored_group(store).await, stored_group(store).await);
    let invite = stored(store, other, None).await;
    assert_eq!(redeem(store, &invite, &member(group_id)).await, Redemption::NotFound);
    let unknown = store.redeem_invite("never was", &member(group_id), NOW_MS).await.unwrap();
    assert_eq!(unknown, Redemption::NotFound);
    check_count(store, group_id, 0).await;
}
