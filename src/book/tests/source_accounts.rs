//! What each source brought, and what became of it.

use super::*;
use crate::types::{Group, group_of};

/// The sources of these tests: group 1 brings what happens to it, group 2 what only takes part.
const ONE: u32 = 1;
const TWO: u32 = 2;

fn group(n: u32) -> Group {
    group_of(source(n).ip, true, None)
}

/// Brought, reached, dead and refused.
fn counts(account: Option<SourceAccount>) -> [u32; 4] {
    let SourceAccount { brought, reached, dead, refused } = account.unwrap_or_default();
    [brought, reached, dead, refused]
}

fn reach(book: &mut Book, address: &NetAddress) {
    book.mark_reached(now(), address, DialOutcome::Reached);
}

fn fail(book: &mut Book, address: &NetAddress, hold: bool) {
    book.mark_failed(now(), address, DialOutcome::TimedOut, hold);
}

fn load(book: &Book) -> Book {
    Book::load(book.params.clone(), KEY, stored(book.page(None, usize::MAX)), now()).0
}

#[test]
fn each_turn_of_an_address_is_counted_for_who_brought_it_first() {
    type Turn = fn(&mut Book, &NetAddress);
    const FAIL: Turn = |b, a| fail(b, a, false);
    const HOLD: Turn = |b, a| fail(b, a, true);
    const LEAVE: Turn = |b, a| assert!(b.drop_address(a));
    const LOAD: Turn = |b, _| *b = load(b);
    const RESTORE: Turn = |b, a| assert!(b.restore(now(), a));
    const BAN: Turn = |b, a| assert!(b.ban(&a.id()));
    const REINSTATE: Turn = |b, a| assert!(b.reinstate(now(), &a.id()));
    const HEAR: Turn = |b, a| assert_eq!(b.add(now(), *a, source(TWO), &mut rng()), Ok(Added::Unchanged));
    const COME: Turn = |b, a| assert_eq!(b.add_surely(now(), *a, source(ONE)), Ok(Added::New));
    const GIVE_UP: Turn = |b, a| (0..params::GIVEN_UP_FAILURES).for_each(|_| fail(b, a, false));
    let cases: &[(&str, &[Turn], [u32; 4])] = &[
        ("added", &[], [1, 0, 0, 0]),
        ("advertised again by another one", &[HEAR], [1, 0, 0, 0]),
        ("reached", &[reach], [1, 1, 0, 0]),
        ("reached twice", &[reach, reach], [1, 1, 0, 0]),
        ("failed", &[FAIL], [1, 0, 1, 0]),
        ("failed twice", &[FAIL, FAIL], [1, 0, 1, 0]),
        ("failed, then reached", &[FAIL, reach], [1, 1, 0, 0]),
        ("reached, then failed", &[reach, FAIL], [1, 1, 0, 0]),
        ("failed in an outage", &[HOLD], [1, 0, 0, 0]),
        ("failed in an outage, then for certain", &[HOLD, FAIL], [1, 0, 1, 0]),
        ("reached, failed, restored", &[reach, FAIL, RESTORE], [1, 1, 0, 0]),
        ("left untried", &[LEAVE], [1, 0, 0, 0]),
        ("left dead", &[FAIL, LEAVE], [1, 0, 1, 0]),
        ("left when it was reached", &[reach, LEAVE], [1, 1, 0, 0]),
        ("left dead, and came back with its failures", &[FAIL, LEAVE, COME], [2, 0, 2, 0]),
        ("given up", &[GIVE_UP], [1, 0, 1, 0]),
        ("banned and reinstated", &[BAN, REINSTATE], [1, 0, 0, 0]),
        ("loaded untried", &[LOAD], [1, 0, 0, 0]),
        ("loaded dead", &[FAIL, LOAD], [1, 0, 1, 0]),
        ("loaded dead, then reached", &[FAIL, LOAD, reach], [1, 1, 0, 0]),
        ("loaded when it was reached", &[reach, FAIL, LOAD], [1, 1, 0, 0]),
        ("failed in an outage, then loaded", &[HOLD, LOAD], [1, 0, 0, 0]),
        ("loaded when it had left", &[LEAVE, LOAD], [0, 0, 0, 0]),
    ];
    for (what, turns, expected) in cases {
        let (mut book, address) = (book(), at(1, 7));
        book.watch_sources([source(ONE).id]);
        book.add(now(), address, source(ONE), &mut rng()).unwrap();
        for turn in *turns {
            turn(&mut book, &address);
        }
        // After a load it is the node that says again whom to watch.
        book.watch_sources([source(ONE).id]);
        invariants::check(&book);
        assert_eq!(counts(book.source_account(group(ONE))), *expected, "{what}");
        assert_eq!(counts(book.watched_account(&source(ONE).id)), *expected, "{what}, by ID");
        assert_eq!(counts(book.source_account(group(TWO))), [0; 4], "{what}");
    }
}

#[test]
fn what_the_rate_keeps_out_is_counted_as_refused() {
    let mut book = small_book(1_024);
    book.watch_sources([source(ONE).id]);
    let burst = 1_024 / params::SOURCE_BURST_DIVISOR as u32;
    for n in 0..burst + 9 {
        let added = book.add(now(), at(n, n), source(ONE), &mut rng());
        assert_eq!(added.is_ok(), n < burst, "{n} {added:?}");
    }
    // Known ones cost nothing.
    book.add(now(), at(0, 0), source(ONE), &mut rng()).unwrap();
    assert_eq!(counts(book.source_account(group(ONE))), [burst, 0, 0, 9]);
    assert_eq!(counts(book.watched_account(&source(ONE).id)), [burst, 0, 0, 9]);
}

#[test]
fn what_is_refused_for_another_reason_is_not_the_sources_fault() {
    let mut book = book();
    book.add(now(), at(1, 0), source(ONE), &mut rng()).unwrap();
    book.ban(&id(1));
    assert_eq!(book.add(now(), at(1, 1), source(ONE), &mut rng()), Err(Refused::Banned));
    assert_eq!(counts(book.source_account(group(ONE))), [1, 0, 0, 0]);
}

#[test]
fn what_was_evicted_still_counts_for_its_source() {
    let mut book = small_book(256);
    for n in 0..400 {
        book.add(now(), at(n, n), source(n % 50), &mut rng()).unwrap();
    }
    assert_eq!(book.counts().addresses, 256);
    (0..50).for_each(|n| assert_eq!(counts(book.source_account(group(n))), [8, 0, 0, 0], "{n}"));
    invariants::check(&book);
}

#[test]
fn operators_and_our_own_configuration_have_no_account() {
    let (mut book, own) = (book(), Source { id: id(u32::MAX), ip: source(ONE).ip });
    book.add_own(now(), at(1, 0), own).unwrap();
    fail(&mut book, &at(1, 0), false);
    assert_eq!(book.source_accounts(None, usize::MAX), []);
    assert_eq!(load(&book).source_accounts(None, usize::MAX), []);
}

#[test]
fn peers_of_one_group_share_its_account_and_an_id_that_is_watched_has_its_own() {
    let mut book = book();
    let other = Source { id: id(77), ip: ip(ONE, 200) };
    book.watch_sources([other.id]);
    book.add(now(), at(1, 0), source(ONE), &mut rng()).unwrap();
    book.add(now(), at(2, 0), other, &mut rng()).unwrap();
    reach(&mut book, &at(2, 0));
    assert_eq!(counts(book.source_account(group(ONE))), [2, 1, 0, 0]);
    assert_eq!(counts(book.watched_account(&other.id)), [1, 1, 0, 0]);
    assert_eq!(book.watched_account(&source(ONE).id), None);
}

#[test]
fn who_is_watched_from_now_on_begins_with_what_the_book_has() {
    let (mut book, by) = (book(), source(ONE).id);
    for n in 0..4 {
        book.add(now(), at(n, n), source(ONE), &mut rng()).unwrap();
    }
    reach(&mut book, &at(0, 0));
    fail(&mut book, &at(1, 1), false);
    book.drop_address(&at(3, 3));
    book.watch_sources([by, by]);
    assert_eq!(counts(book.watched_account(&by)), [3, 1, 1, 0]);
    book.drop_address(&at(2, 2));
    book.watch_sources([source(TWO).id, by]);
    assert_eq!(counts(book.watched_account(&by)), [3, 1, 1, 0], "who stays goes on");
    assert_eq!(counts(book.watched_account(&source(TWO).id)), [0; 4]);
    book.watch_sources([]);
    assert_eq!(book.watched_account(&by), None);
}

#[test]
fn the_accounts_of_a_loaded_book_are_those_that_have_most() {
    let mut book = book();
    let most = params::MAX_SOURCE_ACCOUNTS as u32;
    for n in 0..most + 500 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
    }
    // The busiest come with the last records, and one by one.
    for n in 0..100 {
        for times in 0..3 {
            let address = at(u32::MAX - 10 - n - times * 100, n);
            book.add(now(), address, source(most + 499 - n), &mut rng()).unwrap();
        }
    }
    let loaded = load(&book);
    invariants::check(&loaded);
    let accounts = loaded.source_accounts(None, usize::MAX);
    assert_eq!(accounts.len(), params::MAX_SOURCE_ACCOUNTS);
    assert_eq!(accounts.iter().filter(|(_, account)| account.brought == 4).count(), 100);
}

#[test]
fn pages_of_accounts_are_in_the_order_of_the_groups() {
    let mut book = book();
    for n in 0..25 {
        book.add(now(), at(n, n), source(n * 31 % 25), &mut rng()).unwrap();
    }
    let all = book.source_accounts(None, usize::MAX);
    assert!(all.len() == 25 && all.is_sorted_by_key(|(group, _)| *group));
    let first = book.source_accounts(None, 10);
    let rest = book.source_accounts(first.last().map(|(group, _)| *group), usize::MAX);
    assert_eq!([first, rest].concat(), all);
}
