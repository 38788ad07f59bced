//! How far people have read, and the mentions that wait for them.

use vibetalk::model::id::{ChannelId, MessageId, UserId};
use vibetalk::model::message::{Message, MessageEdit};
use vibetalk::model::read_state::ReadState;
use vibetalk::store::{
    MENTIONS_COUNTED_MAX, OWN_MESSAGES_MAX, ReadMark, ReadScope, Store,
};

use super::{
    NOW_MS, change_id, insert, message, scope, stored_channel, stored_message, user_id,
};

/// Marks a channel when whatever is in it has been sent.
async fn mark(
    store: &dyn Store,
    user_id: UserId,
    channel_id: ChannelId,
    last_read_id: MessageId,
) {
    let set_at = message(channel_id).id;
    store.set_read_state(ReadMark { user_id, channel_id, last_read_id, set_at }).await.unwrap();
}

async fn mentioning(store: &dyn Store, channel_id: ChannelId, users: &[UserId]) -> Message {
    let message = Message { mentions: users.to_vec(), ..message(channel_id) };
    insert(store, &message).await;
    message
}

async fn mentioning_everyone(store: &dyn Store, channel_id: ChannelId) -> Message {
    let message = Message { mentions_everyone: true, ..message(channel_id) };
    insert(store, &message).await;
    message
}

/// Unread mentions, 0 also where there is no read state.
async fn mention_count(store: &dyn Store, user_id: UserId, scope: ReadScope) -> u32 {
    let states = store.list_read_states(user_id, &[scope]).await.unwrap();
    states.first().map_or(0, |state| state.mention_count)
}

pub async fn reading_goes_forwards_and_backwards(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let person = user_id();
    assert!(store.list_read_states(person, &[scope(store, channel_id).await]).await.unwrap().is_empty());
    for last_read_id in [MessageId::new(50), MessageId::new(70), MessageId::new(20), MessageId::ZERO]
    {
        mark(store, person, channel_id, last_read_id).await;
        let states = store.list_read_states(person, &[scope(store, channel_id).await]).await.unwrap();
        let last_read_id = Some(last_read_id);
        assert_eq!(states, [ReadState { channel_id, last_read_id, mention_count: 0 }]);
    }
    assert!(store.list_read_states(user_id(), &[scope(store, channel_id).await]).await.unwrap().is_empty());
}

pub async fn mentions_by_name_wait_until_read(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let (ada, bob) = (user_id(), user_id());
    let first = mentioning(store, channel_id, &[ada, bob]).await;
    let second = mentioning(store, channel_id, &[ada]).await;
    stored_message(store, channel_id).await;
    let counted = store.list_read_states(ada, &[scope(store, channel_id).await]).await.unwrap();
    assert_eq!(counted, [ReadState { channel_id, last_read_id: None, mention_count: 2 }]);
    assert_eq!(mention_count(store, bob, scope(store, channel_id).await).await, 1);

    for (last_read_id, expected) in [(first.id, 1), (second.id, 0), (MessageId::ZERO, 2)] {
        mark(store, ada, channel_id, last_read_id).await;
        assert_eq!(mention_count(store, ada, scope(store, channel_id).await).await, expected);
    }
}

pub async fn everyone_is_mentioned_from_when_they_joined(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let person = user_id();
    let first = mentioning_everyone(store, channel_id).await;
    let second = mentioning_everyone(store, channel_id).await;
    let whole = scope(store, channel_id).await;
    let from = |joined_from| ReadScope { joined_from, ..whole };
    assert_eq!(mention_count(store, person, scope(store, channel_id).await).await, 2);
    assert_eq!(mention_count(store, person, from(first.id)).await, 2);
    assert_eq!(mention_count(store, person, from(second.id)).await, 1);
    assert_eq!(mention_count(store, person, from(MessageId::MAX)).await, 0);

    mark(store, person, channel_id, first.id).await;
    assert_eq!(mention_count(store, person, scope(store, channel_id).await).await, 1);
    mark(store, person, channel_id, MessageId::MAX).await;
    assert_eq!(mention_count(store, person, scope(store, channel_id).await).await, 0);
    // By name counts from before the person joined, too: they could see the channel then.
    let named = mentioning(store, channel_id, &[person]).await;
    let before = MessageId::new(named.id.get() - 1);
    mark(store, person, channel_id, before).await;
    assert_eq!(mention_count(store, person, from(MessageId::MAX)).await, 1);
}

pub async fn nobody_is_mentioned_twice_by_one_message_or_by_themselves(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let person = user_id();
    let both =
        Message { mentions: vec![person], mentions_everyone: true, ..message(channel_id) };
    insert(store, &both).await;
    assert_eq!(mention_count(store, person, scope(store, channel_id).await).await, 1);

    let own = Message { author_id: person, mentions: vec![person], ..message(channel_id) };
    insert(store, &own).await;
    let own = Message { author_id: person, mentions_everyone: true, ..message(channel_id) };
    insert(store, &own).await;
    assert_eq!(mention_count(store, person, scope(store, channel_id).await).await, 1);
    assert_eq!(mention_count(store, user_id(), scope(store, channel_id).await).await, 2);
}

pub async fn deleted_mentions_do_not_count(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let person = user_id();
    let named = mentioning(store, channel_id, &[person]).await;
    let everyone = mentioning_everyone(store, channel_id).await;
    for (message, left) in [(named, 1), (everyone, 0)] {
        store.delete_message(channel_id, message.id, change_id()).await.unwrap();
        assert_eq!(mention_count(store, person, scope(store, channel_id).await).await, left);
    }
}

pub async fn an_edit_replaces_mentions(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let [ada, bob, carl] = [user_id(), user_id(), user_id()];
    let message = mentioning(store, channel_id, &[ada, bob]).await;
    for (mentions, mentions_everyone, expected) in [
        (vec![bob, carl], false, [0, 1, 1]),
        (vec![carl], true, [1, 1, 1]),
        (vec![ada], false, [1, 0, 0]),
        (vec![], false, [0, 0, 0]),
    ] {
        let edit = MessageEdit {
            channel_id,
            message_id: message.id,
            author_id: message.author_id,
            content: "edited".into(),
            mentions,
            mentions_everyone,
            edited_at_ms: NOW_MS,
        };
        assert!(store.update_message(&edit, change_id()).await.unwrap().is_some());
        for (person, expected) in [ada, bob, carl].into_iter().zip(expected) {
            assert_eq!(mention_count(store, person, scope(store, channel_id).await).await, expected);
        }
    }
}

pub async fn mentions_are_counted_up_to_a_bound(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let person = user_id();
    let scope = scope(store, channel_id).await;
    let (mut by_name, mut everyone) = (Vec::new(), Vec::new());
    for _ in 0..MENTIONS_COUNTED_MAX / 2 {
        by_name.push(mentioning(store, channel_id, &[person]).await);
        everyone.push(mentioning_everyone(store, channel_id).await);
    }
    assert_eq!(mention_count(store, person, scope).await, MENTIONS_COUNTED_MAX);
    mentioning_everyone(store, channel_id).await;
    mentioning(store, channel_id, &[person]).await;
    assert_eq!(mention_count(store, person, scope).await, MENTIONS_COUNTED_MAX);
    mark(store, person, channel_id, everyone[1].id).await;
    assert_eq!(mention_count(store, person, scope).await, MENTIONS_COUNTED_MAX - 2);
}

/// Of a channel that there is not.
fn unknown(channel_id: ChannelId) -> ReadScope {
    ReadScope { channel_id, group_id: None, joined_from: MessageId::ZERO }
}

pub async fn many_channels_are_asked_for_at_once(store: &dyn Store) {
    let person = user_id();
    let mut scopes: Vec<ReadScope> =
        (1..=1000).map(|id| unknown(ChannelId::new(id))).collect();
    let mut expected = Vec::new();
    for n in 0..20 {
        let channel_id = stored_channel(store).await;
        scopes.push(scope(store, channel_id).await);
        match n % 4 {
            0 => drop(mentioning(store, channel_id, &[person]).await),
            1 => drop(mentioning_everyone(store, channel_id).await),
            2 => mark(store, person, channel_id, MessageId::new(9)).await,
            _ => continue,
        }
        expected.push(channel_id);
    }
    let states = store.list_read_states(person, &scopes).await.unwrap();
    let mut answered: Vec<ChannelId> = states.iter().map(|state| state.channel_id).collect();
    answered.sort_unstable();
    assert_eq!(answered, expected);
}

pub async fn only_channels_asked_for_are_answered(store: &dyn Store) {
    let (asked, other) = (stored_channel(store).await, stored_channel(store).await);
    let person = user_id();
    for channel_id in [asked, other] {
        mark(store, person, channel_id, MessageId::new(5)).await;
    }
    let states = store.list_read_states(person, &[scope(store, asked).await]).await.unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].channel_id, asked);
    assert!(store.list_read_states(person, &[]).await.unwrap().is_empty());
}

async fn sent(store: &dyn Store, channel_id: ChannelId, author_id: UserId) -> MessageId {
    let message = Message { author_id, ..message(channel_id) };
    insert(store, &message).await;
    message.id
}

async fn check_read(store: &dyn Store, user_id: UserId, scope: ReadScope, up_to: Option<MessageId>) {
    let states = store.list_read_states(user_id, &[scope]).await.unwrap();
    assert_eq!(states.first().and_then(|state| state.last_read_id), up_to);
}

pub async fn own_messages_follow_the_mark(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let (person, other) = (user_id(), user_id());
    let read_up_to = async |id| check_read(store, person, scope(store, channel_id).await, id).await;
    // In a channel that was never opened, too.
    sent(store, channel_id, person).await;
    let own = sent(store, channel_id, person).await;
    read_up_to(Some(own)).await;
    let theirs = sent(store, channel_id, other).await;
    read_up_to(Some(own)).await;
    sent(store, channel_id, person).await;
    read_up_to(Some(own)).await;

    mark(store, person, channel_id, theirs).await;
    read_up_to(Some(theirs)).await;
    let own = sent(store, channel_id, person).await;
    read_up_to(Some(own)).await;
    check_read(store, other, scope(store, channel_id).await, None).await;
    check_read(store, user_id(), scope(store, channel_id).await, None).await;
}

pub async fn a_mark_stays_where_it_was_set(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let person = user_id();
    let first = sent(store, channel_id, person).await;
    let second = sent(store, channel_id, person).await;
    for up_to in [first, MessageId::ZERO, second, first] {
        mark(store, person, channel_id, up_to).await;
        check_read(store, person, scope(store, channel_id).await, Some(up_to)).await;
    }
    let third = sent(store, channel_id, person).await;
    check_read(store, person, scope(store, channel_id).await, Some(third)).await;
}

pub async fn what_was_sent_before_somebody_joined_is_read(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let (person, other) = (user_id(), user_id());
    let before = sent(store, channel_id, other).await;
    let own = sent(store, channel_id, person).await;
    check_read(store, person, scope(store, channel_id).await, None).await;
    let joined_from = MessageId::new(before.get() + 1);
    check_read(store, person, ReadScope { joined_from, ..scope(store, channel_id).await }, Some(own)).await;
}

pub async fn many_own_messages_are_read_up_to_a_bound(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let person = user_id();
    let mut ids = Vec::new();
    for _ in 0..OWN_MESSAGES_MAX {
        ids.push(sent(store, channel_id, person).await);
    }
    check_read(store, person, scope(store, channel_id).await, ids.last().copied()).await;
    sent(store, channel_id, person).await;
    check_read(store, person, scope(store, channel_id).await, ids.last().copied()).await;
}

/// However late an earlier one arrives.
pub async fn the_mark_that_was_made_last_stays(store: &dyn Store) {
    let (channel_id, person) = (stored_channel(store).await, user_id());
    let [earlier, later] = [stored_message(store, channel_id).await, stored_message(store, channel_id).await];
    let mark = |read: &Message, set_at| ReadMark {
        user_id: person,
        channel_id,
        last_read_id: read.id,
        set_at,
    };
    let made = [message(channel_id).id, message(channel_id).id];
    // Back to the earlier message; the mark on the later one is repeated after that.
    for mark in [mark(&later, made[0]), mark(&earlier, made[1]), mark(&later, made[0])] {
        store.set_read_state(mark).await.unwrap();
    }
    let states = store.list_read_states(person, &[scope(store, channel_id).await]).await.unwrap();
    assert_eq!(states[0].last_read_id, Some(earlier.id));
}
