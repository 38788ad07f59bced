//! How each kind of setting is read and written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A setting's type. Problems complete the sentence "KEY …".
pub trait SettingValue: Sized {
    fn from_text(text: &str) -> Result<Self, String>;

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Self::from_text(text),
            toml::Value::Integer(_) | toml::Value::Boolean(_) | toml::Value::Float(_) => {
                Self::from_text(&value.to_string())
            }
            _ => Err("takes a single value".to_owned()),
        }
    }

    fn to_toml(&self) -> String;
}

macro_rules! parsed {
    ($($type:ty, $problem:literal, |$value:ident| $toml:expr;)+) => {$(
        impl SettingValue for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| format!("{}, not {text:?}", $problem))
            }
            fn to_toml(&self) -> String {
                let $value = self;
                $toml
            }
        }
    )+};
}

parsed! {
    bool, "takes true or false", |value| value.to_string();
    u32, "takes a whole number", |value| value.to_string();
    u64, "takes a whole number", |value| value.to_string();
    usize, "takes a whole number", |value| value.to_string();
    SocketAddr, "takes an address and port, as 127.0.0.1:3000", |value| quoted(&value.to_string());
}

/// In whole seconds, which its key says.
impl SettingValue for Duration {
    fn from_text(text: &str) -> Result<Self, String> {
        u64::from_text(text).map(Self::from_secs)
    }
    fn to_toml(&self) -> String {
        self.as_secs().to_string()
    }
}

/// A TOML string.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl SettingValue for String {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn to_toml(&self) -> String {
        quoted(self)
    }
}

impl SettingValue for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.into()) }
    }
    fn to_toml(&self) -> String {
        quoted(&self.display().to_string())
    }
}

/// Empty for none.
impl SettingValue for Option<PathBuf> {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Some(text).filter(|text| !text.is_empty()).map(PathBuf::from))
    }
    fn to_toml(&self) -> String {
        self.as_ref().map_or_else(|| quoted(""), SettingValue::to_toml)
    }
}

impl<T: SettingValue> SettingValue for Vec<T> {
    /// Separated by commas, or as TOML and JSON write a list.
    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('[') {
            let list = format!("list = {text}").parse::<toml::Table>();
            let mut list = list.map_err(|_| format!("takes a list, not {text:?}"))?;
            return Self::from_toml(&list.remove("list").unwrap_or(toml::Value::Array(Vec::new())));
        }
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(T::from_text).collect()
    }
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Array(items) => items.iter().map(T::from_toml).collect(),
            toml::Value::String(text) => Self::from_text(text),
            _ => Err("takes a list".to_owned()),
        }
    }
    fn to_toml(&self) -> String {
        format!("[{}]", self.iter().map(T::to_toml).collect::<Vec<_>>().join(", "))
    }
}

/// Declares a setting that is one of a few words.
macro_rules! choices {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $crate::section::SettingValue for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("takes {}, not {text:?}", [$($text),+].join(", "))),
                }
            }
            fn to_toml(&self) -> String {
                $crate::section::quoted(match self { $(Self::$variant => $text),+ })
            }
        }
    };
}
pub(crate) use choices;
