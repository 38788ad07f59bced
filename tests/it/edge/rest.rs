//! Answers that come before the body of their request was read, on connections that go on.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Polling, raw};
use super::server::{PATIENCE, Server};

const NEXT: &str = "GET /address HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn post(target: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Sends `first` with another request at once behind it: both are answered, or the answer to the first
/// says that it is the last.
async fn check(server: &Server, what: &str, first: &[u8], status: &str) {
    for attempt in 0..10 {
        let answers = raw(server.address, &[first, NEXT.as_bytes()].concat()).await;
        assert!(answers.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {answers}");
        let answered = answers.matches("HTTP/1.1 ").count();
        assert_eq!(answered, 2, "{what}, attempt {attempt}: {answers}");
        assert!(answers.contains("127.0.0.1:"), "{what}, attempt {attempt}: {answers}");
    }
}

#[tokio::test]
async fn a_request_at_once_behind_an_early_answer_is_answered_too() {
    let mut server = Server::start().await;
    let (large, small) = ("4".repeat(1_100_000), "4".repeat(100_000));
    let engine = "/socket.io/?EIO=4&transport=polling";
    check(&server, "method", &post("/address", "", &small), "405").await;
    check(&server, "path", &post("/nowhere", "", &small), "404").await;
    check(&server, "root", &post("/", "", &large), "404").await;
    check(&server, "body", &post("/length", "", &large), "413").await;
    check(&server, "huge", &post("/length", "", &"4".repeat(3_000_000)), "413").await;
    check(&server, "refused", &post("/refused", "", &large), "401").await;
    check(&server, "handshake", &post(engine, "", &small), "400").await;
    let unknown = format!("{engine}&sid=n0.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAA");
    check(&server, "session", &post(&unknown, "", &large), "400").await;
    let preflight = "OPTIONS /address HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n\
         Access-Control-Request-Method: POST\r\nContent-Length: 4\r\n\r\nbody";
    check(&server, "preflight", preflight.as_bytes(), "204").await;
    let chunked = format!(
        "POST /refused HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n{small}\r\n0\r\n\r\n"
    );
    check(&server, "chunked", chunked.as_bytes(), "401").await;

    for attempt in 0..10 {
        let client = Polling::connect(&server).await;
        server.connected().await;
        let target = format!("{engine}&sid={}", client.sid);
        let answers =
            raw(server.address, &[post(&target, "", &large), NEXT.as_bytes().to_vec()].concat())
                .await;
        assert!(answers.starts_with("HTTP/1.1 413"), "{answers}");
        assert!(answers.contains("127.0.0.1:"), "attempt {attempt}: {answers}");
    }
}

/// The connection's end is said, and comes soon, whatever the client would still send.
async fn check_last(server: &Server, request: &str, status: &str) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("the connection stays open").unwrap();
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with(&format!("http/1.1 {status}")), "{request}: {answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{request}: {answer}");
    assert_eq!(answer.matches("http/1.1 ").count(), 1, "{request}: {answer}");
}

#[tokio::test]
async fn huge_and_slow_bodies_are_not_waited_for() {
    let server = Server::start().await;
    let head = |length: &str| format!("POST /refused HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\nstart");
    check_last(&server, &head("Content-Length: 1000000000"), "401").await;
    check_last(&server, &head("Content-Length: 1000"), "401").await;
    let chunked =
        "POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nstart\r\n";
    check_last(&server, chunked, "404").await;
    // Whoever asks first and is refused may send the body or not.
    let asking =
        "POST /refused HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    check_last(&server, asking, "401").await;
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /refused HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let sending = async { while stream.write_all(chunk.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(PATIENCE + Duration::from_secs(5), sending)
        .await
        .expect("it is swallowed");
}

#[tokio::test]
async fn a_request_names_one_host() {
    let server = Server::start().await;
    for (version, hosts, status) in [
        ("1.1", "Host: x\r\n", "200"),
        ("1.1", "Host: chat.example:8443\r\n", "200"),
        ("1.1", "Host: [::1]:80\r\n", "200"),
        ("1.1", "Host:\r\n", "200"),
        ("1.0", "", "200"),
        ("1.1", "", "400"),
        ("1.1", "Host: x\r\nHost: x\r\n", "400"),
        ("1.0", "Host: x\r\nHost: y\r\n", "400"),
        ("1.1", "Host: a b\r\n", "400"),
        ("1.1", "Host: a/b\r\n", "400"),
        ("1.1", "Host: me@x\r\n", "400"),
    ] {
        let request = format!("GET /address HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
        let answer = raw(server.address, request.as_bytes()).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{version} {hosts:?}: {answer}");
    }
    let engine = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n\r\n";
    check_last(&server, engine, "400").await;
}
