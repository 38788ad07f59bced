//! How a part of the node declares its settings: a struct whose every field has a key, a default, what it
//! may be, and its documentation.
//!
//! The struct is what the part works with, so a new setting is a line where it is used. `config.rs` reads
//! the sources and puts the sections together; this knows neither.

use std::ops::{Bound, RangeBounds};
use std::path::PathBuf;
use std::time::Duration;

mod value;

pub(crate) use value::{SettingValue, choices, quoted};

/// One given value, before it is checked.
pub enum Raw {
    Toml(toml::Value, PathBuf),
    /// With where it comes from.
    Text(String, String),
}

impl Raw {
    pub fn read<T: SettingValue>(&self) -> Result<T, String> {
        match self {
            Self::Toml(value, _) => T::from_toml(value),
            Self::Text(text, _) => T::from_text(text),
        }
    }

    pub fn origin(&self) -> String {
        match self {
            Self::Toml(_, file) => format!("in {}", file.display()),
            Self::Text(_, origin) => format!("from {origin}"),
        }
    }
}

/// One setting as it is documented and printed.
pub struct SettingEntry {
    pub key: &'static str,
    pub value: String,
    pub doc: String,
}

/// What [`section!`] makes of its fields.
pub trait Section {
    /// Sets `key`; `None` if it is of another section.
    ///
    /// # Errors
    ///
    /// A value that is not valid, with its key and where it was given.
    fn set(&mut self, key: &str, raw: &Raw) -> Option<anyhow::Result<()>>;

    /// Every key with its value and documentation.
    fn entries(&self) -> Vec<SettingEntry>;
}

/// What has a size.
pub trait Number {
    /// In the unit of its key.
    fn number(&self) -> u64;
}

impl Number for u32 {
    fn number(&self) -> u64 {
        (*self).into()
    }
}

impl Number for u64 {
    fn number(&self) -> u64 {
        *self
    }
}

impl Number for usize {
    fn number(&self) -> u64 {
        *self as u64
    }
}

impl Number for Duration {
    fn number(&self) -> u64 {
        self.as_secs()
    }
}

/// `value`, if it is in `range`. The problem completes the sentence "KEY …".
pub fn within<T: Number>(value: T, range: impl RangeBounds<u64>) -> Result<T, String> {
    match (range.start_bound(), range.end_bound()) {
        _ if range.contains(&value.number()) => Ok(value),
        (Bound::Included(min), Bound::Included(max)) => Err(format!("takes {min} to {max}")),
        (Bound::Included(min), _) => Err(format!("takes {min} or more")),
        _ => Err("is out of range".to_owned()),
    }
}

/// Declares a section: `field: Type = "key", default;`, with the range of a number at the end if not all
/// are good. The first lines of documentation are for operators, too: `docs/configuration.md` has them.
macro_rules! section {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $key:literal, $default:expr $(, $range:expr)?;)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::section::Section for $name {
            fn set(&mut self, key: &str, raw: &$crate::section::Raw) -> Option<anyhow::Result<()>> {
                let set: Result<(), String> = match key {
                    $($key => raw.read::<$type>()
                        $(.and_then(|value| $crate::section::within(value, $range)))?
                        .map(|value| self.$field = value),)+
                    _ => return None,
                };
                Some(set.map_err(|problem| anyhow::anyhow!("{key} {problem} ({})", raw.origin())))
            }

            fn entries(&self) -> Vec<$crate::section::SettingEntry> {
                vec![$($crate::section::SettingEntry {
                    key: $key,
                    value: $crate::section::SettingValue::to_toml(&self.$field),
                    doc: [$($doc),+].map(str::trim).join(" "),
                }),+]
            }
        }
    };
}
pub(crate) use section;

#[cfg(test)]
mod tests {
    use super::*;

    section! {
        /// Of these tests.
        pub struct SampleSettings {
            /// How many.
            /// Not few.
            count: u32 = "test.count", 5, 3..=7;
            /// How long.
            wait: Duration = "test.wait_seconds", Duration::from_secs(2), 1..;
            /// What.
            name: String = "test.name", "it".to_owned();
        }
    }

    fn set(key: &str, text: &str) -> (SampleSettings, Option<Result<(), String>>) {
        let mut settings = SampleSettings::default();
        let set = settings.set(key, &Raw::Text(text.to_owned(), "a test".to_owned()));
        (settings, set.map(|set| set.map_err(|error| error.to_string())))
    }

    #[test]
    fn a_value_is_taken_where_it_may_be() {
        assert_eq!(set("test.count", "7").0.count, 7);
        assert_eq!(set("test.wait_seconds", "60").0.wait, Duration::from_secs(60));
        assert_eq!(
            set("test.name", ""),
            (SampleSettings { name: String::new(), ..Default::default() }, Some(Ok(())))
        );
        assert_eq!(set("test.nam", ""), (SampleSettings::default(), None), "of another section");
    }

    #[test]
    fn a_problem_names_the_key_and_its_source_and_changes_nothing() {
        for (key, text, problem) in [
            ("test.count", "8", "takes 3 to 7"),
            ("test.count", "x", "takes a whole number, not \"x\""),
            ("test.wait_seconds", "0", "takes 1 or more"),
            ("test.wait_seconds", "1.5", "takes a whole number, not \"1.5\""),
        ] {
            let error = format!("{key} {problem} (from a test)");
            assert_eq!(set(key, text), (SampleSettings::default(), Some(Err(error))));
        }
    }

    #[test]
    fn entries_are_in_the_order_and_the_words_of_the_declaration() {
        let entries = SampleSettings::default().entries();
        let entries: Vec<_> = entries.iter().map(|it| (it.key, &*it.value, &*it.doc)).collect();
        let expected = [
            ("test.count", "5", "How many. Not few."),
            ("test.wait_seconds", "2", "How long."),
            ("test.name", "\"it\"", "What."),
        ];
        assert_eq!(entries, expected);
    }
}
