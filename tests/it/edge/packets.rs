//! What clients send that the engine alone would close them for, and what it would tell them otherwise.

use std::time::Duration;

use reqwest::StatusCode;
use vibetalk::edge::CloseReason;

use super::client::{Polling, WebSocket};
use super::server::Server;

#[tokio::test]
async fn base64_in_lines_and_without_padding_is_binary_too() {
    let mut server = Server::start().await;
    let client = Polling::connect(&server).await;
    server.connected().await;
    for base64 in ["AQID\n", "AQI", "AQ==\r\n", "QUJD\nREVG"] {
        let event = format!("451-[\"ask\",1,{{\"_placeholder\":true,\"num\":0}}]\x1eb{base64}");
        assert_eq!(client.post(&event).await, StatusCode::OK, "{base64:?}");
        assert_eq!(client.post(r#"42["echo",1]"#).await, StatusCode::OK, "{base64:?}");
        client.packets_until(|packet| packet == r#"42["echo",1]"#).await;
    }

    let client = Polling::open(&server, 3).await;
    server.connected().await;
    let event = "51:451-[\"ask\",1,{\"_placeholder\":true,\"num\":0}]";
    let length = event.len() - 3;
    let event = format!("{length}{}", &event[2..]);
    for base64 in ["b4AQID\n", "b4AQI"] {
        let body = format!("{event}{}:{base64}", base64.len());
        assert_eq!(client.post(&body).await, StatusCode::OK, "{base64:?}");
        assert_eq!(client.post(r#"12:42["echo",1]"#).await, StatusCode::OK, "{base64:?}");
    }
}

#[tokio::test]
async fn an_event_with_an_escape_in_its_name_closes_nothing() {
    let mut server = Server::start().await;
    let mut socket = WebSocket::connect(&server).await;
    server.connected().await;
    for name in [r#"my \"event\""#, r"back\\slash", r"\u00e9", r"line\nbreak", r"ec\u0068o"] {
        socket.send(&format!(r#"421["{name}",{{}}]"#)).await;
        socket.send(r#"42["echo","\"\\"]"#).await;
        assert_eq!(socket.next_with("42").await, r#"42["echo","\"\\"]"#, "{name}");
    }
    let client = Polling::connect(&server).await;
    assert_eq!(client.post(r#"421["my \"event\"",{}]"#).await, StatusCode::OK);
    assert_eq!(client.post(r#"42["echo","\""]"#).await, StatusCode::OK);
    client.packets_until(|packet| packet == r#"42["echo","\""]"#).await;
}

#[tokio::test]
async fn what_is_too_large_is_closed_with_its_reason() {
    let mut server = Server::start().await;
    let large = format!(r#"42["echo","{}"]"#, "x".repeat(1_000_000));
    for packet in [large.as_str(), r#"4517-["echo"]"#] {
        let mut socket = WebSocket::connect(&server).await;
        server.connected().await;
        socket.try_send(packet).await;
        let (session, _) = server.disconnected().await;
        assert_eq!(session.close_reason(), Some(CloseReason::TooLarge));

        let client = Polling::connect(&server).await;
        server.connected().await;
        assert_eq!(client.post(packet).await, StatusCode::PAYLOAD_TOO_LARGE);
        let (session, _) = server.disconnected().await;
        assert_eq!(session.close_reason(), Some(CloseReason::TooLarge));
    }
    // In one frame or in several, a megabyte is a megabyte.
    let mut socket = WebSocket::connect(&server).await;
    let largest = format!(r#"42["echo","{}"]"#, "x".repeat(999_988));
    assert_eq!(largest.len(), 1_000_001);
    socket.send(&largest).await;
    assert_eq!(socket.next_with("42").await, largest);
}

/// The binaries of an event are as large as a body together, however many bodies or frames they come in.
#[tokio::test]
async fn binaries_are_too_large_together() {
    let mut server = Server::start().await;
    let event = r#"452-["nothing",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    for (second, heartbeat) in [(500_001, false), (500_001, true), (600_000, false)] {
        let mut socket = WebSocket::connect(&server).await;
        server.connected().await;
        socket.send(event).await;
        socket.try_send_binary(vec![7; 500_000]).await;
        if heartbeat {
            socket.try_send("3").await;
        }
        socket.try_send_binary(vec![7; second]).await;
        let (session, _) = server.disconnected().await;
        assert_eq!(session.close_reason(), Some(CloseReason::TooLarge), "{second}");
    }
    for eio in [3, 4] {
        let (client, binary) = match eio {
            3 => (Polling::open(&server, 3).await, "b4"),
            _ => (Polling::connect(&server).await, "b"),
        };
        server.connected().await;
        let posted = |packet: &str| match eio {
            3 => format!("{}:{packet}", packet.len()),
            _ => packet.to_owned(),
        };
        // 675,000 bytes in base64, twice.
        let half = posted(&format!("{binary}{}", "A".repeat(900_000)));
        assert_eq!(client.post(&posted(event)).await, StatusCode::OK);
        assert_eq!(client.post(&half).await, StatusCode::OK);
        assert_eq!(client.post(&half).await, StatusCode::PAYLOAD_TOO_LARGE);
        let (session, _) = server.disconnected().await;
        assert_eq!(session.close_reason(), Some(CloseReason::TooLarge), "version {eio}");
    }
    // By polling at first, and then no more.
    let client = Polling::connect(&server).await;
    server.connected().await;
    assert_eq!(client.post(event).await, StatusCode::OK);
    assert_eq!(client.post(&format!("b{}", "A".repeat(900_000))).await, StatusCode::OK);
    let mut socket = WebSocket::upgrade(&server, &client).await;
    socket.try_send_binary(vec![7; 400_000]).await;
    let (session, _) = server.disconnected().await;
    assert_eq!(session.close_reason(), Some(CloseReason::TooLarge));
    // As much as there may be.
    let mut socket = WebSocket::connect(&server).await;
    server.connected().await;
    socket.send(event).await;
    for _ in 0..2 {
        socket.try_send_binary(vec![7; 500_000]).await;
    }
    socket.send(r#"42["echo",1]"#).await;
    while socket.next().await.expect("it is closed") != r#"42["echo",1]"# {}
}

#[tokio::test]
async fn a_namespace_is_answered_without_its_query() {
    let mut server = Server::start().await;
    for eio in [3, 4] {
        let query = format!("EIO={eio}&transport=websocket");
        let mut socket = WebSocket::open(&server, &query).await;
        socket.next_with("0{").await;
        if eio == 4 {
            socket.send("40").await;
        }
        socket.next_with("40").await;
        server.connected().await;
        // Also long after the beginning, and in the middle of other packets.
        for _ in 0..3 {
            socket.send("40/chat?token=abc").await;
            socket.send(r#"42["echo",1]"#).await;
            let mut answers = [socket.next_with("4").await, socket.next_with("4").await];
            answers.sort();
            let refused = match eio {
                3 => r#"44/chat,"Invalid namespace""#,
                _ => r#"44/chat,{"message":"Invalid namespace"}"#,
            };
            assert_eq!(answers, [r#"42["echo",1]"#, refused]);
        }
    }
    let client = Polling::connect(&server).await;
    assert_eq!(client.post("40/chat?token=abc,{}").await, StatusCode::OK);
    let refused = r#"44/chat,{"message":"Invalid namespace"}"#;
    client.packets_until(|packet| packet == refused).await;
}

/// The engine pings at once. Nobody gets that ping, and whoever answers none has an interval and a timeout.
#[tokio::test]
async fn the_first_ping_comes_after_an_interval() {
    const INTERVAL: Duration = Duration::from_millis(600);
    let mut server = Server::with_pings(INTERVAL, Duration::from_secs(20)).await;
    let began = tokio::time::Instant::now();
    let mut socket = WebSocket::open(&server, "EIO=4&transport=websocket").await;
    socket.next_with("0{").await;
    socket.send("40").await;
    socket.next_with("40").await;
    assert_eq!(socket.next_as_it_is().await.unwrap(), "2");
    assert!(began.elapsed() >= INTERVAL, "{:?}", began.elapsed());
    server.connected().await;

    let began = tokio::time::Instant::now();
    let polling = Polling::open(&server, 4).await;
    assert_eq!(polling.poll().await.1, "2");
    assert!(began.elapsed() >= INTERVAL, "{:?}", began.elapsed());

    // Of a session that upgrades before it has ever polled, too.
    let began = tokio::time::Instant::now();
    let polling = Polling::open(&server, 4).await;
    let mut socket = WebSocket::upgrade(&server, &polling).await;
    assert_eq!(socket.next_as_it_is().await.unwrap(), "2");
    assert!(began.elapsed() >= INTERVAL, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed_after_an_interval_and_a_timeout() {
    // Until its first poll a client has the timeout alone: long enough for a slow machine.
    let (interval, timeout) = (Duration::from_millis(200), Duration::from_secs(5));
    let mut server = Server::with_pings(interval, timeout).await;
    let began = tokio::time::Instant::now();
    let mut socket = WebSocket::open(&server, "EIO=4&transport=websocket").await;
    socket.send("40").await;
    server.connected().await;
    let polling = Polling::open(&server, 4).await;
    assert_eq!(polling.post("40").await, StatusCode::OK);
    server.connected().await;
    // Its first poll takes the engine's first ping away; whoever never polls is closed after one timeout.
    assert!(polling.poll().await.1.starts_with("40"));
    for _ in 0..2 {
        server.disconnected().await;
        assert!(began.elapsed() >= interval + timeout, "{:?}", began.elapsed());
    }
    while socket.next_as_it_is().await.is_some() {}
}
