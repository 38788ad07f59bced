//! Pins.

use futures_util::future::join_all;
use vibetalk::chat::Caller;
use vibetalk::chat::direct::OpenDirect;
use vibetalk::chat::pins::ListPins;
use vibetalk::model::id::{ChannelId, MessageId};
use vibetalk::model::message::PINS_PER_CHANNEL_MAX;

use super::{TestChat, code};

impl TestChat {
    async fn pinned(&self, caller: Caller, channel_id: ChannelId) -> Vec<MessageId> {
        let pins =
            self.chat.list_pins(caller, channel_id, ListPins::default()).await.unwrap().messages;
        assert!(pins.iter().all(|message| message.pinned));
        pins.iter().map(|message| message.id).collect()
    }
}

#[tokio::test]
async fn pinning_twice_is_announced_once_and_pins_are_newest_message_first() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let channel_id = test.channel(owner, &[member]).await;
    let (first, second) =
        (test.send(member, channel_id, "1").await, test.send(member, channel_id, "2").await);
    test.announced().await;
    for message_id in [second, first, first] {
        test.chat.add_pin(owner, channel_id, message_id).await.unwrap();
    }
    assert_eq!(test.announced().await, ["pin:added to group"; 2]);
    assert_eq!(test.pinned(member, channel_id).await, [second, first]);

    for _ in 0..2 {
        test.chat.remove_pin(owner, channel_id, second).await.unwrap();
    }
    assert_eq!(test.announced().await, ["pin:removed to group"]);
    test.chat.delete_message(owner, channel_id, first).await.unwrap();
    assert!(test.pinned(member, channel_id).await.is_empty(), "a deleted message is no pin");
    for message_id in [first, MessageId::new(5)] {
        let again = test.chat.add_pin(owner, channel_id, message_id).await;
        assert_eq!(code(again), "message_not_found");
    }
}

#[tokio::test]
async fn moderators_pin_in_groups_and_everybody_in_direct_channels() {
    let test = TestChat::start();
    let [owner, moderator, member, stranger] = test.people("p").await;
    let group = test.group(owner, &[moderator, member]).await;
    let channel_id = group.channels[0].id;
    test.give_roles(owner, group.group.id, moderator, &["moderator"]).await.unwrap();
    let message_id = test.send(member, channel_id, "mine").await;
    for (caller, expected) in
        [(stranger, "channel_not_found"), (member, "forbidden"), (moderator, "ok")]
    {
        assert_eq!(code(test.chat.add_pin(caller, channel_id, message_id).await), expected);
        assert_eq!(code(test.chat.remove_pin(caller, channel_id, message_id).await), expected);
    }
    assert_eq!(
        code(test.chat.list_pins(stranger, channel_id, ListPins::default()).await),
        "channel_not_found"
    );

    let request = OpenDirect { user_ids: vec![member.user_id] };
    let direct = test.chat.open_direct(owner, request).await.unwrap().channel.id;
    let message_id = test.send(owner, direct, "ours").await;
    test.chat.add_pin(member, direct, message_id).await.unwrap();
    assert_eq!(test.pinned(owner, direct).await, [message_id]);
}

#[tokio::test]
async fn pins_of_a_channel_are_bounded() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let sends = (0..=PINS_PER_CHANNEL_MAX).map(|_| test.send(owner, channel_id, "pin me"));
    let sent = join_all(sends).await;
    let pins = sent.iter().map(|message_id| test.chat.add_pin(owner, channel_id, *message_id));
    let refused: Vec<_> =
        join_all(pins).await.into_iter().map(code).filter(|code| *code != "ok").collect();
    assert_eq!(refused, ["conflict"]);
    assert_eq!(test.pinned(owner, channel_id).await.len(), PINS_PER_CHANNEL_MAX);
}
