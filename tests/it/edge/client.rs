//! Engine.IO clients that do exactly what a test says, and no more.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::server::{PATIENCE, Server};

/// A client on HTTP long-polling.
pub struct Polling {
    http: reqwest::Client,
    base: String,
    /// As the server told it.
    pub sid: String,
}

impl Polling {
    pub async fn open(server: &Server, eio: u8) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = server.url(&format!("/socket.io/?EIO={eio}&transport=polling"));
        let response = http.get(&base).send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = response.text().await.unwrap();
        let packet = if eio == 3 { length_checked(&body) } else { &body };
        let open: serde_json::Value =
            serde_json::from_str(packet.strip_prefix('0').unwrap()).unwrap();
        Self { http, base, sid: open["sid"].as_str().unwrap().to_owned() }
    }

    /// Opens, and joins the main namespace.
    pub async fn connect(server: &Server) -> Self {
        let client = Self::open(server, 4).await;
        assert_eq!(client.post("40").await, StatusCode::OK);
        client.packets_until(|packet| packet.starts_with("40")).await;
        client
    }

    pub fn url(&self) -> String {
        format!("{}&sid={}", self.base, self.sid)
    }

    pub async fn post(&self, body: &str) -> StatusCode {
        self.http.post(self.url()).body(body.to_owned()).send().await.unwrap().status()
    }

    /// One poll: the status and the body.
    pub async fn poll(&self) -> (StatusCode, String) {
        let response = tokio::time::timeout(PATIENCE, self.http.get(self.url()).send()).await;
        let response = response.expect("the poll is never answered").unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// One poll that gets no packets, because the session or the server ends.
    pub async fn cut_poll(&self) {
        let poll = tokio::time::timeout(PATIENCE, self.http.get(self.url()).send());
        if let Ok(response) = poll.await.expect("the poll is never answered") {
            assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        }
    }

    /// Polls, answers pings, and returns all other packets, up to one that `is_last`.
    pub async fn packets_until(&self, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut packets = Vec::new();
        loop {
            let (status, body) = self.poll().await;
            assert_eq!(status, StatusCode::OK, "{body}");
            for packet in body.split('\x1e') {
                match packet {
                    "2" => assert_eq!(self.post("3").await, StatusCode::OK),
                    "6" | "" => {}
                    other => packets.push(other.to_owned()),
                }
            }
            if packets.iter().any(|packet| is_last(packet)) {
                return packets;
            }
        }
    }
}

fn length_checked(body: &str) -> &str {
    let (length, packet) = body.split_once(':').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), packet.chars().count());
    packet
}

/// A client on a WebSocket.
pub struct WebSocket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl WebSocket {
    /// Opens a WebSocket with `query` and nothing said on it.
    pub async fn open(server: &Server, query: &str) -> Self {
        Self::open_at(server.address, query).await
    }

    pub async fn open_at(address: SocketAddr, query: &str) -> Self {
        let url = format!("ws://{address}/socket.io/?{query}");
        Self { stream: connect_async(url).await.unwrap().0 }
    }

    /// Opens and joins the main namespace.
    pub async fn connect(server: &Server) -> Self {
        let mut socket = Self::open(server, "EIO=4&transport=websocket").await;
        socket.next_with("0{").await;
        socket.send("40").await;
        socket.next_with("40").await;
        socket
    }

    pub async fn send(&mut self, packet: &str) {
        self.stream.send(Message::text(packet)).await.unwrap();
    }

    /// Sends what may be too much for the peer, which then closes before all of it is taken.
    pub async fn try_send(&mut self, packet: &str) {
        self.stream.send(Message::text(packet)).await.ok();
    }

    pub async fn try_send_binary(&mut self, bytes: Vec<u8>) {
        self.stream.send(Message::binary(bytes)).await.ok();
    }

    /// The next packet, a ping or not; `None` if the connection ended.
    pub async fn next_as_it_is(&mut self) -> Option<String> {
        let message = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        match message.expect("nothing comes")? {
            Ok(Message::Text(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    /// The next packet that is no ping (those are answered); `None` if the connection ended.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            match message.expect("nothing comes")? {
                Ok(Message::Text(text)) if text == "2" => self.send("3").await,
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Binary(bytes)) => return Some(format!("binary:{bytes:?}")),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// The next packet, which has to begin with `start`.
    pub async fn next_with(&mut self, start: &str) -> String {
        let packet = self.next().await.expect("the connection ended");
        assert!(packet.starts_with(start), "{packet} does not begin with {start}");
        packet
    }

    /// Probes and switches, as a client that upgrades does.
    pub async fn upgrade(server: &Server, polling: &Polling) -> Self {
        let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
        let mut socket = Self::open(server, &query).await;
        socket.send("2probe").await;
        socket.next_with("3probe").await;
        socket.send("5").await;
        socket
    }

    pub async fn close(mut self) {
        self.stream.close(None).await.ok();
    }

    /// Breaks the connection with a reset.
    pub fn reset(self) {
        let MaybeTlsStream::Plain(tcp) = self.stream.get_ref() else { return };
        socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// Sends bytes as they are, and reads until the peer closes.
pub async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("the connection stays open").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
