//! The application under test: echoes, and shows its sockets to the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::routing::{get, post};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::socket::DisconnectReason;
use tokio::sync::mpsc;
use vibetalk::edge::{Edge, EdgeConfig, EngineLimits, EngineSession, PeerAddr, engine_settings};
use vibetalk::lifecycle::Lifecycle;

/// Nothing in these tests takes longer, unless it never comes.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    pub address: SocketAddr,
    pub edge: Edge,
    pub lifecycle: Lifecycle,
    connected: mpsc::Receiver<Connected>,
    disconnected: mpsc::Receiver<(Arc<EngineSession>, DisconnectReason)>,
}

/// A socket as the application sees it.
pub struct Connected {
    pub socket: SocketRef,
    pub session: Arc<EngineSession>,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut EdgeConfig)) -> Self {
        let mut config = EdgeConfig::default();
        change(&mut config);
        Self::start_with(config, EngineLimits::default()).await
    }

    pub async fn with_pings(ping_interval: Duration, ping_timeout: Duration) -> Self {
        let limits = EngineLimits { ping_interval, ping_timeout, ..EngineLimits::default() };
        Self::start_with(EdgeConfig::default(), limits).await
    }

    async fn start_with(config: EdgeConfig, limits: EngineLimits) -> Self {
        let (connects, connected) = mpsc::channel(1000);
        let (disconnects, disconnected) = mpsc::channel(1000);
        let (socketio, io) = engine_settings(SocketIo::builder(), limits).build_svc();
        io.ns("/", move |socket: SocketRef| {
            on_connect(socket, connects.clone(), disconnects.clone())
        });

        let lifecycle = Lifecycle::new();
        let edge = Edge::new(config, lifecycle.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (serving, router) = (edge.clone(), router(lifecycle.clone()));
        lifecycle.spawn("edge", async move {
            serving.serve(listener, router, socketio).await.unwrap();
        });
        Self { address, edge, lifecycle, connected, disconnected }
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// The next socket that connects.
    pub async fn connected(&mut self) -> Connected {
        let next = tokio::time::timeout(PATIENCE, self.connected.recv()).await;
        next.expect("nobody connects").unwrap()
    }

    /// The next socket that disconnects.
    pub async fn disconnected(&mut self) -> (Arc<EngineSession>, DisconnectReason) {
        let next = tokio::time::timeout(PATIENCE, self.disconnected.recv()).await;
        next.expect("nobody disconnects").unwrap()
    }

    /// Waits until the edge has let go of all but `count` sessions, and lets go of those that came
    /// and went before.
    pub async fn sessions_fall_to(&mut self, count: usize) {
        let fallen = async {
            while self.edge.sessions() > count {
                while self.connected.try_recv().is_ok() || self.disconnected.try_recv().is_ok() {}
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, fallen).await;
        waited.unwrap_or_else(|_| panic!("{} sessions stay", self.edge.sessions()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

fn router(lifecycle: Lifecycle) -> axum::Router {
    axum::Router::new()
        .route(
            "/address",
            get(|Extension(peer): Extension<PeerAddr>| async move { peer.0.to_string() }),
        )
        .route("/stop", get(|| async move { stop(&lifecycle).await }))
        .route("/refused", post(|| async { http::StatusCode::UNAUTHORIZED }))
        .route("/length", post(|body: bytes::Bytes| async move { body.len().to_string() }))
}

/// Answers after the node has stopped.
async fn stop(lifecycle: &Lifecycle) -> &'static str {
    lifecycle.stop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    "stopped"
}

async fn on_connect(
    socket: SocketRef,
    connects: mpsc::Sender<Connected>,
    disconnects: mpsc::Sender<(Arc<EngineSession>, DisconnectReason)>,
) {
    let session = EngineSession::of(socket.req_parts()).expect("came through the edge").clone();
    socket.on("echo", |socket: SocketRef, Data(value): Data<serde_json::Value>| async move {
        socket.emit("echo", &value).unwrap();
    });
    socket.on("ask", |Data(value): Data<serde_json::Value>, ack: AckSender| async move {
        ack.send(&value).unwrap();
    });
    socket.on_disconnect(move |socket: SocketRef, reason: DisconnectReason| async move {
        let session = EngineSession::of(socket.req_parts()).unwrap().clone();
        disconnects.send((session, reason)).await.ok();
    });
    connects.send(Connected { socket, session }).await.ok();
}
