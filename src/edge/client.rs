//! What a handshake tells about its client: what its session needs, and what an operator may see of it.

use std::net::IpAddr;
use std::time::Duration;

use engineioxide_core::{ProtocolVersion, TransportType};
use http::HeaderMap;
use http::header::{AUTHORIZATION, USER_AGENT};

use super::address::AddressPermit;
use super::bearer::bearer;
use super::link::BytesMoved;
use super::query::parameters;

/// What is kept of a user agent.
pub const USER_AGENT_CHARS_MAX: usize = 256;
/// Of a query that an operator sees; no client of ours has so many.
const PARAMETERS_MAX: usize = 16;
const PARAMETER_CHARS_MAX: usize = 64;

/// Lives as long as its session, so it is small.
pub(super) struct Client {
    pub protocol: ProtocolVersion,
    /// A polling session holds no connection, so sessions count by themselves.
    permit: AddressPermit,
    /// `None` for the many programs that tell nothing.
    told: Option<Box<Told>>,
}

struct Told {
    /// The token of `Authorization: Bearer`.
    bearer: Option<Box<str>>,
    user_agent: Box<str>,
}

impl Client {
    pub fn new(protocol: ProtocolVersion, permit: AddressPermit, headers: &HeaderMap) -> Self {
        let told = Told {
            bearer: headers.get(AUTHORIZATION).and_then(bearer).map(Box::from),
            user_agent: user_agent(headers).into(),
        };
        let is_something = told.bearer.is_some() || !told.user_agent.is_empty();
        Self { protocol, permit, told: is_something.then(|| Box::new(told)) }
    }

    pub fn bearer(&self) -> Option<&str> {
        self.told.as_ref()?.bearer.as_deref()
    }

    fn user_agent(&self) -> &str {
        self.told.as_ref().map_or("", |told| &told.user_agent)
    }

    /// `query` is that of its handshake.
    pub fn facts(&self, query: &str, now: Now) -> ClientFacts {
        ClientFacts {
            address: self.permit.ip(),
            user_agent: self.user_agent().to_owned(),
            query: without_secrets(query),
            protocol: self.protocol,
            transport: now.transport,
            age: now.age,
            bytes: now.bytes,
        }
    }
}

/// How its session is doing.
pub(super) struct Now {
    pub transport: TransportType,
    pub age: Duration,
    pub bytes: Option<BytesMoved>,
}

/// What an operator may see of a client. Nothing in it opens anything.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientFacts {
    /// As trusted proxies tell it.
    pub address: IpAddr,
    /// At most [`USER_AGENT_CHARS_MAX`]; empty if there was none.
    pub user_agent: String,
    /// That of the handshake: what the protocol knows with its value, of all else the names, because
    /// values may be tokens.
    pub query: String,
    pub protocol: ProtocolVersion,
    /// In use now.
    pub transport: TransportType,
    /// Since its handshake.
    pub age: Duration,
    /// Of its WebSocket, with the handshake. `None` on polling, whose requests share connections with
    /// those of others.
    pub bytes: Option<BytesMoved>,
}

/// Empty if there is none.
pub fn user_agent(headers: &HeaderMap) -> String {
    let bytes = headers.get(USER_AGENT).map(|value| value.as_bytes()).unwrap_or_default();
    cut(&String::from_utf8_lossy(bytes), USER_AGENT_CHARS_MAX)
}

fn without_secrets(query: &str) -> String {
    let shown = parameters(query).take(PARAMETERS_MAX).map(|(name, value)| match &*name {
        "EIO" | "transport" | "b64" => cut(&format!("{name}={value}"), PARAMETER_CHARS_MAX),
        _ => cut(&name, PARAMETER_CHARS_MAX),
    });
    shown.collect::<Vec<_>>().join("&")
}

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_cut_at_its_limit() {
        let long = "é".repeat(300);
        let value = http::HeaderValue::from_bytes(long.as_bytes()).unwrap();
        let cut = user_agent(&HeaderMap::from_iter([(USER_AGENT, value)]));
        assert_eq!(cut.chars().count(), USER_AGENT_CHARS_MAX);
        assert_eq!(user_agent(&HeaderMap::new()), "");
    }

    #[test]
    fn a_query_is_shown_without_what_may_be_secret() {
        let query = "EIO=4&token=T&transport=polling&room=7&access%5Ftoken=T&b64=1";
        assert_eq!(without_secrets(query), "EIO=4&token&transport=polling&room&access_token&b64=1");
        assert_eq!(without_secrets(""), "");
        let long = format!("EIO={}&{}", "4".repeat(1000), "x=1&".repeat(1000));
        assert!(without_secrets(&long).len() < PARAMETERS_MAX * (PARAMETER_CHARS_MAX + 1));
    }
}
