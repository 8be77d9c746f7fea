//! What marking an outcome changes.

use super::*;

fn one() -> (Book, NetAddress) {
    let mut book = book();
    book.add(now(), at(1, 0), source(0), &mut rng()).unwrap();
    (book, at(1, 0))
}

#[test]
fn the_first_success_verifies_and_a_failure_ends_it() {
    let (mut book, address) = one();
    assert_eq!(book.mark_reached(now(), &address, DialOutcome::Reached), MarkOutcome::Verified);
    assert_eq!(book.mark_reached(now(), &address, DialOutcome::NoPex), MarkOutcome::None);
    assert_eq!(book.servable(), 1);
    assert_eq!(book.mark_failed(now(), &address, DialOutcome::Refused, false), MarkOutcome::Unverified);
    assert_eq!(book.mark_failed(now(), &address, DialOutcome::Refused, false), MarkOutcome::None);
    assert_eq!((book.servable(), book.verified()), (0, 0));
    let record = book.get(&address).unwrap();
    assert_eq!((record.attempts, record.outcome, record.verified), (2, DialOutcome::Refused, false));
}

#[test]
fn promotion_takes_three_hours_of_answers() {
    let (mut book, address) = one();
    book.mark_reached(now(), &address, DialOutcome::Reached);
    let almost = now().after(hours(3) - Duration::from_secs(60));
    assert_eq!(book.mark_reached(almost, &address, DialOutcome::Reached), MarkOutcome::None);
    assert_eq!(book.mark_reached(now().after(hours(3)), &address, DialOutcome::Reached), MarkOutcome::Promoted);
    assert_eq!((book.counts().new, book.counts().old), (0, 1));
    assert_eq!(book.mark_reached(now().after(hours(9)), &address, DialOutcome::Reached), MarkOutcome::None);
}

#[test]
fn promotion_forgives_a_lost_packet_and_no_hour() {
    for (gap, promoted) in [(15, MarkOutcome::Promoted), (60, MarkOutcome::Verified)] {
        let (mut book, address) = one();
        let at = |minutes| now().after(Duration::from_mins(minutes));
        for minutes in (0..=180 - gap).step_by(15) {
            book.mark_reached(at(minutes), &address, DialOutcome::Reached);
        }
        book.mark_failed(at(180 - 2), &address, DialOutcome::TimedOut, false);
        assert_eq!(book.mark_reached(at(180), &address, DialOutcome::Reached), promoted, "{gap} minutes");
    }
}

#[test]
fn what_fails_for_ever_leaves_the_book() {
    let (mut book, address) = one();
    for nth in 1..=params::GIVEN_UP_FAILURES {
        book.mark_failed(now(), &address, DialOutcome::TimedOut, false);
        assert_eq!(book.get(&address).is_some(), nth < params::GIVEN_UP_FAILURES);
    }
    // Gossip that brings it back brings a dial a day.
    book.add(now(), address, source(4), &mut rng()).unwrap();
    assert_eq!(book.due(now().after(hours(24) - Duration::from_secs(1))), None);
    let again = now().after(hours(31));
    assert_eq!(book.due(again), Some(address));
    book.mark_failed(again, &address, DialOutcome::TimedOut, false);
    assert_eq!(book.get(&address), None);
}

#[test]
fn a_promoted_id_keeps_the_address_that_was_reached() {
    let (mut book, first) = one();
    let rng = &mut rng();
    insist(&mut book, now(), at(1, 1), source(1), rng);
    insist(&mut book, now(), at(1, 2), source(2), rng);
    book.take_dirty(usize::MAX);
    book.mark_reached(now(), &at(1, 1), DialOutcome::Reached);
    book.mark_reached(now().after(hours(3)), &at(1, 1), DialOutcome::Reached);
    assert_eq!(book.addresses_of(&id(1)), [at(1, 1)]);
    let mut changes = book.take_dirty(usize::MAX);
    changes.sort_by_key(|(address, _)| *address);
    let left: Vec<NetAddress> = changes.iter().filter(|(_, r)| r.is_none()).map(|(a, _)| *a).collect();
    assert_eq!(left, [first, at(1, 2)]);
}

#[test]
fn an_old_id_that_stops_answering_is_new_again_and_stays() {
    let mut book = book();
    add_old(&mut book, now(), at(1, 0));
    let later = now().after(hours(4));
    assert_eq!(book.mark_failed(later, &at(1, 0), DialOutcome::TimedOut, false), MarkOutcome::Unverified);
    assert_eq!(book.mark_failed(later, &at(1, 0), DialOutcome::TimedOut, false), MarkOutcome::None);
    assert!(book.is_old(&id(1)));
    assert_eq!(book.mark_failed(later, &at(1, 0), DialOutcome::TimedOut, false), MarkOutcome::Demoted);
    assert_eq!(book.state(&id(1)), Some(State::New));
}

#[test]
fn an_outage_costs_no_address_anything() {
    let mut book = book();
    add_old(&mut book, now(), at(1, 0));
    let later = now().after(hours(4));
    for _ in 0..20 {
        assert_eq!(book.mark_failed(later, &at(1, 0), DialOutcome::TimedOut, true), MarkOutcome::None);
    }
    assert!(book.is_old(&id(1)));
    let record = book.get(&at(1, 0)).unwrap();
    assert_eq!((record.verified, record.outcome, record.last_attempt), (true, DialOutcome::TimedOut, later.wall));
    assert_eq!((book.servable(), book.verified()), (1, 1));
    assert_eq!(book.mark_failed(later, &at(1, 0), DialOutcome::TimedOut, false), MarkOutcome::Unverified);
}

#[test]
fn an_outage_that_is_detected_late_is_undone() {
    let (mut book, address) = one();
    assert!(!book.restore(now(), &address), "never reached");
    book.mark_reached(now(), &address, DialOutcome::Reached);
    book.mark_failed(now(), &address, DialOutcome::TimedOut, false);
    book.take_dirty(usize::MAX);
    assert!(book.restore(now(), &address));
    assert_eq!(book.servable(), 1);
    assert!(book.has_dirty());
    assert_eq!(book.mark_reached(now().after(hours(3)), &address, DialOutcome::Reached), MarkOutcome::Promoted);
}

#[test]
fn an_address_that_is_not_in_the_book_is_ignored() {
    let (mut book, _) = one();
    book.take_dirty(usize::MAX);
    let other = at(1, 3);
    assert_eq!(book.mark_reached(now(), &other, DialOutcome::Reached), MarkOutcome::None);
    assert_eq!(book.mark_failed(now(), &other, DialOutcome::Refused, false), MarkOutcome::None);
    assert!(!book.restore(now(), &other) && !book.drop_address(&other) && !book.has_dirty());
}

#[test]
fn outcomes_are_of_each_address() {
    let (mut book, first) = (node_book(), at(1, 0));
    book.add(now(), first, source(0), &mut rng()).unwrap();
    insist(&mut book, now(), at(1, 1), source(1), &mut rng());
    book.mark_failed(now(), &first, DialOutcome::WrongIdentity, false);
    assert_eq!(book.get(&at(1, 1)).unwrap().outcome, DialOutcome::Untried);
    assert!(book.is_servable(&at(1, 1)) && !book.is_servable(&first));
    assert_eq!((book.servable(), book.verified(), book.counts().untried), (1, 0, 1));
    book.mark_reached(now(), &at(1, 1), DialOutcome::Reached);
    assert_eq!((book.servable(), book.verified(), book.counts().untried), (1, 1, 0));
}
