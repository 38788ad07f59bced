//! What connections may not do.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Polling, WebSocket, raw};
use super::server::{PATIENCE, Server};

#[tokio::test]
async fn heads_beyond_16_kib_are_refused() {
    let server = Server::start().await;
    for (bytes, expected) in [(10_000, "200"), (17_000, "431"), (200_000, "431")] {
        let filler = "x".repeat(bytes);
        let request = format!(
            "GET /address HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Filler: {filler}\r\n\r\n"
        );
        let answer = raw(server.address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{bytes}: {answer}");
    }
}

#[tokio::test]
async fn strangers_that_send_no_whole_head_are_closed() {
    let server = Server::with(|config| config.timeouts.head = Duration::from_millis(200)).await;
    raw(server.address, b"").await;
    raw(server.address, b"GET /address HT").await;

    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /address HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut answer = [0; 1024];
    idle.write_all(request).await.unwrap();
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    // Kept alive beyond the time that a stranger has.
    let early = tokio::time::timeout(Duration::from_millis(500), idle.read(&mut answer)).await;
    assert!(early.is_err(), "closed early");
    idle.write_all(request).await.unwrap();
    assert!(idle.read(&mut answer).await.unwrap() > 0);
}

#[tokio::test]
async fn bodies_beyond_1_mb_are_refused() {
    let mut server = Server::start().await;
    let client = Polling::connect(&server).await;
    server.connected().await;
    assert_eq!(client.post(&"4".repeat(1_000_001)).await, StatusCode::PAYLOAD_TOO_LARGE);
    let http = reqwest::Client::new();
    for (bytes, expected) in
        [(1_000_000, StatusCode::OK), (1_000_001, StatusCode::PAYLOAD_TOO_LARGE)]
    {
        let answer = http.post(server.url("/length")).body("x".repeat(bytes)).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{bytes}");
    }
}

/// Between packets of Engine.IO 3 stand lengths, which the engine gets in another form.
#[tokio::test]
async fn bodies_of_exactly_1_mb_reach_the_engine_in_every_version() {
    let mut server = Server::start().await;
    for (eio, separator) in [(4, "\u{1e}"), (3, "")] {
        let client = Polling::open(&server, eio).await;
        if eio == 4 {
            assert_eq!(client.post("40").await, StatusCode::OK);
        }
        server.connected().await;
        let framed = |packet: &str| match eio {
            3 => format!("{}:{packet}", packet.len()),
            _ => packet.to_owned(),
        };
        let pongs = format!("{}{separator}", framed("3")).repeat(1000);
        let rest = 1_000_000 - pongs.len();
        let filler =
            (0..20).map(|less| framed(&format!("42[\"x\",\"{}\"]", "y".repeat(rest - 9 - less))));
        let filler = filler.into_iter().find(|packet| packet.len() == rest).unwrap();
        assert_eq!(client.post(&format!("{pongs}{filler}")).await, StatusCode::OK, "{eio}");
        assert_eq!(client.post(&framed("42[\"echo\",1]")).await, StatusCode::OK, "{eio}");
        while !client.poll().await.1.contains("echo") {}
    }
}

#[tokio::test]
async fn clients_are_told_how_long_a_body_may_be() {
    let server = Server::start().await;
    let url = server.url("/socket.io/?EIO=4&transport=polling");
    let open = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(open.contains("\"maxPayload\":1000000"), "{open}");
    let mut socket = WebSocket::open(&server, "EIO=4&transport=websocket").await;
    let open = socket.next_with("0{").await;
    assert!(open.contains("\"maxPayload\":1000000"), "{open}");
}

#[tokio::test]
async fn a_connection_that_asks_to_join_any_namespace_without_end_is_closed() {
    let mut server = Server::start().await;
    for eio in [4, 3] {
        let mut socket = WebSocket::open(&server, &format!("EIO={eio}&transport=websocket")).await;
        for _ in 0..40 {
            socket.try_send("40/x,").await;
        }
        while socket.next().await.is_some() {}
    }
    let client = Polling::connect(&server).await;
    server.connected().await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(client.post("40/x,").await);
    }
    assert_eq!(statuses[5], StatusCode::OK);
    assert_eq!(statuses[39], StatusCode::BAD_REQUEST);
    assert_eq!(client.poll().await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let server = Server::with(|config| {
        config.settings.connections_per_address = 2;
        config.settings.trusted_proxies.clear();
    })
    .await;
    let mut first = WebSocket::open(&server, "EIO=4&transport=websocket").await;
    let second = TcpStream::connect(server.address).await.unwrap();
    first.next_with("0{").await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, third.read(&mut [0])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)));
    drop(second);
}

#[tokio::test]
async fn an_address_has_so_many_sessions_and_no_more() {
    let server = Server::with(|config| config.settings.connections_per_address = 1).await;
    let handshake = |address: &'static str| {
        let url = server.url("/socket.io/?EIO=4&transport=polling");
        let request = reqwest::Client::new().get(url).header("x-forwarded-for", address);
        async move { request.send().await.unwrap().status() }
    };
    assert_eq!(handshake("198.51.100.7").await, StatusCode::OK);
    assert_eq!(handshake("198.51.100.7").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(handshake("198.51.100.8").await, StatusCode::OK);
}

#[tokio::test]
async fn the_router_learns_the_clients_address() {
    let server = Server::start().await;
    let request = reqwest::Client::new().get(server.url("/address"));
    let told = request.header("x-forwarded-for", "198.51.100.7").send().await.unwrap();
    assert_eq!(told.text().await.unwrap(), "198.51.100.7:0");
    let own = reqwest::get(server.url("/address")).await.unwrap().text().await.unwrap();
    assert!(own.starts_with("127.0.0.1:"), "{own}");
}

#[tokio::test]
async fn a_stopping_node_finishes_the_request_that_is_under_way() {
    let server = Server::start().await;
    let answer = reqwest::get(server.url("/stop")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "stopped");
    assert!(server.lifecycle.wait_for_tasks(PATIENCE).await);
}

#[tokio::test]
async fn engine_io_3_can_be_switched_off() {
    let server = Server::with(|config| config.settings.allow_eio3 = false).await;
    for transport in ["polling", "websocket"] {
        let answer = raw(server.address, &websocket_request(3, transport)).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        let body = r#"{"code":5,"message":"Unsupported protocol version"}"#;
        assert!(answer.ends_with(body), "{answer}");
    }
    assert_eq!(server.edge.sessions(), 0);
    Polling::open(&server, 4).await;
    WebSocket::open(&server, "EIO=4&transport=websocket").await.next_with("0{").await;
}

/// For polling its WebSocket headers mean nothing.
fn websocket_request(eio: u8, transport: &str) -> Vec<u8> {
    format!(
        "GET /socket.io/?EIO={eio}&transport={transport} HTTP/1.1\r\nHost: x\r\n\
         Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}
