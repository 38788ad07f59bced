//! HTTP: the REST API, its document, health, metrics, and the web client.
//!
//! Every route calls the same command as its event does; nothing here decides who may do what.
//! Connections, cross-origin access and Socket.IO are the edge's. A request passes, in this order:
//! who it is (401), how fast (429), its path, query and body (400, 413), and then the command, which
//! looks at access before it judges fields.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::Chat;
use crate::edge::EnginePath;
use crate::http::client::ClientFiles;
use crate::http::health::Readiness;
use crate::http::session::Commands;

pub mod answer;
pub mod client;
pub mod exporter;
pub mod extract;
pub mod health;
mod memory;
mod observe;
mod openapi;
mod pages;
mod rate;
mod routes;
pub mod session;
mod starting;

pub use exporter::{bind_metrics, run_upkeep, serve_metrics};
pub use starting::serve_starting;

/// What handlers work with; clones share everything.
#[derive(Clone)]
pub struct HttpState {
    pub chat: Chat,
    pub readiness: Readiness,
    pub client: Arc<ClientFiles>,
    pub engine_path: Arc<EnginePath>,
    commands: Commands,
}

impl HttpState {
    pub fn new(chat: Chat, readiness: Readiness) -> Self {
        let (commands, client) = (Commands::new(chat.clone()), ClientFiles::embedded());
        let engine_path = Arc::default();
        Self { chat, readiness, client, engine_path, commands }
    }

    /// Where Socket.IO is, for those who ask.
    pub fn with_engine_path(mut self, path: &EnginePath) -> Self {
        self.engine_path = Arc::new(path.clone());
        self
    }
}

/// Everything that the public port serves besides Socket.IO. Requests have to carry
/// [`PeerAddr`](crate::edge::PeerAddr), or nobody can register or log in.
pub fn router(state: HttpState) -> Router {
    let (router, document) = documented();
    let document = Bytes::from(document.to_json().expect("our own document is plain data"));
    let openapi_json = get(move || async move { json_document(document) });
    router
        .route(pages::OPENAPI_PATH, openapi_json)
        .merge(pages::router())
        .fallback(client::serve)
        .method_not_allowed_fallback(answer::unknown_method)
        .layer(axum::middleware::from_fn(memory::hold))
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(axum::middleware::from_fn(observe::measure))
        .layer(axum::middleware::from_fn(observe::set_headers))
        .with_state(state)
}

/// The OpenAPI document.
pub fn document() -> OpenApi {
    documented().1
}

fn documented() -> (Router<HttpState>, OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(openapi::OpenApiHead::openapi())
        .nest("/api/v1", routes::api())
        .routes(routes!(health::get_health))
        .routes(routes!(health::get_readiness))
        .split_for_parts();
    (router, openapi::complete(document))
}

fn json_document(document: Bytes) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, document)
}
