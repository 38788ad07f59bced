//! What the public port answers until the node is ready: alive, but not ready.
//!
//! Migrations can take minutes. A node that hangs in that time would be killed by whatever watches it.

use std::future::Future;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::net::TcpListener;

use crate::http::answer::Failure;

use crate::chat::ChatError;

/// Serves `listener` until `ready`: `/healthz` is 200, all else 503. Connections are not kept, so that
/// none of them outlives the start.
pub async fn serve_starting(
    listener: TcpListener,
    ready: impl Future<Output = ()> + Send + 'static,
) {
    let served =
        axum::serve(listener, Router::new().fallback(answer)).with_graceful_shutdown(ready);
    if let Err(error) = served.await {
        tracing::warn!(%error, "nobody could be told that the node is starting");
    }
}

async fn answer(request: Request) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    match request.uri().path() {
        "/healthz" => (headers, "ok").into_response(),
        "/readyz" => {
            let report = r#"{"ready":false,"checks":{"startup":"failing"},"degraded":[]}"#;
            (StatusCode::SERVICE_UNAVAILABLE, headers, report).into_response()
        }
        _ => (headers, Failure(ChatError::Unavailable)).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[tokio::test]
    async fn a_starting_node_is_alive_but_not_ready() {
        for (path, status) in
            [("/healthz", 200), ("/readyz", 503), ("/socket.io/", 503), ("/", 503)]
        {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let answer = answer(request).await;
            assert_eq!(answer.status().as_u16(), status, "{path}");
            assert_eq!(answer.headers()[CONNECTION], "close", "{path}");
        }
    }
}
