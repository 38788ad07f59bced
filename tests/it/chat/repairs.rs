//! What is stored while the bus takes nothing is announced later, by the caller's next try or without.

use std::sync::atomic::Ordering;

use vibetalk::chat::Caller;
use vibetalk::chat::channels::{CreateChannel, UpdateChannel};
use vibetalk::chat::direct::OpenDirect;
use vibetalk::chat::groups::{CreateGroup, UpdateGroup};
use vibetalk::chat::members::UpdateMember;
use vibetalk::chat::messages::UpdateMessage;
use vibetalk::chat::moderation::Moderation;
use vibetalk::chat::read_states::MarkRead;
use vibetalk::chat::settings::UpdateSettings;
use vibetalk::chat::users::UpdateUser;
use vibetalk::model::id::{ChannelId, GroupId, MessageId};

use super::{TestChat, code};

impl TestChat {
    fn lose(&self, loses: bool) {
        self.bus_loses.store(loses, Ordering::SeqCst);
    }

    pub(super) async fn first_channel(&self, member: Caller, group_id: GroupId) -> ChannelId {
        self.chat.list_channels(member, group_id).await.unwrap().channels[0].id
    }

    /// What is owed is announced, all of it and once.
    async fn paid(&self) -> Vec<String> {
        assert!(!self.chat.pay().await, "the bus still takes nothing");
        self.lose(false);
        assert!(self.announced().await.is_empty(), "it was lost");
        assert!(self.chat.pay().await);
        let lines = self.announced().await;
        assert!(self.chat.pay().await);
        assert!(self.announced().await.is_empty(), "nothing twice");
        lines
    }
}

/// Somebody with a group, and its other member.
pub(super) async fn scene() -> (TestChat, Caller, Caller, GroupId) {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.announced().await;
    (test, owner, member, group_id)
}

pub(super) fn channel(name: &str) -> CreateChannel {
    CreateChannel {
        name: name.to_owned(),
        topic: None,
        kind: None,
        position: None,
        slow_mode_seconds: None,
    }
}

pub(super) fn rename(name: &str) -> UpdateChannel {
    UpdateChannel {
        name: Some(name.to_owned()),
        topic: None,
        position: None,
        slow_mode_seconds: None,
    }
}

#[tokio::test]
async fn a_group_whose_making_was_not_announced_is_made_once() {
    let test = TestChat::start();
    let [owner] = test.people("p").await;
    let create = || CreateGroup { name: "group".to_owned(), icon: None };
    test.lose(true);
    assert_eq!(code(test.chat.create_group(owner, create()).await), "unavailable");
    test.lose(false);
    assert!(test.chat.list_groups(owner).await.unwrap().groups.is_empty());
    let group = test.chat.create_group(owner, create()).await.unwrap();
    let groups = test.chat.list_groups(owner).await.unwrap().groups;
    assert_eq!(groups.iter().map(|it| it.group.id).collect::<Vec<_>>(), [group.group.id]);
    let me = owner.user_id;
    assert_eq!(test.announced().await, [format!("group:created to user {me}, {me} is in")]);
    assert!(test.chat.pay().await);
    let closed = ["group:deleted to group, closes"];
    assert_eq!(test.announced().await, closed, "in case its owner had heard of the first");
}

#[tokio::test]
async fn a_deleted_group_is_closed_by_the_next_try_or_without() {
    for again in [true, false] {
        let (test, owner, _, group_id) = scene().await;
        test.lose(true);
        assert_eq!(code(test.chat.delete_group(owner, group_id).await), "unavailable");
        let lines = match again {
            false => test.paid().await,
            true => {
                assert_eq!(code(test.chat.delete_group(owner, group_id).await), "unavailable");
                test.lose(false);
                let repeated = test.chat.delete_group(owner, group_id).await;
                assert_eq!(code(repeated), "group_not_found");
                let lines = test.announced().await;
                assert!(test.chat.pay().await && test.announced().await.is_empty());
                lines
            }
        };
        assert_eq!(lines, ["group:deleted to group, closes"], "again: {again}");
    }
}

#[tokio::test]
async fn a_joining_is_announced_by_the_next_try_or_without() {
    for again in [true, false] {
        let (test, owner, _, group_id) = scene().await;
        let late = test.person("late").await;
        let code_of_invite = test.invite(owner, group_id).await;
        test.lose(true);
        let joined = test.chat.accept_invite(late, &code_of_invite).await;
        assert_eq!(code(joined), "unavailable");
        let me = late.user_id;
        let mut expected = vec![
            format!("group:created to user {me}, {me} is in"),
            "member:joined to group".to_owned(),
        ];
        let lines = match again {
            false => test.paid().await,
            true => {
                test.lose(false);
                test.chat.accept_invite(late, &code_of_invite).await.unwrap();
                expected.push(format!("nothing to user {me}, {me} is in"));
                test.announced().await
            }
        };
        assert_eq!(lines, expected, "again: {again}");
    }
}

#[tokio::test]
async fn a_departure_is_announced_by_the_next_try_or_without() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum How {
        Leave,
        Remove,
        Ban,
    }
    async fn depart(
        test: &TestChat,
        how: How,
        people: (Caller, Caller),
        group_id: GroupId,
    ) -> &'static str {
        let ((owner, member), reason) = (people, Moderation { reason: None });
        match how {
            How::Leave => code(test.chat.leave_group(member, group_id).await),
            How::Remove => {
                code(test.chat.remove_member(owner, group_id, member.user_id, reason).await)
            }
            How::Ban => code(test.chat.ban_member(owner, group_id, member.user_id, reason).await),
        }
    }
    for (how, repeated) in
        [(How::Leave, "group_not_found"), (How::Remove, "member_not_found"), (How::Ban, "ok")]
    {
        for again in [true, false] {
            let (test, owner, member, group_id) = scene().await;
            test.lose(true);
            let people = (owner, member);
            assert_eq!(depart(&test, how, people, group_id).await, "unavailable", "{how:?}");
            let lines = match again {
                false => test.paid().await,
                true => {
                    test.lose(false);
                    assert_eq!(depart(&test, how, people, group_id).await, repeated, "{how:?}");
                    test.announced().await
                }
            };
            let me = member.user_id;
            let expected =
                [format!("group:deleted to user {me}, {me} is out"), "member:left to group".into()];
            assert_eq!(lines, expected, "{how:?}, again: {again}");
        }
    }
}

#[tokio::test]
async fn nobody_is_said_to_have_left_who_never_was_in_the_group() {
    for (how, repeated) in [("ban", "ok"), ("remove", "member_not_found")] {
        for again in [true, false] {
            let (test, owner, _, group_id) = scene().await;
            let stranger = test.person("stranger").await.user_id;
            let depart = async || {
                let reason = Moderation { reason: None };
                match how {
                    "ban" => test.chat.ban_member(owner, group_id, stranger, reason).await,
                    _ => test.chat.remove_member(owner, group_id, stranger, reason).await,
                }
            };
            test.lose(true);
            assert_eq!(code(depart().await), "unavailable", "{how}");
            let lines = match again {
                false => test.paid().await,
                true => {
                    test.lose(false);
                    assert_eq!(code(depart().await), repeated);
                    let lines = test.announced().await;
                    assert!(test.chat.pay().await && test.announced().await.is_empty());
                    lines
                }
            };
            let expected = [format!("nothing to user {stranger}, {stranger} is out")];
            assert_eq!(lines, expected, "{how}, again: {again}");
        }
    }
}

#[tokio::test]
async fn who_joined_before_their_absence_was_announced_stays() {
    let (test, owner, _, group_id) = scene().await;
    let late = test.person("late").await;
    let invite = test.invite(owner, group_id).await;
    test.lose(true);
    let removed = test.chat.remove_member(owner, group_id, late.user_id, Default::default()).await;
    assert_eq!(code(removed), "unavailable", "they are not in yet");
    test.lose(false);
    test.chat.accept_invite(late, &invite).await.unwrap();
    test.announced().await;
    assert!(test.chat.pay().await);
    assert!(test.announced().await.is_empty());
}

#[tokio::test]
async fn who_came_back_before_their_departure_was_announced_is_announced_as_a_member() {
    let (test, owner, member, group_id) = scene().await;
    let invite = test.invite(owner, group_id).await;
    test.lose(true);
    assert_eq!(code(test.chat.leave_group(member, group_id).await), "unavailable");
    assert_eq!(code(test.chat.accept_invite(member, &invite).await), "unavailable");
    let me = member.user_id;
    let expected =
        [format!("group:created to user {me}, {me} is in"), "member:joined to group".to_owned()];
    assert_eq!(test.paid().await, expected);
}

#[tokio::test]
async fn what_became_of_channels_and_members_is_announced_late() {
    let (test, owner, member, group_id) = scene().await;
    let gone = test.chat.create_channel(owner, group_id, channel("gone")).await.unwrap();
    test.announced().await;

    test.lose(true);
    let new = test.chat.create_channel(owner, group_id, channel("new")).await.unwrap();
    assert_eq!(test.paid().await, ["channel:created to group"]);
    test.lose(true);
    test.chat.delete_channel(owner, gone.id).await.unwrap();
    assert_eq!(test.paid().await, ["channel:deleted to group"]);
    test.lose(true);
    test.chat.update_channel(owner, new.id, rename("renamed")).await.unwrap();
    test.lose(false);
    assert!(test.chat.pay().await);
    assert_eq!(test.bodies("channel:updated").await[0]["name"], "renamed");

    test.lose(true);
    let promote = UpdateMember { nickname: None, roles: Some(vec!["admin".to_owned()]) };
    let promoted = test.chat.update_member(owner, group_id, member.user_id, promote).await;
    assert_eq!(code(promoted), "unavailable");
    let me = member.user_id;
    let mut lines = test.paid().await;
    lines.sort_unstable();
    let expected = [
        format!("channel:updated to user {me}"),
        format!("channel:updated to user {me}"),
        "member:updated to group".to_owned(),
        format!("nothing to user {me}, {me} is in"),
    ];
    assert_eq!(lines, expected, "what they may do in each of two channels, too");
}

#[tokio::test]
async fn what_is_changed_as_a_whole_is_announced_late() {
    let (test, owner, _, group_id) = scene().await;
    let channel_id = test.first_channel(owner, group_id).await;
    test.lose(true);
    let request = UpdateGroup { name: Some("renamed".to_owned()), icon: None };
    test.chat.update_group(owner, group_id, request).await.unwrap();
    let request = UpdateUser { display_name: Some("Countess".to_owned()), avatar: None };
    test.chat.update_user(owner, request).await.unwrap();
    let settings = serde_json::from_value(serde_json::json!({ "theme": "dark" })).unwrap();
    test.chat.update_settings(owner, UpdateSettings { settings }).await.unwrap();
    let request = MarkRead { message_id: MessageId::new(1) };
    test.chat.mark_read(owner, channel_id, request).await.unwrap();
    let mut lines = test.paid().await;
    lines.sort_unstable();
    let me = owner.user_id;
    let expected = [
        "group:updated to group".to_owned(),
        format!("readState:updated to user {me}"),
        format!("settings:updated to user {me}"),
        format!("user:updated to user {me} watchers of {me}"),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_direct_channel_is_announced_by_the_next_try_or_without() {
    for again in [true, false] {
        let test = TestChat::start();
        let [ada, bob] = test.people("p").await;
        let open = || OpenDirect { user_ids: vec![bob.user_id] };
        test.lose(true);
        assert!(test.chat.open_direct(ada, open()).await.unwrap().new);
        let lines = match again {
            false => test.paid().await,
            true => {
                test.lose(false);
                assert!(!test.chat.open_direct(ada, open()).await.unwrap().new);
                test.announced().await
            }
        };
        let expected = format!("channel:created to user {} user {}", ada.user_id, bob.user_id);
        assert_eq!(lines, [expected], "again: {again}");
        test.chat.open_direct(ada, open()).await.unwrap();
        assert!(test.announced().await.is_empty(), "once is enough");
    }
}

#[tokio::test]
async fn what_was_said_and_not_announced_is_said_later() {
    let (test, owner, _, group_id) = scene().await;
    let channel_id = test.first_channel(owner, group_id).await;
    test.lose(true);
    let message_id = test.send(owner, channel_id, "hello").await;
    assert_eq!(test.paid().await, ["message:created to group"]);

    let request = UpdateMessage { content: "changed".to_owned() };
    test.lose(true);
    test.chat.update_message(owner, channel_id, message_id, request).await.unwrap();
    assert_eq!(test.paid().await, ["sync:required to group"]);

    // What is gone is not said any more.
    test.lose(true);
    let message_id = test.send(owner, channel_id, "soon gone").await;
    test.chat.delete_message(owner, channel_id, message_id).await.unwrap();
    assert_eq!(test.paid().await, ["sync:required to group"]);
}
