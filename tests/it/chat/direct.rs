//! Direct channels.

use vibetalk::chat::channels::UpdateChannel;
use vibetalk::chat::direct::{DIRECT_CHANNELS_MAX, OPENED_PER_DAY_MAX, OpenDirect, OpenedDirect};
use vibetalk::chat::{Caller, ChatError};
use vibetalk::model::id::UserId;

use super::messages::content;
use super::{NOW_MS, TestChat, code};

impl TestChat {
    async fn open(&self, caller: Caller, others: &[Caller]) -> Result<OpenedDirect, ChatError> {
        let user_ids = others.iter().map(|person| person.user_id).collect();
        self.chat.open_direct(caller, OpenDirect { user_ids }).await
    }
}

#[tokio::test]
async fn the_same_people_have_one_channel_and_learn_of_it_once() {
    let test = TestChat::start();
    let [ada, bob, eve] = test.people("p").await;
    let first = test.open(ada, &[bob]).await.unwrap();
    assert!(first.new);
    let recipients: Vec<UserId> =
        first.channel.recipients.as_ref().unwrap().iter().map(|user| user.id).collect();
    assert_eq!(recipients, [ada.user_id, bob.user_id]);
    assert_eq!(first.channel.permissions.unwrap().bits(), 7);
    let (a, b) = (ada.user_id, bob.user_id);
    assert_eq!(test.announced().await, [format!("channel:created to user {a} user {b}")]);

    for again in
        [test.open(bob, &[ada]).await.unwrap(), test.open(bob, &[ada, bob, ada]).await.unwrap()]
    {
        assert_eq!((again.channel.id, again.new), (first.channel.id, false));
    }
    assert!(test.announced().await.is_empty());
    assert_ne!(test.open(ada, &[bob, eve]).await.unwrap().channel.id, first.channel.id);
    assert_eq!(code(test.chat.get_channel(eve, first.channel.id).await), "channel_not_found");
}

#[tokio::test]
async fn racing_opens_give_one_channel() {
    let test = TestChat::start();
    let [ada, bob] = test.people("p").await;
    let both = [[ada], [bob]];
    let opens = (0..10).map(|turn| test.open(both[turn % 2][0], &both[(turn + 1) % 2]));
    let opened = futures_util::future::join_all(opens).await;
    let opened: Vec<OpenedDirect> = opened.into_iter().map(Result::unwrap).collect();
    assert!(opened.iter().all(|it| it.channel.id == opened[0].channel.id));
    assert_eq!(opened.iter().filter(|it| it.new).count(), 1);
    assert_eq!(test.announced().await.len(), 1);
}

#[tokio::test]
async fn unknown_people_are_refused() {
    let test = TestChat::start();
    let [ada, bob] = test.people("p").await;
    let unknown = Caller { user_id: UserId::new(12), ..bob };
    assert_eq!(code(test.open(ada, &[unknown]).await), "user_not_found");
    assert_eq!(code(test.open(ada, &[bob, unknown]).await), "user_not_found");
    assert_eq!(code(test.open(ada, &[ada]).await), "invalid_request");
}

#[tokio::test]
async fn nobody_changes_a_direct_channel() {
    let test = TestChat::start();
    let [ada, bob, eve] = test.people("p").await;
    let channel_id = test.open(ada, &[bob]).await.unwrap().channel.id;
    let rename = || UpdateChannel {
        name: Some("ours".to_owned()),
        topic: None,
        position: None,
        slow_mode_seconds: None,
    };
    assert_eq!(code(test.chat.update_channel(ada, channel_id, rename()).await), "forbidden");
    assert_eq!(code(test.chat.delete_channel(ada, channel_id).await), "forbidden");
    assert_eq!(code(test.chat.delete_channel(eve, channel_id).await), "channel_not_found");
}

#[tokio::test]
async fn everybody_in_it_lists_it_with_all_people() {
    let test = TestChat::start();
    let people: [Caller; 10] = test.people("p").await;
    let channel_id = test.open(people[0], &people[1..]).await.unwrap().channel.id;
    for person in people {
        let listed = test.chat.list_direct_channels(person).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].id, channel_id);
        assert_eq!(listed[0].recipients.as_ref().unwrap().len(), 10);
    }
}

#[tokio::test]
async fn somebody_opens_a_bounded_number_a_day_and_finds_the_old_ones() {
    let test = TestChat::start();
    let [ada, bob] = test.people("p").await;
    let old = test.open(ada, &[bob]).await.unwrap().channel.id;
    for number in 1..OPENED_PER_DAY_MAX {
        let other = test.person(&format!("other{number}")).await;
        test.open(ada, &[other]).await.unwrap();
    }
    let late = test.person("late").await;
    match test.open(ada, &[late]).await {
        Err(ChatError::RateLimited { retry_after_ms }) => {
            assert!(retry_after_ms <= 24 * 60 * 60 * 1000 + 1, "{retry_after_ms}");
        }
        other => panic!("not limited: {other:?}"),
    }
    assert_eq!(test.open(ada, &[bob]).await.unwrap().channel.id, old);
    assert!(test.open(late, &[ada]).await.unwrap().new, "others still may");
    test.clock.set(NOW_MS + 25 * 60 * 60 * 1000);
    let another = test.person("another").await;
    assert!(test.open(ada, &[another]).await.unwrap().new);
}

#[tokio::test]
async fn ready_carries_a_bounded_number_of_direct_channels() {
    let test = TestChat::with_limits(|limits| limits.rates = false);
    let [ada, bob] = test.people("p").await;
    let first = test.open(ada, &[bob]).await.unwrap().channel.id;
    for number in 0..DIRECT_CHANNELS_MAX {
        let other = test.person(&format!("other{number}")).await;
        test.open(other, &[ada]).await.unwrap();
    }
    let listed = async || test.chat.snapshot(ada).await.unwrap().direct_channels;
    let before = listed().await;
    assert_eq!(before.len(), DIRECT_CHANNELS_MAX);
    assert!(before.iter().all(|channel| channel.id != first));
    test.chat.create_message(bob, first, content("hi")).await.unwrap();
    let after = listed().await;
    assert_eq!(after.len(), DIRECT_CHANNELS_MAX);
    assert!(after.iter().any(|channel| channel.id == first));
}
