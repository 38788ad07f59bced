//! Opens the database file for writing: pragmas, and numbered migrations up to what we know.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::model::id::BUCKET_MS;
use crate::model::time_budget::EMBEDDED_LOCK_MAX;
use crate::store::sqlite::{OpenError, STATEMENTS_CACHED, Synchronous, words};

/// Migration n brings `user_version` from n - 1 to n. What was released is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration::of(include_str!("migrations/1.sql")),
    Migration::of(include_str!("migrations/2.sql")),
    Migration::of(include_str!("migrations/3.sql")),
    Migration { sql: include_str!("migrations/4.sql"), fill: words::note_all },
    Migration::of(include_str!("migrations/5.sql")),
    Migration::of(include_str!("migrations/6.sql")),
    Migration::of(include_str!("migrations/7.sql")),
    Migration::of(include_str!("migrations/8.sql")),
];

struct Migration {
    sql: &'static str,
    /// Follows in the same transaction, for what SQL cannot compute.
    fill: fn(&Connection) -> rusqlite::Result<()>,
}

impl Migration {
    const fn of(sql: &'static str) -> Self {
        Self { sql, fill: |_conn| Ok(()) }
    }
}

/// The version that this program brings a database to.
const KNOWN: i64 = MIGRATIONS.len() as i64;

/// "VTLK": SQLite's `application_id` of our files, so that no other program's file is migrated.
const APPLICATION_ID: i32 = 0x5654_4c4b;

/// # Errors
///
/// Leaves a file alone that a newer version wrote, or another program. Without `may_migrate` also one
/// that an older version wrote, and may be using right now.
pub fn open(
    path: &Path,
    synchronous: Synchronous,
    may_migrate: bool,
) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(EMBEDDED_LOCK_MAX)?;
    let version = check_origin(&conn)?;
    if version < KNOWN && !may_migrate {
        return Err(OpenError::OlderSchema { found: version, known: KNOWN });
    }
    configure(&conn, synchronous)?;
    migrate(&conn)?;
    check_bucket_ms(&conn)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(conn)
}

fn pragma(conn: &Connection, name: &str) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, name, |row| row.get(0))
}

/// Returns the version of the schema, 0 for a new file.
fn check_origin(conn: &Connection) -> Result<i64, OpenError> {
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && pragma(conn, "application_id")? != i64::from(APPLICATION_ID) {
        return Err(OpenError::Foreign);
    }
    let found = pragma(conn, "user_version")?;
    if found > KNOWN { Err(OpenError::NewerSchema { found, known: KNOWN }) } else { Ok(found) }
}

/// Rows are clustered by key, which is good while an average row is below a twentieth of a page: hence
/// 8 KiB pages. The writer runs checkpoints itself, so automatic ones are off. `mmap_size` stays 0:
/// an I/O error would become a signal.
fn configure(conn: &Connection, synchronous: Synchronous) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "PRAGMA page_size = 8192;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = {};
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -65536;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA foreign_keys = OFF;",
        synchronous.as_str()
    ))
}

fn migrate(conn: &Connection) -> rusqlite::Result<()> {
    let applied = usize::try_from(pragma(conn, "user_version")?).unwrap_or(0);
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(applied) {
        let version = index + 1;
        conn.execute_batch(&format!("BEGIN IMMEDIATE; {}", migration.sql))?;
        (migration.fill)(conn)?;
        conn.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {version};
             COMMIT;"
        ))?;
        tracing::info!(schema.version = version, "migrated the database to version {version}");
    }
    Ok(())
}

/// Buckets are part of keys: a database keeps the length that it was made with.
fn check_bucket_ms(conn: &Connection) -> Result<(), OpenError> {
    conn.execute(
        "INSERT INTO settings (name, value) VALUES ('bucket_ms', ?1) ON CONFLICT DO NOTHING",
        [BUCKET_MS.to_string()],
    )?;
    let found: String =
        conn.query_row("SELECT value FROM settings WHERE name = 'bucket_ms'", [], |row| {
            row.get(0)
        })?;
    if found != BUCKET_MS.to_string() {
        return Err(OpenError::BucketMs { found, expected: BUCKET_MS });
    }
    Ok(())
}
