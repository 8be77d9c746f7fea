//! Handshakes of two sides, with recorded bytes of CometBFT, and with peers that break each rule.

use std::sync::Arc;

use bytes::BytesMut;
use proptest::prelude::*;
use prost::Message as _;
use tendermint_proto::v0_38::{crypto, p2p};

use super::handshake_messages::put_ephemeral_key;
use super::key_derivation::{Challenge, EphemeralKey, derive};
use super::*;

fn key(seed: u8) -> Arc<NodeKey> {
    Arc::new(NodeKey::from_seed([seed; 32]))
}

/// Feeds `bytes` in pieces of the given sizes, in turn, and returns what was sent, what was left and how it ended.
fn feed(mut handshake: Handshake, bytes: &[u8], sizes: &[usize]) -> (Vec<u8>, BytesMut, Result<Step, SecretError>) {
    let (mut input, mut out, mut rest) = (BytesMut::new(), Vec::new(), bytes);
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        input.extend_from_slice(piece);
        rest = behind;
        match handshake.advance(&mut input, &mut out) {
            Ok(Step::More(same)) if !rest.is_empty() => handshake = same,
            end => {
                input.extend_from_slice(rest);
                return (out, input, end);
            }
        }
    }
    unreachable!("a cycle of sizes does not end")
}

/// The fault of a peer that sends these bytes.
fn refusal(bytes: &[u8]) -> Option<SecretError> {
    feed(Handshake::new(key(1), [3; 32], &mut Vec::new()), bytes, &[bytes.len().max(1)]).2.err()
}

/// Two sides until the dialler is done; `sizes` is how the network splits what they send.
fn join(sizes: &[usize]) -> (Authenticated, Authenticated, BytesMut) {
    let (mut a_sends, mut b_sends) = (Vec::new(), Vec::new());
    let a = Handshake::new(key(1), [3; 32], &mut a_sends);
    let b = Handshake::new(key(2), [4; 32], &mut b_sends);
    let (a_proof, _, a) = feed(a, &b_sends, sizes);
    a_sends.extend(a_proof);
    let (b_proof, b_left, b) = feed(b, &a_sends, sizes);
    assert!(b_left.is_empty());
    let (Ok(Step::More(a)), Ok(Step::Done(mut b))) = (a, b) else { panic!("the one waits, the other is done") };
    let mut next = b_proof;
    b.sealer.seal(b"the next stage", &mut next).unwrap();
    let (nothing, a_left, a) = feed(a, &next, sizes);
    assert!(nothing.is_empty());
    let Ok(Step::Done(a)) = a else { panic!("{a:?}") };
    (a, b, a_left)
}

proptest! {
    // A handshake takes milliseconds without optimization.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn two_sides_meet_however_their_bytes_are_cut(sizes in proptest::collection::vec(1_usize..1200, 1..40)) {
        let (mut a, b, mut left) = join(&sizes);
        prop_assert_eq!((a.id, b.id), (key(2).id(), key(1).id()));
        prop_assert_eq!(a.public_key, *key(2).public_key());
        prop_assert!(a.opener.open_next(&mut left, &mut a.plain).unwrap());
        prop_assert_eq!(&a.plain[..], b"the next stage");
    }

    #[test]
    fn arbitrary_bytes_end_in_an_error_or_wait(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert!(!matches!(feed(Handshake::new(key(1), [3; 32], &mut Vec::new()), &bytes, &[700]).2, Ok(Step::Done(_))));
    }

    #[test]
    fn arbitrary_proofs_never_panic(message: Vec<u8>) {
        prop_assert!(Peer::meet().prove_with(&message).is_err());
    }
}

/// What two CometBFT 0.38.26 nodes with the seeds 0x01 and 0x02 and the ephemeral secrets 0x11 and 0x12 said to each
/// other.
fn golden() -> [Vec<u8>; 2] {
    let hex = |line: &str| {
        (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    include_str!("testdata/handshake.hex").lines().map(hex).collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn a_handshake_with_cometbft_has_exactly_its_bytes() {
    let [a, b] = golden();
    for (ours, theirs, us, them, seed) in [(&a, &b, 1, 2, 0x11), (&b, &a, 2, 1, 0x12)] {
        let mut sent = Vec::new();
        let handshake = Handshake::new(key(us), [seed; 32], &mut sent);
        assert_eq!(sent.len(), HELLO_LEN);
        let (proof, left, end) = feed(handshake, theirs, &[1079]);
        sent.extend(proof);
        assert_eq!(&sent, ours);
        assert!(left.is_empty());
        assert!(matches!(end, Ok(Step::Done(peer)) if peer.id == key(them).id() && peer.plain.is_empty()));
    }
}

#[test]
fn what_follows_the_proof_in_its_frame_belongs_to_the_next_stage() {
    let peer = Peer::meet();
    let mut message = peer.proof().encode_length_delimited_to_vec();
    message.extend_from_slice(b"next");
    let peer = peer.send(&message).unwrap();
    assert_eq!(&peer.plain[..], b"next");
}

#[test]
fn a_proof_may_come_in_many_frames() {
    let mut peer = Peer::meet();
    let mut frames = Vec::new();
    for byte in peer.proof().encode_length_delimited_to_vec() {
        peer.sealer.seal(&[byte], &mut frames).unwrap();
    }
    assert!(matches!(feed(peer.victim, &frames, &[999]).2, Ok(Step::Done(_))));
}

/// A peer after the exchange of ephemeral keys, free to send what it likes.
struct Peer {
    victim: Handshake,
    sealer: Sealer,
    challenge: Challenge,
    key: Arc<NodeKey>,
}

impl Peer {
    fn meet() -> Peer {
        let mut hello = Vec::new();
        let victim = Handshake::new(key(1), [3; 32], &mut hello);
        let ephemeral = EphemeralKey::from_seed([5; 32]);
        let derived = derive(&ephemeral, hello[3..].try_into().unwrap()).unwrap();
        let mut ours = Vec::new();
        put_ephemeral_key(ephemeral.public(), &mut ours);
        let (_, _, step) = feed(victim, &ours, &[35]);
        let Ok(Step::More(victim)) = step else { panic!("{step:?}") };
        Peer { victim, sealer: Sealer::new(derived.send), challenge: derived.challenge, key: key(2) }
    }

    /// An honest proof, as another implementation encodes it.
    fn proof(&self) -> p2p::AuthSigMessage {
        let sum = crypto::public_key::Sum::Ed25519(self.key.public_key().to_vec());
        p2p::AuthSigMessage {
            pub_key: Some(crypto::PublicKey { sum: Some(sum) }),
            sig: self.key.sign(&self.challenge).to_vec(),
        }
    }

    /// Sends bytes of the stream, encrypted.
    fn send(mut self, plain: &[u8]) -> Result<Authenticated, SecretError> {
        let mut frames = Vec::new();
        self.sealer.seal(plain, &mut frames)?;
        match feed(self.victim, &frames, &[1044]).2? {
            Step::Done(peer) => Ok(peer),
            Step::More(_) => panic!("the proof is whole"),
        }
    }

    /// Sends these bytes as the proof's message.
    fn prove_with(self, message: &[u8]) -> Result<Authenticated, SecretError> {
        let mut delimited = Vec::new();
        prost::encode_length_delimiter(message.len(), &mut delimited).unwrap();
        delimited.extend_from_slice(message);
        self.send(&delimited)
    }

    /// The result of an honest proof after a change.
    fn prove(change: impl FnOnce(&mut p2p::AuthSigMessage)) -> Result<Authenticated, SecretError> {
        let peer = Peer::meet();
        let mut proof = peer.proof();
        change(&mut proof);
        peer.prove_with(&proof.encode_to_vec())
    }
}

fn kind(sum: crypto::public_key::Sum) -> Result<Authenticated, SecretError> {
    Peer::prove(|proof| proof.pub_key = Some(crypto::PublicKey { sum: Some(sum) }))
}

#[test]
fn an_ephemeral_key_of_another_length_is_refused() {
    for length in [0_u8, 1, 31, 33] {
        let mut hello = vec![2 + length, 0x0a, length];
        hello.extend(vec![1; usize::from(length)]);
        assert_eq!(refusal(&hello), Some(SecretError::EphemeralKeyLength), "{length}");
    }
    assert_eq!(refusal(&[0]), Some(SecretError::EphemeralKeyLength), "no key at all");
}

#[test]
fn an_invalid_hello_is_refused() {
    let mut low_order = vec![0x22, 0x0a, 0x20];
    low_order.extend([0; 32]);
    assert_eq!(refusal(&low_order), Some(SecretError::LowOrderKey));
    assert_eq!(refusal(&[0x02, 0x08, 0x01]), Some(SecretError::Malformed), "a number where the key belongs");
    assert_eq!(refusal(b"GET / HTTP/1.1\r\n\r\n".repeat(5).as_slice()), Some(SecretError::Malformed));
    assert_eq!(refusal(&[0x81, 0x08]), Some(SecretError::TooLong), "1025 bytes, none of which came yet");
    assert_eq!(refusal(&[0x80; 10]), Some(SecretError::Malformed));
}

#[test]
fn only_ed25519_keys_of_32_bytes_prove_anything() {
    use crypto::public_key::Sum;
    assert_eq!(kind(Sum::Secp256k1(vec![2; 33])).err(), Some(SecretError::KeyType));
    assert_eq!(kind(Sum::Ed25519(vec![2; 31])).err(), Some(SecretError::Malformed));
    assert_eq!(Peer::prove(|proof| proof.pub_key = None).err(), Some(SecretError::Malformed));
}

#[test]
fn a_signature_has_to_be_of_this_challenge_by_this_key() {
    assert_eq!(Peer::prove(|proof| proof.sig[0] ^= 1).err(), Some(SecretError::BadSignature));
    assert_eq!(Peer::prove(|proof| proof.sig.truncate(63)).err(), Some(SecretError::BadSignature));
    assert_eq!(Peer::prove(|proof| proof.sig.clear()).err(), Some(SecretError::BadSignature));
    assert_eq!(Peer::prove(|proof| proof.sig = key(2).sign(&[0; 32]).to_vec()).err(), Some(SecretError::BadSignature));
    let other = crypto::public_key::Sum::Ed25519(key(9).public_key().to_vec());
    assert_eq!(kind(other).err(), Some(SecretError::BadSignature));
}

#[test]
fn an_invalid_proof_is_refused() {
    assert_eq!(Peer::meet().send(&[0x81, 0x08]).err(), Some(SecretError::TooLong));
    assert_eq!(Peer::meet().prove_with(&[]).err(), Some(SecretError::Malformed));
    assert_eq!(Peer::meet().prove_with(&[0x0a, 0x05]).err(), Some(SecretError::Malformed));
    let broken = feed(Peer::meet().victim, &[0; SEALED_FRAME], &[1044]);
    assert_eq!(broken.2.err(), Some(SecretError::BadFrame));
}

/// Reflection attack: a peer that sends our own bytes back is not authenticated.
#[test]
fn a_mirror_is_refused() {
    let mut sent = Vec::new();
    let handshake = Handshake::new(key(1), [3; 32], &mut sent);
    let (proof, _, step) = feed(handshake, &sent, &[35]);
    let Ok(Step::More(handshake)) = step else { panic!("{step:?}") };
    assert_eq!(feed(handshake, &proof, &[1044]).2.err(), Some(SecretError::BadFrame));
}

/// A Go decoder skips unknown fields, takes the last of repeated ones, and merges inner messages.
#[test]
fn what_a_go_reader_tolerates_is_tolerated() {
    let peer = Peer::meet();
    let mut message = vec![0x0a, 0x04, 0x12, 0x02, 1, 2, 0x12, 0x01, 0, 0x78, 0x01];
    message.extend(peer.proof().encode_to_vec());
    message.extend([0x0a, 0x00]);
    assert!(peer.prove_with(&message).is_ok());
}
