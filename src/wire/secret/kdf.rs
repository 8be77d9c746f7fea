//! From two ephemeral keys to the keys of both directions and the challenge.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use hkdf::Hkdf;
use merlin::Transcript;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::SecretError;

/// What both sides sign.
pub(super) type Challenge = [u8; 32];

/// Our X25519 pair for one connection.
pub(super) struct EphemeralKey {
    secret: PrivateKey,
    public: [u8; 32],
}

impl EphemeralKey {
    pub(super) fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let secret = PrivateKey::from_private_key(&X25519, &*seed).expect("any 32 bytes are an X25519 secret");
        let mut public = [0; 32];
        public.copy_from_slice(secret.compute_public_key().expect("every X25519 secret has a public key").as_ref());
        EphemeralKey { secret, public }
    }

    pub(super) const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The common secret, which a public key of low order would make zero.
    fn agree(&self, theirs: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, SecretError> {
        let mut dh = Zeroizing::new([0; 32]);
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        agree(&self.secret, theirs, SecretError::LowOrderKey, |secret| {
            dh.copy_from_slice(secret);
            Ok(())
        })?;
        if dh.iter().all(|&byte| byte == 0) { Err(SecretError::LowOrderKey) } else { Ok(dh) }
    }
}

/// What a connection is made of.
pub(super) struct Derived {
    pub(super) receive: [u8; 32],
    pub(super) send: [u8; 32],
    pub(super) challenge: Challenge,
}

/// Steps 2 to 4 of the wire document, section 2.
pub(super) fn derive(ours: &EphemeralKey, theirs: &[u8; 32]) -> Result<Derived, SecretError> {
    let dh = ours.agree(theirs)?;
    let we_are_low = ours.public < *theirs;
    let (low, high) = if we_are_low { (&ours.public, theirs) } else { (theirs, &ours.public) };
    let challenge = challenge(low, high, &dh);
    let (receive, send) = direction_keys(&dh, we_are_low);
    Ok(Derived { receive, send, challenge })
}

fn challenge(low: &[u8; 32], high: &[u8; 32], dh: &[u8; 32]) -> Challenge {
    let mut transcript = Transcript::new(b"TENDERMINT_SECRET_CONNECTION_TRANSCRIPT_HASH");
    transcript.append_message(b"EPHEMERAL_LOWER_PUBLIC_KEY", low);
    transcript.append_message(b"EPHEMERAL_UPPER_PUBLIC_KEY", high);
    transcript.append_message(b"DH_SECRET", dh);
    let mut challenge = [0; 32];
    transcript.challenge_bytes(b"SECRET_CONNECTION_MAC", &mut challenge);
    challenge
}

/// The key we receive with, and the one we send with. Upstream derives a third value here and never uses it.
fn direction_keys(dh: &[u8; 32], we_are_low: bool) -> ([u8; 32], [u8; 32]) {
    let mut keys = Zeroizing::new([[0; 32]; 2]);
    Hkdf::<Sha256>::new(None, dh)
        .expand(b"TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN", keys.as_flattened_mut())
        .expect("64 bytes are within what HKDF gives");
    let [first, second] = *keys;
    if we_are_low { (first, second) } else { (second, first) }
}
