//! The address book of a real network over gRPC: lists against a naive model, changes, files, what a requester would be
//! sent.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use prost_types::Timestamp;
use tokio_stream::iter;
use tonic::Code;

use super::real::{Real, real, real_with};
use super::*;
use crate::network::ChangeAuthor;
use crate::node::row::BanTarget;
use crate::proto::pexd::v1::address_book_service_client::AddressBookServiceClient;
use crate::proto::pexd::v1::ban_service_client::BanServiceClient;
use crate::proto::pexd::v1::seed_service_client::SeedServiceClient;
use crate::proto::pexd::v1::{
    self as pb, AddAddressesRequest, Address, AddressFilter, AddressOrder, AddressState, BanFilter, BanOrigin,
    BookFormat, ExportAddressesRequest, GetAddressRequest, GetSummaryRequest, ImportAddressesRequest,
    ImportAddressesResponse, ListAddressesRequest, ListBansRequest, ListSeedsRequest, ListSourcesRequest,
    PreviewSelectionRequest, RemoveAddressRequest, TimeRange,
};

type Client = AddressBookServiceClient<Channel>;

/// Book entries of all sorts, each ID at one place.
fn sorts(count: u16) -> Vec<Record> {
    let outcomes = [
        DialOutcome::Untried,
        DialOutcome::Reached,
        DialOutcome::TimedOut,
        DialOutcome::Refused,
        DialOutcome::WrongIdentity,
    ];
    (1..=count)
        .map(|n| {
            let outcome = outcomes[usize::from(n) % outcomes.len()];
            let reached = outcome == DialOutcome::Reached;
            let tried = if outcome == DialOutcome::Untried {
                Wall::NEVER
            } else {
                Wall::from_secs(2_000 + i64::from(n) * 7 % 90)
            };
            let [high, low] = n.to_be_bytes();
            Record {
                address: NetAddress::new(id(n), IpAddr::from([20 + low % 100, high, low, 1]), 26_656).unwrap(),
                state: State::New,
                reliability: crate::book::Reliability::default(),
                source: Source { id: id(n % 7), ip: IpAddr::from([9, low % 7, 9, 9]) },
                added: Wall::from_secs(1_000 + i64::from(n) * 31 % 100),
                attempts: if outcome == DialOutcome::Untried || reached { 0 } else { n % 4 + 1 },
                outcome,
                last_attempt: tried,
                last_success: if reached { tried } else { Wall::NEVER },
                reached_since: if reached { tried } else { Wall::NEVER },
                verified: reached,
            }
        })
        .collect()
}

async fn all(
    client: &mut Client,
    filter: Option<AddressFilter>,
    order: AddressOrder,
    size: i32,
) -> (Vec<Address>, u64) {
    let (mut shown, mut total, mut token) = (Vec::new(), 0, String::new());
    loop {
        let request = ListAddressesRequest {
            page_size: size,
            page_token: token,
            filter: filter.clone(),
            order: order.into(),
            ..Default::default()
        };
        let page = client.list_addresses(request).await.unwrap().into_inner();
        shown.extend(page.addresses);
        total += page.total_count;
        token = page.next_page_token;
        if token.is_empty() {
            return (shown, total);
        }
    }
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

#[tokio::test]
async fn filters_let_through_what_a_look_at_each_would() {
    let real = real(sorts(200)).await;
    let mut client = Client::new(real.channel.clone());
    let (book, total) = all(&mut client, None, AddressOrder::Unspecified, 1_000).await;
    assert_eq!((book.len(), total), (200, 200));
    type Test = Box<dyn Fn(&Address) -> bool>;
    let seconds = |time: &Option<Timestamp>| time.as_ref().map(|time| time.seconds);
    let (text, source) = (book[17].address[8..44].to_uppercase(), id(3).to_string());
    let cases: Vec<(AddressFilter, Test)> = vec![
        (AddressFilter { states: vec![AddressState::Old.into()], ..Default::default() }, Box::new(|_| false)),
        (
            AddressFilter {
                outcomes: vec![pb::DialOutcome::TimedOut.into(), pb::DialOutcome::Untried.into()],
                ..Default::default()
            },
            Box::new(|a| [pb::DialOutcome::TimedOut, pb::DialOutcome::Untried].contains(&a.last_outcome())),
        ),
        (
            AddressFilter { ip_range: "24.0.0.0/6".into(), ..Default::default() },
            Box::new(|a| (24..28).any(|b| a.ip.starts_with(&format!("{b}.")))),
        ),
        (
            AddressFilter { text: text.clone(), ..Default::default() },
            Box::new(move |a| a.address.to_uppercase().contains(&text)),
        ),
        (
            AddressFilter { source: source.clone(), ..Default::default() },
            Box::new(move |a| a.source.as_ref().unwrap().id == source),
        ),
        (
            AddressFilter { source: "9.2.0.0/15".into(), ..Default::default() },
            Box::new(|a| ["9.2.9.9", "9.3.9.9"].contains(&&*a.source.as_ref().unwrap().ip)),
        ),
        (AddressFilter { servable: Some(true), ..Default::default() }, Box::new(|a| a.servable)),
        (
            AddressFilter { verified: Some(false), connected: Some(false), ..Default::default() },
            Box::new(|a| !a.verified),
        ),
        (
            AddressFilter {
                last_success: Some(TimeRange { start_time: at(2_020), end_time: at(2_050) }),
                ..Default::default()
            },
            Box::new(move |a| seconds(&a.last_success_time).is_some_and(|at| (2_020..2_050).contains(&at))),
        ),
    ];
    for (filter, test) in cases {
        let wanted: Vec<&Address> = book.iter().filter(|address| test(address)).collect();
        for size in [3, 1_000] {
            let (shown, total) = all(&mut client, Some(filter.clone()), AddressOrder::Unspecified, size).await;
            assert_eq!(shown.iter().collect::<Vec<_>>(), wanted, "{filter:?}");
            assert_eq!(total, wanted.len() as u64);
        }
        assert!(
            filter.states.len() == 1 || (!wanted.is_empty() && wanted.len() < 200),
            "{filter:?} tells nothing apart"
        );
    }
}

#[tokio::test]
async fn orders_are_what_they_say() {
    let real = real(sorts(150)).await;
    let mut client = Client::new(real.channel.clone());
    let (book, _) = all(&mut client, None, AddressOrder::Unspecified, 1_000).await;
    assert!(book.is_sorted_by_key(|address| address.id.clone()));
    let seconds = |time: &Option<Timestamp>| time.as_ref().map_or(0, |time| time.seconds);
    type Rank = Box<dyn Fn(&Address) -> i64>;
    let orders: Vec<(AddressOrder, Rank)> = vec![
        (AddressOrder::LastSuccess, Box::new(move |a| seconds(&a.last_success_time))),
        (AddressOrder::LastAttempt, Box::new(move |a| seconds(&a.last_attempt_time))),
        (AddressOrder::AddTime, Box::new(move |a| seconds(&a.add_time))),
        (AddressOrder::FailedAttempts, Box::new(|a| a.failed_attempt_count.into())),
    ];
    for (order, rank) in orders {
        let mut wanted = book.clone();
        wanted.sort_by_key(|address| Reverse(rank(address)));
        let (shown, total) = all(&mut client, None, order, 40).await;
        assert_eq!((shown, total), (wanted, 150), "{order:?}");
    }
}

#[tokio::test]
async fn a_filter_that_does_not_read_names_its_field() {
    let real = real(Vec::new()).await;
    let mut client = Client::new(real.channel.clone());
    let filter = |filter| ListAddressesRequest { filter: Some(filter), ..Default::default() };
    let long = "x".repeat(129);
    for (request, field) in [
        (filter(AddressFilter { states: vec![0], ..Default::default() }), "filter.states"),
        (filter(AddressFilter { outcomes: vec![10], ..Default::default() }), "filter.outcomes"),
        (filter(AddressFilter { ip_range: "1.2.3".into(), ..Default::default() }), "filter.ip_range"),
        (filter(AddressFilter { source: "nobody".into(), ..Default::default() }), "filter.source"),
        (filter(AddressFilter { text: long, ..Default::default() }), "filter.text"),
        (
            filter(AddressFilter {
                last_success: Some(TimeRange { start_time: at(2), end_time: at(1) }),
                ..Default::default()
            }),
            "filter.last_success",
        ),
        (ListAddressesRequest { order: 99, ..Default::default() }, "order"),
    ] {
        assert_eq!(violated_field(&client.list_addresses(request).await.unwrap_err()), field);
    }
}

#[tokio::test]
async fn what_gives_way_to_others_at_once_is_not_told_as_added() {
    let real = real_with(Vec::new(), |params| params.book.capacity = 200).await;
    let mut client = Client::new(real.channel.clone());
    let addresses: Vec<String> = (1..=500).map(|n| net_address(n).to_string()).collect();
    let request = AddAddressesRequest { addresses: addresses.clone(), ..Default::default() };
    let added = client.add_addresses(request).await.unwrap().into_inner();
    let book = client.get_summary(GetSummaryRequest::default()).await.unwrap().into_inner().summaries.remove(0);
    assert_eq!((added.added_count, added.added_count + added.evicted_count), (book.address_count, 500));
    assert!(added.evicted_count == 300 && added.result.as_ref().unwrap().changed, "{added:?}");

    let parts = iter([ImportAddressesRequest { data: addresses.join("\n").into(), ..Default::default() }]);
    let imported = client.import_addresses(parts).await.unwrap().into_inner();
    let all = imported.added_count + imported.evicted_count + imported.known_count;
    assert_eq!((all, imported.refused_count), (500, 0));
    assert!(imported.evicted_count > 0, "{imported:?}");
}

#[tokio::test]
async fn addresses_are_added_told_of_and_removed() {
    let real = real(sorts(5)).await;
    let mut client = Client::new(real.channel.clone());
    let known = sorts(1)[0].address.to_string();
    let (fresh, own) = (net_address(500).to_string(), format!("{}@20.1.1.1:1", real.id));
    let addresses = vec![fresh.clone(), known.clone(), own.clone(), "nonsense".into(), fresh.clone()];
    let added =
        client.add_addresses(AddAddressesRequest { addresses, ..Default::default() }).await.unwrap().into_inner();
    let result = added.result.unwrap();
    assert_eq!((result.changed, result.saved, added.added_count, added.known_count), (true, true, 1, 2));
    let refused: Vec<_> = added.refused.iter().map(|refused| refused.address.as_str()).collect();
    assert_eq!(refused, [own.as_str(), "nonsense"]);
    assert!(added.refused[0].reason.contains("our own") && added.refused[1].reason.contains("id@host:port"));

    let get = |address: &str| GetAddressRequest { address: address.into(), ..Default::default() };
    let shown = client.get_address(get(&fresh)).await.unwrap().into_inner();
    let address = shown.addresses[0].address.as_ref().unwrap();
    assert_eq!(
        (address.source.as_ref().unwrap().id.clone(), address.group.as_str()),
        (real.id.to_string(), "20.0.0.0/16")
    );
    assert!(shown.addresses[0].reason.contains("never tried"), "{}", shown.addresses[0].reason);
    assert_eq!(client.get_address(get(&id(500).to_string())).await.unwrap().into_inner(), shown);

    let remove = |address: &str| RemoveAddressRequest { address: address.into(), ..Default::default() };
    let removed = client.remove_address(remove(&id(500).to_string())).await.unwrap().into_inner();
    assert_eq!((removed.removed_count, removed.result.unwrap().changed), (1, true));
    let again = client.remove_address(remove(&fresh)).await.unwrap().into_inner();
    assert_eq!((again.removed_count, again.result.unwrap().changed), (0, false));
    let missing = client.get_address(get(&fresh)).await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "ADDRESS_NOT_FOUND"));
    for (count, text) in [(0, "0 addresses"), (1_001, "1001 addresses")] {
        let request = AddAddressesRequest { addresses: vec![fresh.clone(); count], ..Default::default() };
        let refused = client.add_addresses(request).await.unwrap_err();
        assert_eq!(violated_field(&refused), "addresses");
        assert!(refused.message().contains(text));
    }
    assert_eq!(violated_field(&client.get_address(get("1.2.3.4:5")).await.unwrap_err()), "address");
}

#[tokio::test]
async fn the_summary_counts_outcomes_and_a_ban_shows_at_its_address() {
    let real = real(sorts(10)).await;
    let mut client = Client::new(real.channel.clone());
    let summary = client.get_summary(GetSummaryRequest::default()).await.unwrap().into_inner().summaries.remove(0);
    let counts: Vec<_> = summary.outcome_counts.iter().map(|count| (count.outcome(), count.count)).collect();
    use pb::DialOutcome::{Reached, Refused, TimedOut, Untried, WrongIdentity};
    assert_eq!(counts, [(Untried, 2), (Reached, 2), (Refused, 2), (TimedOut, 2), (WrongIdentity, 2)]);
    let good = sorts(1)[0].address;
    let get = GetAddressRequest { address: good.to_string(), ..Default::default() };
    let shown = client.get_address(get.clone()).await.unwrap().into_inner().addresses.remove(0);
    assert!(
        shown.reason.starts_with("Served: our own dial found its ID there at 1970-01-01T00:33:27Z"),
        "{}",
        shown.reason
    );
    assert!(shown.reason.contains("ReactorService.Start"), "{}", shown.reason);
    let by = ChangeAuthor { author: "ops".into(), method: "Tests" };
    real.handle.ban(by, BanTarget::ip(good.ip()), "spam".into(), None).await.unwrap();
    let banned = client.get_address(get).await.unwrap().into_inner();
    assert_eq!(banned.bans[0].target, good.ip().to_string());
    let (reason, address) = (&banned.addresses[0].reason, banned.addresses[0].address.as_ref().unwrap());
    assert!(reason.contains("\"spam\"") && reason.contains("BanService.Unban") && !address.servable, "{reason}");
}

#[tokio::test]
async fn a_preview_names_what_may_be_told_to_the_asker() {
    let real = real(sorts(200)).await;
    let mut client = Client::new(real.channel.clone());
    let good: BTreeSet<String> =
        sorts(200).iter().filter(|record| record.verified).map(|record| record.address.to_string()).collect();
    let mut reported = BTreeSet::new();
    for _ in 0..60 {
        let request = PreviewSelectionRequest { requester_id: id(1).to_string(), ..Default::default() };
        let preview = client.preview_selection(request).await.unwrap().into_inner();
        assert_eq!((preview.servable_count, preview.addresses.len()), (39, 32));
        reported.extend(preview.addresses);
    }
    assert!(reported.is_subset(&good) && reported.len() == 39, "{}", reported.len());
    let wrong = PreviewSelectionRequest { requester_id: "x".into(), ..Default::default() };
    assert_eq!(violated_field(&client.preview_selection(wrong).await.unwrap_err()), "requester_id");
}

#[tokio::test]
async fn bans_are_found_by_whom_they_keep_out() {
    let real = real(Vec::new()).await;
    let by = || ChangeAuthor { author: "token ops".into(), method: "Tests" };
    for target in ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "11.0.0.0/8", "2a00::/16"] {
        let target = if target.contains('/') {
            BanTarget::Range(target.parse().unwrap())
        } else {
            BanTarget::ip(target.parse().unwrap())
        };
        real.handle.ban(by(), target, format!("why {target}"), None).await.unwrap();
    }
    real.handle.ban(by(), BanTarget::Id(id(5)), "spam".into(), None).await.unwrap();
    let mut client = BanServiceClient::new(real.channel.clone());
    let filter =
        |applies_to: &str, text: &str| BanFilter { applies_to: applies_to.into(), text: text.into(), origins: vec![] };
    let five = id(5).to_string();
    for (filter, wanted) in [
        (filter("10.1.2.3", ""), vec!["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"]),
        (filter("::ffff:10.9.9.9", ""), vec!["10.0.0.0/8"]),
        (filter("2a00:1::1", ""), vec!["2a00::/16"]),
        (filter(&five, ""), vec![five.as_str()]),
        (filter("12.0.0.1", ""), vec![]),
        (filter("10.1.2.3", "WHY 10.1."), vec!["10.1.0.0/16", "10.1.2.3"]),
        (BanFilter { origins: vec![BanOrigin::Reactor.into()], ..Default::default() }, vec![]),
        (filter("", ""), vec![five.as_str(), "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "11.0.0.0/8", "2a00::/16"]),
    ] {
        for size in [1, 1_000] {
            let (mut shown, mut token, mut total) = (Vec::new(), String::new(), 0);
            loop {
                let filter = Some(filter.clone());
                let request = ListBansRequest { page_size: size, page_token: token, filter, ..Default::default() };
                let page = client.list_bans(request).await.unwrap().into_inner();
                shown.extend(page.bans.into_iter().map(|ban| ban.target));
                total += page.total_count;
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(
                (shown, total),
                (wanted.iter().map(|t| (*t).to_owned()).collect(), wanted.len() as u64),
                "{filter:?}"
            );
        }
    }
    let wrong = ListBansRequest { filter: Some(filter("10.0.0.0/8", "")), ..Default::default() };
    assert_eq!(violated_field(&client.list_bans(wrong).await.unwrap_err()), "filter.applies_to");
}

#[tokio::test]
async fn a_seed_shows_what_it_told_us_and_what_that_is_worth() {
    let real = real(sorts(140)).await;
    let by = ChangeAuthor { author: "ops".into(), method: "Tests" };
    let seed: PeerAddress = format!("{}@seed.example.org:26656", id(3)).parse().unwrap();
    real.handle.add_seed(by, seed).await.unwrap();
    let mut client = SeedServiceClient::new(real.channel.clone());
    let page = client.list_seeds(ListSeedsRequest::default()).await.unwrap().into_inner();
    let reported = sorts(140).into_iter().filter(|record| record.source.id == id(3)).collect::<Vec<_>>();
    let good = reported.iter().filter(|record| record.verified).count();
    assert!(good > 0);
    assert_eq!((page.total_count, page.seeds[0].advertised_address_count as usize), (1, reported.len()));
    assert_eq!(page.seeds[0].advertised_good_address_count as usize, good);
    let dead = reported.iter().filter(|record| record.attempts > 0).count();
    let account = page.seeds[0].account.unwrap();
    let counts = [account.brought_count, account.reached_count, account.dead_count, account.refused_count];
    assert_eq!(counts, [reported.len(), good, dead, 0].map(|count| count as u64));
}

#[tokio::test]
async fn the_sources_of_a_real_book_are_told_with_what_became_of_their_addresses() {
    let real = real(sorts(140)).await;
    let mut client = Client::new(real.channel.clone());
    let page = client.list_sources(ListSourcesRequest::default()).await.unwrap().into_inner();
    assert_eq!((page.sources.len(), page.total_count, page.next_page_token.as_str()), (7, 7, ""));
    let (mut most, mut brought) = (u64::MAX, 0);
    for source in page.sources {
        let account = source.account.unwrap();
        let records =
            || sorts(140).into_iter().filter(|r| source.source == group_of(r.source.ip, true, None).to_string());
        let count = |test: fn(&Record) -> bool| records().filter(test).count() as u64;
        let counts = [account.brought_count, account.reached_count, account.dead_count, account.refused_count];
        assert_eq!(counts, [count(|_| true), count(|r| r.verified), count(|r| r.attempts > 0), 0], "{}", source.source);
        assert!(account.brought_count <= most);
        (most, brought) = (account.brought_count, brought + account.brought_count);
    }
    assert_eq!(brought, 140);
}

async fn import(client: &mut Client, file: &[u8], size: usize) -> Result<ImportAddressesResponse, Status> {
    let parts = file.chunks(size).map(|data| ImportAddressesRequest { data: data.to_vec(), ..Default::default() });
    Ok(client.import_addresses(iter(parts.collect::<Vec<_>>())).await?.into_inner())
}

async fn export(client: &mut Client, format: BookFormat, servable_only: bool) -> Vec<u8> {
    let request = ExportAddressesRequest { format: format.into(), servable_only, ..Default::default() };
    let (mut parts, mut file) = (client.export_addresses(request).await.unwrap().into_inner(), Vec::new());
    while let Some(part) = parts.message().await.unwrap() {
        assert!(part.data.len() <= 32 * 1024);
        file.extend(part.data);
    }
    file
}

#[tokio::test]
async fn an_exported_book_is_imported_as_hearsay() {
    let from = real(sorts(2_500)).await;
    let mut from_client = Client::new(from.channel.clone());
    let by = ChangeAuthor { author: "ops".into(), method: "Tests" };
    from.handle.ban(by, BanTarget::Id(id(9)), String::new(), None).await.unwrap();
    for (format, size) in [(BookFormat::AddrbookJson, 32 * 1024), (BookFormat::List, 1_000)] {
        let file = export(&mut from_client, format, false).await;
        let to = real(Vec::new()).await;
        let mut client = Client::new(to.channel.clone());
        let imported = import(&mut client, &file, size).await.unwrap();
        let result = imported.result.unwrap();
        assert_eq!((result.changed, result.saved, imported.refused_count), (true, true, 0));
        let (shown, _) = all(&mut client, None, AddressOrder::Unspecified, 1_000).await;
        assert_eq!(imported.added_count, 2_499);
        assert!(
            shown.len() == 2_499 && shown.iter().all(|a| a.last_outcome() == pb::DialOutcome::Untried && !a.verified)
        );
        assert!(shown.iter().all(|address| address.id != id(9).to_string()), "banned ones are not exported");
        let source = shown[0].source.as_ref().unwrap().id.clone();
        assert_eq!(source == to.id.to_string(), format == BookFormat::List);
        let again = import(&mut client, &file, size).await.unwrap();
        assert!(again.known_count > 0);
    }
    let servable = export(&mut from_client, BookFormat::List, true).await;
    assert_eq!(String::from_utf8(servable).unwrap().lines().count(), 500);
}

#[tokio::test]
async fn a_file_that_does_not_read_changes_nothing_and_says_where() {
    let real = real(Vec::new()).await;
    let mut client = Client::new(real.channel.clone());
    let entry = format!("{{\"addr\":{{\"id\":\"{}\",\"ip\":\"1.2.3.4\",\"port\":1}}}}", id(1));
    let broken = format!("{{\n\"addrs\":[{entry},\n{entry}");
    let refused = import(&mut client, broken.as_bytes(), 7).await.unwrap_err();
    assert_eq!(violated_field(&refused), "data");
    assert!(refused.message().contains("line 3") && refused.message().contains("nothing was changed"), "{refused}");
    let big = vec![b' '; 64 * 1024 * 1024 + 1];
    let refused = import(&mut client, &big, 32 * 1024).await.unwrap_err();
    assert!(violated_field(&refused) == "data" && refused.message().contains("64 MiB"), "{refused}");
    let refused = import(&mut client, &[b' '; 40_000], 40_000).await.unwrap_err();
    assert!(refused.message().contains("at most 32768"), "{refused}");
    assert_eq!(violated_field(&import(&mut client, b"", 1).await.unwrap_err()), "data");
    assert_eq!(real.handle.summary().await.unwrap().addresses, 0);
    let list = format!("{}\nnonsense\n", net_address(3));
    let taken = import(&mut client, list.as_bytes(), 5).await.unwrap();
    assert_eq!((taken.added_count, taken.refused_count), (1, 1));
    assert!(taken.refused[0].reason.starts_with("line 2: "), "{taken:?}");

    let list = format!("{},{}@host.example.org:1", net_address(4), id(5));
    let taken = import(&mut client, list.as_bytes(), 5).await.unwrap();
    assert_eq!((taken.added_count, taken.refused_count), (1, 1), "commas are line ends: {taken:?}");
    assert!(taken.refused[0].reason.contains("DNS name"), "{taken:?}");
    let file = format!("{{\"addrs\":[\n{entry},\n{},\n{entry}]}}", entry.replace(":1}", ":\"1\"}"));
    let taken = import(&mut client, file.as_bytes(), 7).await.unwrap();
    assert_eq!((taken.added_count + taken.known_count, taken.refused_count), (2, 1), "{taken:?}");
    let reason = &taken.refused[0].reason;
    assert_eq!(reason, "entry 2, line 3: addr.port is a string, where a number belongs");
}

#[tokio::test]
async fn a_full_books_pages_go_on_while_it_is_changed() {
    let Real { handle, channel, .. } = &real(sorts(3_000)).await;
    let mut client = Client::new(channel.clone());
    let request = |token| ListAddressesRequest {
        page_size: 700,
        page_token: token,
        order: AddressOrder::AddTime.into(),
        ..Default::default()
    };
    let by = || ChangeAuthor { author: "ops".into(), method: "Tests" };
    let first = client.list_addresses(request(String::new())).await.unwrap().into_inner();
    let gone = crate::node::AddressRef::Id(id(77));
    let was_shown = first.addresses.iter().any(|address| address.id == id(77).to_string());
    handle.remove_addresses(by(), gone).await.unwrap();
    let (mut count, mut token) = (first.addresses.len(), first.next_page_token);
    while !token.is_empty() {
        let page = client.list_addresses(request(token)).await.unwrap().into_inner();
        assert!(page.addresses.iter().all(|address| address.id != id(77).to_string()));
        assert_eq!(page.total_count, 0);
        (count, token) = (count + page.addresses.len(), page.next_page_token);
    }
    assert_eq!((first.total_count, count), (3_000, if was_shown { 3_000 } else { 2_999 }));
}
