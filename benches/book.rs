//! What the address book costs at 1,000, at 10,000 and at all 20,480 IDs, and how the cost grows: adding, marking and
//! picking shall not depend on the size, a selection only on its own.
#![allow(missing_docs)]

use std::cell::RefCell;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use criterion::Criterion;
use pexd::book::params::{BUCKET_SIZE, NEW_BUCKETS, OLD_BUCKETS};
use pexd::book::{Book, HashKey, Params, Servable, Source};
use pexd::types::{Mono, NetAddress, NodeId, Now, Outcome, SeededRng, Wall};
use rand::{RngExt as _, SeedableRng as _};

const FULL: usize = (NEW_BUCKETS + OLD_BUCKETS) * BUCKET_SIZE;
const SIZES: [usize; 3] = [1_000, 10_000, FULL];
/// What the full book may cost more than the one of 1,000.
const MOST: f64 = 1.5;
/// Operations between two looks at the clock.
const BATCH: u64 = 200;
/// Turns that each size has in a comparison.
const ROUNDS: usize = 20;
/// Batches of a turn, after as many that bring the book into the processor's cache.
const TURN: usize = 20;

/// A book of one size, a fifth of it old and all of it verified, with what is needed to go on.
struct World {
    book: Book,
    size: usize,
    now: Now,
    rng: SeededRng,
    known: Vec<(NetAddress, Source)>,
    fresh: u32,
}

impl World {
    fn new(size: usize) -> Self {
        let book = Book::new(Params::new(NodeId::from_bytes([0xff; 20])), HashKey::from_bytes([7; 16]));
        let now = Now { mono: Mono::from_micros(1_000_000_000), wall: Wall::from_secs(1_750_000_000) };
        let mut world = World { book, size, now, rng: SeededRng::seed_from_u64(1), known: Vec::new(), fresh: 0 };
        while world.book.counts().old < size / 5 {
            world.learn(true);
        }
        while world.book.size() < size {
            world.learn(false);
        }
        world.known =
            world.book.page(None, usize::MAX).into_iter().map(|record| (record.address, record.source)).collect();
        world.settle();
        world
    }

    fn learn(&mut self, good: bool) {
        let (address, source) = self.stranger();
        let _ = self.book.add(self.now, address, source, &mut self.rng);
        self.book.mark_reached(self.now, &address, Outcome::Reached);
        if good {
            let later = self.now.after(Duration::from_hours(3));
            self.book.mark_reached(later, &address, Outcome::Reached);
        }
    }

    /// An address that the book has not, and who tells it.
    fn stranger(&mut self) -> (NetAddress, Source) {
        self.fresh += 1;
        let mut id = [0; NodeId::LEN];
        id[..4].copy_from_slice(&self.fresh.to_be_bytes());
        let address = NetAddress::new(NodeId::from_bytes(id), self.ip(), 26656).expect("a valid address");
        (address, Source { id: NodeId::from_bytes([1; 20]), ip: self.ip() })
    }

    fn ip(&mut self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(self.rng.random_range(0x0b00_0000..0x6300_0000)))
    }

    fn someone(&mut self) -> (NetAddress, Source) {
        self.known[self.rng.random_range(0..self.known.len())]
    }

    /// What the node does beside: the store takes the changes, time goes on.
    fn settle(&mut self) {
        self.book.take_dirty(usize::MAX);
        self.now = self.now.after(Duration::from_secs(1));
    }
}

type Batch = fn(&mut World, u64) -> Duration;

#[allow(clippy::disallowed_methods)]
fn timed<T>(inputs: Vec<T>, mut operation: impl FnMut(T)) -> Duration {
    let start = Instant::now();
    inputs.into_iter().for_each(&mut operation);
    start.elapsed()
}

/// Adds strangers; those that nobody has to leave for are removed off the clock.
fn add(world: &mut World, count: u64) -> Duration {
    let strangers: Vec<_> = (0..count).map(|_| world.stranger()).collect();
    let ids: Vec<NodeId> = strangers.iter().map(|(address, _)| address.id()).collect();
    let (book, now, rng) = (&mut world.book, world.now, &mut world.rng);
    let took = timed(strangers, |(address, source)| {
        let _ = black_box(book.add(now, address, source, rng));
    });
    if world.size < FULL {
        ids.iter().for_each(|id| _ = book.remove(id));
    }
    took
}

/// Adds strangers, one leaving for each at any size.
fn replace(world: &mut World, count: u64) -> Duration {
    let strangers: Vec<_> = (0..count).map(|_| world.stranger()).collect();
    let (book, now, rng) = (&mut world.book, world.now, &mut world.rng);
    let small = world.size < FULL;
    timed(strangers, |(address, source)| {
        let _ = black_box(book.add(now, address, source, rng));
        if small {
            book.remove(&address.id());
        }
    })
}

fn hear_again(world: &mut World, count: u64) -> Duration {
    let known: Vec<_> = (0..count).map(|_| world.someone()).collect();
    let (book, now, rng) = (&mut world.book, world.now, &mut world.rng);
    timed(known, |(address, source)| _ = black_box(book.add(now, address, source, rng)))
}

fn mark_reached(world: &mut World, count: u64) -> Duration {
    let known: Vec<_> = (0..count).map(|_| world.someone().0).collect();
    let (book, now) = (&mut world.book, world.now);
    timed(known, |address| _ = black_box(book.mark_reached(now, &address, Outcome::Reached)))
}

/// Fails and reaches the same address, so that the book stays as it is: two marks.
fn mark_failed_and_reached(world: &mut World, count: u64) -> Duration {
    let known: Vec<_> = (0..count).map(|_| world.someone().0).collect();
    let (book, now) = (&mut world.book, world.now);
    timed(known, |address| {
        black_box(book.mark_failed(now, &address, Outcome::TimedOut, false));
        black_box(book.mark_reached(now, &address, Outcome::Reached));
    })
}

fn pick(world: &mut World, count: u64) -> Duration {
    let (book, rng) = (&world.book, &mut world.rng);
    timed((0..count).collect(), |_| _ = black_box(book.pick(30, rng)))
}

fn crawl(world: &mut World, count: u64) -> Duration {
    let (book, now) = (&mut world.book, &mut world.now);
    *now = now.after(Duration::from_hours(1));
    timed((0..count).collect(), |_| {
        *now = now.after(Duration::from_millis(120));
        if let Some(address) = book.due(*now) {
            book.mark_reached(*now, &address, Outcome::Reached);
        }
    })
}

fn select(world: &mut World, count: u64, bias: Option<u8>) -> Duration {
    let askers: Vec<NodeId> = (0..count).map(|_| world.someone().0.id()).collect();
    let (book, rng) = (&mut world.book, &mut world.rng);
    let mut out = Vec::with_capacity(250);
    timed(askers, |asker| {
        out.clear();
        book.selection(Servable::Verified, bias, asker, rng, &mut out);
        black_box(&out);
    })
}

const OPERATIONS: [(&str, Batch); 9] = [
    ("add", add),
    ("add, one leaves", replace),
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
    let world = RefCell::new(World::new(size));
    criterion.bench_function(&format!("{name}/{size}"), |bencher| {
        bencher.iter_custom(|iterations| {
            let world = &mut *world.borrow_mut();
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

/// Nanoseconds of one operation at each size: the lower quartile of batches that take turns, so that what else the
/// machine does is in all of them or in none.
fn compare(batch: Batch) -> [f64; SIZES.len()] {
    let mut worlds = SIZES.map(World::new);
    let mut samples = SIZES.map(|_| Vec::with_capacity(ROUNDS));
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
        samples[samples.len() / 4]
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
    println!("\n{:<28}{:>10}{:>10}{:>10}  full : 1,000 (at most {MOST})", "nanoseconds", SIZES[0], SIZES[1], SIZES[2]);
    for (name, batch) in OPERATIONS {
        let [small, middle, full] = compare(batch);
        let remark = if full / small > MOST { "  TOO MUCH" } else { "" };
        println!("{name:<28}{small:>10.0}{middle:>10.0}{full:>10.0}  {:.2}{remark}", full / small);
    }
    let (empty, full) =
        (Book::new(Params::new(NodeId::from_bytes([0; 20])), HashKey::from_bytes([0; 16])), World::new(FULL));
    println!("empty book: {} bytes; full book: {} bytes an entry", empty.memory(), full.book.memory() / FULL);
}
