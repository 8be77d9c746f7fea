use prost_types::Duration;
use tonic::Code;

use super::*;
use crate::proto::pexd::v1::ban_service_client::BanServiceClient;
use crate::proto::pexd::v1::seed_service_client::SeedServiceClient;
use crate::proto::pexd::v1::{
    AddSeedRequest, Ban, BanOrigin, BanRequest, BanResponse, ChangeResult, ListBansRequest, ListSeedsRequest,
    RemoveSeedRequest, Seed, SeedOrigin, SeedOutcome, UnbanRequest, UnbanResponse,
};

const SEED: &str = "0123456789abcdef0123456789abcdef01234567@seed.example.org:26656";

type Seeds = SeedServiceClient<Channel>;
type Bans = BanServiceClient<Channel>;

async fn add(client: &mut Seeds, network: &str, seed: &str) -> Result<ChangeResult, Status> {
    let request = AddSeedRequest { network: network.into(), seed: seed.into() };
    Ok(client.add_seed(request).await?.into_inner().result.unwrap())
}

async fn remove(client: &mut Seeds, seed: &str) -> Result<ChangeResult, Status> {
    let request = RemoveSeedRequest { network: String::new(), seed: seed.into() };
    Ok(client.remove_seed(request).await?.into_inner().result.unwrap())
}

async fn seeds(client: &mut Seeds) -> Vec<Seed> {
    client.list_seeds(ListSeedsRequest::default()).await.unwrap().into_inner().seeds
}

async fn ban(client: &mut Bans, network: &str, target: &str) -> Result<BanResponse, Status> {
    let request =
        BanRequest { network: network.into(), target: target.into(), reason: "spam".into(), ..Default::default() };
    Ok(client.ban(request).await?.into_inner())
}

async fn unban(client: &mut Bans, network: &str, target: &str) -> Result<UnbanResponse, Status> {
    let request = UnbanRequest { network: network.into(), target: target.into() };
    Ok(client.unban(request).await?.into_inner())
}

async fn bans(client: &mut Bans, network: &str) -> Vec<Ban> {
    let request = ListBansRequest { network: network.into(), ..Default::default() };
    client.list_bans(request).await.unwrap().into_inner().bans
}

#[tokio::test]
async fn a_seed_is_added_shown_and_removed() {
    let a = world("a");
    let served = serve(&[&a]).await;
    let mut client = Seeds::new(served.channel);
    let added = add(&mut client, "", SEED).await.unwrap();
    assert_eq!((added.network.as_str(), added.changed, added.saved), ("a", true, true));
    assert!(!add(&mut client, "a", SEED).await.unwrap().changed);
    let shown = seeds(&mut client).await;
    assert_eq!((shown.len(), shown[0].seed.as_str()), (1, SEED));
    assert_eq!((shown[0].origin(), shown[0].last_outcome()), (SeedOrigin::Runtime, SeedOutcome::Untried));
    assert_eq!((&shown[0].last_dial_time, &shown[0].latency), (&None, &None));
    assert!(remove(&mut client, SEED).await.unwrap().changed);
    let missing = remove(&mut client, SEED).await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "SEED_NOT_FOUND"));
    assert!(seeds(&mut client).await.is_empty());
}

#[tokio::test]
async fn a_seed_shows_what_the_last_dial_found() {
    let a = world("a");
    let outcomes: [fn(&mut SeedHealth); 4] = [
        |health| health.last_success = Wall::from_secs(7),
        |health| health.last_fault = "connection refused".into(),
        |health| (health.last_fault, health.actual_id) = ("other".into(), Some(id(9))),
        |health| (health.last_fault, health.actual_network) = ("other".into(), Some("b\n".into())),
    ];
    for (n, outcome) in (1..).zip(outcomes) {
        let mut seed = untried_seed(net_address(n).into());
        (seed.health.last_dialled, seed.health.latency_ms) = (Wall::from_secs(6), 1_250);
        outcome(&mut seed.health);
        a.lock().seeds.push(seed);
    }
    a.lock().seeds.push(crate::node::SeedView { ourselves: true, ..untried_seed(net_address(5).into()) });
    let served = serve(&[&a]).await;
    let shown = seeds(&mut Seeds::new(served.channel)).await;
    let outcomes: Vec<_> = shown.iter().map(Seed::last_outcome).collect();
    use SeedOutcome::{Failed, Ourselves, Reached, WrongIdentity, WrongNetwork};
    assert_eq!(outcomes, [Reached, Failed, WrongIdentity, WrongNetwork, Ourselves]);
    assert!(shown[4].last_fault.contains("this node itself"), "{:?}", shown[4]);
    assert_eq!(shown[0].latency, Some(Duration { seconds: 1, nanos: 250_000_000 }));
    assert_eq!(shown[1].last_fault, "connection refused");
    assert_eq!(shown[1].latency, None);
    assert_eq!(shown[2].actual_id, id(9).to_string());
    assert_eq!(shown[3].actual_network, "b\\u{a}");
}

#[tokio::test]
async fn a_seed_that_does_not_parse_is_told_what_to_write() {
    let served = serve(&[&world("a")]).await;
    let mut client = Seeds::new(served.channel);
    for (seed, fix) in [
        ("", "required"),
        ("1.2.3.4:26656", "id@host:port"),
        ("x@1.2.3.4:1", "40 hex digits"),
        ("https://rpc.example.org:443", "URL"),
    ] {
        let refused = add(&mut client, "", seed).await.unwrap_err();
        assert_eq!(violated_field(&refused), "seed");
        assert!(refused.message().contains(fix), "{refused}");
    }
    assert_eq!(violated_field(&add(&mut client, "-", SEED).await.unwrap_err()), "network");
}

#[tokio::test]
async fn a_change_that_is_in_force_but_not_saved_says_so() {
    let a = world("a");
    a.lock().saved = Saved::No("no space left on device".into());
    let served = serve(&[&a]).await;
    let added = add(&mut Seeds::new(served.channel.clone()), "", SEED).await.unwrap();
    assert_eq!((added.changed, added.saved, added.unsaved_reason.as_str()), (true, false, "no space left on device"));
    let banned = ban(&mut Bans::new(served.channel), "", "1.2.3.4").await.unwrap();
    assert!(!banned.results[0].saved);
}

#[tokio::test]
async fn a_ban_is_laid_shown_and_lifted() {
    let served = serve(&[&world("a")]).await;
    let mut client = Bans::new(served.channel);
    assert!(ban(&mut client, "", "1.2.3.4/24").await.unwrap().results[0].changed);
    assert!(!ban(&mut client, "", "1.2.3.99/24").await.unwrap().results[0].changed);
    let duration = Some(Duration { seconds: 60, nanos: 0 });
    let request = BanRequest { target: id(5).to_string(), duration, ..Default::default() };
    client.ban(request).await.unwrap();
    let shown = bans(&mut client, "a").await;
    let targets: Vec<_> = shown.iter().map(|ban| ban.target.as_str()).collect();
    assert_eq!(targets, [id(5).to_string().as_str(), "1.2.3.0/24"]);
    assert_eq!(shown[0].expire_time.unwrap().seconds - shown[0].ban_time.unwrap().seconds, 60);
    assert_eq!(
        (shown[1].expire_time, shown[1].reason.as_str(), shown[1].origin()),
        (None, "spam", BanOrigin::Operator)
    );
    assert!(unban(&mut client, "", "1.2.3.0/24").await.unwrap().results[0].changed);
    let missing = unban(&mut client, "", "1.2.3.0/24").await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "BAN_NOT_FOUND"));
    assert_eq!(bans(&mut client, "a").await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_banned_names_its_field() {
    let a = world("a");
    a.lock().max_bans = 0;
    let served = serve(&[&a]).await;
    let mut client = Bans::new(served.channel);
    assert_eq!(violated_field(&ban(&mut client, "", "0.0.0.0/0").await.unwrap_err()), "target");
    assert_eq!(violated_field(&unban(&mut client, "", "x").await.unwrap_err()), "target");
    let target = "1.2.3.4".to_owned();
    let long = BanRequest { target: target.clone(), reason: "x".repeat(257), ..Default::default() };
    assert_eq!(violated_field(&client.ban(long).await.unwrap_err()), "reason");
    let duration = Some(Duration { seconds: -1, nanos: 0 });
    let negative = BanRequest { target, duration, ..Default::default() };
    assert_eq!(violated_field(&client.ban(negative).await.unwrap_err()), "duration");
    let full = ban(&mut client, "", "1.2.3.4").await.unwrap_err();
    assert_eq!((full.code(), reason(&full).as_str()), (Code::ResourceExhausted, "LIMIT_REACHED"));
}

#[tokio::test]
async fn a_ban_for_all_networks_tells_what_became_of_it_in_each() {
    let (a, b, gone) = (world("a"), world("b"), world("gone"));
    gone.lock().gone = true;
    let served = serve(&[&a, &b, &gone]).await;
    let mut client = Bans::new(served.channel);
    let laid = ban(&mut client, "-", "1.2.3.4").await.unwrap();
    let done: Vec<_> = laid.results.iter().map(|result| (result.network.as_str(), result.changed)).collect();
    assert_eq!(done, [("a", true), ("b", true)]);
    assert_eq!(laid.failures[0].network, "gone");
    unban(&mut client, "b", "1.2.3.4").await.unwrap();
    let lifted = unban(&mut client, "-", "1.2.3.4").await.unwrap();
    let done: Vec<_> = lifted.results.iter().map(|result| (result.network.as_str(), result.changed)).collect();
    assert_eq!(done, [("a", true), ("b", false)]);
    // In force nowhere: an error, and the one that may hide a ban before "no such ban".
    assert_eq!(unban(&mut client, "-", "1.2.3.4").await.unwrap_err().code(), Code::Unavailable);
    assert!(bans(&mut client, "-").await.is_empty());
}
