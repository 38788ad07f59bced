//! What clients keep for a person: notification levels, mutes, theme, whatever they like.
//!
//! Nothing here is read by the server.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// As compact JSON: hundreds of muted channels fit, and one person cannot fill a disk.
pub const SETTINGS_BYTES_MAX: usize = 16 * 1024;

/// One object of keys that clients choose.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct Settings(pub Map<String, Value>);

impl Settings {
    /// These with `patch` over them, key by key; a null removes its key. Values are replaced as a whole,
    /// objects as well.
    pub fn merged(mut self, patch: Self) -> Self {
        for (key, value) in patch.0 {
            match value {
                Value::Null => self.0.remove(&key),
                value => self.0.insert(key, value),
            };
        }
        self
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("values with text keys are always JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_merge(settings: &str, patch: &str, expected: &str) {
        let [settings, patch]: [Settings; 2] =
            [settings, patch].map(|json| serde_json::from_str(json).unwrap());
        assert_eq!(settings.merged(patch).to_json(), expected);
    }

    #[test]
    fn patches_merge_by_key() {
        check_merge(r#"{"a":1,"b":2}"#, r#"{"b":3,"c":[null]}"#, r#"{"a":1,"b":3,"c":[null]}"#);
        check_merge(r#"{"a":1,"b":2}"#, r#"{"a":null,"z":null}"#, r#"{"b":2}"#);
        check_merge(r#"{"a":{"x":1}}"#, r#"{"a":{"y":null}}"#, r#"{"a":{"y":null}}"#);
        check_merge("{}", "{}", "{}");
    }
}
