//! An origin (RFC 6454) as browsers write it: what a setting says has to be found in a header.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use http::uri::Authority;

/// A scheme, a host and perhaps a port: `https://chat.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OriginError {
    #[error("is no origin: a scheme, a host and perhaps a port, as https://chat.example")]
    Malformed,
    #[error("is more than an origin, which would be {0}")]
    More(Origin),
    #[error(
        "needs no saying: any origin may call without credentials, and none but those named with"
    )]
    Any,
    #[error("is what many unrelated pages send, and cannot be trusted with credentials")]
    Opaque,
}

impl Origin {
    /// As the header `Origin` has it.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::try_from(&self.0).expect("an origin is visible ASCII")
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    /// Takes other spellings of the same: capitals, a default port, one slash at the end.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        match text {
            "*" => return Err(OriginError::Any),
            "null" => return Err(OriginError::Opaque),
            _ => {}
        }
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::Malformed)?;
        let scheme = scheme.to_ascii_lowercase();
        let authority_bytes = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, more) = rest.split_at(authority_bytes);
        if !is_scheme(&scheme) {
            return Err(OriginError::Malformed);
        }
        let host = host_and_port(&scheme, authority).ok_or(OriginError::Malformed)?;
        let origin = Self(format!("{scheme}://{host}"));
        let is_origin = matches!(more, "" | "/") && !authority.contains('@');
        if is_origin { Ok(origin) } else { Err(OriginError::More(origin)) }
    }
}

/// RFC 3986, section 3.1. Apps have schemes of their own: `capacitor://localhost`.
fn is_scheme(scheme: &str) -> bool {
    let is_later = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_later)
}

fn host_and_port(scheme: &str, authority: &str) -> Option<String> {
    let authority: Authority = authority.parse().ok()?;
    let host = authority.host().to_ascii_lowercase();
    let has_port = authority.as_str().rsplit('@').next()?.len() > host.len();
    let port = authority.port_u16();
    if host.is_empty() || host.contains('*') || (has_port && port.is_none()) {
        return None;
    }
    Some(match port {
        Some(port) if default_port(scheme) != Some(port) => format!("{host}:{port}"),
        _ => host,
    })
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, OriginError> {
        text.parse::<Origin>().map(|origin| origin.to_string())
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, expected) in [
            ("https://chat.example", "https://chat.example"),
            ("HTTP://A:80", "http://a"),
            ("https://a:443/", "https://a"),
            ("http://a:443", "http://a:443"),
            ("https://a:8443/", "https://a:8443"),
            ("http://[2001:DB8::1]:80", "http://[2001:db8::1]"),
            ("http://127.0.0.1:5173", "http://127.0.0.1:5173"),
            ("Capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert_eq!(parse(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_matches_no_browser_is_refused_with_the_right_spelling() {
        for (text, right) in [
            ("https://a/chat", "https://a"),
            ("https://a:443//", "https://a"),
            ("https://a/?x", "https://a"),
            ("https://a#x", "https://a"),
            ("https://me@A", "https://a"),
        ] {
            assert_eq!(parse(text), Err(OriginError::More(Origin(right.to_owned()))), "{text}");
        }
        for text in [
            "",
            "a",
            "a.example",
            "a:8080",
            "//a",
            "http://",
            "http:///",
            "http://a:",
            "http://a:x",
            "http://a:99999",
            "http://a b",
            "https://*.example",
            "1http://a",
            "[\"http://a\"]",
            "\"http://a\"",
        ] {
            assert_eq!(parse(text), Err(OriginError::Malformed), "{text}");
        }
        assert_eq!(parse("*"), Err(OriginError::Any));
        assert_eq!(parse("null"), Err(OriginError::Opaque));
    }
}
