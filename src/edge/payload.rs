//! The body of a polling POST: read whole, and put into a form that the engine decodes safely.
//!
//! Engine.IO 3 (Socket.IO 2) frames its packets with lengths, which this checks. A length that ends inside a
//! character keeps the decoder of engineioxide 0.17.9 busy for ever, with no await in between, so a body of
//! that protocol never gets there as it came: it is parsed here and written anew in the binary framing,
//! whose lengths count bytes. What a packet says is left to the engine.

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use engineioxide_core::ProtocolVersion;
use http::HeaderValue;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::refusal::Refusal;

/// As in the JavaScript server, only this very value makes a body of Engine.IO 3 binary.
pub const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Enough for the largest body there may be (`limits.body_bytes`), and what the engine takes at most.
const LENGTH_DIGITS_MAX: usize = 8;
/// Ends the length of a packet in the text framing, and in the binary one.
const TEXT_SEPARATOR: char = ':';
const BINARY_SEPARATOR: u8 = 0xff;
/// What a packet of the binary framing begins with.
const TEXT_PACKET: u8 = 0;
const BINARY_PACKET: u8 = 1;

/// Reads all of `body`.
///
/// # Errors
///
/// `TooLarge` beyond `bytes_max`; `BadRequest` if the peer went away in between.
pub async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_large(error.as_ref()) => Err(Refusal::TooLarge),
        Err(_) => Err(Refusal::BadRequest),
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<LengthLimitError>()
}

/// What the engine gets for `body`, with its content type.
///
/// # Errors
///
/// `BadRequest` for a body of Engine.IO 3 whose framing is broken.
pub fn for_engine(
    protocol: ProtocolVersion,
    content_type: Option<HeaderValue>,
    body: Bytes,
) -> Result<(Option<HeaderValue>, Bytes), Refusal> {
    if protocol == ProtocolVersion::V4 {
        return Ok((content_type, body));
    }
    let packets = match content_type {
        Some(content_type) if content_type == BINARY => binary_packets(&body),
        _ => std::str::from_utf8(&body).ok().and_then(text_packets),
    };
    let packets = packets.filter(|packets| !packets.is_empty()).ok_or(Refusal::BadRequest)?;
    Ok((Some(BINARY), encode(&packets)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packet<'a> {
    Text(&'a str),
    /// With the packet type in front, a byte of 0 to 6.
    Binary(&'a [u8]),
}

/// `<length>:<packet>…`. The JavaScript, Java and Swift clients count UTF-16 units, as the protocol has it;
/// others, written in languages whose strings are made of code points, count those.
fn text_packets(body: &str) -> Option<Vec<Packet<'_>>> {
    let by = |units: fn(char) -> usize| split(body, units);
    by(char::len_utf16).or_else(|| by(|_| 1))
}

/// Linear: each character is visited once. `None` if a length ends nowhere or inside a character.
fn split(body: &str, units: fn(char) -> usize) -> Option<Vec<Packet<'_>>> {
    let mut packets = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let length = length_of(&rest.as_bytes()[..digits])?;
        rest = rest[digits..].strip_prefix(TEXT_SEPARATOR)?;
        let end = end_of(rest, length, units)?;
        packets.push(Packet::Text(&rest[..end]));
        rest = &rest[end..];
    }
    Some(packets)
}

/// Where in `text` the first `length` units end, in bytes.
fn end_of(text: &str, length: usize, units: fn(char) -> usize) -> Option<usize> {
    let mut counted = 0;
    for (at, character) in text.char_indices() {
        if counted >= length {
            return (counted == length).then_some(at);
        }
        counted += units(character);
    }
    (counted == length).then_some(text.len())
}

/// `<0 or 1><length as bytes of 0 to 9><255><packet>…`, where lengths count bytes.
fn binary_packets(mut body: &[u8]) -> Option<Vec<Packet<'_>>> {
    let mut packets = Vec::new();
    while let Some((&kind, rest)) = body.split_first() {
        let digits = rest.iter().take(LENGTH_DIGITS_MAX).take_while(|&&byte| byte <= 9).count();
        let ascii: Vec<u8> = rest[..digits].iter().map(|digit| digit + b'0').collect();
        let length = length_of(&ascii)?;
        let rest = rest[digits..].strip_prefix(&[BINARY_SEPARATOR])?;
        let (packet, rest) = rest.split_at_checked(length)?;
        packets.push(match kind {
            TEXT_PACKET => Packet::Text(std::str::from_utf8(packet).ok()?),
            BINARY_PACKET => Packet::Binary(packet),
            _ => return None,
        });
        body = rest;
    }
    Some(packets)
}

/// An empty packet has no type, so no length is 0.
fn length_of(digits: &[u8]) -> Option<usize> {
    if digits.len() > LENGTH_DIGITS_MAX {
        return None;
    }
    let length = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (length > 0).then_some(length)
}

fn encode(packets: &[Packet<'_>]) -> Bytes {
    const HEAD_BYTES_MAX: usize = LENGTH_DIGITS_MAX + 2;
    let parts = || {
        packets.iter().map(|packet| match packet {
            Packet::Text(text) => (TEXT_PACKET, text.as_bytes()),
            Packet::Binary(bytes) => (BINARY_PACKET, *bytes),
        })
    };
    let capacity = parts().map(|(_, bytes)| HEAD_BYTES_MAX + bytes.len()).sum();
    let mut body = BytesMut::with_capacity(capacity);
    for (kind, bytes) in parts() {
        body.put_u8(kind);
        body.extend(bytes.len().to_string().bytes().map(|digit| digit - b'0'));
        body.put_u8(BINARY_SEPARATOR);
        body.put_slice(bytes);
    }
    body.freeze()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use engineioxide_core::payload::decoder;
    use futures_util::{FutureExt, StreamExt};
    use http_body_util::Full;
    use proptest::prelude::*;

    use super::*;

    const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");

    fn v3(content_type: HeaderValue, body: &[u8]) -> Result<Bytes, Refusal> {
        let body = Bytes::copy_from_slice(body);
        let (content_type, body) = for_engine(ProtocolVersion::V3, Some(content_type), body)?;
        assert_eq!(content_type, Some(BINARY));
        Ok(body)
    }

    /// The packets that the engine makes of a body which `for_engine` let through; up to the first that it
    /// refuses. In a thread of its own, so that a decoder that never ends fails the test.
    fn decoded(protocol: ProtocolVersion, content_type: HeaderValue, body: Bytes) -> Vec<String> {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let body = Full::new(body);
            let mut packets = Box::pin(decoder(body, Some(&content_type), protocol, 1_000_000));
            let mut seen = Vec::new();
            while let Some(Ok(packet)) = packets.next().now_or_never().expect("all is there") {
                seen.push(String::from(packet));
            }
            sender.send(seen)
        });
        receiver.recv_timeout(Duration::from_secs(60)).expect("the engine's decoder ends")
    }

    fn check(body: &str, expected: &[&str]) {
        let body = v3(TEXT, body.as_bytes()).unwrap_or_else(|_| panic!("{body} is refused"));
        assert_eq!(decoded(ProtocolVersion::V3, BINARY, body), expected);
    }

    #[test]
    fn lengths_count_utf16_units_or_else_code_points() {
        check("1:21:3", &["2", "3"]);
        check("3:4😀", &["4😀"]);
        check("2:4😀", &["4😀"]);
        check("5:4😀😀1:2", &["4😀😀", "2"]);
        check("3:4😀😀1:2", &["4😀😀", "2"]);
        check("4:4é:12:4ö", &["4é:1", "4ö"]);
        // Well framed in code points, and then the engine knows no such packet.
        check("1:😀1:2", &[]);
    }

    #[test]
    fn a_broken_framing_is_refused() {
        let broken = [
            "",
            "4",
            "1:😀😀1:2",
            "1:😀 1:2",
            ":",
            ":4",
            "0:",
            "0:1:2",
            "2:4",
            "9:4x",
            "-1:4",
            "+1:2",
            "1.0:2",
            " 1:2",
            "1 :2",
            "1:2 ",
            "1:2x",
            "123456789:2",
            "99999999999999999999:2",
            "٣:4ab",
        ];
        for body in broken {
            assert_eq!(v3(TEXT, body.as_bytes()), Err(Refusal::BadRequest), "{body}");
        }
        assert_eq!(v3(TEXT, b"1:\xff"), Err(Refusal::BadRequest));
    }

    #[test]
    fn the_binary_framing_is_checked_and_kept() {
        let good: &[u8] = b"\x00\x01\xff2\x00\x05\xff4\xf0\x9f\x98\x80\x01\x03\xff\x04\x00\xff";
        let body = v3(BINARY, good).unwrap();
        assert_eq!(body, good);
        assert_eq!(decoded(ProtocolVersion::V3, BINARY, body), ["2", "4😀", "b4AP8="]);
        let broken: [&[u8]; 8] = [
            b"\x00\xff2",
            b"\x00\x00\xff",
            b"\x00\x01\xff",
            b"\x00\x01",
            b"\x02\x01\xff2",
            b"\x00\x0a\xff2",
            b"\x00\x01\xff\xf0",
            b"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\xff2",
        ];
        for body in broken {
            assert_eq!(v3(BINARY, body), Err(Refusal::BadRequest), "{body:?}");
        }
    }

    /// Bodies that are nearly right: packets in a row, with lengths that are off now and then.
    fn nearly_text() -> impl Strategy<Value = String> {
        let text = prop_oneof!["[0-6b][a-z0-9\\[\\]\"{},é😀𝒳]{0,8}", "\\PC{0,8}", ".{0,8}"];
        let packet = (text, -2i64..=2, 0..4u8).prop_map(|(text, off, how)| {
            let exact = match how {
                0 => text.len(),
                1 => text.chars().count(),
                _ => text.encode_utf16().count(),
            };
            let off = if how == 3 { off } else { 0 };
            format!("{}:{text}", (exact as i64 + off).max(0))
        });
        proptest::collection::vec(packet, 0..6).prop_map(|packets| packets.concat())
    }

    proptest! {
        #[test]
        fn no_body_keeps_the_engine_busy(
            v3_protocol: bool,
            binary: bool,
            text in nearly_text(),
            noise in proptest::collection::vec(any::<u8>(), 0..64),
            noisy: bool,
        ) {
            let protocol = if v3_protocol { ProtocolVersion::V3 } else { ProtocolVersion::V4 };
            let content_type = if binary { BINARY } else { TEXT };
            let body = Bytes::from(if noisy { noise } else { text.into_bytes() });
            if let Ok((content_type, body)) = for_engine(protocol, Some(content_type), body) {
                decoded(protocol, content_type.unwrap(), body);
            }
        }

        #[test]
        fn what_a_client_frames_is_what_the_engine_reads(
            texts in proptest::collection::vec("4[^\u{0}]{0,12}", 1..6),
        ) {
            let utf16 = texts.iter().map(|text| format!("{}:{text}", text.encode_utf16().count()));
            let body = v3(TEXT, utf16.collect::<String>().as_bytes()).unwrap();
            prop_assert_eq!(decoded(ProtocolVersion::V3, BINARY, body), texts);
        }
    }
}
