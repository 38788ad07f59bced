//! What becomes of writes while servers of the database are away. Three servers, everything in three copies.

use std::time::{Duration, Instant};

use vibetalk::clock::Clock;
use vibetalk::model::id::{ChannelId, MessageId};
use vibetalk::model::message::Message;
use vibetalk::store::scylla::ScyllaStore;
use vibetalk::store::{MessageStore, StoreError};

use super::{NOW_MS, message, new_message, stored_channel};
use crate::cassandra::{Server, Trio};

/// How long the database may take to be itself again, on a machine that does much else.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(90);

fn next(channel_id: ChannelId) -> Message {
    let message = message(channel_id);
    Message { nonce: Some(message.id.to_string()), ..message }
}

async fn send(store: &ScyllaStore, message: &Message) -> Result<Message, StoreError> {
    let sent = store.insert_message(&new_message(message, NOW_MS)).await?;
    Ok(sent.expect("the channel is not slow").message)
}

/// Repeats a message as its client would, until it is acked.
async fn send_at_last(store: &ScyllaStore, message: &Message) -> Message {
    let since = Instant::now();
    loop {
        match send(store, message).await {
            Ok(sent) => return sent,
            Err(error) => assert!(since.elapsed() < RECOVERY_TIMEOUT, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await; // Clients pause, too.
    }
}

async fn check_history(store: &ScyllaStore, channel_id: ChannelId, acked: &[Message]) {
    let history = store.messages_after(channel_id, MessageId::ZERO, 1000).await.unwrap();
    assert_eq!(history, acked, "every acked message is there, once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acked_is_there_whichever_servers_are_away() {
    let mut servers = Trio::start().await;
    let store = ScyllaStore::open(&servers.config("outages"), Clock::fixed(NOW_MS)).await.unwrap();
    let channel_id = stored_channel(&store).await;
    let mut acked = Vec::new();
    for _ in 0..20 {
        acked.push(send_at_last(&store, &next(channel_id)).await);
    }

    servers.kill(2);
    for _ in 0..20 {
        acked.push(send_at_last(&store, &next(channel_id)).await);
    }
    check_history(&store, channel_id, &acked).await;

    servers.kill(1);
    let unanswered = next(channel_id);
    let refused = send(&store, &unanswered).await;
    let is_clear = matches!(refused, Err(StoreError::Unavailable(_) | StoreError::Timeout));
    assert!(is_clear, "two of three are away: {refused:?}");

    servers.restart(1).await;
    // The same store, without being opened anew.
    acked.push(send_at_last(&store, &unanswered).await);
    acked.push(send_at_last(&store, &next(channel_id)).await);
    check_history(&store, channel_id, &acked).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_answer_was_lost_is_stored_once() {
    let server = Server::own().await;
    let store = ScyllaStore::open(&server.config("paused"), Clock::fixed(NOW_MS)).await.unwrap();
    let channel_id = stored_channel(&store).await;
    let mut acked = vec![send_at_last(&store, &next(channel_id)).await];
    for _ in 0..3 {
        let message = next(channel_id);
        let sending = send(&store, &message);
        server.pause();
        // Before its first step, after its last, or in between.
        let answer = sending.await;
        server.go_on();
        assert!(answer.is_ok() || matches!(answer, Err(StoreError::Timeout)), "{answer:?}");
        // Its client comes back by another node, which makes another id.
        let again = Message { id: next(channel_id).id, ..message };
        acked.push(send_at_last(&store, &again).await);
    }
    check_history(&store, channel_id, &acked).await;
    store.close().await;
}
