//! The token of `Authorization: Bearer`.

use http::HeaderValue;

/// The name of the scheme may be in any case (RFC 9110, section 11.1). `None` for another scheme, and
/// without a token.
pub fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &'static str, expected: Option<&str>) {
        assert_eq!(bearer(&HeaderValue::from_static(header)), expected, "{header:?}");
    }

    #[test]
    fn bearer_tokens() {
        check("Bearer abc", Some("abc"));
        check("bearer  abc ", Some("abc"));
        for none in ["", "abc", "Bearer", "Bearer ", "Basic abc", "Bearerabc"] {
            check(none, None);
        }
    }
}
