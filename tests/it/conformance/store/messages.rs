//! Channel history, idempotence, edits and deletions.

use std::slice::from_ref;

use futures_util::future::{join, join_all};
use vibetalk::model::id::{BUCKET_MS, ChangeId, ChannelId, MessageId};
use vibetalk::model::message::{ChangeKind, Message, MessageEdit};
use vibetalk::store::{Reaction, Store};

use super::{
    MINUTE_MS, NOW_MS, change_id, insert, message, message_with_id, stored_channel, stored_message,
    user_id,
};

fn with_nonce(channel_id: ChannelId, nonce: &str) -> Message {
    Message { nonce: Some(nonce.into()), ..message(channel_id) }
}

fn edit_of(message: &Message, content: &str) -> MessageEdit {
    MessageEdit {
        channel_id: message.channel_id,
        message_id: message.id,
        author_id: message.author_id,
        content: content.into(),
        mentions: Vec::new(),
        mentions_everyone: false,
        edited_at_ms: NOW_MS + 1,
    }
}

pub async fn a_message_comes_back_as_it_was_stored(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = Message {
        content: " \u{0}\u{1F468}\u{200D}\u{1F469} 'quoted' \"text\"\n".into(),
        reply_to: Some(MessageId::new(7)),
        mentions: vec![user_id(), user_id()],
        nonce: Some("n\u{0}once".into()),
        ..message(channel_id)
    };
    insert(store, &message).await;
    assert_eq!(store.find_message(channel_id, message.id).await.unwrap(), Some(message.clone()));
    assert_eq!(store.find_message(channel_id, MessageId::new(8)).await.unwrap(), None);

    let everyone = Message { mentions_everyone: true, ..self::message(channel_id) };
    insert(store, &everyone).await;
    let history = store.messages_before(channel_id, MessageId::MAX, 10).await.unwrap();
    assert_eq!(history, [everyone, message]);
}

pub async fn history_is_paged_in_both_directions(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let mut messages = Vec::new();
    for _ in 0..10 {
        messages.push(stored_message(store, channel_id).await);
    }
    let newest_first: Vec<Message> = messages.iter().rev().cloned().collect();
    let before = async |cursor, limit| {
        store.messages_before(channel_id, cursor, limit).await.unwrap()
    };
    let after = async |cursor, limit| {
        store.messages_after(channel_id, cursor, limit).await.unwrap()
    };
    assert_eq!(before(MessageId::MAX, 3).await, newest_first[..3]);
    assert_eq!(before(newest_first[2].id, 3).await, newest_first[3..6]);
    assert_eq!(before(messages[0].id, 3).await, []);
    assert_eq!(before(MessageId::MAX, 100).await, newest_first);
    assert_eq!(after(MessageId::ZERO, 3).await, messages[..3]);
    assert_eq!(after(messages[2].id, 100).await, messages[3..]);
    assert_eq!(after(messages[9].id, 3).await, []);

    let gone = messages[5].id;
    store.delete_message(channel_id, gone, change_id()).await.unwrap();
    assert_eq!(before(gone, 2).await, [messages[4].clone(), messages[3].clone()]);
    assert_eq!(after(gone, 2).await, messages[6..8]);
}

/// Messages a millisecond apart, and years apart, come back as one listing.
pub async fn history_crosses_a_bucket_boundary(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let at = |at_ms| message_with_id(channel_id, MessageId::first_at(at_ms));
    let boundary_ms = 2000 * BUCKET_MS;
    let messages = [at(BUCKET_MS), at(boundary_ms - 1), at(boundary_ms), at(boundary_ms + 1)];
    assert_ne!(messages[1].id.bucket(), messages[2].id.bucket());
    for message in [&messages[2], &messages[0], &messages[3], &messages[1]] {
        insert(store, message).await;
    }
    let forwards = store.messages_after(channel_id, MessageId::ZERO, 10).await.unwrap();
    assert_eq!(forwards, messages);
    let backwards = store.messages_before(channel_id, messages[3].id, 3).await.unwrap();
    assert_eq!(backwards, [messages[2].clone(), messages[1].clone(), messages[0].clone()]);
}

pub async fn history_stays_in_its_channel(store: &dyn Store) {
    let (here, there) = (stored_channel(store).await, stored_channel(store).await);
    let message = stored_message(store, here).await;
    stored_message(store, there).await;
    assert_eq!(store.messages_before(here, MessageId::MAX, 10).await.unwrap(), from_ref(&message));
    assert_eq!(store.find_message(there, message.id).await.unwrap(), None);
    assert!(!store.delete_message(there, message.id, change_id()).await.unwrap());
}

pub async fn messages_are_listed_by_id(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let first = stored_message(store, channel_id).await;
    stored_message(store, channel_id).await;
    let third = stored_message(store, channel_id).await;
    let asked = [third.id, MessageId::new(3), first.id];
    let mut listed = store.list_messages(channel_id, &asked).await.unwrap();
    listed.sort_by_key(|message| message.id);
    assert_eq!(listed, [first, third]);
}

pub async fn a_repeated_nonce_answers_the_stored_message(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let first = with_nonce(channel_id, "n");
    insert(store, &first).await;
    let again = Message { author_id: first.author_id, ..with_nonce(channel_id, "n") };
    let repeated = store.insert_message(&again, u64::MAX, NOW_MS).await.unwrap();
    assert!(!repeated.new);
    assert_eq!(repeated.message, first);
    assert_eq!(store.messages_before(channel_id, MessageId::MAX, 9).await.unwrap(), from_ref(&first));
    let found = store.find_message_by_nonce(first.author_id, channel_id, "n", NOW_MS).await;
    assert_eq!(found.unwrap(), Some(first));
}

pub async fn one_of_racing_repetitions_is_stored(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let author_id = user_id();
    let attempts: Vec<Message> =
        (0..20).map(|_| Message { author_id, ..with_nonce(channel_id, "n") }).collect();
    let inserts = attempts.iter().map(|message| store.insert_message(message, u64::MAX, NOW_MS));
    let inserted: Vec<_> = join_all(inserts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(inserted.iter().filter(|inserted| inserted.new).count(), 1);
    let stored = store.messages_before(channel_id, MessageId::MAX, 9).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert!(inserted.iter().all(|inserted| inserted.message == stored[0]));
}

pub async fn a_nonce_counts_per_author_and_channel(store: &dyn Store) {
    let (here, there) = (stored_channel(store).await, stored_channel(store).await);
    let first = with_nonce(here, "n");
    insert(store, &first).await;
    insert(store, &with_nonce(here, "n")).await;
    insert(store, &Message { author_id: first.author_id, ..with_nonce(there, "n") }).await;
    insert(store, &Message { author_id: first.author_id, ..with_nonce(here, "N") }).await;
    let found = store.find_message_by_nonce(user_id(), here, "n", NOW_MS).await.unwrap();
    assert_eq!(found, None);
}

pub async fn a_nonce_counts_until_it_expires(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let first = with_nonce(channel_id, "n");
    let expires_at_ms = NOW_MS + MINUTE_MS;
    store.insert_message(&first, expires_at_ms, NOW_MS).await.unwrap();
    let again = Message { author_id: first.author_id, ..with_nonce(channel_id, "n") };
    let at = |now_ms| store.insert_message(&again, now_ms + MINUTE_MS, now_ms);
    assert!(!at(expires_at_ms - 1).await.unwrap().new);
    assert!(at(expires_at_ms).await.unwrap().new);
    let found = store.find_message_by_nonce(first.author_id, channel_id, "n", expires_at_ms).await;
    assert_eq!(found.unwrap().unwrap().id, again.id);
}

pub async fn a_repetition_does_not_bring_a_deleted_message_back(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let first = with_nonce(channel_id, "n");
    insert(store, &first).await;
    store.delete_message(channel_id, first.id, change_id()).await.unwrap();
    let again = Message { author_id: first.author_id, ..with_nonce(channel_id, "n") };
    let repeated = store.insert_message(&again, u64::MAX, NOW_MS).await.unwrap();
    assert!(!repeated.new);
    assert_eq!(repeated.message.id, first.id);
    assert!(store.messages_before(channel_id, MessageId::MAX, 9).await.unwrap().is_empty());
    let found = store.find_message_by_nonce(first.author_id, channel_id, "n", NOW_MS).await;
    assert_eq!(found.unwrap(), None);
}

pub async fn repeating_a_message_without_nonce_stores_it_once(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let repeated = store.insert_message(&message, NOW_MS, NOW_MS).await.unwrap();
    assert_eq!((repeated.message, repeated.new), (message.clone(), false));
    assert_eq!(store.messages_before(channel_id, MessageId::MAX, 9).await.unwrap(), [message]);
}

pub async fn only_the_author_edits(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let strangers = MessageEdit { author_id: user_id(), ..edit_of(&message, "forged") };
    assert_eq!(store.update_message(&strangers, change_id()).await.unwrap(), None);
    assert_eq!(store.find_message(channel_id, message.id).await.unwrap(), Some(message.clone()));

    let mentions = vec![user_id()];
    let edit = MessageEdit { mentions: mentions.clone(), ..edit_of(&message, "edited") };
    let expected = Message {
        content: "edited".into(),
        mentions,
        edited_at_ms: Some(NOW_MS + 1),
        ..message.clone()
    };
    let edited = store.update_message(&edit, change_id()).await.unwrap();
    assert_eq!(edited.as_ref(), Some(&expected));
    assert_eq!(store.find_message(channel_id, message.id).await.unwrap(), Some(expected));
    let changes = store.list_changes(channel_id, ChangeId::ZERO, 10).await.unwrap();
    assert_eq!(changes.len(), 1, "a refused edit is no change");
}

pub async fn an_edit_that_races_a_deletion_brings_nothing_back(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    for _ in 0..20 {
        let message = stored_message(store, channel_id).await;
        let edit = edit_of(&message, "edited");
        let edits = join_all((0..3).map(|_| store.update_message(&edit, change_id())));
        let deletion = store.delete_message(channel_id, message.id, change_id());
        let (deleted, _edits) = join(deletion, edits).await;
        assert!(deleted.unwrap());
        assert_eq!(store.update_message(&edit, change_id()).await.unwrap(), None);
        assert_eq!(store.find_message(channel_id, message.id).await.unwrap(), None);
    }
    assert!(store.messages_before(channel_id, MessageId::MAX, 9).await.unwrap().is_empty());
}

pub async fn a_message_is_deleted_once(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let deletions = (0..5).map(|_| store.delete_message(channel_id, message.id, change_id()));
    let deleted = join_all(deletions).await;
    assert_eq!(deleted.into_iter().filter(|deleted| *deleted.as_ref().unwrap()).count(), 1);
    let changes = store.list_changes(channel_id, ChangeId::ZERO, 10).await.unwrap();
    assert_eq!(changes.len(), 1);
}

pub async fn changes_are_listed_oldest_first(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let reaction = Reaction {
        channel_id,
        message_id: message.id,
        emoji: "👍".into(),
        user_id: user_id(),
        at_ms: NOW_MS,
    };
    let ids: Vec<ChangeId> = (0..6).map(|_| change_id()).collect();
    store.update_message(&edit_of(&message, "edited"), ids[0]).await.unwrap();
    store.insert_reaction(&reaction, ids[1]).await.unwrap();
    store.insert_reaction(&reaction, change_id()).await.unwrap(); // Changes nothing.
    store.delete_reaction(&reaction, ids[2]).await.unwrap();
    store.insert_pin(channel_id, message.id, ids[3]).await.unwrap();
    store.delete_pin(channel_id, message.id, ids[4]).await.unwrap();
    store.delete_message(channel_id, message.id, ids[5]).await.unwrap();

    use ChangeKind::{Deleted, Pinned, ReactionAdded, ReactionRemoved, Unpinned, Updated};
    let kinds = [Updated, ReactionAdded, ReactionRemoved, Pinned, Unpinned, Deleted];
    let changes = store.list_changes(channel_id, ids[0], 10).await.unwrap();
    let listed: Vec<_> = changes.iter().map(|change| (change.id, change.kind)).collect();
    assert_eq!(listed, ids.iter().copied().zip(kinds).collect::<Vec<_>>());
    assert!(changes.iter().all(|c| (c.channel_id, c.message_id) == (channel_id, message.id)));
    let some = store.list_changes(channel_id, ids[3], 2).await.unwrap();
    assert_eq!(some, changes[3..5]);
    let other = stored_channel(store).await;
    assert!(store.list_changes(other, ChangeId::ZERO, 10).await.unwrap().is_empty());
}

pub async fn slow_mode_lets_one_through(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let person = user_id();
    let claim = async |person, now_ms| {
        store.claim_slow_mode(channel_id, person, 5000, now_ms).await.unwrap()
    };
    assert_eq!(claim(person, NOW_MS).await, Ok(()));
    assert_eq!(claim(person, NOW_MS + 1000).await, Err(4000));
    assert_eq!(claim(user_id(), NOW_MS + 1000).await, Ok(()));
    assert_eq!(claim(person, NOW_MS + 4999).await, Err(1), "a refused claim does not extend");
    assert_eq!(claim(person, NOW_MS + 5000).await, Ok(()));
    assert_eq!(claim(person, NOW_MS + 5000).await, Err(5000));
}

pub async fn one_of_racing_claims_of_slow_mode_gets_through(store: &dyn Store) {
    let (channel_id, person) = (stored_channel(store).await, user_id());
    let claims = (0..10).map(|_| store.claim_slow_mode(channel_id, person, 5000, NOW_MS));
    let claimed = join_all(claims).await.into_iter().map(Result::unwrap);
    assert_eq!(claimed.filter(Result::is_ok).count(), 1);
}
