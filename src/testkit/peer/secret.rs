//! A secret connection of its own making, beside the one in `wire`: what it sends can be wrong in every part, and that the
//! two understand each other tests both.

use std::io;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use hkdf::Hkdf;
use merlin::Transcript;
use sha2::Sha256;

use crate::clock::entropy;

/// Bytes of a chunk within a frame.
pub(super) const CHUNK: usize = 1024;
/// Bytes of a frame as it travels.
pub(super) const FRAME: usize = 4 + CHUNK + 16;

/// An ephemeral X25519 pair.
pub(super) struct Ephemeral {
    secret: PrivateKey,
    public: [u8; 32],
}

/// What both sides know once they have each other's ephemeral key.
pub(super) struct Agreed {
    pub(super) send: Cipher,
    pub(super) receive: Cipher,
    pub(super) challenge: [u8; 32],
}

impl Ephemeral {
    pub(super) fn new() -> io::Result<Self> {
        let secret = PrivateKey::from_private_key(&X25519, &entropy()).map_err(|_| broken("no X25519 secret"))?;
        let public = secret.compute_public_key().map_err(|_| broken("no X25519 key"))?;
        let public = public.as_ref().try_into().map_err(|_| broken("an X25519 key has 32 bytes"))?;
        Ok(Ephemeral { secret, public })
    }

    /// The first message, 35 bytes.
    pub(super) fn hello(&self) -> Vec<u8> {
        [&[0x22, 0x0a, 0x20], &self.public[..]].concat()
    }

    pub(super) fn agree(&self, theirs: &[u8; 32]) -> io::Result<Agreed> {
        let low = self.public.min(*theirs);
        let high = self.public.max(*theirs);
        let dh =
            agree(&self.secret, UnparsedPublicKey::new(&X25519, theirs), broken("no agreement"), |dh| Ok(dh.to_vec()))?;
        let mut transcript = Transcript::new(b"TENDERMINT_SECRET_CONNECTION_TRANSCRIPT_HASH");
        transcript.append_message(b"EPHEMERAL_LOWER_PUBLIC_KEY", &low);
        transcript.append_message(b"EPHEMERAL_UPPER_PUBLIC_KEY", &high);
        transcript.append_message(b"DH_SECRET", &dh);
        let mut challenge = [0; 32];
        transcript.challenge_bytes(b"SECRET_CONNECTION_MAC", &mut challenge);

        let mut keys = [[0; 32]; 3];
        Hkdf::<Sha256>::new(None, &dh)
            .expand(b"TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN", keys.as_flattened_mut())
            .map_err(|_| broken("no keys"))?;
        let (receive, send) = if self.public == low { (keys[0], keys[1]) } else { (keys[1], keys[0]) };
        Ok(Agreed { send: Cipher::new(send), receive: Cipher::new(receive), challenge })
    }
}

/// One direction of the frames.
pub(super) struct Cipher {
    key: [u8; 32],
    counter: u64,
}

impl Cipher {
    fn new(key: [u8; 32]) -> Self {
        Cipher { key, counter: 0 }
    }

    fn next(&mut self) -> io::Result<(LessSafeKey, Nonce)> {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.counter.to_le_bytes());
        self.counter += 1;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.key).map_err(|_| broken("no cipher"))?;
        Ok((LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce)))
    }

    /// A frame that claims `length` bytes and holds `chunk`, of which what is above 1,024 bytes is cut.
    pub(super) fn seal(&mut self, length: u32, chunk: &[u8]) -> io::Result<Vec<u8>> {
        let (key, nonce) = self.next()?;
        let mut frame = Vec::with_capacity(FRAME);
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(&chunk[..chunk.len().min(CHUNK)]);
        frame.resize(4 + CHUNK, 0);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut frame).map_err(|_| broken("cannot seal"))?;
        Ok(frame)
    }

    /// The chunk of a frame.
    pub(super) fn open(&mut self, mut frame: Vec<u8>) -> io::Result<Vec<u8>> {
        let (key, nonce) = self.next()?;
        let plain = key.open_in_place(nonce, Aad::empty(), &mut frame).map_err(|_| broken("cannot open a frame"))?;
        let (length, data) = plain.split_first_chunk().ok_or_else(|| broken("a frame has a length"))?;
        let length = u32::from_le_bytes(*length) as usize;
        data.get(..length).map(<[u8]>::to_vec).ok_or_else(|| broken("a frame claims more than it has"))
    }
}

/// What the other side, or this one, did wrong.
pub(super) fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
