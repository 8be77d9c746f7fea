//! What the benches of whole sessions share: a book that fills an answer, and those who ask for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use pexd::book::{self, Book, HashKey, Source};
use pexd::clock::{Clock, entropy, seeded_rng};
use pexd::node::row::{Key, Row, RowChange};
use pexd::store::Store;
use pexd::testkit::sim::node_info;
use pexd::transport::{
    ConnectionSettings, DialLimits, Dialler, FromPeer, LocalNode, PeerHandle, PeerSaid, Upgraded, spawn_peer,
};
use pexd::types::{ConnId, DialOutcome, NetAddress, NodeId};
use pexd::wire::pex::{Outgoing, Received};
use pexd::wire::secret::NodeKey;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The chain.
pub(crate) const CHAIN: &str = "bench-1";
/// Addresses of a whole answer.
pub(crate) const ANSWER: usize = 250;
/// Addresses in the book: 23 % of them are a whole answer.
const BOOK: u16 = 1_200;
/// Nobody listens here: a re-check of the seed's ends at once.
const DEAD_PORT: u16 = 1;

/// Writes a book of verified addresses from many ranges, and what `more` adds, where the seed `own_id` will look for it.
pub(crate) async fn write_book(path: &Path, own_id: NodeId, more: impl FnOnce(&mut Book)) -> anyhow::Result<()> {
    let (store, loaded) = Store::open(path, CHAIN, entropy())?;
    let mut key = [0; HashKey::LEN];
    key.copy_from_slice(&loaded.hash_key[..HashKey::LEN]);
    let (now, mut rng) = (Clock.now(), seeded_rng());
    let mut book =
        Book::new(book::Params { strict: false, ..book::Params::new(own_id, true) }, HashKey::from_bytes(key));
    for n in 0..BOOK {
        let address = address(n)?;
        let source = Source { id: address.id(), ip: address.ip() };
        book.add(now, address, source, &mut rng).context("an address of the bench")?;
        book.mark_reached(now, &address, DialOutcome::Reached);
    }
    more(&mut book);
    let changes = book
        .take_dirty(usize::MAX)
        .into_iter()
        .map(|(address, record)| RowChange { key: Key::Address(address), row: record.map(Row::Address) });
    store.write(changes.collect()).await?;
    Ok(store.close().await?)
}

/// Address `n` of the book; each has a range of its own.
pub(crate) fn address(n: u16) -> anyhow::Result<NetAddress> {
    let [high, low] = n.to_be_bytes();
    let mut id = [0; NodeId::LEN];
    id[..2].copy_from_slice(&[high, low]);
    Ok(NetAddress::new(NodeId::from_bytes(id), Ipv4Addr::new(127, low, high, 1).into(), DEAD_PORT)?)
}

/// Dials a seed, under a new identity each time.
pub(crate) struct Client {
    dialler: Dialler,
    seed: NetAddress,
}

impl Client {
    /// A client of the seed; each dials once at a time.
    pub(crate) fn new(seed: NetAddress) -> Self {
        Client { dialler: Dialler::new(DialLimits { dials_per_second: 0, ..DialLimits::default() }), seed }
    }

    /// Connects and shakes hands; what the seed says goes to `inbox`.
    pub(crate) async fn connect(&self, inbox: Sender<FromPeer>) -> anyhow::Result<PeerHandle> {
        let key = Arc::new(NodeKey::from_seed(entropy()));
        // It listens nowhere: that it names the seed's own address keeps it out of the seed's book.
        let info = node_info(key.id(), CHAIN, self.seed.socket());
        let settings = ConnectionSettings { strict: false, allow_duplicate_ip: true, ..ConnectionSettings::default() };
        let local = LocalNode::new(key, info, settings);
        let upgraded: Box<Upgraded> = self.dialler.dial(local, self.seed.into()).await.result?;
        Ok(spawn_peer(*upgraded, ConnId(1), inbox))
    }

    /// A whole session: connects, shakes hands, asks, takes the answer and closes. The number of addresses.
    pub(crate) async fn session(&self) -> anyhow::Result<usize> {
        let (inbox, mut told) = mpsc::channel(4);
        let peer = self.connect(inbox).await?;
        peer.try_send(Outgoing::Request)?;
        addresses(&mut told).await.context("the seed closed without an answer")
    }
}

async fn addresses(told: &mut Receiver<FromPeer>) -> Option<usize> {
    while let Some(said) = told.recv().await {
        match said.what {
            PeerSaid::Message(Received::Addresses { addresses, .. }, _) => return Some(addresses.len()),
            PeerSaid::Message(Received::Request, _) => {}
            PeerSaid::Closed(_) => return None,
        }
    }
    None
}

/// A port of loopback that nobody has.
pub(crate) fn reserve() -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
