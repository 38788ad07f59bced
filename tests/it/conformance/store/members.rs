//! Members of groups.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use vibetalk::model::account::Account;
use vibetalk::model::group::{Member, MemberPatch};
use vibetalk::model::id::{GroupId, UserId};
use vibetalk::store::{Joining, Store, StoreError};

use super::{NOW_MS, account, check_count, group, member, stored_group, user_id};

/// Stores an account and makes it a member.
async fn joined(store: &dyn Store, group_id: GroupId, names: [&str; 2], nick: &str) -> UserId {
    let mut account = account();
    account.user.username = format!("{}-{}", names[0], account.user.id);
    account.user.display_name = names[1].into();
    store.insert_account(&account).await.unwrap();
    let nickname = (!nick.is_empty()).then(|| nick.to_owned());
    let member = Member { nickname, ..Member::new(group_id, account.user.id, NOW_MS) };
    assert_eq!(store.insert_member(&member).await.unwrap(), Joining::New);
    account.user.id
}

async fn check_prefix(store: &dyn Store, group_id: GroupId, prefix: &str, expected: &[UserId]) {
    let found = store.list_members(group_id, Some(prefix), UserId::ZERO, 10).await.unwrap();
    let found: Vec<UserId> = found.iter().map(|member| member.user_id).collect();
    assert_eq!(found, expected, "{prefix:?}");
}

pub async fn somebody_becomes_a_member_once(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let member = Member {
        roles: vec!["moderator".into(), "a \"quoted\" one".into()],
        nickname: Some("Nick".into()),
        ..member(group_id)
    };
    assert_eq!(store.insert_member(&member).await.unwrap(), Joining::New);
    let again = Member { nickname: None, ..member.clone() };
    assert_eq!(store.insert_member(&again).await.unwrap(), Joining::Already);
    assert_eq!(store.find_member(group_id, member.user_id).await.unwrap(), Some(member.clone()));
    check_count(store, group_id, 1).await;

    let user_id = member.user_id;
    assert_eq!(store.delete_member(group_id, user_id).await.unwrap(), Some(member));
    assert_eq!(store.delete_member(group_id, user_id).await.unwrap(), None);
    assert_eq!(store.find_member(group_id, user_id).await.unwrap(), None);
    check_count(store, group_id, 0).await;
}

pub async fn nobody_joins_a_group_that_does_not_exist(store: &dyn Store) {
    let member = member(group().id);
    assert_eq!(store.insert_member(&member).await.unwrap(), Joining::NoGroup);
    assert!(store.list_memberships(member.user_id).await.unwrap().is_empty());
}

pub async fn members_change_field_by_field(store: &dyn Store) {
    let member = member(stored_group(store).await);
    store.insert_member(&member).await.unwrap();
    let named = Member { nickname: Some("Nick".into()), ..member.clone() };
    let both = Member { roles: vec!["admin".into()], ..named.clone() };
    let bare = Member { nickname: None, ..both.clone() };
    for (patch, expected) in [
        (MemberPatch { nickname: Some(Some("Nick".into())), roles: None }, &named),
        (MemberPatch { nickname: None, roles: Some(vec!["admin".into()]) }, &both),
        (MemberPatch::default(), &both),
        (MemberPatch { nickname: Some(None), roles: None }, &bare),
        (MemberPatch { nickname: None, roles: Some(vec![]) }, &member),
    ] {
        let updated = store.update_member(member.group_id, member.user_id, &patch).await.unwrap();
        assert_eq!(updated.as_ref(), Some(expected));
    }
    let stranger = store.update_member(member.group_id, user_id(), &MemberPatch::default()).await;
    assert_eq!(stranger.unwrap(), None);
}

pub async fn members_are_listed_in_pages_by_user(store: &dyn Store) {
    let (group_id, other) = (stored_group(store).await, stored_group(store).await);
    let mut members: Vec<Member> = (0..7).map(|_| member(group_id)).collect();
    for member in members.iter().rev() {
        store.insert_member(member).await.unwrap();
    }
    store.insert_member(&member(other)).await.unwrap();
    members.sort_by_key(|member| member.user_id);

    let page = store.list_members(group_id, None, UserId::ZERO, 4).await.unwrap();
    assert_eq!(page, members[..4]);
    let page = store.list_members(group_id, None, members[3].user_id, 4).await.unwrap();
    assert_eq!(page, members[4..]);
}

pub async fn members_are_found_by_any_of_their_names(store: &dyn Store) {
    let (group_id, other) = (stored_group(store).await, stored_group(store).await);
    let anna = joined(store, group_id, ["Anna", "Zoe"], "Quick").await;
    let bert = joined(store, group_id, ["bert", "anna%"], "").await;
    let carl = joined(store, group_id, ["carl", "Carl"], "ANNA-like").await;
    let stranger = joined(store, other, ["annabel", "Annabel"], "anna").await;

    check_prefix(store, group_id, "aNNa", &[anna, bert, carl]).await;
    check_prefix(store, group_id, "zoe", &[anna]).await;
    check_prefix(store, group_id, "quick", &[anna]).await;
    check_prefix(store, group_id, "anna%", &[bert]).await;
    check_prefix(store, group_id, "%", &[]).await;
    check_prefix(store, other, "anna", &[stranger]).await;
    let patch = MemberPatch { nickname: Some(None), roles: None };
    store.update_member(group_id, anna, &patch).await.unwrap();
    check_prefix(store, group_id, "quick", &[]).await;

    let page = store.list_members(group_id, Some("anna"), anna, 1).await.unwrap();
    assert_eq!(page[0].user_id, bert);
}

pub async fn members_are_found_from_each_word_of_their_names(store: &dyn Store) {
    let (group_id, other) = (stored_group(store).await, stored_group(store).await);
    let zorn = joined(store, group_id, ["emile", "Émile Zorn"], "The Old Fox").await;
    joined(store, other, ["fox", "Fox Zorn"], "The Fox").await;
    for query in ["zorn", "émile zo", "old", "FOX", "the old f", "emi"] {
        check_prefix(store, group_id, query, &[zorn]).await;
    }
    for query in ["orn", "ld fox", "old zorn", "mile"] {
        check_prefix(store, group_id, query, &[]).await;
    }
    let patch = MemberPatch { nickname: Some(Some("Young Fox".into())), roles: None };
    store.update_member(group_id, zorn, &patch).await.unwrap();
    check_prefix(store, group_id, "old", &[]).await;
    check_prefix(store, group_id, "young", &[zorn]).await;
    let patch = MemberPatch { nickname: None, roles: Some(vec![]) };
    store.update_member(group_id, zorn, &patch).await.unwrap();
    check_prefix(store, group_id, "fox", &[zorn]).await;
    store.delete_member(group_id, zorn).await.unwrap();
    check_prefix(store, group_id, "zorn", &[]).await;
    let back = Member::new(group_id, zorn, NOW_MS);
    store.insert_member(&back).await.unwrap();
    check_prefix(store, group_id, "fox", &[]).await;
}

/// A prefix that thousands of people have, most of them outside the group.
pub async fn members_are_found_among_many_of_one_name(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let mut crowd: Vec<Account> = (0..2100).map(|_| account()).collect();
    for account in &mut crowd {
        account.user.display_name = "Crowd".into();
    }
    for some in crowd.chunks(100) {
        let inserts = some.iter().map(|account| store.insert_account(account));
        assert!(join_all(inserts).await.iter().all(Result::is_ok));
    }
    let first = joined(store, group_id, ["first", "The Crowded"], "").await;
    joined(store, group_id, ["between", "Between"], "").await;
    let last = joined(store, group_id, ["last", "Last"], "Another Crowd").await;

    check_prefix(store, group_id, "crowd", &[first, last]).await;
    let page = store.list_members(group_id, Some("crowd"), first, 10).await.unwrap();
    assert_eq!(page.len(), 1);
}

pub async fn members_are_filtered_and_listed_by_person(store: &dyn Store) {
    let groups = [stored_group(store).await, stored_group(store).await];
    let person = user_id();
    for group_id in groups.iter().rev() {
        store.insert_member(&Member::new(*group_id, person, NOW_MS)).await.unwrap();
    }
    let other = member(groups[0]);
    store.insert_member(&other).await.unwrap();

    let memberships = store.list_memberships(person).await.unwrap();
    let of_groups: Vec<GroupId> = memberships.iter().map(|member| member.group_id).collect();
    assert_eq!(of_groups, groups);
    let asked = [other.user_id, user_id(), person];
    let mut members = store.filter_members(groups[0], &asked).await.unwrap();
    members.sort_unstable();
    assert_eq!(members, [person, other.user_id]);
    assert_eq!(store.filter_members(groups[1], &asked).await.unwrap(), [person]);
}

pub async fn racing_joins_and_leaves_keep_the_count(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let people: Vec<Member> = (0..10).map(|_| member(group_id)).collect();
    let joins = join_all(people.iter().chain(&people).map(|member| store.insert_member(member)));
    let leaves = join_all(people.iter().map(|m| store.delete_member(group_id, m.user_id)));
    let (joins, leaves) = join(joins, leaves).await;

    let joined = joins.into_iter().filter(|joined| *joined.as_ref().unwrap() == Joining::New).count();
    let left = leaves.into_iter().filter(|left| left.as_ref().unwrap().is_some()).count();
    let members = store.list_members(group_id, None, UserId::ZERO, 100).await.unwrap().len();
    assert_eq!(joined - left, members);
    check_count(store, group_id, members as u64).await;
}

/// Some are refused and come back.
pub async fn a_crowd_that_joins_at_once_is_in_in_the_end(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let crowd: Vec<Member> = (0..500).map(|_| member(group_id)).collect();
    let started = Instant::now();
    let join = async |member: &Member| {
        loop {
            match store.insert_member(member).await {
                Ok(joined) => return joined,
                Err(StoreError::Busy | StoreError::Timeout) => {
                    assert!(started.elapsed() < Duration::from_secs(60), "they are kept waiting");
                }
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await; // As they are told to.
        }
    };
    let joined = join_all(crowd.iter().map(join)).await;
    assert!(joined.iter().all(|joined| matches!(joined, Joining::New | Joining::Already)));
    let listed = store.list_members(group_id, None, UserId::ZERO, 1000).await.unwrap();
    assert_eq!(listed, crowd);
    check_count(store, group_id, 500).await;
}
