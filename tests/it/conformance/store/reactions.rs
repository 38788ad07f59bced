//! Reactions and pins.

use futures_util::future::join_all;
use vibetalk::model::id::{ChannelId, MessageId, UserId};
use vibetalk::model::message::{
    Message, PINS_PER_CHANNEL_MAX, REACTION_KINDS_MAX, ReactionCount,
};
use vibetalk::store::{Outcome, Reaction, Store};

use super::{NOW_MS, change_id, stored_channel, stored_message, user_id};

fn reaction(message: &Message, emoji: &str, user_id: UserId) -> Reaction {
    Reaction {
        channel_id: message.channel_id,
        message_id: message.id,
        emoji: emoji.into(),
        user_id,
        at_ms: NOW_MS,
    }
}

async fn react(store: &dyn Store, message: &Message, emoji: &str, user_id: UserId) -> Outcome {
    store.insert_reaction(&reaction(message, emoji, user_id), change_id()).await.unwrap()
}

async fn unreact(store: &dyn Store, message: &Message, emoji: &str, user_id: UserId) -> Outcome {
    store.delete_reaction(&reaction(message, emoji, user_id), change_id()).await.unwrap()
}

/// Emoji, count, whether `reader` is among them.
async fn counts(
    store: &dyn Store,
    message: &Message,
    reader: Option<UserId>,
) -> Vec<(String, u32, bool)> {
    let counted =
        store.count_reactions(message.channel_id, &[message.id], reader).await.unwrap();
    let of_message = counted.into_iter().find(|(message_id, _)| *message_id == message.id);
    let counts = of_message.map(|(_, counts)| counts).unwrap_or_default();
    counts.into_iter().map(|ReactionCount { emoji, count, me }| (emoji, count, me)).collect()
}

pub async fn a_reaction_is_added_and_removed_once(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let (ada, bob) = (user_id(), user_id());
    assert_eq!(react(store, &message, "👍", ada).await, Outcome::Changed);
    assert_eq!(react(store, &message, "👍", ada).await, Outcome::Unchanged);
    assert_eq!(react(store, &message, "👍", bob).await, Outcome::Changed);
    assert_eq!(counts(store, &message, Some(ada)).await, [("👍".into(), 2, true)]);
    assert_eq!(counts(store, &message, None).await, [("👍".into(), 2, false)]);

    assert_eq!(unreact(store, &message, "👍", ada).await, Outcome::Changed);
    assert_eq!(unreact(store, &message, "👍", ada).await, Outcome::Unchanged);
    assert_eq!(unreact(store, &message, "🎉", bob).await, Outcome::Unchanged);
    assert_eq!(counts(store, &message, Some(ada)).await, [("👍".into(), 1, false)]);
    assert_eq!(unreact(store, &message, "👍", bob).await, Outcome::Changed);
    assert_eq!(counts(store, &message, Some(ada)).await, []);
}

pub async fn emojis_keep_the_order_of_their_first_use(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let other = stored_message(store, channel_id).await;
    for (n, emoji) in ["👍", "❤", "a", "❤", "👍"].into_iter().enumerate() {
        let reaction =
            Reaction { at_ms: NOW_MS + n as u64, ..reaction(&message, emoji, user_id()) };
        store.insert_reaction(&reaction, change_id()).await.unwrap();
    }
    react(store, &other, "z", user_id()).await;
    let counted = [("👍".into(), 2, false), ("❤".into(), 2, false), ("a".into(), 1, false)];
    assert_eq!(counts(store, &message, None).await, counted);
    let both = store.count_reactions(channel_id, &[other.id, message.id], None).await.unwrap();
    assert_eq!(both.len(), 2);
}

pub async fn racing_reactions_all_count_in_the_end(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let people: Vec<UserId> = (0..30).map(|_| user_id()).collect();
    let twice = people.iter().chain(&people);
    let outcomes = join_all(twice.map(|user_id| react(store, &message, "👍", *user_id))).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Changed).count(), 30);
    // While they race it is about; whoever comes after them makes it exact.
    assert_eq!(react(store, &message, "👍", user_id()).await, Outcome::Changed);
    assert_eq!(counts(store, &message, Some(people[7])).await, [("👍".into(), 31, true)]);
}

pub async fn a_message_takes_a_bounded_number_of_emojis(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let person = user_id();
    for n in 0..REACTION_KINDS_MAX {
        assert_eq!(react(store, &message, &format!("e{n}"), person).await, Outcome::Changed);
    }
    assert_eq!(react(store, &message, "one more", person).await, Outcome::Full);
    assert_eq!(react(store, &message, "e0", user_id()).await, Outcome::Changed, "is there already");
    assert_eq!(unreact(store, &message, "e1", person).await, Outcome::Changed);
    assert_eq!(react(store, &message, "one more", person).await, Outcome::Changed);
}

pub async fn reactions_need_a_message(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    react(store, &message, "👍", user_id()).await;
    store.delete_message(channel_id, message.id, change_id()).await.unwrap();
    assert_eq!(react(store, &message, "👍", user_id()).await, Outcome::NoMessage);
    assert_eq!(unreact(store, &message, "👍", user_id()).await, Outcome::NoMessage);
    assert_eq!(counts(store, &message, None).await, []);
}

pub async fn people_who_reacted_are_listed_in_pages(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    let people: Vec<UserId> = (0..5).map(|_| user_id()).collect();
    for user_id in people.iter().rev() {
        react(store, &message, "👍", *user_id).await;
    }
    react(store, &message, "❤", user_id()).await;
    let page = async |after, limit| {
        store.list_reaction_users(channel_id, message.id, "👍", after, limit).await.unwrap()
    };
    assert_eq!(page(UserId::ZERO, 3).await, people[..3]);
    assert_eq!(page(people[2], 3).await, people[3..]);
}

async fn pin(store: &dyn Store, channel_id: ChannelId, message_id: MessageId) -> Outcome {
    store.insert_pin(channel_id, message_id, change_id()).await.unwrap()
}

async fn unpin(store: &dyn Store, channel_id: ChannelId, message_id: MessageId) -> Outcome {
    store.delete_pin(channel_id, message_id, change_id()).await.unwrap()
}

pub async fn a_message_is_pinned_and_unpinned_once(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let older = stored_message(store, channel_id).await;
    let newer = stored_message(store, channel_id).await;
    assert_eq!(pin(store, channel_id, newer.id).await, Outcome::Changed);
    assert_eq!(pin(store, channel_id, older.id).await, Outcome::Changed);
    assert_eq!(pin(store, channel_id, older.id).await, Outcome::Unchanged);
    assert_eq!(store.list_pins(channel_id).await.unwrap(), [newer.clone(), older.clone()]);
    let mut ids = store.list_pinned_ids(channel_id).await.unwrap();
    ids.sort_unstable();
    assert_eq!(ids, [older.id, newer.id]);

    assert_eq!(unpin(store, channel_id, older.id).await, Outcome::Changed);
    assert_eq!(unpin(store, channel_id, older.id).await, Outcome::Unchanged);
    assert_eq!(store.list_pinned_ids(channel_id).await.unwrap(), [newer.id]);
    assert_eq!(store.list_pins(channel_id).await.unwrap(), [newer]);
    assert!(store.list_pinned_ids(stored_channel(store).await).await.unwrap().is_empty());
}

pub async fn a_channel_takes_a_bounded_number_of_pins(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let mut messages = Vec::new();
    for _ in 0..=PINS_PER_CHANNEL_MAX {
        messages.push(stored_message(store, channel_id).await.id);
    }
    let (last, rest) = messages.split_last().unwrap();
    for message_id in rest {
        assert_eq!(pin(store, channel_id, *message_id).await, Outcome::Changed);
    }
    assert_eq!(pin(store, channel_id, *last).await, Outcome::Full);
    assert_eq!(pin(store, channel_id, rest[0]).await, Outcome::Unchanged);
    unpin(store, channel_id, rest[0]).await;
    assert_eq!(pin(store, channel_id, *last).await, Outcome::Changed);
}

pub async fn pins_need_a_message_and_go_with_it(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    pin(store, channel_id, message.id).await;
    store.delete_message(channel_id, message.id, change_id()).await.unwrap();
    assert!(store.list_pins(channel_id).await.unwrap().is_empty());
    assert!(store.list_pinned_ids(channel_id).await.unwrap().is_empty());
    assert_eq!(pin(store, channel_id, message.id).await, Outcome::NoMessage);
    assert_eq!(unpin(store, channel_id, message.id).await, Outcome::NoMessage);
}
