//! `pexd check-seeds` among real nodes, with no pexd that runs.

use std::collections::BTreeMap;
use std::time::Duration;

use pexd::testkit::reserve_port;
use serde_json::Value;

use super::TWO_ROUNDS;
use super::refusals::mismatch;
use crate::harness::cometbft::{self, Version};
use crate::harness::daemon::command;
use crate::harness::home::NodeKey;
use crate::harness::network::{CHAIN, Network};
use crate::harness::wait::until;

const OTHER_CHAIN: &str = "interop-checked";
const USABLE: i32 = 0;
const DEFINITE: i32 = 3;
const INCONCLUSIVE: i32 = 4;

/// The exit code, and what was found of each seed.
fn check(seeds: &[String]) -> (i32, BTreeMap<String, Value>) {
    let list = seeds.join(",");
    let (code, text) =
        command(&["check-seeds", &list, "--chain-id", CHAIN, "--sample", "50", "--allow-private", "--json"]);
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let checks = answer["checks"].as_array().expect("they are a list").iter();
    let by_seed = |check: &Value| (check["seed"].as_str().expect("each names its seed").to_owned(), check.clone());
    (code, checks.map(by_seed).collect())
}

fn verdict(check: &Value) -> &str {
    check["verdict"].as_str().expect("each has one").trim_start_matches("SEED_VERDICT_")
}

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn the_nodes_of_a_network_are_usable_seeds_and_so_is_one_in_seed_mode() {
    let network = Network::shared();
    let seed = cometbft::Config::new("seed-mode", Version::V038, CHAIN).p2p("seed_mode = true");
    let seed = seed.persistent_peers([network.hub().address()]).start();
    let mut all: Vec<String> = network.addresses().into_iter().collect();
    all.push(seed.address());

    let usable = |(code, checks): &(i32, BTreeMap<String, Value>)| {
        // A node that has just started knows few.
        *code == USABLE && checks.values().all(|check| check["sampleReachedCount"].as_u64() >= Some(3))
    };
    let (_, checks) = until("all answer, and so do those that they report", TWO_ROUNDS, || check(&all), usable);
    assert_eq!(checks.len(), all.len());
    for check in checks.values() {
        assert_eq!(verdict(check), "OK");
        assert!(check["addressCount"].as_u64() >= check["sampleTriedCount"].as_u64(), "{check:#}");
    }
    assert_eq!(checks[&network.hub().address()]["moniker"], "hub-038");
    assert_eq!(checks[&seed.address()]["moniker"], "seed-mode");
}

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn each_fault_of_a_real_node_has_its_verdict() {
    let hub = Network::shared().hub();
    let foreign = cometbft::Config::new("checked-foreign", Version::V037, OTHER_CHAIN).start();
    let no_pex = cometbft::Config::new("checked-no-pex", Version::V040, CHAIN).p2p("pex = false").start();
    let nobody = NodeKey::generate().id();
    let rekeyed = format!("{nobody}@{}", hub.laddr());
    let taken_over = format!("{nobody}@{}", foreign.laddr());
    let upper_case = format!("{}@{}", hub.id().to_string().to_uppercase(), hub.laddr());
    let refused = format!("{nobody}@{}", reserve_port().expect("a port"));

    let list = [&foreign.address(), &no_pex.address(), &rekeyed, &taken_over, &upper_case, &refused].map(Clone::clone);
    let (code, checks) = check(&list);
    assert_eq!(code, DEFINITE);
    let found = list.each_ref().map(|seed| (verdict(&checks[seed]), checks[seed]["definite"] == true));
    let expected = [
        ("WRONG_CHAIN", true),
        ("NO_PEX", true),
        ("WRONG_ID", true),
        ("WRONG_ID", true),
        ("MALFORMED", true),
        ("REFUSED", false),
    ];
    assert_eq!(found, expected, "{checks:#?}");
    assert_eq!(checks[&foreign.address()]["actualNetwork"], OTHER_CHAIN);
    let really = |seed: &String| (checks[seed]["actualId"].clone(), checks[seed]["actualNetwork"].clone());
    assert_eq!(really(&rekeyed), (hub.id().to_string().into(), CHAIN.into()), "it has a new key");
    assert_eq!(really(&taken_over), (foreign.id().to_string().into(), OTHER_CHAIN.into()), "somebody else is there");

    let (code, _) = check(&[refused]);
    assert_eq!(code, INCONCLUSIVE);

    // Why it is a fault: a real node takes such an entry, dials the right node, and never knows it.
    let mistaken = cometbft::Config::new("upper-case", Version::V038, CHAIN).persistent_peers([upper_case]).start();
    let upper = hub.id().to_string().to_uppercase();
    let mismatch = mismatch(hub.id(), &upper);
    until("the node errors it", Duration::from_secs(20), || mistaken.log(), |log| log.contains(&mismatch));
    assert!(mistaken.peers().is_empty());
}
