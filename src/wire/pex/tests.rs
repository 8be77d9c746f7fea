//! The PEX codec against CometBFT's test vectors, another implementation, and hostile messages.

use std::collections::BTreeSet;

use proptest::prelude::*;
use prost::Message as _;
use rand::SeedableRng as _;
use tendermint_proto::v0_38::p2p::{self as oracle, message::Sum};

use super::*;
use crate::types::{Fault, NetAddress, NodeId, SeededRng};

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn read(message: &[u8]) -> Result<Received, PexError> {
    decode(message, &mut SeededRng::from_seed([0; 32]))
}

fn entry(id: &str, ip: &str, port: u32) -> oracle::NetAddress {
    oracle::NetAddress { id: id.into(), ip: ip.into(), port }
}

fn message(addrs: Vec<oracle::NetAddress>) -> Vec<u8> {
    oracle::Message { sum: Some(Sum::PexAddrs(oracle::PexAddrs { addrs })) }.encode_to_vec()
}

/// What is left of a message with this one address.
fn one(id: &str, ip: &str, port: u32) -> Result<Vec<String>, PexError> {
    match read(&message(vec![entry(id, ip, port)]))? {
        Received::Addresses { addresses, total: 1 } => Ok(addresses.iter().map(ToString::to_string).collect()),
        other => panic!("{other:?}"),
    }
}

/// CometBFT's test vectors (`p2p/pex/pex_reactor_test.go: TestPexVectors`).
#[test]
fn the_vectors_hold() {
    assert_eq!(encode(&Outgoing::Request), [0x0a, 0x00]);
    assert_eq!(read(&[0x0a, 0x00]), Ok(Received::Request));
    let vector = message(vec![entry("1", "127.0.0.1", 9090)]);
    assert_eq!(vector, b"\x12\x13\x0a\x11\x0a\x011\x12\x09127.0.0.1\x18\x82\x47");
    assert_eq!(read(&vector), Ok(Received::Addresses { addresses: vec![], total: 1 }), "its ID is none");
    assert_eq!(encode(&Outgoing::Addresses([].into())), [0x12, 0x00]);
    assert_eq!(read(&[0x12, 0x00]), Ok(Received::Addresses { addresses: vec![], total: 0 }));
}

#[test]
fn one_endpoint_has_one_spelling() {
    let plain = format!("{ID}@1.2.3.4:26656");
    assert_eq!(one(ID, "1.2.3.4", 26656), Ok(vec![plain.clone()]));
    assert_eq!(one(&ID.to_uppercase(), "::ffff:1.2.3.4", 26656), Ok(vec![plain.clone()]));
    assert_eq!(one(ID, "0:0:0:0:0:FFFF:0102:0304", 26656), Ok(vec![plain]));
    assert_eq!(one(ID, "2A00:0::01", 1), Ok(vec![format!("{ID}@[2a00::1]:1")]));
}

#[test]
fn what_can_never_be_dialled_is_left_out_without_penalty() {
    for ip in ["0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "2001:db8::1"] {
        assert_eq!(one(ID, ip, 26656), Ok(vec![]), "{ip}");
    }
    assert_eq!(one(ID, "1.2.3.4", 0), Ok(vec![]));
    for id in ["", "0123", &ID.replace('0', "g"), &format!("{ID}0")] {
        assert_eq!(one(id, "1.2.3.4", 26656), Ok(vec![]), "{id}");
    }
}

/// Go's `net.ParseIP` refuses these, and then CometBFT bans the sender (`p2p/pex/pex_reactor.go: Receive`).
#[test]
fn an_invalid_address_invalidates_the_message() {
    for ip in
        ["", "1.2.3", "01.2.3.4", "256.1.1.1", "fe80::1%eth0", "1.2.3.4::", "1::2::3", "12345::", "host", " 1.2.3.4"]
    {
        let around = vec![entry(ID, "1.2.3.4", 1), entry(ID, ip, 1), entry(ID, "1.2.3.5", 1)];
        assert_eq!(read(&message(around)), Err(PexError::BadAddress), "{ip}");
    }
    assert_eq!(one(ID, "1.2.3.4", 65_536), Err(PexError::BadAddress));
    assert_eq!(one("no ID", "nowhere", 1), Err(PexError::BadAddress), "its ID does not excuse it");
    assert_eq!(Fault::from(PexError::BadAddress), Fault::BadAddress);
}

#[test]
fn what_is_not_a_message_is_told_apart() {
    assert_eq!(read(&[]), Err(PexError::Empty));
    assert_eq!(read(&[0x1a, 0x00]), Err(PexError::Empty), "a kind that this version does not know");
    for undecodable in [&[0x12, 0x05][..], &[0x08, 0x01], &[0x12, 0x02, 0x08, 0x01], &[0x12, 0x03, 0x0a, 0x05, 0x0a]] {
        assert_eq!(read(undecodable), Err(PexError::Undecodable), "{undecodable:x?}");
    }
    let torn = [message(vec![entry(ID, "nowhere", 1)]), vec![0xff]].concat();
    assert_eq!(read(&torn), Err(PexError::Undecodable), "what does not decode is not judged by its addresses");
}

/// Fields of later versions are skipped; the last of several kinds counts, even after an invalid one.
#[test]
fn what_a_go_reader_tolerates_is_tolerated() {
    let two = [message(vec![entry(ID, "nowhere", 1)]), vec![0x78, 0x01, 0x0a, 0x02, 0x08, 0x01]].concat();
    assert_eq!(read(&two), Ok(Received::Request));
}

fn many(count: u16) -> Vec<u8> {
    message((0..count).map(|n| entry(ID, &format!("1.2.{}.{}", n >> 8, n & 255), 1)).collect())
}

#[test]
fn of_many_addresses_a_random_part_is_used() {
    let sample = |seed| match decode(&many(1000), &mut SeededRng::from_seed([seed; 32])) {
        Ok(Received::Addresses { addresses, total: 1000 }) => addresses.into_iter().collect::<BTreeSet<_>>(),
        other => panic!("{other:?}"),
    };
    let samples: Vec<_> = (0..100).map(sample).collect();
    assert!(samples.iter().all(|sample| sample.len() == MAX_ADDRESSES), "no address twice");
    for n in [0_u16, 249, 250, 251, 500, 999] {
        let ip = std::net::Ipv4Addr::new(1, 2, (n >> 8) as u8, n as u8);
        let drawn = samples.iter().filter(|sample| sample.iter().any(|address| address.ip() == ip)).count();
        // 25 of 100 are expected; the deviation is 4.3.
        assert!((8..=42).contains(&drawn), "address {n} was drawn {drawn} times of 100");
    }
}

#[test]
fn ten_thousand_tiny_addresses_are_counted_and_not_kept() {
    let tiny = b"\x0a\x04\x12\x02::".repeat(10_000);
    let mut bomb = vec![0x12];
    prost::encode_length_delimiter(tiny.len(), &mut bomb).unwrap();
    bomb.extend(tiny);
    assert_eq!(read(&bomb), Ok(Received::Addresses { addresses: vec![], total: 10_000 }));
}

#[test]
fn a_full_answer_fits_the_channel() {
    let ip = "2a00:1111:2222:3333:4444:5555:6666:7777".parse().unwrap();
    let address = NetAddress::new(NodeId::from_bytes([0xff; 20]), ip, 65_535).unwrap();
    let answer = encode(&Outgoing::Addresses(vec![address; MAX_ADDRESSES].into()));
    assert!(answer.len() <= 95 * MAX_ADDRESSES + 4);
}

fn any_address() -> impl Strategy<Value = NetAddress> {
    any::<([u8; 20], std::net::IpAddr, u16)>()
        .prop_filter_map("dialable", |(id, ip, port)| NetAddress::new(NodeId::from_bytes(id), ip, port).ok())
}

proptest! {
    #[test]
    fn the_bytes_are_another_implementations(addresses in proptest::collection::vec(any_address(), 0..=MAX_ADDRESSES)) {
        let entries = addresses
            .iter()
            .map(|address| entry(&address.id().to_string(), &address.ip().to_string(), address.port().into()))
            .collect();
        let encoded = encode(&Outgoing::Addresses(addresses.clone().into()));
        prop_assert_eq!(&encoded, &message(entries));
        let total = addresses.len() as u32;
        prop_assert_eq!(read(&encoded), Ok(Received::Addresses { addresses, total }));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let mut framed = vec![0x12];
        prost::encode_length_delimiter(bytes.len(), &mut framed).unwrap();
        framed.extend(bytes);
        let _ = read(&framed);
    }
}
