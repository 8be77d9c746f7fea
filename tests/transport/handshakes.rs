//! Each step of an inbound handshake, right and wrong.

use std::time::Duration;

use pexd::proto::tendermint::crypto::public_key::Sum;
use pexd::testkit::{Identity, Peer};
use pexd::types::{Fault, NodeInfoError, Stage};
use pexd::wire::node_info;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep;

use crate::support::{CHAIN, Host};

/// What stands before an ephemeral key.
const KEY_HEAD: [u8; 3] = [0x22, 0x0a, 0x20];

async fn refused_after(bytes: &[u8], fault: Fault) {
    let host = Host::new();
    let mut stream = host.connect().await;
    stream.write_all(bytes).await.unwrap();
    host.refused(fault).await;
}

#[tokio::test]
async fn a_right_one_is_handed_over() {
    let mut host = Host::new();
    let identity = Identity::random(CHAIN);
    let (_peer, theirs) = Peer::dial(host.addr(), identity.clone()).await.unwrap();
    assert_eq!(&theirs, host.local.info());
    let upgraded = host.upgraded().await;
    assert_eq!(upgraded.info, identity.info);
    assert!(upgraded.remote.ip().is_loopback() && upgraded.took < Duration::from_secs(5));
    assert!(host.local.gate().refusals().counts().is_empty());
}

#[tokio::test]
async fn our_part_does_not_wait_for_the_peers() {
    let host = Host::new();
    let mut hello = [0; 35];
    host.connect().await.read_exact(&mut hello).await.unwrap();
    assert_eq!(hello[..3], KEY_HEAD);
    let mut peer = host.agreed().await;
    peer.prove().await.unwrap();
    assert_eq!(&peer.receive_info().await.unwrap(), host.local.info());
}

#[tokio::test]
async fn a_byte_at_a_time_is_understood() {
    let mut host = Host::new();
    let mut peer = host.agreed().await;
    peer.prove().await.unwrap();
    let info = node_info::encode(&peer.identity().info);
    let frame = peer.seal(info.len() as u32, &info).unwrap();
    for byte in frame.chunks(97) {
        peer.send_raw(byte).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(host.upgraded().await.info, peer.identity().info);
}

#[tokio::test]
async fn a_message_in_many_frames_is_understood() {
    let mut host = Host::new();
    let mut peer = host.agreed().await;
    peer.prove().await.unwrap();
    for byte in node_info::encode(&peer.identity().info) {
        peer.send(&[byte]).await.unwrap();
    }
    assert_eq!(host.upgraded().await.info, peer.identity().info);
}

#[tokio::test]
async fn silence_ends_with_the_stage() {
    let host = Host::new();
    let _silent = host.connect().await;
    host.refused(Fault::TimedOut(Stage::Secret)).await;

    let host = Host::new();
    let mut peer = host.agreed().await;
    peer.prove().await.unwrap();
    host.refused(Fault::TimedOut(Stage::NodeInfo)).await;
    peer.receive_info().await.unwrap();
    peer.end().await.unwrap();
}

#[tokio::test]
async fn a_trickle_does_not_stretch_the_time() {
    let host = Host::new();
    let mut stream = host.connect().await;
    let trickle = async {
        loop {
            // Each byte is right: the beginning of a key of 32 bytes.
            for byte in KEY_HEAD.into_iter().chain([7; 31]) {
                let _ = stream.write_all(&[byte]).await;
                sleep(Duration::from_millis(40)).await;
            }
            sleep(Duration::from_secs(60)).await;
        }
    };
    tokio::select! {
        () = trickle => {}
        () = host.refused(Fault::TimedOut(Stage::Secret)) => {}
    }
}

#[tokio::test]
async fn an_ephemeral_key_has_32_bytes_of_high_order() {
    refused_after(&[&[0x21, 0x0a, 0x1f], &[7; 31][..]].concat(), Fault::EphemeralKeyLength).await;
    refused_after(&[&[0x23, 0x0a, 0x21], &[7; 33][..]].concat(), Fault::EphemeralKeyLength).await;
    refused_after(&[0x00], Fault::EphemeralKeyLength).await;
    refused_after(&[&KEY_HEAD, &[0; 32][..]].concat(), Fault::LowOrderKey).await;
    let one = [&[1], &[0; 31][..]].concat();
    refused_after(&[&KEY_HEAD, &one[..]].concat(), Fault::LowOrderKey).await;
}

#[tokio::test]
async fn a_length_is_judged_before_anything_is_read() {
    refused_after(&[0x80, 0x80, 0x40], Fault::HandshakeTooLong).await;
    refused_after(&[0xff; 16], Fault::MalformedHandshake).await;
    refused_after(
        b"GET / HTTP/1.1\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789",
        Fault::MalformedHandshake,
    )
    .await;

    let host = Host::new();
    let mut peer = host.agreed().await;
    peer.send(&[0x80, 0x80, 0x40]).await.unwrap();
    host.refused(Fault::HandshakeTooLong).await;

    let host = Host::new();
    let mut peer = host.agreed().await;
    peer.prove().await.unwrap();
    peer.send(&[0x80, 0x80, 0x40]).await.unwrap();
    host.refused(Fault::HandshakeTooLong).await;
}

#[tokio::test]
async fn a_proof_has_to_hold() {
    let host = Host::new();
    let mut peer = host.agreed().await;
    let key = Sum::Ed25519(peer.identity().key.public_key().to_vec());
    let mut signature = peer.identity().key.sign(peer.challenge());
    signature[3] ^= 1;
    peer.send_proof(Some(key.clone()), signature.to_vec()).await.unwrap();
    host.refused(Fault::BadSignature).await;

    let host = Host::new();
    let mut peer = host.agreed().await;
    let elsewhere = peer.identity().key.sign(&[7; 32]);
    peer.send_proof(Some(key), elsewhere.to_vec()).await.unwrap();
    host.refused(Fault::BadSignature).await;

    let host = Host::new();
    let mut peer = host.agreed().await;
    peer.send_proof(Some(Sum::Secp256k1(vec![2; 33])), vec![0; 64]).await.unwrap();
    host.refused(Fault::KeyType).await;

    let host = Host::new();
    let mut peer = host.agreed().await;
    peer.send_proof(None, vec![0; 64]).await.unwrap();
    host.refused(Fault::MalformedHandshake).await;
}

#[tokio::test]
async fn frames_have_to_be_sealed_and_honest() {
    let host = Host::new();
    let mut peer = host.agreed().await;
    peer.send_raw(&[0x5a; 1044]).await.unwrap();
    host.refused(Fault::BadFrame).await;

    let host = Host::new();
    let mut peer = host.agreed().await;
    let frame = peer.seal(1025, b"x").unwrap();
    peer.send_raw(&frame).await.unwrap();
    host.refused(Fault::FrameLength).await;

    let host = Host::new();
    let mut peer = host.agreed().await;
    let empty: Vec<u8> = (0..64).flat_map(|_| peer.seal(0, b"").unwrap()).collect();
    // The end may come while we still send.
    let _ = peer.send_raw(&empty).await;
    host.refused(Fault::EmptyFlood).await;
}

#[tokio::test]
async fn node_info_has_to_go_with_ours() {
    let introduced = async |change: fn(&mut Identity), fault: Fault| {
        let host = Host::new();
        let mut identity = Identity::random(CHAIN);
        change(&mut identity);
        let mut peer = Peer::agree(host.connect().await, identity).await.unwrap();
        peer.prove().await.unwrap();
        peer.introduce().await.unwrap();
        host.refused(fault).await;
        peer.end().await.unwrap();
    };
    introduced(|i| i.info.network = "other-1".into(), Fault::WrongNetwork { actual: "other-1".into() }).await;
    introduced(|i| i.info.protocol.block = 10, Fault::WrongBlockVersion { actual: 10 }).await;
    introduced(|i| i.info.channels = vec![0x40], Fault::NoCommonChannel).await;
    introduced(|i| i.info.moniker.clear(), Fault::BadNodeInfo(NodeInfoError::Moniker)).await;
    introduced(|i| i.info.listen_addr = "nowhere".into(), Fault::BadNodeInfo(NodeInfoError::ListenAddr)).await;
}

#[tokio::test]
async fn an_id_belongs_to_its_key() {
    let host = Host::new();
    let mut liar = Identity::random(CHAIN);
    liar.info.id = Identity::random(CHAIN).key.id();
    let actual = liar.key.id();
    assert!(Peer::dial(host.addr(), liar).await.is_ok());
    host.refused(Fault::WrongId { actual }).await;

    let mut ourselves = Identity::random(CHAIN);
    ourselves.key = host.local.key().clone();
    ourselves.info.id = ourselves.key.id();
    assert!(Peer::dial(host.addr(), ourselves).await.is_ok());
    host.refused(Fault::Ourselves).await;
}

#[tokio::test]
async fn hanging_up_is_told_apart_from_silence() {
    let host = Host::new();
    drop(host.connect().await);
    host.refused(Fault::ClosedInHandshake(Stage::Secret)).await;

    let mut peer = host.agreed().await;
    peer.prove().await.unwrap();
    drop(peer);
    host.refused(Fault::ClosedInHandshake(Stage::NodeInfo)).await;
}
