//! Queries.

use super::*;

#[test]
fn fewer_than_a_thousand_ids_are_not_enough() {
    let mut book = book();
    for n in 0..1000 {
        assert!(book.needs_more());
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
    }
    assert!(!book.needs_more());
}
