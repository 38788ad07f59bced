//! Threads that read, each with a read-only connection of its own.
//!
//! A read that starts after a write was answered sees it: a connection in WAL mode reads the last
//! commit that there was when its statement began.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::sqlite::STATEMENTS_CACHED;
use crate::store::sqlite::call::Call;
use crate::store::sqlite::queue::{Next, Queue};

/// Readers have nothing to do when idle; they wake up so rarely only because a wait needs an end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens `count` connections, then starts their threads. The database is migrated already.
pub fn start(
    path: &Path,
    count: usize,
    queue: &Arc<Queue<Box<dyn Call>>>,
) -> Result<Vec<JoinHandle<()>>, rusqlite::Error> {
    let connections: Vec<Connection> =
        (0..count).map(|_| open(path)).collect::<Result<_, rusqlite::Error>>()?;
    let start = |conn: Connection| {
        let queue = Arc::clone(queue);
        std::thread::Builder::new()
            .name("sqlite-reader".into())
            .spawn(move || run(&conn, &queue))
            .expect("a thread can be started at start-up")
    };
    Ok(connections.into_iter().map(start).collect())
}

fn open(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.execute_batch(
        "PRAGMA query_only = 1; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;",
    )?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(conn)
}

fn run(conn: &Connection, queue: &Queue<Box<dyn Call>>) {
    loop {
        match queue.next(PATIENCE) {
            Next::Item(call) if call.is_abandoned() => {}
            Next::Item(mut call) => {
                call.run(conn);
                call.answer(None);
            }
            Next::Idle => {}
            Next::Closed => return,
        }
    }
}
