//! The session id as clients see it: `<node>.<sid>.<mac>`.
//!
//! An Engine.IO session id is a password: whoever knows it can poll and post for that session. The
//! engine also uses it as the visible `socket.id`, so on the wire it is not enough: every request
//! carries a MAC, which only the client that did the handshake has been told. The node's name lets a
//! balancer send the request to the owner. Nodes that share a key believe each other's ids.
//!
//! A session that began on a WebSocket takes no requests, not even with its signed id.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use engineioxide_core::{ProtocolVersion, Sid};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// 96 bits: as hard to guess as the sid itself.
const MAC_BYTES: usize = 12;
const MAC_CHARS: usize = 16;
const SID_FIELD: &str = "\"sid\":\"";
const SID_CHARS: usize = 16;
const PAYLOAD_FIELD: &str = "\"maxPayload\":";

/// The key that session ids are signed with; never printed.
#[derive(Clone)]
pub struct SessionSecret([u8; 32]);

impl SessionSecret {
    /// A new one for this process: sessions end with it anyway.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl From<[u8; 32]> for SessionSecret {
    fn from(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionSecret(..)")
    }
}

/// Whose session an id names that was signed with our key.
#[derive(Debug, PartialEq, Eq)]
pub enum Verified<'a> {
    Own(Sid),
    /// Of the node with this name.
    Foreign(&'a str),
}

/// Signs the session ids of one node, and verifies those of all that have its key.
pub struct SessionIds {
    node: String,
    key: Hmac<Sha256>,
    payload_bytes_max: usize,
}

impl SessionIds {
    /// `payload_bytes_max` is what clients are told that a body may have.
    pub fn new(node: &str, secret: &SessionSecret, payload_bytes_max: usize) -> Self {
        let key = Hmac::new_from_slice(&secret.0).expect("HMAC takes keys of any length");
        Self { node: node.to_owned(), key, payload_bytes_max }
    }

    /// What the client is told.
    pub fn sign(&self, sid: &Sid) -> String {
        format!("{}.{sid}.{}", self.node, self.mac(&self.node, sid.as_str()))
    }

    /// Whose an id is; `None` unless it was signed with our key.
    pub fn verify<'a>(&self, wire: &'a str) -> Option<Verified<'a>> {
        let mut parts = wire.split('.');
        let (node, sid, mac) = (parts.next()?, parts.next()?, parts.next()?);
        let is_genuine = bool::from(self.mac(node, sid).as_bytes().ct_eq(mac.as_bytes()));
        if parts.next().is_some() || !is_genuine {
            return None;
        }
        if node == self.node {
            sid.parse().ok().map(Verified::Own)
        } else {
            Some(Verified::Foreign(node))
        }
    }

    /// The session id in an open packet of the engine, and the packet with the signed one instead. The
    /// engine takes longer bodies than clients may send, and would tell them so.
    pub fn sign_open_packet(
        &self,
        packet: &[u8],
        protocol: ProtocolVersion,
    ) -> Option<(Sid, Bytes)> {
        let sid = sid_of_open_packet(packet)?;
        let wire = self.sign(&sid);
        Some((sid, rewrite_open_packet(packet, &wire, self.payload_bytes_max, protocol)?))
    }

    fn mac(&self, node: &str, sid: &str) -> String {
        let mut mac = self.key.clone();
        mac.update(node.as_bytes());
        mac.update(b".");
        mac.update(sid.as_bytes());
        let digest = mac.finalize().into_bytes();
        let text = BASE64_URL_SAFE_NO_PAD.encode(&digest[..MAC_BYTES]);
        debug_assert_eq!(text.len(), MAC_CHARS);
        text
    }
}

/// The sid in the engine's answer to a handshake.
fn sid_of_open_packet(body: &[u8]) -> Option<Sid> {
    let text = std::str::from_utf8(body).ok()?;
    let start = text.find(SID_FIELD)? + SID_FIELD.len();
    text.get(start..start + SID_CHARS)?.parse().ok()
}

/// The same answer with `wire` in place of the sid, and another limit of bodies if there is one.
///
/// To a poll of Engine.IO 3 the packet has its length in characters in front, which changes too.
fn rewrite_open_packet(
    body: &[u8],
    wire: &str,
    payload_bytes_max: usize,
    protocol: ProtocolVersion,
) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    let packet = match protocol {
        ProtocolVersion::V3 => text.split_once(':')?.1,
        ProtocolVersion::V4 => text,
    };
    let start = packet.find(SID_FIELD)? + SID_FIELD.len();
    let rest = packet.get(start + SID_CHARS..)?;
    let mut rewritten = format!("{}{wire}{rest}", &packet[..start]);
    if let Some(at) = rewritten.find(PAYLOAD_FIELD) {
        let start = at + PAYLOAD_FIELD.len();
        let digits = rewritten[start..].bytes().take_while(u8::is_ascii_digit).count();
        rewritten.replace_range(start..start + digits, &payload_bytes_max.to_string());
    }
    let body = match protocol {
        ProtocolVersion::V3 => format!("{}:{rewritten}", rewritten.chars().count()),
        ProtocolVersion::V4 => rewritten,
    };
    Some(body.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(node: &str) -> SessionIds {
        SessionIds::new(node, &[7; 32].into(), 1000)
    }

    #[test]
    fn every_node_with_the_key_knows_whose_an_id_is() {
        let sid = Sid::new();
        let wire = ids("n3").sign(&sid);
        assert_eq!(ids("n3").verify(&wire), Some(Verified::Own(sid)));
        assert_eq!(ids("n4").verify(&wire), Some(Verified::Foreign("n3")));
        for node in ["n3", "n4"] {
            let renamed = wire.replacen("n3", "n4", 1);
            assert_eq!(ids(node).verify(&renamed), None, "{node} is asked for {renamed}");
            assert_eq!(SessionIds::new(node, &[8; 32].into(), 1000).verify(&wire), None);
        }
    }

    #[test]
    fn forged_ids_do_not_verify() {
        let sid = Sid::new();
        let wire = ids("n3").sign(&sid);
        let other = ids("n3").sign(&Sid::new());
        let foreign_mac = other.rsplit_once('.').unwrap().1;
        let forged = [
            sid.to_string(),
            format!("n3.{sid}"),
            format!("n3.{sid}."),
            format!("n3.{sid}.{foreign_mac}"),
            format!("{wire}."),
            format!("{wire}A"),
            wire[..wire.len() - 1].to_owned(),
            String::new(),
            "...".to_owned(),
        ];
        for id in forged {
            assert_eq!(ids("n3").verify(&id), None, "{id}");
            assert_eq!(ids("n4").verify(&id), None, "{id}");
        }
    }

    #[test]
    fn open_packets_get_the_signed_id_and_the_right_length() {
        let sid: Sid = "AAAAAAAAAAAAAAHs".parse().unwrap();
        let v4 = br#"0{"sid":"AAAAAAAAAAAAAAHs","maxPayload":2000,"x":1}"#;
        assert_eq!(sid_of_open_packet(v4), Some(sid));
        let rewritten = rewrite_open_packet(v4, "n0.X.m", 99, ProtocolVersion::V4).unwrap();
        assert_eq!(&rewritten[..], br#"0{"sid":"n0.X.m","maxPayload":99,"x":1}"#);

        let v3 = br#"44:0{"sid":"AAAAAAAAAAAAAAHs","pingInterval":1}"#;
        assert_eq!(sid_of_open_packet(v3), Some(sid));
        let rewritten = rewrite_open_packet(v3, "n0.X.m", 99, ProtocolVersion::V3).unwrap();
        assert_eq!(&rewritten[..], br#"34:0{"sid":"n0.X.m","pingInterval":1}"#);
    }

    #[test]
    fn a_body_without_a_session_id_is_left_alone() {
        assert_eq!(sid_of_open_packet(b"ok"), None);
        assert_eq!(rewrite_open_packet(b"ok", "n0.X.m", 99, ProtocolVersion::V4), None);
    }

    proptest! {
        #[test]
        fn only_what_was_signed_verifies(noise in "\\PC{0,80}", near in "n3\\.[A-Za-z0-9_-]{0,18}\\.[A-Za-z0-9_-]{0,18}") {
            prop_assert_eq!(ids("n3").verify(&noise), None);
            prop_assert_eq!(ids("n3").verify(&near), None);
        }

        #[test]
        fn one_changed_character_is_enough(at in 0..40usize, to in "[A-Za-z0-9_.-]") {
            let wire = ids("n3").sign(&Sid::new());
            let at = at % wire.len();
            prop_assume!(wire[at..=at] != to);
            let mut forged = wire;
            forged.replace_range(at..=at, &to);
            prop_assert_eq!(ids("n3").verify(&forged), None, "{}", forged);
            prop_assert_eq!(ids("n4").verify(&forged), None, "{}", forged);
        }
    }
}
