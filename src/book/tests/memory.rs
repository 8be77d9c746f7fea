//! How much memory a book takes.

use super::*;

#[test]
fn an_entry_of_a_full_book_takes_at_most_200_bytes() {
    let book = full_book();
    let each = book.memory() / book.counts().addresses;
    assert!(each <= 200, "{each} bytes an entry");
}

#[test]
fn an_empty_book_takes_at_most_16_kilobytes() {
    let bytes = book().memory();
    assert!(bytes <= 16 * 1024, "{bytes} bytes");
}
