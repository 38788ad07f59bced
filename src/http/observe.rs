//! Around every request: counts and times it, catches panics, and sets the headers of all answers.

use std::any::Any;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode};

use crate::chat::ChatError;
use crate::http::answer::Failure;
use crate::telemetry::{self, log_seldom};

/// An answer that carries it is counted under this name: no route of the router gave it.
#[derive(Clone, Copy, Debug)]
pub struct RouteLabel(pub &'static str);

/// Counts and times a request by its route, never by its path, which clients choose.
pub async fn measure(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let label = response.extensions().get().map_or("unknown", |&RouteLabel(label)| label);
    let route = route.as_ref().map_or(label, MatchedPath::as_str).to_owned();
    let labels = [
        ("method", method.to_owned()),
        ("route", route),
        ("status", status_label(response.status()).to_owned()),
    ];
    metrics::counter!(telemetry::HTTP_REQUESTS, &labels).increment(1);
    metrics::histogram!(telemetry::HTTP_REQUEST_DURATION, &labels).record(started.elapsed());
    response
}

const fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Methods are any word of a stranger's choice.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Answers are for their asker only, are what their type says, and tell other sites nothing.
pub async fn set_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What a panic outside of a command is answered with.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    metrics::counter!(telemetry::PANICS).increment(1);
    log_seldom!(error, "an HTTP handler panicked");
    Failure(ChatError::Unavailable).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_a_closed_set() {
        assert_eq!(method_label(&Method::from_bytes(b"FANCY").unwrap()), "other");
        assert_eq!(method_label(&Method::PATCH), "PATCH");
        assert_eq!(status_label(StatusCode::GATEWAY_TIMEOUT), "5xx");
        assert_eq!(status_label(StatusCode::from_u16(999).unwrap()), "5xx");
    }
}
