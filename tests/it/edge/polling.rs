//! Long-polling: session ids on the wire, closing, refusing.

use reqwest::StatusCode;
use socketioxide::TransportType;
use vibetalk::edge::{ClientFacts, CloseReason};

use super::client::{Polling, WebSocket, raw};
use super::server::{PATIENCE, Server};

async fn get(url: &str) -> (StatusCode, String) {
    let response = reqwest::get(url).await.unwrap();
    (response.status(), response.text().await.unwrap())
}

#[tokio::test]
async fn only_the_id_of_the_handshake_reaches_a_session() {
    let mut server = Server::with(|config| config.node = "n7".to_owned()).await;
    let client = Polling::connect(&server).await;
    let socket_id = server.connected().await.socket.id.to_string();
    let parts: Vec<&str> = client.sid.split('.').collect();
    assert_eq!(parts[..2], ["n7", &socket_id]);

    let base = server.url("/socket.io/?EIO=4&transport=polling&sid=");
    let forged_mac = "A".repeat(parts[2].len());
    let forged = [
        socket_id.clone(),
        format!("n7.{socket_id}"),
        format!("n7.{socket_id}.{forged_mac}"),
        client.sid.replacen("n7", "n8", 1),
        "n7.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAA".to_owned(),
        String::new(),
    ];
    for sid in forged {
        let (status, body) = get(&format!("{base}{sid}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{sid}");
        assert_eq!(body, r#"{"code":1,"message":"Session ID unknown"}"#, "{sid}");
    }
    assert_eq!(client.post(r#"42["echo",1]"#).await, StatusCode::OK);
    client.packets_until(|packet| packet == r#"42["echo",1]"#).await;
}

/// What another node with the same key made: told from a forgery, but not served here.
#[tokio::test]
async fn a_session_of_another_node_is_unknown_on_every_way_and_stays_where_it_is() {
    let key = [7; 32];
    let node = |name: &'static str| {
        Server::with(move |config| {
            (config.node, config.session_secret) = (name.to_owned(), key.into());
        })
    };
    let (mut owner, other) = (node("n7").await, node("n8").await);
    for eio in [3, 4] {
        let client = Polling::open(&owner, eio).await;
        let [polling, websocket] = ["polling", "websocket"].map(|transport| {
            let sid = &client.sid;
            format!("/socket.io/?EIO={eio}&transport={transport}&sid={sid}")
        });
        let post = reqwest::Client::new().post(other.url(&polling)).body("2").send();
        let post = post.await.unwrap();
        assert_eq!(post.status(), StatusCode::BAD_REQUEST);
        let upgrade = format!(
            "GET {websocket} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        for answer in [
            post.text().await.unwrap(),
            get(&other.url(&polling)).await.1,
            raw(other.address, upgrade.as_bytes()).await,
        ] {
            assert!(answer.ends_with(r#"{"code":1,"message":"Session ID unknown"}"#), "{answer}");
        }
    }
    assert_eq!(other.edge.sessions(), 0);
    let client = Polling::connect(&owner).await;
    assert_eq!(get(&other.url("/socket.io/?EIO=4&transport=polling")).await.0, StatusCode::OK);
    owner.connected().await;
    assert_eq!(client.post(r#"42["echo",1]"#).await, StatusCode::OK);
    client.packets_until(|packet| packet == r#"42["echo",1]"#).await;
}

#[tokio::test]
async fn a_session_knows_its_client_and_none_of_its_secrets() {
    let mut server = Server::start().await;
    let target = "/socket.io/?EIO=3&transport=polling&token=SECRET&t=x";
    let handshake = reqwest::Client::new().get(server.url(target));
    let handshake = handshake.header("X-Forwarded-For", "2001:db8:1:2:3:4:5:6");
    let handshake = handshake.header("User-Agent", "a".repeat(1000)).bearer_auth("SECRET");
    assert_eq!(handshake.send().await.unwrap().status(), StatusCode::OK);
    let socket = server.connected().await.socket;
    let facts = ClientFacts::of(socket.req_parts()).unwrap();
    assert_eq!(facts.address.to_string(), "2001:db8:1:2:3:4:5:6");
    assert_eq!(facts.user_agent, "a".repeat(256));
    assert_eq!(facts.query, "EIO=3&transport=polling&token");
    assert_eq!((facts.transport, facts.bytes), (TransportType::Polling, None));
    assert!(facts.age < PATIENCE && !format!("{facts:?}").contains("SECRET"));

    let polling = Polling::connect(&server).await;
    let socket = server.connected().await.socket;
    let mut upgraded = WebSocket::upgrade(&server, &polling).await;
    upgraded.send(r#"42["echo",1]"#).await;
    upgraded.next_with(r#"42["echo",1]"#).await;
    let facts = ClientFacts::of(socket.req_parts()).unwrap();
    assert_eq!((facts.transport, facts.user_agent), (TransportType::Websocket, String::new()));
    let bytes = facts.bytes.unwrap();
    assert!(bytes.received > 100 && bytes.sent > 100, "{bytes:?}");
}

#[tokio::test]
async fn closing_answers_the_waiting_poll_and_ends_the_session() {
    let mut server = Server::start().await;
    let client = Polling::connect(&server).await;
    let connected = server.connected().await;
    let waiting = client.poll();
    let closing = async {
        connected.session.close(CloseReason::Kicked);
    };
    let ((status, body), ()) = tokio::join!(waiting, closing);
    assert_eq!((status, body.contains("Session ID unknown")), (StatusCode::BAD_REQUEST, true));

    let (session, _) = server.disconnected().await;
    assert_eq!(session.close_reason(), Some(CloseReason::Kicked));
    assert_eq!(client.post("3").await, StatusCode::BAD_REQUEST);
    assert_eq!(client.poll().await.0, StatusCode::BAD_REQUEST);
    drop((session, connected));
    server.sessions_fall_to(0).await;
    Polling::connect(&server).await;
}

#[tokio::test]
async fn engine_io_3_clients_get_signed_ids_too() {
    let mut server = Server::start().await;
    let client = Polling::open(&server, 3).await;
    assert_eq!(client.sid.split('.').count(), 3);
    server.connected().await;
    let (status, body) = client.poll().await;
    assert_eq!((status, body.contains("2:40")), (StatusCode::OK, true), "{body}");
    assert_eq!(client.post(r#"12:42["echo",1]"#).await, StatusCode::OK);
    let (_, body) = client.poll().await;
    assert!(body.contains(r#"12:42["echo",1]"#), "{body}");
}

#[tokio::test]
async fn lengths_of_engine_io_3_count_utf16_units_or_code_points() {
    let mut server = Server::start().await;
    let client = Polling::open(&server, 3).await;
    server.connected().await;
    let packet = r#"42["echo","😀 and ❤"]"#;
    for length in [packet.encode_utf16().count(), packet.chars().count()] {
        let framed = &format!("{length}:{packet}");
        assert_eq!(client.post(framed).await, StatusCode::OK, "{framed}");
        let mut answer = String::new();
        while !answer.contains("😀 and ❤") {
            answer = client.poll().await.1;
        }
    }
}

/// Some of these kept a worker of the runtime busy for ever. Two workers, so that a third would hang.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_lengths_of_engine_io_3_are_answered_400_and_end_the_session() {
    let server = Server::start().await;
    for body in ["1:😀1:2", "1:😀😀1:2", "2:4", "0:", "x", ":", "4:2", "99999999999999999999:2", ""]
    {
        let client = Polling::open(&server, 3).await;
        let status = tokio::time::timeout(PATIENCE, client.post(body)).await.expect(body);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(client.post("1:2").await, StatusCode::BAD_REQUEST, "{body}");
    }
    Polling::connect(&server).await;
}

#[tokio::test]
async fn a_session_is_spoken_to_in_its_own_protocol() {
    let mut server = Server::start().await;
    let client = Polling::connect(&server).await;
    server.connected().await;
    let foreign = client.url().replace("EIO=4", "EIO=3");
    let answer = reqwest::Client::new().post(foreign).body("1:2").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(client.post(r#"42["echo",1]"#).await, StatusCode::OK);
}

#[tokio::test]
async fn a_full_or_draining_node_tells_browsers_to_come_back_later() {
    let mut server = Server::with(|config| config.settings.sessions_max = 1).await;
    let client = Polling::connect(&server).await;
    server.connected().await;
    let url = server.url("/socket.io/?EIO=4&transport=polling");
    let refused = reqwest::get(&url).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.headers()["access-control-allow-origin"], "*");
    assert_eq!(client.post("3").await, StatusCode::OK, "sessions that exist go on");

    let server = Server::start().await;
    let url = server.url("/socket.io/?EIO=4&transport=polling");
    assert_eq!(get(&url).await.0, StatusCode::OK);
    server.lifecycle.drain();
    assert_eq!(get(&url).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn preflights_are_answered_before_socket_io() {
    let server = Server::with(|config| {
        config.settings.cors_origins = vec!["https://a.example".parse().unwrap()]
    })
    .await;
    for target in ["/socket.io/?EIO=4&transport=polling", "/length"] {
        let ask = reqwest::Client::new()
            .request(reqwest::Method::OPTIONS, server.url(target))
            .header("origin", "https://a.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = ask.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{target}");
        let header = |name| answer.headers()[name].to_str().unwrap();
        assert_eq!(header("access-control-allow-origin"), "https://a.example");
        assert_eq!(header("access-control-allow-credentials"), "true");
        assert!(header("access-control-allow-headers").contains("authorization"));
        assert!(header("access-control-allow-methods").contains("POST"));
    }
}
