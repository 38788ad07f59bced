//! A Socket.IO client for unit tests: speaks the wire over a stream in memory.

use engineioxide::service::NotFoundService;
use futures_util::{SinkExt, StreamExt};
use hyper::service::Service;
use socketioxide::service::SocketIoService;
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// What fits between client and server while nobody reads.
const STREAM_BYTES: usize = 4096;

pub struct TestClient {
    socket: WebSocketStream<DuplexStream>,
}

impl TestClient {
    /// Connects, as a client of version 4, and joins the main namespace.
    pub async fn connect(service: &SocketIoService<NotFoundService>) -> Self {
        let (near, far) = tokio::io::duplex(STREAM_BYTES);
        let uri = "/socket.io/?EIO=4&transport=websocket";
        let request = http::Request::get(uri).body(()).unwrap();
        Service::call(service, (far, request)).await.unwrap();
        let socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        let mut client = Self { socket };
        assert!(client.frame().await.starts_with('0'), "the open packet");
        client.send("0").await;
        assert!(client.next().await.starts_with('0'), "the answer to CONNECT");
        client
    }

    /// Sends a Socket.IO packet.
    pub async fn send(&mut self, packet: &str) {
        self.socket.send(Message::text(format!("4{packet}"))).await.unwrap();
    }

    /// The next Socket.IO packet. Answers no ping: no test runs long enough to need it.
    pub async fn next(&mut self) -> String {
        loop {
            let frame = self.frame().await;
            if let Some(packet) = frame.strip_prefix('4') {
                return packet.to_owned();
            }
        }
    }

    async fn frame(&mut self) -> String {
        let frame = self.socket.next().await.expect("the connection is open").unwrap();
        frame.into_text().unwrap().to_string()
    }
}
