//! Addresses that lie in the network as those of real address books do: a few hosters have many, and many ranges have one.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pexd::types::{Group, NetAddress, NodeId, SeededRng, group_of, is_routable};
use rand::{RngExt as _, SeedableRng as _};

/// What most nodes listen on.
const PORT: u16 = 26_656;
/// The share that does.
const USUAL_PORT: f64 = 0.85;
/// The share of IPv6.
const V6_SHARE: f64 = 0.01;
/// Ranges of hosters with IPv6.
const V6_RANGES: [[u16; 2]; 5] =
    [[0x2a01, 0x04f8], [0x2a02, 0xc207], [0x2001, 0x41d0], [0x2604, 0xa880], [0x2a03, 0x4000]];
/// How readily an address opens a range of its own, at first and as the number of ranges grows: a Pitman-Yor process,
/// so that any part of the addresses is spread as the whole is, whatever its number. Fitted to the figures of
/// [`Spread::is_real`].
const CONCENTRATION: f64 = 18.0;
const DISCOUNT: f64 = 0.6;
/// How many addresses the figures of real books are of.
const SURVEYED: usize = 1_000;

/// An endless supply of addresses, all different, the same for the same seed.
#[derive(Debug)]
pub(crate) struct Places {
    rng: SeededRng,
    /// The /16 of each IPv4 address that was drawn, and how many each has.
    drawn: Vec<[u8; 2]>,
    sizes: HashMap<[u8; 2], u32>,
    /// Ranges in which something lies already.
    opened: HashSet<[u8; 2]>,
    taken: HashSet<IpAddr>,
}

impl Places {
    /// A supply whose first addresses have the figures of real address books: of the seeds from this one on, the first
    /// that gives such a one.
    pub(crate) fn new(seed: u64) -> Self {
        let is_real = |seed: &u64| Spread::of(&Places::of_seed(*seed).draw(SURVEYED)).is_real();
        let seed = (seed * 1_000..).find(is_real).expect("most seeds do");
        Places::of_seed(seed)
    }

    fn of_seed(seed: u64) -> Self {
        Places {
            rng: SeededRng::seed_from_u64(seed),
            drawn: Vec::new(),
            sizes: HashMap::new(),
            opened: HashSet::new(),
            taken: HashSet::new(),
        }
    }

    /// The next addresses.
    pub(crate) fn draw(&mut self, count: usize) -> Vec<NetAddress> {
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> NetAddress {
        if self.rng.random_bool(V6_SHARE) {
            return self.in_v6();
        }
        let range = self.next_range();
        self.drawn.push(range);
        *self.sizes.entry(range).or_default() += 1;
        self.within(range)
    }

    fn next_range(&mut self) -> [u8; 2] {
        let opens = CONCENTRATION + DISCOUNT * self.sizes.len() as f64;
        if self.rng.random_range(0.0..CONCENTRATION + self.drawn.len() as f64) < opens {
            return self.open_range();
        }
        loop {
            let range = self.drawn[self.rng.random_range(0..self.drawn.len())];
            if !self.rng.random_bool(DISCOUNT / f64::from(self.sizes[&range])) {
                return range;
            }
        }
    }

    /// Addresses in so many ranges of their own, as many in each.
    pub(crate) fn draw_apart(&mut self, count: usize, ranges: usize) -> Vec<NetAddress> {
        let ranges: Vec<_> = (0..ranges).map(|_| self.open_range()).collect();
        (0..count).map(|n| self.within(ranges[n % ranges.len()])).collect()
    }

    /// Addresses anywhere: nobody is there, so they need not be different.
    pub(crate) fn draw_anywhere(&mut self, count: usize) -> Vec<NetAddress> {
        (0..count)
            .map(|_| {
                let ip = self.anywhere();
                self.identify(ip, PORT)
            })
            .collect()
    }

    /// A routable IPv4 address.
    pub(crate) fn anywhere(&mut self) -> IpAddr {
        loop {
            let ip = Ipv4Addr::from_bits(self.rng.random());
            if is_routable(ip.into()) && !ip.is_multicast() {
                return ip.into();
            }
        }
    }

    /// An ID that nobody has.
    pub(crate) fn id(&mut self) -> NodeId {
        NodeId::from_bytes(self.rng.random())
    }

    fn open_range(&mut self) -> [u8; 2] {
        loop {
            let range: [u8; 2] = self.rng.random();
            let [a, b] = range;
            let usable = |host| is_routable(Ipv4Addr::new(a, b, host, 1).into());
            if a < 224 && usable(0) && usable(2) && usable(100) && usable(113) && self.opened.insert(range) {
                return range;
            }
        }
    }

    fn within(&mut self, [a, b]: [u8; 2]) -> NetAddress {
        loop {
            let [c, d]: [u8; 2] = self.rng.random();
            let ip = IpAddr::from([a, b, c, d]);
            if self.taken.insert(ip) {
                let port = self.port();
                return self.identify(ip, port);
            }
        }
    }

    fn in_v6(&mut self) -> NetAddress {
        let [a, b] = V6_RANGES[self.rng.random_range(0..V6_RANGES.len())];
        let ip = Ipv6Addr::new(a, b, self.rng.random(), self.rng.random(), 0, 0, 0, 1);
        let port = self.port();
        self.identify(ip.into(), port)
    }

    fn port(&mut self) -> u16 {
        if self.rng.random_bool(USUAL_PORT) { PORT } else { self.rng.random_range(10_000..60_000) }
    }

    fn identify(&mut self, ip: IpAddr, port: u16) -> NetAddress {
        NetAddress::new(self.id(), ip, port).expect("a routable IP and a port")
    }
}

/// How addresses are spread over groups.
#[derive(Debug)]
pub(crate) struct Spread {
    addresses: usize,
    groups: usize,
    largest: f64,
    three_largest: f64,
    alone: f64,
    v6: f64,
}

impl Spread {
    /// The spread of these.
    pub(crate) fn of(addresses: &[NetAddress]) -> Self {
        let mut sizes: HashMap<Group, usize> = HashMap::new();
        for address in addresses {
            *sizes.entry(group_of(address.ip(), true, None)).or_default() += 1;
        }
        let mut sizes: Vec<usize> = sizes.into_values().collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let share = |count: usize| count as f64 / addresses.len() as f64;
        Spread {
            addresses: addresses.len(),
            groups: sizes.len(),
            largest: share(sizes[0]),
            three_largest: share(sizes.iter().take(3).sum()),
            alone: share(sizes.iter().filter(|size| **size == 1).count()),
            v6: share(addresses.iter().filter(|address| address.ip().is_ipv6()).count()),
        }
    }

    /// Whether 1,000 addresses lie as those of real books do.
    pub(crate) fn is_real(&self) -> bool {
        self.addresses == SURVEYED
            && (280..=500).contains(&self.groups)
            && (0.04..=0.10).contains(&self.largest)
            && (0.10..=0.18).contains(&self.three_largest)
            && (0.15..=0.33).contains(&self.alone)
            && (0.005..=0.015).contains(&self.v6)
    }
}

/// Shows how the addresses lie, and breaks off if that is not as in real books. All of them are routable.
pub(crate) fn check() {
    let mut places = Places::new(1);
    let mut addresses = places.draw(SURVEYED);
    let first = Spread::of(&addresses);
    assert!(first.is_real(), "{first:?}");
    addresses.extend(places.draw(99 * SURVEYED));
    assert!(addresses.iter().all(|address| is_routable(address.ip())));
    let endpoints: HashSet<SocketAddr> = addresses.iter().map(NetAddress::socket).collect();
    assert_eq!(endpoints.len(), addresses.len(), "each is another one");
    for spread in [first, Spread::of(&addresses)] {
        println!(
            "{} addresses: {} groups; {:.1} % in the largest, {:.1} % in three; {:.1} % alone; {:.1} % IPv6",
            spread.addresses,
            spread.groups,
            100.0 * spread.largest,
            100.0 * spread.three_largest,
            100.0 * spread.alone,
            100.0 * spread.v6
        );
    }
}
