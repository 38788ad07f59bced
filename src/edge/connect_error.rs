//! Why a client may not join a namespace, as its version of Socket.IO expects to be told.
//!
//! The engine sends `{ message }` to all of them. Version 2 takes the bare string, as Node's server sends
//! it; later ones also take `data`, for which the engine has no place: so the gateway gives a whole
//! [`ConnectError`] for a message, and it is taken apart on its way out.

use std::fmt;

use engineioxide_core::ProtocolVersion;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Engine.IO's message with Socket.IO's CONNECT_ERROR.
pub const START: &str = "44";

/// A refusal to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectError<'a> {
    /// For programs; also the `message` of the client's error, where they have always looked.
    pub code: &'a str,
    /// For developers; without anything that has to be escaped.
    pub message: &'a str,
}

/// What the engine is given as its message.
impl fmt::Display for ConnectError<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&json!(self).to_string())
    }
}

#[derive(Deserialize)]
struct SentError {
    message: String,
}

/// The packet for the client in place of `packet`, which begins with [`START`]. `None`: as it is.
pub fn for_client(packet: &str, protocol: ProtocolVersion) -> Option<String> {
    let rest = packet.strip_prefix(START)?;
    let json_at = rest.find('{')?;
    let (namespace, json) = rest.split_at(json_at);
    let sent: SentError = serde_json::from_str(json).ok()?;
    let error = serde_json::from_str::<ConnectError<'_>>(&sent.message).ok();
    let payload = match (protocol, error) {
        (ProtocolVersion::V3, Some(error)) => json!(error.code),
        (ProtocolVersion::V3, None) => json!(sent.message),
        (ProtocolVersion::V4, Some(error)) => json!({ "message": error.code, "data": error }),
        (ProtocolVersion::V4, None) => return None,
    };
    Some(format!("{START}{namespace}{payload}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(packet: &str, v3: &str, v4: &str) {
        for (protocol, expected) in [(ProtocolVersion::V3, v3), (ProtocolVersion::V4, v4)] {
            let sent = for_client(packet, protocol);
            assert_eq!(sent.as_deref().unwrap_or(packet), expected, "{protocol:?}");
        }
    }

    #[test]
    fn each_version_is_told_in_its_own_way() {
        let error = ConnectError { code: "unauthorized", message: "no token" };
        let packet = json!({ "message": error.to_string() });
        let data =
            r#"{"data":{"code":"unauthorized","message":"no token"},"message":"unauthorized"}"#;
        check(&format!("44{packet}"), r#"44"unauthorized""#, &format!("44{data}"));
        check(&format!("44/a,{packet}"), r#"44/a,"unauthorized""#, &format!("44/a,{data}"));
        let foreign = r#"44/chat,{"message":"Invalid namespace"}"#;
        check(foreign, r#"44/chat,"Invalid namespace""#, foreign);
        check("44", "44", "44");
        check("44{}", "44{}", "44{}");
    }
}
