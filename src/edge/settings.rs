//! What can be set of the edge, and the engine's settings that belong together with it.

use std::time::Duration;

use socketioxide::adapter::Adapter;
use socketioxide::{ParserConfig, SocketIoBuilder};

use super::address::Network;
use super::origin::Origin;
use super::path::EnginePath;
use crate::section::{SettingValue, quoted, section};

/// By default below 30 s, where middleboxes and cloud balancers begin to cut idle connections.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// A session that has joined no namespace by then is closed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body of a POST by default, as in Node; an answer to a poll is filled up to twice as much.
pub const PAYLOAD_BYTES_MAX: usize = 1_000_000;
/// Allocated for every WebSocket at once: 1 KiB holds most chat events.
const READ_BUFFER_BYTES: usize = 1024;
/// Pushes of one socket that its transport has not taken, by default: beyond, it is a slow consumer.
/// Acks of its own requests do not count.
pub const PUSHES_QUEUED_MAX: u32 = 1000;
/// What these pushes may take up, by default: a thousand of the longest messages. The memory is real,
/// each socket's packets are its own.
pub const PUSH_BYTES_QUEUED_MAX: u64 = 16_000_000;
/// Acks of one socket that its transport has not taken: beyond, its requests wait. Some fast clients ask
/// for much at once and read slowly, so nobody is closed for it.
pub const ACK_BYTES_QUEUED_MAX: u64 = 4_000_000;
/// Acks of one socket that its transport has not taken: beyond, nothing more is read from the client, so
/// that the answers to a flood, refusals among them, wait for the client and not in memory.
pub const ACKS_QUEUED_MAX: u32 = 256;
/// Room for pings, and for refusals of what one read may bring ([`READ_BUFFER_BYTES`]), besides pushes
/// and acks.
const SPARE_PACKETS: usize = 128;
/// Of one event.
pub const BINARIES_MAX: usize = 16;
const BINARY_TIMEOUT: Duration = Duration::from_secs(10);

section! {
    /// What operators may set of the edge.
    pub struct EdgeSettings {
        /// Whether Socket.IO v2 clients (Engine.IO 3) may connect.
        allow_eio3: bool = "gateway.allow_eio3", true;
        /// The path of Socket.IO. Clients are told it by their option `path`; the web client asks for it.
        path: EnginePath = "gateway.path", EnginePath::default();
        /// Seconds between two pings of the server, 1 to 300. Below 30 middleboxes keep the connection.
        ping_interval: Duration = "gateway.ping_interval_seconds", PING_INTERVAL, 1..=300;
        /// Seconds that the answer to a ping may take, 1 to 300; then the connection is closed.
        ping_timeout: Duration = "gateway.ping_timeout_seconds", PING_TIMEOUT, 1..=300;
        /// Origins that may use the API with credentials, as `https://chat.example`. Others may without.
        cors_origins: Vec<Origin> = "http.cors_origins", Vec::new();
        /// Proxies whose `X-Forwarded-For` is believed: addresses, or networks as 10.0.0.0/8.
        trusted_proxies: Vec<Network> = "edge.trusted_proxies", Network::loopback();
        /// Sessions of this node at most; more are answered 503 with `Retry-After`.
        sessions_max: usize = "edge.sessions_max", 100_000, 1..;
        /// Open connections from one address, trusted proxies excepted, and as many sessions of one client
        /// address.
        connections_per_address: u32 = "limits.connections_per_address", 20_000, 1..;
        /// Bytes of a request's head, 8192 to 1048576.
        head_bytes_max: usize = "limits.head_bytes", 16 * 1024, 8 * 1024..=1024 * 1024;
        /// Bytes of a request's body, of a WebSocket message, and of an answer to a poll; 65536 to 67108864.
        payload_bytes_max: usize = "limits.payload_bytes", PAYLOAD_BYTES_MAX, 64 * 1024..=64 * 1024 * 1024;
        /// Pushes that wait for one socket; a client that lets more wait is slow, and is closed.
        pushes_queued_max: u32 = "limits.pushes_queued", PUSHES_QUEUED_MAX, 1..;
        /// Bytes of these pushes, of each client; one that lets more wait is slow, too. 4000000 or more:
        /// `ready` alone can have 2 MB.
        push_bytes_queued_max: u64 = "limits.pushes_queued_bytes", PUSH_BYTES_QUEUED_MAX, 4_000_000..;
        /// Seconds in which a client may read nothing of what is being sent, before it is closed.
        write_stall: Duration = "limits.stall_seconds", Duration::from_secs(10), 1..;
    }
}

impl SettingValue for EnginePath {
    fn from_text(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|problem| format!("{problem}, not {text:?}"))
    }
    fn to_toml(&self) -> String {
        quoted(&self.to_string())
    }
}

impl SettingValue for Origin {
    fn from_text(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|problem| format!("names {text:?}, which {problem}"))
    }
    fn to_toml(&self) -> String {
        quoted(&self.to_string())
    }
}

impl SettingValue for Network {
    fn from_text(text: &str) -> Result<Self, String> {
        let problem = "takes addresses and networks, as 10.0.0.0/8";
        text.trim().parse().map_err(|_| format!("{problem}, not {text:?}"))
    }
    fn to_toml(&self) -> String {
        quoted(&self.to_string())
    }
}

/// What the engine bounds by itself.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Of a POST's body, a WebSocket message, an answer to a poll.
    pub payload_bytes_max: usize,
    /// Pushes and acks of one socket together, which only a client meets that asks and asks and reads
    /// no answer; its connection is closed as well.
    pub packets_queued_max: usize,
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
}

impl EngineLimits {
    /// As many pushes, an ack of each request that may be unanswered, and [`ACKS_QUEUED_MAX`].
    pub fn new(settings: &EdgeSettings, unanswered_max: usize) -> Self {
        let acks_queued_max = unanswered_max + ACKS_QUEUED_MAX as usize;
        let pushes_queued_max = settings.pushes_queued_max as usize;
        Self {
            payload_bytes_max: settings.payload_bytes_max,
            packets_queued_max: pushes_queued_max + acks_queued_max + SPARE_PACKETS,
            ping_interval: settings.ping_interval,
            ping_timeout: settings.ping_timeout,
        }
    }
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self::new(&EdgeSettings::default(), 1000)
    }
}

/// Applies them. Call it after `with_config`, which would undo it.
pub fn engine_settings<A: Adapter>(
    builder: SocketIoBuilder<A>,
    limits: EngineLimits,
) -> SocketIoBuilder<A> {
    // A message is the body of a POST and its type.
    let message_bytes_max = limits.payload_bytes_max + 1;
    let parser = ParserConfig::common()
        .max_incoming_binaries(BINARIES_MAX)
        .max_incoming_binary_buf_size(limits.payload_bytes_max)
        .packet_completion_timeout(BINARY_TIMEOUT);
    builder
        .ping_interval(limits.ping_interval)
        .ping_timeout(limits.ping_timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .upgrade_timeout(UPGRADE_TIMEOUT)
        .max_payload(for_engine_bytes_max(limits.payload_bytes_max) as u64)
        .max_buffer_size(limits.packets_queued_max)
        .ws_read_buffer_size(READ_BUFFER_BYTES)
        .ws_max_message_size(message_bytes_max)
        .ws_max_frame_size(message_bytes_max)
        .with_parser(parser)
}
/// How long what the engine gets ([`payload`](super::payload)) can be for a body of `body_bytes`. The binary framing takes a byte or two
/// more a packet, and base64 without its padding up to three; no packet is shorter than two bytes with
/// what is between packets.
pub(super) const fn for_engine_bytes_max(body_bytes: usize) -> usize {
    2 * body_bytes + 2
}
