//! The web client: its files, and its page at every address that only the client knows.
//!
//! The files are in the binary. What the client shows at `/c/…` or `/i/…` is decided in the browser:
//! here a navigation to an unknown path gets the page, everything else that is unknown stays a 404.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use self::encoding::Encoding;
use self::files::ClientFile;
use crate::http::HttpState;
use crate::http::answer;
use crate::http::observe::RouteLabel;

mod encoding;
mod files;
mod policy;

pub use files::ClientFiles;

/// First segments of paths that are never the client's page: a typo in the address of an API must
/// not be answered with a page and 200. `admin` and `metrics` are kept free for what they say.
const NEVER_A_PAGE: &[&str] = &["admin", "api", "assets", "docs", "healthz", "metrics", "readyz"];

/// The route label of all answers of the client: paths are many, and made up by whoever asks.
const LABEL: RouteLabel = RouteLabel("client");

/// Answers what no route takes: a file, the page, or 404.
pub async fn serve(State(state): State<HttpState>, request: Request) -> Response {
    let found = (!state.engine_path.contains(request.uri().path()))
        .then(|| find(&state.client, request.uri(), request.headers()));
    let Some((file, vary)) = found.flatten() else {
        return answer::unknown_route().await.into_response();
    };
    let mut response = match *request.method() {
        Method::GET => with_body(file, request.headers()),
        Method::HEAD => with_body(file, request.headers()).map(|_| Body::empty()),
        _ => return only_read().await,
    };
    policy::apply(response.headers_mut(), file.part_of_a_page);
    response.headers_mut().insert(VARY, HeaderValue::from_static(vary));
    response.extensions_mut().insert(LABEL);
    response
}

/// The file of a path, or the page for a navigation; and what else the answer depends on.
fn find<'files>(
    files: &'files ClientFiles,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<(&'files ClientFile, &'static str)> {
    let path = uri.path().trim_start_matches('/');
    if path.is_empty() {
        return Some((files.page(), "accept-encoding"));
    }
    if let Some(file) = files.find(path) {
        return Some((file, "accept-encoding"));
    }
    let first = path.split('/').next().unwrap_or_default();
    let is_page = !NEVER_A_PAGE.contains(&first) && encoding::accepts_html(headers);
    is_page.then(|| (files.page(), "accept, accept-encoding"))
}

fn with_body(file: &ClientFile, headers: &HeaderMap) -> Response {
    let (encoding, representation) = file.choose(headers);
    let mut response = if has_etag(headers, &representation.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        whole(file, encoding, representation.body.clone())
    };
    response.headers_mut().insert(ETAG, representation.etag.clone());
    response.headers_mut().insert(CACHE_CONTROL, file.cache_control.clone());
    response
}

/// 200. The length is said here because an answer to HEAD loses its body later.
fn whole(file: &ClientFile, encoding: Encoding, body: Bytes) -> Response {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, file.content_type.clone());
    headers.insert(CONTENT_LENGTH, length);
    if encoding != Encoding::Identity {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
    }
    response
}

/// Compared weakly (RFC 9110, section 13.1.2): a proxy that compresses marks the tags as weak.
fn has_etag(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let listed = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|list| list.to_str().ok());
    listed.flat_map(|list| list.split(',')).map(str::trim).any(|listed| {
        listed == "*" || listed.strip_prefix("W/").unwrap_or(listed).as_bytes() == etag.as_bytes()
    })
}

async fn only_read() -> Response {
    let mut response = answer::unknown_method().await;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
