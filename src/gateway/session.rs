//! A session of the gateway: one authenticated socket, from its handshake to its end.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use socketioxide::TransportType;
use socketioxide::socket::DisconnectReason;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::bus::Bus;
use crate::chat::{Caller, Chat, ChatError};
use crate::clock::UnixMs;
use crate::edge::EngineSession;
use crate::gateway::expiries::Expiries;
use crate::gateway::fanout::{ByKey, FanoutHandle};
use crate::gateway::inbox::{Inbox, Rules};
use crate::gateway::opening::Opener;
use crate::gateway::reopening::{Reopen, Reopened, reopen};
use crate::gateway::socket_outlet::SocketOutlet;
use crate::lifecycle::Lifecycle;
use crate::model::presence::SocketKey;
use crate::telemetry;

/// What all sessions share.
pub struct GatewayState {
    pub chat: Chat,
    pub bus: Arc<dyn Bus>,
    pub fanout: FanoutHandle<SocketOutlet>,
    pub rules: Arc<Rules>,
    pub lifecycle: Lifecycle,
    pub next_key: AtomicU64,
    pub sessions: SocketSessions,
    pub expiries: Arc<Expiries>,
}

impl GatewayState {
    pub fn opener(&self) -> Opener<'_, SocketOutlet> {
        Opener { chat: &self.chat, bus: &self.bus, fanout: &self.fanout }
    }

    pub fn next_key(&self) -> SocketKey {
        SocketKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }
}

/// The sessions of this node, from before they are attached until their socket is gone.
#[derive(Default)]
pub struct SocketSessions(Mutex<ByKey<Weak<SocketSession>>>);

impl SocketSessions {
    pub fn all(&self) -> Vec<Arc<SocketSession>> {
        self.0.lock().values().filter_map(Weak::upgrade).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SessionPhase {
    Opening,
    Ready,
    Ended,
}

pub struct SocketSession {
    pub shared: Arc<GatewayState>,
    pub caller: Caller,
    pub key: SocketKey,
    pub transport: Arc<EngineSession>,
    pub inbox: Arc<Inbox>,
    began: Instant,
    phase: Mutex<SessionPhase>,
    phase_changed: Notify,
}

impl SocketSession {
    pub fn new(shared: Arc<GatewayState>, caller: Caller, inbox: Arc<Inbox>) -> Arc<Self> {
        let key = shared.next_key();
        let session = Arc::new(Self {
            shared,
            caller,
            key,
            transport: inbox.transport().clone(),
            inbox,
            began: Instant::now(),
            phase: Mutex::new(SessionPhase::Opening),
            phase_changed: Notify::new(),
        });
        session.shared.sessions.0.lock().insert(key, Arc::downgrade(&session));
        session
    }

    pub fn chat(&self) -> &Chat {
        &self.shared.chat
    }

    /// The socket is gone, perhaps even before it was attached to anything.
    pub fn has_ended(&self) -> bool {
        *self.phase.lock() == SessionPhase::Ended
    }

    /// For requests that need the session to be attached; the others are carried out before, too.
    ///
    /// # Errors
    ///
    /// If it ends instead.
    pub async fn ready(&self) -> Result<(), ChatError> {
        loop {
            let mut changed = pin!(self.phase_changed.notified());
            changed.as_mut().enable();
            let phase = *self.phase.lock();
            match phase {
                SessionPhase::Opening => changed.await,
                SessionPhase::Ready => return Ok(()),
                SessionPhase::Ended => return Err(ChatError::Unavailable),
            }
        }
    }

    /// `ready` has gone out. The phase is held over the calls, so that nobody sees the end of a session
    /// before its beginning.
    pub fn opened(&self, expires_at_ms: UnixMs) {
        let mut phase = self.phase.lock();
        if *phase == SessionPhase::Opening {
            *phase = SessionPhase::Ready;
            self.chat().presence_opened(self.caller, self.key);
            self.shared.expiries.watch(self.key, self.caller, expires_at_ms);
        }
        drop(phase);
        self.phase_changed.notify_waiters();
    }

    /// The socket is gone. Takes the session out of everything it is in.
    pub async fn ended(&self, reason: DisconnectReason, transport: TransportType) {
        {
            let mut phase = self.phase.lock();
            if std::mem::replace(&mut *phase, SessionPhase::Ended) == SessionPhase::Ready {
                self.chat().presence_closed(self.caller, self.key);
                self.shared.expiries.forget(self.key);
            }
        }
        self.shared.sessions.0.lock().remove(&self.key);
        self.phase_changed.notify_waiters();
        self.inbox.client_gone();
        self.shared.fanout.detach(self.key).await;
        let (transport, reason) = (transport_name(transport), self.reason_name(reason));
        metrics::counter!(telemetry::DISCONNECTS, "transport" => transport, "reason" => reason)
            .increment(1);
        metrics::histogram!(telemetry::SESSION_DURATION, "transport" => transport)
            .record(self.began.elapsed());
    }

    fn reason_name(&self, reason: DisconnectReason) -> &'static str {
        if let Some(own) = self.transport.close_reason() {
            return own.as_str();
        }
        match reason {
            DisconnectReason::TransportClose | DisconnectReason::ClientNSDisconnect => "client",
            DisconnectReason::HeartbeatTimeout => "ping_timeout",
            DisconnectReason::ServerNSDisconnect => "kicked",
            DisconnectReason::ClosingServer => "drain",
            DisconnectReason::MultipleHttpPollingError
            | DisconnectReason::PacketParsingError
            | DisconnectReason::TransportError => "transport_error",
        }
    }
}

impl Reopen for SocketSession {
    async fn reopen(&self) -> bool {
        // One that is opening may have missed something as well. It ends if it takes too long.
        if self.ready().await.is_err() {
            return true;
        }
        match reopen(self.shared.opener(), self.caller, self.key).await {
            Reopened::Until(expires_at_ms) => {
                self.shared.expiries.prolong(self.key, expires_at_ms);
                true
            }
            Reopened::Over => true,
            Reopened::Failed => false,
        }
    }
}

pub fn transport_name(transport: TransportType) -> &'static str {
    match transport {
        TransportType::Websocket => "websocket",
        TransportType::Polling => "polling",
    }
}
