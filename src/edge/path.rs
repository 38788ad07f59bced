//! Where Socket.IO clients connect (`gateway.path`).

use std::fmt;
use std::str::FromStr;

/// Longer ones are a mistake.
const CHARS_MAX: usize = 100;
/// What else the server has at its root.
const RESERVED: &[&str] = &["admin", "api", "assets", "docs", "healthz", "metrics", "readyz"];

/// A path as `/socket.io`, without the last slash; with one it is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnginePath(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnginePathError {
    #[error("takes a path as /socket.io of letters, digits, \"-\", \"_\", \".\" and \"~\"")]
    Malformed,
    #[error("must not begin with /{0}, which is the server's")]
    Reserved(&'static str),
}

impl EnginePath {
    /// True for the path itself, with or without a slash at its end.
    pub fn is(&self, path: &str) -> bool {
        path.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest == "/")
    }

    /// True for the path and everything below.
    pub fn contains(&self, path: &str) -> bool {
        path.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Default for EnginePath {
    fn default() -> Self {
        Self("/socket.io".to_owned())
    }
}

impl FromStr for EnginePath {
    type Err = EnginePathError;

    fn from_str(text: &str) -> Result<Self, EnginePathError> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let segments = path.strip_prefix('/').ok_or(EnginePathError::Malformed)?;
        if path.len() > CHARS_MAX || !segments.split('/').all(is_segment) {
            return Err(EnginePathError::Malformed);
        }
        let first = segments.split('/').next();
        match RESERVED.iter().find(|reserved| Some(**reserved) == first) {
            Some(reserved) => Err(EnginePathError::Reserved(reserved)),
            None => Ok(Self(path.to_owned())),
        }
    }
}

/// No proxy and no client writes these in another way (RFC 3986, section 2.3).
fn is_segment(segment: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(is_unreserved)
}

impl fmt::Display for EnginePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked() {
        for (text, path) in [
            ("/socket.io", "/socket.io"),
            ("/socket.io/", "/socket.io"),
            ("/chat/ws", "/chat/ws"),
            ("/apiary", "/apiary"),
        ] {
            assert_eq!(text.parse().as_ref().map(EnginePath::to_string), Ok(path.to_owned()));
        }
        let long = format!("/{}", "x".repeat(CHARS_MAX));
        for text in [
            "",
            "/",
            "//",
            "socket.io",
            "/a//b",
            "/a b",
            "/a?b",
            "/a#b",
            "/%41",
            "/..",
            "/a/./b",
            &long,
        ] {
            assert_eq!(text.parse::<EnginePath>(), Err(EnginePathError::Malformed), "{text}");
        }
        for (text, first) in [("/api", "api"), ("/metrics/x", "metrics")] {
            assert_eq!(text.parse::<EnginePath>(), Err(EnginePathError::Reserved(first)), "{text}");
        }
    }

    #[test]
    fn one_slash_at_the_end_makes_no_difference() {
        let path: EnginePath = "/a/b".parse().unwrap();
        for (other, is, contains) in [
            ("/a/b", true, true),
            ("/a/b/", true, true),
            ("/a/b//", false, true),
            ("/a/b/c", false, true),
            ("/a/bc", false, false),
            ("/a", false, false),
            ("/", false, false),
        ] {
            assert_eq!((path.is(other), path.contains(other)), (is, contains), "{other}");
        }
    }
}
