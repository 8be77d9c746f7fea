//! The law of the schedule: whatever is gossiped, evicted, removed, added again or restarted, the crawl dials no ip:port
//! more often than its schedule allows.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

/// What the world knows of an ip:port.
#[derive(Clone, Copy, Default)]
struct Place {
    last: Option<Mono>,
    /// Dials in a row that nobody answered.
    silent: u32,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody advertises so many IDs from here on, at few ip:ports.
    Gossip { from: u32, source: u32 },
    /// An operator removes an ID.
    Remove { id: u32 },
    /// An operator bans an ID, and lifts the ban.
    Reinstate { id: u32 },
    /// Time passes, and what is due is dialled.
    Crawl { secs: u64 },
    /// The process ends, and starts with what was stored.
    Restart,
}

/// What a store has of a book's traces.
type Traces = BTreeMap<u64, TraceRecord>;

/// Stores all that changed, and loads it again.
fn restart(book: &mut Book, traces: &mut Traces, time: Now) {
    while let Some((hash, trace)) = book.take_dirty_trace() {
        match trace {
            Some(trace) => drop(traces.insert(hash, trace)),
            None => drop(traces.remove(&hash)),
        }
    }
    let (records, traces) = (book.page(None, usize::MAX), traces.values().copied().collect());
    let stored = StoredBook { records, traces, private: Vec::new() };
    let (loaded, report) = Book::load(book.params.clone(), KEY, stored, time);
    assert_eq!((report.repaired, report.skipped), (0, 0));
    *book = loaded;
}

/// Every third ip:port is dead, and every third somebody else's.
const PLACES: u32 = 150;

fn address(n: u32) -> NetAddress {
    let place = n % PLACES;
    NetAddress::new(id(n), ip(place, place), 26_656).unwrap()
}

fn outcome(address: &NetAddress) -> DialOutcome {
    let n = u32::from_be_bytes(address.id().as_bytes()[..4].try_into().unwrap());
    match (n % 3, n < PLACES) {
        (0, _) => DialOutcome::TimedOut,
        (_, true) => DialOutcome::Reached,
        (_, false) => DialOutcome::WrongIdentity,
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..600_u32, 0..40_u32).prop_map(|(from, source)| Step::Gossip { from, source }),
        1 => (0..600_u32).prop_map(|id| Step::Remove { id }),
        1 => (0..600_u32).prop_map(|id| Step::Reinstate { id }),
        1 => Just(Step::Restart),
        8 => (0..4_000_u64).prop_map(|secs| Step::Crawl { secs }),
    ]
}

/// Dials what is due until then.
fn crawl(book: &mut Book, places: &mut BTreeMap<SocketAddr, Place>, mut time: Now, until: Now) {
    while let Some(next) = book.next_due().filter(|next| *next <= until.mono) {
        time = time.after(next.since(time.mono).max(Duration::from_millis(20)));
        let Some(address) = book.due(time) else { continue };
        let place = places.entry(address.socket()).or_default();
        if let Some(last) = place.last {
            let gap = time.mono.since(last);
            let backoff = Duration::from_mins(2) * 2_u32.pow(place.silent.saturating_sub(1).min(20));
            let least = Duration::from_mins(2).max(if place.silent > 0 { backoff } else { Duration::ZERO });
            let least = least.min(params::MAX_BACKOFF);
            // Stored times are whole seconds.
            assert!(gap + Duration::from_secs(1) >= least, "{address} after {gap:?}, not {least:?}");
        }
        place.last = Some(time.mono);
        match outcome(&address) {
            DialOutcome::Reached => {
                place.silent = 0;
                book.mark_reached(time, &address, DialOutcome::Reached);
            }
            outcome => {
                place.silent = if outcome == DialOutcome::TimedOut { place.silent + 1 } else { 0 };
                book.mark_failed(time, &address, outcome, false);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_endpoint_is_dialled_more_often_than_its_schedule_allows(
        steps in proptest::collection::vec(step(), 1..80),
        capacity in 16..200_usize,
    ) {
        let (mut book, mut time, rng) = (small_book(capacity), now(), &mut rng());
        let (mut places, mut traces) = (BTreeMap::new(), Traces::new());
        for step in steps {
            match step {
                Step::Gossip { from, source: group } => {
                    for n in from..from + 40 {
                        let _ = book.add(time, address(n), source(group), rng);
                    }
                }
                Step::Remove { id: n } => drop(book.remove(&id(n))),
                Step::Reinstate { id: n } => {
                    book.ban(&id(n));
                    book.reinstate(time, &id(n));
                }
                Step::Restart => restart(&mut book, &mut traces, time),
                Step::Crawl { secs } => {
                    let until = time.after(Duration::from_secs(secs));
                    crawl(&mut book, &mut places, time, until);
                    time = until;
                }
            }
        }
        invariants::check(&book);
    }
}
