//! Settings: a TOML file, then the environment, then flags; what comes later wins.
//!
//! Every key is declared once, in `settings!` below, with its default and its documentation. Keys
//! that do not exist are errors that name the nearest one. Only this file reads the environment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::config::value::Value;
use crate::edge::{EnginePath, Network, Origin, PING_INTERVAL, PING_TIMEOUT};

mod value;

pub use value::{Listen, LogFormat, Synchronous};

const ENVIRONMENT_PREFIX: &str = "VIBETALK_";

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $key:literal, $default:expr;)+) => {
        /// All settings, checked.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Config {
            /// Sets `key`, which exists, from a TOML value or a text.
            fn set(&mut self, key: &str, raw: &Raw) -> anyhow::Result<()> {
                match key {
                    $($key => self.$field = raw.read().map_err(|problem| {
                        anyhow::anyhow!("{key} {problem} ({})", raw.origin())
                    })?,)+
                    _ => bail!(unknown_key(key, raw.origin())),
                }
                Ok(())
            }

            /// Every key with its value and documentation, in the order of the reference.
            fn entries(&self) -> Vec<Entry> {
                vec![$(Entry {
                    key: $key,
                    value: self.$field.to_toml(),
                    doc: [$($doc),+].map(str::trim).join(" "),
                }),+]
            }
        }

        const KEYS: &[&str] = &[$($key),+];
    };
}

struct Entry {
    key: &'static str,
    value: String,
    doc: String,
}

settings! {
    /// Where clients connect. Port 0 takes a free one; the address is printed when the node is ready.
    listen: SocketAddr = "listen", SocketAddr::from(([127, 0, 0, 1], 3000));
    /// The folder of the database and the secrets. Made on first start, readable by its owner only.
    data_dir: PathBuf = "data_dir", PathBuf::from("data");
    /// The folder of the keys, where they are given to the node, as a mounted secret: `access-tokens.key` and
    /// `socket-ids.key` are read there, and nothing is made. Empty: keys are made in `data_dir`.
    keys_dir: Option<PathBuf> = "keys_dir", None;
    /// Where messages are stored: `sqlite` for `vibetalk.db` in the data folder, or `sqlite:PATH`.
    store_url: String = "store.url", "sqlite".to_owned();
    /// `full` makes an acked message survive a power cut; `normal` only a crash of the process;
    /// `off` is for tests.
    store_sqlite_synchronous: Synchronous = "store.sqlite.synchronous", Synchronous::Full;
    /// Threads that read from SQLite, 1 to 16.
    store_sqlite_readers: usize = "store.sqlite.readers", 2;
    /// How nodes reach each other: `local` is a single node.
    bus_url: String = "bus.url", "local".to_owned();
    /// Where Prometheus scrapes `/metrics`; `off` for nowhere. If the port is taken, the node warns
    /// and goes on without, so that several nodes run on one machine.
    metrics_listen: value::Listen = "metrics.listen", value::Listen::On(SocketAddr::from(([127, 0, 0, 1], 9100)));
    /// `human`, `json`, or `auto`: human on a terminal, JSON otherwise.
    log_format: LogFormat = "log.format", LogFormat::Auto;
    /// What is logged: a level, or directives as `info,vibetalk::edge=debug`.
    log_filter: String = "log.filter", "info".to_owned();
    /// Seconds that an access token is good for.
    auth_access_token_seconds: u64 = "auth.access_token_seconds", 15 * 60;
    /// Seconds that a session lasts without being refreshed.
    auth_session_seconds: u64 = "auth.session_seconds", 90 * 24 * 60 * 60;
    /// Whether Socket.IO v2 clients (Engine.IO 3) may connect.
    gateway_allow_eio3: bool = "gateway.allow_eio3", true;
    /// The path of Socket.IO. Clients are told it by their option `path`; the web client asks for it.
    gateway_path: EnginePath = "gateway.path", EnginePath::default();
    /// Seconds between two pings of the server, 1 to 300. Below 30 middleboxes keep the connection.
    gateway_ping_interval_seconds: u64 = "gateway.ping_interval_seconds", PING_INTERVAL.as_secs();
    /// Seconds that the answer to a ping may take, 1 to 300; then the connection is closed.
    gateway_ping_timeout_seconds: u64 = "gateway.ping_timeout_seconds", PING_TIMEOUT.as_secs();
    /// Origins that may use the API with credentials, as `https://chat.example`. Others may without.
    http_cors_origins: Vec<Origin> = "http.cors_origins", Vec::new();
    /// Proxies whose `X-Forwarded-For` is believed: addresses, or networks as 10.0.0.0/8.
    edge_trusted_proxies: Vec<Network> = "edge.trusted_proxies", Network::loopback();
    /// Sessions of this node at most; more are answered 503 with `Retry-After`.
    edge_sessions_max: usize = "edge.sessions_max", 100_000;
    /// False switches the request, message, creation, registration and connection rates off, for load
    /// tests.
    limits_rates: bool = "limits.rates", true;
    /// Requests a second of one session.
    limits_requests_per_second: u32 = "limits.requests_per_second", 200;
    /// Requests of one session at once.
    limits_requests_burst: u32 = "limits.requests_burst", 500;
    /// Messages a second of one person, all sessions together; edited ones count.
    limits_messages_per_second: u32 = "limits.messages_per_second", 10;
    /// Messages of one person at once.
    limits_messages_burst: u32 = "limits.messages_burst", 30;
    /// Messages a second of one person in the official group.
    limits_official_messages_per_second: u32 = "limits.official_messages_per_second", 1;
    /// Messages of one person in the official group at once.
    limits_official_messages_burst: u32 = "limits.official_messages_burst", 5;
    /// Groups, channels and invites, together, that one person makes in a minute.
    limits_made_per_minute: u32 = "limits.made_per_minute", 60;
    /// Requests of one socket that wait for their ack at most.
    limits_requests_unanswered: usize = "limits.requests_unanswered", 1000;
    /// Registrations a minute from one address.
    limits_registrations_per_minute: u32 = "limits.registrations_per_minute", 30;
    /// Failed logins a minute of one user name from one address.
    limits_login_failures_per_minute: u32 = "limits.login_failures_per_minute", 10;
    /// Failed logins a minute of one user name from all addresses.
    limits_login_failures_per_name_per_minute: u32 =
        "limits.login_failures_per_name_per_minute", 100;
    /// Failed logins a minute from one address, under all user names, at this node.
    limits_login_failures_per_address_per_minute: u32 =
        "limits.login_failures_per_address_per_minute", 300;
    /// Open connections from one address.
    limits_connections_per_address: usize = "limits.connections_per_address", 20_000;
    /// Bytes of a request's head.
    limits_head_bytes: usize = "limits.head_bytes", 16 * 1024;
    /// Bytes of a request's body, of a WebSocket message, and of an answer to a poll.
    limits_payload_bytes: usize = "limits.payload_bytes", 1_000_000;
    /// Pushes that wait for one socket; a client that lets more wait is slow, and is closed.
    limits_pushes_queued: u32 = "limits.pushes_queued", 1000;
    /// Bytes of these pushes, of each client; one that lets more wait is slow, too.
    limits_pushes_queued_bytes: u64 = "limits.pushes_queued_bytes", 16_000_000;
    /// Seconds in which a client may read nothing of what is being sent, before it is closed.
    limits_stall_seconds: u64 = "limits.stall_seconds", 10;
    /// Seconds that a request may take before it is answered `timeout`.
    limits_request_seconds: u64 = "limits.request_seconds", 10;
    /// Seconds over which clients are asked to reconnect when the node leaves service.
    drain_seconds: u64 = "drain.seconds", 5;
}

/// Where the settings come from, in order of precedence: the last wins.
#[derive(Debug, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    /// `(key, value)` pairs from flags.
    pub flags: Vec<(String, String)>,
}

/// One given value, before it is checked.
enum Raw {
    Toml(toml::Value, PathBuf),
    Text(String, String),
}

impl Raw {
    fn read<T: Value>(&self) -> Result<T, String> {
        match self {
            Self::Toml(value, _) => T::from_toml(value),
            Self::Text(text, _) => T::from_text(text),
        }
    }

    fn origin(&self) -> String {
        match self {
            Self::Toml(_, file) => format!("in {}", file.display()),
            Self::Text(_, origin) => format!("from {origin}"),
        }
    }
}

impl Config {
    /// Reads all sources.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a key that does not exist, a value that is not valid: named with
    /// where it was given.
    pub fn load(sources: &Sources) -> anyhow::Result<Self> {
        let mut config = Self::default();
        if let Some(file) = &sources.file {
            for (key, value) in read_file(file)? {
                config.set(&key, &Raw::Toml(value, file.clone()))?;
            }
        }
        for (name, value) in environment() {
            let key = name[ENVIRONMENT_PREFIX.len()..].to_lowercase().replace("__", ".");
            config.set(&key, &Raw::Text(value, format!("the environment variable {name}")))?;
        }
        for (key, value) in &sources.flags {
            config.set(key, &Raw::Text(value.clone(), "the command line".to_owned()))?;
        }
        config.check()?;
        Ok(config)
    }

    /// What no single value shows.
    fn check(&self) -> anyhow::Result<()> {
        self.check_ranges()?;
        if let Some((key, _)) = self.positive().into_iter().find(|(_, value)| *value == 0) {
            bail!("{key} must be at least 1");
        }
        if self.bus_url != "local" {
            bail!("bus.url: only \"local\" is supported");
        }
        self.sqlite_path().map(|_| ())
    }

    fn check_ranges(&self) -> anyhow::Result<()> {
        if !(1..=16).contains(&self.store_sqlite_readers) {
            bail!("store.sqlite.readers takes 1 to 16");
        }
        if !(8 * 1024..=1024 * 1024).contains(&self.limits_head_bytes) {
            bail!("limits.head_bytes takes 8192 to 1048576");
        }
        if !(64 * 1024..=64 * 1024 * 1024).contains(&self.limits_payload_bytes) {
            bail!("limits.payload_bytes takes 65536 to 67108864");
        }
        for (key, seconds) in [
            ("gateway.ping_interval_seconds", self.gateway_ping_interval_seconds),
            ("gateway.ping_timeout_seconds", self.gateway_ping_timeout_seconds),
        ] {
            if !(1..=300).contains(&seconds) {
                bail!("{key} takes 1 to 300");
            }
        }
        if self.limits_pushes_queued_bytes < 4_000_000 {
            bail!("limits.pushes_queued_bytes takes 4000000 or more: ready alone can have 2 MB");
        }
        Ok(())
    }

    /// What has to be at least 1.
    fn positive(&self) -> [(&'static str, u64); 19] {
        [
            ("limits.pushes_queued", u64::from(self.limits_pushes_queued)),
            ("limits.stall_seconds", self.limits_stall_seconds),
            ("limits.request_seconds", self.limits_request_seconds),
            ("limits.requests_per_second", u64::from(self.limits_requests_per_second)),
            ("limits.requests_burst", u64::from(self.limits_requests_burst)),
            ("limits.messages_per_second", u64::from(self.limits_messages_per_second)),
            ("limits.messages_burst", u64::from(self.limits_messages_burst)),
            (
                "limits.official_messages_per_second",
                u64::from(self.limits_official_messages_per_second),
            ),
            ("limits.official_messages_burst", u64::from(self.limits_official_messages_burst)),
            ("limits.made_per_minute", u64::from(self.limits_made_per_minute)),
            ("limits.requests_unanswered", self.limits_requests_unanswered as u64),
            ("limits.registrations_per_minute", u64::from(self.limits_registrations_per_minute)),
            ("limits.login_failures_per_minute", u64::from(self.limits_login_failures_per_minute)),
            (
                "limits.login_failures_per_name_per_minute",
                u64::from(self.limits_login_failures_per_name_per_minute),
            ),
            (
                "limits.login_failures_per_address_per_minute",
                u64::from(self.limits_login_failures_per_address_per_minute),
            ),
            ("limits.connections_per_address", self.limits_connections_per_address as u64),
            ("edge.sessions_max", self.edge_sessions_max as u64),
            ("auth.access_token_seconds", self.auth_access_token_seconds),
            ("auth.session_seconds", self.auth_session_seconds),
        ]
    }

    /// The database file that `store.url` names.
    pub fn sqlite_path(&self) -> anyhow::Result<PathBuf> {
        let url = self.store_url.as_str();
        if url == "sqlite" {
            return Ok(self.data_dir.join("vibetalk.db"));
        }
        let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) else {
            bail!("store.url: only \"sqlite\" and \"sqlite:PATH\" are supported, not {url:?}");
        };
        // Other programs write an absolute path behind two more slashes. A relative one there would be
        // taken for a folder at the root.
        if let Some(path) = path.strip_prefix("//") {
            if !path.starts_with('/') {
                bail!("store.url: write \"sqlite:{path}\" instead of {url:?}");
            }
            return Ok(PathBuf::from(path));
        }
        // SQLite would keep nothing, or take what follows for options.
        if path.starts_with(':') || path.starts_with("file:") || path.contains('?') {
            bail!("store.url: {path:?} is no path of a file");
        }
        Ok(PathBuf::from(path))
    }

    /// The effective settings as a TOML file with their documentation.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for Entry { key, value, doc } in self.entries() {
            let (of_key, name) = key.rsplit_once('.').unwrap_or(("", key));
            if of_key != section {
                section = of_key;
                let _infallible = writeln!(text, "\n[{section}]");
            }
            let _infallible = writeln!(text, "# {doc}\n{name} = {value}");
        }
        text
    }

    /// `docs/configuration.md`.
    pub fn reference() -> String {
        let mut text = String::from(REFERENCE_HEAD);
        for Entry { key, value, doc } in Self::default().entries() {
            let variable = format!("{ENVIRONMENT_PREFIX}{}", key.replace('.', "__").to_uppercase());
            let _infallible = writeln!(text, "| `{key}` | `{value}` | `{variable}` | {doc} |");
        }
        text
    }
}

const REFERENCE_HEAD: &str = "\
# Configuration

Generated by `vibetalk config --markdown`.

Every setting has a default. A TOML file (`--config FILE`), the environment and flags can change it; what
comes later wins. On the command line `--set store.url=sqlite:/var/lib/vibetalk/chat.db` sets any key, and
`--listen` and `--data-dir` are short for two of them. In the environment a key is written in capitals after
`VIBETALK_`, with `__` for each dot; lists are separated by commas. `vibetalk config` prints what is in effect.

| key | default | environment | meaning |
| --- | --- | --- | --- |
";

/// The leaves of a TOML file, by dotted key.
fn read_file(file: &Path) -> anyhow::Result<BTreeMap<String, toml::Value>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let table: toml::Table =
        text.parse().with_context(|| format!("{} is not valid TOML", file.display()))?;
    let mut leaves = BTreeMap::new();
    flatten("", table, &mut leaves);
    Ok(leaves)
}

fn flatten(prefix: &str, table: toml::Table, leaves: &mut BTreeMap<String, toml::Value>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, leaves),
            leaf => {
                leaves.insert(key, leaf);
            }
        }
    }
}

fn environment() -> Vec<(String, String)> {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let value = value.into_string().ok()?;
        let key = name.strip_prefix(ENVIRONMENT_PREFIX)?;
        (!is_service_link(key)).then_some((name, value))
    });
    let mut ours: Vec<_> = ours.collect();
    ours.sort();
    ours
}

/// Kubernetes gives each container the address of every service near it: of one that is called
/// vibetalk as `VIBETALK_SERVICE_HOST`, `VIBETALK_PORT_3000_TCP` and so on. No setting is called so.
fn is_service_link(key: &str) -> bool {
    key == "PORT" || key.starts_with("PORT_") || key.starts_with("SERVICE_")
}

fn unknown_key(key: &str, origin: String) -> String {
    let nearest = KEYS
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)));
    let nearest = nearest.expect("there are settings");
    format!("there is no setting {key} ({origin}); did you mean {nearest}?")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(file: &str, flags: &[(&str, &str)]) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vibetalk.toml");
        std::fs::write(&path, file).unwrap();
        let flags = flags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Config::load(&Sources { file: Some(path), flags })
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = "listen = \"127.0.0.1:1\"\n[limits]\nrates = false\n[metrics]\nlisten = \"off\"";
        let config = load(file, &[("listen", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.listen.port(), 2);
        assert!(!config.limits_rates);
        assert_eq!(config.metrics_listen, value::Listen::Off);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = load("[store]\nurk = \"x\"", &[]).unwrap_err().to_string();
        assert!(error.contains("store.urk") && error.contains("store.url"), "{error}");
        let error = load("", &[("limits.rate", "false")]).unwrap_err().to_string();
        assert!(error.contains("limits.rates") && error.contains("command line"), "{error}");
    }

    #[test]
    fn a_bad_value_is_refused_with_its_key() {
        for (key, value) in [
            ("listen", "nowhere"),
            ("limits.rates", "maybe"),
            ("limits.requests_burst", "0"),
            ("store.sqlite.readers", "99"),
            ("store.url", "postgres://x"),
            ("store.url", "sqlite::memory:"),
            ("store.url", "sqlite:file:x.db"),
            ("store.url", "sqlite:x.db?mode=ro"),
            ("store.url", "sqlite://x.db"),
            ("bus.url", "amqp://x"),
            ("gateway.path", "socket.io"),
            ("gateway.path", "/api/v1"),
            ("gateway.ping_interval_seconds", "0"),
            ("gateway.ping_timeout_seconds", "301"),
            ("http.cors_origins", "*"),
            ("edge.trusted_proxies", "proxy.example"),
            ("store.sqlite.synchronous", "sometimes"),
        ] {
            let error = load("", &[(key, value)]).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn lists_are_taken_in_every_spelling_and_kept_in_one() {
        let origins = ["http://a".to_owned(), "https://b:8443".to_owned()];
        let in_text = r#"["HTTP://A:80", "https://b:8443/"]"#;
        let in_file = format!("http.cors_origins = {in_text}");
        let quoted = format!("http.cors_origins = '{in_text}'");
        for config in [
            load("", &[("http.cors_origins", in_text)]),
            load("", &[("http.cors_origins", " http://a/ ,HTTPS://B:8443,")]),
            load(&in_file, &[]),
            load(&quoted, &[]),
        ] {
            let kept = config.unwrap().http_cors_origins;
            assert_eq!(kept.iter().map(Origin::to_string).collect::<Vec<_>>(), origins);
        }
        let proxies =
            load("", &[("edge.trusted_proxies", r#"["10.0.0.0/8", "::ffff:10.1.0.0/112"]"#)]);
        let proxies = proxies.unwrap().edge_trusted_proxies;
        assert!(proxies[1].contains("10.1.2.3".parse().unwrap()));

        let error = load("", &[("http.cors_origins", "https://a.example/chat")]).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("http.cors_origins")
                && error.ends_with("https://a.example (from the command line)"),
            "{error}"
        );
        for wrong in [r#"["http://a""#, r#"[["http://a"]]"#, "[7]"] {
            assert!(load("", &[("http.cors_origins", wrong)]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_absolute_path_may_stand_behind_three_slashes() {
        for (url, path) in [
            ("sqlite:///var/x.db", "/var/x.db"),
            ("sqlite:/var/x.db", "/var/x.db"),
            ("sqlite:x.db", "x.db"),
        ] {
            let config = load("", &[("store.url", url)]).unwrap();
            assert_eq!(config.sqlite_path().unwrap(), PathBuf::from(path));
        }
    }

    #[test]
    fn what_kubernetes_says_of_services_is_no_setting() {
        for key in ["PORT", "PORT_3000_TCP_ADDR", "SERVICE_HOST", "SERVICE_PORT_HTTP"] {
            assert!(is_service_link(key), "{key}");
        }
        for key in KEYS {
            assert!(!is_service_link(&key.replace('.', "__").to_uppercase()), "{key}");
        }
    }

    #[test]
    fn the_effective_configuration_can_be_read_back() {
        let config =
            load("", &[("http.cors_origins", "https://a.example, https://b.example")]).unwrap();
        assert_eq!(config.http_cors_origins.len(), 2);
        assert_eq!(load(&config.to_toml(), &[]).unwrap(), config);
    }

    #[test]
    fn the_reference_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == Config::reference(),
            "run: vibetalk config --markdown > docs/configuration.md"
        );
    }

    proptest! {
        #[test]
        fn any_file_is_taken_or_refused_in_words(
            key in prop_oneof![
                Just("listen"), Just("http.cors_origins"), Just("edge.trusted_proxies"),
                Just("limits.rates"), Just("drain.seconds"), Just("auth.session_seconds"), Just("x"),
            ],
            value in prop_oneof!["-?[0-9]{1,20}(\\.[0-9]{1,4})?", "\"[ -!#-~]{0,30}\"", "\\[(\"[a-z:/.0-9]{0,12}\",?){0,3}\\]", "true|false|nan|inf", "\\PC{0,12}"],
        ) {
            if let Err(error) = load(&format!("{key} = {value}"), &[]) {
                prop_assert!(!error.to_string().is_empty());
            }
            if let Err(error) = load("", &[(key, &value)]) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
