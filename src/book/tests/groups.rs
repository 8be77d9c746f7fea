//! Groups by autonomous systems.

use super::*;
use crate::testkit::{AsnField, asn_database};
use crate::types::{AsnTable, Group};

/// The autonomous system of groups 0 to 9, and that of group 10.
fn by_systems(params: Params) -> Params {
    let of = |group: u32| format!("{}/16", ip(group, 0));
    let ranges: Vec<(String, u32)> = (0..11).map(|group| (of(group), 64_500 + group / 10)).collect();
    let ranges: Vec<(&str, u32)> = ranges.iter().map(|(range, number)| (&**range, *number)).collect();
    let asn = AsnTable::new(asn_database("GeoLite2-ASN", AsnField::MaxMind, &ranges)).unwrap();
    Params { asn: Some(asn), ..params }
}

fn reached(book: &mut Book, address: NetAddress) {
    book.add(now(), address, source(99), &mut rng()).unwrap();
    book.mark_reached(now(), &address, DialOutcome::Reached);
}

#[test]
fn ranges_of_one_autonomous_system_share_one_group() {
    let mut book = Book::new(by_systems(params()), KEY);
    for (n, group) in [(1, 0), (2, 9), (3, 10), (4, 11)] {
        reached(&mut book, at(n, group));
    }
    let ids = |n, group| book.share(&at(n, group)).unwrap().group_ids;
    assert_eq!([ids(1, 0), ids(2, 9), ids(3, 10), ids(4, 11)], [2, 2, 1, 1]);
    assert_eq!(book.verified_groups(), 3);
    assert_eq!(book.group(&at(1, 0)), Group::As(64_500));
    assert_eq!(book.group(&at(4, 11)), Group::V4([11, 11]));
    invariants::check(&book);
}

#[test]
fn sources_of_one_autonomous_system_share_one_rate() {
    let refused = |params: Params| {
        let mut book = Book::new(Params { capacity: 1_024, ..params }, KEY);
        let added = (0..200).map(|n| book.add(now(), at(n, 20 + n), source(n % 10), &mut rng()));
        added.filter(|added| *added == Err(Refused::SourceRate)).count()
    };
    assert_eq!((refused(params()), refused(by_systems(params()))), (0, 136), "a sixteenth of the table at once");
}

/// What is stored has no groups: they are made when a book is loaded, by the table of that time.
#[test]
fn a_book_is_loaded_whatever_its_groups_were_before() {
    let mut book = book();
    (0..40).for_each(|n| reached(&mut book, at(n, n % 12)));
    let (mut records, mut groups) = (book.page(None, usize::MAX), Vec::new());
    for params in [params(), by_systems(params()), params()] {
        let (loaded, report) = Book::load(params, KEY, stored(records.clone()), now());
        invariants::check(&loaded);
        assert_eq!(report, LoadReport { loaded: 40, repaired: 0, skipped: 0 });
        assert_eq!(loaded.page(None, usize::MAX), records);
        records = loaded.page(None, usize::MAX);
        groups.push(loaded.verified_groups());
    }
    assert_eq!(groups, [12, 3, 12]);
}
