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

#[test]
fn what_decides_the_next_dial_and_the_place_of_an_address_are_told() {
    let (mut book, address) = (small_book(1_024), at(1, 1));
    let explain = |book: &Book, address: &NetAddress| book.explain(now(), address).unwrap();
    let fail = |book: &mut Book, address: &NetAddress, hold| {
        book.mark_failed(now(), address, DialOutcome::TimedOut, hold);
    };
    assert_eq!(book.explain(now(), &address), None);
    book.add(now(), address, source(0), &mut rng()).unwrap();
    let never = |of| TablePlace::NeverReached { of, at_most: 128 };
    assert_eq!(explain(&book, &address), (NextDialReason::NeverTried, never(1)));

    // Another ID at its ip:port, where nobody answers.
    let twin = NetAddress::new(id(2), address.ip(), address.port()).unwrap();
    book.add(now(), twin, source(0), &mut rng()).unwrap();
    fail(&mut book, &twin, false);
    assert_eq!(explain(&book, &twin), (NextDialReason::Failed, never(2)));
    fail(&mut book, &twin, false);
    assert_eq!(explain(&book, &address), (NextDialReason::SameEndpoint, never(2)));

    book.mark_reached(now(), &address, DialOutcome::Reached);
    assert_eq!(explain(&book, &address), (NextDialReason::Answered, TablePlace::Verified));
    fail(&mut book, &address, true);
    assert_eq!(explain(&book, &address), (NextDialReason::Held, TablePlace::Verified));
    fail(&mut book, &address, false);
    assert_eq!(explain(&book, &address), (NextDialReason::Failed, TablePlace::Lapsed { of: 1, at_most: 256 }));

    let dead = at(3, 3);
    book.add(now(), dead, source(0), &mut rng()).unwrap();
    (0..params::GIVEN_UP_FAILURES).for_each(|_| fail(&mut book, &dead, false));
    book.add(now(), dead, source(0), &mut rng()).unwrap();
    assert_eq!(explain(&book, &dead), (NextDialReason::GivenUp, never(2)), "back with its trace");
    book.ban(&dead.id());
    assert_eq!(explain(&book, &dead).1, TablePlace::Banned);

    let late = at(4, 4);
    book.add(now(), late, source(0), &mut rng()).unwrap();
    fail(&mut book, &late, true);
    assert_eq!(explain(&book, &late).0, NextDialReason::Held, "it was never reached, in an outage");
    let busy = at(5, 5);
    book.add(now(), busy, source(0), &mut rng()).unwrap();
    while book.due(now()).unwrap() != busy {}
    book.untake(now(), &busy);
    assert_eq!(explain(&book, &busy).0, NextDialReason::PutOff);
}

#[test]
fn what_answers_since_a_trace_was_left_is_not_held_by_it_after_a_restart() {
    let (mut book, address) = (small_book(1_024), at(1, 1));
    book.add(now(), address, source(0), &mut rng()).unwrap();
    for _ in 0..params::GIVEN_UP_FAILURES {
        book.mark_failed(now(), &address, DialOutcome::TimedOut, false);
    }
    assert!(!book.has(&address.id()), "given up: a trace is left");
    book.add(now(), address, source(0), &mut rng()).unwrap();
    book.mark_reached(now().after(hours(1)), &address, DialOutcome::Reached);
    let traces = std::iter::from_fn(|| book.take_dirty_trace()).filter_map(|(_, trace)| trace).collect();
    let stored = StoredBook { traces, ..stored(book.page(None, usize::MAX)) };
    let (loaded, _) = Book::load(book.params.clone(), KEY, stored, now().after(hours(1)));
    let due = loaded.due_at(&address).unwrap().since(now().after(hours(1)).mono);
    assert!(due < Duration::from_mins(30), "{due:?}");
}
