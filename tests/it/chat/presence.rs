//! Presence and typing, as they are announced.

use vibetalk::bus::envelope::Content;
use vibetalk::chat::presence::{ChannelRef, SocketKey, UpdatePresence, run_presence};
use vibetalk::chat::{Caller, ChatError};
use vibetalk::model::id::ChannelId;
use vibetalk::model::presence::{ChosenStatus, OFFLINE_DELAY_MS, Status};

use crate::chat::{NOW_MS, TestChat, code};

const SOCKET: SocketKey = SocketKey(1);

fn update(
    test: &TestChat,
    caller: Caller,
    status: ChosenStatus,
    text: Option<&str>,
) -> Result<(), ChatError> {
    let request = UpdatePresence { status, text: text.map(ToOwned::to_owned) };
    test.chat.update_presence(caller, SOCKET, request)
}

async fn typing(test: &TestChat, caller: Caller, channel_id: ChannelId) -> &'static str {
    code(test.chat.start_typing(caller, ChannelRef { channel_id }).await)
}

#[tokio::test]
async fn people_who_come_together_are_one_announcement() {
    let test = TestChat::start();
    let people = test.people::<3>("person").await;
    for person in people {
        test.chat.presence_opened(person, SOCKET);
    }
    test.chat.flush_presence().await;
    test.chat.flush_presence().await;
    let announced = test.presences().await;
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0].len(), 3);
    assert!(announced[0].iter().all(|presence| presence.status == Status::Online));
    assert_eq!(test.chat.online_users().len(), 3);
}

#[tokio::test]
async fn offline_is_announced_after_a_while() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    test.chat.presence_opened(ada, SOCKET);
    test.chat.flush_presence().await;
    test.presences().await;

    test.chat.presence_closed(ada, SOCKET);
    test.chat.flush_presence().await;
    assert!(test.presences().await.is_empty());
    assert!(test.chat.online_users().is_empty());
    test.clock.set(NOW_MS + OFFLINE_DELAY_MS);
    test.chat.flush_presence().await;
    assert_eq!(test.presences().await[0][0].status, Status::Offline);
}

#[tokio::test]
async fn a_status_and_its_text_are_shown() {
    let test = TestChat::start();
    let [ada, bob] = test.people("person").await;
    test.chat.presence_opened(ada, SOCKET);
    update(&test, ada, ChosenStatus::Dnd, Some("in a meeting")).unwrap();
    let shown = test.chat.presences(&[bob.user_id, ada.user_id]).presences;
    assert_eq!(shown[0].status, Status::Offline);
    assert_eq!((shown[1].status, shown[1].text.as_str()), (Status::Dnd, "in a meeting"));
    assert_eq!(code(update(&test, ada, ChosenStatus::Online, Some(&"👍".repeat(128)))), "ok");
    assert_eq!(code(update(&test, ada, ChosenStatus::Online, Some(&"x".repeat(129)))), "too_large");
}

#[tokio::test]
async fn the_invisible_are_told_mentions_of_everyone_and_shown_to_nobody() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    test.chat.presence_opened(ada, SOCKET);
    update(&test, ada, ChosenStatus::Invisible, Some("secret")).unwrap();
    test.chat.flush_presence().await;
    assert!(test.presences().await.is_empty(), "nobody has seen her yet");
    assert_eq!(test.chat.presences(&[ada.user_id]).presences[0].status, Status::Offline);
    assert_eq!(test.chat.online_users(), [ada.user_id]);
}

#[tokio::test]
async fn the_task_announces_by_itself_and_ends_with_the_node() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    let running = test.lifecycle.spawn("presence", run_presence(test.chat.clone()));
    test.chat.presence_opened(ada, SOCKET);
    test.delivered(|envelope| matches!(envelope.content, Content::Presences(_))).await;
    test.lifecycle.stop();
    running.await.unwrap();
}

#[tokio::test]
async fn typing_reaches_the_group_and_needs_the_right_to_send() {
    let test = TestChat::start();
    let [owner, member, stranger] = test.people("person").await;
    let group = test.group(owner, &[member]).await;
    let channel_id = group.channels[0].id;
    test.announced().await;
    assert_eq!(typing(&test, member, channel_id).await, "ok");
    assert_eq!(test.announced().await, ["typing:started to group"]);
    assert_eq!(typing(&test, stranger, channel_id).await, "channel_not_found");
    assert_eq!(typing(&test, member, ChannelId::new(1)).await, "channel_not_found");
    assert!(test.announced().await.is_empty());
}

#[tokio::test]
async fn typing_to_people_reaches_the_others() {
    let test = TestChat::start();
    let [ada, bob, eve] = test.people("person").await;
    let request = serde_json::json!({"userIds": [bob.user_id, eve.user_id]});
    let request = serde_json::from_value(request).unwrap();
    let channel = test.chat.open_direct(ada, request).await.unwrap().channel;
    test.announced().await;
    assert_eq!(typing(&test, bob, channel.id).await, "ok");
    let announced = test.announced().await;
    assert_eq!(announced, [format!("typing:started to user {} user {}", ada.user_id, eve.user_id)]);
}
