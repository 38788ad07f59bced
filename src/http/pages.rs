//! What people see in a browser: the first page, and the documentation of the API.

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the document is served; the pages read it from there.
pub const OPENAPI_PATH: &str = "/api/v1/openapi.json";

/// Nothing comes from another host, and nobody frames these pages. Swagger UI styles its elements
/// inline and draws icons from `data:` addresses.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
);
/// They belong to the version that runs.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

const FIRST_PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>VibeTalk</title>
<style>body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }</style>
<h1>VibeTalk</h1>
<p>This is a chat server, and it is running. Apps connect to it with
<a href=\"https://socket.io/docs/v4/client-api/\">socket.io-client</a>.</p>
<ul>
<li><a href=\"/docs/\">The HTTP API</a>, to read and to try</li>
<li><a href=\"/api/v1/openapi.json\">Its OpenAPI document</a></li>
<li><a href=\"/readyz\">The state of this server</a></li>
</ul>
<p>The events and how to use them from an app are in <code>docs/protocol.md</code> of the source.</p>
</html>
";

pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let config = Config::from(OPENAPI_PATH)
        // By default it would send the document to a validator elsewhere.
        .validator_url("none")
        .persist_authorization(false)
        .try_it_out_enabled(true);
    Router::from(SwaggerUi::new("/docs").config(config))
        .route("/", get(first_page))
        .layer(SetResponseHeaderLayer::overriding(CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        .layer(SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, NO_CACHE))
}

async fn first_page() -> impl IntoResponse {
    Html(FIRST_PAGE)
}
