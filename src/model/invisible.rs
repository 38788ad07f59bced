//! Characters that nobody sees, but whose effect everybody does.
//!
//! Joiners, variation selectors and tags make other signs of those around them: a family of three
//! people, the forms of a Persian or Sinhala letter, a flag. Anywhere else they do nothing, and two texts
//! that differ in them alone look the same.

use icu_properties::props::{
    CanonicalCombiningClass, Emoji, EmojiModifier, ExtendedPictographic, JoiningType, Script,
    UnifiedIdeograph,
};
use icu_properties::{
    CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed,
};

const EMOJI: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<Emoji>();
const EMOJI_MODIFIERS: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<EmojiModifier>();
const PICTOGRAPHS: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<ExtendedPictographic>();
const IDEOGRAPHS: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<UnifiedIdeograph>();
const COMBINING_CLASS: CodePointMapDataBorrowed<'static, CanonicalCombiningClass> =
    CodePointMapData::<CanonicalCombiningClass>::new();
const JOINING_TYPE: CodePointMapDataBorrowed<'static, JoiningType> =
    CodePointMapData::<JoiningType>::new();
const SCRIPT: CodePointMapDataBorrowed<'static, Script> = CodePointMapData::<Script>::new();

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const EMOJI_SELECTOR: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
/// Ends a word in Malayalam as a chillu, the form of a consonant without its vowel.
const MALAYALAM_VIRAMA: char = '\u{d4d}';
/// The flags of England, Scotland, Wales and other parts of countries are this, the code of the place in
/// tags, and the tag that ends it.
const BLACK_FLAG: char = '🏴';
const END_OF_TAGS: char = '\u{e007f}';
/// Two letters for the country, and one to four for the place (Unicode CLDR).
const PLACE_CHARS: std::ops::RangeInclusive<usize> = 3..=6;

/// Whether the character at `at` is one of these, and has its effect on what is around it.
pub fn shapes(chars: &[char], at: usize) -> bool {
    match chars[at] {
        JOINER => joins_emoji(chars, at) || joins_letters(chars, at),
        NON_JOINER => is_in_conjunct(chars, at) || parts_letters(chars, at),
        '\u{fe0e}' | EMOJI_SELECTOR => selects_emoji(chars, at),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => {
            before(chars, at).is_some_and(|c| IDEOGRAPHS.contains(c))
        }
        '\u{180b}'..='\u{180d}' | '\u{180f}' => {
            before(chars, at).is_some_and(|c| SCRIPT.get(c) == Script::Mongolian)
        }
        '\u{e0020}'..='\u{e007f}' => is_in_flag(chars, at),
        _ => false,
    }
}

fn before(chars: &[char], at: usize) -> Option<char> {
    at.checked_sub(1).map(|before| chars[before])
}

fn after(chars: &[char], at: usize) -> Option<char> {
    chars.get(at + 1).copied()
}

/// UTS #51, ED-15a: what stands before is a pictograph, with a selector or the tone of a skin perhaps.
fn joins_emoji(chars: &[char], at: usize) -> bool {
    let mut first = before(chars, at);
    if first.is_some_and(|c| c == EMOJI_SELECTOR || EMOJI_MODIFIERS.contains(c)) {
        first = before(chars, at - 1);
    }
    let is_pictograph = |c: Option<char>| c.is_some_and(|c| PICTOGRAPHS.contains(c));
    is_pictograph(first) && is_pictograph(after(chars, at))
}

fn joins_letters(chars: &[char], at: usize) -> bool {
    is_in_conjunct(chars, at) || before(chars, at) == Some(MALAYALAM_VIRAMA)
}

/// Between letters of one script, next to the sign that takes a vowel away: RFC 5892, appendix A, and
/// the Unicode Standard, chapter 12, for a joiner in front of it, as in Bengali.
fn is_in_conjunct(chars: &[char], at: usize) -> bool {
    let (Some(before), Some(after)) = (before(chars, at), after(chars, at)) else { return false };
    let is_virama = |c| COMBINING_CLASS.get(c) == CanonicalCombiningClass::Virama;
    (is_virama(before) || is_virama(after)) && SCRIPT.get(before) == SCRIPT.get(after)
}

/// RFC 5892, appendix A.1: between two letters that would be written as one, marks passed over.
fn parts_letters(chars: &[char], at: usize) -> bool {
    let type_of = |c: &char| JOINING_TYPE.get(*c);
    let letter = |joining: &JoiningType| *joining != JoiningType::Transparent;
    let first = chars[..at].iter().rev().map(type_of).find(letter);
    let second = chars[at + 1..].iter().map(type_of).find(letter);
    let joins_on = matches!(first, Some(JoiningType::LeftJoining | JoiningType::DualJoining));
    joins_on && matches!(second, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// Digits are emoji too, but only the selector of a keycap changes them.
fn selects_emoji(chars: &[char], at: usize) -> bool {
    let Some(before) = before(chars, at) else { return false };
    EMOJI.contains(before) && (!before.is_ascii() || after(chars, at) == Some(KEYCAP))
}

/// UTS #51, ED-14a, as far as there are such flags.
fn is_in_flag(chars: &[char], at: usize) -> bool {
    let is_tag = |c: &char| matches!(c, '\u{e0020}'..='\u{e007f}');
    let first = at - chars[..at].iter().rev().take_while(|c| is_tag(c)).count();
    let tags = chars[first..].iter().take_while(|c| is_tag(c));
    let place: Vec<char> = tags.take_while(|&&c| c != END_OF_TAGS).copied().collect();
    let is_of_place = |c: &char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let end = first + place.len();
    before(chars, first) == Some(BLACK_FLAG)
        && PLACE_CHARS.contains(&place.len())
        && place.iter().all(is_of_place)
        && at <= end
        && chars.get(end) == Some(&END_OF_TAGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_invisible(c: char) -> bool {
        matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180f}')
            || matches!(c, '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
    }

    fn check(text: &str, expected: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut invisible = (0..chars.len()).filter(|&at| is_invisible(chars[at])).peekable();
        assert!(invisible.peek().is_some(), "{text:?}");
        assert_eq!(invisible.all(|at| shapes(&chars, at)), expected, "{text:?}");
    }

    #[test]
    fn what_makes_one_sign_of_several_shapes_it() {
        for emoji in [
            "👩\u{200d}👩\u{200d}👧\u{200d}👦",
            "❤\u{fe0f}",
            "☎\u{fe0e}",
            "⭐\u{fe0f}",
            "©\u{fe0f}",
            "❤\u{fe0f}\u{200d}🔥",
            "👩🏽\u{200d}🚀",
            "👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏿",
            "🏳\u{fe0f}\u{200d}🌈",
            "🏴\u{200d}☠\u{fe0f}",
            "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
            "🧑\u{200d}🦰",
            "🙂\u{200d}↔\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "#\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} yes",
            "🏴\u{e0075}\u{e0073}\u{e0074}\u{e0078}\u{e007f}",
        ] {
            check(emoji, true);
        }
        for letters in [
            "می\u{200c}خواهم",
            "علی\u{200c}رضا",
            "نامه\u{64f}\u{200c}ای",
            "ක්\u{200d}ර",
            "ශ්\u{200d}රී",
            "क्\u{200d}ष",
            "क्\u{200c}ष",
            "র\u{200d}\u{9cd}যাচেল",
            "മോഹന്\u{200d}",
            "മോഹന്\u{200d} ദാസ്",
            "葛\u{e0100}城",
            "神\u{fe00}",
            "\u{1820}\u{180b}",
        ] {
            check(letters, true);
        }
    }

    #[test]
    fn what_changes_nothing_that_is_seen_does_not() {
        for joiner in ['\u{200c}', '\u{200d}'] {
            for (first, second) in [
                ("Admin", ""),
                ("", "Admin"),
                ("A", "dmin"),
                ("A ", "dmin"),
                ("😀", ""),
                ("😀", "a"),
                ("a", "😀"),
                ("漢", "字"),
                ("한", "국"),
                ("क्", ""),
                ("क्", "d"),
                ("क", "ष"),
                ("می", ""),
                ("د", "خ"),
                ("1\u{fe0f}\u{20e3}", "😀"),
            ] {
                let text = format!("{first}{joiner}{second}");
                let chars: Vec<char> = text.chars().collect();
                assert!(!shapes(&chars, first.chars().count()), "{text:?}");
            }
        }
        for doubled in ["👩\u{200d}\u{200d}👧", "می\u{200c}\u{200c}خواهم", "❤\u{fe0f}\u{fe0f}"]
        {
            check(doubled, false);
        }
        for selected in [
            "A\u{fe00}",
            "A\u{fe0f}",
            "1\u{fe0f}",
            "*\u{fe0e}",
            "漢\u{fe0f}",
            "😀\u{fe00}",
            "가\u{e0100}",
        ] {
            check(selected, false);
        }
        check("\u{fe0f}", false);
        check("A\u{180b}", false);
    }

    #[test]
    fn tags_hide_no_text() {
        let tagged = |text: &str| -> String {
            text.chars().map(|c| char::from_u32(0xe0000 + u32::from(c)).unwrap()).collect()
        };
        for (flag, text, end) in [
            ("🏴", "gbeng", ""),
            ("🏴", "gb", "\u{e007f}"),
            ("🏴", "meetmeatten", "\u{e007f}"),
            ("🏴", "gb eng", "\u{e007f}"),
            ("🏴", "GBENG", "\u{e007f}"),
            ("🏴", "", "\u{e007f}"),
            ("😀", "gbeng", "\u{e007f}"),
            ("", "gbeng", "\u{e007f}"),
        ] {
            check(&format!("{flag}{}{end}", tagged(text)), false);
        }
        check(&format!("🏴{}\u{e007f}{}\u{e007f}", tagged("gbeng"), tagged("x")), false);
    }
}
