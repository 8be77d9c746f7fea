//! What is reported of networks that really run: their dials, who floods them, and the log that they share.

use std::sync::Mutex;

use super::*;
use crate::network::SharedListener;
use crate::network::scripted::by;
use crate::network::tests::{self as real, Process as Host, until};
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{
    GetLogLevelRequest, GetStatusRequest, GetStatusResponse, ListRefusalsRequest, OutboundState, RefusalGrouping,
    RefusalSource, SetLogLevelRequest,
};
use crate::transport::HandshakeLimits;
use crate::wire::secret::NodeKey;

type Client = ReactorServiceClient<Channel>;

async fn client(networks: impl IntoIterator<Item = network::Handle>, process: HostProcess) -> Client {
    let admin = Admin::bind(AdminSettings::open_loopback(0)).await.unwrap();
    let addr = admin.local_addr().unwrap();
    tokio::spawn(admin.serve(Directory::new(networks, None), Arc::new(NoFiles), process, std::future::pending()));
    Client::new(connect(addr).await)
}

async fn status(client: &mut Client, network: &str) -> GetStatusResponse {
    client.get_status(GetStatusRequest { network: network.into() }).await.unwrap().into_inner()
}

#[tokio::test]
async fn the_status_tells_our_outage_from_theirs_and_why_little_is_served() {
    let host = Host::new();
    let config = host.seed("alone-1");
    let other = real::address(&host.seed("x-1")).socket();
    let network = host.serve(config, &[]).await;
    let mut client = client([network.clone()], process()).await;
    let first = status(&mut client, "").await;
    let process = first.process.unwrap();
    assert_eq!((process.version.as_str(), process.network_count), (env!("CARGO_PKG_VERSION"), 1));
    assert_eq!(process.start_time.unwrap().seconds, 77);
    assert_eq!((process.dial_count, process.max_dial_count), (0, 256));
    assert_eq!(process.outbound.unwrap().state(), OutboundState::Idle);
    assert!(first.statuses[0].servable_reason.contains("no seed is configured"), "{:?}", first.statuses[0]);
    assert_eq!(first.statuses[0].max_dial_count, 128);

    for n in 1..=8 {
        network.add_seed(by(), format!("{}@{other}", id(n)).parse().unwrap()).await.unwrap();
        until("it is dialled", async || network.outbound().await.unwrap().recent(now()).0 >= u32::from(n)).await;
    }
    let second = status(&mut client, "").await;
    let (all, one) = (second.process.unwrap().outbound.unwrap(), second.statuses[0].outbound.unwrap());
    assert_eq!((one.state(), one.answered_count, one.last_answer_time), (OutboundState::Unanswered, 0, None));
    assert!(one.dial_count >= 8 && all == one, "{all:?} {one:?}");
    let reason = &second.statuses[0].servable_reason;
    assert!(reason.contains("of 8 seeds none was reached: 8 without an answer"), "{reason}");
    assert!(second.statuses[0].crawl.as_ref().unwrap().last_round_time.is_some());
}

fn now() -> Wall {
    crate::clock::Clock.now().wall
}

async fn refusals(client: &mut Client, grouping: RefusalGrouping, page_size: i32) -> Vec<RefusalSource> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListRefusalsRequest { network: "-".into(), page_size, page_token, grouping: grouping.into() };
        let page = client.list_refusals(request).await.unwrap().into_inner();
        all.extend(page.sources);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

/// Opens a connection from this loopback address and closes it without a word.
async fn knock(at: SocketAddr, from: [u8; 4]) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    drop(socket.connect(at).await.unwrap());
}

#[tokio::test]
async fn who_floods_us_is_told_by_host_and_by_range_in_pages() {
    let host = Host::new();
    let config = host.seed("flooded-1");
    let at = config.shared_listener.laddr();
    let network = host.serve(config, &[]).await;
    for n in 1..=5_u8 {
        for _ in 0..n {
            knock(at, [127, 9, n, 1]).await;
        }
    }
    knock(at, [127, 8, 1, 1]).await;
    let noted = async || network.refused(network::Grouping::Host).await.unwrap().network;
    until("all are noted", async || noted().await.iter().map(|source| source.count).sum::<u64>() == 16).await;
    let mut client = client([network], process()).await;
    let hosts = refusals(&mut client, RefusalGrouping::Unspecified, 2).await;
    let reported: Vec<_> =
        hosts.iter().map(|source| (source.source.as_str(), source.count, source.error_count)).collect();
    let expected = [5, 4, 3, 2].map(|n| (format!("127.9.{n}.1"), n));
    assert_eq!(reported.len(), 6);
    assert!(
        reported
            .iter()
            .zip(&expected)
            .all(|(reported, (source, n))| reported.0 == source && reported.1 == *n && reported.2 == 0)
    );
    assert_eq!((hosts[0].network.as_str(), hosts[0].reasons[0].reason.as_str()), ("flooded-1", "closed_in_handshake"));
    assert!(hosts[0].last_time.is_some());
    let ranges = refusals(&mut client, RefusalGrouping::Range, 0).await;
    let reported: Vec<_> = ranges.iter().map(|source| (source.source.as_str(), source.count)).collect();
    assert_eq!(reported, [("127.9.0.0/16", 15), ("127.8.0.0/16", 1)]);
    let wrong = client.list_refusals(ListRefusalsRequest { grouping: 7, ..Default::default() }).await.unwrap_err();
    assert_eq!(violated_field(&wrong), "grouping");
}

#[tokio::test]
async fn the_worst_of_all_networks_stands_on_the_first_page() {
    let host = Host::new();
    let (mut doors, mut networks) = (Vec::new(), Vec::new());
    for chain in ["a-1", "b-1", "z-1"] {
        let config = host.seed(chain);
        doors.push(config.shared_listener.laddr());
        networks.push(host.serve(config, &[]).await);
    }
    for (handshake_limits, times) in doors.iter().zip([1, 2, 3]) {
        for _ in 0..times {
            knock(*handshake_limits, [127, 9, 1, 1]).await;
        }
    }
    for (network, times) in networks.iter().zip([1, 2, 3]) {
        let noted = async || network.refused(network::Grouping::Host).await.unwrap().network;
        until("all are noted", async || noted().await.iter().map(|source| source.count).sum::<u64>() == times).await;
    }
    let reported = refusals(&mut client(networks, process()).await, RefusalGrouping::Host, 1).await;
    let reported: Vec<_> = reported.iter().map(|source| (source.network.as_str(), source.count)).collect();
    assert_eq!(reported, [("z-1", 3), ("b-1", 2), ("a-1", 1)]);
}

#[tokio::test]
async fn what_a_shared_listener_refused_is_told_once_and_of_no_network() {
    let host = Host::new();
    let (key, shared_listener) = (
        Arc::new(NodeKey::from_seed(crate::clock::entropy())),
        SharedListener::new(real::reserve(), HandshakeLimits::default()),
    );
    let one = host.serve(host.seed_at("one-1", key.clone(), shared_listener.clone()), &[]).await;
    let two = host.serve(host.seed_at("two-1", key, shared_listener.clone()), &[]).await;
    knock(shared_listener.laddr(), [127, 9, 9, 9]).await;
    until("it is noted", async || !two.refused(network::Grouping::Host).await.unwrap().listener.is_empty()).await;
    let mut client = client([one, two], process()).await;
    let reported = refusals(&mut client, RefusalGrouping::Host, 0).await;
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert_eq!((reported[0].network.as_str(), reported[0].source.as_str(), reported[0].count), ("", "127.9.9.9", 1));
    let status = client.get_status(GetStatusRequest { network: "-".into() }).await.unwrap().into_inner();
    assert!(status.statuses.iter().all(|network| network.refusals.is_empty()), "{status:?}");
    let [listener] = status.listeners.as_slice() else { panic!("{status:?}") };
    assert_eq!(listener.networks, ["one-1", "two-1"]);
    assert_eq!(listener.address, shared_listener.laddr().to_string());
    assert_eq!(listener.refusals.iter().map(|refusal| refusal.count).collect::<Vec<_>>(), [1], "{listener:?}");
}

/// A log that records what it is asked for.
#[derive(Debug, Default)]
struct NotingLog(Mutex<Vec<(String, Option<Duration>)>>);

impl LogControl for NotingLog {
    fn levels(&self) -> LogLevels {
        let level = self.0.lock().unwrap().last().map_or("info".into(), |(level, _)| level.clone());
        LogLevels { level, configured: "info".into(), until: Wall::from_secs(9) }
    }

    fn set(&self, level: &str, duration: Option<Duration>) -> Result<bool, LogError> {
        if level == "loud" {
            return Err(LogError::Invalid("is \"loud\": write debug".into()));
        }
        let before = self.levels().level;
        self.0.lock().unwrap().push((level.to_owned(), duration));
        Ok(before != level)
    }
}

#[tokio::test]
async fn the_log_level_is_changed_for_a_time_and_every_network_notes_who_did_it() {
    let host = Host::new();
    let (one, two) = (host.seed("one-1"), host.seed("two-1"));
    let books = [one.book.clone(), two.book.clone()];
    let networks = [host.serve(one, &[]).await, host.serve(two, &[]).await];
    let log = Arc::new(NotingLog::default());
    let mut client = client(networks, HostProcess { log: log.clone(), ..process() }).await;
    let duration = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let set = |level: &str, duration| SetLogLevelRequest { level: level.into(), duration };

    let answer = client.set_log_level(set("debug", duration(60))).await.unwrap().into_inner();
    assert_eq!((answer.changed, answer.level.as_str()), (true, "debug"));
    assert_eq!(*log.0.lock().unwrap(), [("debug".to_owned(), Some(Duration::from_secs(60)))]);
    assert!(!client.set_log_level(set("debug", None)).await.unwrap().into_inner().changed);
    let level = client.get_log_level(GetLogLevelRequest {}).await.unwrap().into_inner();
    assert_eq!((level.level.as_str(), level.configured_level.as_str()), ("debug", "info"));
    assert_eq!(level.expire_time.unwrap().seconds, 9);

    for (request, field) in [
        (set("loud", None), "level"),
        (set(&"x".repeat(2_000), None), "level"),
        (set("debug", duration(0)), "duration"),
        (set("debug", duration(-1)), "duration"),
        (set("debug", duration(i64::MIN)), "duration"),
        (set("debug", duration(30 * 24 * 3600 + 1)), "duration"),
    ] {
        assert_eq!(violated_field(&client.set_log_level(request).await.unwrap_err()), field);
    }
    for book in books {
        let count = || {
            let book = rusqlite::Connection::open(&book).unwrap();
            let text = "SELECT count(*) FROM audit WHERE summary = 'set the log level to debug for 60 s'";
            book.query_row(text, [], |row| row.get::<_, u32>(0)).unwrap()
        };
        until("the audit has it", async || count() == 1).await;
    }
}

#[tokio::test]
async fn a_log_that_is_not_ours_is_told_of() {
    let mut client = client([], process()).await;
    let refused = client.set_log_level(SetLogLevelRequest { level: "debug".into(), duration: None }).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "LOG_UNAVAILABLE"));
}

#[test]
fn who_is_for_some_networks_only_may_not_act_on_all() {
    use crate::admin::auth::caller::{AllowedNetworks, Caller};
    use crate::admin::auth::roles::Role;
    let caller = |networks| Caller { who: "token ops".into(), role: Role::Control, networks };
    assert!(caller(AllowedNetworks::All).require_all_networks().is_ok());
    let denied = caller(AllowedNetworks::These(["one-1".into()].into())).require_all_networks().unwrap_err();
    assert_eq!((denied.code(), reason(&denied).as_str()), (Code::PermissionDenied, "ALL_NETWORKS_NEEDED"));
}
