//! What clients keep for a person: notification levels, mutes, theme, whatever they like.
//!
//! Nothing here is read by the server.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// As compact JSON: hundreds of muted channels fit, and one person cannot fill a disk.
pub const SETTINGS_BYTES_MAX: usize = 16 * 1024;

/// One object of keys that clients choose.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, Setting>);

impl Settings {
    /// These with `patch` over them, key by key; a null removes its key. Values are replaced as a whole,
    /// objects as well.
    pub fn merged(mut self, patch: Self) -> Self {
        for (key, value) in patch.0 {
            match value.is_null() {
                true => self.0.remove(&key),
                false => self.0.insert(key, value),
            };
        }
        self
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("values with text keys are always JSON")
    }
}

/// Some JSON as it was written, without the white space around its parts.
///
/// A number that is read and written again need not be the same one: it may have more digits than a
/// double keeps.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Setting(Box<RawValue>);

impl Setting {
    fn is_null(&self) -> bool {
        self.0.get() == "null"
    }
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        // What is nested too deep, or has half a surrogate pair, would be for others to stumble over.
        serde_json::from_str::<serde_json::Value>(raw.get()).map_err(D::Error::custom)?;
        let compact = RawValue::from_string(compact(raw.get())).map_err(D::Error::custom)?;
        Ok(Self(compact))
    }
}

/// JSON without the white space outside of its strings.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |c: &char| {
        if in_string {
            in_string = escaped || *c != '"';
            escaped = !escaped && *c == '\\';
            return true;
        }
        in_string = *c == '"';
        !matches!(c, ' ' | '\t' | '\n' | '\r')
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings(json: &str) -> Settings {
        serde_json::from_str(json).unwrap()
    }

    fn check_merge(before: &str, patch: &str, expected: &str) {
        assert_eq!(settings(before).merged(settings(patch)).to_json(), expected);
    }

    #[test]
    fn patches_merge_by_key() {
        check_merge(r#"{"a":1,"b":2}"#, r#"{"b":3,"c":[null]}"#, r#"{"a":1,"b":3,"c":[null]}"#);
        check_merge(r#"{"a":1,"b":2}"#, r#"{"a":null,"z":null}"#, r#"{"b":2}"#);
        check_merge(r#"{"a":{"x":1}}"#, r#"{"a":{"y": null }}"#, r#"{"a":{"y":null}}"#);
        check_merge("{}", "{}", "{}");
    }

    #[test]
    fn values_stay_as_they_were_written() {
        for value in [
            "0.9452706955539223",
            "123456789012345678901234567890",
            "-0",
            "1.10",
            "1e3",
            r#"{"z":1,"a":[" \" ] "," \\",true]}"#,
        ] {
            assert_eq!(
                settings(&format!(r#"{{"a": {value} }}"#)).to_json(),
                format!(r#"{{"a":{value}}}"#)
            );
        }
        let spaced = settings("{ \"a\" : { \"b c\" : [ 1 ,\n2 ] } }").to_json();
        assert_eq!(spaced, r#"{"a":{"b c":[1,2]}}"#);
    }

    #[test]
    fn what_no_json_reader_takes_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for wrong in [r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, r#"{"a":[1,]}"#, &deep] {
            assert!(serde_json::from_str::<Settings>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(number in any::<f64>().prop_filter("JSON", |number| number.is_finite())) {
            let json = format!(r#"{{"a":{}}}"#, serde_json::to_string(&number).unwrap());
            prop_assert_eq!(settings(&json).to_json(), json);
        }
    }
}
