//! The composition root: builds one node from its settings, runs it, and takes it out of service.
//!
//! The only file that knows which store and which bus run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::bus::local::LocalBus;
use crate::chat::accounts::AccountLimits;
use crate::chat::announced::Announced;
use crate::chat::cache::Caches;
use crate::chat::limits::Limits;
use crate::chat::mentions::{self, NEWS_QUEUED_MAX};
use crate::chat::presence::{PresenceBoard, run_presence};
use crate::chat::tokens::{Secrets, Tokens};
use crate::chat::{Chat, Shared};
use crate::clock::Clock;
use crate::config::{Config, Listen};
use crate::edge::{CloseReason, Edge, EdgeConfig, Network};
use crate::gateway::{self, Gateway, GatewayConfig};
use crate::http::{self, HttpState, Readiness};
use crate::lifecycle::{self, Lifecycle};
use crate::model::id::{IdGenerator, NodeId};
use crate::model::rate::Rate;
use crate::store::Store;
use crate::store::sqlite::{SqliteConfig, SqliteStore};
use crate::telemetry;

/// After a drain, tasks have this long to finish what they are doing.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// One running node.
pub struct App {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where `/metrics` is, if anywhere.
    pub metrics_address: Option<SocketAddr>,
    pub lifecycle: Lifecycle,
    config: Config,
    edge: Edge,
    gateway: Gateway,
    readiness: Readiness,
    store: Arc<SqliteStore>,
}

/// Runs a node until SIGTERM or SIGINT, or until a part it cannot do without fails.
///
/// # Errors
///
/// If it cannot start, and if it had to stop by itself.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let app = App::start(config).await?;
    println!("listening on http://{}", app.address);
    if let Some(address) = app.metrics_address {
        println!("metrics on http://{address}/metrics");
    }
    tokio::select! {
        signal = lifecycle::stop_signal() => signal.context("cannot listen for signals")?,
        () = app.lifecycle.stopping() => {}
    }
    let failed = app.lifecycle.has_failed();
    app.leave().await;
    anyhow::ensure!(!failed, "stopped because a part of the node failed; see the log");
    Ok(())
}

/// Makes somebody an operator. Works beside a running server, which notices within half a minute.
pub async fn promote(config: &Config, username: &str) -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open_beside(sqlite_config(config)?)?);
    let outcome = crate::chat::official::promote(&*store, username).await;
    store.close().await;
    outcome.map_err(|error| anyhow::anyhow!("{username}: {error}"))
}
