//! What gives way when the book is full, and what does not.

use std::collections::BTreeSet;

use super::*;

const CAPACITY: usize = 1_024;

/// A full small book: `verified` reached, the rest never tried, each from a source group of its own.
fn full(verified: u32) -> Book {
    let (mut book, rng) = (small_book(CAPACITY), &mut rng());
    for n in 0..CAPACITY as u32 {
        assert_eq!(book.add(now(), at(n, n), source(n), rng), Ok(Added::New));
        if n < verified {
            book.mark_reached(now(), &at(n, n), DialOutcome::Reached);
        }
    }
    book
}

#[test]
fn what_was_reached_does_not_give_way_to_hearsay() {
    let (mut book, rng) = (full(800), &mut rng());
    for n in 10_000..20_000 {
        let _ = book.add(now(), at(n, n % 20_000), source(n % 20_000), rng);
    }
    assert_eq!(book.counts().addresses, CAPACITY);
    assert!((0..800).all(|n| book.get(&at(n, n)).is_some_and(|record| record.verified)));
    invariants::check(&book);
}

#[test]
fn of_what_nobody_reached_that_which_failed_gives_way_first() {
    let (mut book, rng) = (small_book(CAPACITY), &mut rng());
    // A source has an eighth of the table, 128; it may bring 64 an hour.
    let add = |book: &mut Book, range: std::ops::Range<u32>, hour, rng: &mut SeededRng| {
        range.for_each(|n| _ = book.add(now().after(hours(hour)), at(n, n), source(7), rng).unwrap());
    };
    add(&mut book, 0..64, 0, rng);
    add(&mut book, 64..128, 1, rng);
    for n in 0..50 {
        book.mark_failed(now().after(hours(1)), &at(n, n), DialOutcome::Refused, false);
    }
    add(&mut book, 1_000..1_050, 2, rng);
    assert!((0..50).all(|n| !book.has(&id(n))) && (50..128).all(|n| book.has(&id(n))));
    add(&mut book, 1_050..1_055, 2, rng);
    assert_eq!(book.size(), CAPACITY / 8, "from here on chance decides");
}

#[test]
fn a_flood_from_one_group_displaces_itself() {
    let (mut book, rng) = (small_book(CAPACITY), &mut rng());
    for n in 0..600 {
        book.add(now(), at(n, n), source(n), rng).unwrap();
    }
    let mut time = now();
    for n in 10_000..20_000 {
        time = time.after(Duration::from_secs(60));
        let _ = book.add(time, at(n, n % 20_000), source(9_999), rng);
    }
    let kept = (0..600).filter(|&n| book.has(&id(n))).count();
    assert!(kept >= 598, "{kept}: but for those who share its bucket by chance");
    assert!(book.size() <= 600 + CAPACITY / 8);
}

#[test]
fn a_source_has_a_token_bucket_and_we_have_none() {
    let (mut book, rng) = (small_book(CAPACITY), &mut rng());
    let burst = (CAPACITY / params::SOURCE_BURST_DIVISOR) as u32;
    for n in 0..burst {
        assert_eq!(book.add(now(), at(n, n), source(1), rng), Ok(Added::New), "{n}");
    }
    assert_eq!(book.add(now(), at(900, 1), source(1), rng), Err(Refused::SourceRate));
    assert_eq!(book.add(now(), at(0, 0), source(1), rng), Ok(Added::Unchanged), "a known one costs nothing");
    assert_eq!(book.add(now(), at(900, 1), source(2), rng), Ok(Added::New), "another source");
    let later = now().after(hours(1) / burst);
    assert_eq!(book.add(later, at(901, 1), source(1), rng), Ok(Added::New));
    assert_eq!(book.add(later, at(902, 1), source(1), rng), Err(Refused::SourceRate));
    let ours = Source { id: id(u32::MAX), ip: ip(1, 9) };
    for n in 2_000..2_200 {
        book.add_surely(later, at(n, n), ours).unwrap();
    }
}

#[test]
fn one_that_was_reached_takes_a_place_only_from_one_that_does_not_answer_a_test() {
    for answers in [true, false] {
        let most = (CAPACITY / 8 * params::VERIFIED_EIGHTHS) as u32;
        let mut book = full(most);
        let newcomer = at(CAPACITY as u32 - 1, CAPACITY as u32 - 1);
        assert_eq!(book.mark_reached(now(), &newcomer, DialOutcome::Reached), MarkOutcome::Verified);
        assert_eq!(book.verified(), most as usize + 1);
        // The one that is tested is due as soon as its ip:port may be dialled again, before all others.
        let later = now().after(Duration::from_secs(121));
        let tested = loop {
            let due = book.due(later).expect("one is tested");
            if book.get(&due).is_some_and(|record| record.verified) {
                break due;
            }
        };
        if answers {
            book.mark_reached(later, &tested, DialOutcome::Reached);
        } else {
            book.mark_failed(later, &tested, DialOutcome::TimedOut, false);
        }
        assert_eq!(book.get(&newcomer).is_some(), !answers);
        assert_eq!(book.verified(), most as usize);
        invariants::check(&book);
    }
}

#[test]
fn four_ids_are_kept_for_one_endpoint_and_a_reached_one_stays() {
    let (mut book, rng) = (book(), &mut rng());
    let here = |n: u32| NetAddress::new(id(n), ip(3, 3), 26_656).unwrap();
    for n in 0..4 {
        book.add(now(), here(n), source(n), rng).unwrap();
    }
    book.mark_reached(now(), &here(2), DialOutcome::Reached);
    for n in 4..300 {
        book.add(now(), here(n), source(n), rng).unwrap();
    }
    assert_eq!((book.size(), book.is_servable(&here(2))), (4, true));
    invariants::check(&book);
}

#[test]
fn a_full_book_holds_what_it_says_and_still_learns() {
    let mut book = full_book(8_192);
    assert_eq!(book.counts().addresses, 8_192);
    let verified = book.verified();
    assert_eq!(book.add(now().after(hours(5)), at(3_000_000, 9), source(9), &mut rng()), Ok(Added::New));
    assert_eq!((book.counts().addresses, book.verified()), (8_192, verified));
    invariants::check(&book);
}

#[test]
fn what_has_lapsed_gives_way_after_what_was_never_reached() {
    let (mut book, rng) = (full(700), &mut rng());
    for n in 0..100 {
        book.mark_failed(now(), &at(n, n), DialOutcome::TimedOut, false);
    }
    let mut n = 10_000;
    while (700..CAPACITY as u32).any(|n| book.has(&id(n))) {
        let _ = book.add(now(), at(n, n % 20_000), source(n % 20_000), rng);
        n += 1;
        assert!(n < 40_000);
    }
    let lapsed: BTreeSet<u32> = (0..100).filter(|&n| book.has(&id(n))).collect();
    assert_eq!(lapsed.len(), 100);
}
