//! Frames: the stream in encrypted pieces of one size (ChaCha20-Poly1305; CometBFT
//! `p2p/conn/secret_connection.go: Write`, `Read`).

use std::fmt;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::BytesMut;
use zeroize::Zeroizing;

use super::SecretError;

/// Bytes of the stream that one frame carries at most (CometBFT `p2p/conn/secret_connection.go: dataMaxSize`).
pub const FRAME_DATA: usize = 1024;
/// Bytes of the length before the data (CometBFT `dataLenSize`).
const LENGTH: usize = 4;
/// Bytes of the authentication tag (CometBFT `aeadSizeOverhead`).
const TAG: usize = 16;
/// Bytes of every frame on the wire.
pub const SEALED_FRAME: usize = LENGTH + FRAME_DATA + TAG;

/// Empty frames in a row that are tolerated. No implementation sends any (a Go reader would take a stale byte for the
/// first of the next message); without a limit a peer could keep us decrypting for ever.
const MAX_EMPTY_FRAMES: u8 = 16;

/// Bytes on the wire for `plain` bytes.
pub const fn sealed_len(plain: usize) -> usize {
    plain.div_ceil(FRAME_DATA) * SEALED_FRAME
}

/// The key and the nonce counter of one direction. The cipher's state is ten times as large and takes 0.03 us to
/// rebuild, so that only the raw key is kept between frames.
struct Direction {
    key: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl Direction {
    fn new(key: [u8; 32]) -> Self {
        Direction { key: Zeroizing::new(key), counter: 0 }
    }

    /// The cipher and a nonce that was never used before: four zero bytes, then the counter (CometBFT
    /// `p2p/conn/secret_connection.go: incrNonce`).
    fn next(&mut self) -> Result<(LessSafeKey, Nonce), SecretError> {
        let counter = self.counter;
        self.counter = counter.checked_add(1).ok_or(SecretError::NoncesUsedUp)?;
        let mut nonce = [0; NONCE_LEN];
        nonce[4..].copy_from_slice(&counter.to_le_bytes());
        let key = UnboundKey::new(&CHACHA20_POLY1305, &*self.key).expect("a key of this cipher has 32 bytes");
        Ok((LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce)))
    }
}

/// Encrypts what we send.
pub struct Sealer {
    direction: Direction,
}

impl Sealer {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Sealer { direction: Direction::new(key) }
    }

    /// Appends `plain` to `out` as whole frames, [`sealed_len`] bytes. No bytes give no frame: an empty one would
    /// confuse a Go reader.
    ///
    /// # Errors
    /// [`SecretError::NoncesUsedUp`]: the connection has to be closed, and what was appended must not be sent.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SecretError> {
        out.reserve(sealed_len(plain.len()));
        for chunk in plain.chunks(FRAME_DATA) {
            self.seal_chunk(chunk, out)?;
        }
        Ok(())
    }

    fn seal_chunk(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), SecretError> {
        let (key, nonce) = self.direction.next()?;
        let start = out.len();
        out.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        out.extend_from_slice(chunk);
        out.resize(start + LENGTH + FRAME_DATA, 0);
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::empty(), &mut out[start..])
            .expect("a frame is far below the cipher's limit");
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }
}

/// Decrypts what the peer sends.
pub struct Opener {
    direction: Direction,
    empty: u8,
}

impl Opener {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Opener { direction: Direction::new(key), empty: 0 }
    }

    /// Decrypts a frame of [`SEALED_FRAME`] bytes in place and returns its data, at most [`FRAME_DATA`] bytes. The
    /// padding is ignored.
    ///
    /// # Errors
    /// Each ends the connection: a frame of another size, or that does not authenticate, or that claims more than it
    /// has; more than 16 empty frames in a row; a nonce counter that is used up.
    pub fn open<'a>(&mut self, frame: &'a mut [u8]) -> Result<&'a [u8], SecretError> {
        if frame.len() != SEALED_FRAME {
            return Err(SecretError::BadFrame);
        }
        let (key, nonce) = self.direction.next()?;
        let plain: &[u8] = key.open_in_place(nonce, Aad::empty(), frame).map_err(|_| SecretError::BadFrame)?;
        let (length, data) = plain.split_first_chunk::<LENGTH>().ok_or(SecretError::BadFrame)?;
        let length = u32::from_le_bytes(*length) as usize;
        let chunk = data.get(..length).ok_or(SecretError::FrameLength)?;
        self.count_empty(chunk)?;
        Ok(chunk)
    }

    /// Takes one frame off the front of `input` and appends its data to `plain`; `false` when the frame is incomplete.
    /// For the stages of the handshake, where a message may span frames.
    ///
    /// # Errors
    /// Those of [`Opener::open`].
    pub fn open_next(&mut self, input: &mut BytesMut, plain: &mut BytesMut) -> Result<bool, SecretError> {
        if input.len() < SEALED_FRAME {
            return Ok(false);
        }
        let mut frame = input.split_to(SEALED_FRAME);
        plain.extend_from_slice(self.open(&mut frame)?);
        Ok(true)
    }

    fn count_empty(&mut self, chunk: &[u8]) -> Result<(), SecretError> {
        self.empty = if chunk.is_empty() { self.empty.saturating_add(1) } else { 0 };
        if self.empty > MAX_EMPTY_FRAMES { Err(SecretError::EmptyFrames) } else { Ok(()) }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("frames", &self.direction.counter).finish_non_exhaustive()
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("frames", &self.direction.counter).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    /// Encrypts a frame whose length field and data are chosen freely.
    fn raw_frame(direction: &mut Direction, length: u32, data: [u8; FRAME_DATA]) -> Vec<u8> {
        let (key, nonce) = direction.next().unwrap();
        let mut frame = length.to_le_bytes().to_vec();
        frame.extend_from_slice(&data);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut frame).unwrap();
        frame
    }

    #[test]
    fn nothing_gives_no_frame() {
        let mut out = Vec::new();
        Sealer::new(KEY).seal(&[], &mut out).unwrap();
        assert!(out.is_empty());
    }

    #[test]
    fn a_changed_repeated_or_truncated_frame_does_not_open() {
        let mut out = Vec::new();
        Sealer::new(KEY).seal(b"hello", &mut out).unwrap();
        let mut changed = out.clone();
        changed[SEALED_FRAME - 1] ^= 1;
        assert_eq!(Opener::new(KEY).open(&mut changed), Err(SecretError::BadFrame));
        assert_eq!(Opener::new(KEY).open(&mut out.clone()[1..]), Err(SecretError::BadFrame));
        let mut opener = Opener::new(KEY);
        assert_eq!(opener.open(&mut out.clone()), Ok(&b"hello"[..]));
        assert_eq!(opener.open(&mut out), Err(SecretError::BadFrame));
    }

    #[test]
    fn padding_is_ignored_and_a_length_beyond_the_frame_refused() {
        let mut direction = Direction::new(KEY);
        let mut opener = Opener::new(KEY);
        assert_eq!(opener.open(&mut raw_frame(&mut direction, 2, [9; FRAME_DATA])), Ok(&[9, 9][..]));
        assert_eq!(opener.open(&mut raw_frame(&mut direction, 1024, [9; FRAME_DATA])).map(<[u8]>::len), Ok(1024));
        for length in [1025, u32::MAX] {
            let result = opener.open(&mut raw_frame(&mut direction, length, [9; FRAME_DATA])).map(<[u8]>::len);
            assert_eq!(result, Err(SecretError::FrameLength), "{length}");
        }
    }

    #[test]
    fn a_few_empty_frames_are_tolerated() {
        let mut direction = Direction::new(KEY);
        let mut opener = Opener::new(KEY);
        for _ in 0..2 {
            for _ in 0..MAX_EMPTY_FRAMES {
                assert_eq!(opener.open(&mut raw_frame(&mut direction, 0, [0; FRAME_DATA])), Ok(&[][..]));
            }
            assert!(opener.open(&mut raw_frame(&mut direction, 1, [0; FRAME_DATA])).is_ok(), "data starts a new count");
        }
        let flood = (0..=MAX_EMPTY_FRAMES)
            .map(|_| opener.open(&mut raw_frame(&mut direction, 0, [0; FRAME_DATA])).map(<[u8]>::len))
            .collect::<Result<Vec<_>, _>>();
        assert_eq!(flood, Err(SecretError::EmptyFrames));
    }

    #[test]
    fn the_counter_never_wraps() {
        let (mut sealer, mut opener) = (Sealer::new(KEY), Opener::new(KEY));
        sealer.direction.counter = u64::MAX - 1;
        opener.direction.counter = u64::MAX - 1;
        let mut out = Vec::new();
        sealer.seal(&[1], &mut out).unwrap();
        assert_eq!(sealer.seal(&[1], &mut out), Err(SecretError::NoncesUsedUp));
        assert_eq!(opener.open(&mut out.clone()), Ok(&[1][..]));
        assert_eq!(opener.open(&mut out), Err(SecretError::NoncesUsedUp));
    }

    /// An idle peer has one of each.
    #[test]
    fn both_are_small() {
        assert!(size_of::<Sealer>() + size_of::<Opener>() <= 96);
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened(plain in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let mut sealed = Vec::new();
            Sealer::new(KEY).seal(&plain, &mut sealed).unwrap();
            prop_assert_eq!(sealed.len(), sealed_len(plain.len()));
            let (mut input, mut opened) = (BytesMut::from(&sealed[..]), BytesMut::new());
            let mut opener = Opener::new(KEY);
            while opener.open_next(&mut input, &mut opened).unwrap() {}
            prop_assert_eq!(&opened[..], &plain[..]);
        }
    }
}
