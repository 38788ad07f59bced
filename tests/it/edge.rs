//! The edge in front of a small Socket.IO application, over real sockets.

pub mod client;
mod server;

mod limits;
mod packets;
mod polling;
mod rest;
mod upgrade;
mod websocket;
