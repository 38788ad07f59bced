//! How a socket becomes a session: authentication, then `ready` with nothing before and nothing
//! missing after it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use socketioxide::extract::{SocketRef, State, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::DisconnectReason;
use socketioxide::{ProtocolVersion, SocketIo, TransportType};
use tokio::time::timeout;

use crate::chat::{Caller, ChatError};
use crate::edge::{CloseReason, ConnectError, EngineSession, Unused};
use crate::gateway::dispatch::Dispatcher;
use crate::gateway::fanout::Outlet;
use crate::gateway::handlers;
use crate::gateway::inbox::Inbox;
use crate::gateway::opening::{NotReady, STEP_TIMEOUT};
use crate::gateway::session::{GatewayState, SocketSession, transport_name};
use crate::gateway::socket_outlet::SocketOutlet;
use crate::telemetry::{self, log_seldom};

/// Lets people into the main namespace.
pub fn accept(io: &SocketIo) {
    io.ns("/", connect.with(authenticate));
}

/// What `auth` of a handshake is; `RawValue`, because it may be any JSON.
type Auth = TryData<Box<RawValue>>;

type ConnectRefusal = ConnectError<'static>;

const UNAUTHORIZED: ConnectRefusal = ConnectRefusal {
    code: "unauthorized",
    message: "there is no access token, or none that is valid",
};
const EXPIRED: ConnectRefusal =
    ConnectRefusal { code: "token_expired", message: "the access token has expired: refresh it" };
const UNAVAILABLE: ConnectRefusal =
    ConnectRefusal { code: "unavailable", message: "try again later" };

fn refusal(error: ChatError) -> ConnectRefusal {
    match error {
        ChatError::TokenExpired => EXPIRED,
        error if error.is_fault() => {
            log_seldom!(error, error = &error as &dyn std::error::Error, "authentication failed");
            UNAVAILABLE
        }
        _ => UNAUTHORIZED,
    }
}

/// Runs before CONNECT is answered, so a session is there before any event can arrive.
async fn authenticate(
    socket: SocketRef,
    auth: Auth,
    protocol: ProtocolVersion,
    transport: TransportType,
    io: SocketIo,
    State(shared): State<Arc<GatewayState>>,
) -> Result<(), ConnectRefusal> {
    let Some(session) = EngineSession::of(socket.req_parts()) else {
        log_seldom!(error, "a socket did not come through the edge");
        return Err(UNAVAILABLE);
    };
    let result = identify(&shared, &socket, &auth).await.map_err(refusal);
    let outcome = result.as_ref().map_or_else(|refusal| refusal.code, |_| "ok");
    let transport = transport_name(transport);
    metrics::counter!(telemetry::CONNECTS, "transport" => transport, "outcome" => outcome)
        .increment(1);
    match result {
        Ok(caller) => {
            session.attempt_accepted();
            install(shared, &socket, session.clone(), caller);
        }
        Err(refusal) => {
            // Whoever goes on trying is let go, lest a stranger has a token checked as fast as it can.
            if !session.attempt_refused() {
                session.close(CloseReason::TransportError);
            }
            // Version 2 knows no timeout for clients that have joined no namespace.
            if protocol == ProtocolVersion::V4 {
                close_unless_used(&shared, &socket, io);
            }
            return Err(refusal);
        }
    }
    Ok(())
}

/// Who the socket's token belongs to: the first of its tokens that is good. A proxy may have put one of its
/// own into the header.
async fn identify(
    shared: &GatewayState,
    socket: &SocketRef,
    auth: &Auth,
) -> Result<Caller, ChatError> {
    let mut refusal = ChatError::Unauthorized;
    for token in tokens(socket, auth) {
        let authenticated = shared.chat.authenticate(&token);
        match timeout(STEP_TIMEOUT, authenticated).await.unwrap_or(Err(ChatError::Timeout)) {
            Ok(caller) => return Ok(caller),
            Err(error) if error.is_fault() => return Err(error),
            // What a client can mend goes before what it cannot.
            Err(ChatError::TokenExpired) => refusal = ChatError::TokenExpired,
            Err(_) => {}
        }
    }
    Err(refusal)
}

/// In the order of preference: `Authorization: Bearer` of the handshake, `auth.token`, `token` of the query.
fn tokens(socket: &SocketRef, TryData(auth): &Auth) -> impl Iterator<Item = String> {
    let request = socket.req_parts();
    let in_header = EngineSession::of(request).and_then(|session| session.bearer());
    let in_auth = auth.as_ref().ok().and_then(|auth| token_of(auth.get()));
    let query = request.uri.query().unwrap_or_default();
    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    // Tokens are URL-safe as they are.
    let in_query = parameters.find(|(name, _)| *name == "token").map(|(_, token)| token);
    let told = [in_header.map(str::to_owned), in_auth, in_query.map(str::to_owned)];
    told.into_iter().flatten().map(|token| without_scheme(&token).to_owned())
}

fn without_scheme(token: &str) -> &str {
    let schemes = ["Bearer ", "Bearer%20", "Bearer+"];
    schemes.iter().find_map(|scheme| token.strip_prefix(scheme)).unwrap_or(token)
}

/// `token` of `auth`, which may be any JSON.
fn token_of(auth: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Token {
        token: String,
    }
    let object = auth.trim_start().starts_with('{').then_some(auth)?;
    serde_json::from_str::<Token>(object).ok().map(|auth| auth.token)
}

/// Makes the session, and the handlers of the socket, of which there are only two.
fn install(
    shared: Arc<GatewayState>,
    socket: &SocketRef,
    transport: Arc<EngineSession>,
    caller: Caller,
) {
    let inbox = Inbox::new(shared.rules.clone(), transport);
    let session = SocketSession::new(shared, caller, inbox.clone());
    socket.extensions.insert(session.clone());
    let dispatcher = Dispatcher { inbox, context: session.clone(), find: handlers::find };
    socket.on_fallback(dispatcher);
    socket.on_disconnect(
        move |socket: SocketRef, reason: DisconnectReason, io: SocketIo| async move {
            session.ended(reason, socket.transport_type()).await;
            if reason == DisconnectReason::ClientNSDisconnect {
                close_unless_used(&session.shared, &socket, io);
            }
        },
    );
}

/// A client without a namespace is a stranger, and gets as long as one that has just come. However
/// often it joins and leaves, one task watches it.
fn close_unless_used(shared: &GatewayState, socket: &SocketRef, io: SocketIo) {
    let Some(session) = EngineSession::of(socket.req_parts()) else { return };
    if !session.is_unused_now() {
        return;
    }
    // Weak: a connection that has gone by itself must not count as one for so long.
    let (id, session) = (socket.id, Arc::downgrade(session));
    let lifecycle = shared.lifecycle.clone();
    shared.lifecycle.spawn("unused_connection", async move {
        while let Some(Unused::Wait(left)) = session.upgrade().map(|s| s.look_if_unused()) {
            tokio::select! {
                () = lifecycle.stopping() => return, // The edge closes all.
                () = tokio::time::sleep(left) => {}
            }
        }
        let unused = io.nsps().iter().all(|namespace| namespace.get_socket(id).is_none());
        if let Some(session) = session.upgrade()
            && unused
        {
            session.close(CloseReason::TransportError);
        }
    });
}

/// Runs after CONNECT has gone out. A session that cannot be opened is closed at its transport, so
/// that the client comes back.
async fn connect(socket: SocketRef) {
    let Some(session) = socket.extensions.get::<Arc<SocketSession>>() else { return };
    let transport = session.transport.clone();
    let outlet = || SocketOutlet {
        socket: socket.clone(),
        inbox: session.inbox.clone(),
        lifecycle: session.shared.lifecycle.clone(),
    };
    let opener = session.shared.opener();
    let opening = opener.open(session.caller, session.key, outlet(), || session.has_ended());
    let opened = timeout(STEP_TIMEOUT, opening).await;
    match opened.unwrap_or(Err(ChatError::Timeout.into())) {
        Ok(expires_at_ms) => session.opened(expires_at_ms),
        Err(NotReady::Detached(_)) => {}
        Err(NotReady::Chat(ChatError::Unauthorized)) => outlet().end(),
        Err(NotReady::Chat(error)) => {
            log_seldom!(error, error = &error as &dyn std::error::Error, "a session did not open");
            transport.close(CloseReason::TransportError);
        }
    }
}
