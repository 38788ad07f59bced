//! The composition root: builds one node from its settings, runs it, and takes it out of service.
//!
//! The only file that knows which store and which bus run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::opened::{OpenedStore, backend};
use crate::bus::Bus;
use crate::bus::local::LocalBus;
use crate::chat::changes::run_changes;
use crate::chat::mentions::run_mentions;
use crate::chat::official;
use crate::chat::presence::run_presence;
use crate::chat::repairs::run_repairs;
use crate::chat::secrets::Secrets;
use crate::chat::sessions::run_endings;
use crate::chat::tokens::Tokens;
use crate::chat::{Chat, ChatParts};
use crate::clock::Clock;
use crate::cluster::identity::{ClusterSettings, Identity};
use crate::cluster::lease::LeaseKeeper;
use crate::config::{Config, Listen};
use crate::edge::{CloseReason, Edge, EdgeConfig, EngineLimits};
use crate::gateway::{self, Gateway};
use crate::http::health::{Check, Readiness, watch as watch_health};
use crate::http::{self, HttpState};
use crate::http::{bind_metrics, run_upkeep, serve_metrics, serve_starting};
use crate::lifecycle::{Lifecycle, Signals};
use crate::model::id::{ClockBehind, IdGenerator, NodeId};
use crate::model::secret::Secret;
use crate::model::time::Timestamp;
use crate::model::time_budget::SETTLED_MS;
use crate::store::config::Backend;
use crate::store::scylla::ScyllaStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{KeyStore, StateStore};
use crate::telemetry;
use crate::watchdog::Watchdog;

mod opened;
mod upkeep;

pub use upkeep::{copy, export, import, migrate};

/// After a drain, tasks have this long to finish what they are doing.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// One running node.
pub struct App {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where `/metrics` is, if anywhere.
    pub metrics_address: Option<SocketAddr>,
    pub lifecycle: Lifecycle,
    drain: Duration,
    edge: Edge,
    gateway: Gateway,
    store: OpenedStore,
}

/// Runs a node until SIGTERM, SIGINT or SIGQUIT, or until a part it cannot do without fails.
///
/// # Errors
///
/// If it cannot start, and if it had to stop by itself.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    // Before the address is printed: who reads it may stop the node at once.
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let _watchdog = Watchdog::start(&Handle::current()).context("cannot start the watchdog")?;
    let app = tokio::select! {
        app = App::start(&config) => app?,
        () = signals.stop() => return Ok(()),
    };
    println!("listening on http://{}", app.address);
    if let Some(address) = app.metrics_address {
        println!("listening on http://{address}/metrics (metrics)");
    }
    tokio::select! {
        () = signals.stop() => {}
        () = app.lifecycle.stopping() => {}
    }
    let failed = app.lifecycle.has_failed();
    app.leave().await;
    anyhow::ensure!(!failed, "stopped because a part of the node failed; see the log");
    Ok(())
}

/// Makes somebody an operator. Works beside a running server, which notices within half a minute.
///
/// # Errors
///
/// If there is no such person, or no database yet.
pub async fn promote(config: &Config, username: &str) -> anyhow::Result<()> {
    let store = match backend(config, &config.store) {
        Backend::Sqlite(store) => {
            OpenedStore::Sqlite(SqliteStore::open_beside(&store, Clock::system())?)
        }
        Backend::Scylla(store) => {
            OpenedStore::Scylla(ScyllaStore::open(&store, Clock::system()).await?)
        }
    };
    let outcome = official::promote(&*store.shared(), username).await;
    store.close().await;
    outcome.map(|_| ()).map_err(|error| anyhow::anyhow!("{username}: {error}"))
}

impl App {
    /// Opens everything in the order in which it depends on each other, and serves.
    ///
    /// # Errors
    ///
    /// A part that cannot start, named. What was started before it ends with the process.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let metrics = telemetry::install_recorder();
        let lifecycle = Lifecycle::new();
        let readiness = Readiness::new(&lifecycle);
        let (listener, started) = listen(config.node.listen, &lifecycle).await?;
        let address = listener.local_addr()?;

        // The database first: a node that dies in between leaves no secrets without one.
        let store = open_store(config, &lifecycle, &readiness).await?;
        let secrets = secrets(config, &store).await?;
        let (node, ids) = start_ids(config, &store, &lifecycle).await?;
        let identity = Identity::new(node, &config.cluster, address);
        let (bus, deliveries) = LocalBus::new();
        let bus: Arc<dyn Bus> = Arc::new(bus);
        let chat = start_chat(config, &secrets, &store, ids, bus.clone(), &lifecycle);
        let deliveries = deliveries.heard_by(Arc::new(chat.clone()));
        let limits = EngineLimits::new(&config.edge, config.limits.requests_unanswered_max);
        let (socketio, gateway) =
            gateway::build(chat.clone(), bus, deliveries, limits, lifecycle.clone());
        chat.ensure_official_group()
            .await
            .context("the official group can be neither read nor made")?;

        let edge = Edge::new(edge_config(config, &identity, &secrets), lifecycle.clone());
        lifecycle.spawn("readiness", watch_health(readiness.clone(), chat.clone()));
        let router = http::router(
            HttpState::new(chat, readiness.clone()).with_engine_path(&config.edge.path),
        );
        started.end().await;
        let serving = edge.clone();
        lifecycle.spawn_critical("edge", async move {
            if let Err(error) = serving.serve(listener, router, socketio).await {
                tracing::error!(%error, "serving ended");
            }
        });
        lifecycle.spawn("metrics_upkeep", run_upkeep(metrics.clone(), lifecycle.clone()));
        let metrics_address = start_metrics(config, metrics, &lifecycle).await;
        identify(&identity, store.name());
        readiness.started();
        let drain = config.node.drain;
        Ok(Self { address, metrics_address, lifecycle, drain, edge, gateway, store })
    }

    /// Leaves service: asks clients to reconnect elsewhere, closes what is still open, ends all tasks,
    /// closes the store. Bounded by `drain.seconds` and a few seconds more.
    pub async fn leave(self) {
        let sessions = self.edge.sessions();
        tracing::info!(sessions, "leaving service");
        self.lifecycle.drain();
        if !self.lifecycle.is_stopping() && sessions > 0 {
            self.gateway.announce_draining(self.drain).await;
            let closing = self.edge.close_all(CloseReason::Drain, self.drain);
            let closed = tokio::time::timeout(self.drain + STOP_TIMEOUT, closing).await;
            tracing::info!(
                sessions = closed.unwrap_or_default(),
                "closed the sessions that were left"
            );
        }
        self.lifecycle.stop();
        if !self.lifecycle.wait_for_tasks(STOP_TIMEOUT).await {
            tracing::warn!("some tasks did not end in time");
        }
        self.store.close().await;
        tracing::info!("stopped");
    }
}

/// Answers that the node is starting, on the port where it will serve.
struct Starting {
    ready: CancellationToken,
    answering: JoinHandle<()>,
}

impl Starting {
    async fn end(self) {
        self.ready.cancel();
        if self.answering.await.is_err() {
            tracing::warn!("answering during the start failed");
        }
    }
}

/// Takes the port, so that a second node on it fails before it touches any data.
async fn listen(
    address: SocketAddr,
    lifecycle: &Lifecycle,
) -> anyhow::Result<(TcpListener, Starting)> {
    let failed = || format!("cannot listen on {address}");
    let listener = TcpListener::bind(address).await.with_context(failed)?.into_std()?;
    let meanwhile = TcpListener::from_std(listener.try_clone()?)?;
    let ready = CancellationToken::new();
    let answering =
        lifecycle.spawn("starting", serve_starting(meanwhile, ready.clone().cancelled_owned()));
    Ok((TcpListener::from_std(listener)?, Starting { ready, answering }))
}

async fn open_store(
    config: &Config,
    lifecycle: &Lifecycle,
    readiness: &Readiness,
) -> anyhow::Result<OpenedStore> {
    let opened = OpenedStore::open(backend(config, &config.store)).await?;
    match &opened {
        OpenedStore::Sqlite(store) => {
            watch_store(store, lifecycle);
            let watched = watch_files(store.intact(), lifecycle.clone(), readiness.clone());
            lifecycle.spawn("data_files", watched);
        }
        OpenedStore::Scylla(store) => {
            let (store, stopping) = (store.clone(), lifecycle.clone());
            lifecycle.spawn_critical("garbage", async move {
                tokio::select! {
                    () = store.collect_garbage_again_and_again() => {}
                    () = stopping.stopping() => {}
                }
            });
        }
    }
    Ok(opened)
}

/// A node whose database was deleted or replaced stores nothing: it is for others to serve.
async fn watch_files(
    mut intact: watch::Receiver<bool>,
    lifecycle: Lifecycle,
    readiness: Readiness,
) {
    loop {
        readiness.set(Check::Files, *intact.borrow_and_update());
        tokio::select! {
            changed = intact.changed() => if changed.is_err() { return },
            () = lifecycle.stopping() => return,
        }
    }
}

/// The keys, from wherever they come.
async fn secrets(config: &Config, store: &OpenedStore) -> anyhow::Result<Secrets> {
    let ClusterSettings { secret, secret_file, .. } = &config.cluster;
    Ok(match (&config.node.keys_dir, secret.as_str(), secret_file) {
        (None, None, None) => match store {
            OpenedStore::Sqlite(_) => Secrets::load_or_create(&config.node.data_dir)?,
            // All nodes of one store have the same.
            OpenedStore::Scylla(store) => {
                let shared = store.shared_secret(&Secret::new(rand::random())).await;
                Secrets::derived_from(shared.context("the shared secret cannot be read")?.expose())
            }
        },
        (Some(folder), None, None) => Secrets::load(folder)?,
        (None, Some(text), None) => Secrets::derived_from(text.as_bytes()),
        (None, None, Some(file)) => Secrets::from_shared_file(file)?,
        _ => anyhow::bail!(
            "keys_dir, cluster.secret and cluster.secret_file all say which keys: set one of them"
        ),
    })
}

/// Which node this is, and its ids. The embedded store has one process, and needs no lease to know which.
async fn start_ids(
    config: &Config,
    store: &OpenedStore,
    lifecycle: &Lifecycle,
) -> anyhow::Result<(NodeId, Arc<IdGenerator>)> {
    let store = match store {
        OpenedStore::Sqlite(store) => {
            let ids = ids_above(store).await?;
            return Ok((ids.node(), Arc::new(ids)));
        }
        OpenedStore::Scylla(_) => store.shared(),
    };
    let name = config.cluster.name.or_of_host();
    let lease = LeaseKeeper::take(store, Clock::system(), name, rand::random()).await?;
    let (node, ids) = (lease.node(), lease.ids());
    lifecycle.spawn_critical("lease", lease.run(lifecycle.clone()));
    Ok((node, ids))
}

/// Ids go on above all that were given out, also if the clock was ahead then.
async fn ids_above(store: &SqliteStore) -> anyhow::Result<IdGenerator> {
    let newest = store.newest_id().await.context("the newest id cannot be read")?;
    let ids = IdGenerator::above(NodeId::default(), newest);
    let now_ms = Clock::system().now_ms();
    let behind = ClockBehind { behind_ms: ids.behind_ms(now_ms) };
    if behind.wait_ms() > 0 {
        let until = Timestamp(now_ms.saturating_add(behind.wait_ms()));
        tracing::error!(
            behind.ms = behind.behind_ms,
            "{behind}: the clock is wrong now, or was when that was stored. Refusing writes until {until}; \
             see \"Time\" in docs/operations.md"
        );
    }
    Ok(ids)
}

fn start_chat(
    config: &Config,
    secrets: &Secrets,
    store: &OpenedStore,
    ids: Arc<IdGenerator>,
    bus: Arc<dyn Bus>,
    lifecycle: &Lifecycle,
) -> Chat {
    let (chat, mention_news) = Chat::new(ChatParts {
        store: store.shared(),
        bus,
        clock: Clock::system(),
        ids,
        limits: config.limits.clone(),
        tokens: Tokens::new(
            *secrets.tokens.expose(),
            config.auth.access_token,
            config.auth.session,
        ),
        settled_ms: SETTLED_MS,
        lifecycle: lifecycle.clone(),
    });
    lifecycle.spawn_critical("changes", run_changes(chat.clone()));
    lifecycle.spawn_critical("mentions", run_mentions(chat.clone(), mention_news));
    lifecycle.spawn_critical("presence", run_presence(chat.clone()));
    lifecycle.spawn_critical("endings", run_endings(chat.clone()));
    lifecycle.spawn_critical("repairs", run_repairs(chat.clone()));
    chat
}

/// What runs, for dashboards to join with, and for whoever reads the log.
fn identify(identity: &Identity, store: &str) {
    let Identity { id, name, address } = identity;
    tracing::info!(node.id = %id, node.address = address, "node {id}, called {name}, at {address}");
    let labels = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("node_id", id.to_string()),
        ("node_name", name.clone()),
        ("store", store.to_owned()),
        ("bus", "local".to_owned()),
    ];
    metrics::gauge!(telemetry::BUILD_INFO, &labels).set(1.0);
}

/// Without its writer the store takes nothing more: better a node that is started anew.
fn watch_store(store: &SqliteStore, lifecycle: &Lifecycle) {
    let (ended, stopping) = (store.ended(), lifecycle.clone());
    lifecycle.spawn_critical("store", async move {
        tokio::select! {
            () = ended => tracing::error!("the store's writer has ended"),
            () = stopping.stopping() => {}
        }
    });
}

async fn start_metrics(
    config: &Config,
    handle: metrics_exporter_prometheus::PrometheusHandle,
    lifecycle: &Lifecycle,
) -> Option<SocketAddr> {
    let Listen::On(address) = config.node.metrics_listen else { return None };
    let listener = bind_metrics(address).await?;
    let bound = listener.local_addr().ok();
    lifecycle.spawn("metrics", serve_metrics(listener, handle, lifecycle.clone()));
    bound
}

fn edge_config(config: &Config, identity: &Identity, secrets: &Secrets) -> EdgeConfig {
    EdgeConfig {
        settings: config.edge.clone(),
        node: identity.id.to_string(),
        session_secret: (*secrets.socket_ids.expose()).into(),
        limits_addresses: config.limits.rates,
        ..EdgeConfig::default()
    }
}
