//! What happens to one HTTP request: Socket.IO or the router, and CORS for both.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use bytes::Bytes;
use engineioxide::service::NotFoundService;
use engineioxide_core::{ProtocolVersion, Sid, TransportType};
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::service::Service as HyperService;
use socketioxide::adapter::Adapter;
use socketioxide::service::SocketIoService;
use tokio::time::Instant;
use tower::ServiceExt;

use super::address::{AddressPermit, BodyBytesMax, PeerAddr, client_address};
use super::client::Client;
use super::close_reason::CloseReason;
use super::cors::Cors;
use super::inbound::Excess;
use super::link::Link;
use super::payload::{self, Seen};
use super::query::{EngineQuery, engine_uri};
use super::refusal::Refusal;
use super::rest::{read_rest, watch_body};
use super::session::{EngineSession, PollEnd};
use super::session_id::Verified;
use super::{Core, ENGINE_PATH};
use crate::telemetry::{self, log_seldom};

/// The Socket.IO service that the gateway builds (`SocketIo::builder().build_svc()`).
pub type SocketIo<A> = SocketIoService<NotFoundService, A>;

/// Shared by all connections of one listener.
pub(super) struct Front<A: Adapter> {
    pub core: Arc<Core>,
    pub socketio: SocketIo<A>,
    router: axum::Router,
}

/// One accepted connection, as its requests see it.
#[derive(Clone)]
pub(super) struct Accepted {
    pub peer: SocketAddr,
    pub link: Arc<Link>,
}

/// The session that a request names.
pub(super) struct Named {
    pub sid: Sid,
    pub session: Arc<EngineSession>,
}

impl<A: Adapter> Front<A> {
    pub fn new(core: Arc<Core>, router: axum::Router, socketio: SocketIo<A>) -> Arc<Self> {
        // Only a default: a route that takes more (attachments) sets its own.
        let router = router.layer(DefaultBodyLimit::max(core.settings.payload_bytes_max));
        Arc::new(Self { core, socketio, router })
    }

    pub async fn handle(
        self: Arc<Self>,
        accepted: Accepted,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        accepted.link.note_request();
        let (request, rest) = watch_body(request);
        // Copied: the original holds on to the buffer that the head was read into.
        let origin = request.headers().get(ORIGIN).map(|origin| origin.as_bytes().to_vec());
        let origin = origin.and_then(|origin| HeaderValue::try_from(origin).ok());
        let mut response = if !names_one_host(&request) {
            Refusal::Host.response()
        } else if Cors::is_preflight(request.method(), request.headers()) {
            preflight(&request)
        } else if self.core.settings.path.is(request.uri().path()) {
            no_store(self.clone().engine(accepted, request).await)
        } else {
            self.route(&accepted, request).await
        };
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            self.core.cors.apply(origin.as_ref(), response.headers_mut());
        }
        read_rest(rest, &mut response).await;
        Ok(response)
    }

    async fn route(&self, accepted: &Accepted, mut request: Request<Body>) -> Response<Body> {
        let trusted = &self.core.settings.trusted_proxies;
        let address = client_address(accepted.peer, request.headers(), trusted);
        request.extensions_mut().insert(PeerAddr(address));
        request.extensions_mut().insert(BodyBytesMax(self.core.settings.payload_bytes_max));
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    async fn engine(self: Arc<Self>, accepted: Accepted, request: Request<Body>) -> Response<Body> {
        if request.method() == Method::OPTIONS {
            return preflight(&request);
        }
        self.answer(accepted, request).await.unwrap_or_else(Refusal::response)
    }

    /// Every request that names a session meets it here, while it is whole: one for another node can
    /// be told and passed on before anything of it is used up.
    async fn answer(
        self: Arc<Self>,
        accepted: Accepted,
        request: Request<Body>,
    ) -> Result<Response<Body>, Refusal> {
        let query = EngineQuery::parse(request.method(), request.uri())?;
        let named = query.sid.as_deref().map(|wire| self.find_session(wire, query.protocol));
        let named = named.transpose()?;
        match (query.transport, named) {
            (TransportType::Websocket, named) => self.upgrade(accepted, &query, named, request),
            (TransportType::Polling, None) => self.handshake(accepted, &query, request).await,
            (TransportType::Polling, Some(named)) => self.polling(named, request).await,
        }
    }

    /// Begins a session with polling: the engine answers, and its session id is replaced.
    async fn handshake(
        &self,
        accepted: Accepted,
        query: &EngineQuery,
        request: Request<Body>,
    ) -> Result<Response<Body>, Refusal> {
        let session = self.begin_session(&accepted, query, &request)?;
        let uri = engine_uri(ENGINE_PATH, request.uri(), None).ok_or(Refusal::BadRequest)?;
        drop(request);
        let response =
            self.call(slim(Method::GET, uri, Some(session.clone()), Body::empty())).await;
        let (mut parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| Refusal::Internal)?.to_bytes();
        if parts.status != StatusCode::OK {
            return Ok(Response::from_parts(parts, Body::from(body)));
        }
        let signed = self.core.session_ids.sign_open_packet(&body, query.protocol);
        let (sid, body) = signed.ok_or(Refusal::Internal)?;
        session.learn_sid(sid);
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    /// A poll, or packets, of a session that exists.
    async fn polling(
        &self,
        Named { sid, session }: Named,
        request: Request<Body>,
    ) -> Result<Response<Body>, Refusal> {
        let in_flight = session.begin_request().ok_or(match session.close_reason() {
            Some(_) => Refusal::UnknownSession,
            None => Refusal::BadRequest,
        })?;
        let uri = engine_uri(ENGINE_PATH, request.uri(), Some(sid.as_str()))
            .ok_or(Refusal::BadRequest)?;
        let method = request.method().clone();
        let answer = if method == Method::GET {
            drop(request);
            self.poll(&sid, &session, uri).await
        } else {
            self.post(&session, request, uri).await
        };
        drop(in_flight);
        answer
    }

    /// Waits for packets, or until the session closes or its client upgrades.
    ///
    /// The engine's future loses nothing when it is dropped: it takes packets and answers with them
    /// in one step. It goes first, so an answer that is ready is never thrown away.
    async fn poll(
        &self,
        sid: &Sid,
        session: &EngineSession,
        uri: http::Uri,
    ) -> Result<Response<Body>, Refusal> {
        loop {
            let poll = self.call(slim(Method::GET, uri.clone(), None, Body::empty()));
            let response = tokio::select! {
                biased;
                response = poll => response,
                end = session.poll_end() => match end {
                    PollEnd::Closed => return Err(Refusal::UnknownSession),
                    PollEnd::Upgrading => return Ok(noop(session.protocol())),
                },
            };
            session.polled(response.body().size_hint().exact().unwrap_or(u64::MAX));
            if let Some(response) = self.mended(sid, session, response).await? {
                return Ok(response);
            }
        }
    }

    /// The answer to a poll as the client is to get it; `None` if there is nothing left of it.
    async fn mended(
        &self,
        sid: &Sid,
        session: &EngineSession,
        response: Response<Body>,
    ) -> Result<Option<Response<Body>>, Refusal> {
        let is_binary = response.headers().get(CONTENT_TYPE) == Some(&payload::BINARY);
        if is_binary || response.status() != StatusCode::OK || session.pending().is_over() {
            return Ok(Some(response));
        }
        let (mut parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| Refusal::Internal)?.to_bytes();
        let was_empty = body.is_empty();
        let (body, is_ping_answered) = session.pending().mend_body(body);
        if is_ping_answered {
            self.answer_ping(sid, session.protocol());
        }
        if body.is_empty() && !was_empty {
            return Ok(None);
        }
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        Ok(Some(Response::from_parts(parts, Body::from(body))))
    }

    /// Packets of the client. What cannot be read ends the session: some of them are lost.
    async fn post(
        &self,
        session: &Arc<EngineSession>,
        request: Request<Body>,
        uri: http::Uri,
    ) -> Result<Response<Body>, Refusal> {
        let settings = &self.core.settings;
        let (parts, body) = request.into_parts();
        let content_type = parts.headers.get(CONTENT_TYPE).cloned();
        let read = tokio::time::timeout(
            self.core.timeouts.post,
            payload::read(body, settings.payload_bytes_max),
        );
        let given = read
            .await
            .unwrap_or(Err(Refusal::Timeout))
            .and_then(|body| {
                let mut binaries = session.binaries();
                let mut seen = Seen::new(&mut binaries, settings.payload_bytes_max);
                payload::for_engine(session.protocol(), content_type, body, &mut seen)
            })
            .inspect_err(|refusal| session.close(unread(*refusal)))?;
        if !session.attempts().lock().take(given.connects, Instant::now()) {
            session.close(CloseReason::TransportError);
            return Err(Refusal::UnknownSession);
        }
        session.pending().expect(given.connects);
        let waiting = session.clone();
        let may_go = move || {
            let session = waiting.clone();
            async move { session.acks_polled().await }
        };
        let body = payload::one_by_one(session.protocol(), given.body, may_go);
        let mut slim = slim(Method::POST, uri, None, body);
        if let Some(content_type) = given.content_type {
            slim.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        Ok(self.call(slim).await)
    }

    /// The session that a request names, if it is here and the request speaks its protocol.
    fn find_session(&self, wire: &str, protocol: ProtocolVersion) -> Result<Named, Refusal> {
        let sid = match self.core.session_ids.verify(wire) {
            Some(Verified::Own(sid)) => sid,
            Some(Verified::Foreign(node)) => {
                tracing::debug!(node, "a request of a session of {node} came here");
                return Err(unknown("foreign"));
            }
            None => return Err(unknown("forged")),
        };
        let session = self.core.registry.find(&sid).ok_or_else(|| unknown("ended"))?;
        // The engine would decode by the request's word, and answer by the session's.
        if session.protocol() != protocol {
            return Err(Refusal::BadRequest);
        }
        Ok(Named { sid, session })
    }

    /// Makes the handle of a new session, unless the node takes none.
    pub fn begin_session<B>(
        &self,
        accepted: &Accepted,
        query: &EngineQuery,
        request: &Request<B>,
    ) -> Result<Arc<EngineSession>, Refusal> {
        if query.protocol == ProtocolVersion::V3 && !self.core.settings.allow_eio3 {
            refused("protocol");
            return Err(Refusal::UnsupportedProtocol);
        }
        self.core.admit().inspect_err(|_| refused("unavailable"))?;
        let trusted = &self.core.settings.trusted_proxies;
        let address = client_address(accepted.peer, request.headers(), trusted);
        let permit = self.session_permit(address.ip())?;
        let client = Client::new(query.protocol, permit, request.headers());
        Ok(EngineSession::begin(&self.core, client, query.transport))
    }

    fn session_permit(&self, client: IpAddr) -> Result<AddressPermit, Refusal> {
        let Some(limit) = &self.core.session_limit else {
            return Ok(AddressPermit::uncounted(client));
        };
        limit.try_acquire(client).ok_or_else(|| {
            refused("address");
            Refusal::TooMany
        })
    }

    pub async fn call(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = HyperService::call(&self.socketio, request).await;
        response.map(Body::new)
    }

    /// Ends a polling session by posting the client's close packet; ready at once, because the body
    /// is here in full.
    pub fn end_in_engine(&self, sid: &Sid, protocol: ProtocolVersion) {
        self.post_for_client(sid, protocol, "1");
    }

    /// Answers the engine's first ping in the client's place.
    pub fn answer_ping(&self, sid: &Sid, protocol: ProtocolVersion) {
        self.post_for_client(sid, protocol, "3");
    }

    /// Posts a packet of one character.
    fn post_for_client(&self, sid: &Sid, protocol: ProtocolVersion, packet: &'static str) {
        let (eio, body) = match protocol {
            ProtocolVersion::V3 => (3, Body::from(payload::framed(packet))),
            ProtocolVersion::V4 => (4, Body::from(packet)),
        };
        let target = format!("{ENGINE_PATH}?EIO={eio}&transport=polling&sid={sid}");
        let Ok(uri) = target.try_into() else { return };
        let done = self.call(slim(Method::POST, uri, None, body)).now_or_never();
        if done.is_none() {
            log_seldom!(error, "the engine did not take a packet at once");
        }
    }
}

/// A request with nothing on it that the engine would keep for no use.
fn slim(
    method: Method,
    uri: http::Uri,
    session: Option<Arc<EngineSession>>,
    body: Body,
) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    if let Some(session) = session {
        request.extensions_mut().insert(session);
    }
    request
}

/// RFC 9112, section 3.2. Two hosts are how a request is smuggled past a proxy.
fn names_one_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() < Version::HTTP_11,
        (Some(host), None) => host.is_empty() || is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// A name or an address, with or without a port.
fn is_host(host: &[u8]) -> bool {
    Authority::try_from(host).is_ok_and(|authority| !authority.as_str().contains('@'))
}

/// Why a session ends whose packets cannot be read.
fn unread(refusal: Refusal) -> CloseReason {
    let excess = match refusal {
        Refusal::TooLarge => Excess::Bytes,
        Refusal::TooManyBinaries => Excess::Binaries,
        _ => return CloseReason::TransportError,
    };
    excess.report();
    CloseReason::TooLarge
}

fn refused(reason: &'static str) {
    metrics::counter!(telemetry::HANDSHAKES_REFUSED, "reason" => reason).increment(1);
}

fn unknown(reason: &'static str) -> Refusal {
    metrics::counter!(telemetry::SESSIONS_UNKNOWN, "reason" => reason).increment(1);
    Refusal::UnknownSession
}

fn preflight<B>(request: &Request<B>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = Cors::preflight(request.headers());
    response
}

fn noop(protocol: ProtocolVersion) -> Response<Body> {
    let packet = match protocol {
        ProtocolVersion::V3 => "1:6",
        ProtocolVersion::V4 => "6",
    };
    let mut response = Response::new(Body::from(Bytes::from_static(packet.as_bytes())));
    let text = HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

/// Answers to polls are for one client, once; some caches ignore the client's `t`.
fn no_store(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
