//! What the suite does not ask of every store: several nodes on one database, and what is deleted behind.

use futures_util::future::join_all;
use vibetalk::clock::Clock;
use vibetalk::model::channel::{Channel, ChannelKind};
use vibetalk::model::group::{Ban, Group, Invite, Member, built_in_roles};
use vibetalk::model::id::{BUCKET_MS, ChannelId, GroupId, MessageId, UserId};
use vibetalk::model::message::Message;
use vibetalk::store::faults::Fault;
use vibetalk::store::scylla::ScyllaStore;
use vibetalk::store::{
    AccountStore, BanStore, ChannelStore, DirectOpening, GroupStore, InviteStore, Joining,
    MemberStore, OpeningQuota, PinStore, Reaction, ReactionStore, Redemption, StoreError,
};

use super::groups::fill;
use super::{
    MINUTE_MS, NOW_MS, account, change_id, channel, find_group, group, insert, member, message,
    message_with_id, next_id, stored_channel, stored_group, stored_official_group, user_id,
};
use crate::cassandra::OwnStore;

/// A database with two nodes.
async fn two_nodes() -> (OwnStore, ScyllaStore) {
    let one = OwnStore::open(Clock::fixed(NOW_MS)).await;
    let other = one.another_node(Clock::fixed(NOW_MS)).await;
    (one, other)
}

fn invite(group_id: GroupId, uses_max: u32) -> Invite {
    Invite {
        code: format!("code-{}", next_id()),
        group_id,
        creator_id: user_id(),
        uses: 0,
        uses_max: Some(uses_max),
        expires_at_ms: None,
        created_at_ms: NOW_MS,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_at_two_nodes_use_an_invite_up_exactly() {
    let (one, other) = two_nodes().await;
    let group_id = stored_group(&*one).await;
    let invite = invite(group_id, 3);
    one.insert_invite(&invite).await.unwrap();
    let people: Vec<Member> = (0..8).map(|_| member(group_id)).collect();
    // Each of them at both.
    let redeem = async |member: &Member| {
        let at_one = one.redeem_invite(&invite.code, member, NOW_MS);
        let at_other = other.redeem_invite(&invite.code, member, NOW_MS);
        let (at_one, at_other) = tokio::join!(at_one, at_other);
        let in_again = [Redemption::Joined, Redemption::AlreadyMember];
        let answers = [at_one.unwrap(), at_other.unwrap()];
        answers.iter().any(|answer| in_again.contains(answer))
    };
    let let_in = join_all(people.iter().map(redeem)).await.into_iter().filter(|it| *it).count();
    assert_eq!(let_in, 3);
    assert_eq!(other.find_invite(&invite.code).await.unwrap().unwrap().uses, 3);
    let members = other.list_members(group_id, None, UserId::ZERO, 100).await.unwrap();
    assert_eq!(members.len(), 3);
    assert!(one.list_invites(group_id, None, NOW_MS, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_at_two_nodes_open_one_direct_channel() {
    let (one, other) = two_nodes().await;
    for _ in 0..10 {
        let people = [user_id(), user_id()];
        let open = async |store: &ScyllaStore, opener: UserId| {
            let kind = ChannelKind::Direct;
            let recipients = people.to_vec();
            let name = String::new();
            let candidate =
                Channel { group_id: None, kind, name, recipients, ..channel(GroupId::ZERO) };
            let quota = OpeningQuota { opener, since: ChannelId::ZERO, opened_max: 9 };
            store.open_direct_channel(&candidate, quota).await.unwrap()
        };
        let opened = tokio::join!(open(&one, people[0]), open(&other, people[1]));
        let channel = match opened {
            (DirectOpening::New(new), DirectOpening::Found(found))
            | (DirectOpening::Found(found), DirectOpening::New(new)) => {
                assert_eq!(new, found);
                new
            }
            both => panic!("{both:?}"),
        };
        for person in people {
            assert_eq!(
                other.list_direct_channels(person, 9).await.unwrap(),
                std::slice::from_ref(&channel)
            );
        }
    }
}

/// Whoever is a member in the end finds the group in their list, and nobody else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_and_leaving_at_two_nodes_keep_the_list() {
    let (one, other) = two_nodes().await;
    let group_id = stored_group(&*one).await;
    let rounds = (0..20).map(async |_| {
        let person = member(group_id);
        for _ in 0..3 {
            let join = one.insert_member(&person);
            let leave = other.delete_member(group_id, person.user_id);
            let again = other.insert_member(&person);
            let (join, leave, again) = tokio::join!(join, leave, again);
            join.and(leave).unwrap();
            again.unwrap();
            let is_member = one.find_member(group_id, person.user_id).await.unwrap().is_some();
            let listed = !other.list_memberships(person.user_id).await.unwrap().is_empty();
            assert_eq!(listed, is_member);
        }
    });
    join_all(rounds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_make_one_official_group() {
    let (one, other) = two_nodes().await;
    let official = || Group { official: true, owner_id: None, ..group() };
    let groups = [official(), official()];
    let channels = groups.each_ref().map(|group| [channel(group.id)]);
    let roles = built_in_roles();
    let (at_one, at_other) = tokio::join!(
        one.insert_group(&groups[0], &roles, &channels[0], &[]),
        other.insert_group(&groups[1], &roles, &channels[1], &[]),
    );
    let (won, lost) = match (at_one, at_other) {
        (Ok(()), Err(StoreError::Conflict)) => (0, 1),
        (Err(StoreError::Conflict), Ok(())) => (1, 0),
        both => panic!("{both:?}"),
    };
    for store in [&*one, &other] {
        let found = store.find_official_group().await.unwrap();
        assert_eq!(found.as_ref(), Some(&groups[won]));
        assert_eq!(find_group(store, groups[lost].id).await, None);
        assert_eq!(store.find_channel(channels[lost][0].id).await.unwrap(), None);
        assert!(!store.delete_group(groups[won].id).await.unwrap());
    }
}

/// What one node deletes the other does not find, whatever it remembers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_deletes_no_other_finds() {
    let (one, other) = two_nodes().await;
    let group_id = stored_group(&*one).await;
    let [first, second] = [channel(group_id), channel(group_id)];
    let person = member(group_id);
    assert_eq!(one.insert_member(&person).await.unwrap(), Joining::New);
    for channel in [&first, &second] {
        assert!(one.insert_channel(channel).await.unwrap());
        assert!(other.find_channel(channel.id).await.unwrap().is_some());
    }
    assert_eq!(other.count_members(&[group_id]).await.unwrap(), [(group_id, 1)]);
    assert!(one.delete_channel(first.id).await.unwrap());
    assert_eq!(other.find_channel(first.id).await.unwrap(), None);
    assert!(!other.delete_channel(first.id).await.unwrap());
    assert!(one.delete_group(group_id).await.unwrap());
    assert_eq!(other.find_channel(second.id).await.unwrap(), None);
    assert_eq!(other.find_member(group_id, person.user_id).await.unwrap(), None);
    assert!(other.count_members(&[group_id]).await.unwrap().is_empty());
    assert!(other.list_memberships(person.user_id).await.unwrap().is_empty());
}

/// Messages of two buckets with all that belongs to them.
async fn fill_channel(store: &ScyllaStore, channel_id: ChannelId) {
    let old = MessageId::first_at(NOW_MS - BUCKET_MS);
    let messages = [message_with_id(channel_id, old), message(channel_id), message(channel_id)];
    let [_, _, named] = &messages;
    let named = Message { mentions: vec![user_id(), user_id()], ..named.clone() };
    let everyone = Message { mentions_everyone: true, ..message(channel_id) };
    for message in messages[..2].iter().chain([&named, &everyone]) {
        insert(store, message).await;
    }
    for message in [&messages[0], &named] {
        let reaction = Reaction {
            channel_id,
            message_id: message.id,
            emoji: "👍".into(),
            user_id: user_id(),
            at_ms: NOW_MS,
        };
        store.insert_reaction(&reaction, change_id()).await.unwrap();
    }
    store.insert_pin(channel_id, named.id, change_id()).await.unwrap();
}

const OF_CHANNELS: &[&str] = &[
    "messages",
    "channel_buckets",
    "channel_changes",
    "mentions",
    "everyone_mentions",
    "reactions",
    "reaction_counts",
    "pins",
    "group_activity",
    "channel_places",
    "garbage",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_channel_leaves_no_row_behind() {
    let clock = Clock::fixed(NOW_MS);
    let store = OwnStore::open(clock.clone()).await;
    let channel_id = stored_channel(&*store).await;
    fill_channel(&store, channel_id).await;
    assert!(store.delete_channel(channel_id).await.unwrap());
    assert_eq!(store.collect_garbage().await.unwrap(), 0, "something may be on its way");
    for (table, rows) in store.rows_of(OF_CHANNELS).await {
        assert!(rows > 0, "nothing in {table}");
    }
    clock.set(NOW_MS + 5 * MINUTE_MS);
    assert_eq!(store.collect_garbage().await.unwrap(), 1);
    for (table, rows) in store.rows_of(OF_CHANNELS).await {
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!(store.collect_garbage().await.unwrap(), 0);
    assert_eq!(store.rows_of(&["groups"]).await, [("groups", 1)], "the group is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_group_leaves_no_row_behind() {
    const OF_GROUPS: &[&str] = &[
        "groups",
        "members",
        "member_words",
        "groups_by_user",
        "bans",
        "invites",
        "invites_by_group",
    ];
    let clock = Clock::fixed(NOW_MS);
    let store = OwnStore::open(clock.clone()).await;
    let channel_id = stored_channel(&*store).await;
    let group_id = store.find_channel(channel_id).await.unwrap().unwrap().group_id.unwrap();
    fill_channel(&store, channel_id).await;
    fill(&*store, group_id, 1200).await;
    assert!(store.delete_group(group_id).await.unwrap());
    for (table, rows) in store.rows_of(OF_GROUPS).await {
        assert!(rows > 0, "nothing in {table}");
    }
    clock.set(NOW_MS + 5 * MINUTE_MS);
    assert_eq!(store.collect_garbage().await.unwrap(), 1);
    for (table, rows) in
        store.rows_of(OF_GROUPS).await.into_iter().chain(store.rows_of(OF_CHANNELS).await)
    {
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_to_be_deleted_and_was_not_stays() {
    let clock = Clock::fixed(NOW_MS);
    let store = OwnStore::open(clock.clone()).await;
    let channel_id = stored_channel(&*store).await;
    let group_id = store.find_channel(channel_id).await.unwrap().unwrap().group_id.unwrap();
    fill_channel(&store, channel_id).await;
    let person = member(group_id);
    store.insert_member(&person).await.unwrap();
    let before = store.rows_of(OF_CHANNELS).await;
    for operation in ["delete_group", "delete_channel"] {
        store.faults().plan(operation, Fault::StoppedAfter(1));
    }
    assert!(store.delete_group(group_id).await.is_err());
    assert!(store.delete_channel(channel_id).await.is_err());
    store.faults().clear();
    clock.set(NOW_MS + 5 * MINUTE_MS);
    assert_eq!(store.collect_garbage().await.unwrap(), 2);
    assert_eq!(store.rows_of(OF_CHANNELS).await, before);
    assert_eq!(store.find_member(group_id, person.user_id).await.unwrap(), Some(person));
    // A later deletion is noted anew.
    assert!(store.delete_group(group_id).await.unwrap());
    assert_eq!(store.rows_of(&["garbage"]).await, [("garbage", 1)]);
}

/// A partition for each time in which people registered: pages and counts go over them all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_group_is_read_over_its_buckets() {
    let (one, other) = two_nodes().await;
    let group_id = stored_official_group(&*one).await;
    let mut people = Vec::new();
    for bucket in [70, 40, 39, 1, 0] {
        for _ in 0..5 {
            let mut account = account();
            let at = MessageId::first_at(NOW_MS - bucket * BUCKET_MS).get();
            account.user.id = UserId::new(at + people.len() as u64);
            one.insert_account(&account).await.unwrap();
            people.push(account.user.id);
        }
    }
    let banned = people.remove(7);
    let ban = Ban { group_id, user_id: banned, reason: String::new(), created_at_ms: NOW_MS };
    other.insert_ban(&ban).await.unwrap();
    for limit in [1, 3, 5, 7, 100] {
        let (mut listed, mut after) = (Vec::new(), UserId::ZERO);
        loop {
            let page = other.list_members(group_id, None, after, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= limit);
            after = last.user_id;
            listed.extend(page.into_iter().map(|member| member.user_id));
        }
        assert_eq!(listed, people, "{limit} at a time");
    }
    // The second time from what was noted of those that are over.
    for store in [&*one, &other] {
        assert_eq!(store.count_members(&[group_id]).await.unwrap(), [(group_id, 24)]);
    }
}

/// Not a case of its own: how long the official group's lists take with so many people, of whom each tenth is a Zoe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "fills a database for a minute, and measures"]
async fn the_official_group_with_many_people() {
    const PEOPLE: u64 = 200_000;
    let store = OwnStore::open(Clock::fixed(NOW_MS)).await;
    let group_id = stored_official_group(&*store).await;
    let first = MessageId::first_at(NOW_MS - 10 * BUCKET_MS).get();
    // Registered evenly over ten buckets.
    let id = |n: u64| UserId::new(first + ((n * (10 * BUCKET_MS / PEOPLE)) << 21));
    store
        .insert_people((0..PEOPLE).map(|n| (id(n), if n % 10 == 0 { "zoe" } else { "ada" })))
        .await;
    let timed = async |what: &str, call: std::pin::Pin<Box<dyn Future<Output = usize> + '_>>| {
        let started = std::time::Instant::now();
        let found = call.await;
        println!("{what}: {found} in {:?}", started.elapsed());
    };
    let members = |prefix: Option<&'static str>, after: UserId| {
        let store = &store;
        Box::pin(
            async move { store.list_members(group_id, prefix, after, 100).await.unwrap().len() },
        )
    };
    for _ in 0..2 {
        timed("a page", members(None, id(PEOPLE / 2))).await;
        timed("a name that few have", members(Some("user-1234"), UserId::ZERO)).await;
        timed("a name that a tenth has", members(Some("zoe"), id(PEOPLE / 2))).await;
        timed("a name that most have", members(Some("ada"), id(PEOPLE / 2))).await;
        let count = async { store.count_members(&[group_id]).await.unwrap()[0].1 as usize };
        timed("a count", Box::pin(count)).await;
    }
}
