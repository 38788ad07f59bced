//! How the shared store makes its tables, and what is in them.

use futures_util::future::join;
use scylla::statement::unprepared::Statement;
use vibetalk::clock::Clock;
use vibetalk::model::id::BUCKET_MS;
use vibetalk::model::message::Message;
use vibetalk::store::StateStore;
use vibetalk::store::scylla::config::Replication;
use vibetalk::store::scylla::{ScyllaError, ScyllaStore};

use super::{NOW_MS, insert, message, stored_channel, user_id};
use crate::cassandra::{self, OwnStore};

async fn open(keyspace: &str) -> Result<ScyllaStore, ScyllaError> {
    ScyllaStore::open(&cassandra::config(keyspace).await, Clock::fixed(NOW_MS)).await
}

/// Carries out CQL past the store.
async fn execute(text: &str) {
    cassandra::session().await.query_unpaged(text, ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_made_whatever_has_happened_before() {
    let replication = "{'class': 'NetworkTopologyStrategy', 'replication_factor': 1}";
    execute(&format!("CREATE KEYSPACE schema_0 WITH replication = {replication}")).await;
    let mut config = cassandra::config("schema_0").await;
    config.replication = Replication::Copies(3);
    let store = ScyllaStore::open(&config, Clock::fixed(NOW_MS)).await.unwrap();
    store.probe(NOW_MS).await.unwrap();

    // A node that died after some of the statements, one of which was carried out and not noted.
    execute("DROP TABLE schema_0.messages").await;
    execute("INSERT INTO schema_0.settings (name, value) VALUES ('schema', '0.3')").await;
    // And another that has not given up yet.
    execute("INSERT INTO schema_0.settings (name, value) VALUES ('migrating', 'it') USING TTL 2")
        .await;
    let (one, other) = join(open("schema_0"), open("schema_0")).await;
    one.unwrap().probe(NOW_MS).await.unwrap();
    let channel_id = stored_channel(&other.unwrap()).await;
    insert(&store, &message(channel_id)).await;

    execute("INSERT INTO schema_0.settings (name, value) VALUES ('schema', '99.0')").await;
    let newer = open("schema_0").await.err();
    assert!(matches!(newer, Some(ScyllaError::NewerSchema { found: 99, .. })), "{newer:?}");
    execute("INSERT INTO schema_0.settings (name, value) VALUES ('schema', '1.0')").await;
    execute("INSERT INTO schema_0.settings (name, value) VALUES ('bucket_ms', '1000')").await;
    let buckets = open("schema_0").await.err();
    let expected = |error: &ScyllaError| matches!(error, ScyllaError::BucketMs { found, expected: BUCKET_MS } if found == "1000");
    assert!(buckets.as_ref().is_some_and(expected), "{buckets:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_copies_than_servers_are_refused() {
    let mut config = cassandra::config("schema_1").await;
    config.replication = Replication::Copies(3);
    let refused = ScyllaStore::open(&config, Clock::fixed(NOW_MS)).await.err();
    let is_clear = matches!(refused, Some(ScyllaError::TooFewNodes { copies: 3, nodes: 1, .. }));
    assert!(is_clear, "{refused:?}");
}

/// A null that is written is a deletion, which every read of the range has to look at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_leave_no_tombstones() {
    let store = OwnStore::open(Clock::fixed(NOW_MS)).await;
    let channel_id = stored_channel(&*store).await;
    for n in 0..200 {
        let plain = message(channel_id);
        let full =
            Message { nonce: Some(format!("{n}")), mentions: vec![user_id()], ..plain.clone() };
        insert(&*store, &if n % 2 == 0 { plain } else { full }).await;
    }
    let session = cassandra::session().await;
    let bucket = NOW_MS / BUCKET_MS;
    let mut page = Statement::new(format!(
        "SELECT * FROM {}.messages WHERE channel_id = {channel_id} AND bucket = {bucket}",
        store.keyspace()
    ));
    page.set_tracing(true);
    let answer = session.query_unpaged(page, ()).await.unwrap();
    let traced = session.get_tracing_info(&answer.tracing_id().unwrap()).await.unwrap();
    let events: Vec<String> =
        traced.events.into_iter().filter_map(|event| event.activity).collect();
    let told = events.iter().find(|event| event.starts_with("Read ")).unwrap();
    assert_eq!(told, "Read 200 live rows and 0 tombstone cells", "{events:?}");
    store.close().await;
}
