//! Files that are read again.

use super::*;
use crate::app::reload;
use crate::network::tests::is_free;
use crate::node::RunState;
use crate::proto::pexd::v1::ConfigSource;
use crate::testkit::{AsnField, asn_database};

const SEED: &str = "0101010101010101010101010101010101010101@127.0.0.1:1";

fn keys_of(reloaded: &ReloadNetworkResponse) -> Vec<&str> {
    reloaded.changes.iter().map(|change| &*change.key).collect()
}

#[tokio::test]
async fn what_can_be_changed_live_is_and_nobody_is_let_go() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let pexd = home.start().await;
    let visitor = pexd.connect(&made).await;
    let nothing = pexd.reload("one-1").await.unwrap();
    assert_eq!((nothing.changes.len(), nothing.restarted), (0, false));

    home.add_line("one-1", "p2p", "max_num_outbound_peers = 3\nflush_throttle_timeout = \"10ms\"");
    home.edit("one-1", "seeds = \"\"", &format!("seeds = \"{SEED}\""));
    let reloaded = pexd.reload("one-1").await.unwrap();
    assert_eq!(keys_of(&reloaded), ["p2p.seeds", "p2p.max_num_outbound_peers"], "what is the default is no change");
    assert!(!reloaded.restarted && reloaded.changes.iter().all(|change| change.live));
    let outbound = &reloaded.changes[1];
    assert_eq!((&*outbound.old_value, &*outbound.new_value), ("10", "3"));
    let handle = pexd.registry.get("one-1").unwrap().0;
    assert_eq!(handle.status().await.unwrap().node.max_outbound, 3);
    let seeds = handle.seeds().await.unwrap();
    assert!(seeds.len() == 1 && seeds[0].from_file, "{seeds:?}");
    assert!(pexd.entry("one-1", "p2p.seeds").await.origin.contains("config.toml:"));

    let id = "02".repeat(20);
    let lists = format!(
        "persistent_peers = \"{id}@127.0.0.1:1\"\nunconditional_peer_ids = \"{id}\"\nprivate_peer_ids = \"{id}\""
    );
    home.add_line("one-1", "p2p", &lists);
    let reloaded = pexd.reload("one-1").await.unwrap();
    assert_eq!(keys_of(&reloaded), ["p2p.persistent_peers", "p2p.unconditional_peer_ids", "p2p.private_peer_ids"]);
    assert!(!reloaded.restarted && reloaded.changes.iter().all(|change| change.live), "{reloaded:?}");
    let listed = handle.listed(None, 9).await.unwrap();
    assert_eq!(listed.entries.iter().filter(|entry| entry.from_file && entry.in_effect).count(), 3, "{listed:?}");
    assert_eq!(visitor.ask().await, made.known);

    home.edit("one-1", SEED, "");
    pexd.reload("one-1").await.unwrap();
    assert!(handle.seeds().await.unwrap().is_empty());
    // A breakdown brings back what the file says now, not what it said at the start.
    handle.panic().await;
    handle.start(None).await.unwrap();
    assert_eq!(handle.status().await.unwrap().node.max_outbound, 3);
    pexd.end().await;
}

#[tokio::test]
async fn a_network_that_names_itself_is_told_so_and_counts_nobody() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let own = made.address;
    let pexd = home.start().await;
    home.edit("one-1", "seeds = \"\"", &format!("seeds = \"{}@elsewhere.example.org:1\"", own.id()));
    let other_id = SEED.split_once('@').unwrap().0;
    home.add_line("one-1", "p2p", &format!("persistent_peers = \"{SEED},{other_id}@{}\"", own.socket()));
    let reloaded = pexd.reload("one-1").await.unwrap();
    let told = |part: &str| reloaded.warnings.iter().any(|warning| warning.contains(part));
    assert!(told("p2p.seeds names this node itself, and nobody else: remove "), "{:?}", reloaded.warnings);
    let persistent = format!("p2p.persistent_peers names this node itself: remove {other_id}@{}, ", own.socket());
    assert!(told(&persistent), "{:?}", reloaded.warnings);

    let handle = pexd.registry.get("one-1").unwrap().0;
    assert_eq!(handle.status().await.unwrap().node.seeds.total(), 0);
    let by = || crate::network::ChangeAuthor { author: "ops".into(), method: "Tests" };
    for ours in [format!("{}@127.0.0.1:1", own.id()), format!("{other_id}@{}", own.socket())] {
        let refused = handle.add_seed(by(), ours.parse().unwrap()).await.unwrap_err();
        assert_eq!(refused, crate::network::Error::OwnSeed, "{ours}");
    }
    pexd.end().await;
}

#[tokio::test]
async fn a_network_that_failed_for_want_of_seeds_is_tried_again_when_the_file_names_one() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    fs::remove_file(home.folder("one-1").join("book.db")).unwrap();
    let pexd = home.start().await;
    let handle = pexd.registry.get("one-1").unwrap().0;
    assert!(matches!(handle.status().await.unwrap().node.state, RunState::Failed(_)));
    home.edit("one-1", "seeds = \"\"", &format!("seeds = \"{SEED}\""));
    assert!(!pexd.reload("one-1").await.unwrap().restarted);
    assert_eq!(handle.status().await.unwrap().node.state, RunState::Running);
    drop(pexd.connect(&made).await);
    pexd.end().await;
}

#[tokio::test]
async fn what_needs_a_restart_restarts_its_network_alone() {
    let home = TestHome::new();
    let (one, other) = (home.make("one-1", 1).await, home.make("other-1", 2).await);
    let pexd = home.start().await;
    let (visitor, stays) = (pexd.connect(&one).await, pexd.connect(&other).await);
    let laddr = reserve();
    home.edit("one-1", &format!("laddr = \"tcp://{}\"", one.address.socket()), &format!("laddr = \"tcp://{laddr}\""));
    let reloaded = pexd.reload("one-1").await.unwrap();
    assert_eq!(keys_of(&reloaded), ["p2p.laddr"]);
    assert!(reloaded.restarted && !reloaded.changes[0].live);
    assert!(visitor.until_closed().await.is_empty());
    assert!(is_free(one.address.socket()));
    let moved = Made { address: NetAddress::new(one.address.id(), laddr.ip(), laddr.port()).unwrap(), ..one };
    assert!(pexd.serves(&moved).await, "with the book that it had");
    assert_eq!(stays.ask().await, other.known);

    // Another key is another node, although no line of the file changed.
    let key = home.folder("one-1").join("node_key.json");
    fs::remove_file(&key).unwrap();
    let fresh = config::node_key::generate();
    config::node_key::create(&key, &fresh).unwrap();
    let reloaded = pexd.reload("one-1").await.unwrap();
    assert_eq!((keys_of(&reloaded), reloaded.restarted), (vec!["node_key.json"], true));
    let rekeyed = Made { address: NetAddress::new(fresh.id(), laddr.ip(), laddr.port()).unwrap(), ..moved };
    assert!(pexd.serves(&rekeyed).await);
    pexd.end().await;
}

#[tokio::test]
async fn another_file_of_autonomous_systems_restarts_the_networks_that_have_it() {
    let home = TestHome::new();
    let (one, two) = (home.make("one-1", 1).await, home.make("two-1", 2).await);
    let other = home.make("other-1", 3).await;
    let database = home.home().path().join("asn.mmdb");
    fs::write(&database, asn_database("GeoLite2-ASN", AsnField::MaxMind, &[("127.0.0.0/8", 64_500)])).unwrap();
    home.add_line("one-1", "book", "asn_file = \"../../asn.mmdb\"");
    home.add_line("two-1", "book", &format!("asn_file = \"{}\"", database.display()));
    let pexd = home.start().await;
    let stays = pexd.connect(&other).await;
    let table = |chain: &str| pexd.registry.get_file(chain).unwrap().1.asn.clone();
    assert!(Arc::ptr_eq(&table("one-1").unwrap(), &table("two-1").unwrap()), "read once");
    assert_eq!(table("other-1"), None);
    let group = async |made: &Made| {
        let handle = pexd.registry.get(&made.chain).unwrap().0;
        handle.addresses_at(vec![made.known[0]]).await.unwrap()[0].group.to_string()
    };
    assert_eq!([group(&one).await, group(&two).await], ["AS64500"; 2]);
    assert_ne!(group(&other).await, "AS64500");
    assert_eq!(pexd.entry("one-1", "book.asn_file").await.value, "../../asn.mmdb");
    assert!(!pexd.reload("one-1").await.unwrap().restarted);

    // Another size, so that the time of the last write, which may be too coarse here, decides nothing.
    fs::write(&database, asn_database("DBIP-ASN-Lite", AsnField::MaxMind, &[("127.0.0.0/8", 64_501)])).unwrap();
    let reloaded = pexd.reload("one-1").await.unwrap();
    assert_eq!((keys_of(&reloaded), reloaded.restarted), (vec!["book.asn_file"], true));
    let change = &reloaded.changes[0];
    assert!(change.old_value.starts_with("GeoLite2-ASN of 2025-") && change.new_value.starts_with("DBIP-ASN-Lite of"));
    assert_eq!([group(&one).await, group(&two).await], ["AS64501", "AS64500"], "the other has what it started with");

    fs::write(&database, "").unwrap();
    let refused = pexd.reload("two-1").await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::FailedPrecondition, "CONFIG_INVALID"));
    assert!(
        refused.message().contains("book.asn_file is ") && refused.message().contains("no MaxMind DB"),
        "{refused}"
    );
    assert_eq!(stays.ask().await, other.known);
    pexd.end().await;
}

#[tokio::test]
async fn one_of_two_at_a_listener_restarts_and_the_other_keeps_it() {
    let home = TestHome::new();
    let (key, laddr) = (Arc::new(config::node_key::generate()), reserve());
    let one = home.make_at("one-1", 1, key.clone(), laddr).await;
    let other = home.make_at("other-1", 2, key, laddr).await;
    let pexd = home.start().await;
    let stays = pexd.connect(&other).await;
    home.edit("one-1", "moniker = \"test\"", "moniker = \"renamed\"");
    assert!(pexd.reload("one-1").await.unwrap().restarted);
    assert!(pexd.serves(&one).await && pexd.serves(&other).await);
    assert_eq!(stays.ask().await, other.known);
    pexd.end().await;
}

#[tokio::test]
async fn errors_are_reported_all_at_once_and_nothing_changes() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let pexd = home.start().await;
    let visitor = pexd.connect(&made).await;
    let before = pexd.effective("one-1").await;
    home.add_line(
        "one-1",
        "p2p",
        "max_num_inbound_peers = 1\nmax_num_outbound_peers = -1\ndial_timeout = 3\nladdr2 = 1",
    );
    home.add_line("one-1", "pex", "max_dials = 0\nensure_peers_period = \"soon\"");
    let refused = pexd.reload("one-1").await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::FailedPrecondition, "CONFIG_INVALID"));
    let reported = violations(&refused);
    assert_eq!(reported.len(), 5, "{reported:?}");
    let file = home.file("one-1").display().to_string();
    for (place, text) in &reported {
        assert!(place.starts_with(&file), "{place}");
        assert!(refused.message().contains(text), "{text}");
    }
    assert_eq!(pexd.effective("one-1").await, before);
    assert_eq!(visitor.ask().await, made.known);

    fs::remove_file(home.file("one-1")).unwrap();
    assert!(pexd.reload("one-1").await.is_err());
    assert!(pexd.serves(&made).await);
    pexd.end().await;
}

#[tokio::test]
async fn a_reload_keeps_the_chain() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let pexd = home.start().await;
    home.add_line("one-1", "pex", "chain_id = \"two-1\"");
    let refused = pexd.reload("one-1").await.unwrap_err();
    assert!(refused.message().contains("two-1") && refused.message().contains("remove the network"), "{refused}");
    assert!(pexd.serves(&made).await);
    pexd.end().await;
}

#[tokio::test]
async fn flags_stay_in_force_over_the_file_and_for_their_network_alone() {
    let home = TestHome::new();
    home.make("one-1", 1).await;
    let flag = keys::P2p::KEYS.iter().find(|key| key.name == "max_num_outbound_peers").unwrap();
    let pexd = home.start_with(|sources| sources.flags.push((flag, "9".into()))).await;
    home.make("two-1", 2).await;
    pexd.add("two-1").await.unwrap();
    home.add_line("one-1", "p2p", "max_num_outbound_peers = 3");
    assert!(pexd.reload("one-1").await.unwrap().changes.is_empty());
    assert_eq!(pexd.entry("one-1", "p2p.max_num_outbound_peers").await.value, "9");
    assert_eq!(pexd.entry("two-1", "p2p.max_num_outbound_peers").await.value, "10");
    pexd.end().await;
}

#[tokio::test]
async fn the_signal_reads_the_files_of_all_and_one_with_errors_does_not_hold_the_others_up() {
    let home = TestHome::new();
    let (one, _) = (home.make("one-1", 1).await, home.make("two-1", 2).await);
    let pexd = home.start().await;
    home.add_line("one-1", "p2p", "max_num_outbound_peers = -3");
    home.add_line("two-1", "p2p", "max_num_outbound_peers = 3");
    reload::reload_all(&pexd.registry).await;
    assert_eq!(pexd.entry("one-1", "p2p.max_num_outbound_peers").await.value, "10");
    assert_eq!(pexd.entry("two-1", "p2p.max_num_outbound_peers").await.value, "3");
    assert!(pexd.serves(&one).await);
    pexd.end().await;
}

#[tokio::test]
async fn a_reload_says_what_stays_in_force_over_the_file() {
    let home = TestHome::new();
    home.make("one-1", 1).await;
    home.add_line("one-1", "p2p", "max_num_inbound_peers = 600\nmax_num_outbound_peers = 9");
    let key = |path| config::network_key(path).unwrap();
    let flags = |sources: &mut Sources| sources.flags.push((key("p2p.max_num_outbound_peers"), "4".into()));
    let pexd = home.start_with(flags).await;
    pexd.set("one-1", "p2p.max_num_inbound_peers", "500").await.unwrap();
    let handle = pexd.registry.get("one-1").unwrap().0;
    let seed = format!("{}@127.0.0.1:1", "02".repeat(20));
    handle.add_seed(crate::network::scripted::by(), seed.parse().unwrap()).await.unwrap();
    let hidden = async || pexd.reload("one-1").await.unwrap().hidden_changes.into_iter().map(|hidden| hidden.text);
    let texts: Vec<String> = hidden().await.collect();
    assert_eq!(texts.len(), 2, "what the file gives, and not the list that it leaves empty: {texts:?}");
    assert!(texts[0].contains("\"500\", set by") && texts[1].contains("\"4\", of the flag"), "{texts:?}");
    assert_eq!(hidden().await.collect::<Vec<_>>(), texts, "each time");

    home.edit("one-1", "= 600", "= 700");
    home.edit("one-1", "= 9", "= 8");
    home.edit("one-1", "seeds = \"\"", &format!("seeds = \"{SEED}\""));
    let reloaded = pexd.reload("one-1").await.unwrap();
    assert_eq!(keys_of(&reloaded), ["p2p.seeds"]);
    let texts: Vec<&str> = reloaded.hidden_changes.iter().map(|hidden| hidden.text.as_str()).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].starts_with("p2p.seeds: what was changed at run time"), "{texts:?}");
    let (inbound, outbound) = (texts[1], texts[2]);
    assert!(inbound.starts_with("p2p.max_num_inbound_peers: \"500\", set by unix uid"), "{inbound}");
    assert!(
        inbound.ends_with(
            "Z, stays in force over the file's \"700\": `pexd network reset p2p.max_num_inbound_peers --network one-1` takes \
             the file's"
        ),
        "{inbound}"
    );
    assert_eq!(
        outbound,
        "p2p.max_num_outbound_peers: \"4\", of the flag --p2p.max_num_outbound_peers, stays in force over the file's \"8\": \
         start pexd without it to take the file's"
    );
    let entry = reloaded.hidden_changes[1].entry.clone().unwrap();
    assert_eq!((&*entry.value, &*entry.configured_value, entry.source()), ("500", "700", ConfigSource::Runtime));
    assert_eq!(pexd.entry("one-1", "p2p.max_num_inbound_peers").await.value, "500");

    // The file says the same as the operator: nothing is hidden, and the change lapses.
    home.edit("one-1", "= 700", "= 500");
    let texts: Vec<String> = hidden().await.collect();
    assert!(texts.len() == 1 && texts[0].contains("of the flag"), "{texts:?}");
    pexd.end().await;
}
