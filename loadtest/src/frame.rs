//! WebSocket frames (RFC 6455), only what a Socket.IO client meets: whole text frames in, masked frames out.
//!
//! No fragments, no extensions, no binary: socketioxide and Node's `ws` send none to a client that negotiated
//! nothing, and a server that does is reported as an error instead of being measured wrongly.

use anyhow::{Result, ensure};

/// A frame from the server, borrowed from the read buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub opcode: Opcode,
    pub payload: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Text,
    Close,
    Ping,
    Pong,
}

/// Larger than any server's `max_payload`: beyond it the stream is out of step, not slow.
const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// Splits the first frame off `bytes`: the frame and its length on the wire. `None`: not whole yet.
pub fn first(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let [head, length, ..] = *bytes else { return Ok(None) };
    ensure!(head & 0xf0 == 0x80, "fragmented or compressed frame (first byte {head:#04x})");
    let Some((payload_bytes, head_bytes)) = payload_length(length, bytes)? else { return Ok(None) };
    let end = head_bytes + payload_bytes;
    let Some(payload) = bytes.get(head_bytes..end) else { return Ok(None) };
    Ok(Some((Frame { opcode: Opcode::parse(head & 0x0f)?, payload }, end)))
}

/// The payload's length and where it begins.
fn payload_length(length: u8, bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let (payload_bytes, head_bytes) = match length {
        0..=125 => (usize::from(length), 2),
        126 => match bytes.get(2..4) {
            Some(&[high, low]) => (usize::from(u16::from_be_bytes([high, low])), 4),
            _ => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|bytes| bytes.try_into().ok()) {
            Some(long) => (usize::try_from(u64::from_be_bytes(long))?, 10),
            None => return Ok(None),
        },
        _ => anyhow::bail!("masked frame from a server"),
    };
    ensure!(payload_bytes <= PAYLOAD_BYTES_MAX, "frame of {payload_bytes} bytes");
    Ok(Some((payload_bytes, head_bytes)))
}

impl Opcode {
    fn parse(nibble: u8) -> Result<Self> {
        match nibble {
            0x1 => Ok(Self::Text),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xa => Ok(Self::Pong),
            other => anyhow::bail!("unexpected opcode {other:#x}"),
        }
    }

    const fn nibble(self) -> u8 {
        match self {
            Self::Text => 0x1,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }
}

/// Appends a whole frame, masked as a client must.
pub fn append(wire: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    wire.push(0x80 | opcode.nibble());
    match payload.len() {
        short @ 0..=125 => wire.push(0x80 | short as u8),
        medium @ 126..=65_535 => {
            wire.push(0x80 | 126);
            wire.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            wire.push(0x80 | 127);
            wire.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    let mask: [u8; 4] = rand::random();
    wire.extend_from_slice(&mask);
    wire.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as a server writes it.
    fn unmasked(payload: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        append(&mut wire, Opcode::Text, payload);
        let mask_at = wire.len() - payload.len() - 4;
        wire.truncate(mask_at);
        wire[1] &= 0x7f;
        wire.extend_from_slice(payload);
        wire
    }

    #[test]
    fn frames_of_each_length_encoding_are_split_off() {
        for payload_bytes in [0, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; payload_bytes];
            let wire = unmasked(&payload);
            let (frame, used) = first(&wire).unwrap().unwrap();
            assert_eq!(frame, Frame { opcode: Opcode::Text, payload: &payload });
            assert_eq!(used, wire.len());
        }
    }

    #[test]
    fn every_prefix_of_a_frame_waits_for_more() {
        let wire = unmasked(&[b'x'; 300]);
        for end in 0..wire.len() {
            assert!(first(&wire[..end]).unwrap().is_none(), "{end} bytes");
        }
    }

    #[test]
    fn what_the_client_did_not_negotiate_is_an_error() {
        assert!(first(&[0x01, 0x00]).is_err(), "fragment");
        assert!(first(&[0x82, 0x00]).is_err(), "binary");
        assert!(first(&[0x81, 0x80]).is_err(), "masked");
        assert!(first(&[0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0]).is_err(), "endless");
    }

    #[test]
    fn sent_payloads_unmask_to_what_was_given() {
        let mut wire = Vec::new();
        append(&mut wire, Opcode::Text, b"40{}");
        let (mask, masked) = wire[2..].split_at(4);
        let payload: Vec<u8> = masked.iter().zip(mask).map(|(byte, key)| byte ^ key).collect();
        assert_eq!((wire[0], wire[1], payload.as_slice()), (0x81, 0x84, b"40{}".as_slice()));
    }
}
