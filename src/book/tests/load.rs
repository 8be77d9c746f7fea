//! Loading books that were stored, and records that no book would store.

use super::*;

fn load(records: Vec<Record>, now: Now) -> (Book, LoadReport) {
    let (book, report) = Book::load(params(), KEY, stored(records), now);
    invariants::check(&book);
    (book, report)
}

/// A record as a book would store it.
pub(super) fn record(address: NetAddress) -> Record {
    let mut book = book();
    book.add(now(), address, source(0), &mut rng()).unwrap();
    book.get(&address).unwrap()
}

fn old(address: NetAddress) -> Record {
    let mut book = book();
    add_old(&mut book, Now { wall: now().wall - hours(9), ..now() }, address);
    book.get(&address).unwrap()
}

#[test]
fn a_full_book_comes_back_as_it_was() {
    let mut book = full_book(16_384);
    for n in (0..2000).step_by(3) {
        book.ban(&id(n));
    }
    let records = book.page(None, usize::MAX);
    let later = now().after(hours(20));
    let (mut loaded, report) = load(records.clone(), later);
    assert_eq!(report, LoadReport { loaded: records.len(), repaired: 0, skipped: 0 });
    assert_eq!(loaded.page(None, usize::MAX), records);
    assert_eq!(loaded.counts(), book.counts());
    assert!(!loaded.has_dirty() && loaded.take_dirty(9).is_empty());
}

#[test]
fn what_may_not_be_stored_any_more_leaves_the_store_too() {
    let mut params = params();
    params.private_ids = [id(1), source(5).id].into();
    params.own_endpoints = vec![at(2, 0).socket()];
    let mut from_private = record(at(3, 0));
    from_private.source = source(5);
    let lan = format!("{}@10.0.0.1:1", id(4)).parse().unwrap();
    let records = [record(at(1, 0)), record(at(2, 0)), from_private, Record { address: lan, ..record(at(4, 0)) }];
    let (mut book, report) = Book::load(params, KEY, stored(records.clone()), now());
    assert_eq!(report, LoadReport { loaded: 0, repaired: 0, skipped: 4 });
    let deleted: Vec<NetAddress> =
        book.take_dirty(9).into_iter().filter(|(_, row)| row.is_none()).map(|(a, _)| a).collect();
    assert_eq!(deleted, records.map(|r| r.address));
    assert!(!book.has_dirty() && book.is_empty());
}

#[test]
fn an_address_twice_or_an_id_in_two_states_is_sorted_out() {
    let (book, report) = load(vec![record(at(1, 0)), old(at(1, 0))], now());
    assert_eq!((report.loaded, report.skipped, book.is_old(&id(1))), (1, 1, false));
    let (book, report) = load(vec![old(at(1, 0)), record(at(1, 1)), old(at(1, 2))], now());
    assert_eq!((report.loaded, report.skipped, book.is_old(&id(1))), (1, 2, true));
    let (book, report) = load(vec![record(at(1, 0)), old(at(1, 1))], now());
    assert_eq!((report.loaded, report.repaired, book.is_old(&id(1))), (2, 1, false));
    let banned = Record { state: State::Banned, ..record(at(1, 1)) };
    for records in [vec![record(at(1, 0)), banned.clone()], vec![banned, record(at(1, 0))]] {
        let (book, report) = load(records, now());
        assert_eq!((report.loaded, book.state(&id(1))), (2, Some(State::Banned)));
    }
}

#[test]
fn more_than_fits_is_left_out() {
    let records: Vec<Record> = (0..1_100).map(|n| record(at(n, 0))).collect();
    let small = Params { capacity: 1_024, ..params() };
    let (mut book, report) = Book::load(small, KEY, stored(records), now());
    assert_eq!((report.loaded, report.skipped), (1_024, 76));
    assert_eq!(book.take_dirty(99).len(), 76);
    let five: Vec<Record> = (0..5).map(|group| record(at(1, group))).collect();
    assert_eq!(load(five, now()).1, LoadReport { loaded: 4, repaired: 0, skipped: 1 });
    let many: Vec<Record> = (0..1100).map(|n| Record { state: State::Banned, ..record(at(n, n)) }).collect();
    let (book, report) = load(many, now());
    assert_eq!((book.counts().banned, report.loaded), (1000, 1000));
}

#[test]
fn what_cannot_be_true_is_not_trusted() {
    let future = now().wall + hours(1000);
    let lie = Record {
        added: future,
        last_attempt: future,
        last_success: future,
        reached_since: future,
        attempts: u16::MAX,
        ..record(at(1, 0))
    };
    let (book, _) = load(vec![lie.clone()], now());
    let untried = Record { last_attempt: now().wall, ..record(at(1, 0)) };
    assert_eq!(book.get(&at(1, 0)), Some(untried), "never tried, but dialled once: it left and came back");
    let (book, _) = load(vec![Record { outcome: DialOutcome::TimedOut, verified: true, ..lie.clone() }], now());
    let read = book.get(&at(1, 0)).unwrap();
    assert_eq!((read.last_attempt, read.last_success, read.added), (now().wall, now().wall, now().wall));
    let never = Record { last_success: Wall::NEVER, outcome: DialOutcome::Reached, verified: true, ..lie };
    let (book, _) = load(vec![never], now());
    assert_eq!((book.servable(), book.get(&at(1, 0)).unwrap().verified), (0, false));
    for wall in [i64::MIN, -1, i64::MAX] {
        let wall = Wall::from_millis(wall);
        let odd = Record { added: wall, last_attempt: wall, outcome: DialOutcome::Refused, ..record(at(1, 0)) };
        load(vec![odd], Now { wall, ..now() });
    }
}

#[test]
fn the_crawl_goes_on_where_it_was() {
    let mut book = book();
    for n in 0..4 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
    }
    book.mark_reached(now(), &at(1, 1), DialOutcome::Reached);
    for _ in 0..4 {
        book.mark_failed(now(), &at(2, 2), DialOutcome::Refused, false);
    }
    let restart = Now { mono: Mono::ZERO, wall: now().wall + Duration::from_mins(10) };
    let (mut book, _) = load(book.page(None, 9), restart);
    let due = |book: &mut Book, secs| {
        let mut due: Vec<NetAddress> = std::iter::repeat_with(|| book.due(restart.after(Duration::from_secs(secs))))
            .map_while(|address| address)
            .collect();
        due.sort();
        due
    };
    assert_eq!(due(&mut book, 0), [at(0, 0), at(3, 3)], "never tried");
    assert_eq!(due(&mut book, 5), [at(1, 1)], "its six minutes are over");
    assert_eq!(due(&mut book, 6 * 60 - 1), []);
    assert_eq!(due(&mut book, 10 * 60 + 1), [at(2, 2)], "16 minutes after its fourth failure, and at most 20");
}

#[test]
fn a_trace_of_the_future_is_repaired_and_the_store_follows() {
    let trace = |last_attempt| TraceRecord { hash: 7, last_attempt, attempts: 2, outcome: DialOutcome::TimedOut };
    let (past, present, future) = (now().wall - hours(1), now().wall, now().wall + hours(1));
    for (stored, follows) in [(past, None), (future, Some((7, Some(trace(present)))))] {
        let stored = StoredBook { traces: vec![trace(stored)], ..StoredBook::default() };
        let (mut book, _) = Book::load(params(), KEY, stored, now());
        assert_eq!(book.take_dirty_trace(), follows);
    }
}
