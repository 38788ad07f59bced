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

use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;

/// How long reading the rest may take: the answer waits for it.
const TIME_MAX: Duration = Duration::from_secs(1);
/// Small beside an accepted body, and more than a client that counts in other units is off by.
const BYTES_MAX: u64 = 4_000_000;

/// A request's body, for whoever answers it.
pub struct Watched<B> {
    shared: Arc<Shared<B>>,
}

/// The same body, for when it is answered.
pub struct Rest<B> {
    shared: Arc<Shared<B>>,
    /// The client sends its body only if it is asked to, which reading does (RFC 9110, section 10.1.1).
    waits_for_continue: bool,
}

struct Shared<B> {
    body: Mutex<B>,
    /// Somebody has begun to read.
    begun: AtomicBool,
}

pub fn watch<B>(body: B, waits_for_continue: bool) -> (Watched<B>, Rest<B>) {
    let shared = Arc::new(Shared { body: Mutex::new(body), begun: AtomicBool::new(false) });
    (Watched { shared: shared.clone() }, Rest { shared, waits_for_continue })
}

impl<B: Body + Unpin> Rest<B> {
    /// Reads and drops it; false if there is too much of it, or it comes too slowly.
    pub async fn read(self) -> bool {
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

fn data_bytes<D: bytes::Buf>(frame: &Frame<D>) -> u64 {
    frame.data_ref().map_or(0, |data| data.remaining() as u64)
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
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
