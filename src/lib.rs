//! VibeTalk: a Socket.IO-compatible group chat server.

pub mod clock;
pub mod lifecycle;
pub mod telemetry;
