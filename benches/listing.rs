//! Listing a full book over gRPC while seed sessions go on: pages a second and the latency of a session, alone and
//! together; and how long each question about the book takes the network.
//!
//! `cargo bench --bench listing` takes half a minute and asserts nothing.

#![allow(missing_docs)]

mod in_process;
mod support;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pexd::admin::{Admin, AdminSettings};
use pexd::book::{Book, Source};
use pexd::clock::{Clock, seeded_rng};
use pexd::network::{ChangeAuthor, Directory, Handle, MAX_GROUP, MAX_PAGE};
use pexd::node::AddressRef;
use pexd::proto::pexd::v1::ListAddressesRequest;
use pexd::proto::pexd::v1::address_book_service_client::AddressBookServiceClient;
use pexd::testkit::NoFiles;
use pexd::types::{DialOutcome, NetAddress, NodeId};
use support::{ANSWER, Client};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// Sessions that begin in a second.
const SESSIONS: u32 = 200;
/// How long each part is measured.
const TIME: Duration = Duration::from_secs(6);
/// Addresses of one page.
const PAGE: i32 = 1_000;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too.
    if !std::env::args().any(|arg| arg == "--bench") {
        return Ok(());
    }
    pexd::app::raise_open_files();
    let (runtime, folder) = (pexd::app::runtime()?, tempfile::tempdir()?);
    runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let (seed, running) = in_process::start(folder.path(), shutdown.clone(), fill).await?;
        let directory = Directory::new([running.handle.clone()], None);
        let mut settings = AdminSettings::open_loopback(0);
        settings.limits.rate.per_second = 0;
        let admin = Admin::bind(settings).await?;
        let at = admin.local_addr().context("a listener")?;
        let serving = tokio::spawn(admin.serve(
            directory,
            Arc::new(NoFiles),
            NoFiles::process(),
            shutdown.clone().cancelled_owned(),
        ));
        let channel = Channel::from_shared(format!("http://{at}"))?.connect().await?;

        println!("addresses in the book: {}", running.handle.summary().await?.addresses);
        questions(&running.handle).await?;
        tell("sessions alone", &sessions(seed).await?);
        println!("pages of {PAGE} alone: {:.0} a second", pages(channel.clone()).await?);
        let (latencies, rate) = tokio::join!(sessions(seed), pages(channel));
        tell("sessions while pages are read", &latencies?);
        println!("pages of {PAGE} while sessions go on: {:.0} a second", rate?);
        shutdown.cancel();
        serving.await??;
        Ok(running.task.await?)
    })
}

/// IDs of the book, and the old ones among them.
const SIZE: usize = 20_480;
const OLD: usize = 4_096;

/// Fills a book.
fn fill(book: &mut Book) {
    let (mut rng, now) = (seeded_rng(), Clock.now());
    let earlier = pexd::types::Now { wall: now.wall - Duration::from_hours(4), ..now };
    let later = pexd::types::Now { wall: now.wall - Duration::from_mins(1), ..now };
    let mut n: u32 = 0;
    while book.size() < SIZE {
        n += 1;
        let (address, source) = address(n);
        let _ = book.add(earlier, address, source, &mut rng);
        if book.counts().old < OLD {
            book.mark_reached(earlier, &address, DialOutcome::Reached);
        }
        book.mark_reached(later, &address, DialOutcome::Reached);
    }
}

/// Address `n`, and who advertises it. IDs are spread as hashes are.
fn address(n: u32) -> (NetAddress, Source) {
    let mut id = [0; NodeId::LEN];
    id[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    let ip = |n: u32| IpAddr::from([127, (n % 251) as u8, (n / 251 % 250) as u8, (n / 62_750) as u8 + 1]);
    let address = NetAddress::new(NodeId::from_bytes(id), ip(n), 1).expect("a plain address");
    (address, Source { id: address.id(), ip: ip(n.wrapping_mul(48_271)) })
}

/// Sessions that begin at an even pace, whatever becomes of those before: how long each took.
async fn sessions(seed: NetAddress) -> anyhow::Result<Vec<Duration>> {
    let mut rates = interval(Duration::from_secs(1) / SESSIONS);
    rates.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    for _ in 0..TIME.as_secs() as u32 * SESSIONS {
        rates.tick().await;
        under_way.spawn(async move {
            let began = Clock.mono();
            let answer = Client::new(seed).session().await?;
            anyhow::ensure!(answer == ANSWER, "the answer is not whole");
            Ok(Clock.mono().since(began))
        });
    }
    let mut latencies = under_way.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    latencies.sort_unstable();
    Ok(latencies)
}

fn tell(what: &str, sorted: &[Duration]) {
    let at = |percent: usize| sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)].as_secs_f64() * 1e3;
    println!(
        "{what}: {} at {SESSIONS} a second; median {:.2} ms, 99 % {:.2} ms, longest {:.2} ms",
        sorted.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// Lists the book over and over; pages in a second.
async fn pages(channel: Channel) -> anyhow::Result<f64> {
    let mut client = AddressBookServiceClient::new(channel);
    let (end, mut count, mut token) = (sleep(TIME), 0_u32, String::new());
    let began = Clock.mono();
    tokio::pin!(end);
    while !end.is_elapsed() {
        let request = ListAddressesRequest { page_size: PAGE, page_token: token, ..Default::default() };
        let page = tokio::select! {
            () = &mut end => break,
            page = client.list_addresses(request) => page?.into_inner(),
        };
        (count, token) = (count + 1, page.next_page_token);
    }
    Ok(f64::from(count) / Clock.mono().since(began).as_secs_f64())
}

/// How long the network is busy with one question of each kind: the way there and back is in it.
async fn questions(network: &Handle) -> anyhow::Result<()> {
    let page = network.addresses(None, MAX_PAGE).await?;
    let keys: Vec<NetAddress> = page.entries.iter().map(|view| view.record.address).collect();
    let first = *keys.first().context("an entry")?;
    let by = || ChangeAuthor { author: "bench".into(), method: "Bench" };
    let entries: Vec<_> = (500_000..).take(MAX_GROUP).map(|n| (address(n).0, None)).collect();
    let mut rows = Vec::new();
    rows.push(("a page of 1,000", timed(async || drop(network.addresses(Some(first), MAX_PAGE).await)).await));
    rows.push(("1,000 by their keys", timed(async || drop(network.addresses_at(keys.clone()).await)).await));
    rows.push(("the story of an ID", timed(async || drop(network.diagnoses(AddressRef::Id(first.id())).await)).await));
    rows.push(("a preview", timed(async || drop(network.preview(None).await)).await));
    rows.push(("the summary", timed(async || drop(network.summary().await)).await));
    rows.push(("the seeds", timed(async || drop(network.seeds().await)).await));
    rows.push(("200 enter a full book", timed(async || drop(network.enter_addresses(&entries).await)).await));
    let commit = async || drop(network.commit_addresses(by(), true, "bench".to_owned()).await);
    rows.push(("a commit, disk included", timed(commit).await));
    for (what, [median, longest]) in rows {
        println!("{what:<26} median {median:>8.3} ms, longest {longest:>8.3} ms");
    }
    Ok(())
}

async fn timed(mut work: impl AsyncFnMut()) -> [f64; 2] {
    let mut times = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        work().await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    [times[times.len() / 2], times[times.len() - 1]]
}
