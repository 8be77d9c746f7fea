//! Which address the crawl dials, and when.

use super::*;

const SPACING: Duration = params::RECHECK_SPACING;

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

#[test]
fn untried_addresses_come_at_once_in_order_and_once() {
    let mut book = book();
    assert_eq!(book.next_due(), None);
    for n in 0..5 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
    }
    assert!(book.next_due().unwrap() <= now().mono);
    for n in 0..5 {
        assert_eq!(book.due(now()), Some(at(n, n)));
    }
    assert_eq!((book.due(now()), book.next_due()), (None, None));
}

#[test]
fn what_was_handed_out_comes_again_when_given_back_or_marked() {
    let mut book = book();
    book.add(now(), at(1, 1), source(1), &mut rng()).unwrap();
    book.untake(now(), &at(1, 1));
    assert_eq!(book.due(now()), Some(at(1, 1)), "nothing was taken");
    book.untake(now(), &at(1, 1));
    assert_eq!(book.due(now()), None);
    let again = now().after(minutes(2));
    assert_eq!(book.next_due(), Some(again.mono));
    assert_eq!(book.due(again), Some(at(1, 1)));
    assert_eq!(book.due(again.after(hours(9))), None);
    book.mark_reached(again, &at(1, 1), DialOutcome::Reached);
    assert_eq!(book.next_due(), Some(again.after(minutes(2)).mono));
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
fn failing_addresses_wait_twice_as_long_each_time() {
    let mut book = book();
    book.add(now(), at(1, 1), source(1), &mut rng()).unwrap();
    let mut time = now();
    for wait in [4, 8, 16, 32, 64, 128, 256, 360, 360] {
        assert_eq!(book.due(time), Some(at(1, 1)));
        book.mark_failed(time, &at(1, 1), DialOutcome::TimedOut, false);
        let next = time.after(minutes(wait));
        assert_eq!(book.next_due(), Some(next.mono), "{wait} min");
        assert_eq!(book.due(time.after(minutes(wait) - Duration::from_secs(1))), None);
        time = next;
    }
    for _ in 0..100_000 {
        book.mark_failed(time, &at(1, 1), DialOutcome::TimedOut, false);
    }
    assert_eq!(book.next_due(), Some(time.after(hours(6)).mono));
    book.mark_reached(time, &at(1, 1), DialOutcome::Reached);
    assert_eq!(book.next_due(), Some(time.after(minutes(2)).mono));
    book.mark_failed(time, &at(1, 1), DialOutcome::TimedOut, true);
    assert_eq!(book.next_due(), Some(time.after(minutes(2)).mono), "an outage is not its fault");
}

/// Runs the crawl exactly as `next_due` says, and returns what it dialled when.
fn crawl(book: &mut Book, from: Now, until: Now) -> Vec<(Mono, NetAddress)> {
    let mut dialled = Vec::new();
    let mut time = from;
    while let Some(next) = book.next_due() {
        time = time.after(next.since(time.mono));
        if time.mono > until.mono {
            break;
        }
        let address = book.due(time).expect("next_due is exact");
        dialled.push((time.mono, address));
        book.mark_reached(time, &address, DialOutcome::Reached);
    }
    dialled
}

#[test]
fn at_most_250_are_checked_again_in_30_seconds_and_each_in_turn() {
    let mut book = book();
    for n in 0..2000 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
        book.due(now());
        book.mark_reached(now(), &at(n, n), DialOutcome::Reached);
    }
    let dialled = crawl(&mut book, now(), now().after(minutes(10)));
    let first = now().mono + minutes(2);
    assert_eq!(dialled[0].0, first);
    for (index, window) in dialled.windows(251).enumerate() {
        assert!(window[250].0.since(window[0].0) >= Duration::from_secs(30), "{index}");
    }
    assert!(dialled.len() >= 2 * 1999, "{}", dialled.len());
    let firsts: Vec<NetAddress> = dialled[..2000].iter().map(|(_, address)| *address).collect();
    assert_eq!(firsts, (0..2000).map(|n| at(n, n)).collect::<Vec<_>>());
}

#[test]
fn neither_new_addresses_nor_checks_starve_the_other() {
    let mut book = book();
    for n in 0..100 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
        book.due(now());
        book.mark_reached(now(), &at(n, n), DialOutcome::Reached);
    }
    let later = now().after(minutes(5));
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
    let mut book = Book::new(Params { recheck: Duration::from_millis(500), ..params() }, KEY);
    book.add(now(), at(1, 1), source(1), &mut rng()).unwrap();
    book.mark_reached(now(), &at(1, 1), DialOutcome::Reached);
    assert_eq!(book.next_due(), Some(now().after(Duration::from_secs(1)).mono));
    for _ in 0..40 {
        book.mark_failed(now(), &at(1, 1), DialOutcome::Refused, false);
    }
    assert_eq!(book.next_due(), Some(now().after(hours(6)).mono));
}
