//! One life of the process after another: what it may not forget, and what it did forget.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use pexd::book::Record;
use pexd::node::row::ListItem;
use pexd::proto::pexd::v1::address_book_service_client::AddressBookServiceClient;
use pexd::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use pexd::proto::pexd::v1::{Address, ListAddressesRequest, StartRequest};
use pexd::types::{NetAddress, SeededRng};
use prost_types::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::LocalSet;
use tokio::time::sleep;
use tonic::transport::{Channel, Endpoint};

use super::home::{Home, Pexd};
use super::operator::{Ledger, Operator, Subject};
use super::peers;
use super::pulse::Pulse;

/// What the store promises for all that no operator asked for.
const A_SECOND: Duration = Duration::from_secs(1);
/// A machine that halted for longer within that second cannot hold the store to it.
const STALL: Duration = Duration::from_millis(250);

/// How much was put to the test.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) kills: usize,
    /// Of them, before the process was ready.
    pub(crate) early: usize,
    /// Operators' changes that were acknowledged as saved.
    pub(crate) acknowledged: usize,
    /// Addresses that were seen a second before a kill, in so many lives.
    pub(crate) known_for_a_second: usize,
    pub(crate) judged_by_the_second: usize,
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(counters: I) -> Self {
        counters.fold(Tally::default(), |a, b| Tally {
            kills: a.kills + b.kills,
            early: a.early + b.early,
            acknowledged: a.acknowledged + b.acknowledged,
            known_for_a_second: a.known_for_a_second + b.known_for_a_second,
            judged_by_the_second: a.judged_by_the_second + b.judged_by_the_second,
        })
    }
}

/// The lives of the processes that serve one home.
#[derive(Debug)]
pub(crate) struct Lives {
    home: Home,
    rng: SeededRng,
    ledger: Ledger,
    /// All addresses that were on disk after the life before.
    book: BTreeMap<NetAddress, Record>,
    pub(crate) tally: Tally,
}

/// When the process is killed.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// So long after it was started, whatever it does then.
    Early(Duration),
    /// So long after it was ready.
    Soon(Duration),
    /// A second after it was asked, so long after it was ready, what it knows.
    Late(Duration),
}

impl Lives {
    pub(crate) fn new(home: Home, rng: SeededRng) -> Self {
        Lives { home, rng, ledger: Ledger::default(), book: BTreeMap::new(), tally: Tally::default() }
    }

    /// Starts the process, lets operators and peers at it, kills it, and looks at what is left.
    pub(crate) async fn live_and_die(&mut self) {
        let mut millis = |from, to| Duration::from_millis(self.rng.random_range(from..to));
        let (early, soon, late) = (millis(0, 150), millis(20, 400), millis(0, 300));
        let death = match self.rng.random_range(0..12) {
            0 => Death::Early(early),
            1..=3 => Death::Late(late),
            _ => Death::Soon(soon),
        };
        let process = self.home.start();
        let seen = match death {
            Death::Early(after) => {
                sleep(after).await;
                process.kill();
                self.tally.early += 1;
                Vec::new()
            }
            Death::Soon(_) | Death::Late(_) => self.live(process, death).await,
        };
        self.tally.kills += 1;
        self.check(&seen);
    }

    /// Gives the addresses that must not be missing.
    async fn live(&mut self, mut process: Pexd, death: Death) -> Vec<Address> {
        let admin = process.admin();
        let channel = Endpoint::from_shared(format!("unix:{admin}")).unwrap().connect().await.unwrap();
        let started = ReactorServiceClient::new(channel.clone()).start(StartRequest::default()).await.unwrap();
        let status = started.into_inner().results.remove(0).status.unwrap();
        let seed = format!("{}@{}", status.node_id, status.listen_address).parse().unwrap();
        self.ledger.check_running(channel.clone()).await;

        // Operators' changes take everything else to the disk with them: without them the store's own rhythm is seen.
        let operators = if matches!(death, Death::Late(_)) && self.rng.random() { 0 } else { 3 };
        let killed = Rc::new(Cell::new(false));
        let local = LocalSet::new();
        let ledgers: Vec<_> = self.ledger.split(operators);
        let operators: Vec<_> = ledgers
            .into_iter()
            .map(|ledger| {
                let rng = SeededRng::from_rng(&mut self.rng);
                let operator = Operator::new(channel.clone(), ledger, rng, killed.clone());
                local.spawn_local(operator.work())
            })
            .collect();
        let peers = local.spawn_local(peers::come_and_go(seed, SeededRng::from_rng(&mut self.rng)));
        local
            .run_until(async {
                let seen = self.wait_for(death, channel).await;
                killed.set(true);
                process.kill();
                peers.abort();
                for operator in operators {
                    let (ledger, acknowledged) = operator.await.expect("the operator says what went wrong");
                    self.ledger.join(ledger);
                    self.tally.acknowledged += acknowledged;
                }
                seen
            })
            .await
    }

    async fn wait_for(&mut self, death: Death, channel: Channel) -> Vec<Address> {
        match death {
            Death::Early(after) | Death::Soon(after) => {
                sleep(after).await;
                Vec::new()
            }
            Death::Late(after) => {
                sleep(after).await;
                let seen = list(channel).await;
                let pulse = Pulse::start();
                sleep(A_SECOND).await;
                let stalled = pulse.longest_pause();
                if stalled > STALL {
                    println!("the machine halted for {stalled:?}: not judged by the second");
                    return Vec::new();
                }
                self.tally.judged_by_the_second += 1;
                self.tally.known_for_a_second += seen.len();
                seen
            }
        }
    }

    /// Holds what is on disk against what was acknowledged, what was seen, and what was there before.
    fn check(&mut self, seen: &[Address]) {
        let Some(loaded) = self.home.on_disk() else {
            assert!(self.ledger.is_untouched() && self.book.is_empty() && seen.is_empty(), "the book is gone");
            return;
        };
        let mut left = BTreeMap::new();
        for ban in loaded.rows.bans.iter().filter(|ban| ban.by_operator) {
            left.insert(Subject::Ban(ban.target.to_string()), ban.reason.clone());
        }
        for delta in &loaded.rows.deltas {
            let subject = match &delta.item {
                ListItem::Seed(seed) => Subject::Seed(seed.to_string()),
                ListItem::Private(id) => Subject::Private(id.to_string()),
                other => panic!("nobody asked for {other}"),
            };
            left.insert(subject, delta.added.to_string());
        }
        self.ledger.check_left(&left);

        let book: BTreeMap<_, _> = loaded.rows.addresses.into_iter().map(|row| (row.address, row)).collect();
        for entry in seen {
            let row = book.get(&entry.address.parse().unwrap());
            let row = row.unwrap_or_else(|| panic!("known for a second and not on disk: {entry:?}"));
            let kept = (row.last_attempt.as_millis(), row.last_success.as_millis());
            let known = (millis(entry.last_attempt_time), millis(entry.last_success_time));
            assert!(known.0 <= kept.0 && known.1 <= kept.1, "older than what was seen: {row:?}, {entry:?}");
        }
        for (address, before) in &self.book {
            let row = book.get(address).unwrap_or_else(|| panic!("on disk before, and now not: {before:?}"));
            assert!(before.last_attempt <= row.last_attempt, "{before:?}, {row:?}");
        }
        self.book = book;
    }
}

async fn list(channel: Channel) -> Vec<Address> {
    let mut client = AddressBookServiceClient::new(channel);
    let mut request = ListAddressesRequest { page_size: 1_000, ..ListAddressesRequest::default() };
    let mut all = Vec::new();
    loop {
        let page = client.list_addresses(request.clone()).await.unwrap().into_inner();
        all.extend(page.addresses);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

fn millis(time: Option<Timestamp>) -> i64 {
    time.map_or(0, |time| time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000)
}
