//! How much memory a book takes.

use super::*;

#[test]
fn an_entry_of_a_full_book_takes_at_most_260_bytes() {
    let book = full_book(params::SEED_CAPACITY);
    let each = book.memory() / book.counts().addresses;
    assert!(each <= 260, "{each} bytes an entry");
}

/// Of which some 80 are the account of its source, which brought nothing else here.
#[test]
fn an_entry_of_a_book_that_grows_takes_little_more() {
    let (mut book, rng) = (book(), &mut rng());
    for n in 0..30_000 {
        book.add(now(), at(n, n % 20_000), source(n % 20_000), rng).unwrap();
        if n % 1_000 == 999 {
            let each = book.memory() / (n as usize + 1);
            assert!(each <= 440, "{each} bytes an entry of {n}");
        }
    }
}

#[test]
fn an_empty_book_takes_at_most_16_kilobytes() {
    let bytes = book().memory();
    assert!(bytes <= 16 * 1024, "{bytes} bytes");
}
