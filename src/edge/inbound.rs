//! What clients send, looked at before the engine decodes it: the head of each Socket.IO packet, and the
//! sizes of WebSocket frames.
//!
//! A few things that public clients send would end their connection in the engine without a reason: an
//! event's name with an escape in it, which it cannot borrow; too many binaries; too many bytes. And the
//! query that version 2 puts behind a namespace would become a part of its name. Here the first bytes of
//! a packet are changed in place, byte for byte, so that nothing moves; everything behind them is
//! neither read nor copied.

use engineioxide_core::ProtocolVersion;

use super::frames::{HEADER_BYTES_MAX, Header, MASK_BYTES, Opcode};
use super::settings::BINARIES_MAX;
use crate::telemetry::{self, log_seldom};

/// The type of an Engine.IO packet that carries one of Socket.IO.
pub const MESSAGE: u8 = b'4';

/// What stands in an event's name for an escape: no event has one.
const IN_PLACE_OF_ESCAPE: u8 = b'?';

/// What the edge has to know of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// CONNECT: the engine will answer it with CONNECT or CONNECT_ERROR.
    Connect,
    Excess(Excess),
}

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    Bytes,
    Binaries,
}

impl Excess {
    /// The value of the metric label `what`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Binaries => "binaries",
        }
    }

    /// Counts it, and logs it.
    pub fn report(self) {
        let what = self.as_str();
        metrics::counter!(telemetry::OVERSIZED, "what" => what).increment(1);
        log_seldom!(info, what, "closing a connection that sent too many {what} at once");
    }
}

/// The binaries behind an event, which come in messages of their own, and in one body or in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binaries {
    bytes: u64,
}

impl Binaries {
    /// Another one; what there is too much of, if there is.
    pub fn add(&mut self, bytes: u64, bytes_max: u64) -> Option<Excess> {
        self.bytes = self.bytes.saturating_add(bytes);
        (self.bytes > bytes_max).then_some(Excess::Bytes)
    }

    /// A packet of text begins. Only one with a message is followed by binaries of its own: a heartbeat may
    /// stand between two of the same event.
    pub fn text_begins(&mut self, packet_type: u8) {
        if packet_type == MESSAGE {
            self.bytes = 0;
        }
    }
}

/// Where in a packet the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// The type of the Engine.IO packet.
    #[default]
    Start,
    /// That of the Socket.IO packet in a message.
    PacketKind,
    /// How many binaries follow; of an event or an ack.
    Binaries {
        of_event: bool,
        count: usize,
    },
    Connect,
    ConnectNamespace,
    Query,
    /// A namespace, an ack id, or the arguments.
    Event,
    Namespace,
    Ack,
    Arguments,
    Name,
    Escape,
    /// Nothing that follows matters.
    Done,
}

/// Reads the head of one packet of a client, a byte at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    at: At,
}

impl Scan {
    pub fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Takes the next byte; answers what the engine gets in its place, and what it means.
    pub fn take(&mut self, byte: u8) -> (u8, Option<Notice>) {
        let step = match self.at {
            At::Start if byte == MESSAGE => At::PacketKind.into(),
            At::Start | At::Done => At::Done.into(),
            At::PacketKind => kind(byte),
            At::Binaries { of_event, count } => binaries(of_event, count, byte),
            At::Connect | At::ConnectNamespace | At::Query => connect(self.at, byte),
            At::Event | At::Namespace | At::Ack | At::Arguments => event(self.at, byte).into(),
            At::Name | At::Escape => name(self.at, byte),
        };
        self.at = step.at;
        (step.given.unwrap_or(byte), step.notice)
    }
}

/// What a byte leads to.
struct Step {
    at: At,
    /// In its place, if that is another.
    given: Option<u8>,
    notice: Option<Notice>,
}

impl From<At> for Step {
    fn from(at: At) -> Self {
        Self { at, given: None, notice: None }
    }
}

impl Step {
    fn giving(self, byte: u8) -> Self {
        Self { given: Some(byte), ..self }
    }

    fn noticing(self, notice: Option<Notice>) -> Self {
        Self { notice, ..self }
    }
}

fn kind(byte: u8) -> Step {
    match byte {
        b'0' => Step::from(At::Connect).noticing(Some(Notice::Connect)),
        b'2' => At::Event.into(),
        b'5' | b'6' => At::Binaries { of_event: byte == b'5', count: 0 }.into(),
        _ => At::Done.into(),
    }
}

fn binaries(of_event: bool, count: usize, byte: u8) -> Step {
    match byte {
        b'0'..=b'9' => {
            let count = count.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
            At::Binaries { of_event, count }.into()
        }
        b'-' => {
            let excess = (count > BINARIES_MAX).then_some(Notice::Excess(Excess::Binaries));
            Step::from(if of_event { At::Event } else { At::Done }).noticing(excess)
        }
        _ => At::Done.into(),
    }
}

/// The query behind a namespace becomes white space in front of the payload, which JSON allows.
fn connect(at: At, byte: u8) -> Step {
    match (at, byte) {
        (At::Connect, b'/') => At::ConnectNamespace.into(),
        (At::ConnectNamespace, b'?') => Step::from(At::Query).giving(b','),
        (At::Query, b',') => Step::from(At::Done).giving(b' '),
        (At::Query, _) => Step::from(At::Query).giving(b' '),
        (At::Connect, _) | (_, b',') => At::Done.into(),
        _ => at.into(),
    }
}

fn event(at: At, byte: u8) -> At {
    match (at, byte) {
        (At::Namespace, b',') => At::Ack,
        (At::Namespace, _) => At::Namespace,
        (At::Event, b'/') => At::Namespace,
        (At::Event | At::Ack, b'0'..=b'9') => At::Ack,
        (At::Event | At::Ack, b'[') => At::Arguments,
        (At::Arguments, b' ' | b'\t' | b'\n' | b'\r') => At::Arguments,
        (At::Arguments, b'"') => At::Name,
        _ => At::Done,
    }
}

/// An escape is ASCII, or the packet is broken and the engine finds out.
fn name(at: At, byte: u8) -> Step {
    match (at, byte) {
        (At::Escape, _) if byte.is_ascii() => Step::from(At::Name).giving(IN_PLACE_OF_ESCAPE),
        (At::Name, b'"') => At::Done.into(),
        (At::Name, b'\\') => Step::from(At::Escape).giving(IN_PLACE_OF_ESCAPE),
        _ => At::Name.into(),
    }
}

/// In front of a binary that is not written in base64: Engine.IO 3 gives its packet a type.
pub const fn binary_type_bytes(protocol: ProtocolVersion) -> u64 {
    match protocol {
        ProtocolVersion::V3 => 1,
        ProtocolVersion::V4 => 0,
    }
}

/// What a piece of a client's frames held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameFindings {
    pub connects: u32,
    pub excess: Option<Excess>,
}

/// Where in the stream of a client's frames a connection is.
pub struct Intake {
    /// In front of a binary.
    binary_type_bytes: u64,
    payload_bytes_max: u64,
    head: [u8; HEADER_BYTES_MAX],
    head_len: u8,
    mask: [u8; MASK_BYTES],
    /// Of the payload of the frame, while the scan goes on.
    position: u8,
    /// What is still to come of the frame's payload.
    rest: u64,
    /// Of the message so far: a message may come in several frames.
    message_bytes: u64,
    binaries: Binaries,
    binary: bool,
    /// More frames of the message follow.
    unfinished: bool,
    /// The frame is a part of a message, and no control frame.
    of_message: bool,
    scan: Scan,
}

impl Intake {
    /// `binaries` came before, by polling.
    pub fn new(protocol: ProtocolVersion, payload_bytes_max: usize, binaries: Binaries) -> Self {
        Self {
            binary_type_bytes: binary_type_bytes(protocol),
            payload_bytes_max: payload_bytes_max as u64,
            head: [0; HEADER_BYTES_MAX],
            head_len: 0,
            mask: [0; MASK_BYTES],
            position: 0,
            rest: 0,
            message_bytes: 0,
            binaries,
            binary: false,
            unfinished: false,
            of_message: false,
            scan: Scan::default(),
        }
    }

    /// Changes what the engine should not see as it is. `bytes` follow what was given before.
    pub fn mend(&mut self, bytes: &mut [u8]) -> FrameFindings {
        let mut found = FrameFindings::default();
        let mut at = 0;
        while at < bytes.len() {
            if self.rest == 0 {
                self.head[usize::from(self.head_len)] = bytes[at];
                self.head_len += 1;
                at += 1;
                self.begin_frame(&mut found);
                continue;
            }
            let here =
                usize::try_from(self.rest).map_or(bytes.len() - at, |n| n.min(bytes.len() - at));
            self.scan(&mut bytes[at..at + here], &mut found);
            self.rest -= here as u64;
            at += here;
        }
        found
    }

    /// No frame is under way, nor a message of several.
    pub fn is_between_messages(&self) -> bool {
        self.rest == 0 && self.head_len == 0 && !self.unfinished
    }

    /// Once its header is whole.
    fn begin_frame(&mut self, found: &mut FrameFindings) {
        let Some(header) = Header::parse(&self.head[..usize::from(self.head_len)]) else { return };
        self.head_len = 0;
        // Clients have to mask; the engine closes those that do not.
        self.mask = header.mask.unwrap_or_default();
        (self.position, self.rest) = (0, header.payload_bytes);
        self.of_message = !Opcode::is_control(header.opcode);
        if !self.of_message {
            return;
        }
        self.unfinished = !header.is_final;
        let mut type_bytes = 0;
        if header.opcode != 0 {
            self.message_bytes = 0;
            self.binary = header.opcode == Opcode::Binary as u8;
            type_bytes = self.binary_type_bytes;
            // Nothing in a binary has to be read.
            self.scan = if self.binary { Scan { at: At::Done } } else { Scan::default() };
        }
        self.message_bytes = self.message_bytes.saturating_add(header.payload_bytes);
        // The type of the packet comes on top.
        if self.message_bytes > self.payload_bytes_max + 1 {
            found.excess = Some(Excess::Bytes);
        }
        if self.binary {
            let bytes = header.payload_bytes.saturating_sub(type_bytes);
            let excess = self.binaries.add(bytes, self.payload_bytes_max);
            found.excess = found.excess.or(excess);
        }
    }

    fn scan(&mut self, payload: &mut [u8], found: &mut FrameFindings) {
        if !self.of_message {
            return;
        }
        for byte in payload {
            if self.scan.is_done() {
                return;
            }
            let mask = self.mask[usize::from(self.position) % MASK_BYTES];
            self.position = (self.position + 1) % MASK_BYTES as u8;
            if self.scan.at == At::Start {
                self.binaries.text_begins(*byte ^ mask);
            }
            let (given, notice) = self.scan.take(*byte ^ mask);
            *byte = given ^ mask;
            match notice {
                Some(Notice::Connect) => found.connects += 1,
                Some(Notice::Excess(excess)) => found.excess = Some(excess),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

    use super::*;

    const LIMIT: usize = 999;
    const MASK: [u8; 4] = [1, 200, 33, 94];

    fn scanned(packet: &str) -> (String, Vec<Notice>) {
        let mut scan = Scan::default();
        let mut notices = Vec::new();
        let given = packet.bytes().map(|byte| {
            let (given, notice) = scan.take(byte);
            notices.extend(notice);
            given
        });
        let given = given.collect();
        (String::from_utf8(given).unwrap(), notices)
    }

    #[test]
    fn only_what_the_engine_stumbles_over_is_changed() {
        for (packet, given) in [
            (r#"42["my \"event\"",{"a":"\""}]"#, r#"42["my ??event??",{"a":"\""}]"#),
            (r#"42/chat,17[ "a\\b","\\"]"#, r#"42/chat,17[ "a??b","\\"]"#),
            (
                r#"451-["\u0065",{"_placeholder":true,"num":0}]"#,
                r#"451-["??0065",{"_placeholder":true,"num":0}]"#,
            ),
            (r#"42["\"#, r#"42["?"#),
            ("42[\"\\é\"]", "42[\"?é\"]"),
            (r#"42["é","\""]"#, r#"42["é","\""]"#),
            (r#"43["\"",1]"#, r#"43["\"",1]"#),
            ("40/chat?token=a.b,{\"x\":\"?\"}", "40/chat,          {\"x\":\"?\"}"),
            ("40/chat?token=abc", "40/chat,         "),
            ("40/chat,{\"q\":\"?\"}", "40/chat,{\"q\":\"?\"}"),
            ("40{\"token\":\"?\"}", "40{\"token\":\"?\"}"),
            ("41/chat?x", "41/chat?x"),
            ("2probe", "2probe"),
            ("3", "3"),
            ("", ""),
        ] {
            assert_eq!(scanned(packet).0, given);
        }
    }

    #[test]
    fn what_has_to_be_known_is_noticed() {
        let binaries = || vec![Notice::Excess(Excess::Binaries)];
        for (packet, notices) in [
            ("40", vec![Notice::Connect]),
            ("40/a,", vec![Notice::Connect]),
            ("4516-[", vec![]),
            ("4517-[", binaries()),
            ("4617-1[", binaries()),
            ("4599999999999999999999999999-[", binaries()),
            ("45-[", vec![]),
            ("42[\"40\"]", vec![]),
            ("040", vec![]),
        ] {
            assert_eq!(scanned(packet).1, notices, "{packet}");
        }
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn check(given: &[Vec<u8>], expected: &[Vec<u8>], connects: u32, excess: Option<Excess>) {
        for piece_bytes in [1, 2, 3, 7, 5000] {
            let mut stream = given.concat();
            let mut intake = Intake::new(ProtocolVersion::V4, LIMIT, Binaries::default());
            let mut found = FrameFindings::default();
            for piece in stream.chunks_mut(piece_bytes) {
                let here = intake.mend(piece);
                found.connects += here.connects;
                found.excess = found.excess.or(here.excess);
            }
            assert_eq!(stream, expected.concat(), "pieces of {piece_bytes}");
            assert_eq!(found, FrameFindings { connects, excess }, "pieces of {piece_bytes}");
            assert!(intake.is_between_messages());
        }
    }

    #[test]
    fn frames_are_mended_however_they_are_read() {
        let given = [
            frame(0x81, b"40/chat?a=b"),
            frame(0x89, b"40"),
            frame(0x82, b"42[\"\\\""),
            frame(0x81, b"42[\"\\\"\",1]"),
            frame(0x81, b""),
            frame(0x81, format!("42[\"e\",\"{}\"]", "\\".repeat(300)).as_bytes()),
        ];
        let mut expected = given.clone();
        expected[0] = frame(0x81, b"40/chat,   ");
        expected[3] = frame(0x81, b"42[\"??\",1]");
        check(&given, &expected, 1, None);
    }

    #[test]
    fn a_message_may_come_in_several_frames() {
        let given = [
            frame(0x01, b"42[\"a\\"),
            frame(0x89, b"x"),
            frame(0x00, b"\"b"),
            frame(0x80, b"\\\"\"]"),
        ];
        let expected =
            [frame(0x01, b"42[\"a?"), frame(0x89, b"x"), frame(0x00, b"?b"), frame(0x80, b"??\"]")];
        check(&given, &expected, 0, None);
    }

    #[test]
    fn sizes_are_judged_before_all_of_it_is_there() {
        let half = vec![b'x'; 501];
        for (frames, excess) in [
            (vec![frame(0x81, &[b'4'; 1000])], None),
            (vec![frame(0x81, &[b'4'; 1001])], Some(Excess::Bytes)),
            (vec![frame(0x01, &half), frame(0x80, &half)], Some(Excess::Bytes)),
            (vec![frame(0x82, &half), frame(0x82, &half)], Some(Excess::Bytes)),
            (vec![frame(0x82, &half), frame(0x82, &half[3..])], None),
            (vec![frame(0x82, &half), frame(0x82, &half[2..])], Some(Excess::Bytes)),
            (vec![frame(0x82, &half), frame(0x81, b"3"), frame(0x82, &half)], Some(Excess::Bytes)),
            (vec![frame(0x82, &half), frame(0x81, b"42[]"), frame(0x82, &half)], None),
            (vec![frame(0x82, &[b'x'; 1000])], Some(Excess::Bytes)),
            (vec![frame(0x81, &half), frame(0x81, &half)], None),
            (vec![frame(0x81, b"4517-[\"e\"]")], Some(Excess::Binaries)),
        ] {
            check(&frames, &frames, 0, excess);
        }
    }
    #[test]
    fn a_binary_of_version_3_has_a_type_in_front() {
        for (bytes, excess) in [(1000, None), (1001, Some(Excess::Bytes))] {
            let mut intake = Intake::new(ProtocolVersion::V3, LIMIT, Binaries::default());
            let found = intake.mend(&mut frame(0x82, &vec![4; bytes]));
            assert_eq!(found.excess, excess, "{bytes}");
        }
        let mut before = Binaries::default();
        assert_eq!(before.add(900, LIMIT as u64), None);
        let mut intake = Intake::new(ProtocolVersion::V4, LIMIT, before);
        assert_eq!(intake.mend(&mut frame(0x82, &[0; 100])).excess, Some(Excess::Bytes));
    }

    /// What the engine gets of `stream`, how many attempts to join there were, and whether too much of something.
    fn pieces_of(stream: &[u8], piece_bytes: usize) -> (Vec<u8>, u32, bool) {
        let mut stream = stream.to_vec();
        let mut intake = Intake::new(ProtocolVersion::V4, LIMIT, Binaries::default());
        let (mut connects, mut is_excess) = (0, false);
        for piece in stream.chunks_mut(piece_bytes) {
            let found = intake.mend(piece);
            connects += found.connects;
            is_excess |= found.excess.is_some();
        }
        (stream, connects, is_excess)
    }

    /// Where the payloads of messages in `stream` are, as tungstenite reads it, and which begin a text.
    fn payloads(stream: &[u8]) -> Vec<(std::ops::Range<usize>, [u8; 4], OpCode)> {
        let mut cursor = Cursor::new(stream);
        let mut found = Vec::new();
        while let Ok(Some((header, payload_bytes))) = FrameHeader::parse(&mut cursor) {
            let start = cursor.position() as usize;
            let end = start.saturating_add(payload_bytes as usize).min(stream.len());
            found.push((start..end, header.mask.unwrap_or_default(), header.opcode));
            cursor.set_position(end as u64);
        }
        found
    }

    /// What is to become of `stream`: the heads of texts as [`Scan`] has them, and nothing else changed.
    fn expected(stream: &[u8]) -> Vec<u8> {
        let mut expected = stream.to_vec();
        let mut scan = Scan::default();
        for (range, mask, opcode) in payloads(stream) {
            match opcode {
                OpCode::Control(_) => continue,
                OpCode::Data(Data::Text) => scan = Scan::default(),
                OpCode::Data(Data::Continue) => {}
                OpCode::Data(_) => scan = Scan { at: At::Done },
            }
            for (byte, mask) in expected[range].iter_mut().zip(mask.iter().cycle()) {
                *byte = scan.take(*byte ^ mask).0 ^ mask;
            }
        }
        expected
    }

    /// Frames as clients send them, most of them with what might have to be changed.
    fn some_frame() -> impl Strategy<Value = Vec<u8>> {
        let first = prop_oneof![
            5 => Just(0x81u8),
            2 => Just(0x01),
            2 => Just(0x00),
            2 => Just(0x80),
            1 => Just(0x82),
            1 => Just(0x89),
        ];
        let text = prop_oneof![
            "4[0-6]{0,2}-?/?[a-z?=,\\\\\"\\[{}]{0,20}",
            "42\\[\"[a-z\\\\\"]{0,10}",
            "[a-z]{120,140}",
            "\\PC{0,20}",
        ];
        (first, text).prop_map(|(first, text)| frame(first, text.as_bytes()))
    }

    proptest! {
        #[test]
        fn borders_are_where_tungstenite_sees_them_and_only_heads_change(
            frames in proptest::collection::vec(some_frame(), 0..12),
            cut in 0..40usize,
            piece_bytes in 1..40usize,
        ) {
            let stream = frames.concat();
            let stream = &stream[..stream.len().saturating_sub(cut)];
            let read = pieces_of(stream, piece_bytes);
            prop_assert_eq!(&read.0, &expected(stream));
            prop_assert_eq!(read, pieces_of(stream, stream.len().max(1)));
        }

        #[test]
        fn any_bytes_are_read_alike_in_any_pieces(
            stream in proptest::collection::vec(any::<u8>(), 0..400),
            piece_bytes in 1..40usize,
        ) {
            let whole = pieces_of(&stream, stream.len().max(1));
            prop_assert_eq!(whole.0.len(), stream.len());
            prop_assert_eq!(pieces_of(&stream, piece_bytes), whole);
        }

        #[test]
        fn a_packet_keeps_its_length_and_what_is_behind_its_head(packet in "\\PC{0,60}", head in "4[0256][^\"]{0,9}\"?") {
            let text = format!("{head}{packet}");
            let (mut scan, mut given) = (Scan::default(), Vec::new());
            for byte in text.bytes() {
                let was_done = scan.is_done();
                let (in_its_place, notice) = scan.take(byte);
                prop_assert!(!was_done || (in_its_place == byte && notice.is_none()));
                given.push(in_its_place);
            }
            prop_assert!(String::from_utf8(given).is_ok(), "characters stay whole");
        }
    }
}
