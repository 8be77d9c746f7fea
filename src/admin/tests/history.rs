//! Lists of what was written down, of real networks: dials and the audit.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::admin::auth::caller::{AllowedNetworks, Caller};
use crate::admin::auth::roles::Role;
use crate::admin::services::audit::list::list;
use crate::admin::services::events::{EventStreamLimits, watch};
use crate::clock::Clock;
use crate::network::tests::{Life, Process, until};
use crate::network::{ChangeAuthor, DialQuery, HistoryRange};
use crate::node::row::BanTarget;
use crate::proto::pexd::v1::event::Detail;
use crate::proto::pexd::v1::peer_service_client::PeerServiceClient;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::watch_events_response::Update;
use crate::proto::pexd::v1::{
    AuditFilter, DialAttempt, DialFilter, DialOutcome, DialPurpose, ListAuditEntriesRequest, ListAuditEntriesResponse,
    ListDialsRequest, ListDialsResponse, TimeRange, WatchEventsRequest,
};

/// Nobody is there, and the host says so at once.
fn dead(n: u8) -> String {
    format!("{}@127.0.0.{n}:1", format!("{n:02x}").repeat(20))
}

/// A seed that asks three dead seeds again and again.
async fn dialling(process: &Process, chain: &str) -> Life {
    let mut config = process.seed(chain);
    config.params.pex.seeds = (1..=3).map(|n| dead(n).parse().unwrap()).collect();
    config.params.pex.set_period(Duration::from_millis(100));
    process.live(config).await
}

async fn dials(served: &Served, request: ListDialsRequest) -> Result<ListDialsResponse, Status> {
    Ok(PeerServiceClient::new(served.channel.clone()).list_dials(request).await?.into_inner())
}

/// Waits until a network has written down more than nine dials.
async fn until_written(life: &Life) {
    let portion = HistoryRange { before: None, max: 10 };
    let written = async || life.handle.dials(DialQuery::default(), portion).await.unwrap().entries.len() > 9;
    until("some dials are written down", written).await;
}

async fn audit(served: &Served, request: ListAuditEntriesRequest) -> ListAuditEntriesResponse {
    ReactorServiceClient::new(served.channel.clone()).list_audit_entries(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn dials_are_listed_in_pages_the_latest_first_while_more_are_made() {
    let process = Process::new();
    let (one, two) = (dialling(&process, "a").await, dialling(&process, "b").await);
    let served = serve_networks(Directory::new([one.handle.clone(), two.handle.clone()], None)).await;
    let all = |page_size, page_token: String| ListDialsRequest {
        network: "-".into(),
        page_size,
        page_token,
        ..Default::default()
    };
    until_written(&one).await;
    until_written(&two).await;
    let whole = dials(&served, all(1_000, String::new())).await.unwrap().dials;
    let mut walked: Vec<DialAttempt> = Vec::new();
    let mut token = String::new();
    loop {
        let page = dials(&served, all(4, token)).await.unwrap();
        assert!(page.dials.len() <= 4 && page.failures.is_empty());
        walked.extend(page.dials);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    for network in ["a", "b"] {
        let of =
            |dials: &[DialAttempt]| dials.iter().filter(|dial| dial.network == network).cloned().collect::<Vec<_>>();
        let (before, walked) = (of(&whole), of(&walked));
        // What was there before the walk is in it, once and in its order; what came meanwhile is in front.
        assert_eq!(walked[walked.len() - before.len()..], before, "{network}");
    }
    let stamp = |dial: &DialAttempt| dial.time.map(|time| (time.seconds, time.nanos)).unwrap();
    assert!(walked.is_sorted_by_key(|dial| std::cmp::Reverse(stamp(dial))), "whatever network they are of");
    assert!(["a", "b"].iter().all(|network| whole.iter().any(|dial| dial.network == *network)));
    let dial = &whole[0];
    let outcome = (dial.outcome(), dial.purpose(), dial.fault.as_str(), dial.detail.as_str());
    assert_eq!(outcome, (DialOutcome::Refused, DialPurpose::Seed, "refused", "connection refused"));
    assert!((1..=3).map(dead).any(|address| address == dial.address), "{dial:?}");
}

#[tokio::test]
async fn dials_are_found_by_host_id_time_and_outcome_and_a_token_holds_for_its_filter() {
    let process = Process::new();
    let life = dialling(&process, "a").await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    let filtered = |filter: DialFilter| ListDialsRequest { filter: Some(filter), ..Default::default() };
    let range = || DialFilter { ip_range: "127.0.0.2/31".into(), ..Default::default() };
    until_written(&life).await;
    let addresses = async |filter| {
        let dials = dials(&served, filtered(filter)).await.unwrap().dials;
        dials.into_iter().map(|dial| dial.address).collect::<BTreeSet<_>>()
    };
    assert_eq!(addresses(range()).await, BTreeSet::from([dead(2), dead(3)]));
    assert_eq!(addresses(DialFilter { id: "01".repeat(20), ..Default::default() }).await, BTreeSet::from([dead(1)]));
    let host = DialFilter { ip_range: "127.0.0.3".into(), reached: Some(false), ..Default::default() };
    assert_eq!(addresses(host).await, BTreeSet::from([dead(3)]));
    assert!(addresses(DialFilter { reached: Some(true), ..Default::default() }).await.is_empty());
    let long_ago = TimeRange { start_time: None, end_time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }) };
    assert!(addresses(DialFilter { time: Some(long_ago), ..Default::default() }).await.is_empty());

    let first = dials(&served, ListDialsRequest { page_size: 2, ..filtered(range()) }).await.unwrap();
    let page_token = first.next_page_token;
    let next = ListDialsRequest { page_size: 5, page_token: page_token.clone(), ..filtered(range()) };
    assert_eq!(dials(&served, next).await.unwrap().dials.len(), 5);
    for filter in [DialFilter { reached: Some(false), ..range() }, DialFilter::default()] {
        let other = ListDialsRequest { page_token: page_token.clone(), ..filtered(filter) };
        assert_eq!(violated_field(&dials(&served, other).await.unwrap_err()), "page_token");
    }
    let wrong = DialFilter { ip_range: "nowhere".into(), ..Default::default() };
    assert_eq!(violated_field(&dials(&served, filtered(wrong)).await.unwrap_err()), "filter.ip_range");

    let attempts =
        life.handle.attempts("01".repeat(20).parse().unwrap(), vec!["127.0.0.2:1".parse().unwrap()], 4).await;
    assert!(attempts.unwrap().iter().all(|dial| [dead(1), dead(2)].contains(&dial.target.to_string())));
}

#[tokio::test]
async fn a_life_later_the_dials_are_still_there_and_their_numbers_go_on() {
    let process = Process::new();
    let life = dialling(&process, "a").await;
    let handle = life.handle.clone();
    let count = async |handle: &crate::network::Handle| {
        let portion = HistoryRange { before: None, max: 1_000 };
        handle.dials(Default::default(), portion).await.unwrap().entries
    };
    until_written(&life).await;
    life.end().await;
    let before = count(&handle).await;
    assert_eq!(before[0].number, before.len() as u64, "the last ones too: none is left behind");
    let life = dialling(&process, "a").await;
    until("more dials are written down", async || count(&life.handle).await.len() > before.len()).await;
    let after = count(&life.handle).await;
    assert_eq!(after[after.len() - before.len()..], before);
    assert_eq!(after[0].number, after.len() as u64);
}

#[tokio::test]
async fn the_audit_says_who_changed_what_the_latest_first() {
    let process = Process::new();
    let life = process.live(process.seed("a")).await;
    let served = serve_networks(Directory::new([life.handle.clone()], None)).await;
    let by = |author: &str, method| ChangeAuthor { author: author.into(), method };
    for n in 1..=4 {
        let author = if n % 2 == 0 { "token Night from 10.0.0.7:1" } else { "127.0.0.1:5" };
        let target = BanTarget::ip([203, 0, 113, n].into());
        life.handle.ban(by(author, "BanService.Ban"), target, "noise".into(), None).await.unwrap();
    }
    let first = BanTarget::ip([203, 0, 113, 1].into());
    life.handle.unban(by("127.0.0.1:5", "BanService.Unban"), first).await.unwrap();
    let entries = audit(&served, ListAuditEntriesRequest::default()).await.entries;
    assert_eq!(entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    assert_eq!((entries[0].author.as_str(), entries[0].method.as_str()), ("127.0.0.1:5", "BanService.Unban"));
    assert_eq!(entries[0].summary, "lifted the ban of 203.0.113.1");
    assert_eq!(entries[1].author, "token Night from 10.0.0.7:1");
    assert!(entries[1].summary.contains("203.0.113.4") && entries[1].summary.contains("noise"), "{:?}", entries[1]);

    let filter = Some(AuditFilter { author: "token night".into(), ..Default::default() });
    let page =
        audit(&served, ListAuditEntriesRequest { filter: filter.clone(), page_size: 1, ..Default::default() }).await;
    assert_eq!(page.entries[0].number, 4);
    let rest = ListAuditEntriesRequest { filter, page_token: page.next_page_token, ..Default::default() };
    let rest = audit(&served, rest).await;
    assert_eq!((rest.entries.len(), rest.entries[0].number, rest.next_page_token.as_str()), (1, 2, ""));
    let filter = Some(AuditFilter { method: "BanService.Unban".into(), ..Default::default() });
    assert_eq!(audit(&served, ListAuditEntriesRequest { filter, ..Default::default() }).await.entries.len(), 1);
}

#[tokio::test]
async fn a_caller_for_some_networks_does_not_learn_which_others_come_and_go() {
    let process = Process::new();
    let life = process.live(process.seed("a")).await;
    let directory = Directory::new([life.handle.clone()], None);
    for (method, summary) in [
        ("NetworkService.AddNetwork", "added the network a"),
        ("NetworkService.AddNetwork", "added the network other-1"),
        ("BanService.Ban", "banned 203.0.113.1"),
        ("NetworkService.RemoveNetwork", "removed the network other-1 and deleted its folder"),
    ] {
        life.handle.note(ChangeAuthor { author: "ops".into(), method }, summary.into()).await.unwrap();
    }
    let caller = |networks| Caller { who: "token ops".into(), role: Role::Read, networks };
    let reported = async |networks| {
        let caller = caller(networks);
        let entries = list(&directory, None, &caller, ListAuditEntriesRequest::default()).await.unwrap().entries;
        entries.into_iter().map(|entry| entry.number).collect::<Vec<_>>()
    };
    until("all is written down", async || reported(AllowedNetworks::All).await == [4, 3, 2, 1]).await;
    let these = AllowedNetworks::These(["a".into()].into());
    assert_eq!(reported(these.clone()).await, [3, 1]);

    let events = async |networks| {
        let mut request = tonic::Request::new(WatchEventsRequest { from_oldest: true, ..Default::default() });
        request.extensions_mut().insert(caller(networks));
        let mut events = watch(&directory, &EventStreamLimits::until(CancellationToken::new()), request).unwrap();
        let mut changes = Vec::new();
        loop {
            match events.next().await.unwrap().unwrap().update.unwrap() {
                Update::Event(event) => changes.extend(event.detail.and_then(|detail| match detail {
                    Detail::Changed(change) => Some(change.summary),
                    _ => None,
                })),
                Update::CaughtUp(_) => return changes,
                Update::Missed(missed) => panic!("{missed:?}"),
            }
        }
    };
    assert_eq!(events(AllowedNetworks::All).await.len(), 4);
    assert_eq!(events(these).await, ["added the network a", "banned 203.0.113.1"]);
}

#[tokio::test]
async fn the_audit_of_all_networks_has_the_latest_change_first_whichever_it_was_made_in() {
    let process = Process::new();
    let lives = [process.live(process.seed("a")).await, process.live(process.seed("b")).await];
    let served = serve_networks(Directory::new(lives.iter().map(|life| life.handle.clone()), None)).await;
    for (n, life) in [1, 0, 0, 1].into_iter().enumerate() {
        let by = ChangeAuthor { author: "ops".into(), method: "BanService.Ban" };
        let target = BanTarget::ip([203, 0, 113, n as u8].into());
        lives[life].handle.ban(by, target, "noise".into(), None).await.unwrap();
        let now = Clock.now().wall;
        while Clock.now().wall == now {
            tokio::task::yield_now().await;
        }
    }
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let page =
            audit(&served, ListAuditEntriesRequest { network: "-".into(), page_size: 1, page_token, filter: None })
                .await;
        seen.extend(page.entries.into_iter().map(|entry| (entry.network, entry.number)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let seen: Vec<(&str, u64)> = seen.iter().map(|(network, number)| (network.as_str(), *number)).collect();
    assert_eq!(seen, [("b", 2), ("a", 2), ("a", 1), ("b", 1)]);
}
