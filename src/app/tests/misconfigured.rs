//! Networks whose files have errors, beside others that serve.

use std::collections::BTreeMap;

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::app::config_watch;
use crate::network::ConfigFaults;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{
    AttentionReason, GetStatusRequest, GetStatusResponse, ListNetworksRequest, ReactorState, ReactorStatus,
    StartRequest,
};

async fn statuses(pexd: &Pexd) -> GetStatusResponse {
    let request = GetStatusRequest { network: "-".into() };
    ReactorServiceClient::new(pexd.channel.clone()).get_status(request).await.unwrap().into_inner()
}

async fn status(pexd: &Pexd, chain: &str) -> ReactorStatus {
    let statuses = statuses(pexd).await.statuses;
    statuses.into_iter().find(|status| status.network == chain).unwrap_or_else(|| panic!("{chain} is not listed"))
}

fn reasons(status: &ReactorStatus) -> Vec<AttentionReason> {
    status.attention.iter().map(|attention| attention.reason()).collect()
}

#[tokio::test]
async fn one_networks_errors_are_its_own_and_all_of_them_are_reported() {
    let home = TestHome::new();
    let well = home.make("well-1", 1).await;
    let sick = home.make("sick-1", 2).await;
    fs::remove_file(home.folder("sick-1").join("node_key.json")).unwrap();
    home.add_line("sick-1", "p2p", "max_num_outbound_peers = -1");
    let pexd = home.start().await;
    assert!(pexd.serves(&well).await);

    let all = statuses(&pexd).await;
    assert_eq!(all.failures, []);
    let order: Vec<&str> = all.statuses.iter().map(|status| &*status.network).collect();
    assert_eq!(order, ["sick-1", "well-1"], "the worst comes first");
    let failed = status(&pexd, "sick-1").await;
    assert_eq!((failed.state(), reasons(&failed)), (ReactorState::Failed, vec![AttentionReason::Failed]));
    for part in ["config.toml:", "p2p.max_num_outbound_peers is \"-1\"", "node_key.json"] {
        assert!(failed.state_reason.contains(part), "{part} in {}", failed.state_reason);
    }
    let list = pexd.networks.clone().list_networks(ListNetworksRequest::default()).await.unwrap().into_inner();
    assert_eq!((list.networks.len(), list.failures.len()), (2, 0));
    assert_eq!(list.networks[0].folder, home.folder("sick-1").display().to_string());
    let mut reactor = ReactorServiceClient::new(pexd.channel.clone());
    let refused = reactor.start(StartRequest { network: "sick-1".into() }).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::FailedPrecondition, "MISCONFIGURED"));
    assert!(refused.message().contains("-1") && refused.message().contains("ReloadNetwork"), "{refused}");
    assert_eq!(reason(&pexd.add("sick-1").await.unwrap_err()), "NETWORK_EXISTS");

    let refused = pexd.reload("sick-1").await.unwrap_err();
    assert_eq!(violations(&refused).len(), 2, "{refused}");
    let key = config::node_key::generate();
    config::node_key::create(&home.folder("sick-1").join("node_key.json"), &key).unwrap();
    let refused = pexd.reload("sick-1").await.unwrap_err();
    assert_eq!(violations(&refused).len(), 1, "{refused}");
    assert!(
        !status(&pexd, "sick-1").await.state_reason.contains("node_key"),
        "what was mended is not reported any more"
    );
    home.edit("sick-1", "max_num_outbound_peers = -1\n", "");
    assert!(pexd.reload("sick-1").await.unwrap().restarted);
    let served = status(&pexd, "sick-1").await;
    assert_eq!(served.state(), ReactorState::Running);
    let address = NetAddress::new(served.node_id.parse().unwrap(), sick.address.ip(), sick.address.port()).unwrap();
    assert!(pexd.serves(&Made { address, ..sick }).await, "with the book that it had");
    assert!(pexd.serves(&well).await);
    pexd.end().await;
}

#[tokio::test]
async fn of_two_that_want_the_same_the_newcomer_fails() {
    let home = TestHome::new();
    let old = home.make("old-1", 1).await;
    // The name that comes first is the one that was added last, and has never run.
    let shared = SharedListener {
        key: Arc::new(config::node_key::generate()),
        laddr: old.address.socket(),
        external_address: String::new(),
    };
    let new = NewNetwork { seed_mode: true, shared: Some(shared), ..NewNetwork::default() };
    config::create_network(&home.home(), "another-1", &new).unwrap();
    let config = config::load(&Sources::files_of(home.home())).unwrap();
    let names = |all: &[config::BrokenNetwork]| all.iter().map(|broken| broken.name.clone()).collect::<Vec<_>>();
    assert_eq!((&*config.networks[0].chain_id, names(&config.broken)), ("old-1", vec!["another-1".to_owned()]));

    // A folder that claims another's chain is known by its own name.
    let file = home.file("another-1");
    fs::write(&file, "[p2p]\nladdr = \"127.0.0.1:0\"\n[pex]\nchain_id = \"old-1\"\n").unwrap();
    let config = config::load(&Sources::files_of(home.home())).unwrap();
    assert_eq!(names(&config.broken), ["another-1"]);
    // One whose file says a chain ID is known by that, errors or not.
    fs::write(&file, "[p2p]\nladdr = \"here\"\n[pex]\nchain_id = \"new-1\"\n").unwrap();
    let config = config::load(&Sources::files_of(home.home())).unwrap();
    assert_eq!(names(&config.broken), ["new-1"]);
    assert!(config.strict().is_err());
    fs::remove_dir_all(home.folder("old-1")).unwrap();
    let errors = config::load(&Sources::files_of(home.home())).unwrap_err();
    assert!(errors.to_string().contains("p2p.laddr"), "nothing is left to be served: {errors}");
}

#[tokio::test]
async fn files_that_break_while_it_runs_are_known_before_the_restart_that_they_would_spoil() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let pexd = home.start().await;
    let (process, mut seen) = (ConfigFaults::default(), BTreeMap::new());
    config_watch::look(&pexd.registry, &process, &mut seen).await;
    assert_eq!(status(&pexd, "one-1").await.attention, []);
    assert!(process.found().is_empty());

    let whole = fs::read_to_string(home.file("one-1")).unwrap();
    home.add_line("one-1", "p2p", "ladder = 1");
    fs::write(home.home().process_file(), "[log]\nlevel = \"loud\"\n").unwrap();
    config_watch::look(&pexd.registry, &process, &mut seen).await;
    let sick = status(&pexd, "one-1").await;
    assert_eq!((sick.state(), reasons(&sick)), (ReactorState::Running, vec![AttentionReason::ConfigErrors]));
    assert!(sick.attention[0].text.contains("did you mean laddr?"), "{sick:?}");
    assert!(process.found()[0].contains("log.level"), "{process:?}");
    assert!(pexd.serves(&made).await);

    // A file that is named and comes later is none of those that the running configuration has.
    let later = home.folder("one-1").join("later.json");
    fs::write(home.file("one-1"), whole.replace("[pex]\n", "[pex]\nnode_key_file = \"later.json\"\n")).unwrap();
    fs::remove_file(home.home().process_file()).unwrap();
    config_watch::look(&pexd.registry, &process, &mut seen).await;
    let sick = status(&pexd, "one-1").await;
    assert!(sick.attention[0].text.contains("later.json"), "{sick:?}");
    assert!(process.found().is_empty());
    config::node_key::create(&later, &config::node_key::generate()).unwrap();
    config_watch::look(&pexd.registry, &process, &mut seen).await;
    assert_eq!(status(&pexd, "one-1").await.attention, [], "it is in order again");
    pexd.end().await;
}

#[tokio::test]
async fn health_is_reported_by_chain_id() {
    let home = TestHome::new();
    home.make("well-1", 1).await;
    home.make("sick-1", 2).await;
    home.edit("sick-1", "[p2p]\n", "[p2p]\nladder = 1\n");
    let pexd = home.start().await;
    let mut health = HealthClient::new(pexd.channel.clone());
    let request = |name: &str| HealthCheckRequest { service: name.into() };
    for (name, expected) in
        [("", ServingStatus::Serving), ("well-1", ServingStatus::Serving), ("sick-1", ServingStatus::NotServing)]
    {
        let answer = health.check(request(name)).await.unwrap().into_inner();
        assert_eq!(answer.status(), expected, "{name:?}");
    }
    let unknown = health.check(request("other-1")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(unknown.message().contains("chain ID"), "{unknown}");

    let mut watch = health.watch(request("well-1")).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    pexd.end().await;
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(watch.message().await.unwrap().is_none(), "a watch does not hold the end up");
}

#[tokio::test]
async fn two_folders_of_one_chain_never_take_each_others_place() {
    let home = TestHome::new();
    home.make("stays-1", 1).await;
    for folder in ["p-1", "q-1"] {
        home.make(folder, 2).await;
        home.add_line(folder, "pex", "chain_id = \"c-9\"");
        fs::remove_file(home.folder(folder).join("book.db")).unwrap();
    }
    home.add_line("p-1", "p2p", "ladder = 1");
    fs::rename(home.folder("q-1"), home.0.path().join("q-1")).unwrap();
    let pexd = home.start().await;
    assert_eq!(status(&pexd, "c-9").await.state(), ReactorState::Failed);
    fs::rename(home.0.path().join("q-1"), home.folder("q-1")).unwrap();
    let refused = pexd.add("q-1").await.unwrap_err();
    assert!(violations(&refused)[0].1.contains("c-9 is another network's"), "{refused}");
    assert_eq!(pexd.reload("q-1").await.unwrap_err().code(), Code::FailedPrecondition);
    let names: Vec<String> = statuses(&pexd).await.statuses.into_iter().map(|status| status.network).collect();
    assert_eq!(names, ["c-9", "q-1", "stays-1"], "the one that came is listed under its folder's name");
    home.edit("p-1", "ladder = 1\n", "");
    pexd.reload("c-9").await.unwrap();
    assert_eq!(status(&pexd, "c-9").await.node_id.len(), 40);
    assert!(pexd.reload("q-1").await.is_err(), "the chain is served by the other");
    pexd.end().await;
}

#[tokio::test]
async fn a_removal_that_is_refused_leaves_no_mark() {
    let home = TestHome::new();
    let made = home.make("stays-1", 1).await;
    let pexd = home.start().await;
    // What is in the way of the key that is to be kept.
    let kept = home.home().path().join(format!("node_key-stays-1-{}.json", made.address.id()));
    fs::create_dir(&kept).unwrap();
    assert_eq!(reason(&pexd.remove("stays-1", true).await.unwrap_err()), "NOT_DELETED");
    assert!(pexd.serves(&made).await);
    assert!(!home.home().network("stays-1").is_removed());
    pexd.end().await;
}

#[tokio::test]
async fn a_network_whose_file_is_gone_has_failed_and_is_not_forgotten() {
    let home = TestHome::new();
    home.make("well-1", 1).await;
    home.make("gone-1", 2).await;
    fs::remove_file(home.file("gone-1")).unwrap();
    let pexd = home.start().await;
    let gone = status(&pexd, "gone-1").await;
    assert_eq!(gone.state(), ReactorState::Failed);
    assert!(gone.state_reason.contains("no config.toml: copy that back"), "{gone:?}");
    pexd.end().await;
}
