//! Tests of the book through its public functions.

mod add_address;
mod ban_and_remove;
mod crawl_schedule;
mod dirty;
mod eclipse;
mod groups;
pub(crate) mod invariants;
mod load;
mod lookup;
mod mark_outcome;
mod membership;
mod memory;
mod random;
mod schedule_law;
mod selection;
mod source_accounts;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rand::SeedableRng as _;

use super::*;
use crate::types::{DialOutcome, SeededRng, Wall};

const KEY: HashKey = HashKey::from_bytes(*b"an immutable key");

fn now() -> Now {
    Now { mono: Mono::from_micros(1_000_000_000), wall: Wall::from_secs(1_750_000_000) }
}

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

fn rng() -> SeededRng {
    SeededRng::seed_from_u64(7)
}

fn id(n: u32) -> NodeId {
    let mut bytes = [0; NodeId::LEN];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    NodeId::from_bytes(bytes)
}

fn params() -> Params {
    Params::new(id(u32::MAX), true)
}

fn book() -> Book {
    Book::new(params(), KEY)
}

/// The book of a node: not crawled, and it serves what did not fail.
fn node_book() -> Book {
    Book::new(Params::new(id(u32::MAX), false), KEY)
}

/// A small book, of so many addresses.
fn small_book(capacity: usize) -> Book {
    Book::new(Params { capacity, ..params() }, KEY)
}

/// An IP in group `group` of 30,000 routable ones.
fn ip(group: u32, host: u32) -> IpAddr {
    let first = 11 + group / 250;
    assert!(first < 100);
    IpAddr::V4(Ipv4Addr::from_bits((first << 24) | ((group % 250) << 16) | host))
}

/// ID `n` at an endpoint of its own, in group `group`.
fn at(n: u32, group: u32) -> NetAddress {
    NetAddress::new(id(n), ip(group, n % 60_000 + 1), 26656).unwrap()
}

fn source(group: u32) -> Source {
    Source { id: id(1_000_000 + group), ip: ip(group, 9) }
}

/// What a store has of these records.
fn stored(records: impl IntoIterator<Item = Record>) -> StoredBook {
    StoredBook { records: records.into_iter().collect(), ..StoredBook::default() }
}

/// Adds until chance admits it.
fn insist(book: &mut Book, now: Now, address: NetAddress, source: Source, rng: &mut SeededRng) -> Added {
    (0..200)
        .map(|_| book.add(now, address, source, rng).unwrap())
        .find(|added| *added != Added::Unchanged)
        .unwrap_or(Added::Unchanged)
}

/// Adds an address and makes its ID old.
fn add_old(book: &mut Book, now: Now, address: NetAddress) {
    book.add(now, address, source(0), &mut rng()).unwrap();
    book.mark_reached(now, &address, DialOutcome::Reached);
    assert_eq!(book.mark_reached(now.after(hours(3)), &address, DialOutcome::Reached), MarkOutcome::Promoted);
}

/// A full book of so many addresses: a fifth of it old, most of the rest verified.
fn full_book(capacity: usize) -> Book {
    let (mut book, rng) = (small_book(capacity), &mut rng());
    let capacity = capacity as u32;
    for n in 0..capacity {
        let address = at(n, n * 7 % 20_000);
        book.add(now(), address, source(n % 20_000), rng).unwrap();
        if n < capacity / 8 * 7 {
            book.mark_reached(now(), &address, DialOutcome::Reached);
        }
        if n < capacity / 5 {
            book.mark_reached(now().after(hours(3)), &address, DialOutcome::Reached);
        }
    }
    book
}
