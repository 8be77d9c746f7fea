//! What the address book costs at 1,000, at 10,000 and at all 131,072 IDs, and how the cost grows: adding, marking and
//! picking shall not depend on the size, a selection only on its own.
//!
//! A book of 1,000 fits a core's own cache and a full one does not, so that the same steps take longer in it. By how much
//! depends on the host: a read that waits for the one before it, in as many bytes as the book takes, is measured beside
//! the book, and told is by how many of them an operation is longer. One that walked the book would need thousands.
#![allow(missing_docs)]

use std::cell::RefCell;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use criterion::Criterion;
use pexd::book::params::{GOOD_AFTER, RECHECK_SPACING, SEED_CAPACITY, SELECTION_MOST, SELECTION_PERCENT};
use pexd::book::{Book, HashKey, Params, Source};
use pexd::types::{DialOutcome, Mono, NetAddress, NodeId, Now, SeededRng, Wall};
use rand::{RngExt as _, SeedableRng as _};

/// IDs of a full book; each is made for as many, so that for each address that is added one leaves.
const SIZES: [usize; 3] = [1_024, 10_240, SEED_CAPACITY];
/// Groups that addresses and their sources are in.
const GROUPS: u32 = 400;
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

/// A full book of one size, a fifth of it old and seven eighths of it verified, with what is needed to go on.
struct World {
    book: Book,
    now: Now,
    rng: SeededRng,
    /// Numbers of the verified addresses in the book.
    known: Vec<u32>,
    /// Addresses so far.
    count: u32,
    /// As many bytes as the book takes, all zero.
    lines: Vec<Line>,
}

impl World {
    fn new(size: usize) -> Self {
        World::of(size, true)
    }

    /// What an operation is measured in: picks are a node's.
    fn for_operation(name: &str, size: usize) -> Self {
        World::of(size, name != "pick")
    }

    /// A seed's book, or a node's.
    fn of(size: usize, seed_mode: bool) -> Self {
        let now = Now { mono: Mono::from_micros(1_000_000_000), wall: Wall::from_secs(1_750_000_000) };
        let params = Params { capacity: size, ..Params::new(own_id(), seed_mode) };
        let book = Book::new(params, HashKey::from_bytes([7; 16]));
        let mut world =
            World { book, now, rng: SeededRng::seed_from_u64(1), known: Vec::new(), count: 0, lines: Vec::new() };
        while world.book.size() < size {
            let n = world.count as usize;
            let (address, source) = world.stranger();
            let _ = world.book.add(now, address, source, &mut world.rng);
            if n < size / 8 * 7 {
                world.book.mark_reached(now, &address, DialOutcome::Reached);
            }
            if n < size / 5 {
                world.book.mark_reached(now.after(GOOD_AFTER), &address, DialOutcome::Reached);
            }
        }
        let verified = |n: &u32| world.book.get(&told(*n).0).is_some_and(|record| record.verified);
        world.known = (0..world.count).filter(verified).collect();
        world.lines = vec![Line::default(); world.book.memory() / size_of::<Line>()];
        world
    }

    /// An address that the book has not.
    fn stranger(&mut self) -> (NetAddress, Source) {
        self.count += 1;
        told(self.count - 1)
    }

    fn someone(&mut self) -> (NetAddress, Source) {
        told(self.known[self.rng.random_range(0..self.known.len())])
    }

    /// Lets time go on, so that no source has brought too many. The store takes no changes: so what is removed is forgotten
    /// on the clock.
    fn settle(&mut self) {
        self.now = self.now.after(Duration::from_hours(1));
        self.book.take_dirty(usize::MAX);
    }
}

/// Address `n`, and who advertises it.
fn told(n: u32) -> (NetAddress, Source) {
    let mut id = [0; NodeId::LEN];
    id[..4].copy_from_slice(&n.to_be_bytes());
    let group = n.wrapping_mul(0x9e37_79b9) >> 8;
    (at(NodeId::from_bytes(id), group % GROUPS, n % 0xffff), told_by((group >> 12) % GROUPS))
}

fn own_id() -> NodeId {
    NodeId::from_bytes([0xff; 20])
}

fn empty_book() -> Book {
    Book::new(Params::new(own_id(), true), HashKey::from_bytes([7; 16]))
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

/// Adds strangers; for each, one leaves the book.
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
    let (book, now, rng) = (&world.book, world.now, &mut world.rng);
    timed((0..count).collect(), |_| _ = black_box(book.pick(now, 30, rng)))
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
    let (book, rng) = (&world.book, &mut world.rng);
    timed(askers, |requester| {
        let answer = book.selection(bias, requester, rng);
        black_box(book.read(&answer, &requester));
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
fn measure(criterion: &mut Criterion, name: &str, batch: Batch, size: usize) {
    let world = RefCell::new(None);
    criterion.bench_function(&format!("{name}/{size}"), |bencher| {
        bencher.iter_custom(|iterations| {
            let world = &mut *world.borrow_mut();
            let world = world.get_or_insert_with(|| World::for_operation(name, size));
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
fn compare(name: &str, batch: Batch) -> [f64; SIZES.len()] {
    let mut worlds = SIZES.map(|size| World::for_operation(name, size));
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
    let [small, middle, full] = SIZES;
    println!("\n{:<28}{small:>10}{middle:>10}{full:>10}  full : 1,024   longer by, reads", "nanoseconds");
    let reads = compare("read", read);
    let [small, middle, full] = reads;
    println!("{:<28}{small:>10.1}{middle:>10.1}{full:>10.1}{:>14.2}", "a read after a read", full / small);
    for (name, batch) in OPERATIONS {
        let costs = compare(name, batch);
        let [small, middle, full] = costs;
        let each = |index: usize| costs[index] / per_operation(name, SIZES[index]);
        let longer = (each(2) - each(0)) / (reads[2] - reads[0]);
        println!("{name:<28}{small:>10.0}{middle:>10.0}{full:>10.0}{:>14.2}{longer:>19.1}", each(2) / each(0));
    }
    println!("(a selection's last two figures are those of one address)");
}
