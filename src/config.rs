//! Settings: a TOML file, then the environment, then flags; what comes later wins.
//!
//! Each part of the node declares its own ([`section`](crate::section)), with its default and its
//! documentation. Keys that do not exist are errors that name the nearest one. Only this file reads the
//! environment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::chat::limits::Limits;
use crate::chat::tokens::AuthSettings;
use crate::cluster::identity::ClusterSettings;
use crate::edge::EdgeSettings;
use crate::section::{Raw, Section, SettingEntry, SettingValue, choices, quoted, section};
use crate::store::config::StoreSettings;
use crate::telemetry::LogSettings;

const ENVIRONMENT_PREFIX: &str = "VIBETALK_";

/// All settings, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub node: NodeSettings,
    pub cluster: ClusterSettings,
    pub store: StoreSettings,
    pub log: LogSettings,
    pub auth: AuthSettings,
    pub edge: EdgeSettings,
    pub limits: Limits,
}

section! {
    /// What is of no part alone.
    pub struct NodeSettings {
        /// Where clients connect. Port 0 takes a free one; the address is printed when the node is ready.
        listen: SocketAddr = "listen", SocketAddr::from(([127, 0, 0, 1], 3000));
        /// The folder of the database and the secrets. Made on first start, readable by its owner only.
        data_dir: PathBuf = "data_dir", PathBuf::from("data");
        /// The folder of the keys, where they are given to the node, as a mounted secret: `access-tokens.key` and
        /// `socket-ids.key` are read there, and nothing is made. Empty: keys are made in `data_dir`.
        keys_dir: Option<PathBuf> = "keys_dir", None;
        /// How nodes reach each other: `local` is a single node.
        bus_url: BusUrl = "bus.url", BusUrl::Local;
        /// Where Prometheus scrapes `/metrics`; `off` for nowhere. If the port is taken, the node warns
        /// and goes on without, so that several nodes run on one machine.
        metrics_listen: Listen = "metrics.listen", Listen::On(SocketAddr::from(([127, 0, 0, 1], 9100)));
        /// Seconds over which clients are asked to reconnect when the node leaves service.
        drain: Duration = "drain.seconds", Duration::from_secs(5);
    }
}

choices! {
    /// Which bus.
    pub enum BusUrl {
        Local = "local",
    }
}

/// Where to listen, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    On(SocketAddr),
    Off,
}

impl SettingValue for Listen {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "off" { Ok(Self::Off) } else { SocketAddr::from_text(text).map(Self::On) }
    }
    fn to_toml(&self) -> String {
        match self {
            Self::On(address) => address.to_toml(),
            Self::Off => quoted("off"),
        }
    }
}

/// Where the settings come from, in order of precedence: the last wins.
#[derive(Debug, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    /// `(key, value)` pairs from flags.
    pub flags: Vec<(String, String)>,
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
        Ok(config)
    }

    fn set(&mut self, key: &str, raw: &Raw) -> anyhow::Result<()> {
        let Self { node, cluster, store, log, auth, edge, limits } = self;
        let sections: [&mut dyn Section; 7] = [node, cluster, store, log, auth, edge, limits];
        let set = sections.into_iter().find_map(|section| section.set(key, raw));
        set.unwrap_or_else(|| bail!(unknown_key(key, raw.origin())))
    }

    fn sections(&self) -> [&dyn Section; 7] {
        let Self { node, cluster, store, log, auth, edge, limits } = self;
        [node, cluster, store, log, auth, edge, limits]
    }

    /// What is in one table of a TOML file stands together, whose ever it is.
    fn entries(&self) -> Vec<SettingEntry> {
        let entries = self.sections().into_iter().flat_map(|section| section.entries());
        let mut entries: Vec<SettingEntry> = entries.collect();
        let tables: Vec<&str> = entries.iter().map(|entry| table_and_name(entry.key).0).collect();
        entries.sort_by_key(|entry| {
            tables.iter().position(|table| *table == table_and_name(entry.key).0)
        });
        entries
    }

    /// The effective settings as a TOML file with their documentation.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut table = "";
        for SettingEntry { key, value, doc } in self.entries() {
            let (of_key, name) = table_and_name(key);
            if of_key != table {
                table = of_key;
                let _infallible = writeln!(text, "\n[{table}]");
            }
            let _infallible = writeln!(text, "# {doc}\n{name} = {value}");
        }
        text
    }

    /// `docs/configuration.md`.
    pub fn reference() -> String {
        let mut text = String::from(REFERENCE_HEAD);
        for SettingEntry { key, value, doc } in Self::default().entries() {
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

/// The table of a TOML file that a key is in, and its name there.
fn table_and_name(key: &'static str) -> (&'static str, &'static str) {
    key.rsplit_once('.').unwrap_or(("", key))
}

fn keys() -> Vec<&'static str> {
    Config::default().entries().iter().map(|entry| entry.key).collect()
}

fn unknown_key(key: &str, origin: String) -> String {
    let nearness = |known: &&str| strsim::jaro_winkler(known, key);
    let nearest = keys().into_iter().max_by(|a, b| nearness(a).total_cmp(&nearness(b)));
    let nearest = nearest.expect("there are settings");
    format!("there is no setting {key} ({origin}); did you mean {nearest}?")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edge::Origin;

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
        assert_eq!(config.node.listen.port(), 2);
        assert!(!config.limits.rates);
        assert_eq!(config.node.metrics_listen, Listen::Off);
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
            ("limits.head_bytes", "8191"),
            ("limits.payload_bytes", "67108865"),
            ("limits.pushes_queued_bytes", "3999999"),
            ("limits.connections_per_address", "0"),
            ("auth.session_seconds", "0"),
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
            ("node.name", "a node"),
            ("node.address", "10.0.0.5"),
            ("cluster.secret", "too short"),
            ("store.sqlite.synchronous", "sometimes"),
        ] {
            let error = load("", &[(key, value)]).unwrap_err().to_string();
            assert!(
                error.starts_with(key) && error.ends_with("(from the command line)"),
                "{error}"
            );
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
            let kept = config.unwrap().edge.cors_origins;
            assert_eq!(kept.iter().map(Origin::to_string).collect::<Vec<_>>(), origins);
        }
        let proxies =
            load("", &[("edge.trusted_proxies", r#"["10.0.0.0/8", "::ffff:10.1.0.0/112"]"#)]);
        let proxies = proxies.unwrap().edge.trusted_proxies;
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
    fn what_kubernetes_says_of_services_is_no_setting() {
        for key in ["PORT", "PORT_3000_TCP_ADDR", "SERVICE_HOST", "SERVICE_PORT_HTTP"] {
            assert!(is_service_link(key), "{key}");
        }
        for key in keys() {
            assert!(!is_service_link(&key.replace('.', "__").to_uppercase()), "{key}");
        }
    }

    #[test]
    fn every_setting_has_one_owner_and_stands_once_in_its_table() {
        let keys = keys();
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        let tables =
            Config::default().to_toml().lines().filter(|line| line.starts_with('[')).count();
        let distinct: std::collections::BTreeSet<_> = keys
            .iter()
            .map(|key| table_and_name(key).0)
            .filter(|table| !table.is_empty())
            .collect();
        assert_eq!(tables, distinct.len());
    }

    #[test]
    fn the_effective_configuration_can_be_read_back() {
        let config =
            load("", &[("http.cors_origins", "https://a.example, https://b.example")]).unwrap();
        assert_eq!(config.edge.cors_origins.len(), 2);
        assert_eq!(load(&config.to_toml(), &[]).unwrap(), config);
    }

    #[test]
    fn a_secret_is_in_nothing_that_is_printed() {
        let text = "correct horse battery staple and more";
        let config = load("", &[("cluster.secret", text)]).unwrap();
        assert_eq!(config.cluster.secret.as_str(), Some(text));
        for printed in [config.to_toml(), format!("{config:?}")] {
            assert!(!printed.contains("horse"), "{printed}");
        }
        assert!(load(&config.to_toml(), &[]).is_err(), "nobody takes the placeholder for a secret");
        let error = load("", &[("cluster.secret", "short horse")]).unwrap_err().to_string();
        assert!(!error.contains("horse"), "{error}");
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
