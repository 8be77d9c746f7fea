//! Watching real networks: what happens, what was missed, and what ends a stream.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use super::*;
use crate::clock::entropy;
use crate::network::scripted::by;
use crate::network::tests::{Process, open_door, reserve};
use crate::network::{Config, Handle, SharedListener};
use crate::node::row::BanTarget;
use crate::proto::pexd::v1::event::Detail;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::watch_events_response::Update;
use crate::proto::pexd::v1::{
    CaughtUp, Event, EventCursor, EventFilter, EventKind, MissedEvents, WatchEventsRequest, WatchEventsResponse,
};
use crate::wire::secret::NodeKey;

const CHAIN: &str = "watched-1";
/// Nobody is there, and the host says so at once.
const DEAD: &str = "0101010101010101010101010101010101010101@127.0.0.1:1";
const PATIENCE: Duration = Duration::from_secs(20);

/// A network that can be lived again.
struct Home {
    process: Process,
    key: std::sync::Arc<NodeKey>,
    shared_listener: SharedListener,
}

impl Home {
    fn new() -> Self {
        let key = std::sync::Arc::new(NodeKey::from_seed(entropy()));
        Home { process: Process::new(), key, shared_listener: SharedListener::new(reserve(), open_door()) }
    }

    fn config(&self) -> Config {
        self.process.seed_at(CHAIN, self.key.clone(), self.shared_listener.clone())
    }
}

type Events = Streaming<WatchEventsResponse>;

async fn open(served: &Served, request: WatchEventsRequest) -> Events {
    ReactorServiceClient::new(served.channel.clone()).watch_events(request).await.unwrap().into_inner()
}

fn from_oldest() -> WatchEventsRequest {
    WatchEventsRequest { from_oldest: true, ..Default::default() }
}

async fn next(events: &mut Events) -> Update {
    let update = timeout(PATIENCE, events.message()).await.expect("something comes").unwrap();
    update.expect("the stream goes on").update.unwrap()
}

/// What comes until all that was kept has been sent.
async fn until_caught_up(events: &mut Events) -> (Option<MissedEvents>, Vec<Event>, CaughtUp) {
    let (mut missed, mut all) = (None, Vec::new());
    loop {
        match next(events).await {
            Update::Event(event) => all.push(event),
            Update::Missed(update) => assert_eq!(missed.replace(update), None),
            Update::CaughtUp(update) => return (missed, all, update),
        }
    }
}

/// What a reader gets that comes back with this cursor.
async fn come_back(served: &Served, cursor: EventCursor) -> (Option<MissedEvents>, Vec<Event>) {
    let request = WatchEventsRequest { after: vec![cursor], ..Default::default() };
    let (missed, events, _) = until_caught_up(&mut open(served, request).await).await;
    (missed, events)
}

/// The next event of this kind.
async fn next_of(events: &mut Events, kind: EventKind) -> Event {
    loop {
        if let Update::Event(event) = next(events).await
            && event.kind() == kind
        {
            return event;
        }
    }
}

fn target(n: u8) -> BanTarget {
    BanTarget::ip([203, 0, 113, n].into())
}

/// How far the numbers of a network have come.
fn last_number(network: &Handle) -> u64 {
    network.events().reader(&network::events::Begin::Now, std::sync::Arc::default()).pull(0).cursor.number
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens() {
    let home = Home::new();
    let mut config = home.config();
    config.params.pex.seeds = vec![DEAD.parse().unwrap()];
    let life = home.process.live(config).await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    let mut events = open(&served, from_oldest()).await;
    let started = next_of(&mut events, EventKind::Reactor).await;
    let cursor = started.cursor.clone().unwrap();
    assert_eq!((cursor.network.as_str(), cursor.number), (CHAIN, 1));
    let dial = next_of(&mut events, EventKind::Dial).await;
    let Some(Detail::Dial(dial)) = dial.detail else { panic!("{dial:?}") };
    assert_eq!((dial.address.as_str(), dial.remote_address.as_str()), (DEAD, "127.0.0.1:1"));
    assert_eq!((dial.fault.as_str(), dial.network.as_str()), ("refused", CHAIN));
    let seed = next_of(&mut events, EventKind::Seed).await;
    assert!(matches!(seed.detail, Some(Detail::Seed(seed)) if seed.seed == DEAD && seed.fault == "refused"));

    life.handle.ban(by(), target(1), "noise".into(), None).await.unwrap();
    let changed = next_of(&mut events, EventKind::Changed).await;
    let Some(Detail::Changed(changed)) = changed.detail else { panic!("{changed:?}") };
    assert_eq!((changed.author.as_str(), changed.method.as_str()), ("ops", "Tests.Change"));
    assert!(changed.summary.contains("203.0.113.1"));
    // What follows from a change comes after it.
    let banned = next_of(&mut events, EventKind::Banned).await;
    assert!(matches!(banned.detail, Some(Detail::Banned(ban)) if ban.target == "203.0.113.1" && ban.author == "ops"));
}

#[tokio::test]
async fn over_a_clean_restart_a_reader_is_told_exactly_what_it_missed() {
    let home = Home::new();
    let life = home.process.live(home.config()).await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    let (missed, _, caught_up) = until_caught_up(&mut open(&served, from_oldest()).await).await;
    assert_eq!(missed, None);
    for n in 0..5 {
        life.handle.ban(by(), target(n), String::new(), None).await.unwrap();
    }
    let handle = life.handle.clone();
    life.end().await;
    let happened = last_number(&handle);

    let life = home.process.live(home.config()).await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    let cursor = caught_up.cursor.unwrap();
    let (missed, events) = come_back(&served, cursor.clone()).await;
    let missed = missed.expect("something was missed");
    assert_eq!((missed.count, missed.exact), (happened - cursor.number, true));
    assert!(missed.count >= 10, "five bans, each with its change");
    let first = events[0].cursor.as_ref().unwrap();
    assert_eq!((first.number, &first.epoch), (happened + 1, &cursor.epoch));
}

#[tokio::test]
async fn over_a_crash_a_reader_is_told_of_no_less_than_it_missed() {
    let home = Home::new();
    let life = home.process.live(home.config()).await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    let (.., caught_up) = until_caught_up(&mut open(&served, from_oldest()).await).await;
    for n in 0..5 {
        life.handle.ban(by(), target(n), String::new(), None).await.unwrap();
    }
    let happened = last_number(&life.handle);
    life.abandon().await;
    // The store of the life before still writes what it was handed.
    let life = loop {
        let running =
            network::spawn(home.config(), crate::transport::Dialler::new(Default::default()), CancellationToken::new())
                .await;
        if running.broken.is_none() {
            break running;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    life.handle.start(None).await.unwrap();
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    let cursor = caught_up.cursor.unwrap();
    let (missed, events) = come_back(&served, cursor.clone()).await;
    let missed = missed.expect("something was missed");
    assert!(!missed.exact && missed.count >= happened - cursor.number, "{missed:?}, {happened} happened");
    assert_eq!(events[0].cursor.as_ref().unwrap().number, cursor.number + missed.count + 1);

    // One that comes back after that gets exact counts again.
    let last = events.last().unwrap().cursor.clone().unwrap();
    life.handle.ban(by(), target(9), String::new(), None).await.unwrap();
    assert_eq!(come_back(&served, last).await.0, None);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_how_many_events_it_missed() {
    const MANY: u32 = 40_000;
    let home = Home::new();
    let life = home.process.live(home.config()).await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    // It takes as little ahead as gRPC's other clients do.
    let narrow = Channel::from_shared(format!("http://{}", served.addr)).unwrap();
    let narrow = narrow.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let channel = narrow.connect().await.unwrap();
    let request = WatchEventsRequest::default();
    let mut events = ReactorServiceClient::new(channel).watch_events(request).await.unwrap().into_inner();
    let before = until_caught_up(&mut events).await.2.cursor.unwrap().number;
    // It does not read on until all has happened.
    for _ in 0..MANY / 4_000 {
        life.handle.events().record_rounds(4_000);
        let wanted = life.handle.events().clone();
        crate::network::tests::until("numbers are reserved", async || {
            life.handle.status().await.unwrap();
            !wanted.needs_mark()
        })
        .await;
    }
    let (mut seen, mut missed) = (before, 0);
    while seen < before + u64::from(MANY) {
        match next(&mut events).await {
            Update::Event(event) => {
                seen += 1;
                assert_eq!(event.cursor.unwrap().number, seen, "one after the other");
            }
            Update::Missed(update) => {
                assert!(update.exact);
                (seen, missed) = (seen + update.count, missed + update.count);
                assert_eq!(update.cursor.unwrap().number, seen);
            }
            Update::CaughtUp(_) => panic!("said once"),
        }
    }
    assert!(missed > 10_000, "{missed}: what a connection holds is little");
}

#[tokio::test]
async fn a_filter_lets_through_kinds_ids_and_ranges_and_counts_nothing_as_missed() {
    let home = Home::new();
    let mut config = home.config();
    config.params.pex.seeds = vec![DEAD.parse().unwrap()];
    let life = home.process.live(config).await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    next_of(&mut open(&served, from_oldest()).await, EventKind::Seed).await;
    let id: BanTarget = BanTarget::Id("02".repeat(20).parse().unwrap());
    for target in [target(1), target(200), BanTarget::Range("203.0.0.0/16".parse().unwrap()), id] {
        life.handle.ban(by(), target, String::new(), None).await.unwrap();
    }
    let filtered = async |filter: EventFilter| {
        let request = WatchEventsRequest { filter: Some(filter), from_oldest: true, ..Default::default() };
        let (missed, events, _) = until_caught_up(&mut open(&served, request).await).await;
        assert_eq!(missed, None);
        events.into_iter().map(|event| event.kind()).collect::<Vec<_>>()
    };
    use EventKind::{Banned, Changed, Dial, Seed};
    let kinds = vec![Changed.into(), Seed.into()];
    assert_eq!(filtered(EventFilter { kinds, ..Default::default() }).await, [Seed, Changed, Changed, Changed, Changed]);
    let ip_range = "203.0.113.0/25".to_owned();
    assert_eq!(filtered(EventFilter { ip_range, ..Default::default() }).await, [Banned, Banned], "and a wider one");
    let id = "02".repeat(20);
    assert_eq!(filtered(EventFilter { id, ..Default::default() }).await, [Banned]);
    let dialled = EventFilter { id: "01".repeat(20), ip_range: "127.0.0.0/8".into(), ..Default::default() };
    assert_eq!(filtered(dialled).await, [Dial, Seed]);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let served = serve(&[&world("a")]).await;
    let ask = async |request| {
        let answer = ReactorServiceClient::new(served.channel.clone()).watch_events(request).await;
        violated_field(&answer.expect_err("it is refused"))
    };
    let filter = |filter| WatchEventsRequest { filter: Some(filter), ..Default::default() };
    assert_eq!(ask(filter(EventFilter { kinds: vec![99], ..Default::default() })).await, "filter.kinds");
    assert_eq!(ask(filter(EventFilter { kinds: vec![1; 65], ..Default::default() })).await, "filter.kinds");
    assert_eq!(ask(filter(EventFilter { id: "x".into(), ..Default::default() })).await, "filter.id");
    assert_eq!(ask(filter(EventFilter { ip_range: "x".into(), ..Default::default() })).await, "filter.ip_range");
    let cursor = EventCursor { network: "a".into(), epoch: "e".into(), number: 1 };
    let twice = vec![cursor.clone(), cursor.clone()];
    assert_eq!(ask(WatchEventsRequest { after: twice, ..Default::default() }).await, "after");
    let long = vec![EventCursor { epoch: "e".repeat(129), ..cursor }];
    assert_eq!(ask(WatchEventsRequest { after: long, ..Default::default() }).await, "after");
}

#[tokio::test]
async fn all_networks_are_watched_those_that_come_later_and_come_back_included() {
    let (home, other) = (Home::new(), Process::new());
    let one = home.process.live(home.config()).await;
    let two = other.live(other.seed("other-1")).await;
    let directory = Directory::new([one.handle.clone()], None);
    let served = serve_networks(directory.clone()).await;
    let mut events = open(&served, WatchEventsRequest { network: "-".into(), ..Default::default() }).await;
    assert!(matches!(next(&mut events).await, Update::CaughtUp(update) if update.network == CHAIN));
    directory.replace([one.handle.clone(), two.handle.clone()]);
    let (_, added, caught_up) = until_caught_up(&mut events).await;
    assert_eq!((caught_up.network.as_str(), added[0].kind()), ("other-1", EventKind::Reactor));
    two.handle.ban(by(), target(1), String::new(), None).await.unwrap();
    let changed = next_of(&mut events, EventKind::Changed).await.cursor.unwrap();
    assert_eq!(changed.network, "other-1");

    // It is removed, and comes back.
    directory.replace([one.handle.clone()]);
    two.end().await;
    let stopped = next_of(&mut events, EventKind::Reactor).await.cursor.unwrap();
    assert_eq!(stopped.network, "other-1");
    one.handle.ban(by(), target(1), String::new(), None).await.unwrap();
    assert_eq!(next_of(&mut events, EventKind::Changed).await.cursor.unwrap().network, CHAIN);
    served.stop.send(()).unwrap();
}

#[tokio::test]
async fn a_stream_ends_with_the_process_at_once_and_says_so() {
    let served = serve(&[&world("a")]).await;
    let mut events = open(&served, WatchEventsRequest::default()).await;
    assert!(matches!(next(&mut events).await, Update::CaughtUp(_)));
    served.stop.send(()).unwrap();
    let ended = events.message().await.unwrap_err();
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unavailable, "PROCESS_ENDING"));
    assert_eq!(
        served.task.await.unwrap().unwrap(),
        Drain::Complete,
        "a stream of events does not hold the shutdown up"
    );
}

#[tokio::test]
async fn a_stream_ends_with_its_network() {
    let home = Home::new();
    let life = home.process.live(home.config()).await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    let mut events = open(&served, from_oldest()).await;
    until_caught_up(&mut events).await;
    life.end().await;
    let stopped = next_of(&mut events, EventKind::Reactor).await;
    assert!(stopped.cursor.unwrap().number > 1);
    let ended = loop {
        match events.message().await {
            Ok(update) => assert!(update.is_some(), "it ends with an error"),
            Err(status) => break status,
        }
    };
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unavailable, "NETWORK_GONE"));
}

#[tokio::test]
async fn one_caller_has_sixteen_streams_at_most_and_a_closed_one_makes_room() {
    let served = serve(&[&world("a")]).await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(open(&served, WatchEventsRequest::default()).await);
    }
    let mut client = ReactorServiceClient::new(served.channel.clone());
    let refused = client.watch_events(WatchEventsRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "LIMIT_REACHED"));
    streams.pop();
    let again = async {
        while client.watch_events(WatchEventsRequest::default()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("the place comes back");
}
