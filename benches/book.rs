//! What the address book costs at 1,000, at 10,000 and at all 20,480 IDs, and how the cost grows: adding, marking and
//! picking shall not depend on the size, a selection only on its own.
//!
//! A book of 1,000 fits a core's own cache and a full one does not, so that the same steps take longer in it. By how much
//! depends on the host: a read that waits for the one before it, in as many bytes as the book takes, is measured beside
//! the book, and told is by how many of them an operation is longer. One that walked the book would need thousands.
#![allow(missing_docs)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use criterion::Criterion;
use pexd::book::params::{
    BUCKET_SIZE, GOOD_AFTER, NEW_BUCKETS, OLD_BUCKETS, RECHECK_SPACING, SELECTION_MOST, SELECTION_PERCENT,
};
use pexd::book::{Book, HashKey, Params, Servable, Source};
use pexd::types::{DialOutcome, Mono, NetAddress, NodeId, Now, SeededRng, Wall};
use rand::{RngExt as _, SeedableRng as _};

/// IDs in all, and how many new buckets they fill: the buckets in use are full at any size, so that for each address that
/// is added one leaves.
const SIZES: [(usize, usize); 3] =
    [(1_000, 13), (10_000, 125), ((NEW_BUCKETS + OLD_BUCKETS) * BUCKET_SIZE, NEW_BUCKETS)];
/// Operations between two looks at the clock.
const BATCH: u64 = 200;
/// Turns that each size has in a comparison.
const ROUNDS: usize = 20;
/// Batches of a turn, after as many that bring the book into the processor's cache.
const TURN: usize = 20;

/// What a processor reads from memory at once.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Line(usize);

/// A book of one size, a fifth of it old and all of it verified, with what is needed to go on.
struct World {
    book: Book,
    now: Now,
    rng: SeededRng,
    /// Groups of addresses and of sources, one pair a new bucket.
    pairs: Vec<(u32, u32)>,
    /// Numbers of the addresses in the book.
    known: Vec<u32>,
    /// Addresses so far.
    count: u32,
    /// As many bytes as the book takes, all zero.
    lines: Vec<Line>,
}

impl World {
    fn new((size, buckets): (usize, usize)) -> Self {
        let now = Now { mono: Mono::from_micros(1_000_000_000), wall: Wall::from_secs(1_750_000_000) };
        let (book, rng, pairs) = (empty_book(), SeededRng::seed_from_u64(1), pairs_for(buckets));
        let mut world = World { book, now, rng, pairs, known: Vec::new(), count: 0, lines: Vec::new() };
        while world.book.counts().old < size - buckets * BUCKET_SIZE {
            let address = world.learn();
            world.book.mark_reached(now.after(GOOD_AFTER), &address, DialOutcome::Reached);
        }
        while world.book.size() < size {
            world.learn();
        }
        world.known = (0..world.count).filter(|n| world.book.get(&world.told(*n).0).is_some()).collect();
        world.lines = vec![Line::default(); world.book.memory() / size_of::<Line>()];
        world
    }

    fn learn(&mut self) -> NetAddress {
        let (address, source) = self.stranger();
        let _ = self.book.add(self.now, address, source, &mut self.rng);
        self.book.mark_reached(self.now, &address, DialOutcome::Reached);
        address
    }

    /// Address `n`, and who advertises it.
    fn told(&self, n: u32) -> (NetAddress, Source) {
        let (group, source) = self.pairs[n as usize % self.pairs.len()];
        let mut id = [0; NodeId::LEN];
        id[..4].copy_from_slice(&n.to_be_bytes());
        (at(NodeId::from_bytes(id), group, n % 0xffff), told_by(source))
    }

    /// An address that the book has not.
    fn stranger(&mut self) -> (NetAddress, Source) {
        self.count += 1;
        self.told(self.count - 1)
    }

    fn someone(&mut self) -> (NetAddress, Source) {
        let n = self.known[self.rng.random_range(0..self.known.len())];
        self.told(n)
    }

    /// Lets time go on, little, or everybody became good. The store takes no changes: so what is removed is forgotten on
    /// the clock.
    fn settle(&mut self) {
        self.now = self.now.after(Duration::from_millis(1));
    }
}

fn empty_book() -> Book {
    Book::new(Params::new(NodeId::from_bytes([0xff; 20])), HashKey::from_bytes([7; 16]))
}

/// A routable place in a /16.
fn ip(group: u32, host: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits((((11 << 8) + group) << 16) | host))
}

fn at(id: NodeId, group: u32, host: u32) -> NetAddress {
    NetAddress::new(id, ip(group, host), 26656).expect("a valid address")
}

fn told_by(group: u32) -> Source {
    Source { id: NodeId::from_bytes([1; 20]), ip: ip(group, 1) }
}

/// Pairs of groups, one for each of so many new buckets.
fn pairs_for(buckets: usize) -> Vec<(u32, u32)> {
    let (mut book, mut rng, id) = (empty_book(), SeededRng::seed_from_u64(2), NodeId::from_bytes([2; 20]));
    let mut pairs = BTreeMap::new();
    while pairs.len() < buckets {
        let (group, source) = (rng.random_range(0..10_000), rng.random_range(0..10_000));
        let address = at(id, group, 1);
        let _ = book.add(Now::default(), address, told_by(source), &mut rng);
        if let Some(record) = book.get(&address) {
            pairs.entry(record.buckets[0]).or_insert((group, source));
        }
        book.remove(&id);
    }
    pairs.into_values().collect()
}

type Batch = fn(&mut World, u64) -> Duration;

#[allow(clippy::disallowed_methods)]
fn timed<T>(inputs: Vec<T>, mut operation: impl FnMut(T)) -> Duration {
    let start = Instant::now();
    inputs.into_iter().for_each(&mut operation);
    start.elapsed()
}

/// Reads at random places, each of which is known when the read before it is done.
fn read(world: &mut World, count: u64) -> Duration {
    let (lines, rng) = (black_box(&world.lines), &mut world.rng);
    let places: Vec<usize> = (0..count).map(|_| rng.random_range(0..lines.len())).collect();
    let mut zero = 0;
    let took = timed(places, |place| zero = lines[place + zero].0);
    black_box(zero);
    took
}

/// Adds strangers; for each, one leaves its bucket and the book.
fn add(world: &mut World, count: u64) -> Duration {
    let strangers: Vec<_> = (0..count).map(|_| world.stranger()).collect();
    let (book, now, rng) = (&mut world.book, world.now, &mut world.rng);
    timed(strangers, |(address, source)| _ = black_box(book.add(now, address, source, rng)))
}

fn hear_again(world: &mut World, count: u64) -> Duration {
    let known: Vec<_> = (0..count).map(|_| world.someone()).collect();
    let (book, now, rng) = (&mut world.book, world.now, &mut world.rng);
    timed(known, |(address, source)| _ = black_box(book.add(now, address, source, rng)))
}

fn mark_reached(world: &mut World, count: u64) -> Duration {
    let known: Vec<_> = (0..count).map(|_| world.someone().0).collect();
    let (book, now) = (&mut world.book, world.now);
    timed(known, |address| _ = black_box(book.mark_reached(now, &address, DialOutcome::Reached)))
}

/// Fails and reaches the same address, so that the book stays as it is: two marks.
fn mark_failed_and_reached(world: &mut World, count: u64) -> Duration {
    let known: Vec<_> = (0..count).map(|_| world.someone().0).collect();
    let (book, now) = (&mut world.book, world.now);
    timed(known, |address| {
        black_box(book.mark_failed(now, &address, DialOutcome::TimedOut, false));
        black_box(book.mark_reached(now, &address, DialOutcome::Reached));
    })
}

fn pick(world: &mut World, count: u64) -> Duration {
    let (book, rng) = (&world.book, &mut world.rng);
    timed((0..count).collect(), |_| _ = black_box(book.pick(30, rng)))
}

fn crawl(world: &mut World, count: u64) -> Duration {
    let (book, now) = (&mut world.book, &mut world.now);
    now.mono = now.mono + Duration::from_hours(1);
    timed((0..count).collect(), |_| {
        now.mono = now.mono + RECHECK_SPACING;
        if let Some(address) = book.due(*now) {
            book.mark_reached(*now, &address, DialOutcome::Reached);
        }
    })
}

fn select(world: &mut World, count: u64, bias: Option<u8>) -> Duration {
    let askers: Vec<NodeId> = (0..count).map(|_| world.someone().0.id()).collect();
    let (book, rng) = (&mut world.book, &mut world.rng);
    let mut out = Vec::with_capacity(250);
    timed(askers, |requester| {
        out.clear();
        book.selection(Servable::Verified, bias, requester, rng, &mut out);
        black_box(&out);
    })
}

/// Addresses that an operation deals with: a selection is paid by the address.
fn per_operation(name: &str, size: usize) -> f64 {
    if name.ends_with("selection") { (size * SELECTION_PERCENT / 100).min(SELECTION_MOST) as f64 } else { 1.0 }
}

const OPERATIONS: [(&str, Batch); 8] = [
    ("add, one leaves", add),
    ("add a known one", hear_again),
    ("mark reached", mark_reached),
    ("mark failed, then reached", mark_failed_and_reached),
    ("pick", pick),
    ("due and mark", crawl),
    ("selection", |world, count| select(world, count, None)),
    ("biased selection", |world, count| select(world, count, Some(30))),
];

/// Has criterion measure one operation at one size.
fn measure(criterion: &mut Criterion, name: &str, batch: Batch, size: (usize, usize)) {
    let world = RefCell::new(None);
    criterion.bench_function(&format!("{name}/{}", size.0), |bencher| {
        bencher.iter_custom(|iterations| {
            let world = &mut *world.borrow_mut();
            let world = world.get_or_insert_with(|| World::new(size));
            let mut took = Duration::ZERO;
            let mut left = iterations;
            while left > 0 {
                let count = left.min(BATCH);
                took += batch(world, count);
                world.settle();
                left -= count;
            }
            took
        });
    });
}

/// Nanoseconds of one operation at each size, from batches in turns. The fastest twentieth is told: what else the machine
/// does costs a book that fills its cache more than a small one.
fn compare(batch: Batch) -> [f64; SIZES.len()] {
    let mut worlds = SIZES.map(World::new);
    let mut samples = SIZES.map(|_| Vec::with_capacity(ROUNDS * TURN));
    for _ in 0..ROUNDS {
        for (world, samples) in worlds.iter_mut().zip(&mut samples) {
            for turn in 0..2 * TURN {
                let took = batch(world, BATCH);
                world.settle();
                if turn >= TURN {
                    samples.push(took.as_nanos() as f64 / BATCH as f64);
                }
            }
        }
    }
    samples.map(|mut samples| {
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 20]
    })
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    for (name, batch) in OPERATIONS {
        for size in SIZES {
            measure(&mut criterion, name, batch, size);
        }
    }
    if std::env::args().any(|argument| argument == "--profile-time") {
        return;
    }
    tell_growth();
    let full = World::new(SIZES[2]).book;
    let each = full.memory() / full.counts().addresses;
    println!("empty book: {} bytes; full book: {each} bytes an entry", empty_book().memory());
}

/// The fastest of each operation at each size, how much slower the full book is, and how many reads that amounts to.
fn tell_growth() {
    let [small, middle, full] = SIZES.map(|(size, _)| size);
    println!("\n{:<28}{small:>10}{middle:>10}{full:>10}  full : 1,000   longer by, reads", "nanoseconds");
    let reads = compare(read);
    let [small, middle, full] = reads;
    println!("{:<28}{small:>10.1}{middle:>10.1}{full:>10.1}{:>14.2}", "a read after a read", full / small);
    for (name, batch) in OPERATIONS {
        let costs = compare(batch);
        let [small, middle, full] = costs;
        let each = |index: usize| costs[index] / per_operation(name, SIZES[index].0);
        let longer = (each(2) - each(0)) / (reads[2] - reads[0]);
        println!("{name:<28}{small:>10.0}{middle:>10.0}{full:>10.0}{:>14.2}{longer:>19.1}", each(2) / each(0));
    }
    println!("(a selection's last two figures are those of one address)");
}
