//! The first bytes that the engine writes to a WebSocket, which the peer does not get as they are.
//!
//! Of a new session it is the open packet, whose session id has to be signed; of an upgraded one it
//! is the answer to a probe, which the peer has had. It does no I/O: see [`Connection`].
//!
//! [`Connection`]: super::connection::Connection

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use engineioxide_core::ProtocolVersion;

use super::frames::{Opcode, ServerText, put_server_frame, server_text};
use super::session_id::SessionIds;
use crate::telemetry::log_seldom;

/// Room for the frame of an open packet.
const FRAME_BYTES: usize = 128;
const OPEN_PACKET_START: &[u8] = b"0{";

/// See the module. A connection lets go of it once it is [over](Self::is_over).
pub enum FirstOutput {
    /// So many bytes to come are dropped.
    Repeated(usize),
    /// What there is of the open packet's frame, at most 64 KiB.
    Unsigned(Arc<SessionIds>, BytesMut),
    /// What is still to be written, before anything else.
    Due(Bytes),
}

impl FirstOutput {
    /// For a new session: the session id of its open packet is signed by `ids`.
    pub fn unsigned(ids: Arc<SessionIds>) -> Self {
        Self::Unsigned(ids, BytesMut::with_capacity(FRAME_BYTES))
    }

    /// Takes what it is about from the start of `output`, and returns how many bytes that was.
    pub fn take(&mut self, output: &[u8]) -> usize {
        match self {
            Self::Repeated(left) => {
                let taken = output.len().min(*left);
                *left -= taken;
                taken
            }
            Self::Unsigned(ids, frame) => {
                for (index, &byte) in output.iter().enumerate() {
                    frame.put_u8(byte);
                    if !matches!(server_text(frame), ServerText::Partial) {
                        *self = Self::Due(signed(ids, frame));
                        return index + 1;
                    }
                }
                output.len()
            }
            Self::Due(_) => 0,
        }
    }

    /// What has to be written now, if anything.
    pub fn due(&mut self) -> Option<&mut Bytes> {
        match self {
            Self::Due(frame) if !frame.is_empty() => Some(frame),
            _ => None,
        }
    }

    /// All that follows is for the peer as it is.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Repeated(left) => *left == 0,
            Self::Unsigned(..) => false,
            Self::Due(frame) => frame.is_empty(),
        }
    }
}

/// The frame for the peer. Both protocol versions write the packet alike on a WebSocket.
fn signed(ids: &SessionIds, frame: &mut BytesMut) -> Bytes {
    let packet = match server_text(frame) {
        ServerText::Whole(packet) if packet.starts_with(OPEN_PACKET_START) => {
            ids.sign_open_packet(packet, ProtocolVersion::V4)
        }
        _ => None,
    };
    let Some((_, packet)) = packet else {
        log_seldom!(error, "the engine began a WebSocket session without an open packet");
        return frame.split().freeze();
    };
    let mut out = BytesMut::new();
    put_server_frame(&mut out, Opcode::Text, &packet);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: &str = r#"0{"sid":"AAAAAAAAAAAAAAHs","upgrades":[],"pingInterval":20000}"#;

    fn ids(node: &str) -> Arc<SessionIds> {
        Arc::new(SessionIds::new(node, &[7; 32].into(), 1000))
    }

    fn frame(packet: &str) -> Vec<u8> {
        let mut out = BytesMut::new();
        put_server_frame(&mut out, Opcode::Text, packet.as_bytes());
        out.to_vec()
    }

    /// What the peer gets of `output`, written in pieces of `piece_bytes`.
    fn written(mut first: FirstOutput, output: &[u8], piece_bytes: usize) -> Vec<u8> {
        let mut written = Vec::new();
        for mut piece in output.chunks(piece_bytes) {
            while !piece.is_empty() && !first.is_over() {
                piece = &piece[first.take(piece)..];
                if let Some(due) = first.due() {
                    written.extend(due.split_off(0));
                }
            }
            written.extend_from_slice(piece);
        }
        written
    }

    fn check(node: &str, packet: &str, expected: &str) {
        let output = [frame(packet), frame("2"), frame("40")].concat();
        let expected = [frame(expected), frame("2"), frame("40")].concat();
        for piece_bytes in [1, 2, 3, 7, 60, 61, output.len()] {
            let written = written(FirstOutput::unsigned(ids(node)), &output, piece_bytes);
            assert_eq!(written, expected, "{node} {packet} in pieces of {piece_bytes}");
        }
    }

    #[test]
    fn the_first_frame_is_signed_however_it_is_written() {
        for node in ["n0", &"long".repeat(100)] {
            let wire = ids(node).sign(&"AAAAAAAAAAAAAAHs".parse().unwrap());
            check(node, PACKET, &PACKET.replace("AAAAAAAAAAAAAAHs", &wire));
            let long = PACKET.replace("[]", &"[]".repeat(200));
            check(node, &long, &long.replace("AAAAAAAAAAAAAAHs", &wire));
        }
    }

    #[test]
    fn what_is_no_open_packet_passes_as_it_is() {
        for packet in ["", "2", "0{}", r#"40{"sid":"AAAAAAAAAAAAAAHs"}"#] {
            check("n0", packet, packet);
        }
        // A close frame, one that is masked, and one that is too long to be waited for.
        for output in [&[0x88, 0x02, 3, 232][..], &[0x81, 0x80, 1, 2, 3, 4], &[0x81, 127, 0, 0]] {
            for piece_bytes in [1, output.len()] {
                let written = written(FirstOutput::unsigned(ids("n0")), output, piece_bytes);
                assert_eq!(written, output);
            }
        }
    }

    #[test]
    fn repeated_bytes_are_dropped_and_no_more() {
        for piece_bytes in [1, 2, 5, 6] {
            assert_eq!(written(FirstOutput::Repeated(5), b"12345rest", piece_bytes), b"rest");
        }
        assert!(FirstOutput::Repeated(0).is_over());
    }
}
