//! Which address the crawl dials, and when.

use std::collections::BTreeSet;

use super::*;

const SPACING: Duration = params::RECHECK_SPACING;
const SECOND: Duration = Duration::from_secs(1);

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

/// When the next address is due, and which.
fn next(book: &mut Book, from: Now) -> (Now, NetAddress) {
    let mut time = from;
    loop {
        let next = book.next_due().expect("something waits");
        time = time.after(next.since(time.mono));
        if let Some(address) = book.due(time) {
            return (time, address);
        }
    }
}

fn wait(book: &mut Book, from: Now) -> Duration {
    next(book, from).0.mono.since(from.mono)
}

#[test]
fn untried_addresses_come_at_once_and_once() {
    let mut book = book();
    assert_eq!(book.next_due(), None);
    for n in 0..5 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
    }
    assert!(book.next_due().unwrap() <= now().mono);
    let due: BTreeSet<NetAddress> = (0..5).map(|_| book.due(now()).unwrap()).collect();
    assert_eq!(due, (0..5).map(|n| at(n, n)).collect());
    assert_eq!((book.due(now()), book.next_due()), (None, None));
}

#[test]
fn sources_take_turns_however_much_one_of_them_brings() {
    let (mut book, rng) = (book(), &mut rng());
    for n in 0..5_000 {
        book.add(now(), at(n, n), source(1), rng).unwrap();
    }
    for n in 10_000..10_003 {
        book.add(now(), at(n, n), source(n), rng).unwrap();
    }
    let due: BTreeSet<NetAddress> = (0..10).map(|_| book.due(now()).unwrap()).collect();
    assert!((10_000..10_003).all(|n| due.contains(&at(n, n))), "{due:?}");
}

#[test]
fn what_was_handed_out_comes_again_when_given_back_or_marked() {
    let mut book = book();
    book.add(now(), at(1, 1), source(1), &mut rng()).unwrap();
    book.untake(now(), &at(1, 1));
    assert_eq!(book.due(now()), Some(at(1, 1)), "nothing was taken");
    book.untake(now(), &at(1, 1));
    assert_eq!(book.due(now().after(minutes(2) - SECOND)), None);
    let again = now().after(minutes(2));
    assert_eq!(book.due(again), Some(at(1, 1)));
    assert_eq!(book.due(again.after(minutes(1))), None);
    let again = again.after(minutes(1));
    book.mark_reached(again, &at(1, 1), DialOutcome::Reached);
    let waited = wait(&mut book, again);
    assert!(waited >= minutes(4) && waited <= minutes(8) + SECOND, "{waited:?}");
}

#[test]
fn an_untried_address_that_was_put_off_is_due_again_on_request() {
    let mut book = book();
    book.add(now(), at(1, 1), source(1), &mut rng()).unwrap();
    book.due(now());
    book.retry_untried(now(), &id(1));
    assert_eq!(book.due(now()), None, "it is being dialled");
    book.untake(now(), &at(1, 1));
    book.retry_untried(now(), &id(1));
    assert_eq!(book.due(now()), Some(at(1, 1)));
    book.mark_failed(now(), &at(1, 1), DialOutcome::Refused, false);
    book.retry_untried(now(), &id(1));
    assert_eq!(book.due(now()), None, "a failed one keeps its wait");
}

#[test]
fn what_is_banned_is_never_due() {
    let mut book = book();
    for n in 0..3 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
        book.ban(&id(n));
    }
    book.retry_untried(now(), &id(1));
    assert_eq!((book.due(now()), book.next_due()), (None, None));
    for n in 0..3 {
        assert!(book.reinstate(now(), &id(n)));
        assert_eq!(book.due(now()), Some(at(n, n)));
    }
    invariants::check(&book);
}

#[test]
fn failing_addresses_wait_twice_as_long_each_time_and_a_little_more() {
    let mut book = book();
    book.add(now(), at(1, 1), source(1), &mut rng()).unwrap();
    book.mark_reached(now(), &at(1, 1), DialOutcome::Reached);
    let mut time = next(&mut book, now()).0;
    for least in [2, 4, 8, 16, 32, 64, 128, 256, 360, 360] {
        book.mark_failed(time, &at(1, 1), DialOutcome::TimedOut, false);
        let (next, _) = next(&mut book, time);
        let waited = next.mono.since(time.mono);
        let jitter = minutes(least) / params::JITTER_DIVISOR;
        assert!(waited >= minutes(least) && waited <= minutes(least) + jitter + SECOND, "{waited:?}, not {least} min");
        time = next;
    }
    book.mark_reached(time, &at(1, 1), DialOutcome::Reached);
    book.mark_failed(time, &at(1, 1), DialOutcome::TimedOut, true);
    assert!(wait(&mut book, time) <= minutes(8) + SECOND, "an outage is not its fault");
}

#[test]
fn who_answers_for_days_is_asked_less_often_and_who_flaps_more() {
    let mut waits = Vec::new();
    for answers in [|_: u32| true, |nth| nth % 3 != 0] {
        let mut book = book();
        book.add(now(), at(1, 1), source(1), &mut rng()).unwrap();
        let mut time = next(&mut book, now()).0;
        for nth in 0..3 * 24 * 4 {
            time = time.after(minutes(15));
            if answers(nth) {
                book.mark_reached(time, &at(1, 1), DialOutcome::Reached);
            } else {
                book.mark_failed(time, &at(1, 1), DialOutcome::TimedOut, false);
            }
        }
        time = time.after(minutes(15));
        book.mark_reached(time, &at(1, 1), DialOutcome::Reached);
        waits.push(wait(&mut book, time));
    }
    // The jitter is a third at most.
    assert!(waits[0] >= minutes(20) * 2 / 3 && waits[1] <= minutes(15) * 4 / 3, "{waits:?}");
}

#[test]
fn rechecks_are_spaced_and_each_comes_in_turn() {
    let mut book = book();
    for n in 0..2000 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
        book.due(now());
        book.mark_reached(now(), &at(n, n), DialOutcome::Reached);
    }
    let (mut time, mut dialled) = (now(), Vec::new());
    while dialled.len() < 2_000 {
        let (then, address) = next(&mut book, time);
        time = then;
        dialled.push((time.mono, address));
        book.mark_reached(time, &address, DialOutcome::Reached);
    }
    assert!(dialled.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= SPACING));
    let once: BTreeSet<NetAddress> = dialled.iter().map(|(_, address)| *address).collect();
    assert!(once.len() >= 1_990, "{} of 2,000: nobody waits for a second turn of others", once.len());
    let spread = dialled[1_999].0.since(dialled[0].0);
    assert!(spread >= minutes(1), "{spread:?}: jitter spreads what began together");
}

#[test]
fn neither_new_addresses_nor_checks_starve_the_other() {
    let mut book = book();
    for n in 0..100 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
        book.due(now());
        book.mark_reached(now(), &at(n, n), DialOutcome::Reached);
    }
    let later = now().after(minutes(10));
    for n in 100..200 {
        book.add(later, at(n, n), source(n), &mut rng()).unwrap();
    }
    let mut rechecks = 0;
    for turn in 0..20 {
        let address = book.due(later.after(SPACING * turn)).unwrap();
        rechecks += u32::from(address.id() < id(100));
    }
    assert_eq!(rechecks, 10);
}

#[test]
fn a_shorter_wait_can_be_configured() {
    let short = Duration::from_millis(500);
    let mut book = Book::new(Params { recheck: short, backoff: short, ..params() }, KEY);
    book.add(now(), at(1, 1), source(1), &mut rng()).unwrap();
    book.mark_failed(now(), &at(1, 1), DialOutcome::Refused, false);
    assert_eq!(wait(&mut book, now()), SECOND);
}

#[test]
fn ids_at_one_endpoint_are_dialled_one_after_the_other() {
    let (mut book, rng) = (book(), &mut rng());
    let here = |n: u32| NetAddress::new(id(n), ip(3, 3), 26_656).unwrap();
    for n in 0..3 {
        book.add(now(), here(n), source(n), rng).unwrap();
    }
    let first = book.due(now()).unwrap();
    assert_eq!(book.due(now().after(SECOND)), None, "another one is being dialled there");
    book.mark_failed(now().after(SECOND), &first, DialOutcome::WrongIdentity, false);
    let (then, second) = next(&mut book, now().after(SECOND));
    assert!(then.mono >= now().mono + minutes(2) && second != first);
    // Who really is there is dialled at once, but only once: else whoever shows a new ID each time would be.
    let (real, liar) = (here(50), here(51));
    book.mark_failed(then, &second, DialOutcome::WrongIdentity, false);
    for (dialled, actual, follows) in [(second, real, true), (real, liar, false)] {
        let time = then.after(SECOND);
        book.add_own(time, actual, Source { id: actual.id(), ip: actual.ip() }).unwrap();
        book.follow_up(time, &dialled, &actual);
        assert_eq!(book.due(time.after(SECOND)), follows.then_some(actual));
        book.mark_failed(time, &actual, DialOutcome::WrongIdentity, false);
    }
    let (then, second) = next(&mut book, then.after(SECOND));
    // Nobody is there: that holds for all of them.
    for _ in 0..5 {
        book.mark_failed(then, &second, DialOutcome::TimedOut, false);
    }
    let (then, _) = next(&mut book, then);
    assert!(then.mono >= now().mono + minutes(2 + 2 + 32), "{:?}", then.mono.since(now().mono));
}
