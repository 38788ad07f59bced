//! Cross-origin access to Socket.IO and the API.
//!
//! Any origin may call without credentials: a bearer token is no ambient authority. Configured
//! origins may send credentials (the Admin UI does). tower-http's layer cannot answer `*` to some
//! origins and an echo to others, hence these few lines.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

use super::origin::Origin;

/// What browsers may send when they do not say what they want to send.
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE");
/// Scripts may read how long to wait.
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after");
/// Two hours in seconds, the longest that Chromium keeps a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

pub struct Cors {
    credentialed: Vec<HeaderValue>,
}

impl Cors {
    pub fn new(origins: &[Origin]) -> Self {
        Self { credentialed: origins.iter().map(Origin::header).collect() }
    }

    /// True for a browser's question before a request, which is answered here (204).
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        *method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The headers of a preflight's answer, without those of [`apply`](Self::apply).
    pub fn preflight(request: &HeaderMap) -> HeaderMap {
        let wanted = request.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(HEADERS);
        HeaderMap::from_iter([
            (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (ACCESS_CONTROL_ALLOW_HEADERS, wanted),
            (ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ])
    }

    /// Marks an answer to a request from `origin`.
    pub fn apply(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        if !self.credentialed.is_empty() {
            answer.append(VARY, HeaderValue::from_static("Origin"));
        }
        let allowed = match origin {
            Some(origin) if self.credentialed.contains(origin) => {
                answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                origin.clone()
            }
            _ => HeaderValue::from_static("*"),
        };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(origins: &[&str], origin: &'static str) -> HeaderMap {
        let origins: Vec<Origin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        Cors::new(&origins).apply(Some(&HeaderValue::from_static(origin)), &mut headers);
        headers
    }

    #[test]
    fn any_origin_without_credentials() {
        let headers = answer(&[], "https://a.example");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
        assert!(!headers.contains_key(VARY));
    }

    #[test]
    fn configured_origins_with_credentials() {
        let origins = ["https://admin.example/"];
        let headers = answer(&origins, "https://admin.example");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://admin.example");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(headers[VARY], "Origin");
        let headers = answer(&origins, "https://evil.example");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
}
