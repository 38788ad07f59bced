//! The embedded store on the disk that this runs on, against what a bare SQLite does there.
//!
//! `cargo bench --bench store`. It prints ratios, because absolute numbers are the disk's: one commit
//! costs one disk sync.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on may panic")]

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rusqlite::Connection;
use vibetalk::clock::Clock;
use vibetalk::model::channel::{Channel, ChannelKind};
use vibetalk::model::group::{Group, built_in_roles};
use vibetalk::model::id::{ChannelId, GroupId, MessageId, UserId};
use vibetalk::model::message::Message;
use vibetalk::store::sqlite::{SqliteConfig, SqliteStore};
use vibetalk::store::{
    ChannelPlace, ChannelStore, GroupStore, MemberStore, MessageStore, NewMessage, PinStore,
    ReadScope, ReadStateStore,
};

const NOW_MS: u64 = 1_795_000_000_000;
const CONTENT: &str = "Two hundred bytes, about what people write on a busy day when they have something \
    to say to each other, and a little more so that the row is not smaller than the rows of a real chat.";
const GROUP: GroupId = GroupId::new(1);
const SMALL: ChannelId = ChannelId::new(2);
const BIG: ChannelId = ChannelId::new(3);
const BIG_MESSAGES: u64 = 1_000_000;
const MEMBERS: u64 = 10_000;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("vibetalk.db");
    let bare = one_row_per_commit(&folder.path().join("bare.db"));
    runtime.block_on(inserts(&path, bare));
    fill(&path);
    runtime.block_on(reads(&path));
    runtime.block_on(deletion(&path));
}

fn report(what: &str, per_second: f64, compared: &str) {
    println!("{what:<58} {per_second:>12.0}/s {compared}");
}

/// Returns rows per second.
fn one_row_per_commit(path: &Path) -> f64 {
    const ROWS: u32 = 300;
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE messages (channel_id INTEGER, message_id INTEGER, content TEXT,
                                PRIMARY KEY (channel_id, message_id)) WITHOUT ROWID;",
    )
    .unwrap();
    let started = Instant::now();
    for row in 0..ROWS {
        let sql = "INSERT INTO messages VALUES (1, ?1, ?2)";
        conn.prepare_cached(sql).unwrap().execute((row, CONTENT)).unwrap();
    }
    let per_second = f64::from(ROWS) / started.elapsed().as_secs_f64();
    report("bare SQLite, one row per commit", per_second, "");
    per_second
}

fn channel(id: ChannelId) -> Channel {
    Channel {
        id,
        group_id: Some(GROUP),
        kind: ChannelKind::Text,
        name: "general".into(),
        topic: String::new(),
        position: 0,
        slow_mode_seconds: 0,
        recipients: Vec::new(),
    }
}

fn message(channel_id: ChannelId, id: u64) -> Message {
    Message {
        id: MessageId::new((NOW_MS << 21) + id),
        channel_id,
        author_id: UserId::new(id % 100),
        content: CONTENT.into(),
        edited_at_ms: None,
        reply_to: None,
        mentions: Vec::new(),
        mentions_everyone: false,
        nonce: Some(id.to_string()),
    }
}

async fn insert(store: &SqliteStore, channel_id: ChannelId, id: u64) -> Duration {
    let started = Instant::now();
    let message = message(channel_id, id);
    let new = NewMessage { message, now_ms: NOW_MS, nonce_kept_ms: 600_000, slow_mode_ms: None };
    store.insert_message(&new).await.unwrap().unwrap();
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Messages with nonces, each acked after its commit, by more and more senders at once.
async fn inserts(path: &Path, bare_per_second: f64) {
    let store = SqliteStore::open(&SqliteConfig::new(path), Clock::fixed(NOW_MS)).unwrap();
    let group = Group {
        id: GROUP,
        name: "Group".into(),
        icon: None,
        owner_id: None,
        official: false,
        created_at_ms: NOW_MS,
    };
    let channels = [channel(SMALL), channel(BIG)];
    store.insert_group(&group, &built_in_roles(), &channels, &[]).await.unwrap();
    let mut first = 0;
    for (senders, each) in [(1_u64, 300_u64), (8, 200), (64, 200), (512, 100)] {
        let started = Instant::now();
        let sender = |sender: u64| {
            let store = store.clone();
            async move {
                let mut acks = Vec::new();
                for n in 0..each {
                    acks.push(insert(&store, SMALL, first + sender * each + n).await);
                }
                acks
            }
        };
        #[expect(clippy::disallowed_methods, reason = "a benchmark has no lifecycle")]
        let running = (0..senders).map(|n| tokio::spawn(sender(n)));
        let acks = join_all(running).await.into_iter().flat_map(Result::unwrap).collect();
        let per_second = (senders * each) as f64 / started.elapsed().as_secs_f64();
        let ratio = per_second / bare_per_second;
        let compared = format!("{ratio:>6.1} x bare, ack after {:.1?} (median)", median(acks));
        report(&format!("insert_message, {senders} senders"), per_second, &compared);
        first += senders * each;
    }
    store.close().await;
}

/// Fills a channel, the group and other channels, past the store: quicker, and the same rows.
fn fill(path: &Path) {
    let conn = Connection::open(path).unwrap();
    let first_id = NOW_MS << 21;
    conn.execute_batch(&format!(
        "PRAGMA synchronous = OFF;
         BEGIN;
         DELETE FROM messages;
         WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n LIMIT {BIG_MESSAGES})
         INSERT INTO messages (channel_id, message_id, author_id, content, mentions_everyone, pinned)
         SELECT 3, {first_id} + i, i % 100, '{CONTENT}', 0, i % 20000 = 0 FROM n;
         INSERT INTO messages (channel_id, message_id, author_id, content, mentions_everyone, pinned)
         SELECT 2, message_id, author_id, content, 0, 0 FROM messages WHERE channel_id = 3 LIMIT 1000;
         WITH RECURSIVE n(i) AS (VALUES (1000) UNION ALL SELECT i + 1 FROM n LIMIT 1000)
         INSERT INTO channels (channel_id, kind, name, topic, position, slow_mode_seconds)
         SELECT i, 'text', 'c', '', 0, 0 FROM n;
         INSERT INTO messages (channel_id, message_id, author_id, content, mentions_everyone, pinned)
         SELECT channel_id, 7, 1, 'x', 0, 0 FROM channels WHERE channel_id >= 1000;
         INSERT INTO mentions SELECT 1, channel_id, 7 FROM channels WHERE channel_id >= 1000;
         WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT {MEMBERS})
         INSERT INTO users SELECT i, 'user' || i, 'user' || i, 'Name ' || i, 'name ' || i, NULL, '', 0, 0
         FROM n;
         INSERT INTO members SELECT 1, user_id, '[]', NULL, NULL, 0 FROM users;
         COMMIT;"
    ))
    .unwrap();
}

/// The median of many runs.
async fn timed<T>(runs: usize, mut call: impl AsyncFnMut(u64) -> T) -> Duration {
    let mut times = Vec::new();
    for n in 0..runs {
        let started = Instant::now();
        call(n as u64 * 7919).await;
        times.push(started.elapsed());
    }
    median(times)
}

async fn reads(path: &Path) {
    let store = SqliteStore::open(&SqliteConfig::new(path), Clock::fixed(NOW_MS)).unwrap();
    let page = async |channel_id, messages: u64, n: u64| {
        let before = MessageId::new((NOW_MS << 21) + 51 + n % (messages - 51));
        assert_eq!(store.messages_before(channel_id, before, 50).await.unwrap().len(), 50);
    };
    let small = timed(2000, async |n| page(SMALL, 1000, n).await).await;
    let big = timed(2000, async |n| page(BIG, BIG_MESSAGES, n).await).await;
    println!("page of 50 of 1,000 messages                               {small:>12.1?}");
    let ratio = big.as_secs_f64() / small.as_secs_f64();
    println!(
        "page of 50 of 1,000,000 messages, anywhere                 {big:>12.1?} {ratio:>6.2} x"
    );

    let channel_ids: Vec<ChannelId> = (1000..2000).map(ChannelId::new).collect();
    let place =
        |channel_id: &ChannelId| ChannelPlace { channel_id: *channel_id, group_id: Some(GROUP) };
    let places: Vec<ChannelPlace> = channel_ids.iter().map(place).collect();
    let scope = |channel_id: &ChannelId| ReadScope {
        channel_id: *channel_id,
        group_id: Some(GROUP),
        joined_from: MessageId::ZERO,
    };
    let scopes: Vec<ReadScope> = channel_ids.iter().map(scope).collect();
    let members = async |prefix: Option<&str>, after| {
        let after = UserId::new(after % (MEMBERS - 200));
        store.list_members(GROUP, prefix, after, 100).await.unwrap()
    };
    for (what, took) in [
        (
            "50 pins of 1,000,000 messages",
            timed(200, async |_| assert_eq!(store.list_pins(BIG).await.unwrap().len(), 50)).await,
        ),
        (
            "last messages of 1,000 channels",
            timed(200, async |_| {
                let listed = store.list_activity(UserId::new(1), &places).await.unwrap();
                assert_eq!(listed.len(), 1000);
            })
            .await,
        ),
        (
            "read states of 1,000 channels",
            timed(200, async |_| {
                let states = store.list_read_states(UserId::new(1), &scopes).await.unwrap();
                assert_eq!(states.len(), 1000);
            })
            .await,
        ),
        ("100 of 10,000 members", timed(500, async |n| members(None, n).await).await),
        ("those that begin with n (all)", timed(500, async |n| members(Some("n"), n).await).await),
        ("those that begin with name 99 (111)", {
            timed(500, async |_| assert_eq!(members(Some("name 99"), 0).await.len(), 100)).await
        }),
        ("those that begin with x (none)", timed(500, async |_| members(Some("x"), 0).await).await),
    ] {
        println!("{what:<58} {took:>12.1?}");
    }
    store.close().await;
}

/// How long senders wait while a million messages are deleted behind them.
async fn deletion(path: &Path) {
    let store = SqliteStore::open(&SqliteConfig::new(path), Clock::fixed(NOW_MS)).unwrap();
    let started = Instant::now();
    store.delete_channel(BIG).await.unwrap();
    println!(
        "deleting the channel with 1,000,000 messages                {:>12.1?}",
        started.elapsed()
    );
    let mut acks = Vec::new();
    for n in 0..500 {
        acks.push(insert(&store, SMALL, 5_000_000 + n).await);
    }
    let slowest = acks.iter().copied().max().unwrap_or_default();
    println!(
        "500 acks of one sender while its rows go      median {:.1?}, slowest {slowest:.1?}",
        median(acks)
    );
    let left = Connection::open(path).unwrap();
    let started = Instant::now();
    while left.query_row("SELECT count(*) FROM garbage", [], |row| row.get::<_, i64>(0)).unwrap()
        > 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(started.elapsed() < Duration::from_secs(120));
    }
    println!(
        "the rest is deleted by an idle writer after                 {:>12.1?}",
        started.elapsed()
    );
    drop(left);
    store.close().await;
}
