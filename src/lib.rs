//! VibeTalk: a Socket.IO-compatible group chat server.

pub mod app;
pub mod bus;
pub mod chat;
pub mod clock;
pub mod config;
pub mod edge;
pub mod gateway;
pub mod http;
pub mod lifecycle;
pub mod model;
pub mod store;
pub mod telemetry;
