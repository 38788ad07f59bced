//! The answers of the edge itself to Engine.IO requests that go no further.

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Response, StatusCode};

/// Seconds that a client should stay away from a full or draining node.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Why a request is refused; codes and words are those of the JavaScript server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownTransport,
    /// Also for ids that are forged, of another node, or of a closed session: clients reconnect.
    UnknownSession,
    BadHandshakeMethod,
    BadRequest,
    UnsupportedProtocol,
    /// Not a WebSocket of the one version there is (RFC 6455, section 4.4).
    WebSocketVersion,
    /// The node is full or draining.
    Unavailable,
    /// The address has as many sessions as it may.
    TooMany,
    /// The body is larger than `payload_bytes_max`.
    TooLarge,
    /// An event with more binaries than there may be.
    TooManyBinaries,
    /// No host, or two, or what is none (RFC 9112, section 3.2).
    Host,
    /// The body took too long.
    Timeout,
    Internal,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::WebSocketVersion => StatusCode::UPGRADE_REQUIRED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge | Self::TooManyBinaries => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    const fn body(self) -> &'static str {
        match self {
            Self::UnknownTransport => r#"{"code":0,"message":"Transport unknown"}"#,
            Self::UnknownSession => r#"{"code":1,"message":"Session ID unknown"}"#,
            Self::BadHandshakeMethod => r#"{"code":2,"message":"Bad handshake method"}"#,
            Self::UnsupportedProtocol => r#"{"code":5,"message":"Unsupported protocol version"}"#,
            Self::BadRequest | Self::WebSocketVersion => r#"{"code":3,"message":"Bad request"}"#,
            Self::Unavailable => r#"{"code":4,"message":"Server is full or draining"}"#,
            Self::TooMany => r#"{"code":4,"message":"Too many connections"}"#,
            Self::Host => {
                r#"{"ok":false,"error":{"code":"invalid_request","message":"exactly one Host is needed"}}"#
            }
            Self::TooLarge => r#"{"code":3,"message":"Payload too large"}"#,
            Self::TooManyBinaries => r#"{"code":3,"message":"Too many binaries"}"#,
            Self::Timeout => r#"{"code":3,"message":"Request timed out"}"#,
            Self::Internal => r#"{"code":3,"message":"Internal error"}"#,
        }
    }

    pub fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Self::Unavailable | Self::TooMany => {
                headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            Self::Host => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::WebSocketVersion => {
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            }
            _ => {}
        }
        response
    }
}
