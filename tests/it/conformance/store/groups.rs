//! Groups as a whole, and bans.

use futures_util::future::{join3, join_all};
use vibetalk::model::group::{Ban, Group, GroupPatch, Invite, Member, MemberPatch, built_in_roles};
use vibetalk::model::id::{ChangeId, GroupId, MessageId, UserId};
use vibetalk::model::channel::Channel;
use vibetalk::store::{ChannelsSize, GroupHead, Joining, Redemption, Store};

use super::invites::stored as stored_invite;
use super::{NOW_MS, channel, check_count, find_group, group, insert, member, message, stored_group, user_id};

pub async fn a_group_comes_with_all_that_is_in_it(store: &dyn Store) {
    let group = group();
    let (channel, member) = (channel(group.id), member(group.id));
    let roles = built_in_roles();
    store
        .insert_group(&group, &roles, std::slice::from_ref(&channel), std::slice::from_ref(&member))
        .await
        .unwrap();

    assert_eq!(find_group(store, group.id).await, Some(group.clone()));
    assert_eq!(store.find_groups(&[group.id]).await.unwrap()[0].roles, roles);
    assert_eq!(store.list_channels(&[group.id]).await.unwrap(), [channel]);
    check_count(store, group.id, 1).await;
    assert_eq!(store.list_memberships(member.user_id).await.unwrap(), [member]);
    assert_eq!(find_group(store, GroupId::new(5)).await, None);
    check_count(store, GroupId::new(5), 0).await;
}

pub async fn many_groups_are_found_at_once(store: &dyn Store) {
    let groups = [group(), group(), group()];
    let mut channels = Vec::new();
    for (number, group) in (1..).zip(&groups) {
        let of_group = [channel(group.id), Channel { position: -1, ..channel(group.id) }];
        let members: Vec<Member> = (0..number).map(|_| member(group.id)).collect();
        store.insert_group(group, &built_in_roles(), &of_group, &members).await.unwrap();
        let [last, first] = of_group;
        channels.extend([first, last]);
    }
    assert!(store.delete_group(groups[1].id).await.unwrap());
    let unknown = self::group().id;
    let asked = [groups[2].id, unknown, groups[1].id, groups[0].id];
    let mut found = store.find_groups(&asked).await.unwrap();
    found.sort_by_key(|head| head.group.id);
    let head = |group: &Group| GroupHead {
        group: group.clone(),
        roles: built_in_roles(),
        channels: ChannelsSize { count: 2, text_bytes: 2 * (9 + 2) },
    };
    assert_eq!(found, [head(&groups[0]), head(&groups[2])]);
    let listed = store.list_channels(&asked).await.unwrap();
    let of = |group: &Group| {
        let id = Some(group.id);
        listed.iter().filter(|it| it.group_id == id).cloned().collect::<Vec<_>>()
    };
    assert_eq!(listed.len(), 4);
    assert_eq!(of(&groups[0]), channels[..2]);
    assert_eq!(of(&groups[2]), channels[4..]);
    assert_eq!(listed[0].group_id, listed[1].group_id, "each group's together");
    check_count(store, groups[0].id, 1).await;
    check_count(store, groups[2].id, 3).await;
    let mut counted = store.count_members(&asked).await.unwrap();
    counted.sort_unstable();
    assert_eq!(counted, [(groups[0].id, 1), (groups[2].id, 3)]);
    assert!(store.find_groups(&[]).await.unwrap().is_empty());
}

pub async fn repeating_an_insert_of_a_group_changes_nothing(store: &dyn Store) {
    let group = group();
    let members = [member(group.id)];
    for _ in 0..2 {
        store.insert_group(&group, &built_in_roles(), &[channel(group.id)], &members).await.unwrap();
    }
    check_count(store, group.id, 1).await;
    assert_eq!(store.list_channels(&[group.id]).await.unwrap().len(), 1);
}

pub async fn groups_change_field_by_field(store: &dyn Store) {
    let original = group();
    store.insert_group(&original, &[], &[], &[]).await.unwrap();
    let renamed = Group { name: "Renamed".into(), ..original.clone() };
    let bare = Group { icon: None, ..renamed.clone() };
    for (patch, expected) in [
        (GroupPatch { name: Some("Renamed".into()), icon: None }, &renamed),
        (GroupPatch::default(), &renamed),
        (GroupPatch { name: None, icon: Some(None) }, &bare),
        (GroupPatch { name: None, icon: Some(original.icon.clone()) }, &renamed),
    ] {
        let updated = store.update_group(original.id, &patch).await.unwrap();
        assert_eq!(updated.as_ref(), Some(expected));
        assert_eq!(find_group(store, original.id).await.as_ref(), Some(expected));
    }
    assert_eq!(store.update_group(group().id, &GroupPatch::default()).await.unwrap(), None);
}

pub async fn a_deleted_group_takes_everything_with_it(store: &dyn Store) {
    let group = group();
    let (channel, member) = (channel(group.id), member(group.id));
    let message = message(channel.id);
    let invite = Invite {
        code: format!("code-{}", group.id),
        group_id: group.id,
        creator_id: member.user_id,
        uses: 0,
        uses_max: None,
        expires_at_ms: None,
        created_at_ms: NOW_MS,
    };
    let channels = std::slice::from_ref(&channel);
    let members = std::slice::from_ref(&member);
    store.insert_group(&group, &built_in_roles(), channels, members).await.unwrap();
    store.insert_invite(&invite).await.unwrap();
    insert(store, &message).await;

    assert!(store.delete_group(group.id).await.unwrap());
    assert!(!store.delete_group(group.id).await.unwrap());
    assert_eq!(find_group(store, group.id).await, None);
    assert!(find_group(store, group.id).await.is_none());
    assert!(store.list_memberships(member.user_id).await.unwrap().is_empty());
    assert_eq!(store.find_member(group.id, member.user_id).await.unwrap(), None);
    check_count(store, group.id, 0).await;
    assert_eq!(store.find_invite(&invite.code).await.unwrap(), None);
    assert_eq!(store.find_channel(channel.id).await.unwrap(), None);
    assert!(store.list_channels(&[group.id]).await.unwrap().is_empty());
    assert!(store.messages_before(channel.id, MessageId::MAX, 10).await.unwrap().is_empty());
    assert_eq!(store.find_message(channel.id, message.id).await.unwrap(), None);
    assert!(store.list_changes(channel.id, ChangeId::ZERO, 10).await.unwrap().is_empty());
    assert!(!store.insert_channel(&channel).await.unwrap());
    assert_eq!(store.insert_member(&member).await.unwrap(), Joining::NoGroup);
}

/// What is deleted behind is not found meanwhile, and nothing changes it.
pub async fn nothing_of_a_huge_deleted_group_is_found(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let (members, invites) = fill(store, group_id, 1200).await;
    assert!(store.delete_group(group_id).await.unwrap());
    for member in [&members[0], &members[1199]] {
        let user_id = member.user_id;
        assert!(store.list_memberships(user_id).await.unwrap().is_empty());
        assert_eq!(store.find_member(group_id, user_id).await.unwrap(), None);
        let patch = MemberPatch { nickname: Some(None), roles: None };
        assert_eq!(store.update_member(group_id, user_id, &patch).await.unwrap(), None);
        assert!(store.filter_members(group_id, &[user_id]).await.unwrap().is_empty());
        assert_eq!(store.delete_member(group_id, user_id).await.unwrap(), None);
        assert_eq!(store.insert_member(member).await.unwrap(), Joining::NoGroup);
    }
    for prefix in [None, Some("nick")] {
        let listed = store.list_members(group_id, prefix, UserId::ZERO, 10).await.unwrap();
        assert!(listed.is_empty());
    }
    let bans = store.list_bans(group_id, UserId::ZERO, 10).await.unwrap();
    assert!(bans.is_empty());
    assert!(store.list_invites(group_id, None, NOW_MS, 10).await.unwrap().is_empty());
    for invite in [&invites[0], &invites[1199]] {
        let code = &invite.code;
        assert_eq!(store.find_invite(code).await.unwrap(), None);
        let joined = store.redeem_invite(code, &member(group_id), NOW_MS).await.unwrap();
        assert_eq!(joined, Redemption::NotFound);
        assert!(!store.delete_invite(code).await.unwrap());
        assert_eq!(store.find_ban(group_id, invite.creator_id).await.unwrap(), None);
        assert!(!store.delete_ban(group_id, invite.creator_id).await.unwrap());
    }
    assert!(find_group(store, group_id).await.is_none());
    check_count(store, group_id, 0).await;
}

/// So many members with nicknames, and invites, each by somebody who is banned.
pub async fn fill(store: &dyn Store, group_id: GroupId, count: usize) -> (Vec<Member>, Vec<Invite>) {
    let members: Vec<Member> = (0..count)
        .map(|_| Member { nickname: Some("Old Nick".into()), ..member(group_id) })
        .collect();
    let invites: Vec<Invite> = (0..count)
        .map(|n| Invite {
            code: format!("{group_id}-{n}"),
            group_id,
            creator_id: user_id(),
            uses: 0,
            uses_max: None,
            expires_at_ms: None,
            created_at_ms: NOW_MS,
        })
        .collect();
    for (members, invites) in members.chunks(25).zip(invites.chunks(25)) {
        let joins = members.iter().map(|member| store.insert_member(member));
        assert!(join_all(joins).await.into_iter().all(|joined| joined.unwrap() == Joining::New));
        join_all(invites.iter().map(async |invite| {
            store.insert_invite(invite).await.unwrap();
            let user_id = invite.creator_id;
            let ban = Ban { group_id, user_id, reason: String::new(), created_at_ms: NOW_MS };
            store.insert_ban(&ban).await.unwrap();
        }))
        .await;
    }
    (members, invites)
}

fn ban(group_id: GroupId, user_id: UserId, reason: &str) -> Ban {
    Ban { group_id, user_id, reason: reason.into(), created_at_ms: NOW_MS }
}

pub async fn a_ban_ends_membership_and_the_first_one_stays(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let member = member(group_id);
    store.insert_member(&member).await.unwrap();
    let first = ban(group_id, member.user_id, "first");
    store.insert_ban(&first).await.unwrap();
    store.insert_ban(&ban(group_id, member.user_id, "second")).await.unwrap();

    assert_eq!(store.find_member(group_id, member.user_id).await.unwrap(), None);
    check_count(store, group_id, 0).await;
    assert_eq!(store.find_ban(group_id, member.user_id).await.unwrap(), Some(first));
    assert!(store.delete_ban(group_id, member.user_id).await.unwrap());
    assert!(!store.delete_ban(group_id, member.user_id).await.unwrap());
    assert_eq!(store.find_ban(group_id, member.user_id).await.unwrap(), None);
}

pub async fn nobody_who_is_banned_becomes_a_member(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let member = member(group_id);
    store.insert_ban(&ban(group_id, member.user_id, "")).await.unwrap();
    assert_eq!(store.insert_member(&member).await.unwrap(), Joining::Banned);
    assert!(store.list_memberships(member.user_id).await.unwrap().is_empty());
    store.delete_ban(group_id, member.user_id).await.unwrap();
    assert_eq!(store.insert_member(&member).await.unwrap(), Joining::New);
}

/// By itself and by invite.
pub async fn nothing_is_left_of_a_joining_that_races_a_ban(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let invite = stored_invite(store, group_id, None).await;
    let people: Vec<Member> = (0..20).map(|_| member(group_id)).collect();
    let bans: Vec<Ban> = people.iter().map(|m| ban(group_id, m.user_id, "")).collect();
    let joins = join_all(people.iter().map(|member| store.insert_member(member)));
    let redeem = |member| store.redeem_invite(&invite.code, member, NOW_MS);
    let redeems = join_all(people.iter().map(redeem));
    let bans = join_all(bans.iter().map(|ban| store.insert_ban(ban)));
    let (bans, joins, redeems) = join3(bans, joins, redeems).await;
    assert!(bans.iter().all(Result::is_ok));
    assert!(joins.iter().all(Result::is_ok) && redeems.iter().all(Result::is_ok));
    for member in &people {
        assert_eq!(store.find_member(group_id, member.user_id).await.unwrap(), None);
        assert!(store.list_memberships(member.user_id).await.unwrap().is_empty());
    }
    assert!(store.list_members(group_id, None, UserId::ZERO, 100).await.unwrap().is_empty());
    check_count(store, group_id, 0).await;
}

pub async fn bans_are_listed_by_user(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let mut banned: Vec<UserId> = (0..5).map(|_| user_id()).collect();
    for user_id in banned.iter().rev() {
        store.insert_ban(&ban(group_id, *user_id, "spam")).await.unwrap();
    }
    let mut listed = Vec::new();
    while let page = store
        .list_bans(group_id, listed.last().copied().unwrap_or(UserId::ZERO), 2)
        .await
        .unwrap()
        && !page.is_empty()
    {
        assert!(page.len() <= 2);
        listed.extend(page.iter().map(|ban| ban.user_id));
    }
    banned.sort_unstable();
    assert_eq!(listed, banned);
}
