//! Messages that nobody asked for, that cannot be, or that hold too much.

use std::net::Ipv4Addr;

use pexd::proto::tendermint::p2p::message::Sum;
use pexd::proto::tendermint::p2p::{Message, NetAddress as ProtoAddress, PexAddrs};
use pexd::testkit::{Identity, Peer};
use pexd::types::{Fault, NetAddress, NodeId};
use pexd::wire::mconn::{DEFAULT_PAYLOAD, MAX_MESSAGE, encode_message};
use pexd::wire::pex::Received;
use prost::Message as _;
use tokio::net::TcpListener;

use crate::arena::{AT_ONCE, Arena, CHAIN, KIB, Setup, attack, some_key, wait_for};

async fn send(peer: &mut Peer, message: &[u8]) {
    let mut packets = Vec::new();
    encode_message(message, DEFAULT_PAYLOAD, &mut packets);
    peer.send(&packets).await.unwrap();
}

fn addresses(addrs: Vec<ProtoAddress>) -> Vec<u8> {
    Message { sum: Some(Sum::PexAddrs(PexAddrs { addrs })) }.encode_to_vec()
}

fn address(id: &str, ip: &str, port: u32) -> ProtoAddress {
    ProtoAddress { id: id.into(), ip: ip.into(), port }
}

fn some_id() -> String {
    some_key().id().to_string()
}

#[test]
fn addresses_that_nobody_asked_for_are_banned() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        for message in [addresses(vec![address(&some_id(), "127.0.1.1", 9)]), addresses(Vec::new())] {
            let (attacker, identity) = (arena.attacker(), Identity::random(CHAIN));
            let mut peer = attacker.join_as(&identity).await;
            send(&mut peer, &message).await;
            arena.ends(&attacker, identity.info.id, Fault::Unsolicited).await;
            arena.bans(&attacker, &identity, &Fault::Unsolicited).await;
            assert!(!book_has(arena, [127, 0, 1, 1].into()).await, "nothing of it is believed");
        }
    });
}

async fn book_has(arena: &Arena, ip: Ipv4Addr) -> bool {
    let page = arena.handle.addresses(None, 1_000).await.unwrap();
    page.entries.iter().any(|entry| entry.record.address.ip() == ip)
}

#[test]
fn addresses_that_cannot_be_are_banned() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        let good = || address(&some_id(), "127.0.1.1", 9);
        for bad in [
            address(&some_id(), "not an ip", 9),
            address(&some_id(), "", 9),
            address(&some_id(), "127.0.1.256", 9),
            address(&some_id(), "127.0.1.1", 65_536),
            address(&some_id(), "127.0.1.1", u32::MAX),
        ] {
            let (attacker, identity) = (arena.attacker(), Identity::random(CHAIN));
            let mut peer = attacker.join_as(&identity).await;
            send(&mut peer, &addresses(vec![good(), bad, good()])).await;
            arena.ends(&attacker, identity.info.id, Fault::BadAddress).await;
            arena.bans(&attacker, &identity, &Fault::BadAddress).await;
            assert!(!book_has(arena, [127, 0, 1, 1].into()).await, "the whole message is void");
        }
    });
}

#[test]
fn a_message_that_says_nothing_ends_the_connection_without_a_ban() {
    attack(Setup::default(), 384 * KIB, async |arena| {
        // Nothing, a kind that does not exist, one that is cut, and noise.
        for message in [&[][..], &[0x1a, 0], &[0x12, 9, 1], &[0xff; 60_000]] {
            let (attacker, identity) = (arena.attacker(), Identity::random(CHAIN));
            let mut peer = attacker.join_as(&identity).await;
            send(&mut peer, message).await;
            arena.ends(&attacker, identity.info.id, Fault::BadMessage).await;
            assert!(arena.ban_of(identity.info.id).await.is_none());
        }
    });
}

/// A network that dials `identity` for addresses, and what becomes of the answer.
fn answer_its_request(memory: usize, answer: &[u8], check: impl AsyncFnOnce(&Arena, &mut Peer, NetAddress)) {
    let identity = Identity::random(CHAIN);
    let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let at = socket.local_addr().unwrap();
    let seed = NetAddress::new(identity.info.id, at.ip(), at.port()).unwrap();
    attack(Setup { seeds: vec![seed], ..Setup::default() }, memory, async |arena| {
        let (stream, _) = TcpListener::from_std(socket).unwrap().accept().await.unwrap();
        let (mut peer, _) = Peer::meet(stream, identity).await.unwrap();
        assert_eq!(peer.next_message().await.unwrap(), Received::Request);
        send(&mut peer, answer).await;
        check(arena, &mut peer, seed).await;
    });
}

/// How many addresses the seed's answer held, once it came.
async fn reported(arena: &Arena) -> u32 {
    let answered = || async {
        let seeds = arena.handle.seeds().await.unwrap();
        seeds.first().filter(|seed| !seed.health.last_answer.is_never()).map(|seed| seed.health.addresses)
    };
    wait_for(AT_ONCE, answered).await.expect("the answer was taken at once")
}

#[test]
fn of_thousands_of_addresses_a_few_are_looked_at() {
    // As many as fit: without an ID they are of no use, and are still to be gone through.
    let tiny = vec![address("", "1.1.1.1", 0); 5_000];
    // As many as fit with all that makes an address.
    let whole = (0..950_u32).map(|n| address(&some_id(), &format!("127.9.{}.{}", n / 250, n % 250 + 1), 9)).collect();
    for (addrs, most) in [(tiny, 0), (whole, 250)] {
        let count = u32::try_from(Vec::len(&addrs)).unwrap();
        let answer = addresses(addrs);
        assert!(answer.len() <= MAX_MESSAGE && answer.len() > MAX_MESSAGE / 2, "{}", answer.len());
        answer_its_request(384 * KIB, &answer, async |arena, peer, _| {
            assert_eq!(reported(arena).await, count);
            let page = arena.handle.addresses(None, 1_000).await.unwrap();
            let named = page.entries.iter().filter(|entry| in_range(entry.record.address)).count();
            assert!(named <= most && (named > 0) == (most > 0), "{named} of {most}");
            assert!(peer.ask().await.is_ok(), "it did nothing wrong");
        });
    }
}

fn in_range(address: NetAddress) -> bool {
    matches!(address.ip(), std::net::IpAddr::V4(ip) if ip.octets()[..2] == [127, 9])
}

#[test]
fn addresses_that_are_of_no_use_are_skipped_without_penalty() {
    let good = some_key().id();
    let own = NodeId::from_bytes([0xab; 20]);
    let answer = addresses(vec![
        address("no id", "127.9.0.1", 9),
        address(&"a".repeat(10_000), "127.9.0.2", 9),
        address(&some_id(), "0.0.0.0", 9),
        address(&some_id(), "127.9.0.3", 0),
        address(&some_id(), "224.0.0.1", 9),
        address(&good.to_string(), "127.9.0.4", 9),
        address(&own.to_string(), "::ffff:127.9.0.5", 9),
    ]);
    answer_its_request(384 * KIB, &answer, async |arena, peer, seed| {
        assert_eq!(reported(arena).await, 7);
        let page = arena.handle.addresses(None, 1_000).await.unwrap();
        let named = page.entries.iter().map(|entry| entry.record.address).filter(|address| in_range(*address));
        let mut named: Vec<NodeId> = named.map(|address| address.id()).collect();
        named.sort();
        let mut expected = vec![good, own];
        expected.sort();
        assert_eq!(named, expected);
        assert!(arena.ban_of(seed.id()).await.is_none());
        assert!(peer.ask().await.is_ok(), "it did nothing wrong");
    });
}

#[test]
fn a_second_answer_to_one_request_is_unsolicited() {
    let answer = addresses(vec![address(&some_id(), "127.9.0.1", 9)]);
    let again = answer.clone();
    answer_its_request(128 * KIB, &answer, async |arena, peer, seed| {
        reported(arena).await;
        let attacker = arena.attacker();
        send(peer, &again).await;
        arena.ends(&attacker, seed.id(), Fault::Unsolicited).await;
        arena.bans(&attacker, &peer.identity().clone(), &Fault::Unsolicited).await;
    });
}
