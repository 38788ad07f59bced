//! What the engine sends at the beginning of a connection, and the little of it that clients get otherwise.
//!
//! - Its first ping comes at once, so a client that answers none would be closed after one timeout
//!   instead of an interval and a timeout. That ping is answered here, and the client gets the second.
//! - A CONNECT_ERROR is put into the words of the client's version: see [`connect_error`].
//!
//! Both are over soon: until then each packet is looked at, and afterwards none.

use bytes::{BufMut, Bytes, BytesMut};
use engineioxide_core::ProtocolVersion;

use super::connect_error;
use super::frames::{Header, Opcode, put_server_frame};
use super::payload;

const PING: &str = "2";
/// Socket.IO's CONNECT.
const CONNECT: &str = "40";
/// Between the packets of a body in Engine.IO 4.
const SEPARATOR: char = '\x1e';
/// No packet that is changed is larger.
const CHANGED_BYTES_MAX: usize = 0xffff;

/// What is still to be changed on the way to one client.
#[derive(Clone, Copy, Debug)]
pub struct PendingChanges {
    protocol: ProtocolVersion,
    /// The engine's first ping has not come.
    ping: bool,
    /// Attempts to join that the engine has not answered.
    connects: u32,
}

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    AsItIs,
    Changed(String),
    /// The engine's first ping.
    Answered,
}

impl PendingChanges {
    /// Of a new session. In Engine.IO 3 clients ping, and are joined without asking.
    pub fn new(protocol: ProtocolVersion) -> Self {
        let is_v4 = protocol == ProtocolVersion::V4;
        Self { protocol, ping: is_v4, connects: u32::from(!is_v4) }
    }

    /// Of a session that has had its beginning.
    pub fn over(protocol: ProtocolVersion) -> Self {
        Self { protocol, ping: false, connects: 0 }
    }

    pub fn protocol(&self) -> ProtocolVersion {
        self.protocol
    }

    pub fn is_over(&self) -> bool {
        !self.ping && self.connects == 0
    }

    /// The client has asked to join so many times.
    pub fn expect(&mut self, connects: u32) {
        self.connects = self.connects.saturating_add(connects);
    }

    fn judge(&mut self, packet: &str) -> Fate {
        if packet == PING && std::mem::take(&mut self.ping) {
            return Fate::Answered;
        }
        if packet.starts_with(CONNECT) {
            self.connects = self.connects.saturating_sub(1);
        } else if packet.starts_with(connect_error::START) {
            self.connects = self.connects.saturating_sub(1);
            if let Some(changed) = connect_error::for_client(packet, self.protocol) {
                return Fate::Changed(changed);
            }
        }
        Fate::AsItIs
    }

    /// Changes one packet; `None` in the first place: nothing is sent. True in the second: the engine waits
    /// for the answer to its ping.
    pub fn mend(&mut self, packet: &str) -> (Option<String>, bool) {
        match self.judge(packet) {
            Fate::AsItIs => (Some(packet.to_owned()), false),
            Fate::Changed(packet) => (Some(packet), false),
            Fate::Answered => (None, true),
        }
    }

    /// Changes the body of an answer to a poll, which is text, and empty if there is nothing left of it.
    pub fn mend_body(&mut self, body: Bytes) -> (Bytes, bool) {
        let Ok(text) = std::str::from_utf8(&body) else { return (body, false) };
        let packets: Vec<&str> = match self.protocol {
            ProtocolVersion::V4 => text.split(SEPARATOR).collect(),
            ProtocolVersion::V3 => match payload::text_of(text) {
                Some(packets) => packets,
                None => return (body, false),
            },
        };
        let mut is_answered = false;
        let mut given = Vec::with_capacity(packets.len());
        for packet in packets {
            let (packet, answered) = self.mend(packet);
            is_answered |= answered;
            given.extend(packet);
        }
        let given = match self.protocol {
            ProtocolVersion::V4 => given.join("\x1e"),
            ProtocolVersion::V3 => given.iter().map(|packet| payload::framed(packet)).collect(),
        };
        (given.into(), is_answered)
    }
}

/// What the engine writes to a WebSocket, while something of it is [`PendingChanges`].
pub struct Mending {
    pending: PendingChanges,
    /// A frame of which too little is there to judge it.
    frame: BytesMut,
    /// What is still to come of a frame that passes.
    passing: u64,
    has_begun: bool,
    /// For the peer.
    pub due: BytesMut,
}

impl Mending {
    pub fn new(pending: PendingChanges) -> Self {
        Self { pending, frame: BytesMut::new(), passing: 0, has_begun: false, due: BytesMut::new() }
    }

    pub fn expect(&mut self, connects: u32) {
        self.pending.expect(connects);
    }

    /// Something was taken, so what follows has to be, too.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// All that follows is for the peer as it is.
    pub fn is_over(&self) -> bool {
        self.pending.is_over() && self.passing == 0 && self.frame.is_empty()
    }

    /// Takes from the start of `output` until it is over, and answers how many bytes that was. True: the
    /// engine waits for the answer to its ping.
    pub fn take(&mut self, output: &[u8]) -> (usize, bool) {
        self.has_begun = true;
        let mut is_answered = false;
        let mut taken = 0;
        while taken < output.len() && !self.is_over() {
            let rest = &output[taken..];
            if self.passing > 0 {
                let here = usize::try_from(self.passing).map_or(rest.len(), |n| n.min(rest.len()));
                self.due.put_slice(&rest[..here]);
                self.passing -= here as u64;
                taken += here;
                continue;
            }
            self.frame.put_u8(rest[0]);
            taken += 1;
            is_answered |= self.judge_frame();
        }
        (taken, is_answered)
    }

    fn judge_frame(&mut self) -> bool {
        let Some(header) = Header::parse(&self.frame) else { return false };
        let (payload, payload_bytes) = (&self.frame[header.bytes..], header.payload_bytes);
        let wanted = match payload_bytes {
            _ if !header.is_final || header.opcode != Opcode::Text as u8 => 0,
            short @ 0..=1 => short as usize,
            // Whole, if it is to be changed.
            some if some <= CHANGED_BYTES_MAX as u64 && payload.starts_with(b"44") => some as usize,
            _ => 2,
        };
        if payload.len() < wanted {
            return false;
        }
        let text = if wanted > 0 { std::str::from_utf8(payload).ok() } else { None };
        let fate = text.map_or(Fate::AsItIs, |text| self.pending.judge(text));
        match &fate {
            Fate::AsItIs => {
                self.passing = payload_bytes - payload.len() as u64;
                self.due.put_slice(&self.frame);
            }
            Fate::Changed(packet) => {
                put_server_frame(&mut self.due, Opcode::Text, packet.as_bytes())
            }
            Fate::Answered => {}
        }
        self.frame.clear();
        fate == Fate::Answered
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V3: ProtocolVersion = ProtocolVersion::V3;
    const V4: ProtocolVersion = ProtocolVersion::V4;

    fn frames(packets: &[&str]) -> Vec<u8> {
        let mut out = BytesMut::new();
        packets
            .iter()
            .for_each(|packet| put_server_frame(&mut out, Opcode::Text, packet.as_bytes()));
        out.to_vec()
    }

    fn check(
        protocol: ProtocolVersion,
        connects: u32,
        sent: &[&str],
        expected: &[&str],
        pongs: usize,
    ) {
        let output = frames(sent);
        for piece_bytes in [1, 2, 3, 7, output.len()] {
            let mut pending = PendingChanges::new(protocol);
            pending.expect(connects);
            let mut mending = Mending::new(pending);
            let (mut written, mut answered) = (Vec::new(), 0);
            for mut piece in output.chunks(piece_bytes) {
                while !piece.is_empty() && !mending.is_over() {
                    let (taken, is_answered) = mending.take(piece);
                    piece = &piece[taken..];
                    answered += usize::from(is_answered);
                    written.extend(mending.due.split());
                }
                written.extend(piece);
            }
            assert_eq!(written, frames(expected), "{sent:?} in pieces of {piece_bytes}");
            assert_eq!(answered, pongs);
        }
        if protocol == V4 {
            let mut pending = PendingChanges::new(protocol);
            pending.expect(connects);
            let (body, answered) = pending.mend_body(sent.join("\x1e").into());
            // In a body nothing is passed over, because it is looked at as a whole.
            assert_eq!(body, expected.join("\x1e"));
            assert_eq!(answered, pongs > 0);
        }
    }

    #[test]
    fn the_first_ping_is_answered_and_no_other() {
        check(V4, 0, &["2"], &[], 1);
        check(V4, 0, &["40{}", "2", "42[\"ready\"]", "2"], &["40{}", "42[\"ready\"]", "2"], 1);
        let long = format!("42[\"{}\"]", "x".repeat(70_000));
        check(V4, 1, &[&long, "2", "3probe", "40{}", "2"], &[&long, "3probe", "40{}", "2"], 1);
        check(V3, 0, &["2", "40"], &["2", "40"], 0);
    }

    #[test]
    fn errors_are_told_as_the_version_expects() {
        let error = r#"44{"message":"no"}"#;
        check(V3, 0, &[error, "3"], &[r#"44"no""#, "3"], 0);
        check(V3, 1, &["40", r#"44/a,{"message":"no"}"#], &["40", r#"44/a,"no""#], 0);
        check(V4, 1, &["2", error], &[error], 1);
        let mut pending = PendingChanges::new(V3);
        let (body, answered) = pending.mend_body(r#"18:44{"message":"no"}1:3"#.into());
        assert_eq!((&body[..], answered), (&br#"6:44"no"1:3"#[..], false));
        assert!(pending.is_over());
    }

    /// What the client gets of `output`, written in pieces; and how many pings were answered.
    fn written(pending: PendingChanges, output: &[u8], piece_bytes: usize) -> (Vec<u8>, usize) {
        let mut mending = Mending::new(pending);
        let (mut written, mut answered) = (Vec::new(), 0);
        for mut piece in output.chunks(piece_bytes) {
            while !piece.is_empty() && !mending.is_over() {
                let (taken, is_answered) = mending.take(piece);
                assert!(taken > 0);
                piece = &piece[taken..];
                answered += usize::from(is_answered);
                written.extend(mending.due.split());
            }
            written.extend(piece);
        }
        written.extend(mending.frame);
        (written, answered)
    }

    /// What an engine sends, and what looks like it.
    fn some_packet() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("2".to_owned()),
            Just("40{}".to_owned()),
            Just(r#"44{"message":"no"}"#.to_owned()),
            Just(r#"44/a,{"message":"no","data":{"code":"no"}}"#.to_owned()),
            "4[0-6].{0,20}",
            "[a-z]{0,200}",
        ]
    }

    proptest! {
        #[test]
        fn each_packet_is_mended_by_itself_however_the_writes_are_cut(
            packets in proptest::collection::vec(some_packet(), 0..12),
            is_v4: bool,
            connects in 0..4u32,
            piece_bytes in 1..40usize,
        ) {
            let mut pending = PendingChanges::new(if is_v4 { V4 } else { V3 });
            pending.expect(connects);
            let (mut model, mut given, mut pongs) = (pending, Vec::new(), 0);
            for packet in &packets {
                match model.is_over() {
                    true => given.push(packet.clone()),
                    false => {
                        let (packet, is_answered) = model.mend(packet);
                        given.extend(packet);
                        pongs += usize::from(is_answered);
                    }
                }
            }
            let packets: Vec<&str> = packets.iter().map(String::as_str).collect();
            let given: Vec<&str> = given.iter().map(String::as_str).collect();
            prop_assert_eq!(written(pending, &frames(&packets), piece_bytes), (frames(&given), pongs));
        }

        #[test]
        fn any_bytes_pass_alike_in_any_pieces(
            output in proptest::collection::vec(any::<u8>(), 0..400),
            piece_bytes in 1..40usize,
        ) {
            let mut pending = PendingChanges::new(V4);
            pending.expect(1);
            let whole = written(pending, &output, output.len().max(1));
            prop_assert_eq!(written(pending, &output, piece_bytes), whole);
        }
    }
}
