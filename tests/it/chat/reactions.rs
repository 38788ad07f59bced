//! Reactions.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use vibetalk::chat::Caller;
use vibetalk::chat::reactions::{ListReactionUsers, ReactionTarget};
use vibetalk::chat::turns::Subject;
use vibetalk::model::id::{ChangeId, ChannelId, MessageId};
use vibetalk::model::message::REACTION_KINDS_MAX;

use super::{TestChat, code};

fn target(channel_id: ChannelId, message_id: MessageId, emoji: &str) -> ReactionTarget {
    ReactionTarget { channel_id, message_id, emoji: emoji.to_owned() }
}

impl TestChat {
    /// The reactions of the newest message as `reader` sees them.
    async fn reactions(&self, reader: Caller, channel_id: ChannelId) -> Vec<(String, u32, bool)> {
        let newest = self.newest(reader, channel_id).await.swap_remove(0);
        newest.reactions.into_iter().map(|it| (it.emoji, it.count, it.me)).collect()
    }
}

#[tokio::test]
async fn a_reaction_counts_and_is_announced_once_and_readers_see_their_own() {
    let test = TestChat::start();
    let [owner, member, reader] = test.people("p").await;
    let channel_id = test.channel(owner, &[member, reader]).await;
    let message_id = test.send(owner, channel_id, "hello").await;
    test.announced().await;
    let seen = |emoji: &str, count, me| (emoji.to_owned(), count, me);
    for (caller, emoji) in [(owner, "b"), (member, "b"), (member, "b"), (member, "a")] {
        test.clock.set(test.clock.now_ms() + 1);
        test.chat.add_reaction(caller, target(channel_id, message_id, emoji)).await.unwrap();
    }
    assert_eq!(test.announced().await, ["reaction:added to group"; 3]);
    for (caller, own) in [(owner, [true, false]), (member, [true, true]), (reader, [false, false])]
    {
        let expected = [seen("b", 2, own[0]), seen("a", 1, own[1])];
        assert_eq!(test.reactions(caller, channel_id).await, expected, "by first use");
    }
    for _ in 0..2 {
        test.chat.remove_reaction(member, target(channel_id, message_id, "b")).await.unwrap();
    }
    assert_eq!(test.announced().await, ["reaction:removed to group"]);
    let expected = [seen("b", 1, false), seen("a", 1, true)];
    assert_eq!(test.reactions(member, channel_id).await, expected);
}

/// A sync looks back for some seconds only: what is stored late must not look as if it were old.
#[tokio::test]
async fn a_change_that_waits_for_its_turn_is_as_new_as_it_is_seen() {
    let test = TestChat::start();
    let owner = test.person("owner").await;
    let channel_id = test.channel(owner, &[]).await;
    let message_id = test.send(owner, channel_id, "hello").await;
    let subject = Subject::Message(message_id);
    let target = || target(channel_id, message_id, "a");
    let chat = &test.chat;
    for change in 0..4 {
        let turn = chat.turns().take(subject).await;
        let mut changing = pin!(async {
            match change {
                0 => chat.add_reaction(owner, target()).await,
                1 => chat.remove_reaction(owner, target()).await,
                2 => chat.add_pin(owner, channel_id, message_id).await,
                _ => chat.remove_pin(owner, channel_id, message_id).await,
            }
        });
        let waits = async {
            while chat.turns().waiting_for(subject) < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            changed = &mut changing => panic!("{changed:?} without a turn"),
            waited = tokio::time::timeout(Duration::from_secs(20), waits) => waited.unwrap(),
        }
        let later_ms = test.clock.now_ms() + 60_000;
        test.clock.set(later_ms);
        drop(turn);
        changing.await.unwrap();
        let since = ChangeId::first_at(later_ms);
        let changes = test.store.list_changes(channel_id, since, 10).await.unwrap();
        assert_eq!(changes.len(), 1, "change {change}");
    }
}

#[tokio::test]
async fn who_reacted_comes_in_pages() {
    let test = TestChat::start();
    let people: [Caller; 5] = test.people("p").await;
    let channel_id = test.channel(people[0], &people[1..]).await;
    let message_id = test.send(people[0], channel_id, "hello").await;
    for person in people {
        test.chat.add_reaction(person, target(channel_id, message_id, "+")).await.unwrap();
    }
    let page = async |after, limit| {
        let request = ListReactionUsers { after, limit: Some(limit) };
        let target = target(channel_id, message_id, "+");
        let page = test.chat.list_reaction_users(people[0], target, request).await.unwrap();
        (page.users.iter().map(|user| user.id).collect::<Vec<_>>(), page.has_more)
    };
    let all = people.map(|person| person.user_id);
    assert_eq!(page(None, 3).await, (all[..3].to_vec(), true));
    assert_eq!(page(Some(all[2]), 2).await, (all[3..].to_vec(), false));
    assert_eq!(page(Some(all[4]), 1).await, (vec![], false));
}

#[tokio::test]
async fn emojis_of_a_message_are_bounded_but_not_who_uses_them() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let channel_id = test.channel(owner, &[member]).await;
    let message_id = test.send(owner, channel_id, "hello").await;
    let react = async |caller, emoji: &str| {
        code(test.chat.add_reaction(caller, target(channel_id, message_id, emoji)).await)
    };
    let emojis: Vec<String> = (0..REACTION_KINDS_MAX).map(|number| number.to_string()).collect();
    let codes = join_all(emojis.iter().map(|emoji| react(owner, emoji))).await;
    assert!(codes.iter().all(|code| *code == "ok"));
    assert_eq!(react(owner, "one more").await, "conflict");
    assert_eq!(react(member, "7").await, "ok");
}

#[tokio::test]
async fn access_then_fields_then_message() {
    let test = TestChat::start();
    let [owner, stranger] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let message_id = test.send(owner, channel_id, "hello").await;
    test.announced().await;
    for (caller, message_id, emoji, expected) in [
        (stranger, message_id, "", "channel_not_found"),
        (owner, message_id, "", "invalid_request"),
        (owner, message_id, &*"x".repeat(65), "too_large"),
        (owner, MessageId::new(5), "+", "message_not_found"),
    ] {
        let target = || target(channel_id, message_id, emoji);
        assert_eq!(code(test.chat.add_reaction(caller, target()).await), expected);
        assert_eq!(code(test.chat.remove_reaction(caller, target()).await), expected);
    }
    assert!(test.announced().await.is_empty());
}
