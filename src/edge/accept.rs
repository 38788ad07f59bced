//! The accept loop, and the task of each accepted connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use socketioxide::adapter::Adapter;
use tokio::net::{TcpListener, TcpStream};

use super::Core;
use super::address::AddressPermit;
use super::connection::Connection;
use super::front::{Accepted, Front};
use super::link::Link;
use crate::telemetry;

/// hyper checks a head when it is whole: this times the limit bounds one that never is. Twice, so that
/// the usual too large one is read in full and its sender gets to see the 431.
const BUFFERED_HEADS: usize = 2;
/// A peer that acknowledges nothing for this long is gone (RFC 5482).
const USER_TIMEOUT: Duration = Duration::from_secs(30);
/// Unsent bytes that the kernel keeps for one peer: a stalled one shows early and costs little.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;
/// A stopping node waits so long for requests that are under way, less than for its tasks (`app.rs`).
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);
/// After a failure to accept: descriptors come back when connections end, not at once.
const RETRY_MIN: Duration = Duration::from_millis(10);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// Accepts until the node stops.
pub(super) async fn run<A: Adapter>(listener: TcpListener, front: &Arc<Front<A>>) {
    let lifecycle = front.core.lifecycle.clone();
    let mut retry = RETRY_MIN;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = lifecycle.stopping() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                retry = RETRY_MIN;
                admit(stream, peer, front);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                metrics::counter!(telemetry::ACCEPT_ERRORS).increment(1);
                tracing::error!(%error, "accepting failed, trying again in {retry:?}: {error}");
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(RETRY_MAX);
            }
        }
    }
}

/// The peer was gone before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn admit<A: Adapter>(stream: TcpStream, peer: SocketAddr, front: &Arc<Front<A>>) {
    let core = &front.core;
    let Ok(permit) = connection_permit(core, peer) else {
        metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => "address").increment(1);
        return;
    };
    if let Err(error) = configure(&stream) {
        tracing::debug!(%error, "a connection ended before it began: {error}");
        return;
    }
    let link = Link::new(core.links.clone());
    let accepted = Accepted { peer, link: link.clone() };
    let connection = Connection::new(stream, link, permit);
    core.lifecycle.spawn("connection", serve(front.clone(), connection, accepted));
}

/// `Err` if the peer has too many connections. Trusted proxies have as many as they need: the
/// sessions of each address are counted beside this.
fn connection_permit(core: &Core, peer: SocketAddr) -> Result<Option<AddressPermit>, ()> {
    let ip = peer.ip().to_canonical();
    let is_proxy = core.settings.trusted_proxies.iter().any(|network| network.contains(ip));
    match &core.connection_limit {
        Some(limit) if !is_proxy => limit.try_acquire(ip).map(Some).ok_or(()),
        _ => Ok(None),
    }
}

fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)
}

/// Speaks HTTP with one peer until it leaves, upgrades, or the node stops, which finishes the request
/// that is under way.
async fn serve<A: Adapter>(front: Arc<Front<A>>, connection: Connection, accepted: Accepted) {
    let (settings, timeouts) = (&front.core.settings, front.core.timeouts);
    let (head_timeout, idle_timeout) = (timeouts.head, timeouts.idle);
    let head_bytes_max = settings.head_bytes_max;
    let lifecycle = front.core.lifecycle.clone();
    let link = accepted.link.clone();
    let service = service_fn(move |request| front.clone().handle(accepted.clone(), request));
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_header_size(head_bytes_max)
        .max_buf_size(BUFFERED_HEADS * head_bytes_max)
        // From the end of an answer to the end of the next head: idling counts, too.
        .header_read_timeout(idle_timeout)
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades();
    let strangers_end = async {
        tokio::time::sleep(head_timeout).await;
        if link.has_requested() {
            std::future::pending::<()>().await;
        }
    };
    let mut http = std::pin::pin!(http);
    tokio::select! {
        ended = &mut http => {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended: {error}");
            }
        }
        () = strangers_end => {
            metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => "no_request").increment(1);
        }
        () = lifecycle.stopping() => {
            http.as_mut().graceful_shutdown();
            if tokio::time::timeout(FINISH_TIMEOUT, http).await.is_err() {
                tracing::debug!("a request is cut off, the node stops");
            }
        }
    }
}
