//! What is left of a request's body when its answer is there.
//!
//! Whoever answers before reading it all (401, 413, an unknown path or session) leaves bytes on the
//! connection that the next request stands behind. hyper would send the answer as one of a connection
//! that goes on, then close it without a word. Here the rest is read and dropped, or the answer says
//! that the connection ends.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Request, Response};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use parking_lot::Mutex;

/// How long reading the rest may take: the answer waits for it.
const TIME_MAX: Duration = Duration::from_secs(1);
/// Small beside an accepted body, and more than a client that counts in other units is off by.
const BYTES_MAX: u64 = 4_000_000;

/// What of a request's body is left when it is answered.
pub struct Rest {
    shared: Arc<SharedBody>,
    /// The client sends its body only if it is asked to, which reading does (RFC 9110, section 10.1.1).
    waits_for_continue: bool,
}

/// The same body, for whoever answers.
struct Watched {
    shared: Arc<SharedBody>,
}

struct SharedBody {
    body: Mutex<Incoming>,
    /// Somebody has begun to read.
    begun: AtomicBool,
}

/// The request with a body that whoever answers may leave unread. Give what comes with it to [`read_rest`].
pub fn watch_body(request: Request<Incoming>) -> (Request<Body>, Option<Rest>) {
    if request.body().is_end_stream() {
        return (request.map(|_| Body::empty()), None);
    }
    let asks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    let waits_for_continue = request.headers().get(EXPECT).is_some_and(asks);
    let (parts, body) = request.into_parts();
    let shared = Arc::new(SharedBody { body: Mutex::new(body), begun: AtomicBool::new(false) });
    let body = Body::new(Watched { shared: shared.clone() });
    (Request::from_parts(parts, body), Some(Rest { shared, waits_for_continue }))
}

/// Reads what is left, or makes `response` the last one of its connection.
pub async fn read_rest(rest: Option<Rest>, response: &mut Response<Body>) {
    if let Some(rest) = rest
        && !rest.read().await
    {
        tracing::debug!("the rest of a body is not waited for");
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

impl Rest {
    /// Reads and drops it; false if there is too much of it, or it comes too slowly.
    async fn read(self) -> bool {
        let body = &self.shared.body;
        if body.lock().is_end_stream() {
            return true;
        }
        // A client that was not asked may send its body or may not: nobody can know what comes next.
        let unasked = self.waits_for_continue && !self.shared.begun.load(Ordering::Relaxed);
        if unasked || body.lock().size_hint().lower() > BYTES_MAX {
            return false;
        }
        let reading = async {
            let mut bytes = 0;
            loop {
                let frame = std::future::poll_fn(|cx| Pin::new(&mut *body.lock()).poll_frame(cx));
                match frame.await {
                    None => return true,
                    Some(Err(_)) => return false,
                    Some(Ok(frame)) => bytes += data_bytes(&frame),
                }
                if bytes > BYTES_MAX {
                    return false;
                }
            }
        };
        tokio::time::timeout(TIME_MAX, reading).await.unwrap_or(false)
    }
}

fn data_bytes(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| data.len() as u64)
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.shared.begun.store(true, Ordering::Relaxed);
        Pin::new(&mut *self.shared.body.lock()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.shared.body.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.shared.body.lock().size_hint()
    }
}
