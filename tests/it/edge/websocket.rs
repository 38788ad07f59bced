//! WebSockets without polling before them.

use std::time::Duration;

use reqwest::StatusCode;
use vibetalk::edge::{CloseReason, PING_INTERVAL};

use super::client::{Polling, WebSocket, raw};
use super::server::{Connected, PATIENCE, Server};

#[tokio::test]
async fn what_a_websocket_is_told_opens_no_door() {
    let mut server = Server::start().await;
    let mut socket = WebSocket::open(&server, "EIO=4&transport=websocket").await;
    let open = socket.next_with("0{").await;
    let open: serde_json::Value = serde_json::from_str(&open[1..]).unwrap();
    assert_eq!(open["pingInterval"], PING_INTERVAL.as_millis() as u64);
    let sid = open["sid"].as_str().unwrap();
    assert!(is_signed(sid), "{sid}");
    for transport in ["polling", "websocket"] {
        let url = server.url(&format!("/socket.io/?EIO=4&transport={transport}&sid={sid}"));
        assert_eq!(reqwest::get(url).await.unwrap().status(), StatusCode::BAD_REQUEST);
    }
    socket.send("40").await;
    let joined = socket.next_with("40").await;
    let joined: serde_json::Value = serde_json::from_str(&joined[2..]).unwrap();
    let connected = server.connected().await;
    let socket_id = connected.socket.id.as_str();
    assert_eq!(joined["sid"], socket_id);
    assert_eq!(sid.split('.').nth(1), Some(socket_id), "told apart by the MAC only");
    socket.send(r#"42["echo",{"a":1}]"#).await;
    assert_eq!(socket.next_with("42").await, r#"42["echo",{"a":1}]"#);
}

/// `n0.<sid>.<mac>`, the node being the default one.
fn is_signed(sid: &str) -> bool {
    let parts: Vec<&str> = sid.split('.').collect();
    matches!(parts[..], ["n0", sid, mac] if sid.len() == 16 && mac.len() == 16)
}

/// The server speaks first, twice, in Engine.IO 3.
#[tokio::test]
async fn engine_io_3_gets_a_signed_id_and_is_joined_at_once() {
    let mut server = Server::start().await;
    let mut socket = WebSocket::open(&server, "EIO=3&transport=websocket").await;
    let open = socket.next_with("0{").await;
    let open: serde_json::Value = serde_json::from_str(&open[1..]).unwrap();
    assert!(is_signed(open["sid"].as_str().unwrap()), "{open}");
    assert_eq!(socket.next().await.unwrap(), "40");
    server.connected().await;
    socket.send(r#"42["echo",{"a":1}]"#).await;
    assert_eq!(socket.next_with("42").await, r#"42["echo",{"a":1}]"#);
}

#[tokio::test]
async fn closing_cuts_the_connection_and_the_client_may_return() {
    let mut server = Server::start().await;
    let mut socket = WebSocket::connect(&server).await;
    let connected = server.connected().await;
    connected.session.close(CloseReason::Drain);
    assert_eq!(socket.next().await, None);
    let (session, _) = server.disconnected().await;
    assert_eq!(session.close_reason(), Some(CloseReason::Drain));
    drop((session, connected));
    server.sessions_fall_to(0).await;
    WebSocket::connect(&server).await;
}

#[tokio::test]
async fn the_query_of_a_handshake_reaches_its_socket() {
    let mut server = Server::start().await;
    let request = "GET /socket.io/?EIO=3&transport=websocket&token=T HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         \r\n";
    let address = server.address;
    let peer = async move { raw(address, request.as_bytes()).await };
    let seen = async {
        let connected = server.connected().await;
        let session = &connected.session;
        let query = connected.socket.req_parts().uri.query().unwrap().to_owned();
        assert_eq!(query, "EIO=3&transport=websocket&token=T");
        session.close(CloseReason::Kicked);
    };
    let (answer, ()) = tokio::join!(peer, seen);
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
}

/// Without a first read such a session would have no end: Engine.IO 3 has no connect timeout.
#[tokio::test]
async fn connections_that_break_at_once_leave_no_session() {
    let mut server = Server::start().await;
    for _ in 0..50 {
        WebSocket::open(&server, "EIO=3&transport=websocket").await.reset();
    }
    server.sessions_fall_to(0).await;
}

#[tokio::test]
async fn a_peer_that_reads_nothing_can_be_closed_at_once() {
    let mut server = Server::with(|config| config.settings.write_stall = PATIENCE * 10).await;
    let socket = WebSocket::connect(&server).await;
    let connected = server.connected().await;
    stuff(&connected);
    connected.session.close(CloseReason::Kicked);
    let (session, _) = server.disconnected().await;
    assert_eq!(session.close_reason(), Some(CloseReason::Kicked));
    drop((session, connected, socket));
    server.sessions_fall_to(0).await;
}

/// Sends more than the kernel takes for a peer that does not read.
fn stuff(connected: &Connected) {
    let payload = "x".repeat(500_000);
    for _ in 0..60 {
        connected.socket.emit("big", &payload).unwrap();
    }
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_closed_as_a_slow_consumer() {
    let mut server = Server::with(|config| {
        config.settings.write_stall = Duration::from_millis(300);
    })
    .await;
    let socket = WebSocket::connect(&server).await;
    let connected = server.connected().await;
    stuff(&connected);
    let (session, _) = server.disconnected().await;
    assert_eq!(session.close_reason(), Some(CloseReason::SlowConsumer));
    drop((session, connected, socket));
    server.sessions_fall_to(0).await;
}

#[tokio::test]
async fn a_drain_closes_each_session_when_it_was_told_and_ends_when_none_is_left() {
    let mut server = Server::start().await;
    let (mut sockets, mut sessions) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        sockets.push(WebSocket::connect(&server).await);
        sessions.push(server.connected().await.session.clone());
    }
    let spread = Duration::from_millis(1500);
    let began = std::time::Instant::now();
    let closed = sockets.into_iter().zip(sessions).map(|(mut socket, session)| async move {
        let told = session.closes_in(spread);
        drop(session);
        assert_eq!(socket.next().await, None);
        let closed = began.elapsed();
        assert!(
            (told..told + Duration::from_secs(1)).contains(&closed),
            "{closed:?}, not {told:?}"
        );
        told
    });
    let closing = server.edge.close_all(CloseReason::Drain, spread);
    let (count, told) = tokio::join!(closing, futures_util::future::join_all(closed));
    assert_eq!(count, 6);
    assert!(told.iter().max().unwrap().abs_diff(*told.iter().min().unwrap()) > spread / 2);
    server.sessions_fall_to(0).await;

    let began = std::time::Instant::now();
    let socket = WebSocket::connect(&server).await;
    let edge = server.edge.clone();
    let leaving = async {
        socket.close().await;
        server.sessions_fall_to(0).await;
    };
    tokio::join!(leaving, edge.close_all(CloseReason::Drain, PATIENCE * 10));
    assert!(began.elapsed() < PATIENCE, "the drain goes on with no session left");
}

#[tokio::test]
async fn stopping_ends_every_connection() {
    let mut server = Server::start().await;
    let mut socket = WebSocket::connect(&server).await;
    let polling = Polling::connect(&server).await;
    let held = [server.connected().await, server.connected().await];
    let stopping = async {
        server.lifecycle.stop();
        assert!(server.lifecycle.wait_for_tasks(PATIENCE).await);
    };
    tokio::join!(polling.cut_poll(), stopping);
    assert_eq!(socket.next().await, None);
    drop(held);
    server.sessions_fall_to(0).await;
}
