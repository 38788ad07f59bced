//! Counts the pushes in what a server writes to a WebSocket, however the frames are cut into writes.
//!
//! Only pushes: acks, pings and control frames are passed over. A few bytes of state per connection,
//! and a few instructions per frame, whatever its length.

/// Engine.IO's message (4) with Socket.IO's EVENT (2). An ack has a 3 there.
const PUSH_START: &[u8] = b"42";
/// The longest header of a server's frame, which has no mask (RFC 6455, section 5.2).
const HEADER_BYTES_MAX: usize = 10;
const FINAL_TEXT: u8 = 0x81;

/// Where in the stream of frames a connection is.
#[derive(Default)]
pub struct Tally {
    /// The header and the first bytes of the payload of the next frame, as far as they are seen.
    head: [u8; HEADER_BYTES_MAX + PUSH_START.len()],
    head_len: u8,
    /// What is still to come of a frame whose head was seen, in bytes.
    rest: u64,
}

impl Tally {
    /// How many pushes begin in `bytes`, which follow what was given before.
    pub fn count(&mut self, mut bytes: &[u8]) -> u32 {
        let mut pushes = 0;
        loop {
            let skipped = usize::try_from(self.rest).map_or(bytes.len(), |n| n.min(bytes.len()));
            self.rest -= skipped as u64;
            bytes = &bytes[skipped..];
            let Some((first, tail)) = bytes.split_first() else { return pushes };
            let mut judged = if self.head_len == 0 { judge(bytes) } else { None };
            if judged.is_none() {
                // A head that is cut in two is put together.
                self.head[usize::from(self.head_len)] = *first;
                self.head_len += 1;
                bytes = tail;
                judged = judge(&self.head[..usize::from(self.head_len)]);
            }
            let Some((is_push, frame_bytes)) = judged else { continue };
            pushes += u32::from(is_push);
            self.rest = frame_bytes - u64::from(self.head_len);
            self.head_len = 0;
        }
    }
}

/// Whether the frame that begins with `head` is a push, and its length; `None` if more of it is needed
/// to tell.
fn judge(head: &[u8]) -> Option<(bool, u64)> {
    let (header_bytes, payload_bytes) = match *head {
        [_, len, ..] if len & 0x7f <= 125 => (2, u64::from(len & 0x7f)),
        [_, len, high, low, ..] if len & 0x7f == 126 => (4, u16::from_be_bytes([high, low]).into()),
        [_, len, a, b, c, d, e, f, g, h, ..] if len & 0x7f == 127 => {
            (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
        }
        _ => return None,
    };
    let frame_bytes = header_bytes as u64 + payload_bytes;
    if head[0] != FINAL_TEXT || payload_bytes < PUSH_START.len() as u64 {
        return Some((false, frame_bytes));
    }
    let start = head.get(header_bytes..header_bytes + PUSH_START.len())?;
    Some((start == PUSH_START, frame_bytes))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::frames::{Opcode, put_server_frame};
    use proptest::prelude::*;

    use super::*;

    fn check(frames: &[(Opcode, &str)], pushes: u32) {
        let mut wire = BytesMut::new();
        for (opcode, payload) in frames {
            put_server_frame(&mut wire, *opcode, payload.as_bytes());
        }
        for piece_bytes in [1, 2, 3, 7, wire.len().max(1)] {
            let mut tally = Tally::default();
            let counted: u32 = wire.chunks(piece_bytes).map(|piece| tally.count(piece)).sum();
            assert_eq!(counted, pushes, "{frames:?} in pieces of {piece_bytes}");
        }
    }

    #[test]
    fn pushes_are_counted_and_nothing_else() {
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
            let counted: u32 = wire.chunks(cut).map(|piece| tally.count(piece)).sum();
            let pushes = packets.iter().filter(|packet| packet.starts_with("42")).count();
            prop_assert_eq!(counted as usize, pushes);
        }
    }
}
