use std::collections::BTreeSet;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use proptest::prelude::*;

use super::*;
use crate::clock::Clock;
use crate::node::row::{Ban, BanTarget};
use crate::proto::pexd::v1::address_book_service_client::AddressBookServiceClient;
use crate::proto::pexd::v1::ban_service_client::BanServiceClient;
use crate::proto::pexd::v1::peer_service_client::PeerServiceClient;
use crate::proto::pexd::v1::seed_service_client::SeedServiceClient;
use crate::proto::pexd::v1::{
    AddressState, DialOutcome, DialPurpose, GetSummaryRequest, ListAddressesRequest, ListAddressesResponse,
    ListBansRequest, ListPeersRequest, ListPeersResponse, ListSeedsRequest, ListSourcesRequest, ListSourcesResponse,
};
use crate::types::Group;

type Book = AddressBookServiceClient<Channel>;
type Peers = PeerServiceClient<Channel>;

async fn addresses(client: &mut Book, network: &str, size: i32, token: &str) -> Result<ListAddressesResponse, Status> {
    let request = ListAddressesRequest {
        network: network.into(),
        page_size: size,
        page_token: token.into(),
        ..Default::default()
    };
    Ok(client.list_addresses(request).await?.into_inner())
}

async fn peers(client: &mut Peers, network: &str, size: i32, token: &str) -> Result<ListPeersResponse, Status> {
    let request =
        ListPeersRequest { network: network.into(), page_size: size, page_token: token.into(), ..Default::default() };
    Ok(client.list_peers(request).await?.into_inner())
}

fn fill(world: &Shared, range: std::ops::Range<u16>) {
    world.lock().book.extend(range.map(|n| (net_address(n), entry(n))));
}

#[tokio::test]
async fn an_address_shows_all_that_is_known_of_it() {
    let a = world("a");
    fill(&a, 1..2);
    let served = serve(&[&a]).await;
    let mut client = Book::new(served.channel);
    let page = addresses(&mut client, "", 0, "").await.unwrap();
    let [shown] = page.addresses.as_slice() else { panic!("{page:?}") };
    assert_eq!(shown.address, format!("{}@20.0.0.1:26656", id(1)));
    assert_eq!((shown.id.as_str(), shown.ip.as_str(), shown.port), (id(1).to_string().as_str(), "20.0.0.1", 26_656));
    assert_eq!((shown.state(), shown.last_outcome()), (AddressState::New, DialOutcome::TimedOut));
    let windows: Vec<i64> = shown.reliability.iter().map(|r| r.window.unwrap().seconds / 3600).collect();
    assert_eq!((windows, shown.failed_attempt_count), (vec![2, 8, 24, 168, 720], 2));
    assert_eq!(shown.source.as_ref().unwrap().ip, "9.9.9.9");
    assert_eq!(shown.last_attempt_time.map(|time| (time.seconds, time.nanos)), Some((20, 250_000_000)));
    assert_eq!((shown.last_success_time, shown.verified, shown.servable, shown.connected), (None, false, false, true));
    let summary = client.get_summary(GetSummaryRequest::default()).await.unwrap().into_inner().summaries.remove(0);
    let counts = (summary.id_count, summary.new_count, summary.old_count, summary.banned_count);
    assert_eq!((summary.network.as_str(), counts), ("a", (7, 4, 3, 1)));
    assert_eq!((summary.address_count, summary.untried_count, summary.servable_count), (9, 2, 5));
}

#[tokio::test]
async fn a_peer_shows_all_that_is_known_of_it_and_nothing_that_harms_a_terminal() {
    let a = world("a");
    let mut waiting = peer(7);
    waiting.view.asked_at = Some(Clock.mono());
    a.lock().peers = vec![waiting, peer(6)];
    let served = serve(&[&a]).await;
    let page = peers(&mut Peers::new(served.channel), "", 0, "").await.unwrap();
    let [first, second] = page.peers.as_slice() else { panic!("{page:?}") };
    assert_eq!((first.connection, second.connection), (6, 7));
    assert_eq!((first.moniker.as_str(), first.version.as_str()), ("evil\\u{1b}[2J", "0.38.17"));
    assert_eq!((first.direction(), first.purpose()), (crate::proto::pexd::v1::Direction::Outbound, DialPurpose::Seed));
    assert_eq!((first.remote_address.as_str(), first.received_bytes, first.sent_bytes), ("5.6.7.8:40000", 11, 22));
    assert_eq!((first.connect_time.map(|time| time.seconds), first.last_request_time), (Some(100), None));
    assert_eq!(first.await_answer_time, None);
    let asked = second.await_answer_time.unwrap().seconds;
    assert!((asked * 1000 - Clock.now().wall.as_millis()).abs() < 60_000);
}

#[tokio::test]
async fn a_page_has_a_hundred_entries_unless_told_and_a_thousand_at_most() {
    let a = world("a");
    fill(&a, 0..1_200);
    let served = serve(&[&a]).await;
    let mut client = Book::new(served.channel);
    for (size, entries) in [(0, 100), (1, 1), (1_000, 1_000), (i32::MAX, 1_000)] {
        assert_eq!(addresses(&mut client, "", size, "").await.unwrap().addresses.len(), entries);
    }
    assert_eq!(violated_field(&addresses(&mut client, "", -1, "").await.unwrap_err()), "page_size");
}

#[tokio::test]
async fn a_token_of_another_query_is_refused() {
    let (a, b) = (world("a"), world("b"));
    fill(&a, 0..9);
    fill(&b, 0..9);
    let served = serve(&[&a, &b]).await;
    let mut client = Book::new(served.channel.clone());
    let token = addresses(&mut client, "a", 2, "").await.unwrap().next_page_token;
    assert!(!token.is_empty());
    // Another size is the same query.
    assert_eq!(addresses(&mut client, "a", 3, &token).await.unwrap().addresses.len(), 3);
    let other = peers(&mut Peers::new(served.channel), "a", 2, &token).await.unwrap_err();
    assert_eq!(violated_field(&other), "page_token");
    let cut = &token[..token.len() - 4];
    let foreign = BASE64_URL_SAFE_NO_PAD.encode([8, 2]);
    for (network, token) in [("b", token.as_str()), ("-", &token), ("a", cut), ("a", "?"), ("a", &foreign)] {
        let refused = addresses(&mut client, network, 2, token).await.unwrap_err();
        assert_eq!(violated_field(&refused), "page_token", "{network} {token}");
    }
    let long = "A".repeat(60_000);
    assert_eq!(violated_field(&addresses(&mut client, "a", 2, &long).await.unwrap_err()), "page_token");
}

#[tokio::test]
async fn a_network_that_goes_between_two_pages_leaves_the_others() {
    let worlds = ["a", "b", "c"].map(world);
    for world in &worlds {
        fill(world, 0..3);
    }
    let served = serve(&worlds.each_ref()).await;
    let mut client = Book::new(served.channel);
    let first = addresses(&mut client, "-", 4, "").await.unwrap();
    worlds[1].lock().gone = true;
    let rest = addresses(&mut client, "-", 4, &first.next_page_token).await.unwrap();
    let networks: Vec<_> = rest.addresses.iter().map(|address| address.network.as_str()).collect();
    assert_eq!((networks.as_slice(), rest.next_page_token.as_str()), (&["c"; 3][..], ""));
    assert_eq!(rest.failures[0].network, "b");
}

#[tokio::test]
async fn peers_seeds_and_bans_come_in_pages_too() {
    let a = world("a");
    a.lock().peers = (0..5).rev().map(peer).collect();
    a.lock().seeds = (0..5).rev().map(|n| untried_seed(net_address(n).into())).collect();
    for n in 0..5 {
        let target = BanTarget::Id(id(n));
        let ban = Ban {
            scope: crate::node::row::BanScope::All,
            target,
            reason: String::new(),
            since: Wall::NEVER,
            until: Wall::NEVER,
            by_operator: false,
            author: "".into(),
        };
        a.lock().bans.insert(target, ban);
    }
    let served = serve(&[&a]).await;
    let mut client = Peers::new(served.channel.clone());
    let first = peers(&mut client, "a", 3, "").await.unwrap();
    let rest = peers(&mut client, "a", 3, &first.next_page_token).await.unwrap();
    let seen: Vec<_> = first.peers.iter().chain(&rest.peers).map(|peer| peer.connection).collect();
    assert_eq!((seen.as_slice(), rest.next_page_token.as_str()), (&[0, 1, 2, 3, 4][..], ""));

    let mut client = SeedServiceClient::new(served.channel.clone());
    let mut request = ListSeedsRequest { page_size: 3, ..Default::default() };
    let first = client.list_seeds(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    let rest = client.list_seeds(request).await.unwrap().into_inner();
    let seen: BTreeSet<_> = first.seeds.iter().chain(&rest.seeds).map(|seed| &seed.seed).collect();
    assert_eq!((seen.len(), rest.seeds.len(), rest.next_page_token.as_str()), (5, 2, ""));

    let mut client = BanServiceClient::new(served.channel);
    let mut request = ListBansRequest { page_size: 4, ..Default::default() };
    let first = client.list_bans(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    let rest = client.list_bans(request).await.unwrap().into_inner();
    let seen: BTreeSet<_> = first.bans.iter().chain(&rest.bans).map(|ban| &ban.target).collect();
    assert_eq!((seen.len(), rest.bans.len(), rest.next_page_token.as_str()), (5, 1, ""));
}

fn brought(brought: u32) -> SourceAccount {
    SourceAccount { brought, reached: brought / 2, dead: brought / 3, refused: 7 }
}

async fn sources(client: &mut Book, network: &str, size: i32, token: &str) -> Result<ListSourcesResponse, Status> {
    let request = ListSourcesRequest { network: network.into(), page_size: size, page_token: token.into() };
    Ok(client.list_sources(request).await?.into_inner())
}

#[tokio::test]
async fn sources_come_by_what_they_brought_in_pages_over_all_networks() {
    let worlds = ["a", "b"].map(world);
    worlds[0].lock().sources = (0..50).map(|n| (Group::V4([20, n]), brought(u32::from(n) * 37 % 50))).collect();
    worlds[1].lock().sources = (0..50).map(|n| (Group::V4([30, n]), brought(u32::from(n) * 23 % 50))).collect();
    worlds[1].lock().chunk = 7;
    let served = serve(&worlds.each_ref()).await;
    let mut client = Book::new(served.channel);
    for (network, count) in [("a", 50), ("b", 50), ("-", 100)] {
        let (mut seen, mut token, mut total) = (Vec::new(), String::new(), 0);
        loop {
            let page = sources(&mut client, network, 13, &token).await.unwrap();
            seen.extend(page.sources.into_iter().map(|s| (s.account.unwrap().brought_count, s.network, s.source)));
            (token, total) = (page.next_page_token, total + page.total_count);
            if token.is_empty() {
                break;
            }
        }
        assert!(seen.is_sorted_by(|a, b| a.0 >= b.0), "{seen:?}");
        assert_eq!((seen.iter().collect::<BTreeSet<_>>().len(), total), (count, count as u64), "{network}");
    }
    let page = sources(&mut client, "a", 1, "").await.unwrap();
    let [first] = page.sources.as_slice() else { panic!("{page:?}") };
    let account = first.account.unwrap();
    assert_eq!((first.network.as_str(), first.source.as_str()), ("a", "20.27.0.0/16"));
    let counts = [account.brought_count, account.reached_count, account.dead_count, account.refused_count];
    assert_eq!(counts, [49, 24, 16, 7]);
    let refused = sources(&mut client, "b", 1, &page.next_page_token).await.unwrap_err();
    assert_eq!(violated_field(&refused), "page_token");
}

#[tokio::test]
async fn a_source_that_gave_way_between_two_pages_is_left_out() {
    let a = world("a");
    a.lock().sources = (0..4).map(|n| (Group::V4([20, n]), brought(u32::from(n)))).collect();
    let served = serve(&[&a]).await;
    let mut client = Book::new(served.channel);
    let first = sources(&mut client, "", 2, "").await.unwrap();
    a.lock().sources.remove(&Group::V4([20, 1]));
    let rest = sources(&mut client, "", 2, &first.next_page_token).await.unwrap();
    let shown: Vec<_> = first.sources.iter().chain(&rest.sources).map(|source| source.source.as_str()).collect();
    assert_eq!(shown, ["20.3.0.0/16", "20.2.0.0/16", "20.0.0.0/16"]);
}

/// What happens between two pages: in which network, entries that come, entries that go.
type Turn = (usize, Vec<u16>, Vec<u16>);

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let numbers = || prop::collection::vec(0..200_u16, 0..8);
    prop::collection::vec((0..3_usize, numbers(), numbers()), 0..30)
}

/// Walks all pages while the books change, and checks that nothing came twice and nothing that stayed was left out.
async fn walk(size: i32, chunk: usize, turns: Vec<Turn>) {
    let worlds = ["a", "b", "c"].map(world);
    for (index, world) in (0..).zip(&worlds) {
        fill(world, index * 10..index * 10 + 40);
        world.lock().chunk = chunk;
    }
    let present = |world: &Shared| world.lock().book.keys().copied().collect::<BTreeSet<_>>();
    let mut stayed = worlds.each_ref().map(present);
    let served = serve(&worlds.each_ref()).await;
    let mut client = Book::new(served.channel);
    let (mut seen, mut token, mut turns) = (BTreeSet::new(), String::new(), turns.into_iter());
    loop {
        let page = addresses(&mut client, "-", size, &token).await.unwrap();
        assert!(page.addresses.len() <= usize::try_from(size).unwrap());
        for address in page.addresses {
            let key = (address.network, address.address.parse::<NetAddress>().unwrap());
            assert!(seen.insert(key.clone()), "{key:?} came twice");
        }
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
        let Some((at, come, go)) = turns.next() else { continue };
        worlds[at].lock().book.extend(come.into_iter().map(|n| (net_address(n), entry(n))));
        for n in go {
            worlds[at].lock().book.remove(&net_address(n));
            stayed[at].remove(&net_address(n));
        }
    }
    for (world, stayed) in worlds.iter().zip(stayed) {
        let chain_id = world.lock().status.chain_id.to_string();
        for address in stayed {
            assert!(seen.contains(&(chain_id.clone(), address)), "{address} of {chain_id} was left out");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_changing_books_show_nothing_twice_and_leave_nothing_out(
        size in 1..30_i32, chunk in 1..30_usize, turns in turns()
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(walk(size, chunk, turns));
    }
}
