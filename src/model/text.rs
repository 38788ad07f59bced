//! Texts that people type, parsed once at the edge: after that the type says what holds.

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("has {actual} characters, at most {max} are allowed")]
    TooLong { actual: usize, max: usize },
    #[error("{0}")]
    Invalid(&'static str),
}

/// Characters (Unicode scalar values) of a message at most.
pub const CONTENT_CHARS_MAX: usize = 4000;
pub const NAME_CHARS_MAX: usize = 100;
pub const TOPIC_CHARS_MAX: usize = 1000;
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;
pub const NICKNAME_CHARS_MAX: usize = 64;
pub const NONCE_CHARS_MAX: usize = 64;
pub const EMOJI_CHARS_MAX: usize = 64;
pub const QUERY_CHARS_MAX: usize = 64;
/// Longer bans and removals say why in the group, not in the record.
pub const REASON_CHARS_MAX: usize = 500;
pub const USERNAME_CHARS_MIN: usize = 3;
pub const USERNAME_CHARS_MAX: usize = 32;
pub const PASSWORD_CHARS_MIN: usize = 8;
pub const PASSWORD_CHARS_MAX: usize = 256;
pub const IMAGE_URL_CHARS_MAX: usize = 300;
/// Where this server's own attachments are found.
pub const ATTACHMENTS_PATH: &str = "/api/v1/attachments/";

/// At most `max` characters; empty is fine.
pub fn at_most(text: String, max: usize) -> Result<String, TextError> {
    // Bytes first: a text of at most `max` bytes needs no counting.
    if text.len() <= max {
        return Ok(text);
    }
    let actual = text.chars().count();
    if actual > max { Err(TextError::TooLong { actual, max }) } else { Ok(text) }
}

/// 1 to `max` characters, of any kind.
pub fn filled(text: String, max: usize) -> Result<String, TextError> {
    if text.is_empty() { Err(TextError::Invalid("must not be empty")) } else { at_most(text, max) }
}

/// 1 to `max` characters, one of which is visible. Stored as typed.
pub fn name(text: String, max: usize) -> Result<String, TextError> {
    let text = at_most(text, max)?;
    if text.chars().all(char::is_whitespace) {
        return Err(TextError::Invalid("needs a character that is not white space"));
    }
    Ok(text)
}

/// 3 to 32 ASCII letters, digits, `_`, `.` and `-`.
pub fn username(text: String) -> Result<String, TextError> {
    let text = at_most(text, USERNAME_CHARS_MAX)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if text.len() < USERNAME_CHARS_MIN || !text.bytes().all(allowed) {
        return Err(TextError::Invalid("takes 3 to 32 ASCII letters, digits, _ . and -"));
    }
    Ok(text)
}

/// 8 to 256 characters.
pub fn password(text: String) -> Result<String, TextError> {
    let text = at_most(text, PASSWORD_CHARS_MAX)?;
    if text.chars().count() < PASSWORD_CHARS_MIN {
        return Err(TextError::Invalid("needs at least 8 characters"));
    }
    Ok(text)
}

/// An https URL or a path of our own attachments, at most 300 characters.
pub fn image_url(text: String) -> Result<String, TextError> {
    let text = at_most(text, IMAGE_URL_CHARS_MAX)?;
    let host_follows = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let https = text.strip_prefix("https://").is_some_and(host_follows);
    let own = text
        .strip_prefix(ATTACHMENTS_PATH)
        .is_some_and(|rest| !rest.is_empty() && !rest.contains(".."));
    let plain =
        text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"\"'<>\\`".contains(c));
    if (https || own) && plain {
        return Ok(text);
    }
    Err(TextError::Invalid("must be an https URL or a path of an attachment of this server"))
}

/// The form under which names are found and unique without case.
pub fn folded(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_not_bytes() {
        assert!(at_most("💬".repeat(4000), 4000).is_ok());
        assert_eq!(
            at_most("💬".repeat(4001), 4000),
            Err(TextError::TooLong { actual: 4001, max: 4000 })
        );
    }

    #[test]
    fn names_need_a_visible_character_and_stay_as_typed() {
        assert!(name(" \u{3000}\t".into(), 10).is_err());
        assert!(name(String::new(), 10).is_err());
        assert_eq!(name("  a ".into(), 10).unwrap(), "  a ");
        assert!(filled(" ".into(), 10).is_ok(), "content may be only white space");
    }

    #[test]
    fn usernames_are_ascii() {
        for good in ["abc", "A_b.c-9", &"x".repeat(32)] {
            assert!(username(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["ab", "a b", "äbc", "a@b", ""] {
            assert!(matches!(username(bad.to_owned()), Err(TextError::Invalid(_))), "{bad}");
        }
        assert!(matches!(username("x".repeat(33)), Err(TextError::TooLong { .. })));
    }

    #[test]
    fn images_are_https_or_ours() {
        for good in ["https://example.org/a.png", "/api/v1/attachments/12/a.png"] {
            assert!(image_url(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "http://example.org/a.png",
            "javascript:alert(1)",
            "https://",
            "https:///path",
            "https://a b",
            "https://a/\"><script>",
            "/api/v1/attachments/",
            "/api/v1/attachments/../auth",
            "/etc/passwd",
            "",
        ] {
            assert!(image_url(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
