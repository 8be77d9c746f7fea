//! Bans, reinstatements and removals.

use super::*;

#[test]
fn a_ban_takes_an_id_out_and_reinstatement_makes_it_new() {
    let mut book = book();
    add_old(&mut book, now(), at(1, 0));
    assert!(book.ban(&id(1)) && !book.ban(&id(1)) && !book.ban(&id(2)));
    assert_eq!(book.add(now(), at(1, 5), source(0), &mut rng()), Err(Refused::Banned));
    assert_eq!((book.size(), book.counts().banned, book.servable()), (0, 1, 0));
    assert_eq!(book.next_due(), None);
    assert_eq!(book.mark_reached(now(), &at(1, 0), DialOutcome::Reached), MarkOutcome::None);
    assert!(book.reinstate(now(), &id(1)) && !book.reinstate(now(), &id(1)));
    assert_eq!(book.state(&id(1)), Some(State::New));
    assert_eq!(book.servable(), 1);
    assert!(book.get(&at(1, 0)).unwrap().verified);
}

#[test]
fn a_reinstated_id_has_all_its_addresses_again() {
    let (mut book, rng) = (book(), &mut rng());
    book.add(now(), at(1, 0), source(0), rng).unwrap();
    for group in 1..40 {
        insist(&mut book, now(), at(1, group), source(group), rng);
    }
    let addresses = book.addresses_of(&id(1));
    book.ban(&id(1));
    assert_eq!(book.addresses_of(&id(1)).len(), 4);
    book.reinstate(now(), &id(1));
    assert_eq!(book.addresses_of(&id(1)).len(), addresses.len());
    let mut outcomes = [0; DialOutcome::ALL.len()];
    outcomes[DialOutcome::Untried as usize] = 4;
    assert_eq!(book.counts(), Counts { new: 1, addresses: 4, untried: 1, outcomes, ..Counts::default() });
}

#[test]
fn a_thousand_bans_are_kept_and_the_oldest_leaves() {
    let mut book = book();
    for n in 0..1001 {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
        assert!(book.ban(&id(n)));
    }
    assert_eq!(book.counts().banned, 1000);
    assert_eq!((book.state(&id(0)), book.state(&id(1))), (None, Some(State::Banned)));
}

#[test]
fn removal_is_of_an_address_or_of_all_of_an_id() {
    let (mut book, rng) = (book(), &mut rng());
    book.add(now(), at(1, 0), source(0), rng).unwrap();
    insist(&mut book, now(), at(1, 1), source(1), rng);
    assert!(book.drop_address(&at(1, 0)) && !book.drop_address(&at(1, 0)));
    assert_eq!(book.addresses_of(&id(1)), [at(1, 1)]);
    insist(&mut book, now(), at(1, 2), source(2), rng);
    assert!(book.remove(&id(1)) && !book.remove(&id(1)));
    assert_eq!(book.counts(), Counts::default());
}
