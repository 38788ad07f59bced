//! From polling to a WebSocket, in working and in broken networks.

use engineioxide::TransportType;
use reqwest::StatusCode;
use vibetalk::edge::CloseReason;

use super::client::{Polling, WebSocket};
use super::server::Server;

/// Events numbered from 0; how far `packets` got in order, nothing doubled, nothing missing.
fn next_number(packets: &[String], mut expected: u32) -> u32 {
    for packet in packets {
        let Some(rest) = packet.strip_prefix(r#"42["n","#) else { continue };
        let number: u32 = rest.split([',', ']']).next().unwrap().parse().unwrap();
        assert_eq!(number, expected);
        expected += 1;
    }
    expected
}

#[tokio::test]
async fn the_session_moves_and_polling_ends() {
    let mut server = Server::start().await;
    let polling = Polling::connect(&server).await;
    let connected = server.connected().await;
    assert_eq!(connected.session.transport(), TransportType::Polling);
    let mut socket = WebSocket::upgrade(&server, &polling).await;
    socket.send(r#"42["echo",1]"#).await;
    assert_eq!(socket.next_with("42").await, r#"42["echo",1]"#);
    assert_eq!(connected.session.transport(), TransportType::Websocket);
    assert_eq!(connected.socket.transport_type(), TransportType::Websocket);
    assert_eq!(polling.poll().await.0, StatusCode::BAD_REQUEST);

    connected.session.close(CloseReason::Kicked);
    while socket.next().await.is_some() {}
    server.disconnected().await;
    drop(connected);
    server.sessions_fall_to(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_under_traffic_loses_doubles_and_reorders_nothing() {
    const EVENTS: u32 = 1500;
    let mut server = Server::start().await;
    let polling = Polling::connect(&server).await;
    let emitter = server.connected().await;
    let emitting = async {
        for number in 0..EVENTS {
            emitter.socket.emit("n", &number).unwrap();
            tokio::task::yield_now().await;
        }
    };
    let receiving = async {
        let mut next =
            next_number(&polling.packets_until(|packet| packet.starts_with("42")).await, 0);
        let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
        let mut socket = WebSocket::open(&server, &query).await;
        next = next_number(&polling.packets_until(|_| true).await, next);
        // The client's poll is under way while it probes, and it pauses when that returns.
        let probing = async {
            socket.send("2probe").await;
            socket.next_with("3probe").await;
        };
        let (body, ()) = tokio::join!(polling.poll(), probing);
        let last: Vec<String> = body.1.split('\x1e').map(str::to_owned).collect();
        next = next_number(&last, next);
        socket.send("5").await;
        while next < EVENTS {
            next = next_number(&[socket.next().await.unwrap()], next);
        }
    };
    tokio::join!(emitting, receiving);
}

#[tokio::test]
async fn a_packet_that_no_longer_fitted_the_last_poll_comes_over_the_websocket() {
    let mut server = Server::start().await;
    let polling = Polling::connect(&server).await;
    let connected = server.connected().await;
    let filler = "x".repeat(700_000);
    for number in 0..4 {
        connected.socket.emit("n", &(number, &filler)).unwrap();
    }
    let fitted = polling.packets_until(|packet| packet.starts_with("42")).await;
    let mut next = next_number(&fitted, 0);
    assert!(next < 4, "nothing is left to be set aside");
    let mut socket = WebSocket::upgrade(&server, &polling).await;
    while next < 4 {
        next = next_number(&[socket.next().await.unwrap()], next);
    }
}

#[tokio::test]
async fn engine_io_3_upgrades_bring_their_packets_too() {
    let mut server = Server::start().await;
    let polling = Polling::open(&server, 3).await;
    let connected = server.connected().await;
    connected.socket.emit("n", "ä€😀").unwrap();
    connected.socket.emit("n", &2).unwrap();
    let query = format!("EIO=3&transport=websocket&sid={}", polling.sid);
    let mut socket = WebSocket::open(&server, &query).await;
    socket.send("2probe").await;
    socket.next_with("3probe").await;
    socket.send("5").await;
    socket.next_with("40").await;
    assert_eq!(socket.next_with("42").await, r#"42["n","ä€😀"]"#);
    socket.next_with(r#"42["n",2]"#).await;
    socket.send(r#"42["echo",1]"#).await;
    socket.next_with(r#"42["echo",1]"#).await;
}

/// The network lets the handshake through and eats what follows, in one direction or the other.
#[tokio::test]
async fn a_failed_upgrade_leaves_the_session_on_polling() {
    let mut server = Server::start().await;
    let polling = Polling::connect(&server).await;
    let connected = server.connected().await;
    let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
    let mut next = 0;
    for said in [None, Some("2probe"), Some("4nonsense")] {
        let mut socket = WebSocket::open(&server, &query).await;
        if let Some(said) = said {
            socket.send(said).await;
        }
        connected.socket.emit("n", &next).unwrap();
        let packets = polling.packets_until(|packet| packet.starts_with("42")).await;
        next = next_number(&packets, next);
        socket.close().await;
        connected.socket.emit("n", &next).unwrap();
        let packets = polling.packets_until(|packet| packet.starts_with("42")).await;
        next = next_number(&packets, next);
    }
    assert_eq!(next, 6);
    assert_eq!(connected.session.transport(), TransportType::Polling);

    let mut socket = loop {
        // The server may see the end of the last attempt a little later.
        let url = format!("ws://{}/socket.io/?{query}", server.address);
        if tokio_tungstenite::connect_async(&url).await.is_ok() {
            break WebSocket::upgrade(&server, &polling).await;
        }
    };
    socket.send(r#"42["echo",1]"#).await;
    socket.next_with("42").await;
}

#[tokio::test]
async fn one_upgrade_at_a_time() {
    let mut server = Server::start().await;
    let polling = Polling::connect(&server).await;
    server.connected().await;
    let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
    let _first = WebSocket::open(&server, &query).await;
    let url = format!("ws://{}/socket.io/?{query}", server.address);
    assert!(tokio_tungstenite::connect_async(&url).await.is_err());
}

#[tokio::test]
async fn a_session_closed_while_it_upgrades_ends() {
    let mut server = Server::start().await;
    let polling = Polling::connect(&server).await;
    let connected = server.connected().await;
    let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
    let mut socket = WebSocket::open(&server, &query).await;
    socket.send("2probe").await;
    socket.next_with("3probe").await;
    connected.session.close(CloseReason::Kicked);
    assert_eq!(socket.next().await, None);
    server.disconnected().await;
    drop(connected);
    server.sessions_fall_to(0).await;
}
