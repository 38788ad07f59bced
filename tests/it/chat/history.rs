//! Pages of history: cursors, `hasMore`, and that a page is never older than the channel.

use vibetalk::chat::Caller;
use vibetalk::chat::history::ListMessages;
use vibetalk::chat::reactions::ReactionTarget;
use vibetalk::chat::views::{MessageView, MessagesPage};
use vibetalk::model::id::{BUCKET_MS, ChannelId, MessageId};

use super::{NOW_MS, TestChat, code};

impl TestChat {
    pub async fn history(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: ListMessages,
    ) -> MessagesPage {
        self.chat.list_messages(caller, channel_id, request).await.unwrap()
    }

    pub async fn newest(&self, caller: Caller, channel_id: ChannelId) -> Vec<MessageView> {
        self.history(caller, channel_id, ListMessages::default()).await.messages
    }

    /// Messages before, on and after a boundary between buckets, and one many buckets later, oldest first.
    async fn messages_over_buckets(&self, owner: Caller, channel_id: ChannelId) -> Vec<MessageId> {
        let boundary_ms = (NOW_MS / BUCKET_MS + 1) * BUCKET_MS;
        let mut ids = Vec::new();
        for at_ms in [NOW_MS, boundary_ms - 1, boundary_ms, boundary_ms + 20 * BUCKET_MS] {
            self.clock.set(at_ms);
            for _ in 0..2 {
                ids.push(self.send(owner, channel_id, "over buckets").await);
            }
        }
        assert_ne!(ids[3].bucket(), ids[4].bucket());
        ids
    }
}

fn ids(page: &MessagesPage) -> Vec<MessageId> {
    page.messages.iter().map(|message| message.id).collect()
}

fn before(cursor: MessageId, limit: u32) -> ListMessages {
    ListMessages { before: Some(cursor), limit: Some(limit), ..Default::default() }
}

fn after(cursor: MessageId, limit: u32) -> ListMessages {
    ListMessages { after: Some(cursor), limit: Some(limit), ..Default::default() }
}

fn around(cursor: MessageId, limit: u32) -> ListMessages {
    ListMessages { around: Some(cursor), limit: Some(limit), ..Default::default() }
}

/// What to point a cursor at: every message, one that is gone, and both ends.
async fn cursors(test: &TestChat, owner: Caller, channel_id: ChannelId) -> [Vec<MessageId>; 2] {
    let mut stored = test.messages_over_buckets(owner, channel_id).await;
    let gone = stored.remove(4);
    test.chat.delete_message(owner, channel_id, gone).await.unwrap();
    let mut cursors = vec![MessageId::ZERO, gone, MessageId::MAX];
    cursors.extend(&stored);
    stored.reverse(); // Newest first, as pages are.
    [stored, cursors]
}

#[tokio::test]
async fn pages_before_and_after_any_cursor_are_exact_also_over_buckets() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let [newest_first, cursors] = cursors(&test, owner, channel_id).await;
    for limit in 1..=newest_first.len() as u32 + 1 {
        let most = limit as usize;
        for cursor in &cursors {
            let page = test.history(owner, channel_id, before(*cursor, limit)).await;
            let older: Vec<_> = newest_first.iter().copied().filter(|id| id < cursor).collect();
            assert_eq!(ids(&page), older[..older.len().min(most)], "before {cursor}, {limit}");
            assert_eq!(page.has_more, older.len() > most, "before {cursor}, {limit}");

            let page = test.history(owner, channel_id, after(*cursor, limit)).await;
            let newer: Vec<_> = newest_first.iter().copied().filter(|id| id > cursor).collect();
            let oldest_newer = &newer[newer.len().saturating_sub(most)..];
            assert_eq!(ids(&page), oldest_newer, "after {cursor}, {limit}");
            assert_eq!(page.has_more, newer.len() > most, "after {cursor}, {limit}");
            assert_eq!((page.has_more_before, page.has_more_after), (None, None));
        }
    }
}

#[tokio::test]
async fn a_page_around_a_message_is_full_contiguous_and_knows_both_sides() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let [newest_first, cursors] = cursors(&test, owner, channel_id).await;
    for limit in 1..=newest_first.len() as u32 + 1 {
        for cursor in &cursors {
            let what = format!("around {cursor}, {limit}");
            let page = test.history(owner, channel_id, around(*cursor, limit)).await;
            let ids = ids(&page);
            assert_eq!(ids.len(), newest_first.len().min(limit as usize), "{what}");
            let start = newest_first.iter().position(|id| *id == ids[0]).unwrap();
            let end = start + ids.len();
            assert_eq!(ids, newest_first[start..end], "{what}");
            assert!(!newest_first.contains(cursor) || ids.contains(cursor), "{what}");
            assert_eq!(page.has_more_before, Some(end < newest_first.len()), "{what}");
            assert_eq!(page.has_more_after, Some(start > 0), "{what}");
            assert_eq!(page.has_more, start > 0 || end < newest_first.len(), "{what}");
        }
    }
    let middle = newest_first[3];
    let page = test.history(owner, channel_id, around(middle, 3)).await;
    assert_eq!(ids(&page), newest_first[2..5], "one on each side");
}

#[tokio::test]
async fn walking_a_channel_in_either_direction_meets_every_message_once() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let stored = test.messages_over_buckets(owner, channel_id).await;
    let (mut backwards, mut cursor) = (Vec::new(), MessageId::MAX);
    loop {
        let page = test.history(owner, channel_id, before(cursor, 3)).await;
        backwards.extend(ids(&page));
        cursor = *backwards.last().unwrap();
        if !page.has_more {
            break;
        }
    }
    assert!(backwards.iter().rev().eq(&stored));

    let (mut forwards, mut cursor) = (Vec::new(), MessageId::ZERO);
    loop {
        let page = test.history(owner, channel_id, after(cursor, 3)).await;
        forwards.extend(ids(&page).into_iter().rev());
        cursor = *forwards.last().unwrap();
        if !page.has_more {
            break;
        }
    }
    assert_eq!(forwards, stored);
}

#[tokio::test]
async fn an_empty_page_never_has_more() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let at = MessageId::new(5);
    for request in [ListMessages::default(), before(at, 1), after(at, 1), around(at, 1)] {
        let page = test.history(owner, channel_id, request).await;
        assert!(page.messages.is_empty() && !page.has_more);
        assert!(!page.has_more_before.unwrap_or(false) && !page.has_more_after.unwrap_or(false));
    }
}

#[tokio::test]
async fn history_is_for_those_who_may_see_the_channel() {
    let test = TestChat::start();
    let [owner, stranger] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let message_id = test.send(owner, channel_id, "secret").await;
    test.newest(owner, channel_id).await; // Cached pages are no way around it.
    let chat = &test.chat;
    let listed = chat.list_messages(stranger, channel_id, ListMessages::default()).await;
    assert_eq!(code(listed), "channel_not_found");
    let got = chat.get_message(stranger, channel_id, message_id).await;
    assert_eq!(code(got), "channel_not_found");
    let elsewhere = test.channel(owner, &[]).await;
    assert_eq!(code(chat.get_message(owner, elsewhere, message_id).await), "message_not_found");
    for limit in [0, 101] {
        let request = ListMessages { limit: Some(limit), ..Default::default() };
        assert_eq!(code(chat.list_messages(owner, channel_id, request).await), "invalid_request");
    }
}

#[tokio::test]
async fn every_cached_page_shows_a_change_from_the_next_request_on() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let (first, second) =
        (test.send(owner, channel_id, "1").await, test.send(owner, channel_id, "2").await);
    let reply = super::sending::create("reply");
    let reply = vibetalk::chat::messages::CreateMessage { reply_to_id: Some(first), ..reply };
    test.chat.create_message(owner, channel_id, reply).await.unwrap();
    let requests = || {
        [
            ListMessages::default(),
            before(MessageId::MAX, 10),
            after(MessageId::ZERO, 10),
            around(second, 10),
        ]
    };
    let check = async |what: &str, holds: &dyn Fn(&[MessageView]) -> bool| {
        for request in requests() {
            let request_text = format!("{request:?}");
            let page = test.history(owner, channel_id, request).await;
            assert!(holds(&page.messages), "{what}: {request_text}: {page:?}");
        }
    };
    // Of the oldest message, which is the last of each page.
    check("sent", &|messages| messages.len() == 3 && messages[2].content == "1").await;
    test.edit(owner, channel_id, first, "edited").await.unwrap();
    check("edited", &|messages| messages[2].content == "edited").await;
    let shown_reply = |messages: &[MessageView]| messages[0].reply_to.clone().unwrap();
    check("in replies", &|messages| shown_reply(messages).unwrap().content == "edited").await;
    test.chat.add_pin(owner, channel_id, first).await.unwrap();
    check("pinned", &|messages| messages[2].pinned).await;
    test.chat.remove_pin(owner, channel_id, first).await.unwrap();
    check("unpinned", &|messages| !messages[2].pinned).await;
    let target = || ReactionTarget { channel_id, message_id: first, emoji: "+".to_owned() };
    test.chat.add_reaction(owner, target()).await.unwrap();
    check("reacted", &|messages| messages[2].reactions.len() == 1).await;
    test.chat.remove_reaction(owner, target()).await.unwrap();
    check("no longer", &|messages| messages[2].reactions.is_empty()).await;
    test.chat.delete_message(owner, channel_id, first).await.unwrap();
    check("deleted", &|messages| messages.len() == 2 && shown_reply(messages).is_none()).await;
    test.send(owner, channel_id, "new").await;
    check("sent", &|messages| messages.len() == 3 && messages[0].content == "new").await;
}

#[tokio::test]
async fn a_page_that_a_new_message_overtook_while_it_was_read_is_read_again() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let channel_id = test.channel(owner, &[]).await;
    let reading = test.faults.hold("messages_before");
    test.faults.count();
    let read = || test.chat.list_messages(owner, channel_id, ListMessages::default());
    let overtake = async {
        reading.reached().await;
        test.send(owner, channel_id, "overtakes").await;
        reading.open();
    };
    let (page, ()) = tokio::join!(read(), overtake);
    assert_eq!(page.unwrap().messages[0].content, "overtakes");
    assert_eq!(test.faults.counted()["messages_before"], 2);
    read().await.unwrap();
    assert_eq!(test.faults.counted()["messages_before"], 2, "the second one is kept");
}
