//! What only the embedded store promises: its file, its queue, and what it deletes behind.

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use rusqlite::Connection;
use vibetalk::clock::Clock;
use vibetalk::model::account::{Account, Asker, PasswordAttempt, Session};
use vibetalk::model::group::Member;
use vibetalk::model::id::{AttemptId, ChangeId, GroupId, MessageId, SessionId, UserId};
use vibetalk::model::message::Message;
use vibetalk::store::sqlite::{OpenError, SqliteConfig, SqliteStore, Synchronous};
use vibetalk::store::{
    AccountStore, AttemptLimits, AttemptStore, CHANGES_KEPT_MS, ChannelStore, GroupStore,
    InviteStore, MemberStore, MessageStore, NewMessage, PinStore, Reaction, ReactionStore,
    ReadMark, ReadStateStore, Reservation, SLOW_MODE_KEPT_MS, SessionStore, StoreError,
};

use super::groups::fill;
use super::invites::stored as stored_invite;
use super::{
    MINUTE_MS, NOW_MS, account, change_id, find_group, group, insert, member, message, new_message,
    sqlite_config, stored_channel, stored_group, stored_message, user_id,
};

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&sqlite_config(folder), Clock::fixed(NOW_MS)).unwrap()
}

/// Reads the file as any SQLite program would.
fn raw(folder: &Path) -> Connection {
    Connection::open(sqlite_config(folder).path).unwrap()
}

fn rows_of(conn: &Connection, tables: &[&str]) -> i64 {
    let count = |table: &&str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        conn.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    tables.iter().map(count).sum()
}

/// Waits until the store has emptied `tables`, which it does by itself.
async fn wait_until_empty(folder: &Path, tables: &[&str]) {
    let conn = raw(folder);
    let emptied = async {
        while rows_of(&conn, tables) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await; // SQLite tells nobody of commits.
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), emptied).await;
    assert!(waited.is_ok(), "{} rows are left", rows_of(&conn, tables));
}

#[tokio::test]
async fn reopening_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let account = account();
    store.insert_account(&account).await.unwrap();
    let channel_id = stored_channel(&store).await;
    let message = stored_message(&store, channel_id).await;
    store.close().await;
    assert!(!folder.path().join("vibetalk.db-wal").exists(), "one file is left");

    let store = open(folder.path());
    assert!(store.find_account(account.user.id).await.unwrap() == Some(account));
    assert_eq!(store.find_message(channel_id, message.id).await.unwrap(), Some(message));
}

/// The files as they are after a power loss: copied from under a store that runs.
#[tokio::test]
async fn what_was_acked_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig { synchronous: Synchronous::Full, ..sqlite_config(folder.path()) };
    let store = SqliteStore::open(&config, Clock::fixed(NOW_MS)).unwrap();
    let channel_id = stored_channel(&store).await;
    let messages: Vec<Message> = (0..200).map(|_| message(channel_id)).collect();
    join_all(messages.iter().map(|message| insert(&store, message))).await;

    let copy = tempfile::tempdir().unwrap();
    for name in ["vibetalk.db", "vibetalk.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let recovered = open(copy.path());
    let found = recovered.messages_after(channel_id, MessageId::ZERO, 1000).await.unwrap();
    assert_eq!(found, messages);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().await;
    raw(folder.path()).pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteStore::open(&sqlite_config(folder.path()), Clock::fixed(NOW_MS));
    let error = refused.err().unwrap();
    let OpenError::NewerSchema { found: 99, known } = error else { panic!("{error}") };
    let (text, known) = (error.to_string(), format!("version {known}"));
    assert!(text.contains("version 99") && text.contains(&known), "{text}");
}

/// A server of the older version may be running.
#[tokio::test]
async fn nothing_is_migrated_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let beside = || SqliteStore::open_beside(&sqlite_config(folder.path()), Clock::fixed(NOW_MS));
    let server = open(folder.path());
    let store = beside().unwrap();
    let account = account();
    store.insert_account(&account).await.unwrap();
    store.close().await;
    assert!(server.find_account(account.user.id).await.unwrap().is_some());
    raw(folder.path()).pragma_update(None, "user_version", 0).unwrap();
    assert!(matches!(beside().err(), Some(OpenError::OlderSchema { found: 0, .. })));
}

#[tokio::test]
async fn a_file_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    raw(folder.path()).execute_batch("CREATE TABLE theirs (a)").unwrap();
    let refused = SqliteStore::open(&sqlite_config(folder.path()), Clock::fixed(NOW_MS));
    assert!(matches!(refused.err(), Some(OpenError::Foreign)));
    assert_eq!(rows_of(&raw(folder.path()), &["sqlite_schema"]), 1);
}

#[tokio::test]
async fn a_database_with_other_buckets_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().await;
    let changed = "UPDATE settings SET value = '5' WHERE name = 'bucket_ms'";
    raw(folder.path()).execute_batch(changed).unwrap();
    let refused = SqliteStore::open(&sqlite_config(folder.path()), Clock::fixed(NOW_MS));
    assert!(matches!(refused.err(), Some(OpenError::BucketMs { found, .. }) if found == "5"));
}

#[tokio::test]
async fn buckets_in_the_file_are_those_of_ids() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let channel_id = stored_channel(&store).await;
    let message = stored_message(&store, channel_id).await;
    let sql = "SELECT bucket FROM channel_buckets WHERE channel_id = ?1";
    let bucket: i64 =
        raw(folder.path()).query_row(sql, [channel_id.to_i64()], |row| row.get(0)).unwrap();
    assert_eq!(bucket.unsigned_abs(), message.id.bucket().0);
}

#[tokio::test]
async fn a_file_has_one_store_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let second = SqliteStore::open(&sqlite_config(folder.path()), Clock::fixed(NOW_MS));
    assert!(matches!(second.err(), Some(OpenError::InUse(_))));
    first.close().await;
    drop(open(folder.path())); // Dropping lets go of the file, too.
    open(folder.path()).close().await;
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("a/b");
    open(&inside).close().await;
    assert!(inside.join("vibetalk.db").exists());
}

/// While readers read all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_does_not_grow_with_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let channel_id = stored_channel(&store).await;
    for _ in 0..60 {
        let content = "x".repeat(16_000); // 4,000 characters of four bytes.
        let messages: Vec<Message> =
            (0..100).map(|_| Message { content: content.clone(), ..message(channel_id) }).collect();
        let writes = join_all(messages.iter().map(|message| insert(&store, message)));
        let reads =
            join_all((0..20).map(|_| store.messages_before(channel_id, MessageId::MAX, 50)));
        let (_, reads) = tokio::join!(writes, reads);
        assert!(reads.iter().all(Result::is_ok));
    }
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
    let log_bytes = size("vibetalk.db-wal");
    assert!(log_bytes < 48 * 1024 * 1024, "the log has {log_bytes} bytes");
    assert!(size("vibetalk.db") > 16 * 1024 * 1024, "it was copied into the database");
}

#[tokio::test]
async fn a_refused_call_takes_nothing_from_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut accounts: Vec<Account> = (0..200).map(|_| account()).collect();
    for (n, account) in accounts.iter_mut().enumerate() {
        if n % 10 == 0 {
            account.user.username = "same".into();
        }
    }
    let outcomes = join_all(accounts.iter().map(|account| store.insert_account(account))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 181);
    for (account, outcome) in accounts.iter().zip(&outcomes) {
        let found = store.find_account(account.user.id).await.unwrap();
        assert_eq!(found.is_some(), outcome.is_ok());
    }
}

#[tokio::test]
async fn a_closed_store_has_finished_what_was_queued() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let accounts: Vec<Account> = (0..50).map(|_| account()).collect();
    assert!(store.ended().now_or_never().is_none());
    let writes = join_all(accounts.iter().map(|account| store.insert_account(account)));
    let (outcomes, ()) = tokio::join!(writes, store.close());
    assert!(outcomes.iter().all(Result::is_ok));
    store.close().await;
    store.ended().await;
    let (read, written) =
        (store.find_account(user_id()).await, store.insert_account(&accounts[0]).await);
    assert!(matches!(read, Err(StoreError::Unavailable(_))));
    assert!(matches!(written, Err(StoreError::Unavailable(_))));
    let reopened = open(folder.path());
    for account in accounts {
        assert!(reopened.find_account(account.user.id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn callers_of_a_store_that_hangs_are_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let timeout = Duration::from_millis(800);
    let config = SqliteConfig { timeout, ..sqlite_config(folder.path()) };
    let store = SqliteStore::open(&config, Clock::fixed(NOW_MS)).unwrap();
    let blocker = raw(folder.path());
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();

    let accounts: Vec<Account> = (0..2000).map(|_| account()).collect();
    let outcomes = join_all(accounts.iter().map(|account| store.insert_account(account))).await;
    let timeouts = outcomes.iter().filter(|o| matches!(o, Err(StoreError::Timeout))).count();
    let full = outcomes.iter().filter(|o| matches!(o, Err(StoreError::Busy))).count();
    assert_eq!(timeouts + full, 2000);
    assert!(timeouts >= 1024 && full > 0, "{timeouts} timeouts, {full} found no place");
    assert!(store.find_account(user_id()).await.unwrap().is_none(), "readers go on");

    blocker.execute_batch("ROLLBACK").unwrap();
    drop(blocker);
    let store = SqliteStore::clone(&store);
    while store.insert_account(&account()).await.is_err() {} // Until the queue is worked off.
}

const OF_CHANNELS: &[&str] = &[
    "messages",
    "mentions",
    "everyone_mentions",
    "reactions",
    "reaction_counts",
    "channel_changes",
    "read_states",
    "garbage",
];

/// A channel with more messages than one step deletes, and something in every table.
async fn full_channel(store: &SqliteStore) -> vibetalk::model::id::ChannelId {
    let channel_id = stored_channel(store).await;
    let mut messages: Vec<Message> = (0..2500).map(|_| message(channel_id)).collect();
    for (n, message) in messages.iter_mut().enumerate() {
        message.mentions = vec![user_id()];
        message.mentions_everyone = n % 2 == 0;
    }
    for some in messages.chunks(500) {
        join_all(some.iter().map(|message| insert(store, message))).await;
    }
    let reaction = Reaction {
        channel_id,
        message_id: messages[0].id,
        emoji: "👍".into(),
        user_id: user_id(),
        at_ms: NOW_MS,
    };
    store.insert_reaction(&reaction, change_id()).await.unwrap();
    let set_at = messages[3].id;
    let mark = ReadMark { user_id: user_id(), channel_id, last_read_id: set_at, set_at };
    store.set_read_state(mark).await.unwrap();
    channel_id
}

#[tokio::test]
async fn a_deleted_channel_leaves_no_row_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let channel_id = full_channel(&store).await;
    assert!(rows_of(&raw(folder.path()), OF_CHANNELS) > 2500);
    store.delete_channel(channel_id).await.unwrap();
    wait_until_empty(folder.path(), OF_CHANNELS).await;
}

#[tokio::test]
async fn deleting_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let channel_id = full_channel(&store).await;
    let (deleted, ()) = tokio::join!(store.delete_channel(channel_id), store.close());
    assert!(deleted.unwrap());
    assert!(rows_of(&raw(folder.path()), OF_CHANNELS) > 1000, "close does not wait for it");
    let _reopened = open(folder.path());
    wait_until_empty(folder.path(), OF_CHANNELS).await;
}

/// However many members it has, the deletion is one short write; the rest goes behind, also after a
/// restart.
#[tokio::test]
async fn a_huge_group_is_deleted_in_slices() {
    const OF_GROUPS: &[&str] =
        &["members", "member_words", "bans", "invites", "roles", "channels", "garbage_groups"];
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let group_id = stored_group(&store).await;
    fill(&store, group_id, 1200).await;
    let (deleted, ()) = tokio::join!(store.delete_group(group_id), store.close());
    assert!(deleted.unwrap());
    assert!(rows_of(&raw(folder.path()), OF_GROUPS) > 3000, "most is left for later");
    let _reopened = open(folder.path());
    wait_until_empty(folder.path(), OF_GROUPS).await;
}

#[tokio::test]
async fn who_used_an_invite_is_forgotten_with_it() {
    const OF_INVITES: &[&str] = &["invite_uses", "garbage_invites"];
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let group_id = stored_group(&store).await;
    let invite = stored_invite(&store, group_id, None).await;
    for _ in 0..3 {
        store.redeem_invite(&invite.code, &member(group_id), NOW_MS).await.unwrap();
    }
    assert_eq!(rows_of(&raw(folder.path()), OF_INVITES), 3);
    store.delete_invite(&invite.code).await.unwrap();
    wait_until_empty(folder.path(), OF_INVITES).await;
}

/// What a restore that went half way leaves. Nothing of it is deleted.
#[tokio::test]
async fn a_log_without_its_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.insert_account(&account()).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    let [database, log] = ["vibetalk.db", "vibetalk.db-wal"].map(|name| copy.path().join(name));
    std::fs::copy(folder.path().join("vibetalk.db-wal"), &log).unwrap();
    let bytes = std::fs::read(&log).unwrap();
    for empty in [false, true] {
        if empty {
            std::fs::write(&database, "").unwrap();
        }
        let refused = SqliteStore::open(&sqlite_config(copy.path()), Clock::fixed(NOW_MS));
        let error = refused.err().unwrap();
        assert!(matches!(&error, OpenError::HalfRestored { found, .. } if *found == log));
        assert!(std::fs::read(&log).unwrap() == bytes, "the log is as it was");
    }
    let backup = format!("VACUUM INTO '{}'", copy.path().join("backup").display());
    raw(folder.path()).execute_batch(&backup).unwrap();
    std::fs::rename(copy.path().join("backup"), &database).unwrap();
    let refused = SqliteStore::open(&sqlite_config(copy.path()), Clock::fixed(NOW_MS));
    assert!(matches!(refused.err(), Some(OpenError::ForeignLog { .. })));
    std::fs::remove_file(&log).unwrap();
    open(copy.path()).close().await;
}

/// Names that were stored before people were found by each word.
#[tokio::test]
async fn names_of_an_older_schema_are_found_by_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let older = [
        include_str!("../../../../src/store/sqlite/migrations/1.sql"),
        include_str!("../../../../src/store/sqlite/migrations/2.sql"),
        "INSERT INTO users VALUES (7, 'Emile', 'emile', 'Émile Zorn', 'émile zorn', NULL, 'hash', 0, 0);
         INSERT INTO groups VALUES (8, 'Group', NULL, 7, 0, 0, 1);
         INSERT INTO members VALUES (8, 7, '[]', 'Old Fox', 'old fox', 0);
         PRAGMA application_id = 0x56544c4b; PRAGMA user_version = 2;",
    ];
    raw(folder.path()).execute_batch(&older.join("\n")).unwrap();
    let store = open(folder.path());
    let found = store.search_users("zorn", 5).await.unwrap();
    assert_eq!(found[0].username, "Emile");
    let members = store.list_members(GroupId::new(8), Some("fox"), UserId::ZERO, 5).await.unwrap();
    assert_eq!(members[0].nickname.as_deref(), Some("Old Fox"));
}

/// When each member of the official group had a row.
#[tokio::test]
async fn members_of_the_official_group_of_an_older_schema_stay_members() {
    let folder = tempfile::tempdir().unwrap();
    let older: Vec<String> = (1..=6)
        .map(|n| std::fs::read_to_string(format!("src/store/sqlite/migrations/{n}.sql")).unwrap())
        .collect();
    let rows = "
        INSERT INTO users (user_id, username, username_folded, display_name, password_hash, operator,
                           created_at_ms)
        VALUES (11, 'a', 'a', 'A', '', 0, 1), (12, 'b', 'b', 'B', '', 0, 1), (13, 'c', 'c', 'C', '', 0, 1),
               (14, 'd', 'd', 'D', '', 0, 1), (15, 'e', 'e', 'E', '', 0, 1);
        INSERT INTO groups (group_id, name, official, created_at_ms, member_count)
        VALUES (8, 'VibeTalk', 1, 0, 4), (9, 'Other', 0, 0, 1);
        INSERT INTO members (group_id, user_id, roles, nickname, joined_at_ms)
        VALUES (8, 11, '[]', NULL, 5), (8, 12, '[\"admin\"]', NULL, 5), (8, 13, '[]', 'Nick', 5),
               (8, 14, '[]', NULL, 5), (9, 11, '[]', NULL, 5);
        INSERT INTO bans VALUES (8, 15, '', 5);
        PRAGMA application_id = 0x56544c4b; PRAGMA user_version = 6;";
    raw(folder.path()).execute_batch(&(older.join("\n") + rows)).unwrap();
    let store = open(folder.path());
    let official = GroupId::new(8);
    let members = store.list_members(official, None, UserId::ZERO, 9).await.unwrap();
    let expected = [
        Member::new(official, UserId::new(11), 1),
        Member { roles: vec!["admin".into()], ..Member::new(official, UserId::new(12), 1) },
        Member { nickname: Some("Nick".into()), ..Member::new(official, UserId::new(13), 1) },
        Member::new(official, UserId::new(14), 1),
    ];
    assert_eq!(members, expected);
    assert_eq!(store.count_members(&[official]).await.unwrap(), [(official, 4)]);
    assert_eq!(store.list_memberships(UserId::new(11)).await.unwrap().len(), 2);
    store.close().await;
    let rows: i64 =
        raw(folder.path()).query_row("SELECT count(*) FROM members", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3, "of who has something there, and of the other group");
}

#[tokio::test]
async fn a_message_for_a_deleted_channel_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let group_id = stored_group(&store).await;
    let channel_id = stored_channel(&store).await;
    store.delete_channel(channel_id).await.unwrap();
    let late = Message { mentions: vec![user_id()], ..message(channel_id) };
    store.insert_message(&new_message(&late, NOW_MS)).await.unwrap().unwrap();
    assert_eq!(store.find_message(channel_id, late.id).await.unwrap(), None);
    store.delete_group(group_id).await.unwrap();
    wait_until_empty(folder.path(), OF_CHANNELS).await;
}

#[tokio::test]
async fn people_stay_signed_in_over_a_migration() {
    let folder = tempfile::tempdir().unwrap();
    let before = raw(folder.path());
    before.execute_batch(include_str!("../../../../src/store/sqlite/migrations/1.sql")).unwrap();
    let rows = format!(
        "PRAGMA application_id = 0x56544c4b; PRAGMA user_version = 1;
         INSERT INTO sessions VALUES (7, 1, zeroblob(32), 1, 1, {}, 'agent');
         INSERT INTO login_failures VALUES (1, 'ada', 1, {});",
        NOW_MS + MINUTE_MS,
        NOW_MS + MINUTE_MS
    );
    before.execute_batch(&rows).unwrap();
    drop(before);
    let store = open(folder.path());
    let session = store.find_session(SessionId::new(7), NOW_MS).await.unwrap();
    assert_eq!(session.map(|session| session.user_agent).as_deref(), Some("agent"));
    assert!(store.list_ended_sessions(10).await.unwrap().is_empty());
}

/// One row that expires in each table that has such.
async fn insert_expiring(store: &SqliteStore, expires_at_ms: u64) {
    let session = Session {
        id: SessionId::new(expires_at_ms),
        user_id: user_id(),
        refresh_hash: [0; 32],
        created_at_ms: NOW_MS,
        last_used_at_ms: NOW_MS,
        expires_at_ms,
        user_agent: String::new(),
    };
    store.insert_session(&session).await.unwrap();
    let attempt = PasswordAttempt {
        id: AttemptId::new(expires_at_ms),
        username: "name".into(),
        asker: Asker::Stranger,
        network: [192, 0, 2, 1].into(),
        expires_at_ms,
    };
    let limits = AttemptLimits { own_max: 1, name_max: 1 };
    let reserved = store.reserve_attempt(&attempt, limits, NOW_MS).await.unwrap();
    assert_eq!(reserved, Reservation::Reserved);
    let channel_id = stored_channel(store).await;
    let author_id = user_id();
    let message = Message { author_id, nonce: Some("n".into()), ..message(channel_id) };
    let sent_at_ms = expires_at_ms - SLOW_MODE_KEPT_MS;
    let nonce_kept_ms = expires_at_ms - sent_at_ms;
    let new = NewMessage { message, now_ms: sent_at_ms, nonce_kept_ms, slow_mode_ms: Some(1) };
    let sent = store.insert_message(&new).await.unwrap().unwrap();
    let change = ChangeId::first_at(expires_at_ms - CHANGES_KEPT_MS);
    store.insert_pin(channel_id, sent.message.id, change).await.unwrap();
}

#[tokio::test]
async fn expired_rows_are_deleted_and_others_stay() {
    const EXPIRING: &[&str] =
        &["sessions", "password_attempts", "nonces", "slow_mode", "channel_changes"];
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert_expiring(&store, NOW_MS + MINUTE_MS).await;
    store.close().await;
    assert_eq!(rows_of(&raw(folder.path()), EXPIRING), 5);

    let later = Clock::fixed(NOW_MS + MINUTE_MS + 1);
    let store = SqliteStore::open(&sqlite_config(folder.path()), later).unwrap();
    wait_until_empty(folder.path(), EXPIRING).await;
    insert_expiring(&store, NOW_MS + 9 * MINUTE_MS).await;
    store.close().await;
    assert_eq!(rows_of(&raw(folder.path()), EXPIRING), 5);
    assert_eq!(rows_of(&raw(folder.path()), &["messages"]), 2, "only what expires goes");
}

/// As at a start with an empty file: all that a node needs to begin.
#[tokio::test]
async fn a_new_file_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.find_official_group().await.unwrap(), None);
    assert!(store.search_users("", 10).await.unwrap().is_empty());
    assert_eq!(find_group(&store, group().id).await, None);
    let page_size: i64 =
        raw(folder.path()).pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    assert_eq!(page_size, 8192);
}
