//! Counts the pushes and acks in what a server writes to a WebSocket, however the frames are cut into
//! writes.
//!
//! Pings and control frames are passed over. A few bytes of state per connection, and a few instructions
//! per frame, whatever its length.

use super::frames::{HEADER_BYTES_MAX, Header, Opcode};

/// Engine.IO's message (4) with Socket.IO's EVENT (2).
const PUSH_START: &[u8] = b"42";
/// Engine.IO's message (4) with Socket.IO's ACK (3).
const ACK_START: &[u8] = b"43";
const START_BYTES: usize = PUSH_START.len();

/// What was written, headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Pushes that were begun.
    pub pushes: u32,
    pub push_bytes: u64,
    /// Likewise acks.
    pub acks: u32,
    pub ack_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PacketKind {
    Push,
    Ack,
    #[default]
    Other,
}

impl Taken {
    fn add(&mut self, kind: PacketKind, bytes: u64) {
        match kind {
            PacketKind::Push => self.push_bytes += bytes,
            PacketKind::Ack => self.ack_bytes += bytes,
            PacketKind::Other => {}
        }
    }
}

/// Where in the stream of frames a connection is.
#[derive(Default)]
pub struct Tally {
    /// The header and the first bytes of the payload of the next frame, as far as they are seen.
    head: [u8; HEADER_BYTES_MAX + START_BYTES],
    head_len: u8,
    /// Of the frame whose head was seen last.
    kind: PacketKind,
    /// What is still to come of it, in bytes.
    rest: u64,
}

impl Tally {
    /// What is in `bytes`, which follow what was given before.
    pub fn count(&mut self, mut bytes: &[u8]) -> Taken {
        let mut taken = Taken::default();
        loop {
            let skipped = usize::try_from(self.rest).map_or(bytes.len(), |n| n.min(bytes.len()));
            self.rest -= skipped as u64;
            taken.add(self.kind, skipped as u64);
            bytes = &bytes[skipped..];
            let Some((first, tail)) = bytes.split_first() else { return taken };
            let mut judged = if self.head_len == 0 { judge(bytes) } else { None };
            if judged.is_none() {
                // A head that is cut in two is put together.
                self.head[usize::from(self.head_len)] = *first;
                self.head_len += 1;
                bytes = tail;
                judged = judge(&self.head[..usize::from(self.head_len)]);
            }
            let Some((kind, frame_bytes)) = judged else { continue };
            taken.pushes += u32::from(kind == PacketKind::Push);
            taken.acks += u32::from(kind == PacketKind::Ack);
            taken.add(kind, self.head_len.into());
            self.kind = kind;
            self.rest = frame_bytes - u64::from(self.head_len);
            self.head_len = 0;
        }
    }
}

impl Tally {
    /// How many of the next `bytes` belong to a frame of which something was counted already; 0 between
    /// two frames.
    pub fn rest_of_frame(&self, bytes: usize) -> usize {
        if self.head_len > 0 {
            return bytes.min(1); // It is not known yet how long the frame is.
        }
        usize::try_from(self.rest).map_or(bytes, |rest| rest.min(bytes))
    }
}

/// What the frame that begins with `head` is, and its length; `None` if more of it is needed to tell.
fn judge(head: &[u8]) -> Option<(PacketKind, u64)> {
    let header = Header::parse(head)?;
    let frame_bytes = header.bytes as u64 + header.payload_bytes;
    let is_text = header.is_final && header.opcode == Opcode::Text as u8;
    if !is_text || header.payload_bytes < START_BYTES as u64 {
        return Some((PacketKind::Other, frame_bytes));
    }
    let start = head.get(header.bytes..header.bytes + START_BYTES)?;
    let kind = match start {
        PUSH_START => PacketKind::Push,
        ACK_START => PacketKind::Ack,
        _ => PacketKind::Other,
    };
    Some((kind, frame_bytes))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::frames::{put_server_frame, server_frame_bytes};
    use proptest::prelude::*;

    use super::*;

    fn check(frames: &[(Opcode, &str)], pushes: u32) {
        let (mut wire, mut expected) = (BytesMut::new(), Taken { pushes, ..Taken::default() });
        for (opcode, payload) in frames {
            put_server_frame(&mut wire, *opcode, payload.as_bytes());
            let frame_bytes = server_frame_bytes(payload.len()) as u64;
            match (opcode, payload.get(..2)) {
                (Opcode::Text, Some("42")) => expected.push_bytes += frame_bytes,
                (Opcode::Text, Some("43")) => {
                    expected.acks += 1;
                    expected.ack_bytes += frame_bytes;
                }
                _ => {}
            }
        }
        for piece_bytes in [1, 2, 3, 7, wire.len().max(1)] {
            let (mut tally, mut counted) = (Tally::default(), Taken::default());
            for taken in wire.chunks(piece_bytes).map(|piece| tally.count(piece)) {
                counted.pushes += taken.pushes;
                counted.push_bytes += taken.push_bytes;
                counted.acks += taken.acks;
                counted.ack_bytes += taken.ack_bytes;
            }
            assert_eq!(counted, expected, "{frames:?} in pieces of {piece_bytes}");
        }
    }

    #[test]
    fn pushes_and_acks_are_counted_and_nothing_else() {
        let push = r#"42["message:created",{}]"#;
        check(&[], 0);
        check(&[(Opcode::Text, push)], 1);
        let other =
            [(Opcode::Text, "2"), (Opcode::Text, ""), (Opcode::Text, r#"431[{"ok":true}]"#)];
        check(&other, 0);
        check(&[(Opcode::Text, "40{}"), (Opcode::Text, push), (Opcode::Text, "42")], 2);
        check(
            &[
                (Opcode::Binary, "42"),
                (Opcode::Ping, "42"),
                (Opcode::Close, ""),
                (Opcode::Text, push),
            ],
            1,
        );
    }

    #[test]
    fn frames_of_all_lengths_are_passed_over_in_full() {
        for bytes in [2, 123, 124, 65_533, 65_534, 200_000] {
            let push = format!("42{}", "42".repeat(bytes / 2));
            let ack = format!("43{}", "42".repeat(bytes / 2));
            check(&[(Opcode::Text, &push), (Opcode::Text, &ack), (Opcode::Text, &push)], 2);
        }
    }

    proptest! {
        #[test]
        fn pushes_are_counted_however_the_writes_are_cut(
            packets in proptest::collection::vec("(42|43|2|3|4|)[a-z]{0,150}", 0..20),
            cut in 1..40usize,
        ) {
            let mut wire = BytesMut::new();
            for packet in &packets {
                put_server_frame(&mut wire, Opcode::Text, packet.as_bytes());
            }
            let mut tally = Tally::default();
            let counted: u32 = wire.chunks(cut).map(|piece| tally.count(piece).pushes).sum();
            let pushes = packets.iter().filter(|packet| packet.starts_with("42")).count();
            prop_assert_eq!(counted as usize, pushes);
        }
    }
}
