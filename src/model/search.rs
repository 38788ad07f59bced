//! How people are found by their names: from the start of a name or of one of its words on.
//!
//! Stores keep [`word_keys`] beside each name and look for those that begin with the [`key`] of a query.

use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_segmentation::UnicodeSegmentation;

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// Some characters fold to eighteen; a name cannot make much more of itself by that.
pub const KEY_CHARS_MAX: usize = 64;

/// The form in which names and queries are compared: NFKC and without case, as RFC 8266 (2.4) compares
/// nicknames. Upper case comes first, so that ß is ss and the two forms of a small sigma are one.
pub fn key(text: &str) -> String {
    cut(&folded(text)).to_owned()
}

fn folded(text: &str) -> String {
    let composed = NFKC.normalize(text);
    let without_case: String =
        composed.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    NFKC.normalize(&without_case).into_owned()
}

fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(KEY_CHARS_MAX).map_or(text.len(), |(index, _)| index);
    &text[..end]
}

/// The keys under which a name is found: the whole, and from each of its further words on (Unicode
/// Standard Annex 29). Without repetitions.
pub fn word_keys(name: &str) -> Vec<String> {
    let folded = folded(name);
    let words = folded.unicode_word_indices().map(|(index, _)| index);
    let starts = std::iter::once(0).chain(words.filter(|index| *index > 0));
    let mut keys: Vec<String> =
        starts.take(KEY_CHARS_MAX).map(|start| cut(&folded[start..]).to_owned()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, query: &str, found: bool) {
        let query = key(query);
        assert_eq!(
            word_keys(name).iter().any(|key| key.starts_with(&query)),
            found,
            "{name}: {query}"
        );
    }

    #[test]
    fn names_are_found_from_their_words_on() {
        for query in ["zorn", "ZO", "émile zo", "e\u{301}MILE", "É"] {
            check("Émile Zorn", query, true);
        }
        for query in ["orn", "mile", "zorn é", "zornx"] {
            check("Émile Zorn", query, false);
        }
        check("Jean-Luc Picard", "luc p", true);
        check("🎉 party", "🎉", true);
        check("🎉 party", "par", true);
        check(" (Ada)", "ada", true);
        check("山田太郎", "太郎", true);
    }

    #[test]
    fn case_is_folded_as_a_whole() {
        check("ΟΔΥΣΣΕΥΣ", "οδυσ", true);
        check("Οδυσσεύς", "ΟΔΥΣΣΕΎΣ", true);
        check("Straße", "STRASS", true);
        check("Ｆｕｌｌ ﬁne", "full fi", true);
        check("\u{212A}im", "kim", true);
    }

    #[test]
    fn a_name_has_a_bounded_number_of_bounded_keys() {
        let names = ["\u{FDFA}".repeat(64), "a ".repeat(32), "山".repeat(64), "\u{10FFFF}".into()];
        for name in names {
            let keys = word_keys(&name);
            assert!((1..=64).contains(&keys.len()), "{}", keys.len());
            assert!(keys.iter().all(|key| (1..=KEY_CHARS_MAX).contains(&key.chars().count())));
        }
        assert_eq!(word_keys("a a"), ["a", "a a"]);
    }
}
