//! The engine's settings that belong together with the edge's own limits.

use std::time::Duration;

use socketioxide::adapter::Adapter;
use socketioxide::{ParserConfig, SocketIoBuilder};

use super::payload;

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
    pub fn new(payload_bytes_max: usize, pushes_queued_max: u32, unanswered_max: usize) -> Self {
        let acks_queued_max = unanswered_max + ACKS_QUEUED_MAX as usize;
        let packets_queued_max = pushes_queued_max as usize + acks_queued_max + SPARE_PACKETS;
        Self {
            payload_bytes_max,
            packets_queued_max,
            ping_interval: PING_INTERVAL,
            ping_timeout: PING_TIMEOUT,
        }
    }
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self::new(PAYLOAD_BYTES_MAX, PUSHES_QUEUED_MAX, 1000)
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
        .max_payload(payload::for_engine_bytes_max(limits.payload_bytes_max) as u64)
        .max_buffer_size(limits.packets_queued_max)
        .ws_read_buffer_size(READ_BUFFER_BYTES)
        .ws_max_message_size(message_bytes_max)
        .ws_max_frame_size(message_bytes_max)
        .with_parser(parser)
}
