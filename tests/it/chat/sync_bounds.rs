//! What comes back in a sync, and what bounds it.

use vibetalk::chat::Caller;
use vibetalk::chat::sync::Sync;
use vibetalk::chat::views::Synced;
use vibetalk::model::id::{ChangeId, ChannelId, MessageId};
use vibetalk::model::message::Message;
use vibetalk::model::time::Timestamp;
use vibetalk::store::NewMessage;

use super::{NOW_MS, TestChat};

async fn sync(test: &TestChat, caller: Caller, channels: &[(ChannelId, MessageId)]) -> Synced {
    sync_since(test, caller, channels, 0).await
}

/// Since so long after [`NOW_MS`].
async fn sync_since(
    test: &TestChat,
    caller: Caller,
    channels: &[(ChannelId, MessageId)],
    after_ms: u64,
) -> Synced {
    let since = Timestamp(NOW_MS + after_ms).to_string();
    let request = Sync { channels: channels.iter().copied().collect(), since };
    test.chat.sync(caller, request).await.unwrap()
}

/// A message that was sent so long after [`NOW_MS`].
async fn store(
    test: &TestChat,
    caller: Caller,
    channel_id: ChannelId,
    after_ms: u64,
    content: &str,
    reply_to: Option<MessageId>,
) -> MessageId {
    let message = Message {
        id: MessageId::first_at(NOW_MS + after_ms),
        channel_id,
        author_id: caller.user_id,
        content: content.to_owned(),
        edited_at_ms: None,
        reply_to,
        mentions: Vec::new(),
        mentions_everyone: false,
        nonce: None,
    };
    let new = NewMessage { message, now_ms: NOW_MS, nonce_kept_ms: 0, slow_mode_ms: None };
    test.store.insert_message(&new).await.unwrap().unwrap().message.id
}

#[tokio::test]
async fn four_hundred_messages_come_in_full_besides_those_that_are_repeated() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.group(owner, &[]).await.channels[0].id;
    let mut ids = Vec::new();
    for index in 0..700 {
        ids.push(store(&test, owner, channel_id, 100 * index, "m", None).await);
    }
    // Fifty of them in the five seconds before.
    for (seen, since, count, complete) in [
        (699, 699, 51, true),
        (350, 699, 400, true),
        (299, 699, 451, true),
        (298, 699, 400, false),
        (699, 349, 401, true),
        (699, 0, 700, true),
        (299, 0, 700, true),
        (298, 0, 400, false),
    ] {
        let asked = [(channel_id, ids[seen])];
        let synced = sync_since(&test, owner, &asked, 100 * since).await;
        let channel = &synced.channels[&channel_id];
        let came = (channel.messages.len(), channel.complete);
        assert_eq!(came, (count, complete), "seen {seen}, since {since}");
    }
}

#[tokio::test]
async fn what_was_missed_of_a_busy_channel_comes_in_full_though_a_minute_of_it_comes_again() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.group(owner, &[]).await.channels[0].id;
    // Twenty in each second.
    let sent = (0..2_300).map(|index| store(&test, owner, channel_id, 50 * index, "m", None));
    let ids = futures_util::future::join_all(sent).await;
    for (seen, since, count, complete) in
        [(2_099, 800, 1_600, true), (2_299, 400, 2_000, true), (2_299, 399, 400, false)]
    {
        let asked = [(channel_id, ids[seen])];
        let synced = sync_since(&test, owner, &asked, 50 * since).await;
        let channel = &synced.channels[&channel_id];
        let newest = channel.messages[0].id;
        let came = (channel.messages.len(), channel.complete, newest);
        assert_eq!(came, (count, complete, ids[2_299]), "seen {seen}, since {since}");
    }
}

#[tokio::test]
async fn replies_count_as_what_they_carry() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let group = test.group(owner, &[]).await;
    let channel_id = group.channels[0].id;
    // No character is longer as JSON.
    let long = "\u{1}".repeat(4000);
    let replied = store(&test, owner, channel_id, 0, &long, None).await;
    for after_ms in 10_000..10_400 {
        store(&test, owner, channel_id, after_ms, &long, Some(replied)).await;
    }
    let synced = sync(&test, owner, &[(channel_id, replied)]).await;
    let channel = &synced.channels[&channel_id];
    let bytes = serde_json::to_string(&synced).unwrap().len();
    assert!(bytes <= 15_100_000, "{bytes} bytes");
    assert!(channel.messages.len() >= 200 && !channel.complete);
    let newest = MessageId::first_at(NOW_MS + 10_399);
    assert_eq!(channel.messages[0].id, newest);
}

#[tokio::test]
async fn nothing_is_read_of_channels_for_which_no_room_is_left() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let mut channels = Vec::new();
    for _ in 0..3 {
        channels.push(test.group(owner, &[]).await.channels[0].id);
    }
    channels.sort_unstable();
    let long = "\u{1}".repeat(4000);
    let replied = store(&test, owner, channels[0], 0, &long, None).await;
    for after_ms in 10_000..10_400 {
        store(&test, owner, channels[0], after_ms, &long, Some(replied)).await;
    }
    for channel_id in &channels[1..] {
        store(&test, owner, *channel_id, 10_000, "would fit", None).await;
    }
    let asked: Vec<_> = channels.iter().map(|id| (*id, MessageId::ZERO)).collect();
    let synced = sync(&test, owner, &asked).await;
    assert!(!synced.channels[&channels[0]].messages.is_empty());
    for channel_id in &channels[1..] {
        let channel = &synced.channels[channel_id];
        assert!(channel.messages.is_empty() && !channel.complete);
    }
}

#[tokio::test]
async fn changes_of_all_channels_are_bounded() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let mut channels = Vec::new();
    for number in 0..11 {
        let channel_id = test.group(owner, &[]).await.channels[0].id;
        let message_id = store(&test, owner, channel_id, 0, "m", None).await;
        for change in 0..500 {
            let change_id =
                ChangeId::new(ChangeId::first_at(NOW_MS).get() + number * 1000 + change);
            let store = &test.store;
            match change % 2 {
                0 => store.insert_pin(channel_id, message_id, change_id).await.unwrap(),
                _ => store.delete_pin(channel_id, message_id, change_id).await.unwrap(),
            };
        }
        channels.push((channel_id, message_id));
    }
    let synced = sync(&test, owner, &channels).await;
    assert_eq!(synced.changed.len(), 5000);
    let complete = synced.channels.values().filter(|channel| channel.complete).count();
    assert_eq!(complete, 10);
    assert!(!synced.channels[&channels[10].0].complete);
}
