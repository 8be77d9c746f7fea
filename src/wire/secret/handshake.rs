//! The handshake of the secret connection (CometBFT `p2p/conn/secret_connection.go: MakeSecretConnection`), as a state
//! machine that takes and produces bytes.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;

use super::handshake_messages::{AuthSig, parse_ephemeral_key, put_ephemeral_key};
use super::key_derivation::{Challenge, Derived, EphemeralKey, derive};
use super::{NodeKey, Opener, Sealer, SecretError};
use crate::types::NodeId;
use crate::wire::delimited::{self, DelimitedError};

/// Bytes of the first message: a length, a tag and a length, and the ephemeral key of 32 bytes in the clear.
pub const HELLO_LEN: usize = 35;

/// Bytes that a handshake message may announce. An honest one has 34 or 102; the rest is room for fields of later
/// versions. CometBFT allows a mebibyte, which would let strangers fill our memory.
const MAX_MESSAGE: usize = 1024;

/// One side of the handshake; both sides do the same. Send what [`Handshake::new`] produces, then feed what is read to
/// [`Handshake::advance`] until it is done.
pub struct Handshake {
    key: Arc<NodeKey>,
    stage: Stage,
}

enum Stage {
    /// Waits for the peer's ephemeral key.
    Key(EphemeralKey),
    /// Waits for the peer's signature of the challenge.
    Signature(Box<Secured>),
}

/// The connection is encrypted, and the peer not authenticated yet.
struct Secured {
    challenge: Challenge,
    sealer: Sealer,
    opener: Opener,
    /// Decrypted bytes that are not decoded yet.
    plain: BytesMut,
}

/// The state of a handshake after a step.
#[derive(Debug)]
pub enum Step {
    /// More bytes are needed.
    More(Handshake),
    /// The peer is authenticated.
    Done(Authenticated),
}

/// A finished handshake.
pub struct Authenticated {
    /// The peer's Ed25519 public key.
    pub public_key: [u8; 32],
    /// The ID of the key.
    pub id: NodeId,
    /// Encrypts what we send.
    pub sealer: Sealer,
    /// Decrypts what the peer sends.
    pub opener: Opener,
    /// What the peer's last frame contained after the handshake: the beginning of the next stage.
    pub plain: BytesMut,
}

impl Handshake {
    /// Begins a handshake and appends the first message to `out`: our ephemeral key, [`HELLO_LEN`] bytes.
    /// `ephemeral_seed` has to be secret, random and used only once.
    pub fn new(key: Arc<NodeKey>, ephemeral_seed: [u8; 32], out: &mut Vec<u8>) -> Self {
        let ephemeral = EphemeralKey::from_seed(ephemeral_seed);
        put_ephemeral_key(ephemeral.public(), out);
        Handshake { key, stage: Stage::Key(ephemeral) }
    }

    /// Takes what it can use off the front of `input` and appends what is to be sent to `out`. After [`Step::More`]
    /// less than one message or frame is left in `input`; after [`Step::Done`] what is left are frames of the next
    /// stage.
    ///
    /// # Errors
    /// What the peer did wrong. The connection has to be closed; `out` may be dropped.
    pub fn advance(self, input: &mut BytesMut, out: &mut Vec<u8>) -> Result<Step, SecretError> {
        let Handshake { key, stage } = self;
        let secured = match stage {
            Stage::Key(ephemeral) => match take_message(input)? {
                None => return Ok(Step::More(Handshake { key, stage: Stage::Key(ephemeral) })),
                Some(message) => Box::new(secure(&key, &ephemeral, &parse_ephemeral_key(&message)?, out)?),
            },
            Stage::Signature(secured) => secured,
        };
        authenticate(key, secured, input)
    }
}

/// Derives the keys and appends our own proof.
fn secure(key: &NodeKey, ours: &EphemeralKey, theirs: &[u8; 32], out: &mut Vec<u8>) -> Result<Secured, SecretError> {
    let Derived { send, receive, challenge } = derive(ours, theirs)?;
    let mut sealer = Sealer::new(send);
    sealer.seal(&AuthSig::encode(key.public_key(), &key.sign(&challenge)), out)?;
    Ok(Secured { challenge, sealer, opener: Opener::new(receive), plain: BytesMut::new() })
}

/// Decrypts frames until the peer's proof is complete, and verifies it.
fn authenticate(key: Arc<NodeKey>, mut secured: Box<Secured>, input: &mut BytesMut) -> Result<Step, SecretError> {
    loop {
        if let Some(message) = take_message(&mut secured.plain)? {
            let proof = AuthSig::decode(&message)?;
            proof.verify(&secured.challenge)?;
            let Secured { sealer, opener, plain, .. } = *secured;
            let id = NodeId::from_public_key(&proof.public_key);
            return Ok(Step::Done(Authenticated { public_key: proof.public_key, id, sealer, opener, plain }));
        }
        let Secured { opener, plain, .. } = &mut *secured;
        if !opener.open_next(input, plain)? {
            return Ok(Step::More(Handshake { key, stage: Stage::Signature(secured) }));
        }
    }
}

fn take_message(stream: &mut BytesMut) -> Result<Option<BytesMut>, SecretError> {
    delimited::take(stream, MAX_MESSAGE).map_err(|error| match error {
        DelimitedError::Length => SecretError::Malformed,
        DelimitedError::TooLong { .. } => SecretError::TooLong,
    })
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Key(_) => "ephemeral key",
            Stage::Signature(_) => "signature",
        };
        f.debug_struct("Handshake").field("waits_for", &stage).finish_non_exhaustive()
    }
}

impl fmt::Debug for Authenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated").field("id", &self.id).finish_non_exhaustive()
    }
}
