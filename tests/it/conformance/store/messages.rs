//! Channel history, idempotence, edits and deletions.

use std::slice::from_ref;

use futures_util::future::{join, join_all};
use vibetalk::model::id::{BUCKET_MS, ChangeId, ChannelId, MessageId, UserId};
use vibetalk::model::message::{ChangeKind, Message, MessageEdit};
use vibetalk::store::{Inserted, NewMessage, Reaction, Store, TooEarly};

use super::{
    MINUTE_MS, NOW_MS, change_id, insert, message, message_with_id, new_message, scope, stored_channel, stored_message,
    user_id,
};

fn with_nonce(channel_id: ChannelId, nonce: &str) -> Message {
    Message { nonce: Some(nonce.into()), ..message(channel_id) }
}

/// As if sent when its id was made.
async fn send(
    store: &dyn Store,
    message: &Message,
    slow_mode_ms: Option<u64>,
) -> Result<Inserted, TooEarly> {
    let new = NewMessage { slow_mode_ms, ..new_message(message, message.id.timestamp_ms()) };
    store.insert_message(&new).await.unwrap()
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
    let repeated = send(store, &again, None).await.unwrap();
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
    let inserts = attempts.iter().map(|message| send(store, message, None));
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
    let expires_at_ms = NOW_MS + 10 * MINUTE_MS;
    insert(store, &first).await;
    let again = Message { author_id: first.author_id, ..with_nonce(channel_id, "n") };
    let at = async |now_ms| {
        let inserted = store.insert_message(&new_message(&again, now_ms)).await;
        inserted.unwrap().unwrap()
    };
    assert!(!at(expires_at_ms - 1).await.new);
    assert!(at(expires_at_ms).await.new);
    let found = store.find_message_by_nonce(first.author_id, channel_id, "n", expires_at_ms).await;
    assert_eq!(found.unwrap().unwrap().id, again.id);
}

pub async fn a_repetition_does_not_bring_a_deleted_message_back(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let first = with_nonce(channel_id, "n");
    insert(store, &first).await;
    store.delete_message(channel_id, first.id, change_id()).await.unwrap();
    let again = Message { author_id: first.author_id, ..with_nonce(channel_id, "n") };
    let repeated = send(store, &again, None).await.unwrap();
    assert!(!repeated.new);
    assert_eq!(repeated.message.id, first.id);
    assert!(store.messages_before(channel_id, MessageId::MAX, 9).await.unwrap().is_empty());
    let found = store.find_message_by_nonce(first.author_id, channel_id, "n", NOW_MS).await;
    assert_eq!(found.unwrap(), None);
}

pub async fn repeating_a_message_without_nonce_stores_it_once(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let repeated = send(store, &message, None).await.unwrap();
    assert_eq!((repeated.message, repeated.new), (message.clone(), false));
    assert_eq!(store.messages_before(channel_id, MessageId::MAX, 9).await.unwrap(), [message]);
}

pub async fn a_repeated_message_mentions_once(store: &dyn Store) {
    let (channel_id, person) = (stored_channel(store).await, user_id());
    let by_name = Message { mentions: vec![person], ..with_nonce(channel_id, "n") };
    let everyone = Message { mentions_everyone: true, ..message(channel_id) };
    for message in [&by_name, &everyone, &by_name, &everyone] {
        send(store, message, None).await.unwrap();
    }
    let scope = scope(store, channel_id).await;
    let states = store.list_read_states(person, &[scope]).await.unwrap();
    assert_eq!(states[0].mention_count, 2);
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

/// Nodes have clocks of their own, and clients keep the later one of two states.
pub async fn each_edit_is_later_than_the_one_before(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let mut times = Vec::new();
    for (content, edited_at_ms) in
        [("ahead", NOW_MS + 900), ("behind", NOW_MS + 5), ("at once", NOW_MS + 5), ("later", NOW_MS + 5_000)]
    {
        let edit = MessageEdit { edited_at_ms, ..edit_of(&message, content) };
        let edited = store.update_message(&edit, change_id()).await.unwrap().unwrap();
        assert_eq!(store.find_message(channel_id, message.id).await.unwrap().as_ref(), Some(&edited));
        times.push(edited.edited_at_ms.unwrap());
    }
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    assert_eq!((times[0], times[3]), (NOW_MS + 900, NOW_MS + 5_000));
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

/// A message of one author, sent so long after [`NOW_MS`].
fn later(channel_id: ChannelId, author_id: UserId, after_ms: u64) -> Message {
    let id = MessageId::new(change_id().get() + (after_ms << 21));
    Message { author_id, ..message_with_id(channel_id, id) }
}

pub async fn slow_mode_lets_one_message_through(store: &dyn Store) {
    let (channel_id, person) = (stored_channel(store).await, user_id());
    let sent = async |author_id, after_ms, interval_ms| {
        let outcome = send(store, &later(channel_id, author_id, after_ms), Some(interval_ms)).await;
        outcome.map(|inserted| inserted.new)
    };
    let wait = |wait_ms| Err(TooEarly { wait_ms });
    assert_eq!(sent(person, 0, 5000).await, Ok(true));
    assert_eq!(sent(person, 1000, 5000).await, wait(4000));
    assert_eq!(sent(user_id(), 1000, 5000).await, Ok(true));
    assert_eq!(sent(person, 4999, 5000).await, wait(1), "a refused message does not extend it");
    assert_eq!(sent(person, 5000, 5000).await, Ok(true));
    assert_eq!(sent(person, 5000, 5000).await, wait(5000));
    assert_eq!(sent(person, 6000, 60_000).await, wait(59_000), "the interval of now counts");
    assert_eq!(sent(person, 6000, 1000).await, Ok(true));
    let stored = store.messages_before(channel_id, MessageId::MAX, 9).await.unwrap();
    assert_eq!(stored.len(), 4);
}

pub async fn one_of_racing_messages_gets_through_slow_mode(store: &dyn Store) {
    let (channel_id, person) = (stored_channel(store).await, user_id());
    let messages: Vec<Message> = (0..10).map(|_| later(channel_id, person, 0)).collect();
    let sent = join_all(messages.iter().map(|message| send(store, message, Some(5000)))).await;
    assert_eq!(sent.into_iter().filter(Result::is_ok).count(), 1);
}

pub async fn a_repetition_wins_over_slow_mode(store: &dyn Store) {
    let (channel_id, person) = (stored_channel(store).await, user_id());
    let nonce = |nonce: &str| Message { nonce: Some(nonce.into()), ..later(channel_id, person, 1) };
    let first = nonce("first");
    assert!(send(store, &first, Some(5000)).await.unwrap().new);
    let repeated = send(store, &nonce("first"), Some(5000)).await.unwrap();
    assert_eq!((repeated.message, repeated.new), (first.clone(), false));
    assert!(!send(store, &first, Some(5000)).await.unwrap().new);

    // A refused message uses its nonce no more than its turn.
    let second = nonce("second");
    assert!(send(store, &second, Some(5000)).await.is_err());
    let again = Message { nonce: second.nonce, ..later(channel_id, person, 5001) };
    assert!(send(store, &again, Some(5000)).await.unwrap().new);
}

pub async fn slow_mode_counts_what_was_sent_before_it(store: &dyn Store) {
    let (channel_id, person) = (stored_channel(store).await, user_id());
    let before = later(channel_id, person, 0);
    send(store, &before, None).await.unwrap();
    let wait = |wait_ms| Err(TooEarly { wait_ms });
    let slowly = async |after_ms| {
        send(store, &later(channel_id, person, after_ms), Some(5000)).await.map(|sent| sent.new)
    };
    assert_eq!(slowly(4000).await, wait(1000));
    assert_eq!(slowly(5000).await, Ok(true));
    // Off, and on again.
    send(store, &later(channel_id, person, 8000), None).await.unwrap();
    assert_eq!(slowly(11_000).await, wait(2000));
    // What is deleted was sent all the same.
    let last = later(channel_id, person, 13_000);
    send(store, &last, Some(5000)).await.unwrap();
    store.delete_message(channel_id, last.id, change_id()).await.unwrap();
    assert_eq!(slowly(14_000).await, wait(4000));
}
