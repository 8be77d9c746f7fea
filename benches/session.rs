//! What a whole seed session takes over loopback, both sides in this process, and how soon a seed knows a network of
//! 1,000 addresses in virtual time.

#![allow(missing_docs)]

mod in_process;
mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use criterion::Criterion;
use pexd::node::row::Rows;
use pexd::node::{AddressEvent, Event, Node};
use pexd::testkit::sim::{Resident, Sim, params};
use pexd::types::{Mono, NetAddress, NodeId};
use support::{ANSWER, CHAIN, Client};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Addresses that the crawled network advertises.
const CRAWLED: u16 = 1_000;
/// Each step of a dial takes one.
const ROUND_TRIP: Duration = Duration::from_millis(20);

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .sample_size(30)
        .configure_from_args();
    let (runtime, folder) = (pexd::app::runtime()?, tempfile::tempdir()?);
    let shutdown = CancellationToken::new();
    let (seed, running) = runtime.block_on(in_process::start(folder.path(), shutdown.clone(), |_| ()))?;
    session(&mut criterion, &runtime, seed)?;
    shutdown.cancel();
    runtime.block_on(running.task)?;

    criterion.bench_function("crawl/1,000 addresses, the machine's time", |bench| bench.iter(crawl));
    criterion.final_summary();
    tell_crawl();
    Ok(())
}

fn session(criterion: &mut Criterion, runtime: &Runtime, seed: NetAddress) -> anyhow::Result<()> {
    let client = Client::new(seed);
    anyhow::ensure!(runtime.block_on(client.session())? == ANSWER, "the answer is not whole");
    criterion.bench_function("session/both sides", |bench| {
        bench.iter(|| runtime.block_on(client.session()).expect("an answer"));
    });
    Ok(())
}

/// Each number has a range of its own, as in life: buckets are drawn by it.
fn address(n: u16) -> NetAddress {
    let [a, b] = (n * 50).to_be_bytes();
    let mut id = [0; NodeId::LEN];
    id[..2].copy_from_slice(&n.to_be_bytes());
    NetAddress::new(NodeId::from_bytes(id), [a ^ 0x14, b, 7, 1].into(), 26_656).expect("a plain address")
}

/// A seed that is told, over two hops, of addresses of which a third is dead; when it had verified each live one.
fn crawl() -> Vec<Mono> {
    let mut sim = Sim::new(CHAIN, ROUND_TRIP);
    let told = 2..2 + CRAWLED;
    let tellers = told.end..told.end + CRAWLED / ANSWER as u16;
    let is_live = |n: &u16| !n.is_multiple_of(3);
    let mut settle = |n: u16, answer: Vec<NetAddress>| {
        let resident = Resident::Scripted { id: address(n).id(), network: CHAIN.into(), answer: Some(answer) };
        sim.settle(address(n).socket(), resident);
    };
    told.clone().filter(is_live).for_each(|n| settle(n, Vec::new()));
    let all: Vec<NetAddress> = told.clone().map(address).collect();
    tellers.clone().zip(all.chunks(ANSWER)).for_each(|(n, part)| settle(n, part.to_vec()));
    settle(1, tellers.map(address).collect());

    let at: SocketAddr = address(0).socket();
    let mut params = params(address(0).id(), at, true);
    params.pex.seeds = vec![address(1).into()];
    let seed = sim.add_node(at, params, Rows::default());
    sim.act(seed, Node::start);
    sim.run_for(Duration::from_secs(60));
    let live: BTreeSet<NetAddress> = told.filter(is_live).map(address).collect();
    let verified = |(at, event): &(Mono, Event)| match event {
        Event::Address(AddressEvent::Verified(address)) if live.contains(address) => Some(*at),
        _ => None,
    };
    let times: Vec<Mono> = sim.events(seed).iter().filter_map(verified).collect();
    assert_eq!(times.len(), live.len(), "each live one is found once");
    times
}

fn tell_crawl() {
    let times = crawl();
    println!("\na crawl of {CRAWLED} addresses, a third dead, {ROUND_TRIP:?} a step; virtual seconds until verified:");
    for percent in [50, 95, 99, 100] {
        let time = times[(times.len() * percent).div_ceil(100) - 1];
        println!("{percent:>5} % of the {} live ones: {:.2} s", times.len(), time.as_micros() as f64 / 1e6);
    }
}
