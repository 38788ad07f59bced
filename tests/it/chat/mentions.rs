//! Mentions: who counts as mentioned, how many are unread, and who is told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use vibetalk::bus::envelope::{Content, Topic};
use vibetalk::bus::node_event::{EveryoneMentioned, NodeEvent};
use vibetalk::bus::{Delivery, Inbound};
use vibetalk::chat::Caller;
use vibetalk::chat::direct::OpenDirect;
use vibetalk::chat::mentions::MENTIONS_QUEUED_MAX;
use vibetalk::chat::read_states::MarkRead;
use vibetalk::chat::views::JoinedGroupView;
use vibetalk::model::event::Push;
use vibetalk::model::id::{ChannelId, NodeId};
use vibetalk::model::presence::SocketKey;
use vibetalk::store::faults::Fault;

use super::TestChat;

impl TestChat {
    /// Unread mentions of a channel, as the next `ready` says.
    pub async fn mention_count(&self, person: Caller, channel_id: ChannelId) -> u32 {
        let read_states = self.chat.snapshot(person).await.unwrap().read_states;
        let of_channel = read_states.iter().find(|state| state.channel_id == channel_id);
        of_channel.map_or(0, |state| state.mention_count)
    }

    /// Waits until `person` is told of a read state; the people told since the last call, in order,
    /// with their counts.
    async fn told_until(&self, person: Caller) -> Vec<(Topic, u64)> {
        let is_read_state = |content: &Content| matches!(content, Content::Push { push, .. } if *push == Push::ReadStateUpdated);
        self.delivered(|envelope| {
            is_read_state(&envelope.content) && envelope.topics[0] == Topic::User(person.user_id)
        })
        .await;
        let envelopes = self.drain().await;
        let told = envelopes.iter().filter_map(|envelope| match &envelope.content {
            Content::Push { push: Push::ReadStateUpdated, body, .. } => {
                let body: Value = serde_json::from_str(body.get()).unwrap();
                Some((envelope.topics[0], body["mentionCount"].as_u64().unwrap()))
            }
            _ => None,
        });
        told.collect()
    }
}

fn mention(people: &[Caller]) -> String {
    people.iter().map(|person| format!("<@{}> ", person.user_id)).collect()
}

fn to(person: Caller, count: u64) -> (Topic, u64) {
    (Topic::User(person.user_id), count)
}

#[tokio::test]
async fn the_named_who_see_the_channel_are_counted_and_told() {
    let test = TestChat::start();
    let [owner, member, other, stranger] = test.people("p").await;
    let channel_id = test.channel(owner, &[member, other]).await;
    test.announced().await;
    let content = mention(&[stranger, member, owner, member]);
    let message_id = test.send(owner, channel_id, &content).await;
    let message = test.chat.get_message(owner, channel_id, message_id).await.unwrap();
    assert_eq!(message.mentions, [owner.user_id, member.user_id], "not those outside");
    assert_eq!(test.told_until(member).await, [to(member, 1)], "the author knows");
    for (person, expected) in [(member, 1), (owner, 0), (other, 0)] {
        assert_eq!(test.mention_count(person, channel_id).await, expected);
    }
    test.send(owner, channel_id, &mention(&[member, other])).await;
    assert_eq!(test.told_until(other).await, [to(member, 2), to(other, 1)]);

    let request = MarkRead { message_id };
    let read = test.chat.mark_read(member, channel_id, request).await.unwrap();
    assert_eq!(read.mention_count, 1, "only the unread count");
}

#[tokio::test]
async fn edits_and_deletions_change_counts_and_tell_those_concerned() {
    let test = TestChat::start();
    let [owner, first, second] = test.people("p").await;
    let channel_id = test.channel(owner, &[first, second]).await;
    let message_id = test.send(owner, channel_id, &mention(&[first])).await;
    test.told_until(first).await;

    test.edit(owner, channel_id, message_id, &mention(&[second])).await.unwrap();
    assert_eq!(test.told_until(second).await, [to(first, 0), to(second, 1)]);

    test.edit(owner, channel_id, message_id, &format!("still {}", mention(&[second])))
        .await
        .unwrap();
    test.chat.delete_message(owner, channel_id, message_id).await.unwrap();
    assert_eq!(test.told_until(second).await, [to(second, 0)], "the second edit changed nobody");
    assert_eq!(test.mention_count(second, channel_id).await, 0);
}

#[tokio::test]
async fn everyone_is_mentioned_only_by_those_who_may_and_tells_the_online() {
    let test = TestChat::start();
    let [owner, online, last, offline, outside, late] = test.people("p").await;
    let group = test.group(owner, &[online, last, offline]).await;
    let channel_id = group.channels[0].id;
    for (person, key) in [(owner, 1), (online, 2), (last, 3), (outside, 4)] {
        test.chat.presence_opened(person, SocketKey(key));
    }
    test.announced().await;
    let unheard = test.send(online, channel_id, "@everyone").await;
    let unheard = test.chat.get_message(owner, channel_id, unheard).await.unwrap();
    assert!(!unheard.mentions_everyone, "members may not");

    test.send(owner, channel_id, &format!("@everyone, not least {}", mention(&[online]))).await;
    assert_eq!(test.told_until(last).await, [to(online, 1), to(last, 1)], "each once");
    test.send(online, channel_id, &mention(&[owner])).await;
    assert_eq!(test.told_until(owner).await, [to(owner, 1)]);

    test.clock.set(super::NOW_MS + 1000);
    test.join(owner, group.group.id, late).await.unwrap();
    for (person, expected) in [(online, 1), (offline, 1), (owner, 1), (late, 0)] {
        assert_eq!(test.mention_count(person, channel_id).await, expected);
    }
}

#[tokio::test]
async fn nobody_mentions_everyone_or_strangers_in_a_direct_channel() {
    let test = TestChat::start();
    let [ada, bob, eve] = test.people("p").await;
    let request = OpenDirect { user_ids: vec![bob.user_id] };
    let channel_id = test.chat.open_direct(ada, request).await.unwrap().channel.id;
    let content = format!("@everyone {}", mention(&[bob, eve]));
    let message_id = test.send(ada, channel_id, &content).await;
    let message = test.chat.get_message(ada, channel_id, message_id).await.unwrap();
    assert_eq!((message.mentions, message.mentions_everyone), (vec![bob.user_id], false));
    assert_eq!(test.mention_count(bob, channel_id).await, 1);
}

#[tokio::test]
async fn everyone_who_was_not_told_because_the_store_failed_is_told_later() {
    let test = TestChat::start();
    let [owner, first, last] = test.people("p").await;
    let channel_id = test.channel(owner, &[first, last]).await;
    for (person, key) in [(first, 1), (last, 2)] {
        test.chat.presence_opened(person, SocketKey(key));
    }
    test.announced().await;
    test.faults.count();
    test.faults.plan("list_read_states", Fault::NotDone);
    test.send(owner, channel_id, &format!("@everyone, not least {}", mention(&[first]))).await;
    let failing = async {
        while !test.faults.counted().contains_key("list_read_states") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), failing).await.unwrap();
    assert!(!test.chat.pay().await, "the store still fails");
    test.faults.clear();
    assert!(test.chat.pay().await);
    let mut told = test.told_until(last).await;
    told.sort_unstable_by_key(|(topic, _)| format!("{topic:?}"));
    told.dedup();
    assert_eq!(told, [to(first, 1), to(last, 1)]);
}

#[tokio::test]
async fn mentions_that_find_no_room_in_the_queue_are_told_later() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    let quiet = test.group(owner, &[]).await;
    test.chat.presence_opened(member, SocketKey(1));
    test.announced().await;
    let everyone_in = async |group: &JoinedGroupView| {
        let channel = test.chat.find_channel(group.channels[0].id).await.unwrap().unwrap();
        let (author, named) = (owner.user_id, Vec::new());
        let mentioned = EveryoneMentioned { channel: (*channel).clone(), author, named };
        Arc::new(NodeEvent::EveryoneMentioned(mentioned))
    };
    let (in_quiet, in_group) = (everyone_in(&quiet).await, everyone_in(&group).await);
    let hear = |event: &Arc<NodeEvent>| {
        let (origin, nobody) = (NodeId::new(1).unwrap(), mpsc::channel(1).0);
        assert!(
            test.chat.heard(Delivery::Node { origin, event: event.clone() }, &nobody).is_none()
        );
    };
    // Nothing takes them from the queue meanwhile: no other task runs.
    for _ in 0..MENTIONS_QUEUED_MAX {
        hear(&in_quiet);
    }
    hear(&in_group);
    let paid = async {
        while !test.chat.pay().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), paid).await.unwrap();
    assert_eq!(test.told_until(member).await, [to(member, 0)]);
}
