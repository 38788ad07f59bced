//! A store that does not answer in time may have stored all the same: whatever it was, everybody learns
//! what is there in the end, and who tries again gets what they wanted once.

use vibetalk::chat::direct::OpenDirect;
use vibetalk::chat::groups::CreateGroup;
use vibetalk::chat::history::ListMessages;
use vibetalk::chat::members::UpdateMember;
use vibetalk::chat::messages::{CreateMessage, UpdateMessage};
use vibetalk::chat::moderation::Moderation;
use vibetalk::model::id::GroupId;
use vibetalk::store::faults::Fault::{AnswerLost, NotDone, StoppedAfter};

use super::messages::content;
use super::repairs::{channel, rename, scene};
use super::{TestChat, code};

impl TestChat {
    /// What the node settles by itself once the store answers again; nothing is left after it.
    async fn settled(&self) -> Vec<String> {
        self.faults.clear();
        assert!(self.chat.pay().await);
        let lines = self.announced().await;
        assert!(self.chat.pay().await);
        assert!(self.announced().await.is_empty(), "nothing twice");
        lines
    }
}

fn group() -> CreateGroup {
    CreateGroup { name: "group".to_owned(), icon: None }
}

#[tokio::test]
async fn a_group_is_made_once_by_who_tries_again() {
    for fault in [NotDone, AnswerLost] {
        for undone_at_once in [true, false] {
            let test = TestChat::start();
            let [owner] = test.people("p").await;
            test.faults.plan("insert_group", fault);
            if !undone_at_once {
                test.faults.plan("delete_group", NotDone);
            }
            assert_eq!(code(test.chat.create_group(owner, group()).await), "timeout");
            test.faults.clear();
            let made = test.chat.create_group(owner, group()).await.unwrap();
            test.settled().await;
            let groups = test.chat.list_groups(owner).await.unwrap().groups;
            let ids: Vec<GroupId> = groups.iter().map(|listed| listed.group.id).collect();
            assert_eq!(ids, [made.group.id], "{fault:?}, undone at once: {undone_at_once}");
        }
    }
}

#[tokio::test]
async fn a_group_is_closed_if_it_was_deleted() {
    for fault in [NotDone, AnswerLost] {
        let (test, owner, member, group_id) = scene().await;
        test.faults.plan("delete_group", fault);
        assert_eq!(code(test.chat.delete_group(owner, group_id).await), "timeout");
        let lines = test.settled().await;
        let groups = test.chat.list_groups(member).await.unwrap().groups;
        match fault {
            AnswerLost => assert_eq!(lines, ["group:deleted to group, closes"]),
            NotDone | StoppedAfter(_) => assert!(lines.is_empty(), "{lines:?}"),
        }
        assert_eq!(groups.is_empty(), fault == AnswerLost);
    }
}

#[tokio::test]
async fn who_was_removed_is_out_of_the_room() {
    for (operation, bans) in [("delete_member", false), ("insert_ban", true)] {
        for fault in [NotDone, AnswerLost] {
            let (test, owner, member, group_id) = scene().await;
            let (user_id, reason) = (member.user_id, Moderation { reason: None });
            test.faults.plan(operation, fault);
            let removed = match bans {
                true => test.chat.ban_member(owner, group_id, user_id, reason).await,
                false => test.chat.remove_member(owner, group_id, user_id, reason).await,
            };
            assert_eq!(code(removed), "timeout");
            let lines = test.settled().await;
            let left = format!("group:deleted to user {user_id}, {user_id} is out");
            assert_eq!(lines.contains(&left), fault == AnswerLost, "{operation}: {lines:?}");
            let is_member = test.chat.group_access(member, group_id).await.is_ok();
            assert_eq!(is_member, fault == NotDone, "{operation}");
        }
    }
}

#[tokio::test]
async fn who_joined_is_in_the_room() {
    let (test, owner, _, group_id) = scene().await;
    let late = test.person("late").await;
    let invite = test.invite(owner, group_id).await;
    test.faults.plan("redeem_invite", AnswerLost);
    assert_eq!(code(test.chat.accept_invite(late, &invite).await), "timeout");
    let me = late.user_id;
    let expected =
        [format!("group:created to user {me}, {me} is in"), "member:joined to group".to_owned()];
    assert_eq!(test.settled().await, expected);
    test.chat.accept_invite(late, &invite).await.unwrap();
}

#[tokio::test]
async fn a_ban_that_was_lifted_in_the_official_group_lets_in_whoever_asks_again() {
    let test = TestChat::start();
    test.chat.ensure_official_group().await.unwrap();
    let official = test.chat.official_group().unwrap();
    let [boss, member] = test.people("p").await;
    test.chat.promote("p0").await.unwrap();
    let reason = Moderation { reason: None };
    test.chat.ban_member(boss, official, member.user_id, reason).await.unwrap();
    test.faults.plan("delete_ban", AnswerLost);
    let unbanned = test.chat.unban_member(boss, official, member.user_id).await;
    assert_eq!(code(unbanned), "timeout");
    test.faults.clear();
    test.chat.unban_member(boss, official, member.user_id).await.unwrap();
    assert!(test.chat.group_access(member, official).await.is_ok());
}

#[tokio::test]
async fn everybody_learns_what_became_of_channels_and_members() {
    let (test, owner, member, group_id) = scene().await;
    let there = test.chat.create_channel(owner, group_id, channel("there")).await.unwrap();
    test.announced().await;

    test.faults.plan("insert_channel", AnswerLost);
    let created = test.chat.create_channel(owner, group_id, channel("new")).await;
    assert_eq!(code(created), "timeout");
    assert_eq!(test.settled().await, ["channel:created to group"]);

    test.faults.plan("update_channel", AnswerLost);
    assert_eq!(code(test.chat.update_channel(owner, there.id, rename("renamed")).await), "timeout");
    assert_eq!(test.settled().await, ["channel:updated to group"]);
    let shown = test.chat.get_channel(owner, there.id).await.unwrap();
    assert_eq!(shown.name, "renamed");

    test.faults.plan("delete_channel", AnswerLost);
    assert_eq!(code(test.chat.delete_channel(owner, there.id).await), "timeout");
    assert_eq!(test.settled().await, ["channel:deleted to group"]);

    let promote = UpdateMember { nickname: None, roles: Some(vec!["admin".to_owned()]) };
    test.faults.plan("update_member", AnswerLost);
    let promoted = test.chat.update_member(owner, group_id, member.user_id, promote).await;
    assert_eq!(code(promoted), "timeout");
    let me = member.user_id;
    let mut lines = test.settled().await;
    lines.sort_unstable();
    lines.dedup();
    let expected = [
        format!("channel:updated to user {me}"),
        "member:updated to group".to_owned(),
        format!("nothing to user {me}, {me} is in"),
    ];
    assert_eq!(lines, expected, "what they may do in each channel, too");
}

#[tokio::test]
async fn a_direct_channel_is_announced() {
    for by_who_asks_again in [true, false] {
        let test = TestChat::start();
        let [ada, bob] = test.people("p").await;
        let open = || OpenDirect { user_ids: vec![bob.user_id] };
        test.faults.plan("open_direct_channel", AnswerLost);
        assert_eq!(code(test.chat.open_direct(ada, open()).await), "timeout");
        let lines = match by_who_asks_again {
            false => test.settled().await,
            true => {
                test.faults.clear();
                test.chat.open_direct(ada, open()).await.unwrap();
                test.announced().await
            }
        };
        let expected = format!("channel:created to user {} user {}", ada.user_id, bob.user_id);
        assert_eq!(lines, [expected]);
    }
}

#[tokio::test]
async fn a_message_that_is_acked_is_in_the_history() {
    let (test, owner, _, group_id) = scene().await;
    let channels = test.chat.list_channels(owner, group_id).await.unwrap().channels;
    let channel_id = channels[0].id;
    let send = || CreateMessage {
        content: "once".to_owned(),
        nonce: Some("n1".to_owned()),
        reply_to_id: None,
        attachment_ids: None,
    };
    let history = || async {
        let page = test.chat.list_messages(owner, channel_id, ListMessages::default()).await;
        page.unwrap().messages.len()
    };
    assert_eq!(history().await, 0);
    test.faults.plan("insert_message", AnswerLost);
    assert_eq!(code(test.chat.create_message(owner, channel_id, send()).await), "timeout");
    test.faults.clear();
    assert!(!test.chat.create_message(owner, channel_id, send()).await.unwrap().new);
    assert_eq!(history().await, 1);
    assert_eq!(test.announced().await, ["message:created to group"]);
}

#[tokio::test]
async fn a_message_that_nobody_sends_again_is_announced_if_it_was_stored() {
    for fault in [NotDone, AnswerLost] {
        let (test, owner, _, group_id) = scene().await;
        let channel_id = test.first_channel(owner, group_id).await;
        test.faults.plan("insert_message", fault);
        let sent = test.chat.create_message(owner, channel_id, content("hello")).await;
        assert_eq!(code(sent), "timeout");
        let lines = test.settled().await;
        match fault {
            AnswerLost => assert_eq!(lines, ["message:created to group"]),
            _ => assert!(lines.is_empty(), "{lines:?}"),
        }
    }
}

#[tokio::test]
async fn an_edit_that_cannot_be_shown_once_it_is_stored_is_told_later() {
    let (test, owner, _, group_id) = scene().await;
    let channel_id = test.first_channel(owner, group_id).await;
    let message_id = test.send(owner, channel_id, "hello").await;
    test.announced().await;
    test.faults.plan("count_reactions", NotDone);
    let request = UpdateMessage { content: "changed".to_owned() };
    let edited = test.chat.update_message(owner, channel_id, message_id, request).await;
    assert_eq!(code(edited), "timeout");
    assert_eq!(test.settled().await, ["sync:required to group"]);
}
