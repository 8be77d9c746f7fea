//! The services over a loopback socket, each answered by a network whose actor is scripted.

mod access;
mod anonymous;
mod answers;
mod book;
mod changes;
mod compression;
mod events;
mod history;
mod lists;
mod logs;
mod networks;
mod not_grpc;
mod pages;
mod peer_lists;
mod peers;
mod reactor;
mod real;
mod reports;
mod server;
mod tls;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::{Admin, AdminSettings, Drain, HostProcess, LogControl, LogError, LogLevels, ServeError};
use crate::book::{Record, Reliability, Source, SourceAccount, State};
use crate::network::scripted::{Shared, World};
use crate::network::{self, ConfigFaults, Directory, Handle, Peer, Saved};
use crate::node::row::SeedHealth;
use crate::node::{AddressView, BookView, CrawlView, PeerView, RunState, SeedCounts, SeedView, StatusView};
use crate::pex::RetentionReason;
use crate::testkit::NoFiles;
use crate::transport::{DialLimits, Dialler, Traffic};
use crate::types::{
    ConnId, DialOutcome, Direction, NetAddress, NodeId, NodeInfo, PeerAddress, ProtocolVersion, Purpose, Wall, group_of,
};

/// A served admin API and a channel to it.
struct Served {
    channel: Channel,
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Drain, ServeError>>,
}

async fn serve(worlds: &[&Shared]) -> Served {
    serve_networks(Directory::new(worlds.iter().map(|world| world.handle()), None)).await
}

/// Tests ask faster than an operator; those of the rate itself set one.
async fn serve_networks(directory: Directory) -> Served {
    let mut settings = AdminSettings::open_loopback(0);
    settings.limits.rate.per_second = 0;
    let Running { addr, stop, task } = serve_directory(directory, settings).await;
    let addr = addr.unwrap();
    Served { channel: connect(addr).await, addr, stop, task }
}

/// A served admin API to which nobody is connected.
struct Running {
    addr: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Drain, ServeError>>,
}

async fn serve_as(worlds: &[&Shared], settings: AdminSettings) -> Running {
    serve_directory(Directory::new(worlds.iter().map(|world| world.handle()), None), settings).await
}

async fn serve_directory(directory: Directory, settings: AdminSettings) -> Running {
    let admin = Admin::bind(settings).await.unwrap();
    let addr = admin.local_addr();
    let (stop, stopped) = oneshot::channel();
    let serving = admin.serve(directory, Arc::new(NoFiles), process(), async move { drop(stopped.await) });
    let task = tokio::spawn(serving);
    Running { addr, stop, task }
}

async fn connect(addr: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{addr}")).unwrap().connect().await.unwrap()
}

fn process() -> HostProcess {
    HostProcess {
        started: Wall::from_secs(77),
        log: Arc::new(FixedLog),
        calls: Arc::default(),
        audit: None,
        dialler: dialler(),
        config_faults: ConfigFaults::default(),
        ready_servable: 1,
    }
}

fn dialler() -> Dialler {
    Dialler::new(DialLimits { dials_per_second: 0, ..DialLimits::default() })
}

/// A log that nobody can change.
#[derive(Debug)]
struct FixedLog;

impl LogControl for FixedLog {
    fn levels(&self) -> LogLevels {
        LogLevels { level: "info".into(), configured: "info".into(), until: Wall::NEVER }
    }

    fn set(&self, _: &str, _: Option<Duration>) -> Result<bool, LogError> {
        Err(LogError::Unavailable("it is a test's".into()))
    }
}

/// A running seed's status.
pub(super) fn status_view() -> StatusView {
    StatusView {
        state: RunState::Running,
        since: Wall::from_secs(5),
        seed_mode: true,
        inbound: 1,
        outbound: 2,
        dialling: 3,
        max_inbound: 40,
        max_outbound: 10,
        book: BookView {
            size: 7,
            new: 4,
            old: 3,
            banned: 1,
            addresses: 9,
            untried: 2,
            servable: 5,
            in_banned_ranges: 0,
            outcomes: [2, 5, 1, 1, 0, 0, 0, 0, 0, 0],
            ..BookView::default()
        },
        max_dials: 128,
        crawl: CrawlView { backlog: 2, ..CrawlView::default() },
        seeds: SeedCounts::default(),
        bans: 6,
        outage: false,
    }
}

/// A running seed, without peers.
pub(super) fn status(chain_id: &str) -> network::Status {
    network::Status {
        chain_id: chain_id.into(),
        id: id(1),
        listen: "127.0.0.1:26656".parse().unwrap(),
        announced: "1.2.3.4:26656".into(),
        node: status_view(),
        unsaved: None,
        ended: Vec::new(),
        recent_ends: Vec::new(),
        config_faults: Arc::default(),
        counters: network::Counters::default(),
        refused: vec![("banned", 1), ("full", 9), ("never", 0)],
        listener: None,
    }
}

/// A running network with nothing in it.
fn world(chain_id: &str) -> Shared {
    Shared::new(World {
        status: status(chain_id),
        start_fault: None,
        peers: Vec::new(),
        book: BTreeMap::new(),
        chunk: usize::MAX,
        seeds: Vec::new(),
        sources: BTreeMap::new(),
        bans: BTreeMap::new(),
        max_bans: 10,
        saved: Saved::Yes,
        gone: false,
        new_seed: untried_seed,
    })
}

fn id(n: u16) -> NodeId {
    let mut bytes = [0; 20];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    NodeId::from_bytes(bytes)
}

fn net_address(n: u16) -> NetAddress {
    let [high, low] = n.to_be_bytes();
    NetAddress::new(id(n), IpAddr::from([20, 0, high, low]), 26_656).unwrap()
}

fn entry(n: u16) -> AddressView {
    let record = Record {
        address: net_address(n),
        state: State::New,
        reliability: Reliability::default(),
        source: Source { id: id(2), ip: IpAddr::from([9, 9, 9, 9]) },
        added: Wall::from_secs(10),
        attempts: 2,
        outcome: DialOutcome::TimedOut,
        last_attempt: Wall::from_millis(20_250),
        last_success: Wall::NEVER,
        reached_since: Wall::NEVER,
        verified: false,
    };
    AddressView { group: group_of(record.address.ip(), true, None), record, servable: false, connected: true }
}

fn peer(conn: u64) -> Peer {
    let info = NodeInfo {
        protocol: ProtocolVersion { p2p: 8, block: 11, app: 1 },
        id: id(3),
        listen_addr: "tcp://0.0.0.0:26656".into(),
        network: "a".into(),
        version: "0.38.17".into(),
        channels: vec![0],
        moniker: "evil\u{1b}[2J".into(),
        tx_index: "on".into(),
        rpc_address: String::new(),
    };
    let view = PeerView {
        conn: ConnId(conn),
        info: info.into(),
        remote: "5.6.7.8:40000".parse().unwrap(),
        direction: Direction::Outbound,
        purpose: Some(Purpose::Seed),
        connected_since: Wall::from_secs(100),
        last_request: Wall::NEVER,
        requests: 0,
        asked_at: None,
        persistent: true,
        unconditional: false,
        kept: RetentionReason::Seed,
        leaves: Wall::NEVER,
        dialled: None,
    };
    Peer { view, traffic: Traffic { bytes_in: 11, bytes_out: 22, ..Traffic::default() } }
}

fn untried_seed(seed: PeerAddress) -> SeedView {
    let health = SeedHealth {
        seed: seed.clone(),
        last_dialled: Wall::NEVER,
        last_success: Wall::NEVER,
        last_fault: String::new(),
        latency_ms: 0,
        actual_id: None,
        actual_network: None,
        addresses: 0,
        last_answer: Wall::NEVER,
    };
    SeedView {
        seed,
        from_file: false,
        in_effect: true,
        change: None,
        in_use: false,
        ourselves: false,
        health,
        advertised: (0, 0),
        account: SourceAccount::default(),
        alias: String::new(),
    }
}

/// The field that a refused request must fix; the error says how.
fn violated_field(status: &Status) -> String {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let details = status.get_details_bad_request().unwrap();
    assert!(details.field_violations[0].description.len() > 10);
    details.field_violations[0].field.clone()
}

/// The reason for programs.
fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "pexd");
    info.reason
}
