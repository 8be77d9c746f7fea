//! The real program, killed again and again while operators call and peers tell: every acknowledged change is on disk, and
//! nothing that it was seen to know more than a second before is missing.

#![allow(clippy::unwrap_used)]

mod displaced;
mod home;
mod life;
mod operator;
mod peers;
mod pulse;
mod removed;

use std::thread;

use home::Home;
use life::{Lives, Tally};
use pexd::types::SeededRng;
use rand::SeedableRng as _;

/// Homes, and how often the process of each is killed: more than 200 times in all.
const HOMES: u64 = 16;
const KILLS: usize = 13;
/// Homes at a time: a process that is about to be killed mostly waits for it.
const LANES: u64 = 4;

#[test]
fn what_was_acknowledged_or_known_for_a_second_survives_any_kill() {
    let lane = |lane: u64| (lane..HOMES).step_by(LANES as usize).map(run_home).sum::<Tally>();
    let tally: Tally = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|number| scope.spawn(move || lane(number))).collect();
        lanes.into_iter().map(|lane| lane.join().expect("the lane says what went wrong")).sum()
    });
    println!("{tally:?}");
    assert!(tally.kills >= 200, "{tally:?}");
    assert!(tally.acknowledged > 500, "operators had little to say: {tally:?}");
    assert!(tally.known_for_a_second > 1_000, "peers had little to say: {tally:?}");
    assert!(tally.judged_by_the_second >= 10, "this machine halts too often to be a judge of seconds: {tally:?}");
}

fn run_home(seed: u64) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _runtime = runtime.enter();
    let mut lives = Lives::new(Home::init(), SeededRng::seed_from_u64(seed));
    for life in 0..KILLS {
        println!("home {seed}, life {life}");
        runtime.block_on(lives.live_and_die());
    }
    lives.tally
}
