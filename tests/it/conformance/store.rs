//! The store port's conformance suite: the cases know the traits only, and run on every backend.
//!
//! A case makes its own ids, so that cases can share a database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vibetalk::clock::{Clock, UnixMs};
use vibetalk::model::account::{Account, User};
use vibetalk::model::channel::{Channel, ChannelKind};
use vibetalk::model::group::{Group, Member, built_in_roles};
use vibetalk::model::id::{ChangeId, ChannelId, GroupId, MessageId, UserId};
use vibetalk::model::message::Message;
use vibetalk::store::faults::Faults;
use vibetalk::store::sqlite::{SqliteConfig, SqliteStore, Synchronous};
use vibetalk::store::{NewMessage, ReadScope, Store};

use crate::cassandra::{self, OwnStore};

mod model;
mod outages;
mod schema;
mod scylla;
mod sqlite;
mod transfers;

/// The time that the clocks of the stores show.
pub const NOW_MS: UnixMs = 1_795_000_000_000;
pub const MINUTE_MS: UnixMs = 60_000;

/// Declares the files with cases, and stamps each case onto each backend. Those that are `alone` need an empty
/// store.
macro_rules! cases {
    ($($file:ident $($alone:ident)? { $($case:ident)* })*) => {
        $(mod $file;)*
        mod on_sqlite {
            $(mod $file {
                $(
                    #[tokio::test]
                    async fn $case() {
                        super::super::run_on_sqlite(super::super::$file::$case).await;
                    }
                )*
            })*
        }
        mod on_scylla {
            $(mod $file {
                stamp_on_scylla! { $($alone)? $file $($case)* }
            })*
        }
    };
}

macro_rules! stamp_on_scylla {
    (alone $file:ident $($case:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            super::super::run_on_own_scylla(super::super::$file::$case).await;
        }
    )*};
    ($file:ident $($case:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            super::super::run_on_scylla(super::super::$file::$case).await;
        }
    )*};
}

/// Likewise for cases that make calls fail.
macro_rules! crash_cases {
    ($($case:ident)*) => {
        mod crashes;
        mod crashes_on_sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::run_faulty_on_sqlite(super::crashes::$case).await;
                }
            )*
        }
        mod crashes_on_scylla {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::run_faulty_on_scylla(super::crashes::$case).await;
                }
            )*
        }
    };
}

crash_cases! {
    an_account_is_completed
    a_changed_password_ends_the_sessions
    a_group_is_there_with_all_or_not_at_all
    a_deletion_of_a_group_is_completed
    a_joining_is_completed
    a_departure_is_completed
    a_ban_is_completed
    a_ban_from_the_official_group_is_completed
    who_registers_is_counted_once
    the_last_use_of_an_invite_is_completed
    a_direct_channel_is_completed
    a_message_is_completed
    a_deleted_message_stays_away
    an_edit_is_completed
    a_reaction_is_completed
    a_node_id_is_taken_once_whatever_happens
    a_renewal_and_a_return_are_completed
    a_shared_secret_is_stored_once_whatever_happens
}

cases! {
    state alone {
        a_probe_succeeds_again_and_again
        the_newest_id_is_the_highest_of_all_kinds
    }
    nodes alone {
        a_node_id_is_taken_once
        racing_takers_get_different_node_ids
        a_lease_is_renewed_until_it_ends
        a_lease_that_ended_is_taken_over_after_a_while
        what_is_given_back_is_free_at_once
        there_are_so_many_node_ids
    }
    keys alone {
        the_first_secret_stays
        racing_first_writers_share_one_secret
    }
    accounts alone {
        an_account_is_found_by_id_and_by_name_in_any_case
        a_user_name_is_unique_without_case
        one_of_racing_inserts_of_a_name_succeeds
        repeating_an_insert_of_an_account_changes_nothing
        users_change_field_by_field
        operators_change
        unknown_users_are_left_out_of_lists
        users_are_searched_by_both_names_without_case
        users_are_searched_from_each_word_of_their_display_names
        searches_take_no_wildcards
        searches_follow_a_changed_display_name
        searches_are_ordered_and_limited
    }
    sessions {
        a_session_is_found_until_it_expires_or_is_deleted
        sessions_are_deleted_many_at_once
        sessions_are_listed_oldest_first
        racing_refreshes_rotate_once
        a_rotation_is_repeated_until_its_successor_is_used
        a_rotation_is_not_repeated_after_its_grace
        a_rotation_extends_a_session
        nothing_rotates_in_a_session_that_expired
        a_session_that_has_ended_is_nowhere_but_among_the_ended
        a_new_password_ends_the_other_sessions
        attempts_are_limited_by_name_and_network
        attempts_count_until_they_are_released_or_expire
        strangers_do_not_count_for_who_is_signed_in
        of_racing_attempts_so_many_are_reserved
    }
    settings {
        settings_are_merged_by_key
        racing_changes_of_different_settings_all_hold
        settings_have_a_size
    }
    groups {
        a_group_comes_with_all_that_is_in_it
        many_groups_are_found_at_once
        repeating_an_insert_of_a_group_changes_nothing
        groups_change_field_by_field
        a_deleted_group_takes_everything_with_it
        nothing_of_a_huge_deleted_group_is_found
        a_ban_ends_membership_and_the_first_one_stays
        nobody_who_is_banned_becomes_a_member
        nothing_is_left_of_a_joining_that_races_a_ban
        bans_are_listed_by_user
    }
    members {
        somebody_becomes_a_member_once
        nobody_joins_a_group_that_does_not_exist
        members_change_field_by_field
        members_are_listed_in_pages_by_user
        members_are_found_by_any_of_their_names
        members_are_found_from_each_word_of_their_names
        members_are_found_among_many_of_one_name
        members_are_filtered_and_listed_by_person
        racing_joins_and_leaves_keep_the_count
        a_crowd_that_joins_at_once_is_in_in_the_end
    }
    official alone {
        there_is_one_official_group
        everybody_who_has_an_account_is_in_the_official_group
        who_registers_or_is_banned_is_counted_from_the_answer_on
        who_has_no_account_is_not_in_it
        nobody_joins_or_leaves_it
        nobody_deletes_it
        its_members_are_listed_in_pages
        nicknames_and_roles_are_kept_in_it
        its_members_are_found_by_any_of_their_names
        its_members_are_found_among_many_of_one_name
        a_ban_keeps_out_of_it_and_takes_nickname_and_roles
        an_invite_to_it_uses_nothing_up
        racing_registrations_and_bans_keep_its_count
    }
    invites {
        an_invite_is_found_also_when_spent
        open_invites_are_listed_newest_first
        an_invite_lets_people_in_until_it_is_spent
        one_of_racing_people_gets_the_last_use
        a_member_uses_nothing_up
        who_comes_back_uses_nothing_up
        the_last_use_is_repeated_for_a_while
        invites_are_refused_to_the_banned_and_when_expired
        an_invite_of_another_group_is_not_found
    }
    channels {
        channels_are_listed_by_position_then_id
        channels_are_measured_as_json
        no_channel_is_made_in_a_group_that_does_not_exist
        channels_change_field_by_field
        a_deleted_channel_takes_its_messages_with_it
        channels_are_found_by_many_ids
        activity_names_what_happened_last
        the_same_people_have_one_direct_channel
        racing_openers_get_one_direct_channel
        direct_channels_are_listed_by_person
        the_direct_channels_with_the_newest_messages_are_listed
        somebody_opens_a_bounded_number_of_direct_channels
    }
    messages {
        a_message_comes_back_as_it_was_stored
        history_is_paged_in_both_directions
        history_crosses_a_bucket_boundary
        history_stays_in_its_channel
        messages_are_listed_by_id
        a_repeated_nonce_answers_the_stored_message
        one_of_racing_repetitions_is_stored
        a_nonce_counts_per_author_and_channel
        a_nonce_counts_until_it_expires
        a_repetition_does_not_bring_a_deleted_message_back
        repeating_a_message_without_nonce_stores_it_once
        a_repeated_message_mentions_once
        only_the_author_edits
        each_edit_is_later_than_the_one_before
        an_edit_that_races_a_deletion_brings_nothing_back
        a_message_is_deleted_once
        changes_are_listed_oldest_first
        slow_mode_lets_one_message_through
        one_of_racing_messages_gets_through_slow_mode
        a_repetition_wins_over_slow_mode
        slow_mode_counts_what_was_sent_before_it
    }
    reactions {
        a_reaction_is_added_and_removed_once
        emojis_keep_the_order_of_their_first_use
        racing_reactions_all_count_in_the_end
        a_message_takes_a_bounded_number_of_emojis
        reactions_need_a_message
        people_who_reacted_are_listed_in_pages
        a_message_is_pinned_and_unpinned_once
        a_channel_takes_a_bounded_number_of_pins
        pins_need_a_message_and_go_with_it
    }
    read_states {
        reading_goes_forwards_and_backwards
        mentions_by_name_wait_until_read
        everyone_is_mentioned_from_when_they_joined
        nobody_is_mentioned_twice_by_one_message_or_by_themselves
        deleted_mentions_do_not_count
        an_edit_replaces_mentions
        mentions_are_counted_up_to_a_bound
        many_channels_are_asked_for_at_once
        only_channels_asked_for_are_answered
        own_messages_follow_the_mark
        a_mark_stays_where_it_was_set
        the_mark_that_was_made_last_stays
        what_was_sent_before_somebody_joined_is_read
        many_own_messages_are_read_up_to_a_bound
    }
    records alone {
        what_is_there_is_read_and_nothing_else
        writing_what_is_there_changes_nothing
    }
}

pub fn sqlite_config(folder: &std::path::Path) -> SqliteConfig {
    SqliteConfig {
        synchronous: Synchronous::Off,
        readers: 2,
        ..SqliteConfig::new(folder.join("vibetalk.db"))
    }
}

async fn run_on_sqlite(case: impl AsyncFnOnce(&dyn Store)) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&sqlite_config(folder.path()), Clock::fixed(NOW_MS)).unwrap();
    case(&store).await;
    store.close().await;
}

async fn run_faulty_on_sqlite(case: impl AsyncFnOnce(&dyn Store, &Faults)) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&sqlite_config(folder.path()), Clock::fixed(NOW_MS)).unwrap();
    case(&store, store.faults()).await;
    store.close().await;
}

async fn run_on_scylla(case: impl AsyncFnOnce(&dyn Store)) {
    let store = cassandra::shared_store(Clock::fixed(NOW_MS)).await;
    case(&store).await;
    store.close().await;
}

async fn run_on_own_scylla(case: impl AsyncFnOnce(&dyn Store)) {
    let store = OwnStore::open(Clock::fixed(NOW_MS)).await;
    case(&*store).await;
    store.close().await;
}

async fn run_faulty_on_scylla(case: impl AsyncFnOnce(&dyn Store, &Faults)) {
    let store = OwnStore::open(Clock::fixed(NOW_MS)).await;
    case(&*store, store.faults()).await;
    store.close().await;
}

/// Rises, and no two cases get the same.
pub fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(1);
    (NOW_MS << 21) + LAST.fetch_add(1, Ordering::Relaxed)
}

pub fn user_id() -> UserId {
    UserId::new(next_id())
}

pub fn change_id() -> ChangeId {
    ChangeId::new(next_id())
}

/// An account whose names are unique.
pub fn account() -> Account {
    let id = user_id();
    let user = User {
        id,
        username: format!("user-{id}"),
        display_name: format!("User {id}"),
        avatar: None,
    };
    Account { user, password_hash: "hash".into(), operator: false, created_at_ms: NOW_MS }
}

pub fn group() -> Group {
    Group {
        id: GroupId::new(next_id()),
        name: "Group".into(),
        icon: Some("https://example.org/icon.png".into()),
        owner_id: Some(user_id()),
        official: false,
        created_at_ms: NOW_MS,
    }
}

pub fn member(group_id: GroupId) -> Member {
    Member::new(group_id, user_id(), NOW_MS)
}

pub fn channel(group_id: GroupId) -> Channel {
    Channel {
        id: ChannelId::new(next_id()),
        group_id: Some(group_id),
        kind: ChannelKind::Text,
        name: "general".into(),
        topic: String::new(),
        position: 0,
        slow_mode_seconds: 0,
        recipients: Vec::new(),
    }
}

/// A message of somebody, with a new id.
pub fn message(channel_id: ChannelId) -> Message {
    message_with_id(channel_id, MessageId::new(next_id()))
}

pub fn message_with_id(channel_id: ChannelId, id: MessageId) -> Message {
    Message {
        id,
        channel_id,
        author_id: user_id(),
        content: format!("message {id}"),
        edited_at_ms: None,
        reply_to: None,
        mentions: Vec::new(),
        mentions_everyone: false,
        nonce: None,
    }
}

/// Waits until the count of a group's members, which may lag, is `expected`.
pub async fn check_count(store: &dyn Store, group_id: GroupId, expected: u64) {
    let started = Instant::now();
    loop {
        let counted = store.count_members(&[group_id]).await.unwrap();
        let count = counted.first().map_or(0, |(_, count)| *count);
        if count == expected {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{count} instead of {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await; // No store tells of it.
    }
}

pub async fn find_group(store: &dyn Store, group_id: GroupId) -> Option<Group> {
    store.find_groups(&[group_id]).await.unwrap().pop().map(|head| head.group)
}

/// Stores a group without channels and members.
pub async fn stored_group(store: &dyn Store) -> GroupId {
    let group = group();
    store.insert_group(&group, &built_in_roles(), &[], &[]).await.unwrap();
    group.id
}

/// Stores the official group with a channel.
pub async fn stored_official_group(store: &dyn Store) -> GroupId {
    let official = Group { official: true, owner_id: None, ..group() };
    let channels = [channel(official.id)];
    store.insert_group(&official, &built_in_roles(), &channels, &[]).await.unwrap();
    official.id
}

/// Stores a channel in a group of its own.
pub async fn stored_channel(store: &dyn Store) -> ChannelId {
    let channel = channel(stored_group(store).await);
    assert!(store.insert_channel(&channel).await.unwrap());
    channel.id
}

/// A channel for somebody who was in it from the first.
pub async fn scope(store: &dyn Store, channel_id: ChannelId) -> ReadScope {
    let channel = store.find_channel(channel_id).await.unwrap().unwrap();
    ReadScope { channel_id, group_id: channel.group_id, joined_from: MessageId::ZERO }
}

/// With a nonce that counts for ten minutes.
pub fn new_message(message: &Message, now_ms: UnixMs) -> NewMessage {
    let message = message.clone();
    NewMessage { message, now_ms, nonce_kept_ms: 10 * MINUTE_MS, slow_mode_ms: None }
}

pub async fn insert(store: &dyn Store, message: &Message) {
    let inserted = store.insert_message(&new_message(message, NOW_MS)).await.unwrap().unwrap();
    assert!(inserted.new);
    assert_eq!(&inserted.message, message);
}

pub async fn stored_message(store: &dyn Store, channel_id: ChannelId) -> Message {
    let message = message(channel_id);
    insert(store, &message).await;
    message
}
