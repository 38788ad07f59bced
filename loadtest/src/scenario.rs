//! The measurements: one file each, all over the same swarm of connections.

pub mod closed_loop;
pub mod idle;
pub mod traffic;

use serde::Serialize;

/// Payload of `message:create`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageCreate<'a> {
    channel_id: &'a str,
    content: &'a str,
    nonce: String,
}
