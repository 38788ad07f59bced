//! The counters that every read and write touches, looked up once.

use metrics::{Counter, counter};

use crate::telemetry;

/// Registered for the life of an edge; made after the recorder is installed.
pub struct Meters {
    received: [Counter; 2],
    sent: [Counter; 2],
    pub slow_consumers: Counter,
}

const TRANSPORTS: [&str; 2] = ["http", "websocket"];

impl Meters {
    pub fn new() -> Self {
        Self {
            received: TRANSPORTS
                .map(|transport| counter!(telemetry::BYTES_RECEIVED, "transport" => transport)),
            sent: TRANSPORTS
                .map(|transport| counter!(telemetry::BYTES_SENT, "transport" => transport)),
            slow_consumers: counter!(telemetry::WRITE_STALLS),
        }
    }

    pub fn received(&self, websocket: bool, bytes: usize) {
        self.received[usize::from(websocket)].increment(bytes as u64);
    }

    pub fn sent(&self, websocket: bool, bytes: usize) {
        self.sent[usize::from(websocket)].increment(bytes as u64);
    }
}
