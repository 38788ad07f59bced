//! The query of an Engine.IO request, checked before the engine sees it.

use engineioxide_core::{ProtocolVersion, TransportType};
use http::{Method, Uri};

use super::refusal::Refusal;

/// Parameters that only matter on the way: our session id is replaced, `t` defeats caches.
const PARAMETERS_DROPPED: [&str; 2] = ["sid", "t"];

/// What a request asks of the engine.
#[derive(Debug)]
pub struct EngineQuery {
    pub protocol: ProtocolVersion,
    pub transport: TransportType,
    /// The session id as the client was told it. Copied, or a waiting poll would hold on to the
    /// buffer that its head was read into.
    pub sid: Option<Box<str>>,
}

impl EngineQuery {
    /// Refuses what the engine would, in the words that JavaScript clients know.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        let query = uri.query().unwrap_or_default();
        let find = |name| parameters(query).find(|(key, _)| key == name).map(|(_, value)| value);
        let transport = match find("transport").as_deref() {
            Some("polling") => TransportType::Polling,
            Some("websocket") => TransportType::Websocket,
            _ => return Err(Refusal::UnknownTransport),
        };
        let protocol = match find("EIO").as_deref() {
            Some("3") => ProtocolVersion::V3,
            Some("4") => ProtocolVersion::V4,
            _ => return Err(Refusal::UnsupportedProtocol),
        };
        let sid = find("sid").map(Box::<str>::from);
        match *method {
            Method::GET => {}
            Method::POST if sid.is_some() && transport == TransportType::Polling => {}
            _ if sid.is_none() => return Err(Refusal::BadHandshakeMethod),
            _ => return Err(Refusal::BadRequest),
        }
        Ok(Self { protocol, transport, sid })
    }
}

/// The address of the request for the engine, in a buffer of its own and no larger than needed: the
/// engine keeps that of the handshake for the session's life.
pub fn engine_uri(path: &str, uri: &Uri, sid: Option<&str>) -> Option<Uri> {
    let query = uri.query().unwrap_or_default();
    let target = String::with_capacity(path.len() + query.len() + 22) + path + "?";
    let start = target.len();
    let mut target = form_urlencoded::Serializer::for_suffix(target, start);
    target.extend_pairs(parameters(query).filter(|(name, _)| !is_dropped(name)));
    target.extend_pairs(sid.map(|sid| ("sid", sid)));
    let mut target = target.finish();
    target.shrink_to_fit();
    target.try_into().ok()
}

fn is_dropped(name: &str) -> bool {
    PARAMETERS_DROPPED.contains(&name)
}

/// As all query parsers of browsers and servers see them. So what the engine takes for its session id
/// cannot be hidden from us by writing it in another way.
pub fn parameters(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(method: Method, query: &str, expected: Result<Option<&str>, Refusal>) {
        let uri: Uri = format!("/socket.io/?{query}").parse().unwrap();
        let parsed = EngineQuery::parse(&method, &uri).map(|query| query.sid);
        assert_eq!(parsed, expected.map(|sid| sid.map(Box::from)), "{method} {query}");
    }

    #[test]
    fn requests_are_told_apart() {
        check(Method::GET, "EIO=4&transport=polling&t=x", Ok(None));
        check(Method::GET, "EIO=3&transport=websocket&sid=a.b.c", Ok(Some("a.b.c")));
        check(Method::POST, "EIO=4&transport=polling&sid=a.b.c", Ok(Some("a.b.c")));
        check(Method::POST, "EIO=4&transport=polling", Err(Refusal::BadHandshakeMethod));
        check(Method::PUT, "EIO=4&transport=polling&sid=a", Err(Refusal::BadRequest));
        check(Method::POST, "EIO=4&transport=websocket&sid=a", Err(Refusal::BadRequest));
        check(Method::GET, "EIO=2&transport=polling", Err(Refusal::UnsupportedProtocol));
        check(Method::GET, "transport=polling", Err(Refusal::UnsupportedProtocol));
        check(Method::GET, "EIO=4&transport=grpc", Err(Refusal::UnknownTransport));
        check(Method::GET, "", Err(Refusal::UnknownTransport));
        check(Method::GET, "EI%4f=4&transport=%70olling&sid=a%2Eb", Ok(Some("a.b")));
    }

    #[test]
    fn the_engine_gets_its_own_sid_and_no_second_one() {
        let uri: Uri =
            "/socket.io/?EIO=4&sid=a.b.c&t=1&token=T-_.T&sid=evil&s%69d=evil&x".parse().unwrap();
        let target = engine_uri("/socket.io/", &uri, Some("real")).unwrap();
        assert_eq!(target, "/socket.io/?EIO=4&token=T-_.T&x=&sid=real");
        let target = engine_uri("/socket.io/", &uri, None).unwrap();
        assert_eq!(target, "/socket.io/?EIO=4&token=T-_.T&x=");
    }

    proptest! {
        #[test]
        fn any_request_line_is_answered(
            query in "([a-zA-Z0-9%+&=._~-]|EIO=[34]|transport=(polling|websocket)|sid=|&){0,40}",
            sid in proptest::option::of("[A-Za-z0-9_.-]{0,60}"),
        ) {
            let uri: Uri = format!("/socket.io/?{query}").parse().unwrap();
            for method in [Method::GET, Method::POST] {
                let _any_answer = EngineQuery::parse(&method, &uri);
            }
            let target = engine_uri("/socket.io/", &uri, sid.as_deref()).unwrap();
            let sids: Vec<_> = parameters(target.query().unwrap())
                .filter(|(name, _)| name == "sid")
                .map(|(_, value)| value)
                .collect();
            prop_assert_eq!(sids, Vec::from_iter(sid.as_deref()));
            let raw = target.query().unwrap().split('&').filter(|pair| pair.starts_with("sid="));
            prop_assert_eq!(raw.count(), usize::from(sid.is_some()));
        }
    }
}
