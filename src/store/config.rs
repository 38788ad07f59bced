//! The settings of the store: which one, where it is, and how it is tuned.

use std::path::{Path, PathBuf};

use crate::section::{SettingValue, quoted, section};
use crate::store::sqlite::{SqliteConfig, Synchronous};

section! {
    /// What operators may set of the store.
    pub struct StoreSettings {
        /// Where messages are stored: `sqlite` for `vibetalk.db` in the data folder, or `sqlite:PATH`.
        url: StoreUrl = "store.url", StoreUrl::SqliteInDataDir;
        /// `full` makes an acked message survive a power cut; `normal` only a crash of the process;
        /// `off` is for tests.
        synchronous: Synchronous = "store.sqlite.synchronous", Synchronous::Full;
        /// Threads that read from SQLite, 1 to 16.
        readers: usize = "store.sqlite.readers", 2, 1..=16;
    }
}

impl StoreSettings {
    /// Of the embedded store.
    pub fn sqlite(&self, data_dir: &Path) -> SqliteConfig {
        let path = match &self.url {
            StoreUrl::SqliteInDataDir => data_dir.join("vibetalk.db"),
            StoreUrl::Sqlite(path) => path.clone(),
        };
        SqliteConfig {
            synchronous: self.synchronous,
            readers: self.readers,
            ..SqliteConfig::new(path)
        }
    }
}

/// Which database, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    SqliteInDataDir,
    Sqlite(PathBuf),
}

impl SettingValue for StoreUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "sqlite" {
            return Ok(Self::SqliteInDataDir);
        }
        let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) else {
            return Err(format!(r#"takes "sqlite" or "sqlite:PATH", not {text:?}"#));
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
        match self {
            Self::SqliteInDataDir => quoted("sqlite"),
            Self::Sqlite(path) => quoted(&format!("sqlite:{}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(settings.sqlite(Path::new("/data")).path, Path::new(path), "{url}");
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
