//! The CQL server that the tests run: one for all of them, started by the first that needs it. It ends when the process
//! of the tests does.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use vibetalk::clock::Clock;
use vibetalk::model::id::{MessageId, UserId};
use vibetalk::store::scylla::config::{Address, Replication};
use vibetalk::store::scylla::{ScyllaConfig, ScyllaStore};

/// A server answers after some four seconds, on a machine that does nothing else.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const CQL_PORT: u16 = 9042;
const STORAGE_PORT: u16 = 7000;

/// Where on the ring each of three servers is; the first is that of a single one, too.
const TOKENS: [&str; 3] = ["-9223372036854775808", "-3074457345618258603", "3074457345618258602"];

/// One server.
pub struct Server {
    pub address: SocketAddr,
    /// Ends when its input does.
    process: Child,
    pid: String,
}

/// As the loss of its machine.
impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _status = self.process.wait(); // That of a script which has nothing else to say.
    }
}

impl Server {
    /// All tests of this process share it.
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// One that a test has for itself, because it does something to it.
    pub async fn own() -> Self {
        tokio::task::spawn_blocking(Self::start).await.unwrap()
    }

    fn start() -> Self {
        let address = free_address();
        let folder = new_folder(address, address, TOKENS[0]).keep();
        // Its own tables need not survive it, nor does the folder.
        Self::run(&folder, address, &["discard", "-Dcassandra.unsafesystem=true"])
    }

    /// It answers nobody until it goes on.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, self.pid.as_str()]).status();
        assert!(status.unwrap().success());
    }

    fn run(folder: &Path, address: Ipv4Addr, options: &[&str]) -> Self {
        let mut process = Command::new(templates().join("run.sh"))
            .arg(jars())
            .arg(folder)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What is sent to the tests as a group must not reach it before it has cleared up.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut pid = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let pid = pid.trim().to_owned();
        let server = Self { address: (address, CQL_PORT).into(), process, pid };
        server.wait(folder);
        server
    }

    fn wait(&self, folder: &Path) {
        let (since, process) = (Instant::now(), Path::new("/proc").join(&self.pid));
        while TcpStream::connect(self.address).is_err() {
            let log =
                || std::fs::read_to_string(folder.join("logs/output.log")).unwrap_or_default();
            assert!(process.exists(), "Cassandra ended: {}", log());
            assert!(since.elapsed() < START_TIMEOUT, "Cassandra did not start in time: {}", log());
            std::thread::sleep(Duration::from_millis(50)); // It tells nobody.
        }
    }

    pub fn config(&self, keyspace: &str) -> ScyllaConfig {
        let address = Address::parse(&format!("scylla://{}/{keyspace}", self.address)).unwrap();
        ScyllaConfig { replication: Replication::Copies(1), ..ScyllaConfig::new(address) }
    }
}

/// Three servers that keep everything in three copies. They take some time to start, and much memory: for the few tests
/// in which some of them go away.
pub struct Trio {
    servers: [Option<Server>; 3],
    folders: [TempDir; 3],
    addresses: [Ipv4Addr; 3],
}

impl Trio {
    pub async fn start() -> Self {
        let trio = tokio::task::spawn_blocking(Self::start_all).await.unwrap();
        trio.meet().await;
        trio
    }

    /// The others learn of each other from the first.
    fn start_all() -> Self {
        let [a, b, c, _] = free_address().octets();
        let addresses = [1, 2, 3].map(|n| Ipv4Addr::new(a, b, c, n));
        let folders = [0, 1, 2].map(|n| new_folder(addresses[n], addresses[0], TOKENS[n]));
        let run = |n: usize| Some(Server::run(folders[n].path(), addresses[n], &[]));
        let servers = [0, 1, 2].map(run);
        Self { servers, folders, addresses }
    }

    /// Until each of them knows the others.
    async fn meet(&self) {
        let since = Instant::now();
        let knows_all = async |address| {
            let session = SessionBuilder::new().known_node_addr((address, CQL_PORT).into());
            let session = session.build().await.unwrap();
            session.get_cluster_state().get_nodes_info().len() == self.addresses.len()
        };
        for address in self.addresses {
            while !knows_all(address).await {
                assert!(since.elapsed() < START_TIMEOUT, "the servers do not find each other");
            }
        }
    }

    pub fn kill(&mut self, n: usize) {
        drop(self.servers[n].take());
    }

    pub async fn restart(&mut self, n: usize) {
        let (folder, address) = (self.folders[n].path().to_owned(), self.addresses[n]);
        let run = move || Server::run(&folder, address, &[]);
        self.servers[n] = Some(tokio::task::spawn_blocking(run).await.unwrap());
    }

    pub fn config(&self, keyspace: &str) -> ScyllaConfig {
        let hosts = self.addresses.map(|address| format!("{address}:{CQL_PORT}")).join(",");
        ScyllaConfig::new(Address::parse(&format!("scylla://{hosts}/{keyspace}")).unwrap())
    }
}

fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cassandra")
}

/// Where the server's jars are; they are fetched once.
fn jars() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/cassandra.sh");
    let output = Command::new(script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "these tests need a CQL server: {said}");
    String::from_utf8(output.stdout).unwrap().trim().into()
}

/// With the configuration of a server that learns of others from `seed`.
fn new_folder(address: Ipv4Addr, seed: Ipv4Addr, token: &str) -> TempDir {
    let folder = tempfile::Builder::new().prefix("vibetalk-cassandra-").tempdir().unwrap();
    for name in ["conf", "logs", "triggers"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in ["cassandra.yaml", "logback.xml"] {
        let template = std::fs::read_to_string(templates().join(name)).unwrap();
        let text = [
            ("@FOLDER@", folder.path().to_str().unwrap()),
            ("@RUN@", &std::process::id().to_string()),
            ("@TOKEN@", token),
            ("@SEED@", &seed.to_string()),
            ("@ADDRESS@", &address.to_string()),
            ("@STORAGE_PORT@", &STORAGE_PORT.to_string()),
            ("@CQL_PORT@", &CQL_PORT.to_string()),
        ];
        let text = text.into_iter().fold(template, |text, (name, value)| text.replace(name, value));
        std::fs::write(folder.path().join("conf").join(name), text).unwrap();
    }
    folder
}

/// An address on this machine where nobody else is: 127.0.0.0/8 is large.
fn free_address() -> Ipv4Addr {
    let is_free = |address: &Ipv4Addr| {
        [CQL_PORT, STORAGE_PORT].into_iter().all(|port| TcpListener::bind((*address, port)).is_ok())
    };
    let random = std::iter::repeat_with(|| {
        let [a, b] = rand::random::<[u8; 2]>();
        Ipv4Addr::new(127, 64 | a >> 1, b, 1)
    });
    random.take(100).find(is_free).expect("so many addresses are not in use")
}

/// A store in a keyspace that many tests share: each makes its own ids.
pub async fn shared_store(clock: Clock) -> ScyllaStore {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let server = tokio::task::spawn_blocking(Server::shared).await.unwrap();
    let config = server.config("shared");
    let make = async || {
        ScyllaStore::open(&config, clock.clone()).await.unwrap();
    };
    MADE.get_or_init(make).await;
    ScyllaStore::open(&config, clock).await.unwrap()
}

/// A session of the driver, for what a test does past the store.
pub async fn session() -> Session {
    let server = tokio::task::spawn_blocking(Server::shared).await.unwrap();
    SessionBuilder::new().known_node_addr(server.address).build().await.unwrap()
}

/// The configuration of a store in a keyspace of this name on the server that all share.
pub async fn config(keyspace: &str) -> ScyllaConfig {
    tokio::task::spawn_blocking(Server::shared).await.unwrap().config(keyspace)
}

/// A store in a keyspace that no other test uses at the same time, and that is empty. They are used again: one has some
/// forty tables, of which a server holds a few hundred.
pub struct OwnStore {
    store: ScyllaStore,
    keyspace: String,
}

static FREE: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl OwnStore {
    pub async fn open(clock: Clock) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let server = tokio::task::spawn_blocking(Server::shared).await.unwrap();
        let free = FREE.lock().pop();
        let keyspace = match free {
            Some(used) => used,
            None => format!("own_{}", MADE.fetch_add(1, Ordering::Relaxed)),
        };
        empty(server, &keyspace).await;
        let store = ScyllaStore::open(&server.config(&keyspace), clock).await.unwrap();
        Self { store, keyspace }
    }

    pub fn keyspace(&self) -> &str {
        &self.keyspace
    }

    /// Another node on the same database.
    pub async fn another_node(&self, clock: Clock) -> ScyllaStore {
        ScyllaStore::open(&Server::shared().config(&self.keyspace), clock).await.unwrap()
    }

    /// Registers people in bulk, with the words of their display names.
    pub async fn insert_people(&self, people: impl Iterator<Item = (UserId, &'static str)>) {
        let address = Server::shared().address;
        let session = SessionBuilder::new().known_node_addr(address).build().await.unwrap();
        let keyspace = &self.keyspace;
        let prepare = async |text: &str| {
            session.prepare(text.replace("ks.", &format!("{keyspace}."))).await.unwrap()
        };
        let user = prepare(
            "INSERT INTO ks.users (user_id, username, display_name, password_hash, operator, created_at_ms) \
             VALUES (?, ?, ?, '', false, 0)",
        )
        .await;
        let bucket = prepare("INSERT INTO ks.account_buckets (scope, bucket) VALUES (0, ?)").await;
        let account = prepare("INSERT INTO ks.accounts (bucket, user_id) VALUES (?, ?)").await;
        let name = prepare(
            "INSERT INTO ks.user_names (first, username_folded, user_id) VALUES ('u', ?, ?)",
        )
        .await;
        let word = prepare(
            "INSERT INTO ks.user_words (first, word, user_id, username_folded) VALUES (?, ?, ?, ?)",
        )
        .await;
        let insert = async |(id, name_word): (UserId, &str)| {
            let username = format!("user-{}", id.get() >> 21);
            let of_id = i32::try_from(MessageId::new(id.get()).bucket().0).unwrap();
            let id = id.to_i64();
            session.execute_unpaged(&user, (id, &username, name_word)).await.unwrap();
            session.execute_unpaged(&bucket, (of_id,)).await.unwrap();
            session.execute_unpaged(&account, (of_id, id)).await.unwrap();
            session.execute_unpaged(&name, (&username, id)).await.unwrap();
            let values = (&name_word[..1], name_word, id, &username);
            session.execute_unpaged(&word, values).await.unwrap();
        };
        stream::iter(people).for_each_concurrent(128, insert).await;
    }

    /// How many rows there are in each of `tables`.
    pub async fn rows_of(&self, tables: &[&'static str]) -> Vec<(&'static str, i64)> {
        let address = Server::shared().address;
        let session = SessionBuilder::new().known_node_addr(address).build().await.unwrap();
        let mut counted = Vec::new();
        for table in tables {
            let count = format!("SELECT count(*) FROM {}.{table}", self.keyspace);
            let answer = session.query_unpaged(count, ()).await.unwrap();
            let (rows,) = answer.into_rows_result().unwrap().single_row::<(i64,)>().unwrap();
            counted.push((*table, rows));
        }
        counted
    }
}

impl Deref for OwnStore {
    type Target = ScyllaStore;
    fn deref(&self) -> &ScyllaStore {
        &self.store
    }
}

impl Drop for OwnStore {
    fn drop(&mut self) {
        FREE.lock().push(std::mem::take(&mut self.keyspace));
    }
}

/// Empties the tables of a keyspace that another test has used.
async fn empty(server: &Server, keyspace: &str) {
    let session = SessionBuilder::new().known_node_addr(server.address).build().await.unwrap();
    let tables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let tables =
        session.query_unpaged(tables, (keyspace,)).await.unwrap().into_rows_result().unwrap();
    for table in tables.rows::<(String,)>().unwrap() {
        let (table,) = table.unwrap();
        if table == "settings" {
            continue; // It says how far the schema is.
        }
        // Also what deletions left would be in the way of rows with timestamps of ids that are used again.
        session.query_unpaged(format!("TRUNCATE {keyspace}.{table}"), ()).await.unwrap();
    }
    for name in ["shared_secret", "official_group"] {
        let forget = format!("DELETE FROM {keyspace}.settings WHERE name = '{name}' IF EXISTS");
        // There are no settings before the first test.
        let _answer = session.query_unpaged(forget, ()).await.ok();
    }
}
