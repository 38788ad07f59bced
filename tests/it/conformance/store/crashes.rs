//! What is left when a process ends between two steps of a call, and that a repetition does the rest.
//!
//! Each case stops a call after each of its steps in turn, looks whether readers can live with what is there,
//! and repeats the call.

use vibetalk::model::account::Session;
use vibetalk::model::channel::{Channel, ChannelKind};
use vibetalk::model::group::{Ban, Invite, Member, MemberPatch, built_in_roles};
use vibetalk::model::id::{ChannelId, GroupId, MessageId, SessionId, UserId};
use vibetalk::model::message::{Message, MessageEdit};
use vibetalk::model::secret::Secret;
use vibetalk::store::faults::{Fault, Faults};
use vibetalk::store::{
    Joining, DirectOpening, OpeningQuota, Outcome, Reaction, Redemption, Store, StoreError,
};

use super::nodes::taking;
use super::{
    NOW_MS, account, change_id, channel, check_count, find_group, group, insert, member, message, new_message,
    scope, stored_channel, stored_group, stored_message, stored_official_group, user_id,
};

/// Nothing done, each step but the last done, all done.
fn crashes(steps: u8) -> impl Iterator<Item = Fault> {
    let between = (1..steps).map(Fault::StoppedAfter);
    [Fault::NotDone].into_iter().chain(between).chain([Fault::AnswerLost])
}

async fn crash<T>(
    faults: &Faults,
    operation: &'static str,
    fault: Fault,
    call: impl Future<Output = Result<T, StoreError>>,
) {
    faults.plan(operation, fault);
    assert!(matches!(call.await.err(), Some(StoreError::Timeout)), "{operation}, {fault:?}");
    faults.clear();
}

async fn mention_count(store: &dyn Store, user_id: UserId, channel_id: ChannelId) -> u32 {
    let scope = scope(store, channel_id).await;
    let states = store.list_read_states(user_id, &[scope]).await.unwrap();
    states.first().map_or(0, |state| state.mention_count)
}

async fn history(store: &dyn Store, channel_id: ChannelId) -> Vec<Message> {
    store.messages_before(channel_id, MessageId::MAX, 10).await.unwrap()
}

/// Whether somebody is a member, on which all that tells of it agrees.
async fn is_member(store: &dyn Store, group_id: GroupId, user_id: UserId) -> bool {
    let is_member = store.find_member(group_id, user_id).await.unwrap().is_some();
    let memberships = store.list_memberships(user_id).await.unwrap();
    assert_eq!(memberships.iter().any(|member| member.group_id == group_id), is_member);
    let filtered = store.filter_members(group_id, &[user_id]).await.unwrap();
    assert_eq!(!filtered.is_empty(), is_member);
    is_member
}

pub async fn an_account_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(3) {
        let account = account();
        crash(faults, "insert_account", fault, store.insert_account(&account)).await;
        store.insert_account(&account).await.unwrap();
        let found = store.find_account_by_name(&account.user.username).await.unwrap();
        assert!(found == Some(account), "{fault:?}");
    }
}

pub async fn a_changed_password_ends_the_sessions(store: &dyn Store, faults: &Faults) {
    for fault in crashes(2) {
        let account = account();
        store.insert_account(&account).await.unwrap();
        let user_id = account.user.id;
        let session = Session {
            id: SessionId::new(user_id.get()),
            user_id,
            refresh_hash: [0; 32],
            created_at_ms: NOW_MS,
            last_used_at_ms: NOW_MS,
            expires_at_ms: NOW_MS + 1,
            user_agent: String::new(),
        };
        store.insert_session(&session).await.unwrap();
        let change = || store.change_password(user_id, "hash", "new", SessionId::ZERO);
        crash(faults, "change_password", fault, change()).await;
        assert_eq!(change().await.unwrap(), Some(vec![session.id]), "{fault:?}");
        assert!(store.list_sessions(user_id, NOW_MS).await.unwrap().is_empty());
    }
}

pub async fn a_group_is_there_with_all_or_not_at_all(store: &dyn Store, faults: &Faults) {
    for fault in crashes(2) {
        let group = group();
        let (roles, channels, members) =
            (built_in_roles(), [channel(group.id)], [member(group.id)]);
        let insert = || store.insert_group(&group, &roles, &channels, &members);
        crash(faults, "insert_group", fault, insert()).await;
        let is_there = find_group(store, group.id).await.is_some();
        assert_eq!(is_member(store, group.id, members[0].user_id).await, is_there, "{fault:?}");
        let found = store.find_channel(channels[0].id).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{fault:?}");

        insert().await.unwrap();
        assert_eq!(store.list_channels(&[group.id]).await.unwrap(), channels);
        assert_eq!(store.find_groups(&[group.id]).await.unwrap()[0].roles, roles);
        assert!(is_member(store, group.id, members[0].user_id).await);
        check_count(store, group.id, 1).await;
    }
}

pub async fn a_deletion_of_a_group_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(2) {
        let (group, person) = (group(), user_id());
        let (channels, members) =
            ([channel(group.id)], [Member::new(group.id, person, NOW_MS)]);
        store.insert_group(&group, &[], &channels, &members).await.unwrap();
        crash(faults, "delete_group", fault, store.delete_group(group.id)).await;
        store.delete_group(group.id).await.unwrap();
        assert_eq!(find_group(store, group.id).await, None);
        assert!(!is_member(store, group.id, person).await);
        assert_eq!(store.find_channel(channels[0].id).await.unwrap(), None);
    }
}

pub async fn a_joining_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(4) {
        let group_id = stored_group(store).await;
        let member = member(group_id);
        crash(faults, "insert_member", fault, store.insert_member(&member)).await;
        let joined = store.insert_member(&member).await.unwrap();
        assert!([Joining::New, Joining::Already].contains(&joined), "{fault:?}");
        assert!(is_member(store, group_id, member.user_id).await, "{fault:?}");
        check_count(store, group_id, 1).await;
    }
}

pub async fn a_departure_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(2) {
        let group_id = stored_group(store).await;
        let member = member(group_id);
        store.insert_member(&member).await.unwrap();
        let leave = || store.delete_member(group_id, member.user_id);
        crash(faults, "delete_member", fault, leave()).await;
        leave().await.unwrap();
        assert!(!is_member(store, group_id, member.user_id).await, "{fault:?}");
        check_count(store, group_id, 0).await;
    }
}

pub async fn a_ban_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(2) {
        let group_id = stored_group(store).await;
        let member = member(group_id);
        store.insert_member(&member).await.unwrap();
        let user_id = member.user_id;
        let ban = Ban { group_id, user_id, reason: String::new(), created_at_ms: NOW_MS };
        crash(faults, "insert_ban", fault, store.insert_ban(&ban)).await;
        // The ban is first: whoever is out already stays out.
        if store.find_member(group_id, user_id).await.unwrap().is_none() {
            assert_eq!(store.insert_member(&member).await.unwrap(), Joining::Banned, "{fault:?}");
        }
        store.insert_ban(&ban).await.unwrap();
        assert!(!is_member(store, group_id, user_id).await, "{fault:?}");
        assert_eq!(store.insert_member(&member).await.unwrap(), Joining::Banned);
    }
}

pub async fn a_ban_from_the_official_group_is_completed(store: &dyn Store, faults: &Faults) {
    let group_id = stored_official_group(store).await;
    for fault in crashes(2) {
        let account = account();
        store.insert_account(&account).await.unwrap();
        let user_id = account.user.id;
        let roles = MemberPatch { nickname: None, roles: Some(vec!["admin".into()]) };
        store.update_member(group_id, user_id, &roles).await.unwrap().unwrap();
        let ban = Ban { group_id, user_id, reason: String::new(), created_at_ms: NOW_MS };
        crash(faults, "insert_ban", fault, store.insert_ban(&ban)).await;
        store.insert_ban(&ban).await.unwrap();
        assert!(!is_member(store, group_id, user_id).await, "{fault:?}");

        crash(faults, "delete_ban", fault, store.delete_ban(group_id, user_id)).await;
        store.delete_ban(group_id, user_id).await.unwrap();
        assert!(is_member(store, group_id, user_id).await, "{fault:?}");
        let back = store.find_member(group_id, user_id).await.unwrap().unwrap();
        assert!(back.roles.is_empty(), "{fault:?}");
    }
}

pub async fn who_registers_is_counted_once(store: &dyn Store, faults: &Faults) {
    let group_id = stored_official_group(store).await;
    for (fault, expected) in crashes(3).zip(1..) {
        let account = account();
        crash(faults, "insert_account", fault, store.insert_account(&account)).await;
        for _ in 0..2 {
            store.insert_account(&account).await.unwrap();
            assert!(is_member(store, group_id, account.user.id).await, "{fault:?}");
            check_count(store, group_id, expected).await;
        }
    }
}

pub async fn the_last_use_of_an_invite_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(5) {
        let group_id = stored_group(store).await;
        let person = member(group_id);
        let invite = Invite {
            code: format!("code-{group_id}"),
            group_id,
            creator_id: user_id(),
            uses: 0,
            uses_max: Some(1),
            expires_at_ms: None,
            created_at_ms: NOW_MS,
        };
        store.insert_invite(&invite).await.unwrap();
        let redeem = || store.redeem_invite(&invite.code, &person, NOW_MS);
        crash(faults, "redeem_invite", fault, redeem()).await;
        let redeemed = redeem().await.unwrap();
        let let_in = [Redemption::Joined, Redemption::AlreadyMember];
        assert!(let_in.contains(&redeemed), "{fault:?}: {redeemed:?}");
        assert!(is_member(store, group_id, person.user_id).await, "{fault:?}");
        assert_eq!(store.find_invite(&invite.code).await.unwrap().unwrap().uses, 1);
        let late = store.redeem_invite(&invite.code, &member(group_id), NOW_MS).await.unwrap();
        assert_eq!(late, Redemption::NotFound);
    }
}

pub async fn a_direct_channel_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(3) {
        let people = [user_id(), user_id()];
        let candidate = || Channel {
            group_id: None,
            kind: ChannelKind::Direct,
            name: String::new(),
            recipients: people.to_vec(),
            ..channel(GroupId::ZERO)
        };
        let quota =
            OpeningQuota { opener: people[0], since: ChannelId::ZERO, opened_max: u32::MAX };
        let first = candidate();
        let opening = store.open_direct_channel(&first, quota);
        crash(faults, "open_direct_channel", fault, opening).await;
        // Somebody else's call completes it as well.
        let opened = store.open_direct_channel(&candidate(), quota).await.unwrap();
        let (DirectOpening::New(channel) | DirectOpening::Found(channel)) = opened else {
            panic!("{fault:?}: {opened:?}");
        };
        for person in people {
            let listed = store.list_direct_channels(person, 9).await.unwrap();
            assert_eq!(listed, std::slice::from_ref(&channel), "{fault:?}");
        }
    }
}

pub async fn a_message_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(5) {
        let (channel_id, person) = (stored_channel(store).await, user_id());
        let first = Message {
            nonce: Some("n".into()),
            mentions: vec![person],
            ..message(channel_id)
        };
        let again = Message { id: message(channel_id).id, ..first.clone() };
        let sending = new_message(&first, NOW_MS);
        crash(faults, "insert_message", fault, store.insert_message(&sending)).await;
        for _ in 0..2 {
            let sent = store.insert_message(&new_message(&again, NOW_MS)).await.unwrap().unwrap();
            assert_eq!(history(store, channel_id).await, [sent.message], "{fault:?}");
            assert_eq!(mention_count(store, person, channel_id).await, 1, "{fault:?}");
        }
    }
}

pub async fn a_deleted_message_stays_away(store: &dyn Store, faults: &Faults) {
    for fault in crashes(4) {
        let (channel_id, person) = (stored_channel(store).await, user_id());
        let sent = Message {
            nonce: Some("n".into()),
            mentions: vec![person],
            ..message(channel_id)
        };
        insert(store, &sent).await;
        store.insert_pin(channel_id, sent.id, change_id()).await.unwrap();
        let change_id = change_id();
        let delete = || store.delete_message(channel_id, sent.id, change_id);
        crash(faults, "delete_message", fault, delete()).await;
        delete().await.unwrap();
        let again = store.insert_message(&new_message(&sent, NOW_MS)).await.unwrap().unwrap();
        assert!(!again.new, "{fault:?}");
        assert_eq!(history(store, channel_id).await, [], "{fault:?}");
        assert_eq!(mention_count(store, person, channel_id).await, 0, "{fault:?}");
        assert!(store.list_pins(channel_id).await.unwrap().is_empty(), "{fault:?}");
    }
}

pub async fn an_edit_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(3) {
        let (channel_id, [before, after]) = (stored_channel(store).await, [user_id(), user_id()]);
        let sent = Message { mentions: vec![before], ..message(channel_id) };
        insert(store, &sent).await;
        let edit = MessageEdit {
            channel_id,
            message_id: sent.id,
            author_id: sent.author_id,
            content: "edited".into(),
            mentions: vec![after],
            mentions_everyone: false,
            edited_at_ms: NOW_MS + 1,
        };
        let change_id = change_id();
        crash(faults, "update_message", fault, store.update_message(&edit, change_id)).await;
        let edited = store.update_message(&edit, change_id).await.unwrap().unwrap();
        assert_eq!((edited.content.as_str(), edited.mentions), ("edited", vec![after]));
        let counts = [before, after].map(|user_id| mention_count(store, user_id, channel_id));
        let [gone, new] = counts;
        assert_eq!((gone.await, new.await), (0, 1), "{fault:?}");
    }
}

pub async fn a_reaction_is_completed(store: &dyn Store, faults: &Faults) {
    for fault in crashes(3) {
        let channel_id = stored_channel(store).await;
        let message = stored_message(store, channel_id).await;
        let reaction = Reaction {
            channel_id,
            message_id: message.id,
            emoji: "👍".into(),
            user_id: user_id(),
            at_ms: NOW_MS,
        };
        let change_id = change_id();
        let react = || store.insert_reaction(&reaction, change_id);
        crash(faults, "insert_reaction", fault, react()).await;
        let outcome = react().await.unwrap();
        assert!([Outcome::Changed, Outcome::Unchanged].contains(&outcome), "{fault:?}");
        let reader = Some(reaction.user_id);
        let counts = store.count_reactions(channel_id, &[message.id], reader).await.unwrap();
        assert_eq!((counts[0].1[0].count, counts[0].1[0].me), (1, true), "{fault:?}");
    }
}

pub async fn a_node_id_is_taken_once_whatever_happens(store: &dyn Store, faults: &Faults) {
    for (holder, fault) in (1..).zip(crashes(1)) {
        let taking = taking(holder, NOW_MS);
        crash(faults, "take_node_id", fault, store.take_node_id(&taking)).await;
        let lease = store.take_node_id(&taking).await.unwrap().unwrap();
        assert_eq!(u64::from(lease.node.get()) + 1, holder, "none is lost, {fault:?}");
    }
}

pub async fn a_renewal_and_a_return_are_completed(store: &dyn Store, faults: &Faults) {
    for (holder, fault) in (1..).zip(crashes(1)) {
        let lease = store.take_node_id(&taking(holder, NOW_MS)).await.unwrap().unwrap();
        let until_ms = lease.until_ms + 1;
        let renew = || store.renew_node_id(&lease, NOW_MS, until_ms);
        crash(faults, "renew_node_id", fault, renew()).await;
        assert!(renew().await.unwrap(), "{fault:?}");
        let give_back = || store.give_back_node_id(&lease, NOW_MS);
        crash(faults, "give_back_node_id", fault, give_back()).await;
        give_back().await.unwrap();
        assert!(!renew().await.unwrap(), "{fault:?}");
    }
}

pub async fn a_shared_secret_is_stored_once_whatever_happens(store: &dyn Store, faults: &Faults) {
    let offered = [1, 2, 3].map(|byte| Secret::new([byte; 32]));
    crash(faults, "shared_secret", Fault::NotDone, store.shared_secret(&offered[0])).await;
    crash(faults, "shared_secret", Fault::AnswerLost, store.shared_secret(&offered[1])).await;
    assert_eq!(store.shared_secret(&offered[2]).await.unwrap(), offered[1]);
}
