//! Many connections on one thread: an epoll loop that neither allocates nor parses JSON per delivery.
//!
//! One thread, because server and generator get a core each: a second one would only take turns with the first.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mio::{Events, Interest, Poll, Token};

use crate::connection::{Connection, Push};

pub struct Swarm {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    /// A closed connection leaves its place empty, so that indexes stay what they were.
    connections: Vec<Option<Connection>>,
    ready: usize,
    /// Connections the server ended, and why the first one did.
    pub closed: usize,
    pub first_close: Option<String>,
    /// Time spent outside `epoll_wait`.
    pub busy: Duration,
}

/// Connections that are on their way at once: enough to keep the server busy, below every accept backlog.
const CONNECTING_MAX: usize = 64;
/// Without a single new `ready` for this long, opening has failed.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// Loopback sources 127.0.0.2 and up; 10,000 connections are 157 each, far below the limits per address.
const SOURCE_ADDRESSES: usize = 64;
/// Few enough events a turn that a planned send waits for well under a millisecond of receiving.
const EVENTS_PER_TURN: usize = 256;
/// More than a receiver gets between two reads, so that one read empties a socket.
const BUFFER_BYTES: usize = 256 * 1024;

impl Swarm {
    pub fn new(server: SocketAddr) -> Result<Self> {
        Ok(Self {
            server,
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            buffer: vec![0; BUFFER_BYTES],
            connections: Vec::new(),
            ready: 0,
            closed: 0,
            first_close: None,
            busy: Duration::ZERO,
        })
    }

    /// Opens one connection per CONNECT packet of `greetings` and waits until all are ready.
    ///
    /// # Errors
    ///
    /// If one is refused or closed, or if none becomes ready for [`READY_TIMEOUT`].
    pub fn open(&mut self, greetings: Vec<String>) -> Result<()> {
        raise_open_files(greetings.len())?;
        let wanted = self.connections.len() + greetings.len();
        let mut greetings = greetings.into_iter();
        let mut progress = (self.ready, Instant::now());
        while self.ready < wanted {
            while self.connections.len() - self.ready < CONNECTING_MAX
                && let Some(greeting) = greetings.next()
            {
                self.connect(greeting)?;
            }
            self.turn(Duration::from_millis(100), |_, _, _| {})?;
            self.ensure_none_closed()?;
            if self.ready > progress.0 {
                progress = (self.ready, Instant::now());
            }
            ensure!(
                progress.1.elapsed() < READY_TIMEOUT,
                "{} of {wanted} became ready",
                self.ready
            );
        }
        Ok(())
    }

    fn connect(&mut self, greeting: String) -> Result<()> {
        let index = self.connections.len();
        let mut connection = Connection::open(self.server, source(self.server, index), greeting)?;
        self.poll.registry().register(
            &mut connection.stream,
            Token(index),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        self.connections.push(Some(connection));
        Ok(())
    }

    fn ensure_none_closed(&self) -> Result<()> {
        match &self.first_close {
            Some(reason) => anyhow::bail!("connection ended before all were ready: {reason}"),
            None => Ok(()),
        }
    }

    /// Waits for at most `wait` and hands what came to `on_push`: connection, push, time of the read.
    pub fn turn(
        &mut self,
        wait: Duration,
        mut on_push: impl FnMut(usize, Push<'_>, Instant),
    ) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result.context("epoll")?,
        }
        let begun = Instant::now();
        for event in &self.events {
            let index = event.token().0;
            let Some(connection) = &mut self.connections[index] else { continue };
            let was_ready = connection.is_ready();
            let mut result = Ok(());
            if event.is_writable() {
                result = connection.writable();
            }
            if event.is_readable() && result.is_ok() {
                let now = Instant::now();
                result =
                    connection.readable(&mut self.buffer, event.is_read_closed(), &mut |push| {
                        on_push(index, push, now);
                    });
            }
            self.ready += usize::from(connection.is_ready() && !was_ready);
            if let Err(error) = result {
                self.connections[index] = None;
                self.closed += 1;
                self.first_close.get_or_insert_with(|| format!("{error:#}"));
            }
        }
        if !self.events.is_empty() {
            self.busy += begun.elapsed();
        }
        Ok(())
    }

    /// Sends a packet on connection `index`; one that is closed takes nothing, which its missing ack shows.
    pub fn send(&mut self, index: usize, packet: &str) {
        let Some(connection) = &mut self.connections[index] else { return };
        if let Err(error) = connection.send(packet.as_bytes()) {
            self.connections[index] = None;
            self.closed += 1;
            self.first_close.get_or_insert_with(|| format!("{error:#}"));
        }
    }

    /// Keeps all connections alive for `time`.
    pub fn hold(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while let Some(rest) =
            end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
        {
            self.turn(rest, |_, _, _| {})?;
        }
        Ok(())
    }
}

/// The local address of connection `index`; only on loopback are there many to choose from.
fn source(server: SocketAddr, index: usize) -> Option<IpAddr> {
    let number = (index % SOURCE_ADDRESSES) as u8;
    match server.ip() {
        IpAddr::V4(address) if address.is_loopback() => {
            Some(Ipv4Addr::new(127, 0, 0, number + 2).into())
        }
        _ => None,
    }
}

/// Raises the soft limit of open files to the hard one and checks that `connections` fit.
fn raise_open_files(connections: usize) -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .context("raise open files")?;
    let needed = connections as u64 + 64;
    ensure!(
        maximum.is_none_or(|maximum| maximum >= needed),
        "{needed} open files needed, the hard limit is {maximum:?}: raise it with `ulimit -Hn`"
    );
    Ok(())
}
