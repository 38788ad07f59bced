//! The reference server of the load tests: socketioxide under `axum::serve`, and nothing of VibeTalk.
//!
//! It answers the generator's events with JSON of the same shape and size, from memory: no accounts, no store, no
//! order between the events of a socket. What VibeTalk costs more than this is what its guarantees cost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::serve::ListenerExt;
use clap::Parser;
use serde::{Deserialize, Serialize};
use serde_json::json;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpListener;

/// As VibeTalk does: with the system's allocator both servers would need less memory and more time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Arguments {
    /// Port 0 takes a free one, which is printed
    #[arg(long, default_value = "127.0.0.1:3001")]
    listen: SocketAddr,
    /// Packets that may wait for one socket
    #[arg(long, default_value_t = 1_000)]
    max_buffer_size: usize,
    /// Allocated for each WebSocket; VibeTalk sets 1,024
    #[arg(long, default_value_t = 4_096)]
    ws_read_buffer_size: usize,
}

/// CONNECT payload.
#[derive(Deserialize)]
struct Auth {
    room: String,
}

/// `message:create`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    channel_id: String,
    content: String,
    nonce: String,
}

/// The Message of docs/protocol.md; the parts that are constant here are written out in [`Message::new`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: &'static str,
    channel_id: String,
    group_id: &'static str,
    author: User,
    r#type: &'static str,
    content: String,
    created_at: &'static str,
    nonce: String,
    reply_to: Option<()>,
    mentions: [(); 0],
    mentions_everyone: bool,
    attachments: [(); 0],
    embeds: [(); 0],
    reactions: [(); 0],
    pinned: bool,
    flags: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: &'static str,
    username: &'static str,
    display_name: &'static str,
    avatar: Option<()>,
}

#[derive(Serialize)]
struct Ack<T> {
    ok: bool,
    data: T,
}

impl Message {
    fn new(create: Create) -> Self {
        Self {
            id: "3762345678901234567",
            channel_id: create.channel_id,
            group_id: "3762345678901234560",
            author: USER,
            r#type: "default",
            content: create.content,
            created_at: "2026-01-01T00:00:00.000Z",
            nonce: create.nonce,
            reply_to: None,
            mentions: [],
            mentions_everyone: false,
            attachments: [],
            embeds: [],
            reactions: [],
            pinned: false,
            flags: 0,
        }
    }
}

/// As long as the generator's user names.
const USER: User = User {
    id: "3762345678901234561",
    username: "lt01234567.123",
    display_name: "lt01234567.123",
    avatar: None,
};

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { listen, max_buffer_size, ws_read_buffer_size } = Arguments::parse();
    let (service, io) = SocketIo::builder()
        .ping_interval(Duration::from_secs(20))
        .ping_timeout(Duration::from_secs(20))
        .max_payload(1_000_000)
        .max_buffer_size(max_buffer_size)
        .ws_read_buffer_size(ws_read_buffer_size)
        .build_svc();
    let io_of_sockets = Arc::new(io.clone());
    io.ns("/", async move |socket: SocketRef, Data(auth): Data<Auth>| {
        connect(socket, auth, io_of_sockets)
    });

    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("nodelay: {error}");
        }
    });
    Ok(axum::serve(listener, axum::Router::new().route_service("/socket.io/", service)).await?)
}

fn connect(socket: SocketRef, auth: Auth, io: Arc<SocketIo>) {
    socket.join(auth.room);
    socket.on("message:create", async move |Data(create): Data<Create>, ack: AckSender| {
        let message = Message::new(create);
        report(ack.send(&Ack { ok: true, data: &message }));
        report(io.to(message.channel_id.clone()).emit("message:created", &message).await);
    });
    socket.on("presence:watch", async |ack: AckSender| {
        report(ack.send(&Ack { ok: true, data: json!({ "presences": [] }) }));
    });
    report(socket.emit("ready", &json!({ "serverId": "bare" })));
}

/// A packet that a socket did not take is lost, and the generator will say so. The error itself would list every
/// such socket of a broadcast.
fn report<E>(result: Result<(), E>) {
    if result.is_err() {
        eprintln!("a socket's queue is full or closed: packet lost");
    }
}
