//! As much of WebSocket framing (RFC 6455, section 5) as the edge needs: headers, an upgrade probe and
//! an open packet.
//!
//! The engine frames everything after the upgrade. A frame that it could not take over unread may
//! not be read here, which rules out a library that buffers: this reads exactly one frame.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Before the upgrade clients send `2probe` and `5`, and control frames up to this.
const PAYLOAD_BYTES_MAX: usize = 125;
pub const MASK_BYTES: usize = 4;
/// The longest header there is: with a length of 8 bytes, and a mask.
pub const HEADER_BYTES_MAX: usize = 2 + 8 + MASK_BYTES;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    /// Whether frames with this opcode control the connection, and belong to no message.
    pub const fn is_control(opcode: u8) -> bool {
        opcode >= Self::Close as u8
    }
}

/// What a frame begins with (section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub is_final: bool,
    pub opcode: u8,
    pub mask: Option<[u8; MASK_BYTES]>,
    /// Of itself.
    pub bytes: usize,
    pub payload_bytes: u64,
}

impl Header {
    /// The header at the start of `frame`; `None` until it is whole.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let (&[first, second], rest) = frame.split_first_chunk()?;
        let (payload_bytes, rest) = match second & !MASKED {
            126 => rest
                .split_first_chunk()
                .map(|(len, rest)| (u16::from_be_bytes(*len).into(), rest))?,
            127 => rest.split_first_chunk().map(|(len, rest)| (u64::from_be_bytes(*len), rest))?,
            short => (short.into(), rest),
        };
        let (mask, rest) = match second & MASKED {
            0 => (None, rest),
            _ => rest.split_first_chunk().map(|(mask, rest)| (Some(*mask), rest))?,
        };
        Some(Self {
            is_final: first & FINAL != 0,
            opcode: first & 0x0f,
            mask,
            bytes: frame.len() - rest.len(),
            payload_bytes,
        })
    }
}

/// A frame from the client, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    pub opcode: Opcode,
    pub payload: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the connection ended")]
    Closed,
    #[error("a frame that no upgrading client sends")]
    Unexpected,
    #[error("reading failed")]
    Io(#[from] std::io::Error),
}

/// Reads one frame; `buffer` holds what was read beyond it.
pub async fn read_frame<R>(reader: &mut R, buffer: &mut BytesMut) -> Result<Frame, FrameError>
where
    R: AsyncRead + Unpin,
{
    loop {
        if let Some(frame) = parse(buffer)? {
            return Ok(frame);
        }
        if reader.read_buf(buffer).await? == 0 {
            return Err(FrameError::Closed);
        }
    }
}

fn parse(buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    let Some(&[first, second]) = buffer.first_chunk() else { return Ok(None) };
    let payload_bytes = usize::from(second & !MASKED);
    if first & !0x0f != FINAL || second & MASKED == 0 || payload_bytes > PAYLOAD_BYTES_MAX {
        return Err(FrameError::Unexpected);
    }
    let opcode = match first & 0x0f {
        1 => Opcode::Text,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(FrameError::Unexpected),
    };
    let Some(Header { bytes, mask: Some(mask), .. }) = Header::parse(buffer) else {
        return Ok(None);
    };
    if buffer.len() < bytes + payload_bytes {
        return Ok(None);
    }
    buffer.advance(bytes);
    let mut payload = buffer.split_to(payload_bytes);
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(Some(Frame { opcode, payload: payload.freeze() }))
}

/// Appends a frame as a server sends it.
pub fn put_server_frame(out: &mut BytesMut, opcode: Opcode, payload: &[u8]) {
    out.put_u8(FINAL | opcode as u8);
    match payload.len() {
        short @ 0..=125 => out.put_u8(short as u8),
        medium @ 126..=0xffff => {
            out.put_u8(126);
            out.put_u16(medium as u16);
        }
        long => {
            out.put_u8(127);
            out.put_u64(long as u64);
        }
    }
    out.put_slice(payload);
}

/// How long the frame of such a payload is.
pub fn server_frame_bytes(payload_bytes: usize) -> usize {
    payload_bytes
        + match payload_bytes {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        }
}

/// How much of a text frame as a server sends it is there.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerText<'a> {
    Partial,
    /// Its payload.
    Whole(&'a [u8]),
    /// Another frame, or one beyond 64 KiB.
    Other,
}

/// What the start of a server's output is.
pub fn server_text(start: &[u8]) -> ServerText<'_> {
    const TEXT: u8 = FINAL | Opcode::Text as u8;
    match *start {
        [] | [TEXT] => return ServerText::Partial,
        [TEXT, 0..=126, ..] => {}
        _ => return ServerText::Other,
    }
    let payload = Header::parse(start).and_then(|header| {
        let payload_bytes = usize::try_from(header.payload_bytes).ok()?;
        start[header.bytes..].get(..payload_bytes)
    });
    payload.map_or(ServerText::Partial, ServerText::Whole)
}

/// Appends a frame as a client sends it, with a mask that changes nothing.
pub fn put_client_frame(out: &mut BytesMut, payload: &str) {
    debug_assert!(payload.len() <= PAYLOAD_BYTES_MAX);
    out.put_u8(FINAL | Opcode::Text as u8);
    out.put_u8(MASKED | payload.len() as u8);
    out.put_bytes(0, MASK_BYTES);
    out.put_slice(payload.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn frames_are_read_one_at_a_time_from_any_pieces() {
        // "2probe" masked with 1, 2, 3, 4, and a `5` in the same packet.
        let probe: Vec<u8> = b"2probe".iter().zip([1, 2, 3, 4, 1, 2]).map(|(a, b)| a ^ b).collect();
        let mut wire = BytesMut::from(&[0x81, 0x86, 1, 2, 3, 4][..]);
        wire.extend_from_slice(&probe);
        put_client_frame(&mut wire, "5");
        wire.extend_from_slice(b"rest");
        let mut reader = tokio_test_pieces(&wire);
        let mut buffer = BytesMut::new();
        let frame = read_frame(&mut reader, &mut buffer).await.unwrap();
        assert_eq!((frame.opcode, &frame.payload[..]), (Opcode::Text, &b"2probe"[..]));
        let frame = read_frame(&mut reader, &mut buffer).await.unwrap();
        assert_eq!(&frame.payload[..], b"5");
        reader.read_to_end(&mut Vec::new()).await.unwrap();
        assert!(b"rest".starts_with(&buffer[..]));
    }

    /// A reader that gives few bytes at a time.
    fn tokio_test_pieces(wire: &[u8]) -> impl AsyncRead + Unpin + use<> {
        let (mut writer, reader) = tokio::io::duplex(3);
        let wire = wire.to_vec();
        #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            writer.write_all(&wire).await.unwrap();
        });
        reader
    }

    #[tokio::test]
    async fn frames_that_no_client_sends_are_refused() {
        for wire in [&[0x01, 0x80][..], &[0x81, 0x05], &[0x81, 0xfe], &[0xc1, 0x80], &[0x83, 0x80]]
        {
            let mut buffer = BytesMut::from(wire);
            let read = read_frame(&mut tokio::io::empty(), &mut buffer).await;
            assert!(matches!(read, Err(FrameError::Unexpected)), "{wire:x?}");
        }
        let read = read_frame(&mut tokio::io::empty(), &mut BytesMut::new()).await;
        assert!(matches!(read, Err(FrameError::Closed)));
    }

    #[test]
    fn server_frames_have_the_shortest_length() {
        for (bytes, header) in [(5, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = BytesMut::new();
            put_server_frame(&mut out, Opcode::Text, &vec![b'x'; bytes]);
            assert_eq!(out.len(), bytes + header, "{bytes}");
            assert_eq!(out.len(), server_frame_bytes(bytes), "{bytes}");
        }
    }

    #[test]
    fn server_text_is_told_from_what_is_not_all_there_and_from_other_frames() {
        for bytes in [0, 125, 126, 65_535] {
            let mut out = BytesMut::new();
            put_server_frame(&mut out, Opcode::Text, &vec![b'x'; bytes]);
            let payload = vec![b'x'; bytes];
            assert_eq!(server_text(&out), ServerText::Whole(&payload), "{bytes}");
            assert_eq!(server_text(&out[..out.len() - 1]), ServerText::Partial, "{bytes}");
        }
        for other in [&[0x82][..], &[0x88, 0], &[0x81, 0x80], &[0x81, 127]] {
            assert_eq!(server_text(other), ServerText::Other, "{other:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_a_refusal_or_not_enough(bytes in noise()) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(frame)) = parse(&mut buffer) {
                prop_assert!(frame.payload.len() <= PAYLOAD_BYTES_MAX);
            }
        }
    }

    /// Half of it begins like a frame of a client.
    fn noise() -> impl Strategy<Value = Vec<u8>> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
        let frame = (prop_oneof![0x80..=0x8fu8, any::<u8>()], 0x80..=0xffu8, bytes())
            .prop_map(|(first, second, rest)| [vec![first, second], rest].concat());
        prop_oneof![frame, bytes()]
    }
}
