//! Handshakes that stall, creep, lie or announce too much.

use std::time::Duration;

use pexd::proto::tendermint::crypto::public_key::Sum;
use pexd::types::{Fault, Stage};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::arena::{Attacker, KIB, Setup, attack, some_key};

const TIMEOUT: Duration = Duration::from_millis(1_000);

fn short_handshakes() -> Setup {
    Setup { handshake_timeout: TIMEOUT, ..Setup::default() }
}

#[test]
fn one_that_stalls_ends_in_time_at_every_stage() {
    attack(short_handshakes(), 128 * KIB, async |arena| {
        let [mute, agreed, proven] = [arena.attacker(), arena.attacker(), arena.attacker()];
        let _held = (mute.connect().await, agreed.agree().await, proven.prove().await);
        arena.refuses_after(&mute, Fault::TimedOut(Stage::Secret), TIMEOUT).await;
        arena.refuses_after(&agreed, Fault::TimedOut(Stage::Secret), TIMEOUT).await;
        arena.refuses_after(&proven, Fault::TimedOut(Stage::NodeInfo), TIMEOUT).await;
    });
}

#[test]
fn one_that_creeps_has_no_more_time_than_one_that_stalls() {
    attack(short_handshakes(), 128 * KIB, async |arena| {
        let (in_clear, sealed) = (arena.attacker(), arena.attacker());
        let mut stream = in_clear.connect().await;
        let creeping = tokio::spawn(async move { creep(&mut stream, &hello(&[9; 32])).await });
        let mut peer = sealed.agree().await;
        let frame = peer.seal(100, &[0; 100]).unwrap();
        let also_creeping = tokio::spawn(async move {
            for byte in frame {
                if peer.send_raw(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(TIMEOUT / 10).await;
            }
        });
        arena.refuses_after(&in_clear, Fault::TimedOut(Stage::Secret), TIMEOUT).await;
        arena.refuses_after(&sealed, Fault::TimedOut(Stage::Secret), TIMEOUT).await;
        creeping.abort();
        also_creeping.abort();
    });
}

async fn creep(stream: &mut TcpStream, bytes: &[u8]) {
    for byte in bytes {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(TIMEOUT / 10).await;
    }
}

/// The first message with a key of any length.
fn hello(key: &[u8]) -> Vec<u8> {
    let length = u8::try_from(key.len()).unwrap();
    [&[length + 2, 0x0a, length], key].concat()
}

#[test]
fn an_ephemeral_key_of_another_length_or_kind_is_refused() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        let cases: [(Vec<u8>, Fault); 6] = [
            (hello(&[]), Fault::EphemeralKeyLength),
            (hello(&[9; 31]), Fault::EphemeralKeyLength),
            (hello(&[9; 33]), Fault::EphemeralKeyLength),
            (hello(&[9; 120]), Fault::EphemeralKeyLength),
            // A number where the key belongs, and a key that is cut.
            (vec![2, 0x08, 7], Fault::MalformedHandshake),
            (vec![3, 0x0a, 0x20, 9], Fault::MalformedHandshake),
        ];
        for (bytes, fault) in cases {
            let attacker = arena.attacker();
            let mut stream = attacker.connect().await;
            stream.write_all(&bytes).await.unwrap();
            arena.refuses_at_once(&attacker, fault).await;
        }
    });
}

#[test]
fn an_ephemeral_key_that_gives_no_secret_is_refused() {
    // Zero, one, the two points of order eight, and the field's prime, once more and less one.
    let low_order = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    attack(Setup::default(), 128 * KIB, async |arena| {
        for point in low_order {
            let attacker = arena.attacker();
            let mut stream = attacker.connect().await;
            stream.write_all(&hello(&from_hex(point))).await.unwrap();
            arena.refuses_at_once(&attacker, Fault::LowOrderKey).await;
        }
    });
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

#[test]
fn who_does_not_hold_his_ephemeral_key_cannot_go_on() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        let attacker = arena.attacker();
        let mut stream = attacker.connect().await;
        stream.write_all(&hello(&[9; 32])).await.unwrap();
        stream.write_all(&[0x5a; 1044]).await.unwrap();
        arena.refuses_at_once(&attacker, Fault::BadFrame).await;
    });
}

#[test]
fn a_proof_that_proves_nothing_is_refused() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        let (me, other) = (some_key(), some_key());
        let ed25519 = |key: &[u8]| Some(Sum::Ed25519(key.to_vec()));
        let mine = || ed25519(me.public_key());
        type Proof<'a> = &'a dyn Fn(&[u8; 32]) -> (Option<Sum>, Vec<u8>);
        let cases: [(Proof<'_>, Fault); 8] = [
            (&|challenge| (mine(), flip(me.sign(challenge))), Fault::BadSignature),
            (&|_| (mine(), me.sign(&[0; 32]).to_vec()), Fault::BadSignature),
            (&|challenge| (ed25519(other.public_key()), me.sign(challenge).to_vec()), Fault::BadSignature),
            (&|challenge| (mine(), me.sign(challenge)[..63].to_vec()), Fault::BadSignature),
            (&|_| (mine(), Vec::new()), Fault::BadSignature),
            (&|challenge| (Some(Sum::Secp256k1(vec![2; 33])), me.sign(challenge).to_vec()), Fault::KeyType),
            (&|challenge| (ed25519(&me.public_key()[..31]), me.sign(challenge).to_vec()), Fault::MalformedHandshake),
            (&|challenge| (None, me.sign(challenge).to_vec()), Fault::MalformedHandshake),
        ];
        for (proof, fault) in cases {
            let attacker = arena.attacker();
            let mut peer = attacker.agree().await;
            let (key, signature) = proof(peer.challenge());
            peer.send_proof(key, signature).await.unwrap();
            arena.refuses_at_once(&attacker, fault).await;
        }
    });
}

fn flip(mut signature: [u8; 64]) -> Vec<u8> {
    signature[0] ^= 1;
    signature.to_vec()
}

#[test]
fn a_message_that_announces_a_mebibyte_costs_nothing() {
    const ANNOUNCED: [u8; 3] = [0x80, 0x80, 0x40];
    attack(Setup::default(), 64 * KIB, async |arena| {
        let attackers: Vec<Attacker> = (0..3).map(|_| arena.attacker()).collect();
        let mut stream = attackers[0].connect().await;
        stream.write_all(&ANNOUNCED).await.unwrap();
        let mut agreed = attackers[1].agree().await;
        agreed.send(&ANNOUNCED).await.unwrap();
        let mut proven = attackers[2].prove().await;
        proven.send(&ANNOUNCED).await.unwrap();
        for attacker in &attackers {
            arena.refuses_at_once(attacker, Fault::HandshakeTooLong).await;
        }
    });
}
