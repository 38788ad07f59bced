//! Integration tests: the ports on every implementation, and whole parts of the node over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod cassandra;
mod chat;
mod cluster;
mod conformance;
mod edge;
mod gateway;
mod http;
mod node;
mod people;
mod structure;
