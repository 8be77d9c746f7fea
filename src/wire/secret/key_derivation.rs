//! Key derivation: from two ephemeral keys to the keys of both directions and the challenge.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use hkdf::Hkdf;
use merlin::Transcript;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::SecretError;

/// The bytes that both sides sign.
pub(super) type Challenge = [u8; 32];

/// Our X25519 key pair for one connection.
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

    /// The shared secret, which a public key of low order would make zero.
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

/// The keys and the challenge of a connection.
pub(super) struct Derived {
    pub(super) receive: [u8; 32],
    pub(super) send: [u8; 32],
    pub(super) challenge: Challenge,
}

/// Key agreement, transcript and key derivation (CometBFT `p2p/conn/secret_connection.go: MakeSecretConnection`).
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

/// The key to receive with, and the one to send with. CometBFT derives a third value here and does not use it
/// (`p2p/conn/secret_connection.go: deriveSecrets`).
fn direction_keys(dh: &[u8; 32], we_are_low: bool) -> ([u8; 32], [u8; 32]) {
    let mut keys = Zeroizing::new([[0; 32]; 2]);
    Hkdf::<Sha256>::new(None, dh)
        .expand(b"TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN", keys.as_flattened_mut())
        .expect("64 bytes are within what HKDF gives");
    let [first, second] = *keys;
    if we_are_low { (first, second) } else { (second, first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> [u8; 32] {
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }

    /// CometBFT's golden file (`p2p/conn/testdata/TestDeriveSecretsAndChallengeGolden.golden`): the secret, whether our
    /// key is the lower one, the key to receive with and the key to send with.
    #[test]
    fn the_keys_are_those_of_the_golden_file() {
        let lines: Vec<_> = include_str!("testdata/derived_keys.csv").lines().collect();
        assert_eq!(lines.len(), 32);
        for line in lines {
            let [dh, low, receive, send] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
            assert_eq!(direction_keys(&hex(dh), low == "true"), (hex(receive), hex(send)), "{dh}");
        }
    }

    /// RFC 7748, section 6.1.
    #[test]
    fn the_secret_is_that_of_rfc_7748() {
        let alice = hex("77076d0a7318a57d3c16c17251b26645df4c6e4a5f2e5f6c0f8ec1fbd1d1f6e5");
        let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let (alice, bob) = (EphemeralKey::from_seed(alice), EphemeralKey::from_seed(bob));
        assert_eq!(*bob.public(), hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
        assert_eq!(*alice.agree(bob.public()).unwrap(), *bob.agree(alice.public()).unwrap());
    }

    #[test]
    fn both_sides_derive_the_same_crosswise() {
        let (a, b) = (EphemeralKey::from_seed([1; 32]), EphemeralKey::from_seed([2; 32]));
        let (at_a, at_b) = (derive(&a, b.public()).unwrap(), derive(&b, a.public()).unwrap());
        assert_eq!((at_a.receive, at_a.send), (at_b.send, at_b.receive));
        assert_eq!(at_a.challenge, at_b.challenge);
        assert_ne!(at_a.send, at_a.receive);
    }

    /// The points of small order (and what is equal to them modulo p) all give a secret of zero.
    #[test]
    fn keys_of_low_order_are_refused() {
        let ours = EphemeralKey::from_seed([1; 32]);
        let low_order = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ];
        for key in low_order {
            assert_eq!(derive(&ours, &hex(key)).err(), Some(SecretError::LowOrderKey), "{key}");
        }
    }
}
