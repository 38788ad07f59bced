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

use parking_lot::Mutex;
use scylla::client::session_builder::SessionBuilder;
use tokio::sync::OnceCell;
use vibetalk::clock::Clock;
use vibetalk::store::scylla::config::{Address, Replication};
use vibetalk::store::scylla::{ScyllaConfig, ScyllaStore};

/// A server answers after some four seconds, on a machine that does nothing else.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const CQL_PORT: u16 = 9042;
const STORAGE_PORT: u16 = 7000;

/// One server.
pub struct Server {
    pub address: SocketAddr,
    /// Ends when its input does.
    _process: Child,
}

impl Server {
    /// All tests of this process share it.
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(free_address()))
    }

    fn start(address: Ipv4Addr) -> Self {
        let jars = jars();
        let folder =
            tempfile::Builder::new().prefix("vibetalk-cassandra-").tempdir().unwrap().keep();
        for name in ["conf", "logs", "triggers"] {
            std::fs::create_dir(folder.join(name)).unwrap();
        }
        configure(&folder, "cassandra.yaml", address);
        configure(&folder, "logback.xml", address);
        let mut process = Command::new(templates().join("run.sh"))
            .args([&jars, &folder])
            // Its own tables need not survive it.
            .arg("-Dcassandra.unsafesystem=true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What is sent to the tests as a group must not reach it before it has cleared up.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut pid = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let server = Self { address: (address, CQL_PORT).into(), _process: process };
        server.wait(&pid, &folder);
        server
    }

    fn wait(&self, pid: &str, folder: &Path) {
        let (since, process) = (Instant::now(), Path::new("/proc").join(pid.trim()));
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

fn configure(folder: &Path, name: &str, address: Ipv4Addr) {
    let template = std::fs::read_to_string(templates().join(name)).unwrap();
    let address = address.to_string();
    let text = [
        ("@FOLDER@", folder.to_str().unwrap()),
        ("@RUN@", &std::process::id().to_string()),
        ("@TOKEN@", "0"),
        ("@SEED@", &address),
        ("@ADDRESS@", &address),
        ("@STORAGE_PORT@", &STORAGE_PORT.to_string()),
        ("@CQL_PORT@", &CQL_PORT.to_string()),
    ];
    let text = text.into_iter().fold(template, |text, (name, value)| text.replace(name, value));
    std::fs::write(folder.join("conf").join(name), text).unwrap();
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
