//! One Engine.IO session as the edge sees it: its transport, and the way to end it.
//!
//! The handle rides in the extensions of the handshake request, which the engine keeps for the
//! session's life. So it is found from a socket, and its drop is the end of the session.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use engineioxide_core::{ProtocolVersion, Sid, TransportType};
use http::request::Parts;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Core;
use super::client::{Client, ClientFacts, Now};
use super::close_reason::{CloseReason, FirstReason};
use super::inbound::Binaries;
use super::join_attempts::{JoinAttempts, Unused};
use super::link::{Link, Queued, subtract};
use super::outbound::PendingChanges;
use super::settings::{ACK_BYTES_QUEUED_MAX, ACKS_QUEUED_MAX};
use crate::telemetry;

/// How long an idle poll is kept while the client upgrades: it has to end, but a client that polls
/// again at once must not spin.
const POLL_WHILE_UPGRADING: Duration = Duration::from_millis(100);
/// Before the first session of a drain is closed, so that it can read what it is told.
const ANNOUNCED: Duration = Duration::from_millis(100);

/// Where a session is on its way from polling to WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum UpgradePhase {
    Polling,
    /// A WebSocket is open beside the polling; its probe has not arrived.
    Probing,
    /// The probe was answered: the client ends its polling as soon as its poll returns.
    Probed,
    /// The client speaks WebSocket only; requests that are under way still finish.
    Switching,
    WebSocket,
}

struct Traffic {
    phase: UpgradePhase,
    requests_in_flight: u32,
}

/// See the module. Get it with [`EngineSession::of`].
pub struct EngineSession {
    core: Arc<Core>,
    client: Client,
    /// Known for sessions that began with polling.
    sid: OnceLock<Sid>,
    /// Known once the session is on a WebSocket.
    link: OnceLock<Arc<Link>>,
    reason: FirstReason,
    traffic: Mutex<Traffic>,
    /// Shared with the connection, which sees what comes over a WebSocket.
    attempts: Arc<Mutex<JoinAttempts>>,
    /// For polling; a WebSocket takes it over.
    pending: Mutex<PendingChanges>,
    /// Likewise.
    binaries: Mutex<Binaries>,
    /// Pushes since the last answered poll, while there is no link, which counts its own.
    pushes_unpolled: AtomicU32,
    /// Likewise acks; while there are too many, packets of the client wait.
    acks_unpolled: AtomicU32,
    /// Bytes of pushes and acks that no poll has taken, while there is no link.
    bytes_unpolled: AtomicU64,
    /// Told of every change that somebody may wait for; see [`until`].
    changed: Notify,
    /// Its key in the registry.
    number: u64,
}

/// Why a waiting poll is answered without the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PollEnd {
    /// The session is closed: 400, upon which clients reconnect.
    Closed,
    /// The client upgrades: an empty answer.
    Upgrading,
}

impl EngineSession {
    pub(super) fn begin(core: &Arc<Core>, client: Client, transport: TransportType) -> Arc<Self> {
        let phase = match transport {
            TransportType::Polling => UpgradePhase::Polling,
            TransportType::Websocket => UpgradePhase::WebSocket,
        };
        gauge(transport_name(phase), client.protocol).increment(1.0);
        let began = Instant::now();
        Arc::new_cyclic(|weak: &Weak<Self>| Self {
            core: core.clone(),
            pending: Mutex::new(PendingChanges::new(client.protocol)),
            binaries: Mutex::default(),
            client,
            attempts: Arc::new(Mutex::new(JoinAttempts::new(began))),
            pushes_unpolled: AtomicU32::new(0),
            acks_unpolled: AtomicU32::new(0),
            bytes_unpolled: AtomicU64::new(0),
            sid: OnceLock::new(),
            link: OnceLock::new(),
            reason: FirstReason::default(),
            traffic: Mutex::new(Traffic { phase, requests_in_flight: 0 }),
            changed: Notify::new(),
            number: core.registry.register(weak.clone()),
        })
    }

    /// The session of a socket: `EngineSession::of(socket.req_parts())`.
    ///
    /// `None` only for sockets that did not come through the edge (tests).
    pub fn of(request: &Parts) -> Option<&Arc<Self>> {
        request.extensions.get::<Arc<Self>>()
    }

    /// The transport in use now.
    pub fn transport(&self) -> TransportType {
        match self.traffic.lock().phase {
            UpgradePhase::WebSocket => TransportType::Websocket,
            _ => TransportType::Polling,
        }
    }

    /// The token that came with the handshake in `Authorization: Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        self.client.bearer()
    }

    /// What the client of a polling session is to get otherwise than the engine gives it.
    pub(super) fn pending(&self) -> MutexGuard<'_, PendingChanges> {
        self.pending.lock()
    }

    /// What the client has sent of its last event.
    pub(super) fn binaries(&self) -> MutexGuard<'_, Binaries> {
        self.binaries.lock()
    }

    pub fn protocol(&self) -> ProtocolVersion {
        self.client.protocol
    }

    /// Ends the session at its transport, so that an ordinary client reconnects by itself.
    ///
    /// A WebSocket is cut. A waiting poll and every later request are answered 400. Either way the
    /// engine's session ends now and the disconnect handlers run. The first reason stays. Call it
    /// within the runtime; it does not block.
    pub fn close(&self, reason: CloseReason) {
        if !self.reason.set(reason) {
            return;
        }
        self.changed.notify_waiters();
        if let Some(link) = self.link.get() {
            link.close(reason);
        }
        self.end_in_engine();
    }

    /// Counts a push that is about to be queued, with a packet of so many bytes; false if more than
    /// `limits.pushes_queued` are, or more bytes than `limits.pushes_queued_bytes`: the peer is a slow
    /// consumer. A push of any length may wait alone.
    ///
    /// On a WebSocket a push is queued until the kernel has taken it; an answered poll counts as
    /// having taken all pushes, as it takes all but what would make it larger than two megabytes, and as
    /// many bytes as it has.
    pub fn queue_push(&self, packet_bytes: usize) -> bool {
        let queued = match self.link.get() {
            Some(link) => link.queue_push(packet_bytes),
            None => Queued {
                pushes: self.pushes_unpolled.fetch_add(1, Ordering::Relaxed) + 1,
                push_bytes: self.add_unpolled(packet_bytes),
            },
        };
        let settings = &self.core.settings;
        let fits = queued.push_bytes <= settings.push_bytes_queued_max || queued.pushes == 1;
        queued.pushes <= settings.pushes_queued_max && fits
    }

    /// Counts an ack that is about to be queued, with a packet of so many bytes.
    pub fn queue_ack(&self, packet_bytes: usize) {
        match self.link.get() {
            Some(link) => link.queue_ack(packet_bytes),
            None => {
                self.acks_unpolled.fetch_add(1, Ordering::SeqCst);
                self.add_unpolled(packet_bytes);
            }
        }
    }

    /// Resolves to true when no more than `ACKS_QUEUED_MAX` acks wait for a poll. To false if the session
    /// is closed, which it is if nothing is polled for too long.
    pub(super) async fn acks_polled(&self) -> bool {
        let is_due = || {
            let waiting = self.acks_unpolled.load(Ordering::SeqCst);
            waiting <= ACKS_QUEUED_MAX || self.link.get().is_some() || self.is_closed()
        };
        let polled = until(|| &self.changed, is_due);
        if tokio::time::timeout(self.core.settings.write_stall, polled).await.is_err() {
            self.core.links.meters.slow_consumers.increment(1);
            self.close(CloseReason::SlowConsumer);
        }
        !self.is_closed()
    }

    /// Whether acks of less than `ACK_BYTES_QUEUED_MAX` wait for the client.
    pub fn has_room(&self) -> bool {
        match self.link.get() {
            Some(link) => link.has_room(),
            None => self.bytes_unpolled.load(Ordering::SeqCst) <= ACK_BYTES_QUEUED_MAX,
        }
    }

    /// Resolves when there [is room](Self::has_room), or the session is closed.
    pub async fn room(&self) {
        let told = || self.link.get().map_or(&self.changed, |link| link.room());
        until(told, || self.has_room() || self.is_closed()).await;
    }

    fn add_unpolled(&self, bytes: usize) -> u64 {
        self.bytes_unpolled.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64
    }

    /// A poll was answered, with so many bytes.
    pub fn polled(&self, bytes: u64) {
        self.pushes_unpolled.store(0, Ordering::Relaxed);
        let had_many = self.acks_unpolled.swap(0, Ordering::SeqCst) > ACKS_QUEUED_MAX;
        if subtract(&self.bytes_unpolled, bytes) > ACK_BYTES_QUEUED_MAX || had_many {
            self.changed.notify_waiters();
        }
    }

    pub(super) fn attempts(&self) -> &Arc<Mutex<JoinAttempts>> {
        &self.attempts
    }

    /// Counts a refused attempt; false if it is one too many.
    pub fn attempt_refused(&self) -> bool {
        self.attempts.lock().refused()
    }

    pub fn attempt_accepted(&self) {
        self.attempts.lock().accepted();
    }

    /// The session is in no namespace from now on; true if the caller has to watch it, by
    /// [`look_if_unused`](Self::look_if_unused). So one watch per session is enough.
    pub fn is_unused_now(&self) -> bool {
        self.attempts.lock().unused(Instant::now())
    }

    pub fn look_if_unused(&self) -> Unused {
        self.attempts.lock().look(Instant::now())
    }

    /// How long after the beginning of a drain over `spread` the session is closed.
    pub fn closes_in(&self, spread: Duration) -> Duration {
        closes_in(self.number, spread)
    }

    /// Why this side closed the session, if it did.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.reason.get().or_else(|| self.link.get().and_then(|link| link.close_reason()))
    }

    fn is_closed(&self) -> bool {
        self.reason.get().is_some()
    }

    /// The engine ends a polling session only at its client's word, so the edge says that word. On
    /// a WebSocket session it has no effect: there the cut connection is the end.
    fn end_in_engine(&self) {
        if let Some(sid) = self.sid.get() {
            self.core.end_in_engine(sid, self.client.protocol);
        }
    }

    /// Told once, with the answer to a polling handshake.
    pub(super) fn learn_sid(self: &Arc<Self>, sid: Sid) {
        if self.sid.set(sid).is_ok() {
            self.core.registry.name(sid, Arc::downgrade(self));
        }
        if self.is_closed() {
            self.end_in_engine();
        }
    }

    /// Ties the session to its WebSocket.
    pub(super) fn attach(&self, link: Arc<Link>) {
        let link = self.link.get_or_init(|| link);
        self.changed.notify_waiters(); // Who waits for room asks the link from now on.
        // Closed while nobody could see the link.
        if let Some(reason) = self.reason.get() {
            link.close(reason);
        }
    }

    /// A polling request begins; `None` if the session takes none any more.
    pub(super) fn begin_request(self: &Arc<Self>) -> Option<RequestInFlight> {
        let mut traffic = self.traffic.lock();
        if self.is_closed()
            || matches!(traffic.phase, UpgradePhase::Switching | UpgradePhase::WebSocket)
        {
            return None;
        }
        traffic.requests_in_flight += 1;
        Some(RequestInFlight { session: self.clone() })
    }

    /// Resolves when a waiting poll has to be answered by the edge.
    pub(super) async fn poll_end(&self) -> PollEnd {
        let is_at = |phase| self.is_closed() || self.traffic.lock().phase >= phase;
        until(|| &self.changed, || is_at(UpgradePhase::Probed)).await;
        let ended = until(|| &self.changed, || is_at(UpgradePhase::Switching));
        let _at_the_latest = tokio::time::timeout(POLL_WHILE_UPGRADING, ended).await;
        if self.is_closed() { PollEnd::Closed } else { PollEnd::Upgrading }
    }

    /// A WebSocket was opened to upgrade to; false if the session cannot upgrade now.
    pub(super) fn begin_probing(&self) -> bool {
        !self.is_closed() && self.go(UpgradePhase::Polling, UpgradePhase::Probing)
    }

    pub(super) fn probed(&self) -> bool {
        !self.is_closed() && self.go(UpgradePhase::Probing, UpgradePhase::Probed)
    }

    pub(super) fn switch(&self) -> bool {
        !self.is_closed() && self.go(UpgradePhase::Probed, UpgradePhase::Switching)
    }

    /// The upgrade failed: polling goes on as if nothing had been.
    pub(super) fn resume_polling(&self) {
        self.traffic.lock().phase = UpgradePhase::Polling;
        self.changed.notify_waiters();
    }

    pub(super) fn switched(&self) {
        self.go(UpgradePhase::Switching, UpgradePhase::WebSocket);
        gauge(transport_name(UpgradePhase::Polling), self.client.protocol).decrement(1.0);
        gauge(transport_name(UpgradePhase::WebSocket), self.client.protocol).increment(1.0);
    }

    /// Resolves when no request of the session is under way.
    pub(super) async fn idle(&self) {
        until(|| &self.changed, || self.traffic.lock().requests_in_flight == 0).await;
    }

    /// Resolves when [`close`](Self::close) was called.
    pub async fn closed(&self) {
        until(|| &self.changed, || self.is_closed()).await;
    }

    fn go(&self, from: UpgradePhase, to: UpgradePhase) -> bool {
        let mut traffic = self.traffic.lock();
        if traffic.phase != from {
            return false;
        }
        traffic.phase = to;
        drop(traffic);
        self.changed.notify_waiters();
        true
    }
}

impl Drop for EngineSession {
    fn drop(&mut self) {
        let phase = self.traffic.lock().phase;
        gauge(transport_name(phase), self.client.protocol).decrement(1.0);
        self.core.registry.forget(self.number, self.sid.get());
    }
}

/// Counts one polling request of its session while it lives.
pub(super) struct RequestInFlight {
    session: Arc<EngineSession>,
}

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.session.traffic.lock().requests_in_flight -= 1;
        self.session.changed.notify_waiters();
    }
}

/// Resolves when `is_so`; looks again whenever what `told` answers is told of a change.
///
/// A `watch` channel in each session would say the same, for ten times the memory of a `Notify`.
async fn until<'a>(told: impl Fn() -> &'a Notify, is_so: impl Fn() -> bool) {
    loop {
        let mut changed = pin!(told().notified());
        changed.as_mut().enable();
        if is_so() {
            return;
        }
        changed.await;
    }
}

/// The sessions of a drain are spread evenly, in no order that a client could choose. Successive
/// multiples of the golden ratio fill a circle with no gap and no heap, wherever they begin (Knuth,
/// The Art of Computer Programming, volume 3, section 6.4).
pub(super) fn closes_in(number: u64, spread: Duration) -> Duration {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let position = number.wrapping_mul(GOLDEN) as f64 / u64::MAX as f64;
    let first = ANNOUNCED.min(spread);
    first + (spread - first).mul_f64(position)
}

impl ClientFacts {
    /// Of the socket whose handshake was `request`.
    pub fn of(request: &Parts) -> Option<Self> {
        let session = EngineSession::of(request)?;
        let now = Now {
            transport: session.transport(),
            age: session.attempts.lock().age(Instant::now()),
            bytes: session.link.get().map(|link| link.bytes_moved()),
        };
        Some(session.client.facts(request.uri.query().unwrap_or_default(), now))
    }
}

fn transport_name(phase: UpgradePhase) -> &'static str {
    match phase {
        UpgradePhase::WebSocket => "websocket",
        _ => "polling",
    }
}

fn gauge(transport: &'static str, protocol: ProtocolVersion) -> metrics::Gauge {
    let protocol = match protocol {
        ProtocolVersion::V3 => "3",
        ProtocolVersion::V4 => "4",
    };
    metrics::gauge!(telemetry::CONNECTIONS, "transport" => transport, "protocol" => protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There are as many as clients, so a field more is a decision.
    #[test]
    fn what_is_kept_of_an_idle_session_is_small() {
        assert!(size_of::<EngineSession>() <= 200, "{}", size_of::<EngineSession>());
        assert!(size_of::<Link>() <= 136, "{}", size_of::<Link>());
    }

    #[test]
    fn a_drain_closes_about_as_many_sessions_in_each_part_of_its_time() {
        let spread = Duration::from_secs(5);
        for first in [0, 1, 77_777] {
            let mut closed = [0; 10];
            for number in first..first + 1000 {
                let at = closes_in(number, spread);
                assert!((ANNOUNCED..=spread).contains(&at));
                closed[((at - ANNOUNCED).as_millis() / 490).min(9) as usize] += 1;
            }
            assert!(closed.iter().all(|count| (95..=105).contains(count)), "{closed:?}");
        }
        assert_eq!(closes_in(7, Duration::ZERO), Duration::ZERO);
    }
}
