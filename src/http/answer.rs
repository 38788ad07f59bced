//! Answers: bare data with its status, or `{ ok: false, error }`.

use std::error::Error;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::chat::ChatError;
use crate::chat::error::{ErrorBody, Noun};
use crate::telemetry::log_seldom;

/// 200 with data.
pub type Answer<T> = Result<Json<T>, Failure>;
/// 201 with what was stored.
pub type NewAnswer<T> = Result<Created<T>, Failure>;
/// 204.
pub type Done = Result<StatusCode, Failure>;

/// Something new, with 201.
#[derive(Debug)]
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

/// A refusal, or a fault of ours, as an HTTP answer.
#[derive(Debug)]
pub struct Failure(pub ChatError);

/// The body of every answer that is an error.
#[derive(Serialize, ToSchema)]
#[schema(as = Failure)]
pub struct FailureBody {
    /// Always false.
    ok: bool,
    #[schema(inline = false)]
    error: ErrorBody,
}

impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        with_status(status(&self.0), &self.0)
    }
}

/// What goes with the code of an error.
const fn status(error: &ChatError) -> StatusCode {
    match error {
        ChatError::Invalid { .. } | ChatError::UnknownEvent => StatusCode::BAD_REQUEST,
        ChatError::Unauthorized | ChatError::TokenExpired => StatusCode::UNAUTHORIZED,
        ChatError::Forbidden(_) => StatusCode::FORBIDDEN,
        ChatError::NotFound(_) => StatusCode::NOT_FOUND,
        ChatError::Conflict(_) => StatusCode::CONFLICT,
        ChatError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        ChatError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        ChatError::Unavailable | ChatError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        ChatError::Timeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

fn with_status(status: StatusCode, error: &ChatError) -> Response {
    log(error);
    let body = FailureBody { ok: false, error: error.body() };
    let retry_after_ms = body.error.retry_after_ms;
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110, section 11.6.1, asks for it.
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(retry_after_ms) = retry_after_ms {
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_ms.div_ceil(1000)));
    }
    response
}

/// Only the code of a refusal: its message may quote what the client sent.
fn log(error: &ChatError) {
    if error.is_fault() {
        let cause = error.source();
        log_seldom!(error, error = error as &dyn Error, cause, "an HTTP request failed: {error}");
    } else {
        tracing::debug!(code = error.code(), "an HTTP request was refused");
    }
}

/// No route has this path.
pub async fn unknown_route() -> Failure {
    Failure(ChatError::NotFound(Noun::Route))
}

/// The path is known, the method is not: `route_not_found` too, with 405 and `Allow`.
pub async fn unknown_method() -> Response {
    with_status(StatusCode::METHOD_NOT_ALLOWED, &ChatError::NotFound(Noun::Route))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn check(error: ChatError, status: u16, body: &str) -> Response {
        let response = Failure(error).into_response();
        assert_eq!(response.status(), status);
        let (parts, shown) = response.into_parts();
        assert_eq!(shown.collect().await.unwrap().to_bytes(), body);
        Response::from_parts(parts, axum::body::Body::empty())
    }

    #[tokio::test]
    async fn errors_have_the_body_of_the_contract() {
        check(
            ChatError::NotFound(Noun::Group),
            404,
            r#"{"ok":false,"error":{"code":"group_not_found","message":"group not found"}}"#,
        )
        .await;
        check(
            ChatError::invalid("limit", "takes a number"),
            400,
            r#"{"ok":false,"error":{"code":"invalid_request","message":"takes a number","fields":{"limit":"takes a number"}}}"#,
        )
        .await;
    }

    #[tokio::test]
    async fn rate_limited_says_when_to_retry_in_whole_seconds() {
        let body = r#"{"ok":false,"error":{"code":"rate_limited","message":"too many requests, try again in 1200 ms","retryAfterMs":1200}}"#;
        let response = check(ChatError::RateLimited { retry_after_ms: 1200 }, 429, body).await;
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }

    #[tokio::test]
    async fn unauthorized_names_the_scheme() {
        let body = r#"{"ok":false,"error":{"code":"unauthorized","message":"not signed in"}}"#;
        let response = check(ChatError::Unauthorized, 401, body).await;
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
