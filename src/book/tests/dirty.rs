//! Changes that wait to be stored.

use super::*;

#[test]
fn a_flood_leaves_no_more_to_delete_than_was_stored() {
    let mut book = full_book(16_384);
    let stored = book.take_dirty(usize::MAX).len();
    let rng = &mut rng();
    for n in 1_000_000..1_040_000_u32 {
        let _ = book.add(now().after(hours(5)), at(n, n * 7 % 20_000), source(n % 20_000), rng);
    }
    let changes = book.take_dirty(usize::MAX);
    let deleted = changes.iter().filter(|(_, record)| record.is_none()).count();
    assert!(deleted <= stored && deleted > 1_000, "{deleted} of {stored}");
    assert!(changes.len() - deleted <= 16_384 / 8);
}

#[test]
fn removals_that_wait_to_be_stored_are_bounded() {
    let private = params::Params { private_ids: (0..70_000).map(id).collect(), capacity: 16_384, ..params() };
    let mut rows = Vec::new();
    for n in 0..70_000 {
        rows.push(Record { address: at(n, n % 20_000), ..load::record(at(70_000, 0)) });
    }
    let (mut book, report) = Book::load(private, KEY, stored(rows), now());
    assert_eq!(report.skipped, 70_000);
    assert_eq!(book.add(now(), at(70_001, 0), source(0), &mut rng()), Err(Refused::Backlog));
    assert_eq!(book.take_dirty(1).len(), 1);
    assert_eq!(book.add(now(), at(70_001, 0), source(0), &mut rng()), Ok(Added::New));
}
