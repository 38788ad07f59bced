//! An accepted TCP stream.
//!
//! Counts bytes, closes a peer that takes nothing for too long, and fails every read and write once
//! [`Link::close`] was called, so that no session outlives its connection. It knows nothing of HTTP
//! or Socket.IO: the same value serves hyper first and, after an upgrade, the engine.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use engineioxide_core::ProtocolVersion;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::address::AddressPermit;
use super::close_reason::CloseReason;
use super::first_output::FirstOutput;
use super::inbound::{Binaries, Intake};
use super::join_attempts::JoinAttempts;
use super::link::Link;
use super::outbound::{Mending, PendingChanges};
use super::tally::Tally;

/// How long a closing connection swallows what the peer still sends: a close with unread input
/// makes TCP send a reset, which can destroy the answer (413, 431) before the peer reads it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_READ_BYTES: usize = 4096;
/// `3` as a client sends it, with a mask that changes nothing.
const PONG_FRAME: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, b'3'];

/// See the module; made for each accepted stream.
pub struct Connection {
    stream: TcpStream,
    link: Arc<Link>,
    /// Read before the stream.
    replay: Bytes,
    /// While it is not over.
    first_output: Option<Box<FirstOutput>>,
    /// What the client has to get otherwise than the engine writes it; after the first output.
    mending: Option<Box<Mending>>,
    /// What the engine reads; set with the hand-over.
    intake: Option<Intake>,
    attempts: Option<Arc<Mutex<JoinAttempts>>>,
    /// The engine waits for the answer to its first ping, which is given in the client's place.
    pong_owed: bool,
    protocol: ProtocolVersion,
    /// Set by the first read after [`hand_over`](Self::hand_over).
    read_since_hand_over: bool,
    /// Counts the pushes among what is written to a WebSocket.
    tally: Tally,
    /// Armed while a write is pending, or while lingering after the end.
    timer: Option<Pin<Box<Sleep>>>,
    _permit: Option<AddressPermit>,
}

impl Connection {
    pub fn new(stream: TcpStream, link: Arc<Link>, permit: Option<AddressPermit>) -> Self {
        Self {
            stream,
            link,
            replay: Bytes::new(),
            first_output: None,
            mending: None,
            intake: None,
            attempts: None,
            pong_owed: false,
            protocol: ProtocolVersion::V4,
            read_since_hand_over: true,
            tally: Tally::default(),
            timer: None,
            _permit: permit,
        }
    }

    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Makes a WebSocket of it. `replay` is read first: what hyper had read beyond the head.
    pub fn into_websocket(mut self, replay: Bytes) -> Self {
        self.link.becomes_websocket();
        self.replay = if replay.is_empty() { Bytes::new() } else { replay };
        self
    }

    /// Prepares it for the engine, which reads `replay` first and whose first output is
    /// `first`; of what follows the client gets `pending` otherwise.
    ///
    /// Until the engine reads for the first time its writes cannot fail. It writes the open packet
    /// before it watches the connection: were that write to fail, the session would stay behind
    /// with nobody to end it. The failure is reported by the read that follows.
    pub fn hand_over(mut self, replay: Bytes, first: FirstOutput, pending: PendingChanges) -> Self {
        if !replay.is_empty() {
            self.replay = replay;
        }
        self.first_output = Some(Box::new(first));
        self.mending = (!pending.is_over()).then(|| Box::new(Mending::new(pending)));
        self.protocol = pending.protocol();
        let payload_bytes_max = self.link.bounds().payload_bytes_max;
        self.intake = Some(Intake::new(self.protocol, payload_bytes_max, Binaries::default()));
        self.read_since_hand_over = false;
        self
    }

    /// What the client has sent of an event by polling before it switched.
    pub fn behind(mut self, binaries: Binaries) -> Self {
        let payload_bytes_max = self.link.bounds().payload_bytes_max;
        self.intake = Some(Intake::new(self.protocol, payload_bytes_max, binaries));
        self
    }

    /// Ends it when there are too many of these, which its session has.
    pub fn limit_attempts(mut self, attempts: Arc<Mutex<JoinAttempts>>) -> Self {
        self.attempts = Some(attempts);
        self
    }

    fn failed_write(&self, error: io::Error, written: usize) -> Poll<io::Result<usize>> {
        if self.read_since_hand_over {
            return Poll::Ready(Err(error));
        }
        self.link.close(CloseReason::TransportError);
        Poll::Ready(Ok(written))
    }

    /// A write found no room: waits for some, but not for ever.
    fn pending_write(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        let limit = self.link.bounds().write_stall;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if timer.as_mut().poll(cx).is_ready() {
            self.link.meters().slow_consumers.increment(1);
            self.link.close(CloseReason::SlowConsumer);
        }
        self.link.writer.register(cx.waker());
        match self.link.failure() {
            Some(error) => self.failed_write(error, wanted),
            None => Poll::Pending,
        }
    }

    fn write_with(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.link.failure() {
            return self.failed_write(error, wanted);
        }
        match write(Pin::new(&mut self.stream), cx) {
            Poll::Ready(Ok(written)) => {
                self.timer = None;
                self.link.sent(written);
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => self.failed_write(error, wanted),
            Poll::Pending => self.pending_write(cx, wanted),
        }
    }

    /// The kernel has taken the first `written` bytes of `slices`.
    fn tally(&mut self, slices: &[io::IoSlice<'_>], mut written: usize) {
        if !self.link.is_websocket() {
            return;
        }
        for slice in slices {
            let taken = slice.len().min(written);
            self.link.taken(self.tally.count(&slice[..taken]));
            written -= taken;
        }
    }

    /// Writes what is due before any further output; frees what is over.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_first_output(cx))?;
        let Some(mut mending) = self.mending.take() else { return Poll::Ready(Ok(())) };
        while !mending.due.is_empty() {
            let due = &mut mending.due;
            match self.write_with(cx, due.len(), |stream, cx| stream.poll_write(cx, due)) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.tally(&[io::IoSlice::new(&due[..written])], written);
                    due.advance(written);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.mending = Some(mending);
                    return Poll::Pending;
                }
            }
        }
        self.mending = (!mending.is_over()).then_some(mending);
        Poll::Ready(Ok(()))
    }

    fn poll_first_output(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(mut first) = self.first_output.take() else { return Poll::Ready(Ok(())) };
        while let Some(due) = first.due() {
            match self.write_with(cx, due.len(), |stream, cx| stream.poll_write(cx, due)) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => due.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.first_output = Some(first);
                    return Poll::Pending;
                }
            }
        }
        self.first_output = (!first.is_over()).then_some(first);
        Poll::Ready(Ok(()))
    }

    /// Looks at what the engine is about to read; closes the link if that is too much.
    fn look_at(&mut self, input: &mut [u8]) {
        let Some(intake) = &mut self.intake else { return };
        let found = intake.mend(input);
        if found.connects > 0 {
            let protocol = self.protocol;
            let mending = || Box::new(Mending::new(PendingChanges::over(protocol)));
            self.mending.get_or_insert_with(mending).expect(found.connects);
        }
        if let Some(excess) = found.excess {
            excess.report();
            return self.link.close(CloseReason::TooLarge);
        }
        let attempts = self.attempts.as_ref().filter(|_| found.connects > 0);
        if attempts.is_some_and(|it| !it.lock().take(found.connects, Instant::now())) {
            self.link.close(CloseReason::TransportError);
        }
    }

    /// Gives the engine a client's answer to its ping, where it can stand between two messages.
    fn answer_ping(&mut self) {
        let is_between = self.intake.as_ref().is_some_and(Intake::is_between_messages);
        if self.pong_owed && is_between && self.replay.is_empty() {
            self.pong_owed = false;
            self.replay = Bytes::from_static(PONG_FRAME);
        }
    }

    /// How much of `bytes` may be written as it is: a frame that is under way when mending begins stays
    /// as it is, and mending begins behind it.
    fn unmended_bytes(&self, bytes: &[u8]) -> usize {
        match &self.mending {
            None => bytes.len(),
            Some(mending) if mending.has_begun() => 0,
            Some(_) => self.tally.rest_of_frame(bytes.len()),
        }
    }

    /// Reads, unless the peer has to take answers first.
    fn poll_input(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.link.may_read() {
            self.link.reader.register(cx.waker());
            if !self.link.may_read() {
                return Poll::Pending;
            }
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }

    /// Reads and drops input until the peer closes too, at most [`LINGER`].
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; LINGER_READ_BYTES];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                // The peer is done, one way or the other.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.read_since_hand_over = true;
        if let Some(error) = this.link.failure() {
            return Poll::Ready(Err(error));
        }
        this.answer_ping();
        let before = buffer.filled().len();
        if !this.replay.is_empty() {
            let taken = this.replay.len().min(buffer.remaining());
            buffer.put_slice(&this.replay[..taken]);
            let rest = this.replay.slice(taken..);
            // An empty slice would still hold its whole buffer.
            this.replay = if rest.is_empty() { Bytes::new() } else { rest };
            // If it is too large, the next read fails: an upgrade, which is replayed in front, has to end
            // first, or the engine would leave the session behind.
            this.look_at(&mut buffer.filled_mut()[before..]);
            return Poll::Ready(Ok(()));
        }
        match this.poll_input(cx, buffer) {
            Poll::Ready(result) => {
                this.link.received(buffer.filled().len() - before);
                this.look_at(&mut buffer.filled_mut()[before..]);
                Poll::Ready(this.link.failure().map_or(result, Err))
            }
            Poll::Pending => {
                this.link.reader.register(cx.waker());
                this.link.failure().map_or(Poll::Pending, |error| Poll::Ready(Err(error)))
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_due(cx))?;
        if let Some(first) = &mut this.first_output {
            return Poll::Ready(Ok(first.take(bytes)));
        }
        let unmended_bytes = this.unmended_bytes(bytes);
        if let Some(mending) = &mut this.mending
            && unmended_bytes == 0
        {
            let (taken, is_ping_answered) = mending.take(bytes);
            if is_ping_answered {
                this.pong_owed = true;
                this.link.reader.wake();
            }
            return Poll::Ready(Ok(taken));
        }
        let bytes = &bytes[..unmended_bytes];
        let written = this.write_with(cx, bytes.len(), |stream, cx| stream.poll_write(cx, bytes));
        if let Poll::Ready(Ok(written)) = written {
            this.tally(&[io::IoSlice::new(bytes)], written);
        }
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.first_output.is_some() || this.mending.is_some() {
            let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |s| s);
            return Pin::new(this).poll_write(cx, first);
        }
        let wanted = slices.iter().map(|slice| slice.len()).sum();
        let written =
            this.write_with(cx, wanted, |stream, cx| stream.poll_write_vectored(cx, slices));
        if let Poll::Ready(Ok(written)) = written {
            this.tally(slices, written);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TcpStream buffers nothing of its own.
        self.get_mut().poll_due(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.link.close_reason().is_some() {
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_due(cx))?;
        match Pin::new(&mut this.stream).poll_shutdown(cx) {
            Poll::Ready(Ok(())) if !this.link.is_websocket() => this.poll_linger(cx),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::frames::{Opcode, put_server_frame};
    use super::super::link::{Bounds, Common, Queued};
    use super::super::meters::Meters;
    use super::super::session_id::SessionIds;
    use super::super::settings::ACKS_QUEUED_MAX;
    use super::*;

    async fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let bounds = Bounds { write_stall: Duration::from_secs(10), payload_bytes_max: 1000 };
        let link = Link::new(Arc::new(Common { meters: Meters::new(), bounds }));
        (Connection::new(stream, link, None), peer)
    }

    #[tokio::test]
    async fn a_handed_over_connection_fails_at_the_first_read_and_not_before() {
        let (connection, peer) = pair().await;
        socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        let mut connection = connection.into_websocket(Bytes::new());
        connection.stream.readable().await.unwrap();
        assert!(connection.write_all(b"x").await.is_err(), "the peer has reset the connection");

        let mut connection = connection.hand_over(
            Bytes::new(),
            FirstOutput::Repeated(0),
            PendingChanges::over(ProtocolVersion::V4),
        );
        connection.write_all(b"open packet").await.unwrap();
        assert!(connection.read(&mut [0; 8]).await.is_err());
        assert!(connection.write_all(b"more").await.is_err());
    }

    #[tokio::test]
    async fn replayed_bytes_come_first_and_swallowed_ones_never() {
        let (connection, mut peer) = pair().await;
        peer.write_all(b" then the peer").await.unwrap();
        let replay = Bytes::from_static(b"replayed");
        let mut connection = connection.hand_over(
            replay,
            FirstOutput::Repeated(3),
            PendingChanges::over(ProtocolVersion::V4),
        );
        let mut read = [0; 22];
        connection.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"replayed then the peer");

        connection.write_all(b"xx").await.unwrap();
        connection.write_all(b"xwritten").await.unwrap();
        drop(connection);
        let mut written = String::new();
        peer.read_to_string(&mut written).await.unwrap();
        assert_eq!(written, "written");
    }

    /// The frame of an open packet, and the one that the peer gets instead.
    fn open_frames() -> (FirstOutput, Vec<u8>, Vec<u8>) {
        let ids = Arc::new(SessionIds::new("n0", &[7; 32].into(), 1000));
        let wire = ids.sign(&"AAAAAAAAAAAAAAHs".parse().unwrap());
        let [from, to] = ["AAAAAAAAAAAAAAHs", &wire].map(|sid| {
            let mut frame = BytesMut::new();
            let packet = format!(r#"0{{"sid":"{sid}"}}"#);
            put_server_frame(&mut frame, Opcode::Text, packet.as_bytes());
            frame.to_vec()
        });
        (FirstOutput::unsigned(ids), from, to)
    }

    #[tokio::test]
    async fn the_open_packet_goes_out_signed_and_what_follows_unchanged() {
        let (connection, mut peer) = pair().await;
        let (first, from, to) = open_frames();
        let mut connection = connection.into_websocket(Bytes::new());
        connection =
            connection.hand_over(Bytes::new(), first, PendingChanges::over(ProtocolVersion::V4));
        let (first, second) = from.split_at(5);
        let mut slices = [&[][..], first, second, b"rest"].map(io::IoSlice::new);
        let mut unwritten = &mut slices[..];
        while !unwritten.is_empty() {
            let written = connection.write_vectored(unwritten).await.unwrap();
            io::IoSlice::advance_slices(&mut unwritten, written);
        }
        connection.write_all(&from).await.unwrap();
        assert!(connection.first_output.is_none());
        drop(connection);
        let mut got = Vec::new();
        peer.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, [&to[..], b"rest", &from].concat());
    }

    #[tokio::test]
    async fn a_flush_waits_until_the_open_packet_has_found_room() {
        let (connection, mut peer) = pair().await;
        connection.stream.writable().await.unwrap();
        let mut stuffed = 0;
        while let Ok(written) = connection.stream.try_write(&[b'x'; 65_536]) {
            stuffed += written;
        }
        let (first, from, to) = open_frames();
        let mut connection =
            connection.hand_over(Bytes::new(), first, PendingChanges::over(ProtocolVersion::V4));
        connection.write_all(&from).await.unwrap();
        assert!(connection.flush().now_or_never().is_none(), "there is no room yet");
        let mut got = vec![0; stuffed + to.len()];
        let (flushed, read) = tokio::join!(connection.flush(), peer.read_exact(&mut got));
        flushed.unwrap();
        read.unwrap();
        assert_eq!(got[stuffed..], to);
        assert!(connection.first_output.is_none());
    }

    #[tokio::test]
    async fn pushes_are_queued_until_the_kernel_has_taken_them() {
        let (connection, _peer) = pair().await;
        let mut connection = connection.into_websocket(Bytes::new());
        let link = connection.link().clone();
        let queued = |pushes, push_bytes| Queued { pushes, push_bytes };
        assert_eq!(
            [1; 3].map(|_| link.queue_push(7)),
            [1, 2, 3].map(|n| queued(n, 9 * u64::from(n)))
        );
        link.queue_ack(7);
        let mut frames = BytesMut::new();
        for packet in ["42[\"a\"]", "431[{}]", "42[\"b\"]"] {
            put_server_frame(&mut frames, Opcode::Text, packet.as_bytes());
        }
        connection.write_all(&frames).await.unwrap();
        assert_eq!(link.queue_push(7), queued(2, 18));
        assert!(link.has_room());
        let mut uncounted = frames.clone();
        uncounted.extend_from_slice(&frames);
        let written = connection.write_vectored(&[io::IoSlice::new(&uncounted)]).await.unwrap();
        assert_eq!(written, uncounted.len());
        assert_eq!(link.queue_push(7), queued(1, 9), "never below zero");
    }

    #[tokio::test]
    async fn nothing_is_read_while_too_many_acks_wait() {
        let (connection, mut peer) = pair().await;
        let connection = connection.into_websocket(Bytes::new());
        let link = connection.link().clone();
        peer.write_all(b"request").await.unwrap();
        connection.stream.readable().await.unwrap();
        (0..=ACKS_QUEUED_MAX).for_each(|_| link.queue_ack(7));
        let (mut reader, mut writer) = tokio::io::split(connection);
        let mut request = [0; 7];
        assert!(reader.read(&mut request).now_or_never().is_none());

        let mut ack = BytesMut::new();
        put_server_frame(&mut ack, Opcode::Text, b"431[{}]");
        let (read, written) = tokio::join!(reader.read_exact(&mut request), writer.write_all(&ack));
        read.unwrap();
        written.unwrap();
        assert_eq!(&request, b"request");
    }

    #[tokio::test]
    async fn closing_wakes_a_waiting_read_and_keeps_its_first_reason() {
        let (mut connection, _peer) = pair().await;
        let link = connection.link().clone();
        let mut buffer = [0; 8];
        let closing = async {
            link.close(CloseReason::Kicked);
            link.close(CloseReason::Drain);
        };
        let (read, ()) = tokio::join!(connection.read(&mut buffer), closing);
        assert!(read.is_err());
        assert_eq!(link.close_reason(), Some(CloseReason::Kicked));
    }
}
