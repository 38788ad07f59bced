//! One client connection: TCP, WebSocket upgrade, Engine.IO, Socket.IO, until it is `ready`.
//!
//! The caller owns the event loop and the read buffer; a connection keeps only a frame that came in pieces. It does
//! not check `Sec-WebSocket-Accept`: the peer is our own server, not a cache in between.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::frame::{self, Frame, Opcode};
use crate::packet::{self, Ack, Packet};

pub struct Connection {
    pub stream: TcpStream,
    stage: Stage,
    /// Socket.IO CONNECT, until it is sent.
    greeting: Option<Box<str>>,
    /// The beginning of a frame whose rest has not arrived.
    unread: Vec<u8>,
    /// What the kernel did not take yet.
    unsent: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Connecting,
    Upgrading,
    Joining,
    Ready,
}

/// What a ready connection hands to the scenario.
pub enum Push<'a> {
    MessageCreated(&'a [u8]),
    SyncRequired,
    Ack(Ack<'a>),
}

/// Heads of upgrade answers are a few hundred bytes; more means that this is no WebSocket server.
const HEAD_BYTES_MAX: usize = 16 * 1024;

impl Connection {
    /// Begins to connect. `source` is the local address to come from, `auth` the CONNECT payload.
    pub fn open(server: SocketAddr, source: Option<IpAddr>, greeting: String) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match socket.connect(&server.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => {
                return Err(error).context("connect");
            }
            _ => {}
        }
        Ok(Self {
            stream: TcpStream::from_std(socket.into()),
            stage: Stage::Connecting,
            greeting: Some(greeting.into()),
            unread: Vec::new(),
            unsent: upgrade_request(server).into_bytes(),
        })
    }

    pub const fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready)
    }

    /// The socket can be written to: the connect has ended, or the kernel has room again.
    pub fn writable(&mut self) -> Result<()> {
        if self.stage == Stage::Connecting {
            if let Some(error) = self.stream.take_error()? {
                return Err(error).context("connect");
            }
            self.stage = Stage::Upgrading;
        }
        self.flush()
    }

    /// Queues a Socket.IO packet and writes what the kernel takes.
    pub fn send(&mut self, packet: &[u8]) -> Result<()> {
        frame::append(&mut self.unsent, Opcode::Text, packet);
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("write"),
            }
        }
        Ok(())
    }

    /// Reads what is there and hands pushes to `on_push`.
    ///
    /// A read that does not fill `buffer` has emptied the socket (epoll(7)), which saves the second read per
    /// delivery; only at `read_closed` is the end of the stream still to be fetched.
    pub fn readable(
        &mut self,
        buffer: &mut [u8],
        read_closed: bool,
        on_push: &mut impl FnMut(Push<'_>),
    ) -> Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => bail!("closed by the server"),
                Ok(filled) => {
                    self.take_in(&buffer[..filled], on_push)?;
                    if filled < buffer.len() && !read_closed {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("read"),
            }
        }
    }

    fn take_in(&mut self, chunk: &[u8], on_push: &mut impl FnMut(Push<'_>)) -> Result<()> {
        if self.unread.is_empty() {
            let used = self.consume(chunk, on_push)?;
            self.unread.extend_from_slice(&chunk[used..]);
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.unread);
        bytes.extend_from_slice(chunk);
        let used = self.consume(&bytes, on_push)?;
        bytes.drain(..used);
        self.unread = bytes;
        Ok(())
    }

    /// Handles every whole frame in `bytes`; returns how many bytes those took.
    fn consume(&mut self, bytes: &[u8], on_push: &mut impl FnMut(Push<'_>)) -> Result<usize> {
        let mut used = 0;
        if self.stage == Stage::Upgrading {
            let Some(head_bytes) = upgrade_answer(bytes)? else { return Ok(0) };
            self.stage = Stage::Joining;
            used = head_bytes;
        }
        while let Some((frame, frame_bytes)) = frame::first(&bytes[used..])? {
            used += frame_bytes;
            self.handle(frame, on_push)?;
        }
        Ok(used)
    }

    fn handle(&mut self, frame: Frame<'_>, on_push: &mut impl FnMut(Push<'_>)) -> Result<()> {
        match frame.opcode {
            Opcode::Text => {}
            Opcode::Pong => return Ok(()),
            Opcode::Close => bail!("closed by the server with a WebSocket close frame"),
            Opcode::Ping => {
                frame::append(&mut self.unsent, Opcode::Pong, frame.payload);
                return self.flush();
            }
        }
        match Packet::parse(frame.payload) {
            Packet::MessageCreated(packet) => on_push(Push::MessageCreated(packet)),
            Packet::SyncRequired => on_push(Push::SyncRequired),
            Packet::Ack(ack) => on_push(Push::Ack(ack)),
            Packet::Ping => return self.send(packet::PONG),
            Packet::Open => return self.greet(),
            Packet::Ready => self.stage = Stage::Ready,
            Packet::Close => bail!("disconnected by the server"),
            Packet::ConnectError(body) => bail!("refused: {}", String::from_utf8_lossy(body)),
            Packet::Connected | Packet::Other => {}
        }
        Ok(())
    }

    fn greet(&mut self) -> Result<()> {
        let greeting = self.greeting.take().context("a second Engine.IO handshake")?;
        self.send(greeting.as_bytes())
    }
}

/// The smallest request that opens a WebSocket; the key is any 16 bytes, and never a secret.
fn upgrade_request(server: SocketAddr) -> String {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bG9hZHRlc3QtbG9hZHRlcw==\r\n\r\n"
    )
}

/// The length of the answer's head, once it is whole and is a 101.
fn upgrade_answer(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        anyhow::ensure!(bytes.len() < HEAD_BYTES_MAX, "endless answer to the upgrade request");
        return Ok(None);
    };
    if !bytes.starts_with(b"HTTP/1.1 101 ") {
        let status = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
        bail!("upgrade refused: {}", String::from_utf8_lossy(status));
    }
    Ok(Some(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_upgrade_names_its_status() {
        let error = upgrade_answer(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(error.to_string().contains("503 Service Unavailable"), "{error}");
    }

    #[test]
    fn frames_behind_the_upgrade_answer_are_kept() {
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x81\x012";
        assert_eq!(upgrade_answer(answer).unwrap(), Some(answer.len() - 3));
        assert_eq!(upgrade_answer(&answer[..40]).unwrap(), None);
    }
}
