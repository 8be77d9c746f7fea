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

fn select(book: &mut Book, bias: Option<u8>, requester: u32, rng: &mut SeededRng) -> Vec<u32> {
    let mut out = Vec::new();
    book.selection(Servable::Verified, bias, id(requester), rng, &mut out);
    out.iter().map(|a| u32::from_be_bytes(a.id().as_bytes()[..4].try_into().unwrap())).collect()
}

#[test]
fn a_selection_has_the_size_of_what_may_be_served() {
    let rng = &mut rng();
    for (servable, size) in [(0, 0), (5, 5), (40, 32), (200, 46), (1300, 250)] {
        let mut book = verified(servable, 0);
        book.add(now(), at(NOBODY + 1, 3), source(3), rng).unwrap();
        let selection = select(&mut book, None, NOBODY, rng);
        assert_eq!(selection.len(), size, "{servable}");
        assert_eq!(selection.iter().collect::<BTreeSet<_>>().len(), size);
        assert_eq!(select(&mut book, Some(30), NOBODY, rng).len(), size);
    }
}

#[test]
fn no_requester_gets_its_own_address_and_nothing_else_is_missing() {
    let rng = &mut rng();
    let mut book = verified(6, 6);
    for bias in [None, Some(30)] {
        for requester in 0..12 {
            let selected: BTreeSet<u32> = select(&mut book, bias, requester, rng).into_iter().collect();
            assert_eq!(selected, (0..12).filter(|n| *n != requester).collect());
            invariants::check(&book);
        }
    }
}

#[test]
fn a_biased_selection_is_new_first_by_its_percentage() {
    let rng = &mut rng();
    for (new, old, expect_new) in [(600, 600, 75), (1200, 100, 150), (20, 1200, 20), (1200, 0, 250), (0, 1200, 0)] {
        let mut book = verified(new, old);
        let selection = select(&mut book, Some(30), NOBODY, rng);
        assert_eq!(selection.len(), 250.min((new + old) as usize * 23 / 100));
        let first_old = selection.iter().position(|n| *n >= new).unwrap_or(selection.len());
        assert_eq!(first_old, expect_new, "{new} new, {old} old");
        assert!(selection[first_old..].iter().all(|n| *n >= new));
        assert_eq!(selection.iter().collect::<BTreeSet<_>>().len(), selection.len());
    }
}

#[test]
fn every_address_is_selected_as_often() {
    let rng = &mut rng();
    let mut book = verified(150, 50);
    for bias in [None, Some(30)] {
        let mut times = BTreeMap::new();
        for _ in 0..2000 {
            for n in select(&mut book, bias, NOBODY, rng) {
                *times.entry(n).or_insert(0_u32) += 1;
            }
        }
        let within = |range: std::ops::Range<u32>, expected: f64| {
            for n in range {
                let seen = f64::from(times.get(&n).copied().unwrap_or(0));
                assert!((seen - expected).abs() < 5.0 * expected.sqrt(), "{n}: {seen}, not about {expected}");
            }
        };
        match bias {
            None => within(0..200, 2000.0 * 46.0 / 200.0),
            Some(_) => {
                within(0..150, 2000.0 * 14.0 / 150.0);
                within(150..200, 2000.0 * 32.0 / 50.0);
            }
        }
    }
}

#[test]
fn an_unbiased_selection_comes_in_random_order() {
    let rng = &mut rng();
    let mut book = verified(20, 20);
    let first_new = (0..2000).filter(|_| select(&mut book, None, NOBODY, rng)[0] < 20).count();
    let last_new = (0..2000).filter(|_| select(&mut book, None, NOBODY, rng)[31] < 20).count();
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
    for (minute, address) in addresses.iter().enumerate() {
        let then = now().after(Duration::from_mins(minute as u64));
        book.mark_reached(then, address, DialOutcome::Reached);
        let mut out = Vec::new();
        book.selection(Servable::Verified, None, id(NOBODY), rng, &mut out);
        assert_eq!(out, [*address]);
        assert!(book.is_served(Servable::Verified, address));
    }
    book.mark_failed(now().after(hours(1)), &addresses[3], DialOutcome::Refused, false);
    let mut out = Vec::new();
    book.selection(Servable::NotFailed, None, id(NOBODY), rng, &mut out);
    assert_eq!(out, [addresses[2]]);
}

#[test]
fn a_node_leaves_out_what_failed_last_and_a_seed_what_it_did_not_reach() {
    let (mut book, rng) = (book(), &mut rng());
    for n in 0..3 {
        book.add(now(), at(n, n), source(n), rng).unwrap();
    }
    book.mark_reached(now(), &at(0, 0), DialOutcome::Reached);
    book.mark_failed(now(), &at(1, 1), DialOutcome::TimedOut, false);
    assert_eq!(select(&mut book, None, NOBODY, rng), [0]);
    let mut out = Vec::new();
    book.selection(Servable::NotFailed, None, id(NOBODY), rng, &mut out);
    out.sort();
    assert_eq!(out, [at(0, 0), at(2, 2)]);
}

#[test]
fn picks_are_old_as_often_as_in_cometbft() {
    let rng = &mut rng();
    for (new, old, bias) in [(400, 25, 30), (100, 100, 90), (16, 400, 50), (50, 0, 20), (0, 50, 20)] {
        let book = verified(new, old);
        let (of_new, of_old) = (f64::from(new).sqrt() * f64::from(bias), f64::from(old).sqrt() * f64::from(100 - bias));
        let expected = of_old / (of_old + of_new);
        let picked = (0..20_000).filter(|_| book.is_old(&book.pick(bias, rng).unwrap().id())).count();
        let share = picked as f64 / 20_000.0;
        assert!((share - expected).abs() < 0.02, "{new} new, {old} old, {bias} %: {share}, not {expected}");
    }
    let (only_new, only_old) = (verified(5, 0), verified(0, 5));
    assert_eq!((only_old.pick(100, rng), only_old.pick(200, rng), book().pick(50, rng)), (None, None, None));
    assert!(only_new.pick(0, rng).is_some() && only_new.pick(200, rng).is_some());
}
