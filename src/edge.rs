//! The edge: every connection of the public port, before Socket.IO and HTTP.
//!
//! Accepts, bounds and watches connections; makes session ids that cannot be guessed from the
//! visible socket id; does WebSocket handshakes and upgrades itself; and ends any session at its
//! transport, so that ordinary clients come back by themselves. It authenticates nobody and knows no
//! chat: `docs/protocol.md` (Connecting, Limits) is its contract.

mod accept;
mod address;
mod bearer;
mod client;
mod close_reason;
mod connect_error;
mod connection;
mod cors;
mod first_output;
mod frames;
mod front;
mod inbound;
mod join_attempts;
mod link;
mod meters;
mod origin;
mod outbound;
mod path;
mod payload;
mod probe;
mod query;
mod refusal;
mod registry;
mod rest;
mod session;
mod session_id;
mod settings;
mod tally;
mod upgrade;

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use engineioxide_core::{ProtocolVersion, Sid, TransportType};
use http::HeaderMap;
use socketioxide::adapter::Adapter;
use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior};

pub use address::{BodyBytesMax, Network, NetworkError, PeerAddr};
pub use bearer::bearer;
pub use client::{ClientFacts, USER_AGENT_CHARS_MAX, user_agent};
pub use close_reason::CloseReason;
pub use connect_error::ConnectError;
pub use front::SocketIo;
pub use join_attempts::Unused;
pub use link::BytesMoved;
pub use origin::{Origin, OriginError};
pub use path::{EnginePath, EnginePathError};
pub use rest::{read_rest, watch_body};
pub use session::EngineSession;
pub use session_id::SessionSecret;
pub use settings::{
    ACK_BYTES_QUEUED_MAX, EdgeSettings, EngineLimits, PAYLOAD_BYTES_MAX, PING_INTERVAL,
    PUSHES_QUEUED_MAX, engine_settings,
};

use address::{AddressLimit, AddressPermit};
use client::Client;
use cors::Cors;
use front::Front;
use meters::Meters;
use refusal::Refusal;
use registry::Registry;
use session_id::SessionIds;

use crate::lifecycle::Lifecycle;

/// What the engine takes for its path, whatever `gateway.path` says to clients.
const ENGINE_PATH: &str = "/socket.io/";
/// How often a slice of sessions is closed while draining.
const CLOSE_SLICE: Duration = Duration::from_millis(50);

/// How the edge treats connections. The defaults are those of `docs/protocol.md`.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    pub settings: EdgeSettings,
    /// The public server id, first part of each session id on the wire: letters and digits.
    pub node: String,
    /// Signs session ids; nodes with the same one know each other's.
    pub session_secret: SessionSecret,
    /// False: an address may have any number of connections (`limits.rates = false`).
    pub limits_addresses: bool,
    pub timeouts: Timeouts,
}

/// How long clients may take for a request.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// A connection without a whole first request by then is closed.
    pub head: Duration,
    /// How long a kept-alive connection may be idle. More than nginx's `keepalive_timeout` (75 s),
    /// so that nginx closes first and never sends a request into a closing connection.
    pub idle: Duration,
    /// How long the body of a polling POST may take.
    pub post: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(90),
            post: Duration::from_secs(30),
        }
    }
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            settings: EdgeSettings::default(),
            node: "n0".to_owned(),
            session_secret: SessionSecret::random(),
            limits_addresses: true,
            timeouts: Timeouts::default(),
        }
    }
}

/// The handle of one listener's edge; clones are cheap.
#[derive(Clone)]
pub struct Edge {
    core: Arc<Core>,
}

/// Ends a polling session in the engine.
type EndInEngine = Box<dyn Fn(&Sid, ProtocolVersion) + Send + Sync>;

/// What all connections and sessions of one edge have in common.
pub(crate) struct Core {
    settings: EdgeSettings,
    timeouts: Timeouts,
    lifecycle: Lifecycle,
    session_ids: Arc<SessionIds>,
    cors: Cors,
    connection_limit: Option<Arc<AddressLimit>>,
    session_limit: Option<Arc<AddressLimit>>,
    links: Arc<link::Common>,
    registry: Registry,
    /// Set by `serve`.
    end_in_engine: OnceLock<EndInEngine>,
}

impl Edge {
    /// Call it after the metrics recorder is installed.
    pub fn new(config: EdgeConfig, lifecycle: Lifecycle) -> Self {
        probe::register_outcomes();
        let EdgeConfig { settings, node, session_secret, limits_addresses, timeouts } = config;
        let per_address = limits_addresses.then_some(settings.connections_per_address);
        let session_ids = SessionIds::new(&node, &session_secret, settings.payload_bytes_max);
        let bounds = link::Bounds {
            write_stall: settings.write_stall,
            payload_bytes_max: settings.payload_bytes_max,
        };
        let core = Core {
            session_ids: Arc::new(session_ids),
            cors: Cors::new(&settings.cors_origins),
            connection_limit: per_address.map(AddressLimit::new),
            session_limit: per_address.map(AddressLimit::new),
            links: Arc::new(link::Common { meters: Meters::new(), bounds }),
            registry: Registry::default(),
            end_in_engine: OnceLock::new(),
            lifecycle,
            settings,
            timeouts,
        };
        Self { core: Arc::new(core) }
    }

    /// Serves `listener` until the node stops: [`EdgeSettings::path`] goes to `socketio`, all else to
    /// `router`, whose requests carry [`PeerAddr`]. Call it once.
    ///
    /// # Errors
    ///
    /// Never for a single connection, nor for a lack of file descriptors: accepting is tried again.
    pub async fn serve<A: Adapter>(
        &self,
        listener: TcpListener,
        router: axum::Router,
        socketio: SocketIo<A>,
    ) -> io::Result<()> {
        let front = Front::new(self.core.clone(), router, socketio);
        // Weak, because the sessions, which the engine owns, own what holds this.
        let weak = Arc::downgrade(&front);
        let end_in_engine: EndInEngine = Box::new(move |sid, protocol| {
            if let Some(front) = Weak::upgrade(&weak) {
                front.end_in_engine(sid, protocol);
            }
        });
        if self.core.end_in_engine.set(end_in_engine).is_err() {
            return Err(io::Error::other("this edge serves already"));
        }
        accept::run(listener, &front).await;
        for (_, session) in self.core.registry.all() {
            session.upgrade().inspect(|session| session.close(CloseReason::Drain));
        }
        Ok(())
    }

    /// A session without a client, of which no engine knows: for tests and benchmarks of what works with
    /// one. It counts as one on polling, which nobody polls.
    pub fn session_without_client(&self) -> Arc<EngineSession> {
        let permit = AddressPermit::uncounted(Ipv4Addr::LOCALHOST.into());
        let client = Client::new(ProtocolVersion::V4, permit, &HeaderMap::new());
        EngineSession::begin(&self.core, client, TransportType::Polling)
    }

    /// Engine.IO sessions, authenticated or not.
    pub fn sessions(&self) -> usize {
        self.core.registry.len()
    }

    /// Closes all sessions of now over `spread`, so that their clients do not all come to the other
    /// nodes at once: each when [`EngineSession::closes_in`] says. Ends as soon as no session is
    /// left, because clients may go by themselves. Returns how many it closed.
    pub async fn close_all(&self, reason: CloseReason, spread: Duration) -> usize {
        let began = Instant::now();
        let mut due: Vec<_> = self.core.registry.all().into_iter().collect();
        due.sort_unstable_by_key(|(number, _)| session::closes_in(*number, spread));
        let mut due = due.into_iter().peekable();
        let mut ticks = tokio::time::interval(CLOSE_SLICE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closed = 0;
        while due.peek().is_some() && self.sessions() > 0 {
            ticks.tick().await;
            let passed = began.elapsed();
            let is_due = |(number, _): &(u64, _)| session::closes_in(*number, spread) <= passed;
            while let Some((_, session)) = due.next_if(is_due) {
                let Some(session) = session.upgrade() else { continue };
                session.close(reason);
                closed += 1;
            }
        }
        closed
    }
}

impl Core {
    fn admit(&self) -> Result<(), Refusal> {
        if self.lifecycle.is_draining() || self.registry.len() >= self.settings.sessions_max {
            return Err(Refusal::Unavailable);
        }
        Ok(())
    }

    fn end_in_engine(&self, sid: &Sid, protocol: ProtocolVersion) {
        if let Some(end) = self.end_in_engine.get() {
            end(sid, protocol);
        }
    }
}
