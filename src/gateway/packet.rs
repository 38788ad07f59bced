//! What the packet of an event carries: the event's name and the request behind it.
//!
//! Knows no event; `handlers` does. A request is decoded when it is carried out, so the reader of a
//! connection only finds out where it lies.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use socketioxide_core::Value;

use crate::chat::ChatError;

/// The payload of one request: some JSON value, not yet known to be an object.
pub struct Payload {
    json: Option<Bytes>,
    binary: bool,
}

/// An event as it came in.
pub struct Incoming<'a> {
    pub event: Cow<'a, str>,
    pub payload: Payload,
}

impl<'a> Incoming<'a> {
    /// Reads `["event", payload, ignored…]`. `None` if that is not what it is.
    pub fn read(packet: &'a Value) -> Option<Self> {
        let Value::Str(text, attachments) = packet else { return None };
        let arguments: EventArguments<'_> = serde_json::from_str(text).ok()?;
        let whole = Bytes::from(text.clone());
        let payload = Payload {
            json: arguments.payload.map(|json| whole.slice_ref(json.get().as_bytes())),
            binary: attachments.as_ref().is_some_and(|attachments| !attachments.is_empty()),
        };
        Some(Self { event: arguments.event, payload })
    }
}

impl Payload {
    pub fn from_json(json: impl Into<Bytes>) -> Self {
        Self { json: Some(json.into()), binary: false }
    }

    /// Decodes a request; unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// [`ChatError::Invalid`] for anything but a JSON object of that form.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ChatError> {
        let json = self.json.as_deref().unwrap_or_default();
        // Structs would also take arrays.
        if json.first() != Some(&b'{') || self.is_attachment() {
            return Err(ChatError::malformed("the payload must be a JSON object"));
        }
        serde_json::from_slice(json).map_err(|error| ChatError::malformed(error.to_string()))
    }

    /// Binary stands in the text as `{"_placeholder":true,"num":0}`.
    fn is_attachment(&self) -> bool {
        #[derive(Deserialize)]
        struct Placeholder {
            #[serde(rename = "_placeholder")]
            _placeholder: bool,
        }
        self.binary
            && self
                .json
                .as_deref()
                .is_some_and(|json| serde_json::from_slice::<Placeholder>(json).is_ok())
    }
}

struct EventArguments<'a> {
    event: Cow<'a, str>,
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for EventArguments<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArgumentsVisitor;
        impl<'de> Visitor<'de> for ArgumentsVisitor {
            type Value = EventArguments<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array that begins with the event's name")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let Name(event) = seq
                    .next_element()?
                    .ok_or_else(|| serde::de::Error::invalid_length(0, &self))?;
                let payload = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(EventArguments { event, payload })
            }
        }
        deserializer.deserialize_seq(ArgumentsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use socketioxide_core::packet::PacketData;
    use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
    use socketioxide_parser_common::CommonParser;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Request {
        text: Option<String>,
    }

    fn read(json: &str, attachments: usize) -> Option<(String, Result<Request, &'static str>)> {
        let attachments = (attachments > 0).then(|| vec![Bytes::new(); attachments].into());
        let packet = Value::Str(json.to_owned().into(), attachments);
        let incoming = Incoming::read(&packet)?;
        let request = incoming.payload.decode().map_err(|error| error.code());
        Some((incoming.event.into_owned(), request))
    }

    #[test]
    fn the_payload_is_the_first_argument_and_the_rest_is_ignored() {
        let request = |text: &str| Ok(Request { text: Some(text.into()) });
        for json in [r#"["e",{"text":"a"}]"#, r#"[ "e" , {"text":"a","x":[1]} , 7, {} ]"#] {
            assert_eq!(read(json, 0), Some(("e".into(), request("a"))), "{json}");
        }
        assert_eq!(read(r#"["\u0065",{"text":"a"}]"#, 0), Some(("e".into(), request("a"))));
        assert_eq!(
            read(r#"["e",{"text":null}]"#, 0),
            Some(("e".into(), Ok(Request { text: None })))
        );
    }

    #[test]
    fn what_is_no_object_is_invalid() {
        for json in [
            r#"["e"]"#,
            r#"["e",null]"#,
            r#"["e",["a"]]"#,
            r#"["e",[]]"#,
            r#"["e",7]"#,
            r#"["e","{}"]"#,
            r#"["e",{"text":7}]"#,
        ] {
            assert_eq!(read(json, 0), Some(("e".into(), Err("invalid_request"))), "{json}");
        }
    }

    #[test]
    fn binary_is_no_object_but_may_stand_where_it_is_ignored() {
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        let alone = format!(r#"["e",{placeholder}]"#);
        assert_eq!(read(&alone, 1), Some(("e".into(), Err("invalid_request"))));
        let behind = format!(r#"["e",{{"text":"a"}},{placeholder}]"#);
        assert!(read(&behind, 1).unwrap().1.is_ok());
        let within = format!(r#"["e",{{"text":{placeholder}}}]"#);
        assert_eq!(read(&within, 1), Some(("e".into(), Err("invalid_request"))));
    }

    #[test]
    fn broken_json_is_no_event() {
        for json in [r#"["e",{]"#, r#"["e",{}"#, "[]", "[7]", "{}", "", r#"["e",{}] x"#] {
            assert!(read(json, 0).is_none(), "{json}");
        }
    }

    /// Packets that are nearly right, and noise.
    fn packets() -> impl Strategy<Value = String> {
        let json = prop_oneof![
            "\\[\"[a-z:\\\\\"u0]{0,8}\"(,(\\{\"a\":[0-9e.-]{0,9}\\}|null|\\[{0,40}|[0-9]{0,22}))?\\]?",
            "[\\[\\]{}\",:a-z0-9\\\\]{0,24}",
            "(\\[|\\{\"a\":){0,300}",
        ];
        let namespace = prop_oneof![Just(String::new()), "/[a-z?=&,]{0,8},?".boxed()];
        let framed = ("[0-7]", "([0-9]{0,22}-)?", namespace, "[0-9]{0,22}", json).prop_map(
            |(kind, attachments, namespace, ack, json)| {
                format!("{kind}{attachments}{namespace}{ack}{json}")
            },
        );
        prop_oneof![4 => framed, 1 => "\\PC{0,16}"]
    }

    proptest! {
        #[test]
        fn any_packet_is_read_or_refused(packet in packets(), attachment: Vec<u8>) {
            let config = ParseConfig { max_incoming_binaries: 16, ..Default::default() };
            let state = ParserState::default();
            let mut decoded = CommonParser.decode_str(&config, &state, packet.into());
            for _ in 0..=config.max_incoming_binaries {
                if !matches!(decoded, Err(ParseError::NeedsMoreBinaryData)) {
                    break;
                }
                decoded = CommonParser.decode_bin(&config, &state, attachment.clone().into());
            }
            let Ok(packet) = decoded else { return Ok(()) };
            let (PacketData::Event(value, _) | PacketData::BinaryEvent(value, _)) = packet.inner
            else {
                return Ok(());
            };
            if let Some(incoming) = Incoming::read(&value) {
                let _request: Result<Request, _> = incoming.payload.decode();
            }
        }
    }
}
