//! The body of a polling POST: read whole, and put into a form that the engine decodes safely.
//!
//! Engine.IO 3 (Socket.IO 2) frames its packets with lengths, which this checks. A length that ends inside a
//! character keeps the decoder of engineioxide 0.17.9 busy for ever, with no await in between, so a body of
//! that protocol never gets there as it came: it is parsed here and written anew in the binary framing,
//! whose lengths count bytes.
//!
//! In both versions the head of each packet is looked at ([`inbound`](super::inbound)), and base64 that was
//! written in lines or without padding, as some encoders for Java do by default, is put into the one form
//! that the engine takes. What a packet says is left to the engine.

use std::borrow::Cow;
use std::io;

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use engineioxide_core::ProtocolVersion;
use futures_util::{TryStreamExt, stream};
use http::HeaderValue;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::inbound::{Binaries, Excess, Notice, Scan, binary_type_bytes};
use super::refusal::Refusal;

/// As in the JavaScript server, only this very value makes a body of Engine.IO 3 binary.
pub const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Enough for the largest body there may be (`limits.payload_bytes`), and what the engine takes at most.
const LENGTH_DIGITS_MAX: usize = 8;
/// Ends the length of a packet in the text framing, and in the binary one.
const TEXT_SEPARATOR: char = ':';
const BINARY_SEPARATOR: u8 = 0xff;
/// Between packets of Engine.IO 4.
const SEPARATOR_V4: u8 = 0x1e;
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

/// What the engine gets.
#[derive(Debug, PartialEq, Eq)]
pub struct ForEngine {
    pub content_type: Option<HeaderValue>,
    pub body: Bytes,
    /// Attempts to join in it.
    pub connects: u32,
}

/// What the packets of a body are counted for.
pub struct Seen<'a> {
    binaries: &'a mut Binaries,
    binaries_bytes_max: u64,
    connects: u32,
}

impl<'a> Seen<'a> {
    /// `binaries` have come in earlier bodies.
    pub fn new(binaries: &'a mut Binaries, binaries_bytes_max: usize) -> Self {
        Self { binaries, binaries_bytes_max: binaries_bytes_max as u64, connects: 0 }
    }

    fn add(&mut self, binary_bytes: u64) -> Result<(), Refusal> {
        let excess = self.binaries.add(binary_bytes, self.binaries_bytes_max);
        excess.map_or(Ok(()), |excess| Err(refusal(excess)))
    }
}

/// What the engine gets for `body`.
///
/// # Errors
///
/// `BadRequest` for a body of Engine.IO 3 whose framing is broken; `TooManyBinaries`; `TooLarge` for more
/// bytes in the binaries of one event than a body may have, which may come in several bodies.
pub fn for_engine(
    protocol: ProtocolVersion,
    content_type: Option<HeaderValue>,
    body: Bytes,
    seen: &mut Seen<'_>,
) -> Result<ForEngine, Refusal> {
    if protocol == ProtocolVersion::V4 {
        let packets = body.split(|&byte| byte == SEPARATOR_V4);
        let packets = packets.map(|packet| mended(packet, b"b", seen));
        let packets: Vec<Cow<'_, [u8]>> = packets.collect::<Result<_, _>>()?;
        let is_changed = packets.iter().any(|packet| matches!(packet, Cow::Owned(_)));
        let changed = is_changed.then(|| packets.join(&SEPARATOR_V4).into());
        let body = changed.unwrap_or(body);
        return Ok(ForEngine { content_type, body, connects: seen.connects });
    }
    let packets = match content_type {
        Some(content_type) if content_type == BINARY => binary_packets(&body),
        _ => std::str::from_utf8(&body).ok().and_then(text_packets),
    };
    let packets = packets.filter(|packets| !packets.is_empty()).ok_or(Refusal::BadRequest)?;
    let parts = packets.into_iter().map(|packet| {
        Ok(match packet {
            Packet::Text(text) => (TEXT_PACKET, mended(text.as_bytes(), b"b4", seen)?),
            Packet::Binary(bytes) => {
                seen.add(bytes.len() as u64 - binary_type_bytes(protocol))?;
                (BINARY_PACKET, Cow::Borrowed(bytes))
            }
        })
    });
    let parts: Vec<(u8, Cow<'_, [u8]>)> = parts.collect::<Result<_, _>>()?;
    let body = encode(&parts);
    Ok(ForEngine { content_type: Some(BINARY), body, connects: seen.connects })
}

/// Gives the engine the packets of `body`, which [`for_engine`] made, one after another, each when `may_go`
/// resolves to true. False breaks the body off, which ends the engine's session.
pub fn one_by_one<F>(
    protocol: ProtocolVersion,
    body: Bytes,
    may_go: impl Fn() -> F + Send + 'static,
) -> Body
where
    F: Future<Output = bool> + Send,
{
    let packets = stream::unfold((body, may_go), move |(mut body, may_go)| async move {
        if body.is_empty() {
            return None;
        }
        if !may_go().await {
            return Some((Err(io::ErrorKind::ConnectionAborted), (Bytes::new(), may_go)));
        }
        let packet = body.split_to(first_packet_bytes(protocol, &body));
        Some((Ok(packet), (body, may_go)))
    });
    Body::from_stream(packets.map_err(io::Error::from))
}

/// With what frames it.
fn first_packet_bytes(protocol: ProtocolVersion, body: &[u8]) -> usize {
    if protocol == ProtocolVersion::V4 {
        return body.iter().position(|&byte| byte == SEPARATOR_V4).map_or(body.len(), |at| at + 1);
    }
    let packet = binary_packet(body);
    packet.map_or(body.len(), |(_, rest)| body.len() - rest.len())
}

/// One packet, in which binary is base64 behind `binary`.
fn mended<'a>(
    packet: &'a [u8],
    binary: &[u8],
    seen: &mut Seen<'_>,
) -> Result<Cow<'a, [u8]>, Refusal> {
    if let Some(base64) = packet.strip_prefix(binary) {
        let digits = base64.iter().filter(|byte| is_base64_digit(byte)).count();
        seen.add(digits as u64 * 3 / 4)?;
        let padded = padded(base64).map(|base64| [binary, &base64].concat());
        return Ok(padded.map_or(Cow::Borrowed(packet), Cow::Owned));
    }
    seen.binaries.text_begins(packet.first().copied().unwrap_or_default());
    let mut scan = Scan::default();
    let mut mended = Cow::Borrowed(packet);
    for (at, &byte) in packet.iter().enumerate() {
        let (given, notice) = scan.take(byte);
        match notice {
            Some(Notice::Connect) => seen.connects += 1,
            Some(Notice::Excess(excess)) => return Err(refusal(excess)),
            None => {}
        }
        if given != byte {
            mended.to_mut()[at] = given;
        }
        if scan.is_done() {
            break;
        }
    }
    Ok(mended)
}

/// Base64 in one piece and padded; `None` if it is so already.
fn padded(base64: &[u8]) -> Option<Vec<u8>> {
    if base64.len().is_multiple_of(4) && !base64.iter().any(u8::is_ascii_whitespace) {
        return None;
    }
    let mut padded: Vec<u8> = base64.iter().copied().filter(is_base64_digit).collect();
    padded.resize(padded.len().next_multiple_of(4), b'=');
    Some(padded)
}

/// What else is left to the engine, which refuses it.
fn is_base64_digit(byte: &u8) -> bool {
    !byte.is_ascii_whitespace() && *byte != b'='
}

const fn refusal(excess: Excess) -> Refusal {
    match excess {
        Excess::Bytes => Refusal::TooLarge,
        Excess::Binaries => Refusal::TooManyBinaries,
    }
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

/// The packets of an answer of the engine in Engine.IO 3, if it is well framed text.
pub fn text_of(body: &str) -> Option<Vec<&str>> {
    let packets = text_packets(body)?.into_iter().map(|packet| match packet {
        Packet::Text(text) => Some(text),
        Packet::Binary(_) => None,
    });
    packets.collect()
}

/// A packet in an answer of Engine.IO 3.
pub fn framed(packet: &str) -> String {
    format!("{}{TEXT_SEPARATOR}{packet}", packet.encode_utf16().count())
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
    while !body.is_empty() {
        let (packet, rest) = binary_packet(body)?;
        packets.push(packet);
        body = rest;
    }
    Some(packets)
}

/// The first of them, and what is behind it.
fn binary_packet(body: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let (&kind, rest) = body.split_first()?;
    let digits = rest.iter().take(LENGTH_DIGITS_MAX).take_while(|&&byte| byte <= 9).count();
    let ascii: Vec<u8> = rest[..digits].iter().map(|digit| digit + b'0').collect();
    let length = length_of(&ascii)?;
    let rest = rest[digits..].strip_prefix(&[BINARY_SEPARATOR])?;
    let (packet, rest) = rest.split_at_checked(length)?;
    let packet = match kind {
        TEXT_PACKET => Packet::Text(std::str::from_utf8(packet).ok()?),
        BINARY_PACKET => Packet::Binary(packet),
        _ => return None,
    };
    Some((packet, rest))
}

/// An empty packet has no type, so no length is 0.
fn length_of(digits: &[u8]) -> Option<usize> {
    if digits.len() > LENGTH_DIGITS_MAX {
        return None;
    }
    let length = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (length > 0).then_some(length)
}

fn encode(parts: &[(u8, Cow<'_, [u8]>)]) -> Bytes {
    const HEAD_BYTES_MAX: usize = LENGTH_DIGITS_MAX + 2;
    let capacity = parts.iter().map(|(_, bytes)| HEAD_BYTES_MAX + bytes.len()).sum();
    let mut body = BytesMut::with_capacity(capacity);
    for (kind, bytes) in parts {
        body.put_u8(*kind);
        body.extend(bytes.len().to_string().bytes().map(|digit| digit - b'0'));
        body.put_u8(BINARY_SEPARATOR);
        body.put_slice(bytes);
    }
    body.freeze()
}

#[cfg(test)]
mod tests {
    use std::future;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use engineioxide_core::payload::decoder;
    use futures_util::{FutureExt, StreamExt};
    use http_body_util::Full;
    use proptest::prelude::*;

    use super::super::settings::for_engine_bytes_max;
    use super::*;

    const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");

    fn given(
        protocol: ProtocolVersion,
        content_type: Option<HeaderValue>,
        body: Bytes,
    ) -> Result<ForEngine, Refusal> {
        let mut binaries = Binaries::default();
        for_engine(protocol, content_type, body, &mut Seen::new(&mut binaries, 1_000_000))
    }

    fn v3(content_type: HeaderValue, body: &[u8]) -> Result<Bytes, Refusal> {
        let body = Bytes::copy_from_slice(body);
        let given = given(ProtocolVersion::V3, Some(content_type), body)?;
        assert_eq!(given.content_type, Some(BINARY));
        Ok(given.body)
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

    #[tokio::test]
    async fn packets_that_go_one_by_one_are_the_same_until_they_may_not_go() {
        for protocol in [ProtocolVersion::V4, ProtocolVersion::V3] {
            let body = match protocol {
                ProtocolVersion::V3 => v3(TEXT, "3:42a3:4\u{e9}b2:2c".as_bytes()).unwrap(),
                ProtocolVersion::V4 => Bytes::from("42a\u{1e}4\u{e9}b\u{1e}2c"),
            };
            let whole = decoded(protocol, BINARY, body.clone());
            assert_eq!(whole.len(), 3);
            let gone = Arc::new(AtomicUsize::new(0));
            let may_go = move || future::ready(gone.fetch_add(1, Ordering::Relaxed) < 2);
            let all = one_by_one(protocol, body.clone(), || future::ready(true));
            assert_eq!(packets_of(protocol, all).await, whole);
            // Engine.IO 3's decoder reads one ahead.
            let some = packets_of(protocol, one_by_one(protocol, body, may_go)).await;
            assert!((1..=2).contains(&some.len()) && whole.starts_with(&some), "{some:?}");
        }
    }

    /// Up to the first that the engine refuses.
    async fn packets_of(protocol: ProtocolVersion, body: Body) -> Vec<String> {
        let content_type = BINARY;
        let packets = decoder(body, Some(&content_type), protocol, 1_000_000);
        let packets = packets.take_while(|packet| future::ready(packet.is_ok()));
        packets.map(|packet| packet.unwrap().into()).collect().await
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

    fn v4(body: &str) -> Result<ForEngine, Refusal> {
        given(ProtocolVersion::V4, Some(TEXT), Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn base64_is_taken_in_lines_and_without_padding() {
        let lines = "QUJD\nREVG\r\nRw";
        for (base64, bytes) in [
            ("AQID\n", "AQID"),
            ("AQI", "AQI="),
            ("AQ\n", "AQ=="),
            ("AQ=", "AQ=="),
            ("AQ==\n", "AQ=="),
            (lines, "QUJDREVGRw=="),
            ("\n", ""),
            ("", ""),
        ] {
            let given = v4(&format!("451-[\"a\"]\u{1e}b{base64}\u{1e}3")).unwrap();
            let packets = decoded(ProtocolVersion::V4, TEXT, given.body);
            assert_eq!(packets, ["451-[\"a\"]", &format!("b{bytes}"), "3"], "{base64:?}");
            check(&framed(&format!("b4{base64}")), &[&format!("b4{bytes}")]);
        }
        // What is no base64 is left for the engine to refuse.
        assert_eq!(decoded(ProtocolVersion::V4, TEXT, v4("bAQIDA").unwrap().body), [""; 0]);
    }

    #[test]
    fn heads_of_packets_are_looked_at() {
        let given = v4("40/a?b=c,{}\u{1e}42[\"\\\"\"]\u{1e}40").unwrap();
        assert_eq!((&given.body[..], given.connects), (&b"40/a,    {}\x1e42[\"??\"]\x1e40"[..], 2));
        check(r#"8:42["\""]"#, &[r#"42["??"]"#]);
        assert_eq!(v4("3\u{1e}4517-[\"a\"]"), Err(Refusal::TooManyBinaries));
        assert_eq!(v3(TEXT, b"10:4517-[\"a\"]"), Err(Refusal::TooManyBinaries));
        let same = Bytes::from_static(b"42[\"a\"]\x1ebAQID");
        assert_eq!(v4("42[\"a\"]\u{1e}bAQID").unwrap().body, same);
    }

    #[test]
    fn binaries_of_an_event_are_counted_over_bodies() {
        let check = |protocol, bodies: &[(HeaderValue, &[u8])], expected: Result<(), Refusal>| {
            let mut binaries = Binaries::default();
            let outcome = bodies.iter().try_for_each(|(content_type, body)| {
                let mut seen = Seen::new(&mut binaries, 12);
                let body = Bytes::copy_from_slice(body);
                for_engine(protocol, Some(content_type.clone()), body, &mut seen).map(|_| ())
            });
            assert_eq!(outcome, expected, "{bodies:?}");
        };
        let v4 = |packets: &[&str], expected| {
            let bodies: Vec<_> = packets.iter().map(|packet| (TEXT, packet.as_bytes())).collect();
            check(ProtocolVersion::V4, &bodies, expected);
        };
        let (six, seven) = ("bAAAAAAAA", "bAAAAAAAAAA==");
        v4(&["452-[\"a\"]\u{1e}bAAAAAAAA\u{1e}bAAAAAAAA"], Ok(()));
        v4(&["452-[\"a\"]", six, "3", six], Ok(()));
        v4(&["452-[\"a\"]", six, "3", seven], Err(Refusal::TooLarge));
        v4(&["452-[\"a\"]", six, "42[\"b\"]", seven], Ok(()));
        v4(&["452-[\"a\"]", "bAAA\nAAAA\n", "bAAAAAAAAAAA"], Err(Refusal::TooLarge));
        let v3 = |last: &[u8], expected| {
            let event: &[u8] = b"11:452-[\"abc\"]";
            let bodies = [(TEXT, event), (BINARY, b"\x01\x07\xff\x04\0\0\0\0\0\0"), (BINARY, last)];
            check(ProtocolVersion::V3, &bodies, expected);
        };
        v3(b"\x01\x07\xff\x04\0\0\0\0\0\0", Ok(()));
        v3(b"\x01\x08\xff\x04\0\0\0\0\0\0\0", Err(Refusal::TooLarge));
    }

    #[test]
    fn the_engine_takes_whatever_becomes_of_a_body() {
        let check = |protocol, body: String, bytes: usize| {
            assert_eq!(body.len(), bytes);
            let made = given(protocol, Some(TEXT), body.into()).unwrap();
            assert!(made.body.len() <= for_engine_bytes_max(bytes), "{}", made.body.len());
        };
        check(ProtocolVersion::V3, "1:2".repeat(100), 300);
        check(ProtocolVersion::V3, "3:b4A".repeat(100), 500);
        check(ProtocolVersion::V4, ["bA"; 100].join("\u{1e}"), 299);
        check(ProtocolVersion::V4, "bA".to_owned(), 2);
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
            let body_bytes = body.len();
            if let Ok(given) = given(protocol, Some(content_type), body) {
                prop_assert!(given.body.len() <= for_engine_bytes_max(body_bytes));
                decoded(protocol, given.content_type.unwrap(), given.body);
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
