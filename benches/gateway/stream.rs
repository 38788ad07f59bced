//! A WebSocket connection in memory whose client costs next to nothing: it counts the messages it is
//! sent without reading them, and sends what it is given.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use engineioxide::service::NotFoundService;
use socketioxide::service::SocketIoService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub type Service = SocketIoService<NotFoundService>;

/// Counts what the servers of one side have written.
#[derive(Default)]
pub struct Tally(Mutex<(usize, usize, Option<Waker>)>);

impl Tally {
    /// Resolves when `count` more messages were written than when this was called.
    pub fn more(self: &Arc<Self>, count: usize) -> impl Future<Output = ()> + use<> {
        let tally = self.clone();
        {
            let mut state = tally.0.lock().unwrap();
            state.1 = state.0 + count;
        }
        std::future::poll_fn(move |cx| {
            let mut state = tally.0.lock().unwrap();
            if state.0 >= state.1 {
                return Poll::Ready(());
            }
            state.2 = Some(cx.waker().clone());
            Poll::Pending
        })
    }

    fn add(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        if state.0 == state.1 {
            state.2.take().inspect(|waiter| waiter.wake_by_ref());
        }
    }
}

/// What the server is still to read.
#[derive(Default)]
struct Incoming {
    bytes: VecDeque<u8>,
    reader: Option<Waker>,
}

/// The server's end.
struct Stream {
    incoming: Arc<Mutex<Incoming>>,
    written: Arc<Tally>,
}

/// The client's end.
pub struct Peer {
    incoming: Arc<Mutex<Incoming>>,
    written: Arc<Tally>,
}

/// Opens a connection and joins the main namespace.
pub fn connect(service: &Service, written: &Arc<Tally>) -> Peer {
    let incoming = Arc::new(Mutex::new(Incoming::default()));
    let stream = Stream { incoming: incoming.clone(), written: written.clone() };
    let request = http::Request::get("/socket.io/?EIO=4&transport=websocket").body(()).unwrap();
    let call = hyper::service::Service::call(service, (stream, request));
    futures_util::FutureExt::now_or_never(call).unwrap().unwrap();
    let peer = Peer { incoming, written: written.clone() };
    peer.send("0");
    peer
}

impl Peer {
    /// Sends `packet` and waits for its ack, `count` times in a row.
    pub async fn round_trips(&self, packet: &str, count: usize) -> Duration {
        let started = Instant::now();
        for _ in 0..count {
            let answered = self.written.more(1);
            self.send(packet);
            answered.await;
        }
        started.elapsed()
    }

    fn send(&self, packet: &str) {
        let length = u16::try_from(packet.len() + 1).unwrap();
        // Final text frame, masked with zeros.
        let mut frame = vec![0x81];
        match length {
            0..126 => frame.push(0x80 | length as u8),
            _ => frame.extend([[0x80 | 126].as_slice(), &length.to_be_bytes()].concat()),
        }
        frame.extend([0, 0, 0, 0, b'4']);
        frame.extend(packet.as_bytes());
        let mut incoming = self.incoming.lock().unwrap();
        incoming.bytes.extend(frame);
        incoming.reader.take().inspect(|reader| reader.wake_by_ref());
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut incoming = self.incoming.lock().unwrap();
        if incoming.bytes.is_empty() {
            incoming.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (head, _) = incoming.bytes.as_slices();
        let taken = head.len().min(buffer.remaining());
        buffer.put_slice(&head[..taken]);
        incoming.bytes.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    /// One write holds whole frames: the writer flushes what it has after each batch.
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Pings and packets of the handshake are shorter than any message.
        if bytes.len() > 150 {
            self.written.add();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
