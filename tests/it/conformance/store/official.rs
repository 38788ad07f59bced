//! The official group, of which nobody has to be made a member.

use futures_util::future::{join, join_all};
use vibetalk::model::account::Account;
use vibetalk::model::group::{Ban, Group, Invite, Member, MemberPatch};
use vibetalk::model::id::{GroupId, UserId};
use vibetalk::store::{Joining, Redemption, Store, StoreError};

use super::{
    NOW_MS, account, channel, check_count, group, member, stored_group, stored_official_group, user_id,
};

/// Somebody who registered at some other time than that of the group.
async fn registered(store: &dyn Store, names: [&str; 2]) -> UserId {
    let mut account = Account { created_at_ms: NOW_MS - 5, ..account() };
    account.user.username = format!("{}-{}", names[0], account.user.id);
    account.user.display_name = names[1].into();
    store.insert_account(&account).await.unwrap();
    account.user.id
}

async fn people<const N: usize>(store: &dyn Store) -> [UserId; N] {
    let mut people = [UserId::ZERO; N];
    for person in &mut people {
        *person = registered(store, ["person", "Person"]).await;
    }
    people
}

fn ban(group_id: GroupId, user_id: UserId) -> Ban {
    Ban { group_id, user_id, reason: String::new(), created_at_ms: NOW_MS }
}

fn plain(group_id: GroupId, user_id: UserId) -> Member {
    Member::new(group_id, user_id, NOW_MS - 5)
}

async fn listed(store: &dyn Store, group_id: GroupId, prefix: Option<&str>) -> Vec<UserId> {
    let members = store.list_members(group_id, prefix, UserId::ZERO, 100).await.unwrap();
    members.iter().map(|member| member.user_id).collect()
}

/// All that tells of a membership agrees.
async fn check_member(store: &dyn Store, member: &Member) {
    let Member { group_id, user_id, .. } = *member;
    assert_eq!(store.find_member(group_id, user_id).await.unwrap().as_ref(), Some(member));
    assert!(store.list_memberships(user_id).await.unwrap().contains(member));
    assert_eq!(store.filter_members(group_id, &[user_id]).await.unwrap(), [user_id]);
    let page = store.list_members(group_id, None, UserId::new(user_id.get() - 1), 1).await.unwrap();
    assert_eq!(page.first(), Some(member));
}

async fn check_absent(store: &dyn Store, group_id: GroupId, user_id: UserId) {
    assert_eq!(store.find_member(group_id, user_id).await.unwrap(), None);
    assert!(store.list_memberships(user_id).await.unwrap().is_empty());
    assert!(store.filter_members(group_id, &[user_id]).await.unwrap().is_empty());
    assert!(!listed(store, group_id, None).await.contains(&user_id));
}

pub async fn there_is_one_official_group(store: &dyn Store) {
    assert_eq!(store.find_official_group().await.unwrap(), None);
    let official = Group { official: true, owner_id: None, icon: None, ..group() };
    store.insert_group(&official, &[], &[], &[]).await.unwrap();
    let second = Group { official: true, ..group() };
    let refused = store.insert_group(&second, &[], &[channel(second.id)], &[]).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    assert_eq!(store.find_official_group().await.unwrap(), Some(official));
    assert!(store.list_channels(&[second.id]).await.unwrap().is_empty());
}

pub async fn everybody_who_has_an_account_is_in_the_official_group(store: &dyn Store) {
    let [before] = people(store).await;
    let group_id = stored_official_group(store).await;
    check_member(store, &plain(group_id, before)).await;
    let [after] = people(store).await;
    check_member(store, &plain(group_id, after)).await;
    check_count(store, group_id, 2).await;

    // Beside what else they are in, by group.
    let others = [stored_group(store).await, stored_group(store).await];
    for other in others {
        store.insert_member(&Member::new(other, after, NOW_MS)).await.unwrap();
    }
    let memberships = store.list_memberships(after).await.unwrap();
    let of_groups: Vec<GroupId> = memberships.iter().map(|member| member.group_id).collect();
    assert_eq!(of_groups, [group_id, others[0], others[1]]);
}

pub async fn who_registers_or_is_banned_is_counted_from_the_answer_on(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let count = async || store.count_members(&[group_id]).await.unwrap()[0].1;
    let before = count().await;
    let [ada] = people(store).await;
    assert_eq!(count().await, before + 1);
    store.insert_ban(&ban(group_id, ada)).await.unwrap();
    assert_eq!(count().await, before);
    assert!(store.delete_ban(group_id, ada).await.unwrap());
    assert_eq!(count().await, before + 1);
}

pub async fn who_has_no_account_is_not_in_it(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    check_absent(store, group_id, user_id()).await;
    let patch = MemberPatch { nickname: Some(Some("Nobody".into())), roles: None };
    assert_eq!(store.update_member(group_id, user_id(), &patch).await.unwrap(), None);
    assert!(listed(store, group_id, Some("nobody")).await.is_empty());
    check_count(store, group_id, 0).await;
}

pub async fn nobody_joins_or_leaves_it(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let [person] = people(store).await;
    let joining = Member { nickname: Some("Nick".into()), ..Member::new(group_id, person, NOW_MS) };
    assert_eq!(store.insert_member(&joining).await.unwrap(), Joining::Already);
    assert_eq!(store.delete_member(group_id, person).await.unwrap(), None);
    check_member(store, &plain(group_id, person)).await;
    store.insert_ban(&ban(group_id, person)).await.unwrap();
    assert_eq!(store.insert_member(&joining).await.unwrap(), Joining::Banned);
}

pub async fn nobody_deletes_it(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let [person] = people(store).await;
    assert!(!store.delete_group(group_id).await.unwrap());
    assert_eq!(store.find_official_group().await.unwrap().map(|group| group.id), Some(group_id));
    assert_eq!(store.list_channels(&[group_id]).await.unwrap().len(), 1);
    check_member(store, &plain(group_id, person)).await;
}

pub async fn its_members_are_listed_in_pages(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let people: [UserId; 7] = people(store).await;
    store.insert_ban(&ban(group_id, people[2])).await.unwrap();
    let patch = MemberPatch { nickname: Some(Some("Nick".into())), roles: None };
    let named = store.update_member(group_id, people[3], &patch).await.unwrap().unwrap();
    let page = store.list_members(group_id, None, UserId::ZERO, 3).await.unwrap();
    assert_eq!(page, [plain(group_id, people[0]), plain(group_id, people[1]), named]);
    let page = store.list_members(group_id, None, people[3], 9).await.unwrap();
    assert_eq!(page, [4, 5, 6].map(|n| plain(group_id, people[n])));
    let mut members = store.filter_members(group_id, &people).await.unwrap();
    members.sort_unstable();
    assert_eq!(members, [0, 1, 3, 4, 5, 6].map(|n: usize| people[n]));
    check_count(store, group_id, 6).await;
}

pub async fn nicknames_and_roles_are_kept_in_it(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let [person, other] = people(store).await;
    let bare = plain(group_id, person);
    let named = Member { nickname: Some("Nick".into()), ..bare.clone() };
    let both = Member { roles: vec!["admin".into()], ..named.clone() };
    for (patch, expected) in [
        (MemberPatch::default(), &bare),
        (MemberPatch { nickname: Some(Some("Nick".into())), roles: None }, &named),
        (MemberPatch { nickname: None, roles: Some(vec!["admin".into()]) }, &both),
        (MemberPatch::default(), &both),
        (MemberPatch { nickname: None, roles: Some(vec![]) }, &named),
        (MemberPatch { nickname: Some(None), roles: None }, &bare),
    ] {
        let updated = store.update_member(group_id, person, &patch).await.unwrap();
        assert_eq!(updated.as_ref(), Some(expected));
        check_member(store, expected).await;
        assert_eq!(store.list_memberships(person).await.unwrap().len(), 1);
    }
    check_member(store, &plain(group_id, other)).await;
    check_count(store, group_id, 2).await;
}

pub async fn its_members_are_found_by_any_of_their_names(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let anna = registered(store, ["anna", "Zoe"]).await;
    let zorn = registered(store, ["emile", "Émile Anna Zorn"]).await;
    let nick = registered(store, ["carl", "Carl"]).await;
    let patch = MemberPatch { nickname: Some(Some("Old ANNA".into())), roles: None };
    store.update_member(group_id, nick, &patch).await.unwrap();
    assert_eq!(listed(store, group_id, Some("anna")).await, [anna, zorn, nick]);
    assert_eq!(listed(store, group_id, Some("zorn")).await, [zorn]);
    assert_eq!(listed(store, group_id, Some("old a")).await, [nick]);
    let page = store.list_members(group_id, Some("anna"), anna, 1).await.unwrap();
    assert_eq!(page, [plain(group_id, zorn)]);
    store.insert_ban(&ban(group_id, zorn)).await.unwrap();
    store.insert_ban(&ban(group_id, nick)).await.unwrap();
    assert_eq!(listed(store, group_id, Some("anna")).await, [anna]);
    store.delete_ban(group_id, nick).await.unwrap();
    assert_eq!(listed(store, group_id, Some("anna")).await, [anna], "the nickname is gone");
    assert_eq!(listed(store, group_id, Some("carl")).await, [nick]);
}

pub async fn its_members_are_found_among_many_of_one_name(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let mut crowd: Vec<Account> = (0..2100).map(|_| account()).collect();
    for account in &mut crowd {
        account.user.display_name = "Crowd".into();
    }
    for some in crowd.chunks(100) {
        let inserts = some.iter().map(|account| store.insert_account(account));
        assert!(join_all(inserts).await.iter().all(Result::is_ok));
    }
    let ids: Vec<UserId> = crowd.iter().map(|account| account.user.id).collect();
    store.insert_ban(&ban(group_id, ids[1])).await.unwrap();
    let [between] = people(store).await;
    let last = registered(store, ["last", "One of the Crowd"]).await;
    let page = store.list_members(group_id, Some("crowd"), UserId::ZERO, 3).await.unwrap();
    let page: Vec<UserId> = page.iter().map(|member| member.user_id).collect();
    assert_eq!(page, [ids[0], ids[2], ids[3]]);
    let page = store.list_members(group_id, Some("crowd"), between, 3).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].user_id, last);
}

pub async fn a_ban_keeps_out_of_it_and_takes_nickname_and_roles(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let [person, _] = people(store).await;
    let nickname = Some(Some("Nick".into()));
    let patch = MemberPatch { nickname, roles: Some(vec!["admin".into()]) };
    let named = store.update_member(group_id, person, &patch).await.unwrap().unwrap();
    assert!(!store.delete_ban(group_id, person).await.unwrap());
    check_member(store, &named).await; // The end of a ban that never was takes nothing.
    for _ in 0..2 {
        store.insert_ban(&ban(group_id, person)).await.unwrap();
        check_absent(store, group_id, person).await;
        assert_eq!(store.update_member(group_id, person, &patch).await.unwrap(), None);
        check_count(store, group_id, 1).await;
    }
    assert!(store.delete_ban(group_id, person).await.unwrap());
    assert!(!store.delete_ban(group_id, person).await.unwrap());
    check_member(store, &plain(group_id, person)).await;
    check_count(store, group_id, 2).await;
}

pub async fn an_invite_to_it_uses_nothing_up(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let [person, banned] = people(store).await;
    store.insert_ban(&ban(group_id, banned)).await.unwrap();
    let invite = Invite {
        code: format!("code-{group_id}"),
        group_id,
        creator_id: person,
        uses: 0,
        uses_max: Some(1),
        expires_at_ms: None,
        created_at_ms: NOW_MS,
    };
    store.insert_invite(&invite).await.unwrap();
    for (user_id, expected) in [
        (person, Redemption::AlreadyMember),
        (banned, Redemption::Banned),
        (user_id(), Redemption::NotFound),
    ] {
        let joining = Member::new(group_id, user_id, NOW_MS);
        assert_eq!(store.redeem_invite(&invite.code, &joining, NOW_MS).await.unwrap(), expected);
    }
    assert_eq!(store.find_invite(&invite.code).await.unwrap(), Some(invite));
}

pub async fn racing_registrations_and_bans_keep_its_count(store: &dyn Store) {
    let group_id = stored_official_group(store).await;
    let accounts: Vec<Account> = (0..20).map(|_| account()).collect();
    let inserts = accounts.iter().chain(&accounts).map(|account| store.insert_account(account));
    let bans: Vec<Ban> = accounts[..7].iter().map(|it| ban(group_id, it.user.id)).collect();
    let banned = bans.iter().chain(&bans).map(|ban| store.insert_ban(ban));
    let (inserted, banned) = join(join_all(inserts), join_all(banned)).await;
    assert!(inserted.iter().all(Result::is_ok) && banned.iter().all(Result::is_ok));
    check_count(store, group_id, 13).await;
    let unbanned = join_all(bans.iter().map(|ban| store.delete_ban(group_id, ban.user_id))).await;
    assert!(unbanned.into_iter().all(Result::unwrap));
    check_count(store, group_id, 20).await;
    let all: Vec<UserId> = accounts.iter().map(|account| account.user.id).collect();
    assert_eq!(listed(store, group_id, None).await, all);
    assert!(store.find_member(group_id, member(group_id).user_id).await.unwrap().is_none());
}
