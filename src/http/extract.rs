//! What handlers are given: path, query and body, each refused in the form of the contract.
//!
//! They come behind [`Authenticated`](crate::http::session::Authenticated) in a handler's arguments, so that a
//! stranger is told `unauthorized` whatever else is wrong.

use std::error::Error;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::chat::ChatError;
use crate::chat::accounts::Requester;
use crate::edge::{BodyBytesMax, PAYLOAD_BYTES_MAX, PeerAddr, user_agent};
use crate::http::answer::Failure;
use crate::telemetry::log_seldom;

/// How long a client may take to send a body of the largest size: as long as in polling.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Names, passwords and tokens fit in, escaped; and thousands of strangers cannot fill the memory.
const STRANGERS_BODY_BYTES_MAX: usize = 16 * 1024;

/// The names in a route's path. What is no id is `invalid_request`, whoever asks.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(params)) => Ok(Self(params)),
            Err(rejection) => Err(Failure(ChatError::malformed(rejection.body_text()))),
        }
    }
}

/// The query string. A parameter without a value is as if it were absent.
pub struct Search<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Search<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self).map_err(Failure)
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ChatError> {
    let has_value = |pair: &&str| pair.split_once('=').is_some_and(|(_, value)| !value.is_empty());
    let given: Vec<&str> = query.split('&').filter(has_value).collect();
    let uri: Uri = format!("/?{}", given.join("&"))
        .parse()
        .map_err(|_| ChatError::malformed("the query string is malformed"))?;
    match Query::try_from_uri(&uri) {
        Ok(Query(search)) => Ok(search),
        Err(rejection) => Err(ChatError::malformed(rejection.body_text())),
    }
}

/// A body that has to be there: one JSON object.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes_max = bytes_max(&request);
        let json = read_json(request, bytes_max).await?;
        parse_object(&json).map(Self).map_err(Failure)
    }
}

/// The body of somebody who has not shown who they are: like [`Body`], of a few kilobytes.
pub struct StrangersBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrangersBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let json = read_json(request, STRANGERS_BODY_BYTES_MAX).await?;
        parse_object(&json).map(Self).map_err(Failure)
    }
}

/// A body of which nothing is required, so that it may be left out.
pub struct OptionalBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes_max = bytes_max(&request);
        let json = read_json(request, bytes_max).await?;
        if json.is_empty() {
            return Ok(Self(T::default()));
        }
        parse_object(&json).map(Self).map_err(Failure)
    }
}

/// `limits.payload_bytes`, as the edge passes it on.
fn bytes_max(request: &Request) -> usize {
    request.extensions().get::<BodyBytesMax>().map_or(PAYLOAD_BYTES_MAX, |BodyBytesMax(max)| *max)
}

/// The whole body, which is empty or declared as JSON or not declared at all.
async fn read_json(request: Request, bytes_max: usize) -> Result<Bytes, ChatError> {
    let is_json = accepts(request.headers());
    let body = timeout(BODY_TIMEOUT, collect(request.into_body(), bytes_max));
    let body = body.await.map_err(|_| ChatError::Timeout)??;
    if is_json || body.is_empty() {
        Ok(body)
    } else {
        Err(ChatError::malformed("a body has the content type application/json"))
    }
}

/// Stops at what is too much; the edge reads on for a while, so that the client sees its refusal.
async fn collect<B>(body: B, bytes_max: usize) -> Result<Bytes, ChatError>
where
    B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("has more than {bytes_max} bytes").into();
            Err(ChatError::TooLarge { field: "body", message })
        }
        Err(_) => Err(ChatError::malformed("the body broke off")),
    }
}

fn accepts(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return true };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// serde would take an array for a struct.
fn parse_object<T: DeserializeOwned>(json: &[u8]) -> Result<T, ChatError> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(ChatError::malformed("the body is no JSON object"));
    }
    serde_json::from_slice(json).map_err(|error| ChatError::malformed(error.to_string()))
}

/// Where a request came from.
pub struct From(pub Requester);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(PeerAddr(peer)) = parts.extensions.get::<PeerAddr>() else {
            log_seldom!(error, "a request came without its peer's address");
            return Err(Failure(ChatError::Unavailable));
        };
        let user_agent = user_agent(&parts.headers);
        Ok(Self(Requester { address: peer.ip(), user_agent }))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use serde::Deserialize;

    use super::*;
    use crate::model::id::MessageId;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Paging {
        before: Option<MessageId>,
        query: Option<String>,
        #[serde(default, deserialize_with = "crate::chat::whole_number")]
        limit: Option<u32>,
    }

    fn check_query(query: &str, expected: Option<(Option<u64>, Option<&str>, Option<u32>)>) {
        let expected = expected.map(|(before, text, limit)| Paging {
            before: before.map(MessageId::new),
            query: text.map(str::to_owned),
            limit,
        });
        assert_eq!(parse_query(query).ok(), expected, "{query}");
    }

    #[test]
    fn queries() {
        check_query("", Some((None, None, None)));
        check_query("before=7&limit=3", Some((Some(7), None, Some(3))));
        check_query("before=&limit&query=", Some((None, None, None)));
        check_query("query=%F0%9F%91%8D+a%26b&unknown=1", Some((None, Some("👍 a&b"), None)));
        for wrong in ["limit=abc", "limit=-1", "limit=1.5", "limit=99999999999", "before=x"] {
            check_query(wrong, None);
        }
        check_query("limit=1&limit=2", None);
        let refused = parse_query::<Paging>("limit=abc").unwrap_err();
        assert_eq!(refused.code(), "invalid_request");
        assert!(refused.to_string().contains("limit"), "{refused}");
    }

    #[test]
    fn bodies_are_one_json_object() {
        assert!(parse_object::<Paging>(b" \n{\"limit\":1}").is_ok());
        for wrong in
            ["", "{", "[]", "[null,null,null]", "7", "null", "\"x\"", "{}{", "{\"limit\":\"1\"}"]
        {
            let refused = parse_object::<Paging>(wrong.as_bytes()).unwrap_err();
            assert_eq!(refused.code(), "invalid_request", "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_read_no_further() {
        let mut pieces = 0;
        let endless = futures_util::stream::repeat_with(|| {
            pieces += 1;
            Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(&[b'x'; 10])))
        });
        let refused = collect(StreamBody::new(endless), 25).await.unwrap_err();
        assert_eq!((refused.code(), pieces), ("too_large", 3));
        let whole = collect(Full::new(Bytes::from_static(b"{}")), 2).await.unwrap();
        assert_eq!(whole, "{}");
    }

    #[test]
    fn only_json_is_accepted_but_need_not_be_declared() {
        let check = |content_type: &'static str| {
            let value = http::HeaderValue::from_static(content_type);
            accepts(&HeaderMap::from_iter([(CONTENT_TYPE, value)]))
        };
        assert!(accepts(&HeaderMap::new()));
        assert!(check("application/json") && check("Application/JSON; charset=utf-8"));
        assert!(!check("text/plain") && !check("application/jsonp") && !check(""));
    }
}
