//! Read states.

use vibetalk::chat::read_states::MarkRead;
use vibetalk::model::id::MessageId;

use super::{TestChat, code};

#[tokio::test]
async fn reading_goes_forwards_and_backwards_and_tells_only_the_reader() {
    let test = TestChat::start();
    let [owner, reader] = test.people("p").await;
    let channel_id = test.channel(owner, &[reader]).await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        test.clock.set(test.clock.now_ms() + 1);
        sent.push(test.send(owner, channel_id, &format!("<@{}>", reader.user_id)).await);
    }
    for (message_id, unread) in [
        (sent[2], 0),
        (sent[0], 2),
        (MessageId::ZERO, 3),
        (MessageId::new(sent[1].get() + 1), 1), // No such message.
        (MessageId::MAX, 0),
    ] {
        let read = test.chat.mark_read(reader, channel_id, MarkRead { message_id }).await.unwrap();
        assert_eq!((read.last_read_id, read.mention_count), (Some(message_id), unread));
        assert_eq!(test.mention_count(reader, channel_id).await, unread);
    }
    let [owner_read, reader_read] =
        [owner, reader].map(|person| format!("readState:updated to user {}", person.user_id));
    let announced = test.announced().await;
    assert!(announced.contains(&reader_read) && !announced.contains(&owner_read));
}

#[tokio::test]
async fn a_channel_that_one_may_not_see_cannot_be_read() {
    let test = TestChat::start();
    let [owner, stranger] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    test.announced().await;
    let request = MarkRead { message_id: MessageId::new(1) };
    assert_eq!(code(test.chat.mark_read(stranger, channel_id, request).await), "channel_not_found");
    assert!(test.announced().await.is_empty());
}
