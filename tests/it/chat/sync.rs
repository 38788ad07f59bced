//! What a client gets when it comes back.

use std::collections::BTreeMap;

use vibetalk::chat::direct::OpenDirect;
use vibetalk::chat::limits::SYNC_CHANNELS_MAX;
use vibetalk::chat::reactions::ReactionTarget;
use vibetalk::chat::sync::Sync;
use vibetalk::chat::views::Synced;
use vibetalk::chat::{Caller, ChatError};
use vibetalk::clock::UnixMs;
use vibetalk::model::id::{ChannelId, MessageId};
use vibetalk::model::message::ChangeKind;
use vibetalk::model::time::Timestamp;

use super::{NOW_MS, TestChat, code};

const WEEK_MS: UnixMs = 7 * 24 * 60 * 60 * 1000;

impl TestChat {
    async fn sync(
        &self,
        caller: Caller,
        channels: &[(ChannelId, MessageId)],
        since_ms: UnixMs,
    ) -> Result<Synced, ChatError> {
        let channels: BTreeMap<_, _> = channels.iter().copied().collect();
        let request = Sync { channels, since: Timestamp(since_ms).to_string() };
        self.chat.sync(caller, request).await
    }

    /// The messages of the one channel that is synced, newest first, and whether they are all.
    async fn missed(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        seen: MessageId,
        since_ms: UnixMs,
    ) -> (Vec<MessageId>, bool) {
        let synced = self.sync(caller, &[(channel_id, seen)], since_ms).await.unwrap();
        let channel = &synced.channels[&channel_id];
        (channel.messages.iter().map(|message| message.id).collect(), channel.complete)
    }

    async fn send_at(&self, caller: Caller, channel_id: ChannelId, at_ms: UnixMs) -> MessageId {
        self.clock.set(at_ms);
        self.send(caller, channel_id, "at its time").await
    }
}

#[tokio::test]
async fn everything_newer_comes_and_what_a_slower_writer_may_have_stored_late() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let old = test.send_at(owner, channel_id, NOW_MS).await;
    let within_overlap = test.send_at(owner, channel_id, NOW_MS + 6_000).await;
    let seen = test.send_at(owner, channel_id, NOW_MS + 10_000).await;
    let missed = test.send_at(owner, channel_id, NOW_MS + 10_001).await;
    let since_ms = NOW_MS + 10_000;
    let (messages, complete) = test.missed(owner, channel_id, seen, since_ms).await;
    assert_eq!((&*messages, complete), (&[missed, seen, within_overlap][..], true));

    let everything = vec![missed, seen, within_overlap, old];
    let (messages, complete) = test.missed(owner, channel_id, MessageId::ZERO, since_ms).await;
    assert_eq!((messages, complete), (everything, true));

    let late_ms = NOW_MS + 60_000;
    let late = MessageId::first_at(late_ms);
    assert_eq!(test.missed(owner, channel_id, late, late_ms).await, (vec![], true));
}

#[tokio::test]
async fn a_channel_without_messages_is_complete() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let missed = test.missed(owner, channel_id, MessageId::ZERO, NOW_MS).await;
    assert_eq!(missed, (vec![], true));
}

#[tokio::test]
async fn two_hundred_missed_messages_come_in_full_and_far_more_never_in_silence() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let seen = test.send(owner, channel_id, "seen").await;
    test.clock.set(NOW_MS + 60_000);
    let send = async |count: usize| {
        let sends = (0..count).map(|_| test.send(owner, channel_id, "missed"));
        futures_util::future::join_all(sends).await
    };
    send(200).await;
    let (messages, complete) = test.missed(owner, channel_id, seen, NOW_MS).await;
    assert_eq!((messages.len(), complete), (201, true), "and the one that was seen");
    send(250).await;
    let (messages, complete) = test.missed(owner, channel_id, seen, NOW_MS).await;
    assert!(!complete);
    let newest = test.newest(owner, channel_id).await[0].id;
    assert!(messages.first().is_none_or(|first| *first == newest), "the newest, or none");
}

#[tokio::test]
async fn whoever_was_away_for_longer_than_changes_are_kept_reloads() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let seen = test.send(owner, channel_id, "seen").await;
    for (away_ms, complete) in [(WEEK_MS, true), (WEEK_MS + 1, false)] {
        test.clock.set(NOW_MS + away_ms);
        assert_eq!(test.missed(owner, channel_id, seen, NOW_MS).await.1, complete);
    }
}

#[tokio::test]
async fn changes_to_messages_that_were_seen_are_named_by_kind() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(test.send(owner, channel_id, "before").await);
    }
    let old = test.send(owner, channel_id, "before").await;
    test.edit(owner, channel_id, old, "long ago").await.unwrap();
    test.clock.set(NOW_MS + 60_000);
    let chat = &test.chat;
    let reaction = || ReactionTarget { channel_id, message_id: sent[1], emoji: "+".to_owned() };
    test.edit(owner, channel_id, sent[0], "after").await.unwrap();
    chat.add_reaction(owner, reaction()).await.unwrap();
    chat.remove_reaction(owner, reaction()).await.unwrap();
    chat.add_pin(owner, channel_id, sent[2]).await.unwrap();
    chat.remove_pin(owner, channel_id, sent[2]).await.unwrap();
    chat.delete_message(owner, channel_id, sent[3]).await.unwrap();

    let synced = test.sync(owner, &[(channel_id, old)], NOW_MS + 60_000).await.unwrap();
    let changed: Vec<_> =
        synced.changed.iter().map(|change| (change.message_id, change.kind)).collect();
    let expected = [
        (sent[0], ChangeKind::Updated),
        (sent[1], ChangeKind::ReactionAdded),
        (sent[1], ChangeKind::ReactionRemoved),
        (sent[2], ChangeKind::Pinned),
        (sent[2], ChangeKind::Unpinned),
        (sent[3], ChangeKind::Deleted),
    ];
    assert_eq!(changed, expected);
    assert!(synced.channels[&channel_id].complete);
    assert_eq!(synced.server_time, Timestamp(NOW_MS + 60_000));

    let overlapping = test.sync(owner, &[(channel_id, old)], NOW_MS + 65_000).await.unwrap();
    assert_eq!(overlapping.changed.len(), 6, "changes of the last 5 s come again");
    let later = test.sync(owner, &[(channel_id, old)], NOW_MS + 65_001).await.unwrap();
    assert!(later.changed.is_empty());
}

#[tokio::test]
async fn more_changes_than_fit_say_so() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let seen = test.send(owner, channel_id, "seen").await;
    for number in 0..501 {
        let complete = test.missed(owner, channel_id, seen, NOW_MS);
        if number == 500 {
            assert!(complete.await.1, "500 fit");
        }
        test.edit(owner, channel_id, seen, &number.to_string()).await.unwrap();
    }
    assert!(!test.missed(owner, channel_id, seen, NOW_MS).await.1);
}

#[tokio::test]
async fn channels_that_one_may_not_see_are_left_out() {
    let test = TestChat::start();
    let [owner, member, stranger] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    let channel_id = group.channels[0].id;
    let request = OpenDirect { user_ids: vec![member.user_id] };
    let direct = test.chat.open_direct(owner, request).await.unwrap().channel.id;
    let message_id = test.send(owner, channel_id, "secret").await;
    test.edit(owner, channel_id, message_id, "still").await.unwrap();
    test.send(owner, direct, "secret").await;
    let asked =
        [channel_id, direct, ChannelId::new(5)].map(|channel_id| (channel_id, MessageId::ZERO));

    let synced = test.sync(member, &asked, NOW_MS).await.unwrap();
    assert!(synced.channels.keys().eq([&channel_id, &direct]));
    let synced = test.sync(stranger, &asked, NOW_MS).await.unwrap();
    assert!(synced.channels.is_empty() && synced.changed.is_empty());

    test.chat.leave_group(member, group.group.id).await.unwrap();
    let synced = test.sync(member, &asked, NOW_MS).await.unwrap();
    assert!(synced.channels.keys().eq([&direct]) && synced.changed.is_empty());
}

#[tokio::test]
async fn requests_out_of_bounds_are_refused() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channels = |count| -> Vec<_> {
        (0..count as u64).map(|id| (ChannelId::new(id), MessageId::ZERO)).collect()
    };
    let sync = async |count| code(test.sync(owner, &channels(count), NOW_MS).await);
    assert_eq!(sync(SYNC_CHANNELS_MAX).await, "ok");
    assert_eq!(sync(SYNC_CHANNELS_MAX + 1).await, "too_large");
    for since in ["", "yesterday", "1795000000000", "2026-11-24", "1969-12-31T23:59:59Z"] {
        let request = Sync { channels: BTreeMap::new(), since: since.to_owned() };
        assert_eq!(code(test.chat.sync(owner, request).await), "invalid_request", "{since}");
    }
    let request = Sync { channels: BTreeMap::new(), since: "2026-11-24T12:00:00+02:00".to_owned() };
    assert_eq!(code(test.chat.sync(owner, request).await), "ok");
}

#[tokio::test]
async fn what_came_since_and_is_older_than_the_newest_seen_comes_too() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.group(owner, &[]).await.channels[0].id;
    let since_ms = NOW_MS + 60_000;
    let known = test.send_at(owner, channel_id, NOW_MS).await;
    let missed = test.send_at(owner, channel_id, since_ms + 1_000).await;
    let seen = test.send_at(owner, channel_id, since_ms + 20_000).await;
    let sync = async |since_ms| {
        let synced = test.sync(owner, &[(channel_id, seen)], since_ms).await.unwrap();
        let messages = &synced.channels[&channel_id].messages;
        messages.iter().map(|message| message.id).collect::<Vec<_>>()
    };
    assert_eq!(sync(since_ms).await, [seen, missed]);
    assert_eq!(sync(since_ms + 10_000).await, [seen], "it knew that it knew the rest");
    assert_eq!(sync(NOW_MS).await, [seen, missed, known]);
}
