//! The gateway: Socket.IO in front of `chat`.
//!
//! In: [`dispatch`], the one path of all requests. Out: [`fanout`], the one path of all pushes.
//! Handlers emit to nobody; the fan-out carries out nothing. Connections themselves are the edge's.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use engineioxide::service::NotFoundService;
use socketioxide::SocketIo;
use socketioxide::service::SocketIoService;
use tokio::time::timeout;

use crate::bus::{Bus, Deliveries};
use crate::chat::Chat;
use crate::edge::{EngineLimits, engine_settings};
use crate::lifecycle::Lifecycle;

pub mod dispatch;
mod expiries;
pub mod fanout;
mod handlers;
mod handshake;
pub mod inbox;
pub mod marks;
mod meters;
pub mod opening;
pub mod packet;
pub mod reopening;
pub mod reply;
mod session;
pub mod socket_outlet;
#[cfg(test)]
mod test_client;

use expiries::{Expiries, run_expiries};
use inbox::Rules;
use marks::run_marks;
use reopening::run_reopenings;
use session::{GatewayState, SocketSessions};
use socket_outlet::SocketOutlet;

/// Telling 10,000 sessions takes less than a second.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(3);

/// Speaks to all sessions of the node; clones are cheap.
#[derive(Clone)]
pub struct Gateway {
    fanout: fanout::FanoutHandle<SocketOutlet>,
}

/// Builds the Socket.IO service for the edge, and starts the fan-out of `deliveries`.
///
/// Call it within the runtime, after the metrics recorder is installed.
pub fn build(
    chat: Chat,
    bus: Arc<dyn Bus>,
    deliveries: Deliveries,
    limits: EngineLimits,
    lifecycle: Lifecycle,
) -> (SocketIoService<NotFoundService>, Gateway) {
    let gaps = fanout::Gaps::default();
    let context = fanout::Context {
        bus: bus.clone(),
        clock: chat.clock().clone(),
        node: chat.node(),
        lifecycle: lifecycle.clone(),
        gaps: gaps.clone(),
    };
    let fanout = fanout::spawn(context, deliveries);
    let rules = Rules::new(chat.limits(), chat.clock().clone(), lifecycle.clone());
    let expiries = Arc::new(Expiries::default());
    let watching = run_expiries(chat.clone(), fanout.clone(), expiries.clone(), lifecycle.clone());
    lifecycle.spawn_critical("expiries", watching);
    lifecycle.spawn_critical(
        "marks",
        run_marks(chat.clone(), fanout.clone(), marks::INTERVAL, lifecycle.clone()),
    );
    let shared = Arc::new(GatewayState {
        rules: Arc::new(rules),
        fanout: fanout.clone(),
        next_key: AtomicU64::new(1),
        sessions: SocketSessions::default(),
        expiries,
        chat,
        bus,
        lifecycle: lifecycle.clone(),
    });
    let sessions = {
        let shared = shared.clone();
        move || shared.sessions.all()
    };
    let reopenings = run_reopenings(sessions, gaps.subscribe(), lifecycle.clone());
    lifecycle.spawn_critical("reopenings", reopenings);
    let (service, io) = engine_settings(SocketIo::builder(), limits).with_state(shared).build_svc();
    handshake::accept(&io);
    (service, Gateway { fanout })
}

impl Gateway {
    /// Sends `server:draining` to every session: when, within `spread`, the edge is going to close it.
    /// Returns when all are told, after [`ANNOUNCE_TIMEOUT`] at the latest.
    pub async fn announce_draining(&self, spread: Duration) {
        let announced = timeout(ANNOUNCE_TIMEOUT, self.fanout.announce_draining(spread)).await;
        if !matches!(announced, Ok(Ok(()))) {
            tracing::warn!("not every session was told that the node drains");
        }
    }
}
