//! Texts that people type, and their limits. Names are in `name`, passwords in `password`.

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
pub const TOPIC_CHARS_MAX: usize = 1000;
pub const NONCE_CHARS_MAX: usize = 64;
pub const EMOJI_CHARS_MAX: usize = 64;
pub const QUERY_CHARS_MAX: usize = 64;
/// Longer bans and removals say why in the group, not in the record.
pub const REASON_CHARS_MAX: usize = 500;
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
    fn content_may_be_only_white_space() {
        assert!(filled(" ".into(), 10).is_ok());
        assert!(filled(String::new(), 10).is_err());
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
