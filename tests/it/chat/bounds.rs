//! What somebody can make grow stays bounded: what they are in, how fast they make it, and how much an
//! answer carries.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use serde_json::Value;
use vibetalk::bus::envelope::{Content, Effect, Envelope};
use vibetalk::chat::channels::CreateChannel;
use vibetalk::chat::groups::CreateGroup;
use vibetalk::chat::history::ListMessages;
use vibetalk::chat::invites::CreateInvite;
use vibetalk::chat::limits::READY_BYTES_MAX;
use vibetalk::chat::memberships::GROUPS_PER_PERSON_MAX;
use vibetalk::chat::messages::{CreateMessage, UpdateMessage};
use vibetalk::chat::pins::ListPins;
use vibetalk::chat::presence::ChannelRef;
use vibetalk::chat::reactions::ReactionTarget;
use vibetalk::chat::turns::Subject;
use vibetalk::chat::users::UpdateUser;
use vibetalk::chat::{Caller, ChatError};
use vibetalk::model::channel::CHANNELS_PER_GROUP_MAX;
use vibetalk::model::event::Push;
use vibetalk::model::id::{ChannelId, GroupId, MessageId, NodeId};

use super::{NOW_MS, TestChat, code};

const UNLIMITED: fn(&mut vibetalk::chat::limits::Limits) = |limits| limits.rates = false;

fn content(content: &str) -> CreateMessage {
    let content = content.to_owned();
    CreateMessage { content, nonce: None, reply_to_id: None, attachment_ids: None }
}

fn named(name: &str) -> CreateGroup {
    CreateGroup { name: name.to_owned(), icon: None }
}

fn channel(topic: &str) -> CreateChannel {
    CreateChannel {
        name: "c".repeat(100),
        topic: Some(topic.to_owned()),
        kind: None,
        position: None,
        slow_mode_seconds: None,
    }
}

impl TestChat {
    /// A hundred that are as long as JSON can make them, each a reply to the one before.
    async fn send_long_messages(&self, author: Caller, channel_id: ChannelId) -> Vec<MessageId> {
        let mut ids: Vec<MessageId> = Vec::new();
        for _ in 0..100 {
            let text = "\u{1}".repeat(4000);
            let request = CreateMessage { reply_to_id: ids.last().copied(), ..content(&text) };
            let sent = self.chat.create_message(author, channel_id, request).await.unwrap();
            ids.push(json(&sent.message).1["id"].as_str().unwrap().parse().unwrap());
        }
        ids
    }

    async fn add_channels(&self, owner: Caller, group_id: GroupId, count: usize, topic: &str) {
        let made = (0..count).map(|_| self.chat.create_channel(owner, group_id, channel(topic)));
        assert!(join_all(made).await.iter().all(Result::is_ok));
    }
}

fn json(value: &impl serde::Serialize) -> (usize, Value) {
    let text = serde_json::to_string(value).unwrap();
    (text.len(), serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn ready_and_the_list_of_groups_have_at_most_two_megabytes() {
    let test = TestChat::with_limits(UNLIMITED);
    let [owner, other] = test.people("p").await;
    let huge = test.chat.create_group(owner, named("huge")).await.unwrap().group.id;
    test.add_channels(owner, huge, 499, &"\u{1}".repeat(1000)).await;
    for _ in 0..5 {
        let large = test.chat.create_group(owner, named("large")).await.unwrap().group.id;
        test.add_channels(owner, large, 160, &"漢".repeat(1000)).await;
    }
    let small = test.chat.create_group(owner, named("small")).await.unwrap();

    let (ready_bytes, ready) = json(&test.chat.snapshot(owner).await.unwrap());
    let (list_bytes, list) = json(&test.chat.list_groups(owner).await.unwrap());
    assert_eq!(ready["limits"]["readyBytes"], READY_BYTES_MAX);
    for (bytes, groups) in [(ready_bytes, &ready["groups"]), (list_bytes, &list["groups"])] {
        assert!(bytes <= READY_BYTES_MAX, "{bytes}");
        assert!(bytes > READY_BYTES_MAX / 2, "and what fits is there: {bytes}");
        let groups = groups.as_array().unwrap();
        assert_eq!(groups.len(), 7);
        assert!(groups.iter().all(|group| group["me"]["userId"] == owner.user_id.to_string()));
        let whole: Vec<bool> = groups.iter().map(|it| it["channels"].is_array()).collect();
        assert_eq!(whole, [false, true, true, true, false, false, true]);
        assert!(groups.iter().all(|it| it["partial"].is_null() == it["channels"].is_array()));
        assert_eq!(groups[6]["channels"], json(&small.channels).1);
    }

    let (_, whole) = json(&test.chat.get_group(owner, huge).await.unwrap());
    assert_eq!(whole["channels"].as_array().unwrap().len(), 500);
    assert_eq!((&whole["name"], &whole["partial"]), (&Value::from("huge"), &Value::Null));
    assert_eq!(code(test.chat.get_group(other, huge).await), "group_not_found");
}

#[tokio::test]
async fn no_channel_is_read_of_a_group_that_comes_without() {
    let test = TestChat::with_limits(UNLIMITED);
    let [owner] = test.people("p").await;
    let mut huge = Vec::new();
    for _ in 0..3 {
        let group_id = test.chat.create_group(owner, named("huge")).await.unwrap().group.id;
        test.add_channels(owner, group_id, 350, &"\u{1}".repeat(1000)).await;
        huge.push(group_id);
    }
    let small = test.chat.create_group(owner, named("small")).await.unwrap();
    test.forget();
    test.chat.get_group(owner, small.group.id).await.unwrap();

    let some_channel = test.store.list_channels(&[huge[0]]).await.unwrap()[0].id;
    test.faults.count();
    test.chat.audiences(owner).await.unwrap();
    let (_, ready) = json(&test.chat.snapshot(owner).await.unwrap());
    assert_eq!(ready["groups"][3]["channels"], json(&small.channels).1);
    // Nor where permissions are looked up, as in a sync of many channels.
    test.chat.channel_access(owner, some_channel).await.unwrap();
    let asked = test.faults.counted();
    assert!(!asked.contains_key("list_channels"), "{asked:?}");
}

#[tokio::test]
async fn a_whole_group_says_what_was_read_and_reads_as_before() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    let channel_id = group.channels[0].id;
    let request = content(&format!("hi <@{}>", member.user_id));
    let sent = test.chat.create_message(owner, channel_id, request).await.unwrap();
    let (_, sent) = json(&sent.message);
    let (_, whole) = json(&test.chat.get_group(member, group.group.id).await.unwrap());
    assert_eq!(whole["channels"][0]["lastMessageId"], sent["id"]);
    assert_eq!(whole["channels"][0]["permissions"], "135");
    let read_state = serde_json::json!(
        [{"channelId": channel_id.to_string(), "lastReadId": null, "mentionCount": 1}]
    );
    assert_eq!(whole["readStates"], read_state);
    let (_, ready) = json(&test.chat.snapshot(member).await.unwrap());
    assert_eq!(ready["readStates"], read_state);
    assert_eq!(ready["groups"][0]["channels"], whole["channels"]);
}

#[tokio::test]
async fn strangers_with_long_names_do_not_fill_ready_with_direct_channels() {
    let test = TestChat::with_limits(UNLIMITED);
    let [ada] = test.people("ada").await;
    let mut others = Vec::new();
    for number in 0..9 {
        let other = test.person(&format!("other{number}")).await;
        let request = UpdateUser {
            display_name: Some("🐉".repeat(64)),
            avatar: Some(Some(format!("https://a/{}", "x".repeat(290)))),
        };
        test.chat.update_user(other, request).await.unwrap();
        others.push(other.user_id);
    }
    let mut last = None;
    for number in 0..200 {
        let stranger = test.person(&format!("stranger{number}")).await;
        let mut user_ids = others[..8].to_vec();
        user_ids.push(ada.user_id);
        let request = vibetalk::chat::direct::OpenDirect { user_ids };
        last = Some(test.chat.open_direct(stranger, request).await.unwrap().channel.id);
    }
    let (bytes, ready) = json(&test.chat.snapshot(ada).await.unwrap());
    assert!(bytes < 600_000, "{bytes}");
    let direct = ready["directChannels"].as_array().unwrap();
    assert!(direct.len() > 50 && direct.len() < 200, "{}", direct.len());
    assert_eq!(direct.last().unwrap()["id"], last.unwrap().to_string(), "the latest are there");
    let ids: Vec<u64> =
        direct.iter().map(|it| it["id"].as_str().unwrap().parse().unwrap()).collect();
    assert!(ids.is_sorted());
}

#[tokio::test]
async fn pages_of_long_messages_are_cut_at_the_end_that_is_farther_from_the_cursor() {
    let test = TestChat::with_limits(UNLIMITED);
    let [owner] = test.people("p").await;
    let channel_id = test.group(owner, &[]).await.channels[0].id;
    let ids = test.send_long_messages(owner, channel_id).await;
    let list = async |before, after, around| {
        let request = ListMessages { before, after, around, limit: Some(100) };
        let page = test.chat.list_messages(owner, channel_id, request).await.unwrap();
        assert!(json(&page).0 <= 2_000_000, "{}", json(&page).0);
        assert!(page.has_more && page.messages.len() > 30, "{}", page.messages.len());
        let ids: Vec<MessageId> = page.messages.iter().map(|message| message.id).collect();
        (ids, page.has_more_before, page.has_more_after)
    };
    assert_eq!(list(None, None, None).await.0.first(), ids.last());
    assert_eq!(list(Some(ids[99]), None, None).await.0.first(), ids.get(98));
    assert_eq!(list(None, Some(MessageId::ZERO), None).await.0.last(), ids.first());
    for middle in [2, 50, 97] {
        let (page, before, after) = list(None, None, Some(ids[middle])).await;
        assert!(page.contains(&ids[middle]), "{middle}");
        assert_eq!(before, Some(page.last() != ids.first()));
        assert_eq!(after, Some(page.first() != ids.last()));
    }
    // Nothing is lost between pages.
    let (mut seen, mut after) = (Vec::new(), MessageId::ZERO);
    loop {
        let request =
            ListMessages { after: Some(after), limit: Some(100), ..ListMessages::default() };
        let page = test.chat.list_messages(owner, channel_id, request).await.unwrap();
        seen.extend(page.messages.iter().rev().map(|message| message.id));
        after = *seen.last().unwrap();
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn pins_come_in_pages_of_two_megabytes() {
    let test = TestChat::with_limits(UNLIMITED);
    let [owner] = test.people("p").await;
    let channel_id = test.group(owner, &[]).await.channels[0].id;
    let mut ids = test.send_long_messages(owner, channel_id).await;
    for message_id in &ids {
        test.chat.add_pin(owner, channel_id, *message_id).await.unwrap();
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = test.chat.list_pins(owner, channel_id, ListPins { before }).await.unwrap();
        let (bytes, _) = json(&page);
        assert!(bytes <= 2_000_000, "{bytes}");
        seen.extend(page.messages.iter().map(|message| message.id));
        before = seen.last().copied();
        if !page.has_more {
            break;
        }
        assert!(page.messages.len() > 30, "{}", page.messages.len());
    }
    ids.reverse();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn groups_channels_and_invites_have_one_rate() {
    let test = TestChat::with_limits(|limits| limits.made_per_minute = 4);
    let [owner, other] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    test.invite(owner, group_id).await;
    test.add_channels(owner, group_id, 2, "").await;
    let refused = test.chat.create_group(owner, named("more")).await;
    assert!(matches!(refused, Err(ChatError::RateLimited { retry_after_ms: 60_000 })));
    let create = test.chat.create_channel(owner, group_id, channel("")).await;
    assert_eq!(code(create), "rate_limited");
    let invite = CreateInvite { expires_in_seconds: None, max_uses: None };
    assert_eq!(code(test.chat.create_invite(owner, group_id, invite).await), "rate_limited");
    assert_eq!(code(test.chat.create_group(owner, named(" ")).await), "invalid_request");
    test.chat.create_group(other, named("other")).await.unwrap();
    test.clock.set(NOW_MS + 60_000);
    test.chat.create_group(owner, named("more")).await.unwrap();
}

async fn sent_at_once(
    test: &TestChat,
    caller: Caller,
    channel_id: ChannelId,
    count: usize,
) -> usize {
    let sends = (0..count).map(|_| test.chat.create_message(caller, channel_id, content("m")));
    let outcomes = join_all(sends).await;
    for outcome in &outcomes {
        assert!(matches!(outcome, Ok(_) | Err(ChatError::RateLimited { .. })), "{outcome:?}");
    }
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

#[tokio::test]
async fn messages_have_a_rate_by_person_and_a_stricter_one_in_the_official_group() {
    let test = TestChat::with_limits(|_| {});
    test.chat.ensure_official_group().await.unwrap();
    let [owner, other] = test.people("p").await;
    let official = test.chat.official_group().unwrap();
    let official = test.chat.list_channels(owner, official).await.unwrap().channels[0].id;
    let own = test.group(owner, &[]).await.channels[0].id;

    assert_eq!(sent_at_once(&test, owner, official, 100).await, 5);
    assert_eq!(sent_at_once(&test, owner, own, 100).await, 25);
    assert_eq!(sent_at_once(&test, other, official, 2).await, 2, "others still may");
    test.clock.set(NOW_MS + 2_000);
    assert_eq!(sent_at_once(&test, owner, official, 100).await, 2);
    assert_eq!(sent_at_once(&test, owner, own, 100).await, 18);
    let message = ListMessages { limit: Some(1), ..ListMessages::default() };
    let message = test.chat.list_messages(owner, own, message).await.unwrap().messages[0].id;
    let edit = UpdateMessage { content: "edited".to_owned() };
    assert_eq!(code(test.chat.update_message(owner, own, message, edit).await), "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_when_many_ask_at_once() {
    let test = TestChat::with_limits(UNLIMITED);
    let [owner, other] = test.people("p").await;
    let made = join_all((0..300).map(|_| test.chat.create_group(owner, named("g")))).await;
    // Besides the official group, in which they are not here.
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), GROUPS_PER_PERSON_MAX + 1);
    assert!(made.into_iter().all(|made| matches!(code(made), "ok" | "conflict")));

    let group = test.group(other, &[]).await;
    let group_id = group.group.id;
    let channels = (0..600).map(|_| test.chat.create_channel(other, group_id, channel("")));
    let made = join_all(channels).await.iter().filter(|made| made.is_ok()).count();
    assert_eq!(made, CHANNELS_PER_GROUP_MAX - 1);

    let invite = || CreateInvite { expires_in_seconds: None, max_uses: None };
    let invites = (0..150).map(|_| test.chat.create_invite(other, group_id, invite()));
    let made = join_all(invites).await.iter().filter(|made| made.is_ok()).count();
    assert_eq!(made, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_groups_holds_for_who_joins_many_at_once() {
    let test = TestChat::with_limits(UNLIMITED);
    let [owner, host, member] = test.people("p").await;
    let mut invites = Vec::new();
    for index in 0..220 {
        let host = if index < 110 { owner } else { host };
        let group_id = test.group(host, &[]).await.group.id;
        invites.push(test.invite(host, group_id).await);
    }
    let joins = invites.iter().map(|invite| test.chat.accept_invite(member, invite));
    let joined = join_all(joins).await;
    assert_eq!(joined.iter().filter(|it| it.is_ok()).count(), GROUPS_PER_PERSON_MAX + 1);
    assert!(joined.into_iter().all(|it| matches!(code(it), "ok" | "conflict")));
}

#[tokio::test]
async fn the_authors_of_a_page_are_read_in_one_go() {
    let test = TestChat::start();
    let people: [Caller; 20] = test.people("p").await;
    let group = test.group(people[0], &people[1..]).await;
    let channel_id = group.channels[0].id;
    for person in people {
        test.chat.create_message(person, channel_id, content("m")).await.unwrap();
    }
    test.forget();
    test.faults.count();
    let page = test.chat.list_messages(people[0], channel_id, ListMessages::default()).await;
    let authors: Vec<_> = page.unwrap().messages.into_iter().map(|it| it.author.id).collect();
    assert!(authors.iter().rev().eq(people.iter().map(|person| &person.user_id)));
    let asked = test.faults.counted();
    assert_eq!(asked["list_users"], 1, "{asked:?}");
}

#[tokio::test]
async fn who_was_mentioned_by_an_edit_just_before_the_deletion_is_told_of_it() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let channel_id = test.group(owner, &[member]).await.channels[0].id;
    let sent = test.chat.create_message(owner, channel_id, content("plain")).await.unwrap();
    let message_id: MessageId = json(&sent.message).1["id"].as_str().unwrap().parse().unwrap();
    test.announced().await;

    // The bus takes nothing more, so the first edit does not end its turn.
    test.hold();
    let group_id = GroupId::new(1);
    let fence = || {
        let effect =
            Some(Effect::Membership { user_id: member.user_id, group_id, is_member: false });
        let origin = NodeId::default();
        let content = Content::None;
        let envelope = Envelope { effect, ..Envelope::new(origin, 0, [], content) };
        test.bus.publish_applied(envelope)
    };
    let edit = |text: String| {
        test.chat.update_message(owner, channel_id, message_id, UpdateMessage { content: text })
    };
    let waiting = async |count: usize| {
        while test.chat.turns().waiting_for(Subject::Message(message_id)) < count {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await; // The task that waits is polled before this one again.
    };
    let full = async {
        test.effect_delivered().await;
        for _ in 0..vibetalk::bus::DELIVERIES_QUEUED_MAX {
            let typing = vibetalk::chat::presence::ChannelRef { channel_id };
            test.chat.start_typing(owner, typing).await.unwrap();
        }
    };
    let first = async {
        full.await;
        edit("first".to_owned()).await.unwrap();
    };
    let second = async {
        waiting(1).await;
        let mention = edit(format!("<@{}>", member.user_id));
        let deletion = async {
            waiting(2).await;
            let deletion = test.chat.delete_message(owner, channel_id, message_id);
            let resume = async {
                waiting(3).await;
                test.resume();
            };
            let (deleted, ()) = tokio::join!(deletion, resume);
            deleted.unwrap();
        };
        let (mentioned, ()) = tokio::join!(mention, deletion);
        mentioned.unwrap();
    };
    let (_, (), ()) = tokio::join!(fence(), first, second);
    test.delivered(|envelope| match &envelope.content {
        Content::Push { push: Push::ReadStateUpdated, body, .. } => {
            body.get().contains(r#""mentionCount":0"#)
        }
        _ => false,
    })
    .await;
}

#[tokio::test]
async fn a_lost_offline_is_announced_by_the_next_flush() {
    use vibetalk::chat::presence::SocketKey;
    let test = TestChat::start();
    let [ada] = test.people("ada").await;
    test.chat.presence_opened(ada, SocketKey(1));
    test.chat.flush_presence().await;
    test.chat.presence_closed(ada, SocketKey(1));
    test.presences().await;
    test.clock.set(NOW_MS + 60_000);
    test.bus_loses.store(true, Ordering::SeqCst);
    test.chat.flush_presence().await;
    test.bus_loses.store(false, Ordering::SeqCst);
    assert!(test.presences().await.is_empty());
    test.chat.flush_presence().await;
    assert_eq!(test.presences().await.len(), 1);
    test.chat.flush_presence().await;
    assert!(test.presences().await.is_empty());
}

#[tokio::test]
async fn what_others_are_told_of_has_the_rate_of_messages_and_is_counted_apart() {
    let test = TestChat::with_limits(|_| {});
    test.chat.ensure_official_group().await.unwrap();
    let [ada, bob] = test.people("p").await;
    let official = test.chat.official_group().unwrap();
    let channel_id = test.chat.list_channels(ada, official).await.unwrap().channels[0].id;
    let sent = test.chat.create_message(ada, channel_id, content("hello")).await.unwrap();
    let sent: Value = serde_json::from_str(sent.message.get()).unwrap();
    let message_id: MessageId = serde_json::from_value(sent["id"].clone()).unwrap();
    test.announced().await;

    let react = |caller, emoji: String| {
        test.chat.add_reaction(caller, ReactionTarget { channel_id, message_id, emoji })
    };
    let mut codes = Vec::new();
    for number in 0..6 {
        codes.push(code(react(ada, format!("e{number}")).await));
    }
    assert_eq!(codes, ["ok", "ok", "ok", "ok", "ok", "rate_limited"]);
    assert_eq!(code(react(bob, "e0".to_owned()).await), "ok", "others still may");
    assert_eq!(test.announced().await.len(), 6);

    let typing = || test.chat.start_typing(ada, ChannelRef { channel_id });
    for _ in 0..20 {
        typing().await.unwrap();
    }
    assert_eq!(test.announced().await.len(), 5, "nobody is told of the rest");
    test.clock.set(NOW_MS + 1_000);
    assert_eq!(code(react(ada, "e5".to_owned()).await), "ok");

    let rename = || UpdateUser { display_name: Some("Ada".to_owned()), avatar: None };
    let renamed = join_all((0..40).map(|_| test.chat.update_user(ada, rename()))).await;
    let allowed = renamed.iter().filter(|renamed| renamed.is_ok()).count();
    assert_eq!(allowed, 30 - 6 + 5, "of one bucket with the reactions, five of which came back");
}

#[tokio::test]
async fn what_nobody_waits_for_is_announced_to_nobody() {
    let test = TestChat::start();
    let [stranger, owner] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    test.announced().await;
    for group_id in [group_id, GroupId::new(12_345)] {
        assert_eq!(code(test.chat.delete_group(stranger, group_id).await), "group_not_found");
        assert_eq!(code(test.chat.leave_group(stranger, group_id).await), "group_not_found");
    }
    assert!(test.announced().await.is_empty());
}
