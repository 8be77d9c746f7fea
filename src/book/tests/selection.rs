//! What is picked and served, and how often.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const NOBODY: u32 = 5_000_000;

/// IDs 0..new are new, new..new+old are old; all are verified.
fn verified(new: u32, old: u32) -> Book {
    let mut book = book();
    for n in new..new + old {
        add_old(&mut book, now(), at(n, n));
    }
    for n in 0..new {
        book.add(now(), at(n, n), source(n), &mut rng()).unwrap();
        book.mark_reached(now(), &at(n, n), DialOutcome::Reached);
    }
    assert_eq!((book.counts().new, book.counts().old), (new as usize, old as usize));
    book
}

fn select(book: &Book, bias: Option<u8>, requester: u32, rng: &mut SeededRng) -> Vec<u32> {
    let answer = book.selection(bias, id(requester), rng);
    let out = book.read(&answer, &id(requester));
    out.iter().map(|a| u32::from_be_bytes(a.id().as_bytes()[..4].try_into().unwrap())).collect()
}

#[test]
fn a_selection_has_the_size_of_what_may_be_served() {
    let rng = &mut rng();
    for (servable, size) in [(0, 0), (5, 5), (40, 32), (200, 46), (1300, 250)] {
        let mut book = verified(servable, 0);
        book.add(now(), at(NOBODY + 1, 3), source(3), rng).unwrap();
        let selection = select(&book, None, NOBODY, rng);
        assert_eq!(selection.len(), size, "{servable}");
        assert_eq!(selection.iter().collect::<BTreeSet<_>>().len(), size);
        assert_eq!(select(&book, Some(30), NOBODY, rng).len(), size);
    }
}

#[test]
fn no_requester_gets_its_own_address_and_nothing_else_is_missing() {
    let rng = &mut rng();
    let book = verified(6, 6);
    for bias in [None, Some(30)] {
        for requester in 0..12 {
            let selected: BTreeSet<u32> = select(&book, bias, requester, rng).into_iter().collect();
            assert_eq!(selected, (0..12).filter(|n| *n != requester).collect());
            invariants::check(&book);
        }
    }
}

#[test]
fn a_biased_selection_is_new_first_by_its_percentage() {
    let rng = &mut rng();
    for (new, old) in [(600, 600), (1200, 100), (20, 1200), (1200, 0), (0, 1200)] {
        let book = mixed(new, old);
        let selection = select(&book, Some(30), NOBODY, rng);
        let size = 250.min((new + old) as usize * 23 / 100);
        assert_eq!(selection.len(), size);
        let first_old = selection.iter().position(|n| *n >= new).unwrap_or(selection.len());
        assert!(first_old >= (size * 3 / 10).min(new as usize / 2), "{first_old} of {new} new, {old} old");
        assert!(selection[first_old..].iter().all(|n| *n >= new));
        assert_eq!(selection.iter().collect::<BTreeSet<_>>().len(), selection.len());
    }
}

/// As [`verified`], in a hundred groups that have both kinds.
fn mixed(new: u32, old: u32) -> Book {
    let mut book = book();
    for n in new..new + old {
        add_old(&mut book, now(), at(n, n % 100));
    }
    for n in 0..new {
        book.add(now(), at(n, n % 100), source(n), &mut rng()).unwrap();
        book.mark_reached(now(), &at(n, n % 100), DialOutcome::Reached);
    }
    book
}

/// How often each is named in so many answers.
fn named(book: &Book, bias: Option<u8>, answers: u32, rng: &mut SeededRng) -> BTreeMap<u32, u32> {
    let mut times = BTreeMap::new();
    for _ in 0..answers {
        for n in select(book, bias, NOBODY, rng) {
            *times.entry(n).or_insert(0) += 1;
        }
    }
    times
}

#[test]
fn in_groups_of_one_size_every_address_is_selected_as_often() {
    let rng = &mut rng();
    let book = verified(200, 0);
    let times = named(&book, None, 2_000, rng);
    let expected = 2000.0 * 46.0 / 200.0;
    for n in 0..200 {
        let seen = f64::from(times.get(&n).copied().unwrap_or(0));
        assert!((seen - expected).abs() < 5.0 * expected.sqrt(), "{n}: {seen}, not about {expected}");
    }
}

/// Of 600 honest IDs in as many groups and 300 of an attacker in 8, the share of the attacker in answers.
fn share_of_sybils(honest_are_old: bool, bias: Option<u8>) -> f64 {
    let (mut book, rng) = (book(), &mut rng());
    for n in 0..600 {
        if honest_are_old {
            add_old(&mut book, now(), at(n, n));
        } else {
            book.add(now(), at(n, n), source(n), rng).unwrap();
            book.mark_reached(now(), &at(n, n), DialOutcome::Reached);
        }
    }
    for n in 1_000..1_300 {
        let address = at(n, 5_000 + n % 8);
        book.add(now(), address, source(n), rng).unwrap();
        book.mark_reached(now(), &address, DialOutcome::Reached);
    }
    let times = named(&book, bias, 400, rng);
    let all: u32 = times.values().sum();
    f64::from(times.range(1_000..).map(|(_, count)| count).sum::<u32>()) / f64::from(all)
}

#[test]
fn many_ids_in_few_groups_get_a_small_share_of_answers() {
    for bias in [None, Some(30)] {
        let share = share_of_sybils(false, bias);
        assert!(share > 0.01 && share < 0.08, "{share}: a third before groups were weighed");
        let old = share_of_sybils(true, bias);
        assert!(old < 0.08, "{old}: who stays new while the honest become old gains nothing by it");
    }
}

#[test]
fn a_group_of_many_is_not_starved_and_one_that_is_alone_not_flooded() {
    let (mut book, rng) = (book(), &mut rng());
    // A tenth of a network at one hoster, a quarter alone.
    let group = |n: u32| {
        if n < 100 {
            9_000
        } else if n < 350 {
            n
        } else {
            1_000 + n % 130
        }
    };
    for n in 0..1_000 {
        let address = at(n, group(n));
        book.add(now(), address, source(n), rng).unwrap();
        book.mark_reached(now(), &address, DialOutcome::Reached);
    }
    let times = named(&book, Some(30), 4_000, rng);
    let average = f64::from(times.values().sum::<u32>()) / 1_000.0;
    let least = f64::from((0..1_000).map(|n| times.get(&n).copied().unwrap_or(0)).min().unwrap()) / average;
    let most = f64::from(*times.values().max().unwrap()) / average;
    assert!(least > 0.05 && most < 4.0, "{least} to {most} times the average");
}

#[test]
fn who_has_no_free_slot_is_named_less_often() {
    let (book, rng) = (
        {
            let mut book = verified(400, 0);
            for n in 0..200 {
                book.mark_reached(now(), &at(n, n), DialOutcome::Full);
            }
            book
        },
        &mut rng(),
    );
    let times = named(&book, None, 500, rng);
    let full: u32 = times.range(..200).map(|(_, count)| count).sum();
    let free: u32 = times.range(200..).map(|(_, count)| count).sum();
    let ratio = f64::from(full) / f64::from(free);
    assert!(ratio > 0.5 && ratio < 0.75, "{ratio}");
}

#[test]
fn an_unbiased_selection_comes_in_random_order() {
    let rng = &mut rng();
    let book = verified(40, 0);
    let first_new = (0..2000).filter(|_| select(&book, None, NOBODY, rng)[0] < 20).count();
    let last_new = (0..2000).filter(|_| select(&book, None, NOBODY, rng)[31] < 20).count();
    assert!((900..1100).contains(&first_new) && (900..1100).contains(&last_new), "{first_new} {last_new}");
}

#[test]
fn an_id_is_served_at_the_one_address_that_was_reached_last() {
    let (mut book, rng) = (book(), &mut rng());
    for group in 0..30 {
        insist(&mut book, now(), at(1, group), source(group), rng);
    }
    let addresses = book.addresses_of(&id(1));
    assert_eq!(addresses.len(), 4);
    let served = |book: &Book, rng: &mut SeededRng| {
        let answer = book.selection(None, id(NOBODY), rng);
        book.read(&answer, &id(NOBODY))
    };
    for (minute, address) in addresses.iter().enumerate() {
        let then = now().after(Duration::from_mins(minute as u64));
        book.mark_reached(then, address, DialOutcome::Reached);
        assert_eq!(served(&book, rng), [*address]);
        assert!(book.is_served(address));
    }
    book.mark_failed(now().after(hours(1)), &addresses[3], DialOutcome::Refused, false);
    assert_eq!(served(&book, rng), [addresses[2]]);
}

#[test]
fn a_node_leaves_out_what_failed_last_and_a_seed_what_it_did_not_reach() {
    for (mut book, expected) in [(book(), vec![0]), (node_book(), vec![0, 2])] {
        let rng = &mut rng();
        for n in 0..3 {
            book.add(now(), at(n, n), source(n), rng).unwrap();
        }
        book.mark_reached(now(), &at(0, 0), DialOutcome::Reached);
        book.mark_failed(now(), &at(1, 1), DialOutcome::TimedOut, false);
        let mut selected = select(&book, None, NOBODY, rng);
        selected.sort_unstable();
        assert_eq!(selected, expected);
    }
}

#[test]
fn picks_are_old_as_often_as_in_cometbft() {
    let rng = &mut rng();
    let later = now().after(hours(9));
    for (new, old, bias) in [(400, 25, 30), (100, 100, 90), (16, 400, 50), (50, 0, 20), (0, 50, 20)] {
        let book = of_a_node(new, old);
        let (of_new, of_old) = (f64::from(new).sqrt() * f64::from(bias), f64::from(old).sqrt() * f64::from(100 - bias));
        let expected = of_old / (of_old + of_new);
        let picks: Vec<NetAddress> = (0..20_000).filter_map(|_| book.pick(later, bias, rng)).collect();
        let share = picks.iter().filter(|address| book.is_old(&address.id())).count() as f64 / picks.len() as f64;
        assert!((share - expected).abs() < 0.02, "{new} new, {old} old, {bias} %: {share}, not {expected}");
    }
    let (only_new, only_old) = (of_a_node(5, 0), of_a_node(0, 5));
    assert_eq!((only_old.pick(later, 100, rng), only_old.pick(later, 200, rng)), (None, None));
    assert_eq!(node_book().pick(later, 50, rng), None);
    assert!(only_new.pick(later, 0, rng).is_some() && only_new.pick(later, 200, rng).is_some());
}

/// As [`verified`], in the book of a node, in a hundred groups that have both kinds.
fn of_a_node(new: u32, old: u32) -> Book {
    let mut book = node_book();
    for n in new..new + old {
        add_old(&mut book, now(), at(n, n % 100));
    }
    for n in 0..new {
        book.add(now(), at(n, n % 100), source(n), &mut rng()).unwrap();
    }
    book
}

#[test]
fn ids_are_picked_by_group_and_not_before_they_may_be_dialled() {
    let (mut book, rng) = (node_book(), &mut rng());
    for n in 0..40 {
        book.add(now(), at(n, if n < 38 { 1 } else { n }), source(n), rng).unwrap();
    }
    let alone = (0..4_000).filter(|_| book.pick(now(), 50, rng).unwrap().id() >= id(38)).count();
    // Two groups of one against the cube root of 38.
    assert!((1_350..1_650).contains(&alone), "{alone}");
    for n in 0..40 {
        book.mark_failed(now(), &at(n, if n < 38 { 1 } else { n }), DialOutcome::TimedOut, false);
    }
    assert_eq!(book.pick(now(), 50, rng), None);
    assert!(book.pick(now().after(Duration::from_secs(3)), 50, rng).is_some());
}
