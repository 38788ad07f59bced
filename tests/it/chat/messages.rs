//! Messages: slow mode, edits, and reactions and read states in turns.

use vibetalk::chat::channels::UpdateChannel;
use vibetalk::chat::messages::{CreateMessage, SentMessage, UpdateMessage};
use vibetalk::chat::reactions::ReactionTarget;
use vibetalk::chat::read_states::MarkRead;
use vibetalk::chat::{Caller, ChatError};
use vibetalk::model::id::{ChannelId, MessageId};

use super::{NOW_MS, TestChat, code};

pub fn content(content: &str) -> CreateMessage {
    CreateMessage {
        content: content.to_owned(),
        nonce: None,
        reply_to_id: None,
        attachment_ids: None,
    }
}

pub fn id_of(sent: &SentMessage) -> MessageId {
    let message: serde_json::Value = serde_json::from_str(sent.message.get()).unwrap();
    message["id"].as_str().unwrap().parse().unwrap()
}

/// A channel with a member who has no rights but the usual ones.
async fn channel(test: &TestChat) -> (Caller, Caller, ChannelId) {
    let [owner, member] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    (owner, member, group.channels[0].id)
}

async fn set_slow_mode(test: &TestChat, owner: Caller, channel_id: ChannelId, seconds: u32) {
    let request =
        UpdateChannel { name: None, topic: None, position: None, slow_mode_seconds: Some(seconds) };
    test.chat.update_channel(owner, channel_id, request).await.unwrap();
}

fn wait_ms(sent: Result<SentMessage, ChatError>) -> u64 {
    match sent {
        Err(ChatError::RateLimited { retry_after_ms }) => retry_after_ms,
        other => panic!("not refused by slow mode: {other:?}"),
    }
}

#[tokio::test]
async fn slow_mode_obeys_the_interval_of_now() {
    let test = TestChat::start();
    let (owner, member, channel_id) = channel(&test).await;
    let send = |text| test.chat.create_message(member, channel_id, content(text));
    set_slow_mode(&test, owner, channel_id, 3600).await;
    send("first").await.unwrap();
    test.clock.set(NOW_MS + 10_000);
    let left_ms = wait_ms(send("early").await);
    assert!((3_580_000..=3_600_000).contains(&left_ms), "{left_ms}");
    set_slow_mode(&test, owner, channel_id, 5).await;
    send("second").await.unwrap();
    let owners =
        ["one", "two"].map(|text| test.chat.create_message(owner, channel_id, content(text)));
    for sent in futures_util::future::join_all(owners).await {
        sent.unwrap();
    }
}

#[tokio::test]
async fn a_refused_message_costs_no_turn() {
    let test = TestChat::start();
    let (owner, member, channel_id) = channel(&test).await;
    let send = |request| test.chat.create_message(member, channel_id, request);
    set_slow_mode(&test, owner, channel_id, 60).await;
    let unknown = CreateMessage { reply_to_id: Some(MessageId::new(1)), ..content("reply") };
    assert_eq!(code(send(unknown).await), "message_not_found");
    assert_eq!(code(send(content("")).await), "invalid_request");
    let once = || CreateMessage { nonce: Some("n".to_owned()), ..content("once") };
    let first = send(once()).await.unwrap();
    let repeated = send(once()).await.unwrap();
    assert_eq!((id_of(&repeated), repeated.new), (id_of(&first), false));
    assert_eq!(code(send(content("next")).await), "rate_limited");
}

#[tokio::test]
async fn a_repetition_is_answered_also_when_what_it_replies_to_is_gone() {
    let test = TestChat::start();
    let (owner, member, channel_id) = channel(&test).await;
    let replied = test.chat.create_message(owner, channel_id, content("hi")).await.unwrap();
    let reply = || CreateMessage {
        nonce: Some("n".to_owned()),
        reply_to_id: Some(id_of(&replied)),
        ..content("reply")
    };
    let first = test.chat.create_message(member, channel_id, reply()).await.unwrap();
    test.chat.delete_message(owner, channel_id, id_of(&replied)).await.unwrap();
    let repeated = test.chat.create_message(member, channel_id, reply()).await.unwrap();
    assert_eq!(id_of(&repeated), id_of(&first));
}

#[tokio::test]
async fn only_its_author_edits_a_message_and_all_learn_of_it() {
    let test = TestChat::start();
    let (owner, member, channel_id) = channel(&test).await;
    let sent = test.chat.create_message(member, channel_id, content("a")).await.unwrap();
    test.announced().await;
    let edit = async |caller, text: &str| {
        let request = UpdateMessage { content: text.to_owned() };
        test.chat.update_message(caller, channel_id, id_of(&sent), request).await
    };
    assert_eq!(code(edit(owner, "").await), "forbidden", "asked before the text is looked at");
    assert_eq!(code(edit(member, "").await), "invalid_request");
    assert_eq!(edit(member, "b").await.unwrap().content, "b");
    assert_eq!(test.announced().await, ["message:updated to group"]);
}

#[tokio::test]
async fn a_reaction_is_announced_although_its_caller_goes_away() {
    let test = TestChat::start();
    let (_, member, channel_id) = channel(&test).await;
    let sent = test.chat.create_message(member, channel_id, content("a")).await.unwrap();
    test.announced().await;
    let target = ReactionTarget { channel_id, message_id: id_of(&sent), emoji: "👍".to_owned() };
    {
        let adding = test.chat.add_reaction(member, target);
        tokio::pin!(adding);
        // Far enough to have begun to store.
        while futures_util::poll!(adding.as_mut()).is_pending() && !storing(&test, &sent).await {}
    }
    test.delivered(|envelope| {
        matches!(&envelope.content, vibetalk::bus::envelope::Content::Push { push, .. }
            if push.name() == "reaction:added")
    })
    .await;
}

async fn storing(test: &TestChat, sent: &SentMessage) -> bool {
    let message: serde_json::Value = serde_json::from_str(sent.message.get()).unwrap();
    let channel_id: ChannelId = message["channelId"].as_str().unwrap().parse().unwrap();
    let counts = test.store.count_reactions(channel_id, &[id_of(sent)], None).await.unwrap();
    counts.iter().any(|(_, counts)| !counts.is_empty())
}

#[tokio::test]
async fn the_last_push_of_a_read_state_is_what_is_stored() {
    let test = TestChat::start();
    let (_, member, channel_id) = channel(&test).await;
    for round in 0..10 {
        let marks = (1..=8).map(|id| {
            let request = MarkRead { message_id: MessageId::new(round * 10 + id) };
            test.chat.mark_read(member, channel_id, request)
        });
        for marked in futures_util::future::join_all(marks).await {
            marked.unwrap();
        }
        let last = test.bodies("readState:updated").await.pop().unwrap();
        let (group_id, joined_from) = (None, MessageId::ZERO);
        let scope = vibetalk::store::ReadScope { channel_id, group_id, joined_from };
        let stored = test.store.list_read_states(member.user_id, &[scope]).await.unwrap();
        assert_eq!(last["lastReadId"], serde_json::to_value(stored[0].last_read_id).unwrap());
    }
}
