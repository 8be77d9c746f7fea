//! Which bucket an address belongs to: keyed hashes, so that no attacker can aim at a bucket (CometBFT
//! `p2p/pex/addrbook.go: calcNewBucket`, `calcOldBucket`).

use std::fmt;
use std::net::IpAddr;

use siphasher::sip::SipHasher13;

use super::params::{NEW_BUCKETS, NEW_BUCKETS_PER_GROUP, OLD_BUCKETS, OLD_BUCKETS_PER_GROUP};
use crate::types::{NetAddress, NodeId, group_of};

/// The key of the hashes that assign addresses to buckets; it is stored with the book, so that addresses keep their
/// buckets after a restart.
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

/// The key is not shown: knowing it, an attacker can aim at a bucket.
impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// What a hash is for; the first byte of its input, so that no two uses share a hash.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Use {
    Index = 0,
    NewSpread = 1,
    NewBucket = 2,
    OldSpread = 3,
    OldBucket = 4,
}

/// The hashes of one book.
#[derive(Clone, Copy)]
pub(super) struct BucketHash {
    hasher: SipHasher13,
    strict: bool,
}

impl BucketHash {
    pub(super) fn new(key: HashKey, strict: bool) -> Self {
        BucketHash { hasher: SipHasher13::new_with_key(&key.0), strict }
    }

    /// The hash of an ID in the index of the slab.
    pub(super) fn of_id(&self, id: &NodeId) -> u64 {
        self.hash::<21>(Use::Index, &[id.as_bytes()])
    }

    /// The new bucket of an address whose source has this IP, by the groups of both: those of one source group are
    /// spread over [`NEW_BUCKETS_PER_GROUP`] buckets.
    pub(super) fn new_bucket(&self, ip: IpAddr, source: IpAddr) -> u8 {
        let group = group_of(ip, self.strict).to_bytes();
        let source = group_of(source, self.strict).to_bytes();
        let spread = self.hash::<13>(Use::NewSpread, &[&group, &source]) % NEW_BUCKETS_PER_GROUP;
        let bucket = self.hash::<8>(Use::NewBucket, &[&source, &[spread as u8]]) % NEW_BUCKETS as u64;
        bucket as u8
    }

    /// The old bucket of an address: those of one group are spread over [`OLD_BUCKETS_PER_GROUP`] buckets.
    pub(super) fn old_bucket(&self, address: &NetAddress) -> u8 {
        let ip = match address.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let port = address.port().to_be_bytes();
        let group = group_of(address.ip(), self.strict).to_bytes();
        let spread = self.hash::<39>(Use::OldSpread, &[address.id().as_bytes(), &ip, &port]) % OLD_BUCKETS_PER_GROUP;
        let bucket = self.hash::<8>(Use::OldBucket, &[&group, &[spread as u8]]) % OLD_BUCKETS as u64;
        bucket as u8
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use super::*;

    fn placement(byte: u8) -> BucketHash {
        BucketHash::new(HashKey::from_bytes([byte; 16]), true)
    }

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(n))
    }

    #[test]
    fn a_source_group_spreads_over_at_most_32_new_buckets() {
        let hashes = placement(1);
        let buckets: BTreeSet<u8> =
            (0..60_000).map(|n| hashes.new_bucket(ip((n << 16) | 9), ip(0x0102_0304))).collect();
        assert!(buckets.len() <= 32 && buckets.len() > 20, "{}", buckets.len());
        let same_group = hashes.new_bucket(ip(0x0b16_0001), ip(0x0102_0304));
        assert_eq!(hashes.new_bucket(ip(0x0b16_fffe), ip(0x0102_ffff)), same_group);
    }

    #[test]
    fn a_group_spreads_over_at_most_4_old_buckets() {
        let hashes = placement(1);
        let buckets: BTreeSet<u8> = (1..2000)
            .map(|n| NetAddress::new(NodeId::from_bytes([3; 20]), ip(0x0b16_0000 + n), 26656).unwrap())
            .map(|address| hashes.old_bucket(&address))
            .collect();
        assert!(buckets.len() <= 4 && buckets.len() > 1, "{}", buckets.len());
    }

    #[test]
    fn all_buckets_are_used_and_the_key_decides_which() {
        let (one, two) = (placement(1), placement(2));
        let pairs = (0..20_000).map(|n: u32| (ip(n.wrapping_mul(0x9e37_79b9)), ip(n.wrapping_mul(0x85eb_ca6b))));
        let used: BTreeSet<u8> = pairs.clone().map(|(a, s)| one.new_bucket(a, s)).collect();
        assert_eq!(used.len(), NEW_BUCKETS);
        let same = pairs.filter(|&(a, s)| one.new_bucket(a, s) == two.new_bucket(a, s)).count();
        assert!(same < 1000, "{same}");
    }

    #[test]
    fn the_placement_of_a_key_is_fixed_for_ever() {
        let hashes = BucketHash::new(HashKey::from_bytes(*b"0123456789abcdef"), true);
        let address: NetAddress = "0101010101010101010101010101010101010101@8.8.4.4:26656".parse().unwrap();
        assert_eq!((hashes.new_bucket(ip(0x0808_0404), ip(0x0101_0101)), hashes.old_bucket(&address)), (54, 22));
    }
}
