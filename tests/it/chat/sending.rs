//! Messages: sending, repeating, editing, deleting.

use std::sync::atomic::Ordering;

use futures_util::future::{join, join_all};
use serde_json::Value;
use vibetalk::chat::messages::{CreateMessage, NONCE_MS, UpdateMessage};
use vibetalk::chat::views::MessageView;
use vibetalk::chat::{Caller, ChatError};
use vibetalk::model::id::{ChannelId, MessageId};

use super::{NOW_MS, TestChat, code};

pub fn create(content: &str) -> CreateMessage {
    CreateMessage {
        content: content.to_owned(),
        nonce: None,
        reply_to_id: None,
        attachment_ids: None,
    }
}

fn with_nonce(content: &str, nonce: &str) -> CreateMessage {
    CreateMessage { nonce: Some(nonce.to_owned()), ..create(content) }
}

impl TestChat {
    /// The only channel of a new group in which `owner` and `members` are.
    pub async fn channel(&self, owner: Caller, members: &[Caller]) -> ChannelId {
        self.group(owner, members).await.channels[0].id
    }

    pub async fn send(&self, caller: Caller, channel_id: ChannelId, content: &str) -> MessageId {
        let (message, _) = self.create(caller, channel_id, create(content)).await.unwrap();
        message["id"].as_str().unwrap().parse().unwrap()
    }

    /// The ack, and whether the message is new.
    async fn create(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: CreateMessage,
    ) -> Result<(Value, bool), ChatError> {
        let sent = self.chat.create_message(caller, channel_id, request).await?;
        Ok((serde_json::from_str(sent.message.get()).unwrap(), sent.new))
    }

    pub async fn edit(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
        content: &str,
    ) -> Result<MessageView, ChatError> {
        let request = UpdateMessage { content: content.to_owned() };
        self.chat.update_message(caller, channel_id, message_id, request).await
    }
}

#[tokio::test]
async fn the_ack_and_what_the_group_gets_are_the_same() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let channel_id = test.channel(owner, &[member]).await;
    test.announced().await;
    let replied = test.send(owner, channel_id, "first").await;
    let request =
        CreateMessage { reply_to_id: Some(replied), ..with_nonce(" spaces are kept ", "n") };
    let (acked, new) = test.create(member, channel_id, request).await.unwrap();
    assert!(new);
    assert_eq!(acked["content"], " spaces are kept ");
    assert_eq!((&acked["type"], &acked["nonce"]), (&"reply".into(), &"n".into()));
    assert_eq!(acked["replyTo"]["content"], "first");
    assert_eq!(test.bodies("message:created").await[1], acked);
}

#[tokio::test]
async fn a_repeated_nonce_is_announced_once() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    test.announced().await;
    let attempts =
        (0..10).map(|number| test.create(owner, channel_id, with_nonce(&number.to_string(), "n")));
    let acks: Vec<_> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(acks.iter().filter(|(_, new)| *new).count(), 1);
    assert!(acks.iter().all(|(message, _)| *message == acks[0].0));
    assert_eq!(test.announced().await, ["message:created to group"]);

    test.clock.set(NOW_MS + NONCE_MS);
    let (later, new) = test.create(owner, channel_id, with_nonce("later", "n")).await.unwrap();
    assert!(new, "a nonce counts for ten minutes");
    assert_ne!(later["id"], acks[0].0["id"]);
}

#[tokio::test]
async fn a_repetition_is_announced_again_when_the_first_may_have_died_before_it_was() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    test.announced().await;
    test.bus_loses.store(true, Ordering::SeqCst);
    let (first, _) = test.create(owner, channel_id, with_nonce("hello", "n")).await.unwrap();
    assert!(test.announced().await.is_empty());

    test.bus_loses.store(false, Ordering::SeqCst);
    for expected in [1, 0] {
        let (again, new) = test.create(owner, channel_id, with_nonce("hello", "n")).await.unwrap();
        assert_eq!((&again, new), (&first, false));
        let announced = test.bodies("message:created").await;
        assert_eq!(announced, vec![first.clone(); expected], "once it is known, never again");
    }
}

#[tokio::test]
async fn repeating_a_deleted_message_does_not_bring_it_back() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let (message, _) = test.create(owner, channel_id, with_nonce("hello", "n")).await.unwrap();
    let message_id = message["id"].as_str().unwrap().parse().unwrap();
    test.chat.delete_message(owner, channel_id, message_id).await.unwrap();
    test.announced().await;
    let again = test.create(owner, channel_id, with_nonce("hello", "n")).await;
    assert_eq!(code(again), "message_not_found");
    assert!(test.announced().await.is_empty());
    assert!(test.newest(owner, channel_id).await.is_empty());
}

#[tokio::test]
async fn access_then_permission_then_fields() {
    let test = TestChat::start();
    let [owner, stranger] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let elsewhere = test.channel(owner, &[]).await;
    let elsewhere = test.send(owner, elsewhere, "elsewhere").await;
    let reply = |to| CreateMessage { reply_to_id: Some(to), ..create("x") };
    let attached = CreateMessage { attachment_ids: Some(vec!["1".to_owned()]), ..create("x") };
    for (caller, request, expected) in [
        (stranger, create(""), "channel_not_found"),
        (owner, create(""), "invalid_request"),
        (owner, create(" \n"), "ok"),
        (owner, create(&"x".repeat(4000)), "ok"),
        (owner, create(&"x".repeat(4001)), "too_large"),
        (owner, with_nonce("x", ""), "invalid_request"),
        (owner, with_nonce("x", &"n".repeat(65)), "too_large"),
        (owner, reply(elsewhere), "message_not_found"),
        (owner, attached, "attachment_not_found"),
    ] {
        let what = format!("{request:?}").chars().take(80).collect::<String>();
        assert_eq!(code(test.create(caller, channel_id, request).await), expected, "{what}");
    }
}

#[tokio::test]
async fn only_authors_edit_and_moderators_delete() {
    let test = TestChat::start();
    let [owner, author, other, stranger] = test.people("p").await;
    let channel_id = test.channel(owner, &[author, other]).await;
    let message_id = test.send(author, channel_id, "before").await;
    test.announced().await;
    for (caller, expected) in [(owner, "forbidden"), (stranger, "channel_not_found")] {
        assert_eq!(code(test.edit(caller, channel_id, message_id, "mine").await), expected);
    }
    assert_eq!(code(test.edit(author, channel_id, message_id, "").await), "invalid_request");
    assert!(test.announced().await.is_empty());

    let edited = test.edit(author, channel_id, message_id, "after").await.unwrap();
    assert!(edited.edited_at.is_some());
    let pushed = test.bodies("message:updated").await;
    assert_eq!(pushed, [serde_json::to_value(&edited).unwrap()]);

    let delete = async |caller| test.chat.delete_message(caller, channel_id, message_id).await;
    assert_eq!(code(delete(other).await), "forbidden");
    assert_eq!(code(delete(owner).await), "ok");
    assert_eq!(code(delete(owner).await), "message_not_found");
    assert_eq!(test.announced().await, ["message:deleted to group"]);
}

#[tokio::test]
async fn an_edit_that_races_a_deletion_is_never_announced_after_it() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    for round in 0..20 {
        let message_id = test.send(owner, channel_id, "before").await;
        test.announced().await;
        let edit = test.edit(owner, channel_id, message_id, "after");
        let delete = test.chat.delete_message(owner, channel_id, message_id);
        // Each way around every other time; the commands are tasks of their own from some point on.
        let (edited, deleted) = if round % 2 == 0 {
            join(edit, delete).await
        } else {
            let (deleted, edited) = join(delete, edit).await;
            (edited, deleted)
        };
        deleted.unwrap();
        let mut expected = vec!["message:deleted to group"];
        if edited.is_ok() {
            expected.insert(0, "message:updated to group");
        } else {
            assert_eq!(code(edited), "message_not_found");
        }
        assert_eq!(test.announced().await, expected);
        assert_eq!(
            code(test.chat.get_message(owner, channel_id, message_id).await),
            "message_not_found"
        );
    }
}

#[tokio::test]
async fn the_last_announced_edit_is_the_stored_one_and_one_deletion_counts() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let message_id = test.send(owner, channel_id, "before").await;
    test.announced().await;
    let contents: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let edits = contents.iter().map(|content| test.edit(owner, channel_id, message_id, content));
    assert!(join_all(edits).await.iter().all(Result::is_ok));
    let announced = test.bodies("message:updated").await;
    assert_eq!(announced.len(), 10);
    let stored = test.chat.get_message(owner, channel_id, message_id).await.unwrap();
    assert_eq!(announced[9]["content"], stored.content);

    let deletions = (0..5).map(|_| test.chat.delete_message(owner, channel_id, message_id));
    let codes: Vec<_> = join_all(deletions).await.into_iter().map(code).collect();
    assert_eq!(codes.iter().filter(|code| **code == "ok").count(), 1);
    assert_eq!(test.announced().await, ["message:deleted to group"]);
}
