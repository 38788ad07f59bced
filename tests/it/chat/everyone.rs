//! Telling people of mentions.

use vibetalk::bus::envelope::Topic;
use vibetalk::chat::Caller;
use vibetalk::model::presence::SocketKey;

use super::TestChat;
use super::messages::content;

fn come_online(test: &TestChat, person: Caller, key: u64) {
    test.chat.presence_opened(person, SocketKey(key));
}

/// Who was told of their read state, once all of `wanted` were.
async fn told(test: &TestChat, wanted: &[Caller]) -> Vec<String> {
    for person in wanted {
        let topic = Topic::User(person.user_id);
        test.delivered(|envelope| envelope.topics.contains(&topic)).await;
    }
    let lines = test.announced().await;
    let mut told: Vec<String> =
        lines.into_iter().filter(|line| line.starts_with("readState:updated")).collect();
    told.sort_unstable();
    told
}

/// Both ways of finding the online members: there are fewer people online than members, and more.
#[tokio::test]
async fn everyone_who_is_online_is_told_once_except_the_author() {
    for strangers in [0, 20] {
        let test = TestChat::start();
        let [owner, named, member, offline] = test.people("p").await;
        let group = test.group(owner, &[named, member, offline]).await;
        let channel_id = group.channels[0].id;
        for (key, person) in (1..).zip([owner, named, member]) {
            come_online(&test, person, key);
        }
        for number in 0..strangers {
            let stranger = test.person(&format!("stranger{number}")).await;
            come_online(&test, stranger, 100 + number);
        }
        test.announced().await;

        let text = format!("@everyone and <@{}>", named.user_id);
        test.chat.create_message(owner, channel_id, content(&text)).await.unwrap();
        let mut expected =
            [named, member].map(|person| format!("readState:updated to user {}", person.user_id));
        expected.sort_unstable();
        assert_eq!(told(&test, &[named, member]).await, expected);
        let text = format!("<@{}>", offline.user_id);
        test.chat.create_message(owner, channel_id, content(&text)).await.unwrap();
        let last = format!("readState:updated to user {}", offline.user_id);
        assert_eq!(told(&test, &[offline]).await, [last], "nobody was told twice");
    }
}
