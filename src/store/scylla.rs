//! The store of several nodes: ScyllaDB, or Apache Cassandra 5.
//!
//! The tables are described in `docs/architecture/storage.md`. A call is a handful of statements, each of one
//! partition; what decides is a condition on one row. `tests/it/conformance/store.rs` holds this store and the
//! embedded one to the same behaviour.

use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::MutexGuard;

use crate::clock::Clock;
use crate::model::id::GroupId;
use crate::model::time_budget::SHARED_WRITE_MAX;
use crate::store::StoreError;
use crate::store::faults::{Faults, Steps};
use crate::store::measured::measured;
use crate::store::scylla::database::Database;
use crate::store::scylla::member_counts::Counts;
use crate::store::scylla::places::Places;
use crate::store::scylla::sending::Entered;
use crate::store::scylla::statements::AllStatements;
use crate::store::scylla::turns::WriteTurns;

mod accounts;
mod activity;
mod activity_lists;
mod attempts;
mod bans;
mod bounds;
mod changes;
mod channels;
pub mod config;
mod connection;
mod database;
mod direct_channels;
mod edits;
mod errors;
mod garbage;
mod garbage_channels;
mod garbage_groups;
mod groups;
mod invites;
mod keys;
mod member_counts;
mod member_lists;
mod member_search;
mod member_words;
mod members;
mod mentions;
mod messages;
mod nodes;
mod nonces;
mod options;
mod pins;
mod places;
mod reactions;
mod read_states;
mod records;
mod schema;
mod sending;
mod sessions;
mod settings;
mod slow_mode;
mod state;
mod statement;
mod statements;
mod turns;
mod value;
mod words;

pub use config::ScyllaConfig;

#[derive(Debug, thiserror::Error)]
pub enum ScyllaError {
    #[error("cannot read the certificates in {}", path.display())]
    TlsCa {
        path: std::path::PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the database cannot be reached")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(
        "the keyspace {keyspace} is to be kept in {copies} copies, but the database has {nodes} node(s): \
         add nodes, or set store.scylla.replication before the keyspace is made"
    )]
    TooFewNodes { keyspace: String, copies: usize, nodes: usize },
    #[error("the schema cannot be brought up to date: {what}")]
    Schema {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the keyspace has schema version {found}, this program knows up to version {known}")]
    NewerSchema { found: usize, known: usize },
    #[error("another node has been changing the schema for {} s; try again", .0.as_secs())]
    Migrating(Duration),
    #[error("the database was made with buckets of {found} ms, this program uses {expected} ms")]
    BucketMs { found: String, expected: u64 },
}

/// Clones share one connection.
#[derive(Clone)]
pub struct ScyllaStore(Arc<Parts>);

struct Parts {
    database: Database,
    statements: AllStatements,
    turns: WriteTurns,
    places: Places,
    entered: Entered,
    counts: Counts,
    /// Which group is the official one, once that is known.
    official: OnceLock<GroupId>,
    faults: Faults,
    clock: Clock,
}

impl ScyllaStore {
    /// Connects, makes the keyspace if it is not there, and brings its schema up to date.
    ///
    /// `clock` says which buckets of time are over.
    ///
    /// # Errors
    ///
    /// [`ScyllaError::NewerSchema`] and [`ScyllaError::BucketMs`] if the keyspace is not for this program.
    pub async fn open(config: &ScyllaConfig, clock: Clock) -> Result<Self, ScyllaError> {
        let connection = connection::connect(config).await?;
        schema::migrate(&connection, config).await?;
        let prepare_failed = |source| ScyllaError::Schema { what: "a statement".into(), source };
        let statements = AllStatements::prepare(&connection, &config.address.keyspace)
            .await
            .map_err(|error| prepare_failed(Box::new(error).into()))?;
        let database = Database::new(connection, config.requests_max);
        let parts = Parts {
            database,
            statements,
            turns: WriteTurns::new(),
            places: places::remembered(),
            entered: sending::remembered(),
            counts: Counts::new(),
            official: OnceLock::new(),
            faults: Faults::default(),
            clock,
        };
        Ok(Self(Arc::new(parts)))
    }

    /// Later calls fail. The connections end when the last clone is gone.
    pub async fn close(&self) {
        self.0.database.close();
    }

    /// Where tests let calls fail; the names of operations are those of the metric.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    fn db(&self) -> &Database {
        &self.0.database
    }

    fn cql(&self) -> &AllStatements {
        &self.0.statements
    }

    /// Of those of this process that change the same thing one at a time.
    async fn turn(&self, key: impl Hash) -> MutexGuard<'_, ()> {
        self.0.turns.at(key).await
    }

    /// The steps of a call that is about to begin, under the name of its operation.
    fn steps(&self, operation: &'static str) -> Steps {
        self.0.faults.steps(operation)
    }

    /// Carries out all of a call.
    async fn call<T: Send>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.call_within(operation, SHARED_WRITE_MAX, work).await
    }

    async fn call_within<T: Send>(
        &self,
        operation: &'static str,
        limit: Duration,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        // Boxed: what is around it would move all of it about.
        let work = Box::pin(work);
        let work =
            async { tokio::time::timeout(limit, work).await.unwrap_or(Err(StoreError::Timeout)) };
        measured(operation, self.0.faults.inject_steps(operation, work)).await
    }
}
