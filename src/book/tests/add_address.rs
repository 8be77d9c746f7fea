//! Which addresses are added, and which are refused or replaced.

use super::params::MAX_ADDRESSES_PER_ID;
use super::*;

#[test]
fn what_may_not_be_stored_is_refused() {
    let mut params = params();
    params.own_endpoints = vec!["11.1.2.3:26656".parse().unwrap()];
    params.private_ids = [id(1), id(2)].into();
    let mut book = Book::new(params, KEY);
    let rng = &mut rng();
    let private_source = Source { id: id(2), ..source(0) };
    let mine: NetAddress = format!("{}@11.1.2.3:26656", id(3)).parse().unwrap();
    let shared: NetAddress = format!("{}@100.64.0.1:26656", id(3)).parse().unwrap();
    let cases = [
        (at(u32::MAX, 1), source(0), Refused::Ourselves),
        (mine, source(0), Refused::Ourselves),
        (at(1, 1), source(0), Refused::Private),
        (at(3, 1), private_source, Refused::PrivateSource),
        (shared, source(0), Refused::Unroutable),
    ];
    for (address, source, refused) in cases {
        assert_eq!(book.add(now(), address, source, rng), Err(refused), "{address}");
    }
    assert!(book.is_empty() && !book.has_dirty());
    assert_eq!(book.refused()[Refused::Unroutable as usize], 1);
    let same_host = format!("{}@11.1.2.3:26657", id(3)).parse().unwrap();
    assert_eq!(book.add(now(), same_host, source(0), rng), Ok(Added::New));
}

#[test]
fn a_book_that_is_not_strict_takes_private_networks() {
    let mut book = Book::new(Params { strict: false, ..params() }, KEY);
    let address = format!("{}@10.0.0.1:26656", id(3)).parse().unwrap();
    assert_eq!(book.add(now(), address, source(0), &mut rng()), Ok(Added::New));
}

#[test]
fn an_id_has_four_addresses() {
    let (mut book, rng) = (book(), &mut rng());
    assert_eq!(book.add(now(), at(1, 0), source(0), rng), Ok(Added::New));
    for group in 1..40 {
        insist(&mut book, now(), at(1, group), source(group), rng);
    }
    assert_eq!(book.addresses_of(&id(1)).len(), 4);
    assert_eq!((book.size(), book.counts().addresses), (1, 4));
    assert_eq!(book.add_surely(now(), at(1, 50), source(50)), Err(Refused::HasItsShare));
}

#[test]
fn lies_about_an_id_do_not_keep_its_own_word_out() {
    let (mut book, rng) = (book(), &mut rng());
    book.add(now(), at(1, 0), source(0), rng).unwrap();
    for group in 1..40 {
        insist(&mut book, now(), at(1, group), source(group), rng);
    }
    let lies = book.addresses_of(&id(1));
    assert_eq!(lies.len(), MAX_ADDRESSES_PER_ID);
    book.mark_reached(now(), &lies[0], DialOutcome::Reached);
    book.mark_failed(now(), &lies[2], DialOutcome::Refused, false);
    let own = Source { id: id(1), ip: at(1, 99).ip() };
    assert_eq!(book.add_own(now(), at(1, 99), own), Ok(Added::AnotherAddress));
    let left = book.addresses_of(&id(1));
    assert!(left.contains(&at(1, 99)) && left.contains(&lies[0]) && !left.contains(&lies[2]), "{left:?}");
    assert_eq!((book.size(), left.len()), (1, MAX_ADDRESSES_PER_ID));

    // An ID that was reached at all its addresses keeps them.
    for address in left {
        book.mark_reached(now(), &address, DialOutcome::Reached);
    }
    assert_eq!(book.add_own(now(), at(1, 98), own), Ok(Added::Unchanged));
}

#[test]
fn an_address_that_is_known_keeps_its_first_source() {
    let (mut book, rng) = (book(), &mut rng());
    for group in 0..60 {
        book.add(now(), at(1, 0), source(group), rng).unwrap();
    }
    assert_eq!(book.get(&at(1, 0)).unwrap().source, source(0));
    assert_eq!(book.counts().addresses, 1);
}

#[test]
fn the_chance_of_another_address_is_one_in_twice_those_there_are() {
    let rng = &mut rng();
    for (known, chance) in [(1_u32, 0.5), (2, 0.25), (3, 1.0 / 6.0)] {
        let mut taken = 0;
        for _ in 0..600 {
            let mut book = book();
            let mut group = 0;
            while book.counts().addresses < known as usize {
                let _ = book.add(now(), at(1, group), source(group), rng);
                group += 1;
            }
            let added = book.add(now(), at(1, 900), source(900), rng).unwrap();
            taken += u32::from(added == Added::AnotherAddress);
        }
        let share = f64::from(taken) / 600.0;
        assert!((share - chance).abs() < 0.06, "{known}: {share}");
    }
}

#[test]
fn an_old_peer_is_not_moved_by_hearsay() {
    let mut book = book();
    add_old(&mut book, now(), at(1, 0));
    let rng = &mut rng();
    for group in 1..50 {
        assert_eq!(book.add(now(), at(1, group), source(group), rng), Ok(Added::Unchanged));
    }
    assert_eq!(book.addresses_of(&id(1)), [at(1, 0)]);
}

#[test]
fn what_was_dialled_and_left_comes_back_with_its_backoff() {
    let (mut book, rng) = (book(), &mut rng());
    book.add(now(), at(1, 0), source(0), rng).unwrap();
    for _ in 0..3 {
        book.mark_failed(now(), &at(1, 0), DialOutcome::TimedOut, false);
    }
    book.remove(&id(1));
    // Under another ID, too: nobody answered at the ip:port.
    let other = NetAddress::new(id(2), at(1, 0).ip(), at(1, 0).port()).unwrap();
    for address in [at(1, 0), other] {
        book.add(now(), address, source(5), rng).unwrap();
        assert_eq!(book.get(&address).unwrap().attempts, 3);
        assert_eq!(book.due(now().after(Duration::from_secs(8 * 60 - 1))), None);
        book.remove(&address.id());
    }
    book.add(now(), other, source(5), rng).unwrap();
    assert_eq!(book.due(now().after(Duration::from_secs(10 * 60 + 1))), Some(other));

    // Somebody else answered at the ip:port: that speaks against the one ID.
    book.add(now(), at(3, 0), source(0), rng).unwrap();
    book.mark_failed(now(), &at(3, 0), DialOutcome::WrongIdentity, false);
    book.remove(&id(3));
    let honest = NetAddress::new(id(4), at(3, 0).ip(), at(3, 0).port()).unwrap();
    book.add(now(), honest, source(5), rng).unwrap();
    assert_eq!(book.get(&honest).unwrap().outcome, DialOutcome::Untried);
}
