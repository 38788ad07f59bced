//! How often the store is asked when somebody comes back.

use std::collections::BTreeMap;

use vibetalk::chat::Caller;
use vibetalk::chat::sync::Sync;
use vibetalk::model::channel::{Channel, ChannelKind};
use vibetalk::model::group::{Group, Member, built_in_roles};
use vibetalk::model::id::{ChannelId, GroupId, MessageId};
use vibetalk::model::time::Timestamp;

use super::{NOW_MS, TestChat};

/// Somebody in 200 groups with five channels each, which nobody has asked for yet.
async fn in_many_groups(test: &TestChat) -> (Caller, Vec<ChannelId>) {
    let [caller] = test.people("p").await;
    let mut channel_ids = Vec::new();
    for n in 1..=200 {
        let group = Group {
            id: GroupId::new(n),
            name: "group".into(),
            icon: None,
            owner_id: None,
            official: false,
            created_at_ms: NOW_MS,
        };
        let channel = |m| Channel {
            id: ChannelId::new(1000 * n + m),
            group_id: Some(group.id),
            kind: ChannelKind::Text,
            name: "channel".into(),
            topic: String::new(),
            position: 0,
            slow_mode_seconds: 0,
            recipients: Vec::new(),
        };
        let channels: Vec<Channel> = (0..5).map(channel).collect();
        let members = [Member::new(group.id, caller.user_id, NOW_MS)];
        let roles = built_in_roles();
        test.store.insert_group(&group, &roles, &channels, &members).await.unwrap();
        channel_ids.extend(channels.iter().map(|channel| channel.id));
    }
    (caller, channel_ids)
}

/// How often `work` asks the store.
async fn reads(test: &TestChat, work: impl Future<Output = ()>) -> u64 {
    test.faults.count();
    work.await;
    let counted = test.faults.counted();
    test.faults.clear();
    counted.values().sum()
}

#[tokio::test]
async fn ready_of_200_groups_asks_the_store_six_times_and_with_nothing_cached_eleven() {
    let test = TestChat::start();
    let (caller, _) = in_many_groups(&test).await;
    let open = async || {
        test.chat.audiences(caller).await.unwrap();
        let ready = test.chat.snapshot(caller).await.unwrap();
        assert!(ready.groups.iter().all(|group| group.channels.is_some()));
        assert_eq!(ready.groups.len(), 200);
    };
    let first = reads(&test, open()).await;
    assert!(first <= 11, "{first}: besides for the person and for all groups together");
    let again = reads(&test, open()).await;
    assert!(again <= 6, "{again}");
}

/// So that what thousands have in common is read once for all of them.
#[tokio::test]
async fn few_groups_are_read_one_by_one_and_cost_no_more() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    for _ in 0..4 {
        test.group(owner, &[member]).await;
    }
    test.forget();
    let open = async || {
        test.chat.audiences(member).await.unwrap();
        assert_eq!(test.chat.snapshot(member).await.unwrap().groups.len(), 4);
    };
    let first = reads(&test, open()).await;
    assert!(first <= 6 + 1 + 4 * 4, "{first}");
    let other = reads(&test, async { drop(test.chat.snapshot(owner).await.unwrap()) }).await;
    assert!(other <= 6, "{other}: the groups are there");
}

#[tokio::test]
async fn a_sync_of_1_000_channels_asks_for_those_alone_in_which_something_happened() {
    let test = TestChat::start();
    let (caller, channel_ids) = in_many_groups(&test).await;
    let sync = async || {
        let channels: BTreeMap<_, _> =
            channel_ids.iter().map(|id| (*id, MessageId::ZERO)).collect();
        let request = Sync { channels, since: Timestamp(NOW_MS).to_string() };
        let synced = test.chat.sync(caller, request).await.unwrap();
        assert_eq!(synced.channels.len(), 1000);
        assert!(synced.channels.values().all(|channel| channel.complete));
        synced.channels.values().map(|channel| channel.messages.len()).sum::<usize>()
    };
    let first = reads(&test, async { assert_eq!(sync().await, 0) }).await;
    assert!(first <= 4, "{first}: besides for all memberships, and all groups together");
    let again = reads(&test, async { assert_eq!(sync().await, 0) }).await;
    assert!(again <= 2, "{again}");
    test.send(caller, channel_ids[7], "news").await;
    let news = reads(&test, async { assert_eq!(sync().await, 1) }).await;
    assert!(news <= again + 3, "{news}");
}

#[tokio::test]
async fn pins_are_read_once_however_much_is_said() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.group(owner, &[]).await.channels[0].id;
    test.faults.count();
    for _ in 0..5 {
        test.send(owner, channel_id, "hello").await;
        test.chat.list_messages(owner, channel_id, Default::default()).await.unwrap();
    }
    let asked = test.faults.counted();
    assert_eq!((asked["list_pinned_ids"], asked["messages_before"]), (1, 5), "{asked:?}");
}
