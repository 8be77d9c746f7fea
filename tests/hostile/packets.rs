//! Peers that shook hands honestly, and then break the layer of frames and packets.

use pexd::proto::tendermint::p2p::packet::Sum;
use pexd::proto::tendermint::p2p::{Packet, PacketMsg};
use pexd::testkit::Peer;
use pexd::types::Fault;
use pexd::wire::mconn::{Incoming, MAX_MESSAGE, MAX_PINGS_PER_MINUTE, encode_ping};
use pexd::wire::secret::{FRAME_DATA, SEALED_FRAME};
use prost::Message as _;

use crate::arena::{Arena, KIB, Setup, attack};

/// What is sent after the handshake, sealed or not, and what it costs.
type Case = (fn(&mut Peer) -> Vec<u8>, Fault);

/// Each sends its own; none of it is worth a ban.
async fn each(arena: &Arena, cases: impl IntoIterator<Item = Case>) {
    for (bytes, fault) in cases {
        let attacker = arena.attacker();
        let mut peer = attacker.join().await;
        let id = peer.identity().info.id;
        let bytes = arena.prepare(|| bytes(&mut peer));
        // It may be thrown out before all is sent.
        let _ = peer.send_raw(&bytes).await;
        arena.ends(&attacker, id, fault).await;
        assert!(arena.ban_of(id).await.is_none(), "a broken packet brings no ban");
    }
}

/// The stream in frames.
fn sealed(peer: &mut Peer, plain: &[u8]) -> Vec<u8> {
    let frame = |chunk: &[u8]| peer.seal(u32::try_from(chunk.len()).unwrap(), chunk).unwrap();
    plain.chunks(FRAME_DATA).flat_map(frame).collect()
}

fn packet(channel_id: i32, eof: bool, data: &[u8]) -> Vec<u8> {
    let message = PacketMsg { channel_id, eof, data: data.to_vec() };
    Packet { sum: Some(Sum::PacketMsg(message)) }.encode_length_delimited_to_vec()
}

#[test]
fn frames_that_are_none_end_the_connection() {
    let cases: [Case; 4] = [
        (|_| vec![0x5a; SEALED_FRAME], Fault::BadFrame),
        (|_| vec![0x5a; 100 * SEALED_FRAME], Fault::BadFrame),
        (|peer| peer.seal(1_025, &[]).unwrap(), Fault::FrameLength),
        (|peer| peer.seal(u32::MAX, &[]).unwrap(), Fault::FrameLength),
    ];
    attack(Setup::default(), 64 * KIB, async |arena| each(arena, cases).await);
}

#[test]
fn frames_and_packets_without_anything_end_the_connection() {
    let cases: [Case; 2] = [
        (|peer| (0..1_000).flat_map(|_| peer.seal(0, &[]).unwrap()).collect(), Fault::EmptyFlood),
        (|peer| sealed(peer, &packet(0, false, &[]).repeat(10_000)), Fault::EmptyFlood),
    ];
    attack(Setup::default(), 64 * KIB, async |arena| each(arena, cases).await);
}

#[test]
fn a_packet_longer_than_a_full_one_is_refused_by_its_length_alone() {
    let cases: [Case; 3] = [
        // 1,035 bytes, a mebibyte, and more than there is memory; not one of which is sent.
        (|peer| sealed(peer, &[0x8b, 0x08]), Fault::PacketTooLong { actual: 1_035 }),
        (|peer| sealed(peer, &[0x80, 0x80, 0x40]), Fault::PacketTooLong { actual: 1 << 20 }),
        (|peer| sealed(peer, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x40]), Fault::PacketTooLong { actual: 1 << 41 }),
    ];
    attack(Setup::default(), 64 * KIB, async |arena| each(arena, cases).await);
}

#[test]
fn channels_and_kinds_that_nobody_announced_end_the_connection() {
    let cases: [Case; 5] = [
        (|peer| sealed(peer, &packet(0x30, true, b"evidence")), Fault::UnknownChannel(0x30)),
        (|peer| sealed(peer, &packet(-1, true, b"?")), Fault::UnknownChannel(-1)),
        // A kind of packet that does not exist, none at all, and one that is cut within.
        (|peer| sealed(peer, &[2, 0x22, 0]), Fault::UnknownPacket),
        (|peer| sealed(peer, &[0]), Fault::UnknownPacket),
        (|peer| sealed(peer, &[2, 0x1a, 9]), Fault::UnknownPacket),
    ];
    attack(Setup::default(), 64 * KIB, async |arena| each(arena, cases).await);
}

#[test]
fn a_message_above_the_channels_capacity_is_refused_before_it_is_whole() {
    let cases: [Case; 3] = [
        // A byte too much; one that would never end; and one that never ends in pieces as small as can be.
        (|peer| sealed(peer, &in_packets(MAX_MESSAGE + 1, 1_024, true)), Fault::MessageTooLong),
        (|peer| sealed(peer, &in_packets(1 << 20, 1_024, false)), Fault::MessageTooLong),
        (|peer| sealed(peer, &in_packets(MAX_MESSAGE + 10, 1, false)), Fault::MessageTooLong),
    ];
    attack(Setup::default(), 256 * KIB, async |arena| each(arena, cases).await);
}

fn in_packets(bytes: usize, payload: usize, ends: bool) -> Vec<u8> {
    let data = vec![7; bytes];
    let mut chunks = data.chunks(payload).peekable();
    let mut packets = Vec::new();
    while let Some(chunk) = chunks.next() {
        packets.extend(packet(0, ends && chunks.peek().is_none(), chunk));
    }
    packets
}

#[test]
fn a_flood_of_pings_is_no_amplifier_and_ends() {
    attack(Setup::default(), 64 * KIB, async |arena| {
        let attacker = arena.attacker();
        let mut peer = attacker.join().await;
        let id = peer.identity().info.id;
        let mut ping = Vec::new();
        encode_ping(&mut ping);
        let at_once = sealed(&mut peer, &ping.repeat(usize::from(MAX_PINGS_PER_MINUTE)));
        peer.send_raw(&at_once).await.unwrap();
        assert_eq!(peer.next().await.unwrap(), Incoming::Pong);
        peer.send(&ping).await.unwrap();
        arena.ends(&attacker, id, Fault::PingFlood).await;
        let mut pongs = 1;
        while peer.next().await.is_ok_and(|item| item == Incoming::Pong) {
            pongs += 1;
        }
        assert!(pongs <= 2, "{pongs} pongs for what came in one write");
    });
}
