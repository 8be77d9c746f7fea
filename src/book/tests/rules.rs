//! Who enters, where, and who leaves for it.

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
    assert_eq!(book.unroutable(), 1);
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
fn an_id_has_four_buckets_and_each_holds_its_own_address() {
    let (mut book, rng) = (book(), &mut rng());
    assert_eq!(book.add(now(), at(1, 0), source(0), rng), Ok(Added::New));
    for group in 1..40 {
        insist(&mut book, now(), at(1, group), source(group), rng);
    }
    let addresses = book.addresses_of(&id(1));
    assert_eq!(addresses.len(), 4);
    let slots: usize = addresses.iter().map(|address| book.get(address).unwrap().buckets.len()).sum();
    assert_eq!(slots, 4);
    assert_eq!((book.size(), book.counts().addresses), (1, 4));
}

#[test]
fn lies_about_an_id_do_not_keep_its_own_word_out() {
    let (mut book, rng) = (book(), &mut rng());
    book.add(now(), at(1, 0), source(0), rng).unwrap();
    for group in 1..40 {
        insist(&mut book, now(), at(1, group), source(group), rng);
    }
    let lies = book.addresses_of(&id(1));
    assert_eq!(lies.len(), MAX_NEW_BUCKETS);
    book.mark_reached(now(), &lies[0], DialOutcome::Reached);
    book.mark_failed(now(), &lies[2], DialOutcome::Refused, false);
    let own = Source { id: id(1), ip: at(1, 99).ip() };
    assert_eq!(book.add_own(now(), at(1, 99), own), Ok(Added::AnotherAddress));
    let left = book.addresses_of(&id(1));
    assert!(left.contains(&at(1, 99)) && left.contains(&lies[0]) && !left.contains(&lies[2]), "{left:?}");
    assert_eq!((book.size(), left.len()), (1, MAX_NEW_BUCKETS));

    // What was reached at all its addresses is left alone.
    for address in left {
        book.mark_reached(now(), &address, DialOutcome::Reached);
    }
    assert_eq!(book.add_own(now(), at(1, 98), own), Ok(Added::Unchanged));
}

#[test]
fn one_address_in_four_buckets_gives_way_to_the_word_of_its_id() {
    let (mut book, rng) = (book(), &mut rng());
    for group in 0..60 {
        insist(&mut book, now(), at(1, 0), source(group), rng);
    }
    assert_eq!(book.add_own(now(), at(1, 99), Source { id: id(1), ip: at(1, 99).ip() }), Ok(Added::New));
    assert_eq!(book.addresses_of(&id(1)), [at(1, 99)]);
    assert_eq!(book.size(), 1);
}

#[test]
fn one_address_takes_four_buckets_from_many_sources() {
    let (mut book, rng) = (book(), &mut rng());
    for group in 0..60 {
        insist(&mut book, now(), at(1, 0), source(group), rng);
    }
    let record = book.get(&at(1, 0)).unwrap();
    assert_eq!(record.buckets.len(), MAX_NEW_BUCKETS);
    assert_eq!(record.source, source(0));
    assert_eq!(book.counts().addresses, 1);
}

#[test]
fn the_chance_of_another_bucket_is_one_in_twice_those_there_are() {
    let rng = &mut rng();
    for (slots, chance) in [(1_u32, 0.5), (2, 0.25), (3, 1.0 / 6.0)] {
        let mut taken = 0;
        for _ in 0..600 {
            let mut book = book();
            let mut group = 0;
            while book.counts().addresses < slots as usize {
                let _ = book.add(now(), at(1, group), source(group), rng);
                group += 1;
            }
            let added = book.add(now(), at(1, 900), source(900), rng).unwrap();
            taken += u32::from(added == Added::AnotherAddress);
        }
        let share = f64::from(taken) / 600.0;
        assert!((share - chance).abs() < 0.06, "{slots}: {share}");
    }
}

#[test]
fn nobody_moves_an_old_peer_by_hearsay() {
    let mut book = book();
    add_old(&mut book, now(), at(1, 0));
    let rng = &mut rng();
    for group in 1..50 {
        assert_eq!(book.add(now(), at(1, group), source(group), rng), Ok(Added::Unchanged));
    }
    assert_eq!(book.addresses_of(&id(1)), [at(1, 0)]);
}

/// Addresses of one group from one source share a bucket.
fn fill_a_bucket(book: &mut Book) {
    for n in 0..64 {
        let later = now().after(Duration::from_secs(u64::from(n)));
        assert_eq!(book.add(later, at(n, 0), source(0), &mut rng()), Ok(Added::New));
    }
}

#[test]
fn a_full_new_bucket_loses_what_was_added_or_tried_longest_ago() {
    let mut book = book();
    fill_a_bucket(&mut book);
    let later = now().after(hours(1));
    book.mark_failed(later, &at(0, 0), DialOutcome::TimedOut, false);
    assert_eq!(book.add(later, at(64, 0), source(0), &mut rng()), Ok(Added::New));
    assert!(book.has(&id(0)) && !book.has(&id(1)) && book.has(&id(64)));
    assert_eq!(book.size(), 64);
}

#[test]
fn a_full_new_bucket_loses_a_bad_entry_first() {
    let mut book = book();
    fill_a_bucket(&mut book);
    let later = now().after(hours(1));
    for _ in 0..3 {
        book.mark_failed(later, &at(40, 0), DialOutcome::Refused, false);
    }
    let add = |book: &mut Book, n, now| book.add(now, at(n, 0), source(0), &mut rng()).unwrap();
    add(&mut book, 64, later);
    assert!(book.has(&id(40)) && !book.has(&id(0)), "tried within the last minute");
    add(&mut book, 65, later.after(Duration::from_secs(61)));
    assert!(!book.has(&id(40)) && book.has(&id(1)));
}

#[test]
fn an_entry_in_two_buckets_leaves_only_the_full_one() {
    let (mut book, rng) = (book(), &mut rng());
    let early = Now { wall: now().wall - hours(1), ..now() };
    book.add(early, at(999, 0), source(0), rng).unwrap();
    assert_eq!(insist(&mut book, early, at(999, 0), source(5), rng), Added::AnotherBucket);
    fill_a_bucket(&mut book);
    assert_eq!(book.get(&at(999, 0)).unwrap().buckets.len(), 1);
    assert_eq!(book.size(), 65);
}

#[test]
fn a_full_old_bucket_sends_the_one_tried_longest_ago_back_to_new() {
    let mut book = book();
    let mut placed = [0; 64];
    let mut n = 0;
    let full = loop {
        n += 1;
        add_old(&mut book, now().after(Duration::from_secs(u64::from(n))), at(n, 0));
        let bucket = usize::from(book.get(&at(n, 0)).unwrap().buckets[0]);
        placed[bucket] += 1;
        if placed[bucket] == 65 {
            break bucket as u16;
        }
    };
    let records = book.page(None, usize::MAX);
    assert_eq!(records.iter().filter(|r| r.state == State::Old && r.buckets == [full]).count(), 64);
    let demoted: Vec<&Record> = records.iter().filter(|r| r.state == State::New).collect();
    assert_eq!(demoted.len(), 1);
    let oldest = records.iter().map(|r| r.last_attempt).min();
    assert!(demoted[0].verified && demoted[0].buckets.len() == 1);
    assert!(Some(demoted[0].last_attempt) >= oldest);
    let among: Vec<&Record> = records.iter().filter(|r| r.buckets == [full] && r.state == State::Old).collect();
    assert!(among.iter().all(|r| r.last_attempt >= demoted[0].last_attempt));
    // It has to be good for three hours again before it comes back.
    let (address, tried) = (demoted[0].address, demoted[0].last_attempt);
    let soon = Now { mono: now().mono, wall: tried + hours(2) };
    assert_eq!(book.mark_reached(soon, &address, DialOutcome::Reached), MarkOutcome::None);
    let later = Now { mono: now().mono, wall: tried + hours(3) };
    assert_eq!(book.mark_reached(later, &address, DialOutcome::Reached), MarkOutcome::Promoted);
}

#[test]
fn a_ban_takes_an_id_out_and_reinstatement_makes_it_new() {
    let mut book = book();
    add_old(&mut book, now(), at(1, 0));
    assert!(book.ban(&id(1)) && !book.ban(&id(1)) && !book.ban(&id(2)));
    assert_eq!(book.add(now(), at(1, 5), source(0), &mut rng()), Err(Refused::Banned));
    assert_eq!((book.size(), book.counts().banned, book.servable(Servable::Verified)), (0, 1, 0));
    assert_eq!(book.pick(50, &mut rng()), None);
    assert_eq!(book.next_due(), None);
    assert_eq!(book.mark_reached(now(), &at(1, 0), DialOutcome::Reached), MarkOutcome::None);
    assert!(book.reinstate(now(), &id(1)) && !book.reinstate(now(), &id(1)));
    assert_eq!(book.state(&id(1)), Some(State::New));
    assert_eq!(book.pick(50, &mut rng()), Some(at(1, 0)));
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
fn every_bucket_holds_64_and_no_more() {
    let book = full_book();
    assert_eq!((book.counts().new, book.counts().old), (16_384, 4_096));
    invariants::check(&book);
}

#[test]
fn a_flood_leaves_no_more_to_delete_than_was_stored() {
    let mut book = full_book();
    let stored = book.take_dirty(usize::MAX).len();
    let rng = &mut rng();
    for n in 300_000..400_000_u32 {
        book.add(now().after(hours(5)), at(n, n * 7 % 20_000), source(n % 20_000), rng).unwrap();
    }
    let changes = book.take_dirty(usize::MAX);
    let deleted = changes.iter().filter(|(_, record)| record.is_none()).count();
    assert!(deleted <= stored && deleted > 16_000, "{deleted} of {stored}");
    assert!(changes.len() - deleted <= 16_384);
}

#[test]
fn removals_that_wait_to_be_stored_are_bounded() {
    let private = params::Params { private_ids: (0..70_000).map(id).collect(), ..params() };
    let mut rows = Vec::new();
    for n in 0..70_000 {
        rows.push(Record { address: at(n, n % 20_000), ..loading::record(at(70_000, 0)) });
    }
    let (mut book, report) = Book::load(private, KEY, rows, Vec::new(), now());
    assert_eq!(report.skipped, 70_000);
    assert_eq!(book.add(now(), at(70_001, 0), source(0), &mut rng()), Err(Refused::Backlog));
    assert_eq!(book.take_dirty(1).len(), 1);
    assert_eq!(book.add(now(), at(70_001, 0), source(0), &mut rng()), Ok(Added::New));
}
