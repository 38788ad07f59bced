//! The engine's settings that belong together with the edge's own limits.

use std::time::Duration;

use socketioxide::adapter::Adapter;
use socketioxide::{ParserConfig, SocketIoBuilder};

/// Below 30 s, where middleboxes and cloud balancers begin to cut idle connections.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// A session that has joined no namespace by then is closed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body of a POST, and what one answer to a poll is filled up to. Node's default.
pub const PAYLOAD_BYTES_MAX: u64 = 1_000_000;
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Allocated for every WebSocket at once: 1 KiB holds most chat events.
const READ_BUFFER_BYTES: usize = 1024;
/// Pushes of one socket that its transport has not taken: beyond, it is a slow consumer. Acks of its
/// own requests do not count.
pub const PUSHES_QUEUED_MAX: u32 = 1000;
/// The engine's own bound, of pushes and acks together: as many pushes, an ack of each request that
/// may be unanswered, and room for pings. Only a client that asks and asks and reads no answer meets
/// it; its connection is closed as well.
const PACKETS_QUEUED_MAX: usize = 2048;
const BINARIES_MAX: usize = 16;
const BINARY_TIMEOUT: Duration = Duration::from_secs(10);

/// Applies them. Call it after `with_config`, which would undo it.
pub fn engine_settings<A: Adapter>(builder: SocketIoBuilder<A>) -> SocketIoBuilder<A> {
    let parser = ParserConfig::common()
        .max_incoming_binaries(BINARIES_MAX)
        .max_incoming_binary_buf_size(MESSAGE_BYTES_MAX)
        .packet_completion_timeout(BINARY_TIMEOUT);
    builder
        .ping_interval(PING_INTERVAL)
        .ping_timeout(PING_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .upgrade_timeout(UPGRADE_TIMEOUT)
        .max_payload(PAYLOAD_BYTES_MAX)
        .max_buffer_size(PACKETS_QUEUED_MAX)
        .ws_read_buffer_size(READ_BUFFER_BYTES)
        .ws_max_message_size(MESSAGE_BYTES_MAX)
        .ws_max_frame_size(MESSAGE_BYTES_MAX)
        .with_parser(parser)
}
