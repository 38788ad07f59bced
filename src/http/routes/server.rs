//! What a client has to know before it connects.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::HttpState;

/// It changes with a restart, so nobody keeps it.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(get_server))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Where Socket.IO is: the option `path` of its clients.
    #[schema(example = "/socket.io")]
    socket_path: String,
}

/// Get how to connect
///
/// For clients that are told nothing but the address of the server.
#[utoipa::path(get, path = "/server", tag = "operations", security(()),
    responses((status = 200, description = "What the server is configured to", body = Server)))]
async fn get_server(State(state): State<HttpState>) -> impl IntoResponse {
    let server = Server { socket_path: state.engine_path.to_string() };
    ([(CACHE_CONTROL, ASK_AGAIN)], Json(server))
}
