//! The embedded store: one SQLite file, one thread that writes, a few that read.
//!
//! The tables are those of the cluster's store, and `tests/it/conformance/store.rs` holds both to the
//! same behaviour. SQLite is compiled in: versions before 3.51.3 can corrupt a log that several
//! connections share.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::model::time_budget::EMBEDDED_WRITE_MAX;
use crate::section::choices;
use crate::store::StoreError;
use crate::store::faults::Faults;
use crate::store::measured::measured;
use crate::store::sqlite::call::Call;
use crate::store::sqlite::files::OpenFiles;
use crate::store::sqlite::maintenance::Maintenance;
use crate::store::sqlite::queue::Queue;
use crate::store::sqlite::writer::Write;

mod accounts;
mod attempts;
mod bans;
mod call;
mod changes;
mod channels;
mod files;
mod groups;
mod invites;
mod keys;
mod maintenance;
mod member_lists;
mod members;
mod mentions;
mod messages;
mod nodes;
mod parents;
mod pins;
mod queue;
mod reactions;
mod read_states;
mod readers;
mod records;
mod schema;
mod sessions;
mod settings;
mod slow_mode;
mod state;
mod statement;
mod words;
mod writer;

/// Calls that wait for the writer, and for the readers, at most: two full commits.
const CALLS_QUEUED_MAX: usize = 1024;
/// How long a call waits for a place in a full queue, which empties in milliseconds; a part of its time.
const PLACE_TIMEOUT: Duration = Duration::from_secs(1);
/// Prepared statements that a connection keeps: more than there are.
const STATEMENTS_CACHED: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    /// The database. `-wal`, `-shm` and `.lock` files lie next to it.
    pub path: PathBuf,
    pub synchronous: Synchronous,
    /// Threads that read, at least 1.
    pub readers: usize,
    /// How long a call may take, with waiting for a place in the queue.
    pub timeout: Duration,
    /// Files that are made after the database. Where one is and the database is not, it was lost, and no
    /// empty one is made.
    pub companions: Vec<PathBuf>,
}

impl SqliteConfig {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            synchronous: Synchronous::Full,
            readers: 3,
            timeout: EMBEDDED_WRITE_MAX,
            companions: Vec::new(),
        }
    }
}

choices! {
    /// What a commit survives; see SQLite's `synchronous` pragma.
    pub enum Synchronous {
        /// The loss of the machine's power, which is what an ack promises.
        Full = "full",
        /// The end of this process; a power loss may take the last commits back.
        Normal = "normal",
        /// Nothing but this process: for tests.
        Off = "off",
    }
}

impl Synchronous {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot use {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "{} is missing or empty, but there is {}: the database was deleted, or restored in part. Put \
         it back from a backup; to begin with an empty one, move that file away as well",
        database.display(), found.display()
    )]
    HalfRestored { database: PathBuf, found: PathBuf },
    #[error(
        "the log {} is not of {}, which is a copy made by a backup: move the log away, and the -shm \
         file with it",
        log.display(), database.display()
    )]
    ForeignLog { database: PathBuf, log: PathBuf },
    #[error("there is no database {}: start the server once", .0.display())]
    Missing(PathBuf),
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    #[error("the database has schema version {found}, this program knows up to version {known}")]
    NewerSchema { found: i64, known: i64 },
    /// Only for [`SqliteStore::open_beside`]: a server that may be running knows the older one only.
    #[error("the database has schema version {found}, start the server to bring it to {known}")]
    OlderSchema { found: i64, known: i64 },
    #[error("the database belongs to another program")]
    Foreign,
    #[error("the database was made with buckets of {found} ms, this program uses {expected} ms")]
    BucketMs { found: String, expected: u64 },
    #[error("SQLite failed")]
    Sqlite(#[from] rusqlite::Error),
}

/// Clones share one database.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<SqliteInner>,
}

struct SqliteInner {
    writes: Arc<Queue<Write>>,
    reads: Arc<Queue<Box<dyn Call>>>,
    /// The readers, then the writer.
    threads: Mutex<Vec<JoinHandle<()>>>,
    timeout: Duration,
    faults: Faults,
    clock: Clock,
    ended: CancellationToken,
    /// False while the files are not those that were opened.
    intact: watch::Receiver<bool>,
    /// Keeps other processes away until the threads have ended.
    lock: Mutex<Option<File>>,
}

impl SqliteStore {
    /// Opens the database, or makes it; brings its schema up to date. Blocks for as long as that takes.
    ///
    /// `clock` says when expired rows may be deleted.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] while another process, or another store of this one, has it open.
    pub fn open(config: &SqliteConfig, clock: Clock) -> Result<Self, OpenError> {
        let lock = files::lock(&config.path, &config.companions)?;
        Self::start(config, clock, Some(lock))
    }

    /// Opens a database that a server may have open at the same time, for a command of an operator.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] if there is no database yet.
    pub fn open_beside(config: &SqliteConfig, clock: Clock) -> Result<Self, OpenError> {
        if !config.path.exists() {
            return Err(OpenError::Missing(config.path.clone()));
        }
        Self::start(config, clock, None)
    }

    fn start(config: &SqliteConfig, clock: Clock, lock: Option<File>) -> Result<Self, OpenError> {
        let conn = schema::open(&config.path, config.synchronous, lock.is_some())?;
        let (writes, reads) = (Queue::new(CALLS_QUEUED_MAX), Queue::new(CALLS_QUEUED_MAX));
        let mut threads = readers::start(&config.path, config.readers.max(1), &reads)?;
        let ended = CancellationToken::new();
        let (intact_sender, intact) = watch::channel(true);
        let files = OpenFiles::of(&config.path, intact_sender)
            .map_err(|source| OpenError::Io { path: config.path.clone(), source })?;
        let maintenance = Maintenance::new(clock.clone());
        threads.push(writer::start(conn, &writes, files, maintenance, ended.clone()));
        let shared = SqliteInner {
            writes,
            reads,
            threads: Mutex::new(threads),
            timeout: config.timeout,
            faults: Faults::default(),
            clock,
            ended,
            intact,
            lock: Mutex::new(lock),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Finishes what is queued, copies the log into the database, and lets go of it. Later calls fail.
    pub async fn close(&self) {
        let shared = Arc::clone(&self.shared);
        let ending = tokio::task::spawn_blocking(move || shared.end());
        if let Err(error) = ending.await {
            tracing::error!(%error, "the store did not close");
        }
    }

    /// Resolves when the writer has ended: after [`close`](Self::close), or by a fault of ours, after
    /// which nothing can be stored any more. To be watched by a critical task.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        self.shared.ended.clone().cancelled_owned()
    }

    /// False from when the files were deleted or replaced, noticed within a second, until they are back:
    /// meanwhile every write is refused.
    pub fn intact(&self) -> watch::Receiver<bool> {
        self.shared.intact.clone()
    }

    /// Where tests let calls fail; the names of operations are those of the metric.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Runs `work` on a reader.
    async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_within(operation, self.shared.timeout, work).await
    }

    async fn read_within<T, F>(
        &self,
        operation: &'static str,
        limit: Duration,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (call, answer) = call::new(work);
        let exchange = exchange(&self.shared.reads, call, answer, limit);
        measured(operation, self.shared.faults.inject(operation, exchange)).await
    }

    /// Runs `work` in a transaction of the writer; `Err` takes back what it did. It stores about
    /// `bytes`. The result comes after the commit.
    async fn write<T, F>(
        &self,
        operation: &'static str,
        bytes: usize,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (call, answer) = call::new(work);
        let (write, limit) = (Write { call, bytes }, self.shared.timeout);
        let exchange = exchange(&self.shared.writes, write, answer, limit);
        measured(operation, self.shared.faults.inject(operation, exchange)).await
    }
}

async fn exchange<T, Q>(
    queue: &Queue<Q>,
    call: Q,
    answer: oneshot::Receiver<Result<T, StoreError>>,
    limit: Duration,
) -> Result<T, StoreError> {
    let closed = || StoreError::Unavailable("closed".into());
    let deadline = tokio::time::Instant::now() + limit;
    match timeout(PLACE_TIMEOUT.min(limit), queue.push(call)).await {
        Ok(queued) => queued.map_err(|_| closed())?,
        Err(_) => return Err(StoreError::Busy),
    }
    match timeout_at(deadline, answer).await {
        Ok(answered) => answered.map_err(|_| closed())?,
        Err(_) => Err(StoreError::Timeout),
    }
}

impl SqliteInner {
    /// Ends the readers, then the writer: only the last connection can take the log away, and only if
    /// it may write.
    fn end(&self) {
        let mut running = self.threads.lock(); // Until all have ended: who closes too waits.
        let mut threads = std::mem::take(&mut *running);
        let writer = threads.pop();
        self.reads.close();
        threads.into_iter().for_each(join);
        self.writes.close();
        writer.into_iter().for_each(join);
        self.lock.lock().take();
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store panicked");
    }
}

/// For stores that are dropped without [`SqliteStore::close`]; blocks for a last commit at most.
impl Drop for SqliteInner {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the caller can act on: wait and retry, or give up.
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
        let taken = [SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE];
        if error.sqlite_error().is_some_and(|cause| taken.contains(&cause.extended_code)) {
            return Self::Conflict;
        }
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen,
            ) => Self::Unavailable(error.to_string()),
            _ => Self::Failed(Box::new(error)),
        }
    }
}
