//! Names of people, groups and channels: what others see of them, and how they are found.
//!
//! The nickname profile of PRECIS (RFC 8266) is too narrow for people's names: it refuses the joiners
//! and variation selectors that hold emoji together, and whatever is newer than its tables. Here is
//! refused what a name could deceive with: what nobody sees, what turns the text around it, what ends
//! its line. Which characters these are is Unicode's to say; the tables are ICU's.

use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint};
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

use crate::model::invisible;
use crate::model::text::{TextError, at_most};

pub const NAME_CHARS_MAX: usize = 100;
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;
pub const NICKNAME_CHARS_MAX: usize = 64;
pub const USERNAME_CHARS_MIN: usize = 3;
pub const USERNAME_CHARS_MAX: usize = 32;

const BIDI_CONTROLS: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<BidiControl>();
const INVISIBLE: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// 1 to `max` characters, one of which is visible. Stored as typed.
pub fn name(text: String, max: usize) -> Result<String, TextError> {
    let text = at_most(text, max)?;
    if text.chars().any(breaks_its_line) {
        return Err(TextError::Invalid(
            "takes no control characters, line breaks or bidi controls",
        ));
    }
    let chars: Vec<char> = text.chars().collect();
    let is_shown = |at: usize| {
        let c = chars[at];
        is_visible(c) || is_blank(c) || invisible::shapes(&chars, at)
    };
    if !(0..chars.len()).all(is_shown) {
        return Err(TextError::Invalid("takes no invisible characters"));
    }
    if !text.chars().any(is_visible) {
        return Err(TextError::Invalid("needs a visible character"));
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

/// The form under which user names are found and unique. They are ASCII, so only A to Z have a case:
/// no other letter stands for one of theirs.
pub fn folded_username(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// Ends the line, turns the text around, or marks up what is not text.
fn breaks_its_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
        || BIDI_CONTROLS.contains(c)
}

fn is_visible(c: char) -> bool {
    !is_blank(c) && !INVISIBLE.contains(c)
}

/// White space, and symbols that look like it: an empty braille cell, a note without a head.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{2800}' | '\u{1d159}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_scripts_stay_as_typed() {
        for good in [
            "  a ",
            "Zoë",
            "Zoe\u{308}",
            "محمد",
            "می\u{200c}خواهم",
            "❤\u{fe0f}\u{200d}🔥 club",
            "👩\u{200d}👩\u{200d}👧",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "葛\u{e0100}",
            "\u{601}5",
            "全角\u{3000}空白",
        ] {
            assert_eq!(name(good.to_owned(), 100).unwrap(), good, "{good:?}");
        }
    }

    #[test]
    fn names_need_a_visible_character() {
        for bad in [
            "",
            " ",
            "\u{3000}\u{a0}",
            "\u{200b}",
            "\u{2060}\u{feff}",
            "\u{ad}",
            "\u{3164}",
            "\u{ffa0}",
            "\u{115f}\u{1160}",
            "\u{2800}",
            "\u{1d159}",
            "\u{34f}",
            "\u{180e}",
            "\u{200d}",
            "\u{fe0f}",
            "\u{e0041}",
            " \u{200d} ",
        ] {
            assert!(matches!(name(bad.to_owned(), 100), Err(TextError::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn nothing_in_a_name_is_hidden_or_turns_it_round() {
        for bad in [
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{b}',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{2028}',
            '\u{2029}',
            '\u{61c}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{200b}',
            '\u{2060}',
            '\u{2064}',
            '\u{206f}',
            '\u{feff}',
            '\u{ad}',
            '\u{34f}',
            '\u{3164}',
            '\u{fffa}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{1d173}',
        ] {
            for text in [format!("Eve{bad}"), format!("{bad}Eve"), format!("E{bad}ve")] {
                assert!(matches!(name(text, 100), Err(TextError::Invalid(_))), "{bad:?}");
            }
        }
    }

    #[test]
    fn two_names_that_look_alike_are_not_told_apart_by_what_nobody_sees() {
        for bad in [
            "Admin\u{200d}",
            "Admin\u{200c}",
            "A\u{200c}dmin",
            "A\u{200d}dmin",
            "A\u{fe00}dmin",
            "Admin\u{fe0f}",
            "Admin1\u{fe0f}",
            "Admin\u{e0100}",
            "Admin\u{180b}",
            "🏴\u{e0061}\u{e0062}",
        ] {
            assert!(matches!(name(bad.to_owned(), 100), Err(TextError::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_told_so_first() {
        assert!(matches!(name("\0".repeat(11), 10), Err(TextError::TooLong { .. })));
    }

    #[test]
    fn usernames_are_ascii() {
        for good in ["abc", "A_b.c-9", &"x".repeat(32)] {
            assert!(username(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["ab", "a b", "äbc", "a@b", "", "\u{212a}im", "abc\0", "a\nb"] {
            assert!(matches!(username(bad.to_owned()), Err(TextError::Invalid(_))), "{bad}");
        }
        assert!(matches!(username("x".repeat(33)), Err(TextError::TooLong { .. })));
    }

    #[test]
    fn only_the_letters_of_ascii_fold_in_a_username() {
        assert_eq!(folded_username("Kim.IX"), "kim.ix");
        for other in ["\u{212a}im.ix", "ﬀ", "İx", "ＫＩＭ"] {
            assert_eq!(folded_username(other), other, "{other}");
        }
    }
}
