//! Passwords before they are hashed: one spelling for what people take for one text.
//!
//! Prepared as `OpaqueString` of RFC 8265 is: every space is U+0020, and the whole is NFC, so that it
//! does not matter which keyboard composes `ä` and how. Nothing is refused that RFC 8265 refuses
//! beyond that (control characters, what is newer than its tables): a password is shown to nobody, and
//! whoever has such a one would be locked out.

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::model::text::{TextError, at_most};

pub const PASSWORD_CHARS_MIN: usize = 8;
pub const PASSWORD_CHARS_MAX: usize = 256;

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// A password to be set: 8 to 256 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

impl NewPassword {
    pub fn parse(text: String) -> Result<Self, TextError> {
        let prepared = at_most(prepared(&text), PASSWORD_CHARS_MAX)?;
        if prepared.chars().count() < PASSWORD_CHARS_MIN {
            return Err(TextError::Invalid("needs at least 8 characters"));
        }
        Ok(Self(prepared))
    }

    /// What is hashed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A password that somebody shows, in all spellings under which it may have been hashed.
#[derive(Clone)]
pub struct ShownPassword(Vec<String>);

impl ShownPassword {
    /// At most 256 characters, of any kind: what is too short is wrong.
    pub fn parse(text: String) -> Result<Self, TextError> {
        let prepared = prepared(&text);
        // As typed, for hashes of the time before passwords were prepared.
        let raw = (text != prepared).then(|| at_most(text, PASSWORD_CHARS_MAX));
        let prepared = at_most(prepared, PASSWORD_CHARS_MAX);
        match (prepared, raw) {
            (Ok(prepared), raw) => {
                Ok(Self(std::iter::once(prepared).chain(raw.and_then(Result::ok)).collect()))
            }
            (Err(_), Some(Ok(raw))) => Ok(Self(vec![raw])),
            (Err(error), _) => Err(error),
        }
    }

    /// One or two; what is hashed today comes first.
    pub fn spellings(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(String::as_bytes)
    }
}

impl From<&NewPassword> for ShownPassword {
    fn from(password: &NewPassword) -> Self {
        Self(vec![password.0.clone()])
    }
}

fn prepared(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if is_space(c) { ' ' } else { c }).collect();
    NFC.normalize(&spaced).into_owned()
}

/// General category Zs: white space that is no control character and ends no line.
fn is_space(c: char) -> bool {
    c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spellings(text: &str) -> Vec<String> {
        ShownPassword::parse(text.to_owned()).ok().map(|shown| shown.0).unwrap_or_default()
    }

    fn check_new(text: &str, expected: Result<&str, bool>) {
        let parsed = NewPassword::parse(text.to_owned()).map(|password| password.0);
        let parsed = parsed.map_err(|error| matches!(error, TextError::TooLong { .. }));
        assert_eq!(parsed.as_deref().map_err(|too_long| *too_long), expected, "{text}");
    }

    #[test]
    fn what_looks_alike_is_one_password() {
        check_new("pa\u{308}sswort-lang", Ok("p\u{e4}sswort-lang"));
        check_new("p\u{e4}sswort-lang", Ok("p\u{e4}sswort-lang"));
        check_new("\u{1100}\u{1161}\u{11a8}-long-enough", Ok("\u{ac01}-long-enough"));
        check_new("a\u{3000}b\u{a0}c\u{2003}d e", Ok("a b c d e"));
        check_new("\u{212b}ngstr\u{f6}m", Ok("\u{c5}ngstr\u{f6}m"));
    }

    #[test]
    fn what_looks_different_is_not() {
        for text in [
            "passwort-lang",
            "ﬁve-letters",
            "Ｆｕｌｌｗｉｄｔｈ",
            "tab\tand\nline",
            "👩\u{200d}👧 12345",
        ] {
            check_new(text, Ok(text));
        }
    }

    #[test]
    fn characters_are_counted_when_it_is_prepared() {
        check_new(&"a\u{308}".repeat(7), Err(false));
        check_new(&"a\u{308}".repeat(8), Ok(&"\u{e4}".repeat(8)));
        check_new(&"a\u{308}".repeat(256), Ok(&"\u{e4}".repeat(256)));
        check_new(&"a\u{308}".repeat(257), Err(true));
        check_new(&"👍".repeat(257), Err(true));
        // Three characters each when it is prepared.
        check_new(&"\u{fb2c}".repeat(86), Err(true));
    }

    #[test]
    fn a_shown_password_is_tried_as_typed_too() {
        assert_eq!(spellings("a\u{308}"), ["\u{e4}", "a\u{308}"]);
        assert_eq!(spellings("\u{e4}"), ["\u{e4}"]);
        assert_eq!(spellings("correct horse"), ["correct horse"]);
        assert_eq!(spellings(""), [""]);
        let long = "a\u{308}".repeat(200);
        assert_eq!(spellings(&long), ["\u{e4}".repeat(200)], "nobody's hash is of 400 characters");
        let grows = "\u{fb2c}".repeat(100);
        assert_eq!(spellings(&grows), [grows], "but somebody's may be of these 100");
        assert!(ShownPassword::parse("x".repeat(257)).is_err());
    }
}
