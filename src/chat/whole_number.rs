//! WholeNumber numbers however they are spelled: `50`, `50.0` and `5e1` are one number in JSON (RFC 8259), and
//! some languages write a float where JavaScript writes an integer.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// Above it a float stands for several integers.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

struct WholeNumber(i64);

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = WholeNumber;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<WholeNumber, E> {
                Ok(WholeNumber(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<WholeNumber, E> {
                let whole = i64::try_from(value);
                whole
                    .map(WholeNumber)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<WholeNumber, E> {
                if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
                    Ok(WholeNumber(value as i64))
                } else {
                    Err(E::invalid_value(Unexpected::Float(value), &self))
                }
            }
        }
        deserializer.deserialize_i64(NumberVisitor)
    }
}

/// For optional fields; null is as if it were absent.
pub(crate) fn whole_number<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: TryFrom<i64>,
    D: Deserializer<'de>,
{
    let Some(WholeNumber(value)) = Option::deserialize(deserializer)? else { return Ok(None) };
    let fits = T::try_from(value).map(Some);
    fits.map_err(|_| D::Error::invalid_value(Unexpected::Signed(value), &"a number in its range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Numbers {
        #[serde(default, deserialize_with = "whole_number")]
        limit: Option<u32>,
        #[serde(default, deserialize_with = "whole_number")]
        position: Option<i32>,
    }

    fn check(json: &str, expected: Option<(Option<u32>, Option<i32>)>) {
        let numbers = serde_json::from_str::<Numbers>(json).ok();
        assert_eq!(numbers.map(|it| (it.limit, it.position)), expected, "{json}");
    }

    #[test]
    fn a_whole_number_is_one_in_any_spelling() {
        for same in ["50", "50.0", "5e1", "5.0E+1", "500e-1"] {
            check(&format!("{{\"limit\":{same}}}"), Some((Some(50), None)));
        }
        check("{}", Some((None, None)));
        check(r#"{"limit":null,"position":-0}"#, Some((None, Some(0))));
        check(r#"{"position":-7}"#, Some((None, Some(-7))));
        for wrong in
            ["50.5", "-1", "1e400", "9007199254740993", "1e16", "\"50\"", "true", "[]", "NaN"]
        {
            check(&format!("{{\"limit\":{wrong}}}"), None);
        }
    }
}
