//! Keyed hashes, so that no attacker can aim: which part of the table a source has, where an entry is in the indices,
//! and the book's own chance (CometBFT `p2p/pex/addrbook.go: hash`).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher13;

use super::params::SOURCE_BUCKETS;
use crate::types::{Group, NetAddress, NodeId};

/// The key of the hashes. It is stored with the book, so that a source keeps its part of the table after a restart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u8; HashKey::LEN]);

impl HashKey {
    /// The length of a key in bytes.
    pub const LEN: usize = 16;

    /// The key with these bytes, which have to come from the operating system's entropy, once in a book's life.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        HashKey(bytes)
    }

    /// The bytes, to be stored.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// The key is not shown: knowing it, an attacker can choose whom to share a bucket with.
impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// What a hash is for; the first byte of its input, so that no two uses share a hash.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Use {
    Id = 0,
    Source = 1,
    Group = 2,
    Endpoint = 3,
    Address = 4,
    Chance = 5,
    Alias = 6,
}

/// The hashes of one book.
#[derive(Clone, Copy)]
pub(super) struct KeyedHash {
    hasher: SipHasher13,
}

impl KeyedHash {
    pub(super) fn new(key: HashKey) -> Self {
        KeyedHash { hasher: SipHasher13::new_with_key(&key.0) }
    }

    /// Of an ID, for the index of IDs.
    pub(super) fn of_id(&self, id: &NodeId) -> u64 {
        self.hash::<21>(Use::Id, &[id.as_bytes()])
    }

    /// Of an ID, for what it is called where it may not be told.
    pub(super) fn alias(&self, id: &NodeId) -> u32 {
        (self.hash::<21>(Use::Alias, &[id.as_bytes()]) >> 32) as u32
    }

    /// Of an ip:port, for the index of endpoints and for traces.
    pub(super) fn of_endpoint(&self, endpoint: SocketAddr) -> u64 {
        self.hash::<19>(Use::Endpoint, &[&octets(endpoint.ip()), &endpoint.port().to_be_bytes()])
    }

    /// Of an id@ip:port, for traces.
    pub(super) fn of_address(&self, address: &NetAddress) -> u64 {
        let port = address.port().to_be_bytes();
        self.hash::<39>(Use::Address, &[address.id().as_bytes(), &octets(address.ip()), &port])
    }

    /// Of a group, for the index of groups.
    pub(super) fn of_group(&self, group: Group) -> u64 {
        self.hash::<7>(Use::Group, &[&group.to_bytes()])
    }

    /// The source bucket of a group of sources.
    pub(super) fn source_bucket(&self, source: Group) -> u16 {
        (self.hash::<7>(Use::Source, &[&source.to_bytes()]) % SOURCE_BUCKETS as u64) as u16
    }

    /// Hashes the parts as one input of at most `N` bytes.
    fn hash<const N: usize>(&self, purpose: Use, parts: &[&[u8]]) -> u64 {
        let mut text = [0; N];
        text[0] = purpose as u8;
        let mut end = 1;
        for part in parts {
            text[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        self.hasher.hash(&text[..end])
    }
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The chance by which the book evicts and spreads its dials: a sequence that nobody can foresee without the key. It is
/// the book's own, so that what a peer is answered says nothing about what will be evicted.
pub(super) struct Chance {
    hash: KeyedHash,
    count: u64,
}

impl Chance {
    pub(super) const fn new(hash: KeyedHash) -> Self {
        Chance { hash, count: 0 }
    }

    /// A number below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.count += 1;
        let drawn = self.hash.hash::<9>(Use::Chance, &[&self.count.to_be_bytes()]);
        // The upper half of the product: no division, and a bias below 2^-32.
        ((u128::from(drawn) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn hashes(byte: u8) -> KeyedHash {
        KeyedHash::new(HashKey::from_bytes([byte; 16]))
    }

    #[test]
    fn all_source_buckets_are_used_and_the_key_decides_which() {
        let (one, two) = (hashes(1), hashes(2));
        let groups = || (0..=u16::MAX).map(|n| Group::V4(n.to_be_bytes()));
        let used: BTreeSet<u16> = groups().map(|group| one.source_bucket(group)).collect();
        assert_eq!(used.len(), SOURCE_BUCKETS);
        let same = groups().filter(|&group| one.source_bucket(group) == two.source_bucket(group)).count();
        assert!(same < 200, "{same}");
    }

    #[test]
    fn chance_is_spread_evenly_and_never_out_of_bounds() {
        let mut chance = Chance::new(hashes(3));
        let mut times = [0; 7];
        (0..7_000).for_each(|_| times[chance.below(7)] += 1);
        assert!(times.iter().all(|n| (850..1150).contains(n)), "{times:?}");
        assert!((0..100).all(|_| chance.below(1) == 0));
    }

    #[test]
    fn an_alias_follows_from_the_key_and_not_from_the_id_alone() {
        let ids = || (0..=u8::MAX).map(|n| NodeId::from_bytes([n; NodeId::LEN]));
        let (one, two) = (hashes(1), hashes(2));
        let aliases: BTreeSet<u32> = ids().map(|id| one.alias(&id)).collect();
        assert_eq!(aliases.len(), 256);
        assert!(ids().all(|id| two.alias(&id) != one.alias(&id)));
    }

    #[test]
    fn the_bucket_of_a_key_is_fixed_for_ever() {
        let hashes = KeyedHash::new(HashKey::from_bytes(*b"0123456789abcdef"));
        assert_eq!(hashes.source_bucket(Group::V4([8, 8])), hashes.source_bucket(Group::V4([8, 8])));
    }
}
