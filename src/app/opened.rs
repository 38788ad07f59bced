//! Which store runs.

use std::sync::Arc;

use anyhow::Context;

use crate::chat::secrets::Secrets;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;
use crate::store::config::{Backend, StoreSettings};
use crate::store::scylla::ScyllaStore;
use crate::store::sqlite::{SqliteConfig, SqliteStore};

/// Which store these settings mean, with the files of the node that belong to an embedded one.
pub fn backend(config: &Config, store: &StoreSettings) -> Backend {
    let data_dir = &config.node.data_dir;
    match store.backend(data_dir) {
        Backend::Sqlite(store) => {
            Backend::Sqlite(SqliteConfig { companions: Secrets::files(data_dir), ..store })
        }
        scylla @ Backend::Scylla(_) => scylla,
    }
}

/// The store that runs.
pub enum OpenedStore {
    Sqlite(SqliteStore),
    Scylla(ScyllaStore),
}

impl OpenedStore {
    /// Migrates, if that is needed, which can take long.
    pub async fn open(backend: Backend) -> anyhow::Result<Self> {
        Ok(match backend {
            Backend::Sqlite(store) => {
                let open = move || SqliteStore::open(&store, Clock::system());
                let opened = tokio::task::spawn_blocking(open).await;
                Self::Sqlite(opened.context("opening the store failed")??)
            }
            Backend::Scylla(store) => {
                let opened = ScyllaStore::open(&store, Clock::system()).await;
                Self::Scylla(opened.with_context(|| format!("opening {} failed", store.address))?)
            }
        })
    }

    pub fn shared(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Scylla(store) => Arc::new(store.clone()),
        }
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Scylla(_) => "scylla",
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Scylla(store) => store.close().await,
        }
    }
}
