//! Engine.IO and Socket.IO packets as text, recognised by their first bytes: no JSON is parsed per packet.

use serde::Serialize;

/// What a text frame from the server means to the generator.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Engine.IO `0{…}`: the transport is open.
    Open,
    /// Engine.IO `2`: answer with [`PONG`].
    Ping,
    /// Engine.IO `1`, or Socket.IO `41`: the server ended the connection.
    Close,
    /// Socket.IO `40{…}`: the namespace is joined.
    Connected,
    /// Socket.IO `44{…}`, with the body.
    ConnectError(&'a [u8]),
    /// The push `ready`.
    Ready,
    /// The push `message:created`, whole.
    MessageCreated(&'a [u8]),
    /// The push `sync:required`: the server may have dropped something.
    SyncRequired,
    Ack(Ack<'a>),
    /// Any other push.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    pub id: u64,
    /// `[{"ok":true,…}]`
    pub body: &'a [u8],
}

pub const PONG: &[u8] = b"3";

impl<'a> Packet<'a> {
    pub fn parse(text: &'a [u8]) -> Self {
        match text {
            [b'4', b'2', event @ ..] => Self::event(text, event),
            [b'4', b'3', ack @ ..] => Ack::parse(ack).map_or(Self::Other, Self::Ack),
            [b'2', ..] => Self::Ping,
            [b'0', ..] => Self::Open,
            [b'4', b'0', ..] => Self::Connected,
            [b'4', b'4', error @ ..] => Self::ConnectError(error),
            [b'1', ..] | [b'4', b'1', ..] => Self::Close,
            _ => Self::Other,
        }
    }

    fn event(text: &'a [u8], event: &[u8]) -> Self {
        if event.starts_with(br#"["message:created","#) {
            Self::MessageCreated(text)
        } else if event.starts_with(br#"["ready","#) {
            Self::Ready
        } else if event.starts_with(br#"["sync:required","#) {
            Self::SyncRequired
        } else {
            Self::Other
        }
    }
}

impl<'a> Ack<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (id, body) = text.split_at(digits);
        Some(Self { id: std::str::from_utf8(id).ok()?.parse().ok()?, body })
    }

    /// Whether the request was carried out. `ok` is looked for at the front, where both servers write it.
    pub fn is_ok(&self) -> bool {
        self.body.starts_with(br#"[{"ok":true"#)
    }
}

/// An event with an ack: `42<id>["<name>",<payload>]`.
pub fn request(ack_id: u64, event: &str, payload: &impl Serialize) -> String {
    let arguments = serde_json::to_string(&(event, payload)).expect("plain structs serialise");
    format!("42{ack_id}{arguments}")
}

/// Socket.IO CONNECT to the main namespace.
pub fn connect(auth: &impl Serialize) -> String {
    let auth = serde_json::to_string(auth).expect("plain structs serialise");
    format!("40{auth}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart_by_their_first_bytes() {
        let check = |text: &'static str, packet| assert_eq!(Packet::parse(text.as_bytes()), packet);
        check("2", Packet::Ping);
        check(r#"0{"sid":"x"}"#, Packet::Open);
        check(r#"40{"sid":"x"}"#, Packet::Connected);
        check(
            r#"44{"message":"unauthorized"}"#,
            Packet::ConnectError(br#"{"message":"unauthorized"}"#),
        );
        check("41", Packet::Close);
        check(r#"42["ready",{}]"#, Packet::Ready);
        check(
            r#"42["message:created",{}]"#,
            Packet::MessageCreated(br#"42["message:created",{}]"#),
        );
        check(r#"42["message:updated",{}]"#, Packet::Other);
        check(r#"4312[{"ok":true}]"#, Packet::Ack(Ack { id: 12, body: br#"[{"ok":true}]"# }));
        check("43[]", Packet::Other);
    }

    #[test]
    fn only_an_ok_ack_counts_as_carried_out() {
        let is_ok = |body: &'static str| Ack { id: 1, body: body.as_bytes() }.is_ok();
        assert!(is_ok(r#"[{"ok":true,"data":{}}]"#));
        assert!(!is_ok(r#"[{"ok":false,"error":{"code":"rate_limited"}}]"#));
    }

    #[test]
    fn requests_are_socket_io_events_with_an_ack_id() {
        let payload = serde_json::json!({ "userIds": [] });
        assert_eq!(
            request(7, "presence:watch", &payload),
            r#"427["presence:watch",{"userIds":[]}]"#
        );
    }
}
