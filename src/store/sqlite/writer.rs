//! The one thread that writes, and its group commit.
//!
//! Making one commit durable takes one disk sync, milliseconds on most disks, however much is in it.
//! So while one batch syncs, the next gathers in the queue; nothing waits for a timer. Every call of
//! a batch runs in a savepoint of its own: one that fails takes nothing back from the others. All are
//! answered after the commit.

use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::store::sqlite::call::Call;
use crate::store::sqlite::files::OpenFiles;
use crate::store::sqlite::maintenance::Maintenance;
use crate::store::sqlite::queue::{Next, Queue};
use crate::store::sqlite::statement::execute;
use crate::telemetry::{self, log_seldom};

/// Calls of one commit at most: bounds how long the first of them waits for the last.
const BATCH_CALLS_MAX: usize = 512;
/// Content of one commit at most, about.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// A call and about how many bytes it stores.
pub struct Write {
    pub call: Box<dyn Call>,
    pub bytes: usize,
}

/// Starts the thread; it ends after the queue was closed and emptied, and then cancels `ended`.
pub fn start(
    conn: Connection,
    queue: &Arc<Queue<Write>>,
    files: OpenFiles,
    maintenance: Maintenance,
    ended: CancellationToken,
) -> JoinHandle<()> {
    let last = Ended { queue: Arc::clone(queue), _ended: ended.drop_guard() };
    std::thread::Builder::new()
        .name("sqlite-writer".into())
        .spawn(move || run(&conn, &last.queue, &files, maintenance))
        .expect("a thread can be started at start-up")
}

/// Dropped when the thread ends, however that happens: after a panic, callers are refused at once.
struct Ended {
    queue: Arc<Queue<Write>>,
    _ended: DropGuard,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn run(conn: &Connection, queue: &Queue<Write>, files: &OpenFiles, mut maintenance: Maintenance) {
    loop {
        let next = queue.next(maintenance.patience());
        let lost = files.lost();
        match next {
            Next::Item(first) if lost.is_some() => answer(gather(first, queue), lost.as_deref()),
            Next::Item(first) => {
                commit_and_answer(conn, gather(first, queue), files);
                maintenance.after_commit(conn);
            }
            Next::Idle if lost.is_some() => {}
            Next::Idle => maintenance.when_idle(conn),
            Next::Closed => return close(conn, files, &mut maintenance),
        }
    }
}

fn close(conn: &Connection, files: &OpenFiles, maintenance: &mut Maintenance) {
    if files.has_database() {
        maintenance.at_close(conn);
    }
    if files.lost().is_some() {
        // The last connection deletes the log by its name, which is another's by now.
        let kept = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        if let Err(error) = kept {
            tracing::warn!(%error, "the log of the database may be deleted");
        }
    }
}

/// `first` and what has queued up behind it, as far as it fits one commit.
fn gather(first: Write, queue: &Queue<Write>) -> Vec<Box<dyn Call>> {
    let mut bytes = first.bytes;
    let mut calls = vec![first.call];
    while calls.len() < BATCH_CALLS_MAX {
        let Some(next) = queue.next_if(|next| bytes + next.bytes <= BATCH_BYTES_MAX) else { break };
        bytes += next.bytes;
        calls.push(next.call);
    }
    calls.retain(|call| !call.is_abandoned());
    calls
}

/// A failed commit is tried once more, then its calls fail together. So they do if what was committed
/// is in files that are gone.
fn commit_and_answer(conn: &Connection, mut calls: Vec<Box<dyn Call>>, files: &OpenFiles) {
    if calls.is_empty() {
        return;
    }
    metrics::histogram!(telemetry::STORE_BATCH_CALLS).record(calls.len() as f64);
    let outcome = commit(conn, &mut calls).or_else(|error| {
        log_seldom!(warn, %error, "a commit failed, trying once more");
        commit(conn, &mut calls)
    });
    let failure = outcome.err().map(|error| {
        log_seldom!(error, %error, calls = calls.len(), "a commit failed twice");
        error.to_string()
    });
    answer(calls, failure.or_else(|| files.lost()).as_deref());
}

fn answer(calls: Vec<Box<dyn Call>>, failure: Option<&str>) {
    for call in calls {
        call.answer(failure);
    }
}

fn commit(conn: &Connection, calls: &mut [Box<dyn Call>]) -> rusqlite::Result<()> {
    let outcome = run_all(conn, calls);
    if outcome.is_err() && !conn.is_autocommit() {
        execute(conn, "ROLLBACK", [])?;
    }
    outcome
}

fn run_all(conn: &Connection, calls: &mut [Box<dyn Call>]) -> rusqlite::Result<()> {
    execute(conn, "BEGIN IMMEDIATE", [])?;
    if let [only] = calls {
        let end = if only.run(conn) { "COMMIT" } else { "ROLLBACK" };
        return if conn.is_autocommit() { Err(transaction_lost()) } else { run_sql(conn, end) };
    }
    for call in calls {
        run_sql(conn, "SAVEPOINT one_call")?;
        let succeeded = call.run(conn);
        // Some failures, of the disk above all, end the whole transaction.
        if conn.is_autocommit() {
            return Err(transaction_lost());
        }
        if !succeeded {
            run_sql(conn, "ROLLBACK TO one_call")?;
        }
        run_sql(conn, "RELEASE one_call")?;
    }
    run_sql(conn, "COMMIT")
}

fn run_sql(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    execute(conn, sql, []).map(|_rows| ())
}

fn transaction_lost() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
    rusqlite::Error::SqliteFailure(code, Some("a call ended its transaction".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use crate::store::sqlite::call;
    use crate::store::sqlite::statement::count;

    /// Runs statements as one batch; returns which of them succeeded, and the rows there are then.
    /// `panic` panics instead.
    fn run_batch(statements: &[&'static str]) -> (Vec<bool>, u64) {
        let conn = Connection::open_in_memory().unwrap();
        let here = std::path::Path::new(".");
        let files = OpenFiles::named([here], tokio::sync::watch::Sender::new(true)).unwrap();
        execute(&conn, "CREATE TABLE t (a INTEGER PRIMARY KEY)", []).unwrap();
        let (calls, answers): (Vec<_>, Vec<_>) = statements
            .iter()
            .map(|&sql| {
                call::new(move |conn| {
                    assert_ne!(sql, "panic", "on purpose");
                    Ok::<_, StoreError>(execute(conn, sql, [])?)
                })
            })
            .unzip();
        commit_and_answer(&conn, calls, &files);
        let succeeded = answers.into_iter().map(|mut answer| answer.try_recv().unwrap().is_ok());
        let succeeded = succeeded.collect();
        assert!(conn.is_autocommit(), "no transaction is left open");
        (succeeded, count(&conn, "SELECT count(*) FROM t", []).unwrap())
    }

    #[test]
    fn a_call_that_fails_or_panics_fails_alone() {
        let insert = "INSERT INTO t VALUES (1)";
        assert_eq!(run_batch(&[insert, insert]), (vec![true, false], 1));
        assert_eq!(run_batch(&[insert, "panic", "nonsense"]), (vec![true, false, false], 1));
        assert_eq!(run_batch(&["panic", "INSERT INTO t VALUES (2)"]), (vec![false, true], 1));
    }

    #[test]
    fn a_call_whose_caller_gave_up_is_not_carried_out() {
        let conn = Connection::open_in_memory().unwrap();
        let (mut call, answer) = call::new(|_| -> Result<(), StoreError> { panic!("too late") });
        drop(answer);
        assert!(!call.run(&conn));
        call.answer(None);
    }

    #[test]
    fn a_call_alone_leaves_nothing_when_it_fails() {
        assert_eq!(run_batch(&["INSERT INTO t VALUES (1), (2)"]), (vec![true], 2));
        assert_eq!(run_batch(&["INSERT INTO t VALUES (1), (1)"]), (vec![false], 0));
        assert_eq!(run_batch(&["panic"]), (vec![false], 0));
    }

    #[test]
    fn a_batch_without_commit_fails_as_a_whole() {
        let statements = ["INSERT INTO t VALUES (1)", "ROLLBACK", "INSERT INTO t VALUES (2)"];
        assert_eq!(run_batch(&statements), (vec![false; 3], 0));
        assert_eq!(run_batch(&["ROLLBACK"]), (vec![false], 0));
    }
}
