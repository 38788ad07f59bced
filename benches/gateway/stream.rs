//! WebSocket connections over loopback TCP whose clients cost next to nothing: what they are sent is
//! counted where it is written, and read by another thread.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use engineioxide::service::NotFoundService;
use socketioxide::service::SocketIoService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

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

/// The server's end of a TCP connection, which counts what is written.
struct Stream {
    socket: TcpStream,
    written: Arc<Tally>,
}

/// The client's end.
pub struct Peer {
    socket: std::net::TcpStream,
    written: Arc<Tally>,
}

/// Opens a connection and joins the main namespace.
pub fn connect(service: &Service, written: &Arc<Tally>) -> Peer {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    far.set_nodelay(true).unwrap();
    near.set_nodelay(true).unwrap();
    far.set_nonblocking(true).unwrap();
    let socket = TcpStream::from_std(far).unwrap();
    let stream = Stream { socket, written: written.clone() };
    let request = http::Request::get("/socket.io/?EIO=4&transport=websocket").body(()).unwrap();
    let call = hyper::service::Service::call(service, (stream, request));
    futures_util::FutureExt::now_or_never(call).unwrap().unwrap();
    let peer = Peer { socket: near, written: written.clone() };
    peer.send("0");
    peer
}

impl Peer {
    /// Sends `packet` and waits until its ack is written, `count` times in a row.
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
        (&self.socket).write_all(&frame).unwrap();
    }
}

/// Reads everything that these clients are sent, and drops it, on a thread of its own.
pub fn drain(peers: &[&Peer]) {
    let sockets: Vec<_> = peers.iter().map(|peer| peer.socket.try_clone().unwrap()).collect();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let reads = sockets.into_iter().map(async |socket| {
                socket.set_nonblocking(true).unwrap();
                let mut socket = TcpStream::from_std(socket).unwrap();
                tokio::io::copy(&mut socket, &mut tokio::io::sink()).await
            });
            futures_util::future::join_all(reads).await;
        });
    });
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    /// One write holds whole frames: the writer flushes what it has after each batch.
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(cx, bytes);
        // Pings and packets of the handshake are shorter than any message.
        if bytes.len() > 150 && result.is_ready() {
            self.written.add();
        }
        result
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
