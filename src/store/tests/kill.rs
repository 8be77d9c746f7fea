//! A process that is killed at any moment loses nothing that it acknowledged.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::types::SeededRng;

const ROUNDS: u64 = 60;
const PATH: &str = "PEXD_TEST_KILL_BOOK";
const FIRST: &str = "PEXD_TEST_KILL_FIRST";

/// The row that every write sets anew, and the one that comes and goes.
const COUNTER: u32 = 0;
const BLINKING: u32 = 1;
const FIRST_OWN: u32 = 2;

/// Write `number`: a row of its own, the counter, and a row that is there after even numbers only.
fn group(number: u32) -> Vec<RowChange> {
    let counter = Record { added: Wall::from_millis(number.into()), ..record(COUNTER) };
    let blinking = record(BLINKING);
    let key = Key::Address(blinking.address);
    let row = number.is_multiple_of(2).then_some(Row::Address(blinking));
    vec![set(record(number)), set(counter), RowChange { key, row }]
}

/// Not a test by itself: the process that is killed. It writes and says the number of each write that was acknowledged.
#[test]
#[ignore = "started by the test below"]
fn the_process_that_is_killed() {
    let (Ok(path), Ok(first)) = (std::env::var(PATH), std::env::var(FIRST)) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (store, _) = open(Path::new(&path));
    for number in first.parse().unwrap().. {
        runtime.block_on(store.write(group(number))).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {number}").and_then(|()| out.flush()).unwrap();
    }
}

/// Starts the process, kills it after about `lines` acknowledgements and `more` time, and gives the last one.
fn run_and_kill(path: &Path, first: u32, lines: usize, more: Duration) -> Option<u32> {
    let test = "store::tests::kill::the_process_that_is_killed";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(PATH, path)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let acknowledged = |line: std::io::Result<String>| line.unwrap().split_once("acknowledged ")?.1.parse().ok();
    let mut numbers = BufReader::new(child.stdout.take().unwrap()).lines().filter_map(acknowledged);
    let early = numbers.by_ref().take(lines).last();
    std::thread::sleep(more);
    child.kill().unwrap();
    child.wait().unwrap();
    numbers.last().or(early)
}

#[tokio::test]
async fn every_acknowledged_row_survives_a_kill() {
    let mut rng = SeededRng::seed_from_u64(7);
    let (_folder, path) = folder();
    let mut next = FIRST_OWN;
    for round in 0..ROUNDS {
        let lines = rng.random_range(0..12) * usize::from(rng.random_bool(0.8));
        let more = Duration::from_micros(rng.random_range(0..15_000));
        let acknowledged = run_and_kill(&path, next, lines, more);
        let rows = reopen(&path).await.rows.addresses;
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.address, row)).collect();

        // At most the one write that was under way may be there unacknowledged, and then whole.
        let last = rows.get(&record(COUNTER).address).map_or(FIRST_OWN - 1, |row| row.added.as_millis() as u32);
        let least = acknowledged.unwrap_or(next - 1);
        assert!(last == least || last == least + 1, "round {round}: {least} acknowledged, {last} found");
        let own = (FIRST_OWN..=last).filter(|&number| rows.get(&record(number).address) == Some(&record(number)));
        assert_eq!(own.count() as u32, last + 1 - FIRST_OWN, "round {round}");
        let blinking = last >= FIRST_OWN && last.is_multiple_of(2);
        assert_eq!(rows.contains_key(&record(BLINKING).address), blinking, "round {round}");
        next = last + 1;
    }
    assert!(next > FIRST_OWN + 50, "the process got to write: {next}");
}
