//! What is stored is read record by record, and written so.

use std::collections::BTreeMap;

use vibetalk::model::account::{Account, Session};
use vibetalk::model::channel::{Channel, ChannelKind};
use vibetalk::model::group::{Ban, Invite, Member, MemberPatch, built_in_roles};
use vibetalk::model::id::{BUCKET_MS, ChannelId, GroupId, MessageId, SessionId, UserId};
use vibetalk::model::message::{Message, MessageEdit};
use vibetalk::store::records::{Record, RecordKind};
use vibetalk::store::{OpeningQuota, Reaction, ReadMark, Redemption, Store};

use super::{
    MINUTE_MS, NOW_MS, account, change_id, channel, group, insert, member, message,
    message_with_id, next_id, new_message, stored_official_group, user_id,
};

/// Somebody registered, in the group of `insert`ed things.
async fn registered(store: &dyn Store, operator: bool) -> UserId {
    let account = Account { operator, ..account() };
    store.insert_account(&account).await.unwrap();
    account.user.id
}

/// A channel with messages of two buckets, one edited, one pinned, one with reactions, one deleted.
async fn fill_channel(store: &dyn Store, channel_id: ChannelId, people: &[UserId; 2]) {
    let old = message_with_id(channel_id, MessageId::first_at(NOW_MS - BUCKET_MS));
    insert(store, &Message { author_id: people[0], ..old.clone() }).await;
    let named = Message {
        author_id: people[0],
        mentions: vec![people[1]],
        nonce: Some("nonce".into()),
        reply_to: Some(old.id),
        ..message(channel_id)
    };
    store.insert_message(&new_message(&named, NOW_MS)).await.unwrap().unwrap();
    let everyone = Message { mentions_everyone: true, ..message(channel_id) };
    insert(store, &everyone).await;
    let deleted = message(channel_id);
    insert(store, &deleted).await;
    assert!(store.delete_message(channel_id, deleted.id, change_id()).await.unwrap());
    let edit = MessageEdit {
        channel_id,
        message_id: old.id,
        author_id: people[0],
        content: "edited".into(),
        mentions: Vec::new(),
        mentions_everyone: false,
        edited_at_ms: NOW_MS,
    };
    store.update_message(&edit, change_id()).await.unwrap().unwrap();
    let reacted = [(people[0], "👍"), (people[1], "🎉"), (people[1], "👍")];
    for (at_ms, (user_id, emoji)) in (NOW_MS..).zip(reacted) {
        let (message_id, emoji) = (named.id, emoji.to_owned());
        let reaction = Reaction { channel_id, message_id, emoji, user_id, at_ms };
        store.insert_reaction(&reaction, change_id()).await.unwrap();
    }
    store.insert_pin(channel_id, named.id, change_id()).await.unwrap();
    let set_at = MessageId::new(next_id());
    let mark = ReadMark { user_id: people[1], channel_id, last_read_id: old.id, set_at };
    store.set_read_state(mark).await.unwrap();
}

/// Some of everything that is stored, and of what was and is not any more.
pub async fn fill(store: &dyn Store) {
    let official = stored_official_group(store).await;
    let people = [registered(store, true).await, registered(store, false).await];
    let session = |user_id, expires_at_ms| Session {
        id: SessionId::new(next_id()),
        user_id,
        refresh_hash: [7; 32],
        created_at_ms: NOW_MS,
        last_used_at_ms: NOW_MS,
        expires_at_ms,
        user_agent: "Test".into(),
    };
    let ended = session(people[0], NOW_MS + 600 * MINUTE_MS);
    for session in [&ended, &session(people[1], NOW_MS + 600 * MINUTE_MS)] {
        store.insert_session(session).await.unwrap();
    }
    store.end_sessions(&[ended.id]).await.unwrap();
    let settings = serde_json::from_str(r#"{"theme":"dark","volume":0.50}"#).unwrap();
    store.update_settings(people[0], &settings).await.unwrap().unwrap();
    let patch = MemberPatch { nickname: Some(Some("Old Nick".into())), roles: None };
    store.update_member(official, people[1], &patch).await.unwrap().unwrap();
    let banned = registered(store, false).await;
    let ban = |group_id, user_id| Ban { group_id, user_id, reason: "spam".into(), created_at_ms: NOW_MS };
    store.insert_ban(&ban(official, banned)).await.unwrap();

    let group = group();
    let channels = [channel(group.id), channel(group.id), channel(group.id)];
    let owner = Member::new(group.id, people[0], NOW_MS);
    let members = std::slice::from_ref(&owner);
    store.insert_group(&group, &built_in_roles(), &channels, members).await.unwrap();
    let roles = vec!["moderator".into()];
    let joined = Member { roles, nickname: Some("Bee".into()), ..Member::new(group.id, people[1], NOW_MS) };
    store.insert_member(&joined).await.unwrap();
    store.insert_ban(&ban(group.id, banned)).await.unwrap();
    let invite = |group_id| Invite {
        code: format!("code-{}", next_id()),
        group_id,
        creator_id: people[0],
        uses: 0,
        uses_max: Some(5),
        expires_at_ms: Some(NOW_MS + 600 * MINUTE_MS),
        created_at_ms: NOW_MS,
    };
    let used = invite(group.id);
    store.insert_invite(&used).await.unwrap();
    let redeemed = store.redeem_invite(&used.code, &member(group.id), NOW_MS).await.unwrap();
    assert_eq!(redeemed, Redemption::Joined);
    fill_channel(store, channels[0].id, &people).await;
    fill_channel(store, channels[2].id, &people).await;
    assert!(store.delete_channel(channels[2].id).await.unwrap());

    let direct = Channel {
        group_id: None,
        kind: ChannelKind::Direct,
        name: String::new(),
        recipients: people.to_vec(),
        ..channel(GroupId::ZERO)
    };
    let quota = OpeningQuota { opener: people[1], since: ChannelId::ZERO, opened_max: 9 };
    store.open_direct_channel(&direct, quota).await.unwrap();
    insert(store, &Message { author_id: people[1], ..message(direct.id) }).await;

    let gone = super::group();
    let gone_channel = channel(gone.id);
    let channels = std::slice::from_ref(&gone_channel);
    store.insert_group(&gone, &built_in_roles(), channels, &[]).await.unwrap();
    store.insert_member(&member(gone.id)).await.unwrap();
    store.insert_invite(&invite(gone.id)).await.unwrap();
    store.insert_ban(&ban(gone.id, user_id())).await.unwrap();
    fill_channel(store, gone_channel.id, &people).await;
    assert!(store.delete_group(gone.id).await.unwrap());
}

/// All records, each as JSON, in order; read so many at a time.
pub async fn all(store: &dyn Store, limit: usize) -> Vec<Record> {
    let mut records = Vec::new();
    for kind in RecordKind::ALL {
        let mut from = None;
        loop {
            let page = store.read_records(kind, from.as_deref(), limit).await.unwrap();
            assert!(page.records.iter().all(|record| record.kind() == kind));
            records.extend(page.records);
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
    }
    records
}

pub fn sorted(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> =
        records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    lines.sort_unstable();
    lines
}

pub async fn what_is_there_is_read_and_nothing_else(store: &dyn Store) {
    fill(store).await;
    let records = all(store, 500).await;
    let mut counts = BTreeMap::new();
    for record in &records {
        *counts.entry(record.kind()).or_insert(0) += 1;
    }
    let expected = [
        (RecordKind::Account, 3),
        (RecordKind::Session, 1),
        (RecordKind::Settings, 1),
        (RecordKind::Group, 2),
        (RecordKind::Channel, 3),
        (RecordKind::DirectChannel, 1),
        (RecordKind::Member, 4),
        (RecordKind::Ban, 2),
        (RecordKind::Invite, 1),
        (RecordKind::InviteUse, 1),
        (RecordKind::Message, 4),
        (RecordKind::Reaction, 3),
        (RecordKind::Pin, 1),
        (RecordKind::Change, 6),
        (RecordKind::ReadMark, 1),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    for limit in [1, 2] {
        assert_eq!(sorted(&all(store, limit).await), sorted(&records), "{limit} at a time");
    }
}

pub async fn writing_what_is_there_changes_nothing(store: &dyn Store) {
    fill(store).await;
    let records = all(store, 500).await;
    let groups: Vec<GroupId> = records
        .iter()
        .filter_map(|record| match record {
            Record::Group(record) => Some(record.group.id),
            _ => None,
        })
        .collect();
    let members = store.count_members(&groups).await.unwrap();
    for _ in 0..2 {
        for record in &records {
            store.write_record(record).await.unwrap();
        }
    }
    assert_eq!(sorted(&all(store, 500).await), sorted(&records));
    let again = store.count_members(&groups).await.unwrap();
    assert_eq!(BTreeMap::from_iter(again), BTreeMap::from_iter(members));
}
