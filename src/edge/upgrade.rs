//! The WebSocket handshake (RFC 6455, section 4.2), done here and not by the engine.
//!
//! So hyper's connection, its buffers and the headers are freed for the life of the WebSocket, which
//! halves its memory, and the engine gets our [`Connection`].

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version};
use hyper::service::Service as HyperService;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use socketioxide::adapter::Adapter;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::close_reason::CloseReason;
use super::connection::Connection;
use super::first_output::FirstOutput;
use super::front::{Accepted, Front, Named};
use super::outbound::PendingChanges;
use super::query::{EngineQuery, engine_uri};
use super::refusal::Refusal;
use super::session::EngineSession;
use super::{ENGINE_PATH, probe};
use crate::telemetry::log_seldom;

/// How long the peer may take to accept our 101.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// RFC 6455, section 4.1: the key is 16 random bytes.
const KEY_BYTES: usize = 16;

impl<A: Adapter> Front<A> {
    /// Answers a WebSocket request, and goes on with its connection in a task of its own.
    pub(super) fn upgrade(
        self: Arc<Self>,
        accepted: Accepted,
        query: &EngineQuery,
        named: Option<Named>,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Refusal> {
        let accept = accept_key(request.version(), request.headers())?;
        let connecting = match named {
            None => Connecting::New(self.begin_session(&accepted, query, &request)?),
            Some(named) => Connecting::Upgrade(named),
        };
        let target = engine_uri(ENGINE_PATH, request.uri(), connecting.sid());
        let uri = target.ok_or(Refusal::BadRequest)?;
        if !connecting.begin() {
            probe::count(probe::UpgradeOutcome::Refused);
            return Err(Refusal::BadRequest);
        }
        let on_upgrade = hyper::upgrade::on(&mut request);
        let lifecycle = self.core.lifecycle.clone();
        lifecycle.spawn("websocket_upgrade", self.take_over(on_upgrade, connecting, uri));
        Ok(switching_protocols(accept))
    }

    async fn take_over(self: Arc<Self>, on_upgrade: OnUpgrade, connecting: Connecting, uri: Uri) {
        let connection = take_connection(on_upgrade).await;
        match (connecting, connection) {
            (Connecting::New(session), Some(connection)) => {
                session.attach(connection.link().clone());
                let first = FirstOutput::unsigned(self.core.session_ids.clone());
                let pending = PendingChanges::new(session.protocol());
                let connection = connection
                    .hand_over(Default::default(), first, pending)
                    .limit_attempts(session.attempts().clone());
                self.give_to_engine(connection, uri, Some(session));
            }
            (Connecting::Upgrade(Named { sid, session }), Some(connection)) => {
                let outcome = self.upgrade_session(connection, &sid, &session, uri).await;
                probe::count(outcome);
            }
            (Connecting::Upgrade(Named { session, .. }), None) => {
                session.resume_polling();
                probe::count(probe::UpgradeOutcome::Failed);
            }
            // The engine never heard of this session.
            (Connecting::New(_), None) => {}
        }
    }

    /// The engine serves the connection from here on, in tasks of its own.
    pub(super) fn give_to_engine(
        &self,
        connection: Connection,
        uri: Uri,
        session: Option<Arc<EngineSession>>,
    ) {
        let link = connection.link().clone();
        let mut request = Request::new(());
        *request.uri_mut() = uri;
        if let Some(session) = session {
            request.extensions_mut().insert(session);
        }
        let given = HyperService::call(&self.socketio, (connection, request)).into_inner();
        if let Err(error) = given {
            log_seldom!(error, %error, "the engine refused a checked WebSocket: {error}");
            link.close(CloseReason::TransportError);
        }
    }
}

/// What a WebSocket is for.
enum Connecting {
    New(Arc<EngineSession>),
    Upgrade(Named),
}

impl Connecting {
    fn sid(&self) -> Option<&str> {
        match self {
            Self::New(_) => None,
            Self::Upgrade(named) => Some(named.sid.as_str()),
        }
    }

    /// False for an upgrade beside another one, or of a session that is on a WebSocket already.
    fn begin(&self) -> bool {
        match self {
            Self::New(_) => true,
            Self::Upgrade(named) => named.session.begin_probing(),
        }
    }
}

/// Our connection back from hyper, with what hyper had read too far.
async fn take_connection(on_upgrade: OnUpgrade) -> Option<Connection> {
    let upgraded = tokio::time::timeout(ANSWER_TIMEOUT, on_upgrade).await.ok()?.ok()?;
    let parts = upgraded.downcast::<TokioIo<Connection>>().ok()?;
    Some(parts.io.into_inner().into_websocket(parts.read_buf))
}

fn switching_protocols(accept: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

fn accept_key(version: Version, headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    let upgrades = has_token(headers, CONNECTION, "upgrade");
    if version != Version::HTTP_11 || !upgrades || !has_token(headers, UPGRADE, "websocket") {
        return Err(Refusal::BadRequest);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::WebSocketVersion);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(Refusal::BadRequest)?.as_bytes();
    let nonce = BASE64_STANDARD.decode(key).map_err(|_| Refusal::BadRequest)?;
    if nonce.len() != KEY_BYTES {
        return Err(Refusal::BadRequest);
    }
    derive_accept_key(key).try_into().map_err(|_| Refusal::Internal)
}

/// True if one of the comma-separated values of `name` is `token`, in any case.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(HeaderName, &str); 4] = [
        (CONNECTION, "keep-alive, Upgrade"),
        (UPGRADE, "WebSocket"),
        (SEC_WEBSOCKET_VERSION, "13"),
        (SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn check(changed: HeaderName, value: &'static str, expected: Result<&str, Refusal>) {
        let pairs = GOOD.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let mut headers = HeaderMap::from_iter(pairs);
        headers.insert(changed.clone(), HeaderValue::from_static(value));
        let accept = accept_key(Version::HTTP_11, &headers);
        assert_eq!(
            accept.as_ref().map(|key| key.to_str().unwrap()),
            expected.as_ref().copied(),
            "{changed}: {value}"
        );
    }

    #[test]
    fn upgrade_requests_are_checked() {
        // The example of RFC 6455, section 1.3.
        check(UPGRADE, "websocket", Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        check(UPGRADE, "h2c", Err(Refusal::BadRequest));
        check(CONNECTION, "close", Err(Refusal::BadRequest));
        check(SEC_WEBSOCKET_VERSION, "8", Err(Refusal::WebSocketVersion));
        check(SEC_WEBSOCKET_KEY, "c2hvcnQ=", Err(Refusal::BadRequest));
        check(SEC_WEBSOCKET_KEY, "no base64!", Err(Refusal::BadRequest));
    }
}
