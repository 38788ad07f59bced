//! The documentation of the API, to read and to try in a browser.

use axum::Router;
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

pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let config = Config::from(OPENAPI_PATH)
        // By default it would send the document to a validator elsewhere.
        .validator_url("none")
        .persist_authorization(false)
        .try_it_out_enabled(true);
    Router::from(SwaggerUi::new("/docs").config(config))
        .layer(SetResponseHeaderLayer::overriding(CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        .layer(SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, NO_CACHE))
}
