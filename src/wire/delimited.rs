//! Length-delimited messages (CometBFT `libs/protoio/reader.go`): the length is checked before memory is spent on a
//! message.

use bytes::{Buf, BytesMut};

use super::protobuf::MAX_VARINT;

/// Why no message can be taken from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelimitedError {
    /// The length has more than 64 bits.
    #[error("the length of a message is not a number")]
    Length,
    /// The message is announced to be longer than allowed.
    #[error("a message of {announced} bytes is announced, {max} are allowed")]
    TooLong {
        /// The announced length in bytes.
        announced: u64,
        /// The most that the caller allows, in bytes.
        max: usize,
    },
}

/// A message within a stream: where it starts, after its length, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Reads the length at the front of `stream`; the message itself may be incomplete. `None`: the length is incomplete.
pub(super) fn extent(stream: &[u8], max: usize) -> Result<Option<Extent>, DelimitedError> {
    let mut length = 0_u64;
    for (index, &byte) in stream.iter().take(MAX_VARINT).enumerate() {
        // The tenth byte has room for one bit.
        if index == MAX_VARINT - 1 && byte > 1 {
            return Err(DelimitedError::Length);
        }
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            let start = index + 1;
            return match usize::try_from(length) {
                Ok(length) if length <= max => Ok(Some(Extent { start, end: start + length })),
                _ => Err(DelimitedError::TooLong { announced: length, max }),
            };
        }
    }
    Ok(None)
}

/// Takes the first message off `stream`, without its length; `None` when it is incomplete.
///
/// # Errors
/// When the announced length is above `max` bytes, which is known before the message has arrived.
pub fn take(stream: &mut BytesMut, max: usize) -> Result<Option<BytesMut>, DelimitedError> {
    match extent(stream, max)? {
        Some(Extent { start, end }) if end <= stream.len() => {
            stream.advance(start);
            Ok(Some(stream.split_to(end - start)))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_waits_until_it_is_whole() {
        let mut stream = BytesMut::new();
        for byte in [3, b'a', b'b'] {
            stream.extend_from_slice(&[byte]);
            assert_eq!(take(&mut stream, 3), Ok(None));
        }
        stream.extend_from_slice(b"cd");
        assert_eq!(take(&mut stream, 3).unwrap().unwrap(), &b"abc"[..]);
        assert_eq!(stream, &b"d"[..]);
    }

    #[test]
    fn a_length_is_judged_before_the_message_is_there() {
        assert_eq!(extent(&[4], 3), Err(DelimitedError::TooLong { announced: 4, max: 3 }));
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(extent(&most, 3), Err(DelimitedError::TooLong { announced: u64::MAX, max: 3 }));
        assert_eq!(extent(&[0x80; 10], 3), Err(DelimitedError::Length));
        assert_eq!(extent(&[0x80; 9], 3), Ok(None));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_give_at_most_what_is_allowed(bytes: Vec<u8>, max in 0_usize..64) {
            let mut stream = BytesMut::from(&bytes[..]);
            if let Ok(Some(message)) = take(&mut stream, max) {
                prop_assert!(message.len() <= max);
                prop_assert!(bytes.ends_with(&stream));
            }
        }
    }
}
