//! The settings of the store: which one, where it is, and how it is tuned.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::section::{SettingValue, quoted, section};
use crate::store::scylla::ScyllaConfig;
use crate::store::scylla::config::{Address, Replication};
use crate::store::sqlite::{SqliteConfig, Synchronous};

section! {
    /// What operators may set of the store.
    pub struct StoreSettings {
        /// Where messages are stored: `sqlite` for `vibetalk.db` in the data folder, `sqlite:PATH`, or
        /// `scylla://[user:password@]host[:port][,host…]/keyspace` for ScyllaDB or Cassandra 5, which several nodes may
        /// share. The keyspace is made if it is not there.
        url: StoreUrl = "store.url", StoreUrl::SqliteInDataDir;
        /// `full` makes an acked message survive a power cut; `normal` only a crash of the process;
        /// `off` is for tests.
        synchronous: Synchronous = "store.sqlite.synchronous", Synchronous::Full;
        /// Threads that read from SQLite, 1 to 16.
        readers: usize = "store.sqlite.readers", 2, 1..=16;
        /// In how many copies a new keyspace is kept, 1 to 9: `3`, or as many in each data centre: `one:3,two:3`. Of no
        /// matter to one that is there.
        replication: Replication = "store.scylla.replication", Replication::default();
        /// Certificates (PEM) of who may vouch for the database. With them connections are encrypted.
        tls_ca: Option<PathBuf> = "store.scylla.tls_ca", None;
        /// The data centre whose nodes of the database are asked; empty for any. All nodes that share a keyspace name
        /// the same.
        datacenter: String = "store.scylla.datacenter", String::new();
        /// Requests to the database under way at a time, 16 to 16384. What comes beyond waits for a second at most.
        requests_max: usize = "store.scylla.requests_max", 512, 16..=16_384;
    }
}

impl StoreSettings {
    /// The same for another store.
    ///
    /// # Errors
    ///
    /// What completes the sentence "`url` …".
    pub fn at(&self, url: &str) -> Result<Self, String> {
        Ok(Self { url: StoreUrl::from_text(url)?, ..self.clone() })
    }

    pub fn backend(&self, data_dir: &Path) -> Backend {
        match &self.url {
            StoreUrl::SqliteInDataDir => Backend::Sqlite(self.sqlite(data_dir.join("vibetalk.db"))),
            StoreUrl::Sqlite(path) => Backend::Sqlite(self.sqlite(path.clone())),
            StoreUrl::Scylla(address) => Backend::Scylla(self.scylla(address.clone())),
        }
    }

    fn sqlite(&self, path: PathBuf) -> SqliteConfig {
        SqliteConfig {
            synchronous: self.synchronous,
            readers: self.readers,
            ..SqliteConfig::new(path)
        }
    }

    fn scylla(&self, address: Address) -> ScyllaConfig {
        ScyllaConfig {
            address,
            replication: self.replication.clone(),
            tls_ca: self.tls_ca.clone(),
            datacenter: self.datacenter.clone(),
            requests_max: self.requests_max,
        }
    }
}

/// Which store, with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Backend {
    Sqlite(SqliteConfig),
    Scylla(ScyllaConfig),
}

/// Which database, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    SqliteInDataDir,
    Sqlite(PathBuf),
    Scylla(Address),
}

impl SettingValue for StoreUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "sqlite" {
            return Ok(Self::SqliteInDataDir);
        }
        if text.starts_with("scylla:") {
            return Address::parse(text).map(Self::Scylla);
        }
        let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) else {
            // Addresses of other programs may hold a password.
            let shown = if text.contains('@') { "this address" } else { &quoted(text) };
            return Err(format!(
                r#"takes "sqlite", "sqlite:PATH" or "scylla://host/keyspace", not {shown}"#
            ));
        };
        // Other programs write an absolute path behind two more slashes. A relative one there would be
        // taken for a folder at the root.
        if let Some(path) = path.strip_prefix("//") {
            if !path.starts_with('/') {
                return Err(format!(r#"takes "sqlite:{path}" instead of {text:?}"#));
            }
            return Ok(Self::Sqlite(path.into()));
        }
        // SQLite would keep nothing, or take what follows for options.
        if path.starts_with(':') || path.starts_with("file:") || path.contains('?') {
            return Err(format!("names {path:?}, which is no path of a file"));
        }
        Ok(Self::Sqlite(path.into()))
    }

    fn to_toml(&self) -> String {
        quoted(&self.to_string())
    }
}

/// As it is printed: without a password.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteInDataDir => f.write_str("sqlite"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Scylla(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_store_is_refused_without_a_word_of_a_password() {
        let problem = |text| StoreUrl::from_text(text).unwrap_err();
        assert!(problem("postgres").ends_with(r#"not "postgres""#));
        for text in ["cassandra://me:secret@db/chat", "sylla://me:secret@db/chat"] {
            let problem = problem(text);
            assert!(problem.starts_with("takes") && !problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn an_absolute_path_may_stand_behind_three_slashes() {
        for (url, path) in [
            ("sqlite", "/data/vibetalk.db"),
            ("sqlite:///var/x.db", "/var/x.db"),
            ("sqlite:/var/x.db", "/var/x.db"),
            ("sqlite:x.db", "x.db"),
        ] {
            let settings =
                StoreSettings { url: StoreUrl::from_text(url).unwrap(), ..Default::default() };
            let Backend::Sqlite(config) = settings.backend(Path::new("/data")) else {
                panic!("{url}")
            };
            assert_eq!(config.path, Path::new(path), "{url}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for url in [
            "",
            "postgres://x",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:file:x.db",
            "sqlite:x.db?mode=ro",
        ] {
            assert!(StoreUrl::from_text(url).is_err(), "{url}");
        }
        let error = StoreUrl::from_text("sqlite://x.db").unwrap_err();
        assert_eq!(error, r#"takes "sqlite:x.db" instead of "sqlite://x.db""#);
    }
}
