//! The upgrade of a polling session, spoken by the edge until it is certain.
//!
//! The engine, once it is told of an upgrade, stops polling and closes the session if the upgrade
//! fails. A network that lets the 101 through and eats the frames would so throw every client out.
//! Here the engine hears of it only after the client's `5`, when the new way is known to work in
//! both directions. Until then polling goes on; a failure changes nothing.
//!
//! ```text
//! client                         edge                                   engine
//!   2probe ───────────────────────> polls are kept short from here
//!   <─────────────────────── 3probe
//!   5 ────────────────────────────> the last poll ends
//!   <──────────── packets it left <── polled until nothing is left ──── (polling)
//!                                   2probe, 5 (replayed), the rest ────> upgrade
//!                                   (swallowed) <──────────────── 3probe
//!   <────────────────────────────────────────────────────────────────── frames
//! ```
//!
//! The engine's polling encoder sets a packet aside that does not fit the answer, and its WebSocket
//! writer does not look there: polling until nothing is left also brings that one over.

use std::time::Duration;

use axum::body::Body;
use bytes::{BufMut, BytesMut};
use engineioxide_core::{Packet, ProtocolVersion, Sid, payload};
use futures_util::{FutureExt, StreamExt};
use http::header::CONTENT_TYPE;
use http::{Request, Response, Uri};
use socketioxide::adapter::Adapter;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::ENGINE_PATH;
use super::close_reason::CloseReason;
use super::connection::Connection;
use super::first_output::FirstOutput;
use super::frames::{FrameError, Opcode, put_client_frame, put_server_frame, read_frame};
use super::front::Front;
use super::session::EngineSession;
use super::settings::UPGRADE_TIMEOUT;
use crate::telemetry;

/// How long the last requests of a client that has switched may take to end, and what the engine
/// still holds may take to be written.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(10);
const PROBE: &str = "2probe";
const PROBE_ANSWER: &str = "3probe";
const UPGRADE: &str = "5";
/// The frame of [`PROBE_ANSWER`], which the client gets from us and not again from the engine.
const PROBE_ANSWER_FRAME_BYTES: usize = 2 + PROBE_ANSWER.len();

/// How an upgrade ended; the metric label `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpgradeOutcome {
    Ok,
    /// Another upgrade was under way, or the session was on a WebSocket already.
    Refused,
    /// The connection ended or said something else; polling went on.
    Failed,
    /// The probe was not completed in time; polling went on.
    TimedOut,
    /// The client had switched, but the session could not: it is closed.
    Lost,
}

impl UpgradeOutcome {
    const ALL: [Self; 5] = [Self::Ok, Self::Refused, Self::Failed, Self::TimedOut, Self::Lost];

    fn counter(self) -> metrics::Counter {
        let outcome = match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::TimedOut => "timeout",
            Self::Lost => "lost",
        };
        metrics::counter!(telemetry::TRANSPORT_UPGRADES, "outcome" => outcome)
    }
}

/// Lists every outcome from the start, so that a rate sees the first one.
pub(super) fn register_outcomes() {
    UpgradeOutcome::ALL.iter().for_each(|outcome| outcome.counter().absolute(0));
}

pub(super) fn count(outcome: UpgradeOutcome) {
    outcome.counter().increment(1);
}

#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the session ended")]
    SessionEnded,
    #[error("the engine gave what it never gives to a poll")]
    Engine,
}

impl From<std::io::Error> for ProbeError {
    fn from(error: std::io::Error) -> Self {
        Self::Frame(error.into())
    }
}

impl<A: Adapter> Front<A> {
    /// Moves `session` to `connection`, or leaves it on polling.
    pub(super) async fn upgrade_session(
        &self,
        mut connection: Connection,
        sid: &Sid,
        session: &EngineSession,
        uri: Uri,
    ) -> UpgradeOutcome {
        let mut buffer = BytesMut::new();
        let probing = probe(&mut connection, &mut buffer, session);
        let probed = tokio::select! {
            probed = timeout(UPGRADE_TIMEOUT, probing) => probed,
            () = session.closed() => return UpgradeOutcome::Failed,
        };
        if !matches!(probed, Ok(Ok(()))) {
            session.resume_polling();
            return if probed.is_err() { UpgradeOutcome::TimedOut } else { UpgradeOutcome::Failed };
        }
        let moving = self.empty_engine(&mut connection, sid, session);
        let moved = tokio::select! {
            moved = timeout(SWITCH_TIMEOUT, moving) => moved,
            () = session.closed() => return UpgradeOutcome::Lost,
        };
        if !matches!(moved, Ok(Ok(()))) {
            session.close(CloseReason::TransportError);
            return UpgradeOutcome::Lost;
        }
        let first = FirstOutput::Repeated(PROBE_ANSWER_FRAME_BYTES);
        let pending = *session.pending();
        let connection = connection
            .hand_over(replay(&buffer), first, pending)
            .behind(*session.binaries())
            .limit_attempts(session.attempts().clone());
        session.attach(connection.link().clone());
        session.switched();
        self.give_to_engine(connection, uri, None);
        UpgradeOutcome::Ok
    }

    /// Waits for the last requests, then writes to the WebSocket what the engine has for a poll.
    async fn empty_engine(
        &self,
        connection: &mut Connection,
        sid: &Sid,
        session: &EngineSession,
    ) -> Result<(), ProbeError> {
        session.idle().await;
        while let Some(response) = self.poll_now(sid, session.protocol()) {
            let mut out = BytesMut::new();
            if put_packets(&mut out, response, session).await? {
                self.answer_ping(sid, session.protocol());
            }
            connection.write_all(&out).await?;
        }
        Ok(())
    }

    /// One poll, if there is something to be had at once.
    ///
    /// tokio may stop it short of the last packet, so that other tasks get their turn. What it leaves
    /// is still in the queue, from where the engine's WebSocket writer takes it next; nothing is set
    /// aside, because a packet set aside is the first that a poll gives.
    fn poll_now(&self, sid: &Sid, protocol: ProtocolVersion) -> Option<Response<Body>> {
        let eio = protocol as u8;
        let target = format!("{ENGINE_PATH}?EIO={eio}&transport=polling&sid={sid}");
        let request = Request::get(target).body(Body::empty()).ok()?;
        self.call(request).now_or_never()
    }
}

/// The client's side of the upgrade, up to its word that it has switched.
async fn probe(
    connection: &mut Connection,
    buffer: &mut BytesMut,
    session: &EngineSession,
) -> Result<(), ProbeError> {
    expect(connection, buffer, PROBE).await?;
    if !session.probed() {
        return Err(ProbeError::SessionEnded);
    }
    let mut answer = BytesMut::new();
    put_server_frame(&mut answer, Opcode::Text, PROBE_ANSWER.as_bytes());
    connection.write_all(&answer).await?;
    expect(connection, buffer, UPGRADE).await?;
    if session.switch() { Ok(()) } else { Err(ProbeError::SessionEnded) }
}

/// Reads the text `wanted`, answering pings on the way.
async fn expect(
    connection: &mut Connection,
    buffer: &mut BytesMut,
    wanted: &str,
) -> Result<(), ProbeError> {
    loop {
        let frame = read_frame(connection, buffer).await?;
        match frame.opcode {
            Opcode::Text if frame.payload == wanted => return Ok(()),
            Opcode::Ping => {
                let mut pong = BytesMut::new();
                put_server_frame(&mut pong, Opcode::Pong, &frame.payload);
                connection.write_all(&pong).await?;
            }
            Opcode::Pong => {}
            Opcode::Close => return Err(FrameError::Closed.into()),
            Opcode::Text | Opcode::Binary => return Err(FrameError::Unexpected.into()),
        }
    }
}

/// Frames the packets of an answer to a poll as the engine's WebSocket writer would. True: the engine waits
/// for the answer to its first ping, which the client does not get.
async fn put_packets(
    out: &mut BytesMut,
    response: Response<Body>,
    session: &EngineSession,
) -> Result<bool, ProbeError> {
    let protocol = session.protocol();
    let mut is_ping_answered = false;
    if !response.status().is_success() {
        return Err(ProbeError::Engine);
    }
    let (parts, body) = response.into_parts();
    let content_type = parts.headers.get(CONTENT_TYPE);
    // One packet may be larger than a payload should be: it is the engine's own, so no bound here.
    let packets = payload::decoder(body, content_type, protocol, u64::MAX);
    tokio::pin!(packets);
    while let Some(packet) = packets.next().await {
        match packet.map_err(|_| ProbeError::Engine)? {
            Packet::Noop => {}
            Packet::Binary(bytes) => put_server_frame(out, Opcode::Binary, &bytes),
            Packet::BinaryV3(bytes) => {
                let mut typed = BytesMut::with_capacity(1 + bytes.len());
                typed.put_u8(4);
                typed.put_slice(&bytes);
                put_server_frame(out, Opcode::Binary, &typed);
            }
            packet => {
                let (packet, is_answered) = session.pending().mend(&String::from(packet));
                is_ping_answered |= is_answered;
                if let Some(packet) = packet {
                    put_server_frame(out, Opcode::Text, packet.as_bytes());
                }
            }
        }
    }
    Ok(is_ping_answered)
}

/// What the engine reads first: the probe that the client has behind it, then what came after.
fn replay(rest: &[u8]) -> bytes::Bytes {
    let mut replay = BytesMut::with_capacity(32 + rest.len());
    put_client_frame(&mut replay, PROBE);
    put_client_frame(&mut replay, UPGRADE);
    replay.put_slice(rest);
    replay.freeze()
}
