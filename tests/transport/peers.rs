//! A connected peer: messages both ways, and what it can do wrong.

use std::time::Duration;

use pexd::testkit::Peer;
use pexd::transport::{ConnectionSettings, Full, PeerSaid};
use pexd::types::{CloseHow, CloseReason, Fault};
use pexd::wire::mconn::{Incoming, MAX_PINGS_PER_MINUTE, encode_message, encode_ping};
use pexd::wire::pex::{Outgoing, Received, encode};
use tokio::time::{sleep, timeout};

use crate::support::{Host, Served, addresses, no_limits, settings};

async fn connected() -> (Peer, Served) {
    Host::new().peer().await
}

/// What becomes of a peer that sends these bytes in frames.
async fn ends_after(packets: &[u8]) -> Fault {
    let (mut peer, mut served) = connected().await;
    // The end may come while we still send.
    let _ = peer.send(packets).await;
    served.closed().await
}

fn packet(body: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    prost::encoding::encode_varint(body.len() as u64, &mut packet);
    packet.extend_from_slice(body);
    packet
}

/// A message packet on the PEX channel.
fn piece(eof: bool, data: &[u8]) -> Vec<u8> {
    let mut inner = if eof { vec![0x10, 1] } else { vec![] };
    inner.push(0x1a);
    prost::encoding::encode_varint(data.len() as u64, &mut inner);
    inner.extend_from_slice(data);
    let mut body = vec![0x1a];
    prost::encoding::encode_varint(inner.len() as u64, &mut body);
    body.extend_from_slice(&inner);
    packet(&body)
}

#[tokio::test]
async fn asks_and_answers() {
    let (mut peer, mut served) = connected().await;
    let answer = async {
        assert_eq!(served.message().await, Received::Request);
        served.handle.try_send(Outgoing::Addresses(addresses(250).into())).unwrap();
    };
    let (asked, ()) = tokio::join!(peer.ask(), answer);
    assert_eq!(asked.unwrap(), addresses(250));
    let traffic = served.handle.traffic();
    assert_eq!((traffic.requests_in, traffic.addresses_out, traffic.addresses_in), (1, 1, 0));
    assert_eq!(traffic.bytes_in, 1044);
    assert!(traffic.bytes_out.is_multiple_of(1044) && traffic.bytes_out > 15_000, "{traffic:?}");
}

#[tokio::test]
async fn messages_in_pieces_of_any_size_are_understood() {
    let (mut peer, mut served) = connected().await;
    let mut packets = Vec::new();
    encode_message(&encode(&Outgoing::Addresses(addresses(40).into())), 100, &mut packets);
    for piece in packets.chunks(61) {
        let frame = peer.seal(piece.len() as u32, piece).unwrap();
        let (first, second) = frame.split_at(500);
        peer.send_raw(first).await.unwrap();
        tokio::task::yield_now().await;
        peer.send_raw(second).await.unwrap();
    }
    assert_eq!(served.message().await, Received::Addresses { addresses: addresses(40), total: 40 });
}

#[tokio::test]
async fn one_message_at_a_time_reaches_the_network() {
    let (mut peer, mut served) = connected().await;
    let mut packets = Vec::new();
    for count in [1, 2, 3] {
        encode_message(&encode(&Outgoing::Addresses(addresses(count).into())), 1024, &mut packets);
    }
    peer.send(&packets).await.unwrap();
    peer.send_message(&Outgoing::Request).await.unwrap();
    for count in [1, 2, 3] {
        let PeerSaid::Message(message, ack) = served.next().await else { panic!("a message") };
        assert_eq!(message, Received::Addresses { addresses: addresses(count), total: count });
        assert!(timeout(Duration::from_millis(50), served.said.recv()).await.is_err(), "the next one waits");
        drop(ack);
    }
    assert_eq!(served.message().await, Received::Request);
}

#[tokio::test]
async fn what_came_with_the_handshake_is_not_lost() {
    let mut host = Host::new();
    let mut peer = host.agreed().await;
    peer.prove().await.unwrap();
    let mut stream = pexd::wire::node_info::encode(&peer.identity().info);
    encode_message(&encode(&Outgoing::Request), 1024, &mut stream);
    encode_message(&encode(&Outgoing::Addresses(addresses(100).into())), 1024, &mut stream);
    peer.send(&stream).await.unwrap();
    let mut served = Served::new(host.upgraded().await);
    assert_eq!(served.message().await, Received::Request);
    assert_eq!(served.message().await, Received::Addresses { addresses: addresses(100), total: 100 });
    // All of it was read with the node information, whose own frame counts for what stood behind it there.
    assert_eq!(served.handle.traffic().bytes_in, 1044 * stream.len().div_ceil(1024) as u64);
}

#[tokio::test]
async fn a_ping_is_answered_once_for_many() {
    let (mut peer, _served) = connected().await;
    peer.ping().await.unwrap();
    assert_eq!(peer.next().await.unwrap(), Incoming::Pong);
    let mut pings = Vec::new();
    (0..200).for_each(|_| encode_ping(&mut pings));
    peer.send(&pings).await.unwrap();
    peer.send_message(&Outgoing::Request).await.unwrap();
    assert_eq!(peer.next().await.unwrap(), Incoming::Pong);
    assert!(timeout(Duration::from_millis(100), peer.next()).await.is_err(), "one pong for one frame");
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_it_with_its_reason() {
    assert_eq!(ends_after(&packet(&[])).await, Fault::UnknownPacket);
    assert_eq!(ends_after(&packet(&[0x22, 0])).await, Fault::UnknownPacket);
    assert_eq!(ends_after(&packet(&[0x1a, 2, 0x08, 0x30])).await, Fault::UnknownChannel(0x30));
    assert_eq!(ends_after(&[0x8b, 0x08]).await, Fault::PacketTooLong { actual: 1035 });
    assert_eq!(ends_after(&[0x80, 0x80, 0x40]).await, Fault::PacketTooLong { actual: 1 << 20 });
    assert_eq!(ends_after(&piece(true, &[])).await, Fault::BadMessage);
    assert_eq!(ends_after(&piece(true, &[0xff])).await, Fault::BadMessage);
    assert_eq!(ends_after(&piece(true, &[0x12, 4, 0x0a, 2, 0x12, 0])).await, Fault::BadAddress);
    assert_eq!(ends_after(&piece(false, &[]).repeat(20)).await, Fault::EmptyFlood);
    assert_eq!(ends_after(&piece(false, &[0; 1000]).repeat(65)).await, Fault::MessageTooLong);
    let mut pings = Vec::new();
    (0..=MAX_PINGS_PER_MINUTE).for_each(|_| encode_ping(&mut pings));
    assert_eq!(ends_after(&pings).await, Fault::PingFlood);
}

#[tokio::test]
async fn frames_that_lie_end_it() {
    let (mut peer, mut served) = connected().await;
    peer.send_raw(&[0; 1044]).await.unwrap();
    assert_eq!(served.closed().await, Fault::BadFrame);

    let (mut peer, mut served) = connected().await;
    let frame = peer.seal(u32::MAX, b"").unwrap();
    peer.send_raw(&frame).await.unwrap();
    assert_eq!(served.closed().await, Fault::FrameLength);
}

#[tokio::test]
async fn a_peer_that_leaves_is_told_after_what_it_said() {
    let (mut peer, mut served) = connected().await;
    peer.send_message(&Outgoing::Addresses(addresses(3).into())).await.unwrap();
    peer.shut_down().await.unwrap();
    assert!(matches!(served.message().await, Received::Addresses { total: 3, .. }));
    assert_eq!(served.closed().await, Fault::ClosedByPeer);
}

#[tokio::test]
async fn a_flush_delivers_everything() {
    let (mut peer, mut served) = connected().await;
    for _ in 0..10 {
        served.handle.try_send(Outgoing::Addresses(addresses(250).into())).unwrap();
    }
    served.handle.close(CloseHow::Flush, Fault::ClosedByUs(CloseReason::Answered));
    assert_eq!(served.handle.try_send(Outgoing::Request), Err(Full));
    // Unread bytes would turn the close into a reset.
    let _ = peer.send_message(&Outgoing::Addresses(addresses(250).into())).await;
    for _ in 0..10 {
        assert_eq!(peer.next_message().await.unwrap(), Received::Addresses { addresses: addresses(250), total: 250 });
    }
    assert_eq!(peer.end().await.unwrap(), 0);
    drop(peer);
    assert_eq!(served.closed().await, Fault::ClosedByUs(CloseReason::Answered));
}

#[tokio::test]
async fn a_flush_does_not_wait_for_ever() {
    let (peer, mut served) = connected().await;
    served.handle.close(CloseHow::Flush, Fault::ClosedByUs(CloseReason::VisitOver));
    // The peer keeps its side open.
    assert_eq!(served.closed().await, Fault::ClosedByUs(CloseReason::VisitOver));
    drop(peer);
}

#[tokio::test]
async fn a_flush_can_be_cut_short() {
    let mut host = Host::with(ConnectionSettings { drain_timeout: Duration::from_secs(60), ..settings() }, no_limits());
    let (_peer, mut served) = host.peer().await;
    served.handle.close(CloseHow::Flush, Fault::ClosedByUs(CloseReason::VisitOver));
    sleep(Duration::from_millis(50)).await;
    served.handle.close(CloseHow::Now, Fault::ClosedByUs(CloseReason::Stopped));
    assert_eq!(served.closed().await, Fault::ClosedByUs(CloseReason::VisitOver));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_left() {
    let (_peer, Served { handle, mut said }) = connected().await;
    let fill = async {
        loop {
            while handle.try_send(Outgoing::Addresses(addresses(250).into())).is_ok() {}
            sleep(Duration::from_millis(5)).await;
        }
    };
    let closed = tokio::select! {
        () = fill => unreachable!(),
        closed = timeout(Duration::from_secs(10), said.recv()) => closed.unwrap().unwrap(),
    };
    assert!(matches!(closed.what, PeerSaid::Closed(Fault::WriteStalled)), "{closed:?}");
}

#[tokio::test]
async fn dropping_the_handle_closes() {
    let (mut peer, Served { handle, mut said }) = connected().await;
    drop(handle);
    let closed = timeout(Duration::from_secs(5), said.recv()).await.unwrap().unwrap();
    assert!(matches!(closed.what, PeerSaid::Closed(Fault::ClosedByUs(CloseReason::Stopped))));
    peer.end().await.unwrap();
}

#[tokio::test]
async fn rates_hold_in_both_directions() {
    let slow = ConnectionSettings {
        rates: pexd::transport::ConnectionRates {
            send_rate: 50_000,
            recv_rate: 50_000,
            ..pexd::transport::ConnectionRates::default()
        },
        ..settings()
    };
    let mut host = Host::with(slow, no_limits());
    let (mut peer, mut served) = host.peer().await;
    let began = tokio::time::Instant::now();
    // About 17 KB each; 5 KB may flow at once.
    for _ in 0..2 {
        served.handle.try_send(Outgoing::Addresses(addresses(250).into())).unwrap();
        peer.next_message().await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    let began = tokio::time::Instant::now();
    for _ in 0..2 {
        peer.send_message(&Outgoing::Addresses(addresses(250).into())).await.unwrap();
        served.message().await;
    }
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
}
