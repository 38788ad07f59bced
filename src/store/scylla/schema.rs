//! Makes the keyspace, and brings its tables up to what this program knows: numbered files of statements, one node
//! at a time.
//!
//! A change of the schema is no transaction: what was done is noted after each statement, and whoever comes after
//! a crash goes on behind it. The statement that the crash came after may be repeated, so each has to be one that may be:
//! `IF NOT EXISTS`, or an `ALTER TABLE` that finds its column there.

use std::time::{Duration, Instant};

use scylla::client::session::Session;
use scylla::deserialize::row::ColumnIterator;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::query_result::QueryRowsResult;
use scylla::serialize::row::SerializeRow;
use scylla::statement::unprepared::Statement;

use crate::model::id::BUCKET_MS;
use crate::store::scylla::ScyllaError;
use crate::store::scylla::config::{Replication, ScyllaConfig};
use crate::store::scylla::connection::DatabaseConnection;
use crate::store::scylla::options;
use crate::store::scylla::statement::with_keyspace;

/// Migration n brings the schema from version n - 1 to n. What was released is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/1.cql")];

/// Where the schema's own state is: it has to be there before any migration.
const SETTINGS: &str =
    "CREATE TABLE IF NOT EXISTS ks.settings (name text PRIMARY KEY, value text) WITH {state}";

/// Who migrates says so again before each statement. One that died is waited for so long.
const LEASE_SECONDS: i32 = 90;
/// How long a node waits for another one that migrates.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How far the schema is: so many statements of the migration after `version` have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SchemaProgress {
    version: usize,
    statements: usize,
}

impl SchemaProgress {
    fn to_text(self) -> String {
        format!("{}.{}", self.version, self.statements)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (version, statements) = text.split_once('.')?;
        Some(Self { version: version.parse().ok()?, statements: statements.parse().ok()? })
    }
}

pub async fn migrate(
    connection: &DatabaseConnection,
    config: &ScyllaConfig,
) -> Result<(), ScyllaError> {
    let schema = Schema { connection, keyspace: &config.address.keyspace };
    if !schema.has_settings().await? {
        schema.make_keyspace(&config.replication).await?;
        schema.change(SETTINGS).await?;
        schema.agreed().await?;
    }
    let known = MIGRATIONS.len();
    let done = schema.progress().await?;
    if done.version > known {
        return Err(ScyllaError::NewerSchema { found: done.version, known });
    }
    if done.version < known {
        schema.migrate().await?;
    }
    schema.check_bucket_ms().await
}

struct Schema<'a> {
    connection: &'a DatabaseConnection,
    keyspace: &'a str,
}

impl Schema<'_> {
    fn session(&self) -> &Session {
        &self.connection.session
    }

    /// Whether the tables were begun. Nothing is made twice at the same time if it is there already.
    async fn has_settings(&self) -> Result<bool, ScyllaError> {
        let text = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'settings'";
        let found = self.query("the list of tables", text, (self.keyspace,)).await?;
        Ok(found.rows_num() > 0)
    }

    async fn make_keyspace(&self, replication: &Replication) -> Result<(), ScyllaError> {
        let text = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
        let found = self.query("the list of keyspaces", text, (self.keyspace,)).await?;
        if found.rows_num() > 0 {
            return Ok(()); // It was made by somebody who knows better, and is used as it is.
        }
        let nodes = self.session().get_cluster_state().get_nodes_info().len();
        if let Replication::Copies(copies) = *replication
            && copies > nodes
        {
            let keyspace = self.keyspace.to_owned();
            return Err(ScyllaError::TooFewNodes { keyspace, copies, nodes });
        }
        let text = options::keyspace(self.keyspace, replication, self.connection.server);
        self.execute("the keyspace", &text, ()).await.map(drop)
    }

    async fn migrate(&self) -> Result<(), ScyllaError> {
        let holder = format!("{:016x}", rand::random::<u64>());
        self.take_lease(&holder).await?;
        // Whoever had the lease may have done it meanwhile.
        let mut done = self.progress().await?;
        for (version, file) in (1..).zip(MIGRATIONS).skip(done.version) {
            let statements = statements_of(file);
            for (count, statement) in (1..).zip(&statements).skip(done.statements) {
                self.keep_lease(&holder).await?;
                self.change(statement).await?;
                done.statements = count;
                self.note(done).await?;
            }
            done = SchemaProgress { version, statements: 0 };
            self.note(done).await?;
            tracing::info!(schema.version = version, "migrated the keyspace to version {version}");
        }
        self.agreed().await?;
        self.give_back_lease(&holder).await
    }

    async fn take_lease(&self, holder: &str) -> Result<(), ScyllaError> {
        let since = Instant::now();
        let text = format!(
            "INSERT INTO ks.settings (name, value) VALUES ('migrating', ?) IF NOT EXISTS USING TTL {LEASE_SECONDS}"
        );
        while !self.decide(&text, (holder,)).await? {
            if since.elapsed() > PATIENCE {
                return Err(ScyllaError::Migrating(PATIENCE));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    async fn keep_lease(&self, holder: &str) -> Result<(), ScyllaError> {
        let text = format!(
            "UPDATE ks.settings USING TTL {LEASE_SECONDS} SET value = ? WHERE name = 'migrating' IF value = ?"
        );
        if self.decide(&text, (holder, holder)).await? {
            return Ok(());
        }
        Err(ScyllaError::Migrating(Duration::from_secs(LEASE_SECONDS.unsigned_abs().into())))
    }

    async fn give_back_lease(&self, holder: &str) -> Result<(), ScyllaError> {
        let text = "DELETE FROM ks.settings WHERE name = 'migrating' IF value = ?";
        self.decide(text, (holder,)).await.map(drop)
    }

    async fn progress(&self) -> Result<SchemaProgress, ScyllaError> {
        let found = self.setting("schema").await?;
        let none = SchemaProgress { version: 0, statements: 0 };
        match found.as_deref().map(SchemaProgress::from_text) {
            None => Ok(none),
            Some(Some(progress)) => Ok(progress),
            Some(None) => Err(error("its version", "it is not one of this program's".into())),
        }
    }

    async fn note(&self, done: SchemaProgress) -> Result<(), ScyllaError> {
        let text = "INSERT INTO ks.settings (name, value) VALUES ('schema', ?)";
        self.execute("its version", text, (done.to_text(),)).await.map(drop)
    }

    /// Buckets are part of keys: a database keeps the length that it was made with.
    async fn check_bucket_ms(&self) -> Result<(), ScyllaError> {
        let text = "INSERT INTO ks.settings (name, value) VALUES ('bucket_ms', ?) IF NOT EXISTS";
        let found = match self.setting("bucket_ms").await? {
            Some(found) => found,
            None if self.decide(text, (BUCKET_MS.to_string(),)).await? => return Ok(()),
            None => self.setting("bucket_ms").await?.unwrap_or_default(),
        };
        if found != BUCKET_MS.to_string() {
            return Err(ScyllaError::BucketMs { found, expected: BUCKET_MS });
        }
        Ok(())
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, ScyllaError> {
        let text = "SELECT value FROM ks.settings WHERE name = ?";
        let found = self.query("the settings", text, (name,)).await?;
        let found = found.maybe_first_row::<(Option<String>,)>();
        Ok(found.map_err(|cause| error("the settings", cause.into()))?.and_then(|(value,)| value))
    }

    /// A statement that changes the schema, which may have been carried out before.
    async fn change(&self, statement: &str) -> Result<(), ScyllaError> {
        let text = options::expand(statement, self.connection.server);
        let what = text.split(['(', '\n']).next().unwrap_or_default().trim().to_owned();
        let mut statement = Statement::new(with_keyspace(&text, self.keyspace));
        statement.set_execution_profile_handle(Some(self.connection.profiles.schema.clone()));
        match self.session().query_unpaged(statement, ()).await {
            Err(cause) if !is_there_already(&cause) => Err(error(&what, cause.into())),
            _ => Ok(()),
        }
    }

    async fn agreed(&self) -> Result<(), ScyllaError> {
        let agreed = self.session().await_schema_agreement().await;
        agreed.map_err(|cause| error("its nodes do not agree on it", cause.into()))?;
        let refreshed = self.session().refresh_metadata().await;
        refreshed.map_err(|cause| error("it cannot be read", cause.into()))
    }

    async fn decide(&self, text: &str, values: impl SerializeRow) -> Result<bool, ScyllaError> {
        const WHAT: &str = "the settings";
        let answer = self.query(WHAT, text, values).await?;
        let mut columns = answer
            .first_row::<ColumnIterator<'_, '_>>()
            .map_err(|cause| error(WHAT, cause.into()))?;
        // A boolean is one byte.
        let applied = columns.next().and_then(Result::ok).and_then(|column| column.slice);
        Ok(applied.is_some_and(|slice| slice.as_slice() == [1]))
    }

    async fn query(
        &self,
        what: &str,
        text: &str,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, ScyllaError> {
        let result = self.execute(what, text, values).await?;
        result.into_rows_result().map_err(|cause| error(what, cause.into()))
    }

    async fn execute(
        &self,
        what: &str,
        text: &str,
        values: impl SerializeRow,
    ) -> Result<scylla::response::query_result::QueryResult, ScyllaError> {
        let mut statement = Statement::new(with_keyspace(text, self.keyspace));
        statement.set_execution_profile_handle(Some(self.connection.profiles.schema.clone()));
        let executed = self.session().query_unpaged(statement, values).await;
        executed.map_err(|cause| error(what, cause.into()))
    }
}

/// Of two nodes of an empty database that make the same table at the same time, one may be told that it is there.
fn is_there_already(error: &ExecutionError) -> bool {
    let ExecutionError::LastAttemptError(RequestAttemptError::DbError(answer, text)) = error else {
        return false;
    };
    match answer {
        DbError::AlreadyExists { .. } => true,
        // `ALTER TABLE … ADD`: both databases say so in words alone.
        DbError::Invalid => {
            text.contains("already exists") || text.contains("conflicts with an existing column")
        }
        _ => false,
    }
}

fn error(what: &str, source: Box<dyn std::error::Error + Send + Sync>) -> ScyllaError {
    ScyllaError::Schema { what: what.to_owned(), source }
}

/// The statements of a file, without comments.
fn statements_of(file: &str) -> Vec<String> {
    let code: Vec<&str> =
        file.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    code.split(';').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::scylla::connection::Dialect;

    #[test]
    fn every_statement_may_be_repeated() {
        for statement in MIGRATIONS.iter().flat_map(|file| statements_of(file)) {
            let repeatable =
                ["CREATE TABLE IF NOT EXISTS ks.", "ALTER TABLE ks.", "DROP TABLE IF EXISTS ks."];
            assert!(repeatable.iter().any(|start| statement.starts_with(start)), "{statement}");
            for server in [Dialect::Scylla, Dialect::Cassandra] {
                let text = options::expand(&statement, server);
                let left = ["{state}", "{history}", "{passing}", "{queue}"];
                assert!(!left.iter().any(|name| text.contains(name)), "{text}");
            }
        }
    }

    #[test]
    fn statements_are_told_apart() {
        let file = "-- One; two\nCREATE a -- three\n(b);\n\n;CREATE c;";
        assert_eq!(statements_of(file), ["CREATE a \n(b)", "CREATE c"]);
    }

    #[test]
    fn progress_is_kept_as_text() {
        let progress = SchemaProgress { version: 3, statements: 14 };
        assert_eq!(SchemaProgress::from_text(&progress.to_text()), Some(progress));
        for text in ["", "3", "3.", "a.1", "-1.2"] {
            assert_eq!(SchemaProgress::from_text(text), None, "{text}");
        }
    }
}
