//! The bound on what attackers get of a node's picks, and of its outbound peers, however many IDs they run and however long
//! they flood: it follows from the number of their groups alone. `cargo bench --bench worlds -- eclipse-8 eclipse-64` has
//! whole nodes under such a flood, and what Bitcoin Core's geometry gives for the same groups.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Honest nodes, and the groups that they are in.
const HONEST: u32 = 300;
const HONEST_GROUPS: u32 = 200;
/// The groups of attackers begin here.
const HOSTILE: u32 = 10_000;
/// Outbound peers that a node wants.
const OUTBOUND: usize = 10;
/// What a group weighs at most: as much as ten groups of one ID.
const HEAVIEST: f64 = 10.0;

/// The most that attackers in `groups` groups get of the picks, from 0 to 1: each group weighs at most ten times as much as
/// an honest one of one ID, of which the flood displaced some.
fn bound(groups: u32, honest_groups: usize) -> f64 {
    let hostile = HEAVIEST * f64::from(groups);
    hostile / (hostile + honest_groups as f64)
}

/// A node's book that knows the honest ones, every third by hearsay only; and then attackers bring all that they may of
/// addresses in their groups, hour after hour, and are reached at some of them.
fn flooded(groups: u32, reachable: u32, rounds: u32) -> (Book, Now) {
    let mut book = Book::new(Params { capacity: 2_048, ..node_book().params }, KEY);
    let (mut time, rng) = (now(), &mut rng());
    for n in 0..HONEST {
        let address = at(n, n % HONEST_GROUPS);
        book.add(time, address, source(n % 40), rng).unwrap();
        if n % 3 > 0 {
            book.mark_reached(time, &address, DialOutcome::Reached);
        }
    }
    for round in 0..rounds {
        time = time.after(hours(1));
        for n in 0..groups * 150 {
            let number = 1_000 + round * groups * 150 + n;
            let address = at(number, HOSTILE + n % groups);
            let _ = book.add(time, address, source(HOSTILE + n % groups), rng);
            if n / groups < reachable {
                book.mark_reached(time, &address, DialOutcome::Reached);
            }
        }
        book.take_dirty(usize::MAX);
    }
    (book, time)
}

fn is_hostile(address: &NetAddress) -> bool {
    book_group(address) >= book_group(&at(0, HOSTILE))
}

fn book_group(address: &NetAddress) -> crate::types::Group {
    params().group_of(address.ip())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_flood_from_few_groups_gets_no_more_picks_and_slots_than_its_groups_allow(
        groups in 1..16_u32,
        reachable in 0..40_u32,
        bias in 0..100_u8,
    ) {
        let (book, time) = flooded(groups, reachable, 8);
        let mut rng = rng();
        let honest = book.page(None, usize::MAX).into_iter().map(|record| record.address).filter(|a| !is_hostile(a));
        let honest_groups = honest.map(|address| book_group(&address)).collect::<BTreeSet<_>>().len();
        // All of the honest that were reached are still there.
        prop_assert!(honest_groups >= HONEST_GROUPS as usize * 2 / 3, "{honest_groups} groups");
        let bound = bound(groups, honest_groups);

        let picks: Vec<NetAddress> = (0..6_000).filter_map(|_| book.pick(time, bias, &mut rng)).collect();
        let share = picks.iter().filter(|pick| is_hostile(pick)).count() as f64 / picks.len() as f64;
        let chance = 5.0 * (0.25 / picks.len() as f64).sqrt();
        prop_assert!(share > 0.0, "the flood came into the book");
        prop_assert!(share <= bound + chance, "{share:.3} of the picks, {bound:.3} allowed");

        // One outbound peer a group.
        let slots: Vec<usize> = picks.chunks(100).map(|picks| {
            let mut groups = BTreeSet::new();
            let peers: Vec<_> = picks.iter().filter(|pick| groups.insert(book_group(pick))).take(OUTBOUND).collect();
            peers.into_iter().filter(|peer| is_hostile(peer)).count()
        }).collect();
        let mean = slots.iter().sum::<usize>() as f64 / slots.len() as f64;
        let chance = 5.0 * (OUTBOUND as f64 * 0.25 / slots.len() as f64).sqrt();
        prop_assert!(mean <= bound * OUTBOUND as f64 + chance, "{mean:.2} slots, {:.2} allowed", bound * 10.0);
        prop_assert!(slots.iter().all(|slots| *slots <= groups as usize));
    }
}

#[test]
fn more_ids_in_the_same_groups_gain_little() {
    let share = |reachable| {
        let (book, time) = flooded(4, reachable, 2);
        let mut rng = rng();
        let picks: Vec<NetAddress> = (0..20_000).filter_map(|_| book.pick(time, 30, &mut rng)).collect();
        picks.iter().filter(|pick| is_hostile(pick)).count() as f64 / picks.len() as f64
    };
    let (few, many) = (share(2), share(100));
    assert!(many < 3.0 * few.max(0.02), "{few:.3} with few IDs, {many:.3} with fifty times as many");
}
