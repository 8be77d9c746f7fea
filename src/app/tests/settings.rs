//! Keys that are changed at run time, and where values come from.

use super::*;
use crate::network::scripted;
use crate::network::tests::until;
use crate::node::row::ListItem;
use crate::proto::pexd::v1::ban_service_client::BanServiceClient;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::seed_service_client::SeedServiceClient;
use crate::proto::pexd::v1::{AddSeedRequest, BanRequest, ConfigSource, ResetConfigRequest, StopRequest};
use crate::types::Fault;

const INBOUND: &str = "p2p.max_num_inbound_peers";
const NOBODY: &str = "0101010101010101010101010101010101010101@127.0.0.1:1";

#[tokio::test]
async fn every_value_says_where_it_comes_from() {
    let home = TestHome::new();
    home.make("one-1", 1).await;
    let flag = |name: &str| keys::P2p::KEYS.iter().find(|key| key.name == name).unwrap();
    let pexd = home
        .start_with(|sources| {
            sources.variables.push(("PEXD_PEX_MAX_DIALS".into(), "77".into()));
            sources.flags.push((flag("max_num_outbound_peers"), "9".into()));
        })
        .await;
    pexd.set("one-1", INBOUND, "33").await.unwrap();
    let effective = pexd.effective("one-1").await;
    let of = |key: &str| effective.entries.iter().find(|entry| entry.key == key).unwrap();
    let shown = |key: &str| (of(key).source(), of(key).value.clone(), of(key).origin.clone(), of(key).can_change);
    let file = home.file("one-1").display().to_string();

    assert_eq!(shown("pex.max_handshakes"), (ConfigSource::Default, "1024".into(), String::new(), true));
    let (source, value, origin, can_change) = shown("p2p.seed_mode");
    assert_eq!((source, &*value, can_change), (ConfigSource::File, "true", false));
    let line = origin.strip_prefix(&format!("{file}:")).unwrap().parse::<usize>().unwrap();
    assert!(fs::read_to_string(&file).unwrap().lines().nth(line - 1).unwrap().starts_with("seed_mode"), "{origin}");
    let variable = "PEXD_PEX_MAX_DIALS".to_owned();
    assert_eq!(shown("pex.max_dials"), (ConfigSource::Environment, "77".into(), variable, true));
    let flag = "--p2p.max_num_outbound_peers".to_owned();
    assert_eq!(shown("p2p.max_num_outbound_peers"), (ConfigSource::Flag, "9".into(), flag, true));
    assert_eq!(shown(INBOUND), (ConfigSource::Runtime, "33".into(), String::new(), true));
    assert_eq!(of(INBOUND).configured_value, "2000", "the default of a seed");
    assert!(of(INBOUND).change_author.contains("unix uid") && of(INBOUND).change_time.is_some());
    assert_eq!(effective.entries.len(), keys::NETWORK_TABLES.iter().map(|table| table.len()).sum::<usize>());

    let admin = effective.process_entries.iter().find(|entry| entry.key == "admin.laddr").unwrap();
    assert_eq!((admin.source(), &*admin.value), (ConfigSource::Flag, "127.0.0.1:0"));
    pexd.end().await;
}

#[tokio::test]
async fn a_limit_is_changed_at_once_kept_over_a_restart_and_lapses_when_the_file_says_the_same() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let pexd = home.start().await;
    let inside = pexd.connect(&made).await;
    until("it is in", async || pexd.registry.get("one-1").unwrap().0.status().await.unwrap().node.inbound == 1).await;
    let (changed, entry) = pexd.set("one-1", INBOUND, "1").await.unwrap();
    assert!(changed && entry.value == "1");
    assert!(!pexd.set("one-1", INBOUND, "01").await.unwrap().0, "it is so already");
    // A full node closes after the handshake.
    assert_eq!(pexd.connect(&made).await.ask().await, []);
    assert_eq!(inside.ask().await, made.known, "nobody who is in is thrown out");
    pexd.end().await;

    let pexd = home.start().await;
    assert_eq!(pexd.entry("one-1", INBOUND).await.value, "1");
    let status = pexd.registry.get("one-1").unwrap().0.status().await.unwrap();
    assert_eq!(status.node.max_inbound, 1);
    pexd.end().await;

    home.add_line("one-1", "p2p", "max_num_inbound_peers = 1");
    let pexd = home.start().await;
    let entry = pexd.entry("one-1", INBOUND).await;
    assert_eq!((entry.source(), &*entry.configured_value), (ConfigSource::File, ""), "the change has lapsed");
    let reset = ResetConfigRequest { network: String::new(), key: INBOUND.into() };
    let reset = pexd.networks.clone().reset_config(reset).await.unwrap().into_inner();
    assert!(!reset.result.unwrap().changed);
    pexd.end().await;
}

#[tokio::test]
async fn lists_that_were_changed_are_shown_as_they_are_in_effect() {
    const OTHER: &str = "0202020202020202020202020202020202020202@127.0.0.1:2";
    let (id, other_id) = (&NOBODY[..40], &OTHER[..40]);
    let home = TestHome::new();
    home.make("one-1", 1).await;
    home.edit("one-1", "seeds = \"\"", &format!("seeds = \"{OTHER}\""));
    home.add_line("one-1", "p2p", &format!("private_peer_ids = \"{other_id}\""));
    let pexd = home.start().await;
    let handle = pexd.registry.get("one-1").unwrap().0;
    let before = pexd.entry("one-1", "p2p.seeds").await;
    assert_eq!((before.source(), &*before.value, before.can_change), (ConfigSource::File, OTHER, true));

    handle.add_seed(scripted::by(), NOBODY.parse().unwrap()).await.unwrap();
    for item in [
        ListItem::Persistent(NOBODY.parse().unwrap()),
        ListItem::Unconditional(id.parse().unwrap()),
        ListItem::Private(id.parse().unwrap()),
    ] {
        handle.add_listed(scripted::by(), item).await.unwrap();
    }
    handle.remove_listed(scripted::by(), ListItem::Private(other_id.parse().unwrap())).await.unwrap();
    for (key, value, configured) in [
        ("p2p.seeds", &*format!("{OTHER},{NOBODY}"), OTHER),
        ("p2p.persistent_peers", NOBODY, ""),
        ("p2p.unconditional_peer_ids", id, ""),
        ("p2p.private_peer_ids", id, other_id),
    ] {
        let entry = pexd.entry("one-1", key).await;
        assert_eq!(
            (entry.source(), &*entry.value, &*entry.configured_value),
            (ConfigSource::Runtime, value, configured)
        );
        assert_eq!((&*entry.change_author, entry.change_time.is_some()), (&*scripted::by().author, true), "{key}");
        assert!(entry.can_change && entry.origin.is_empty(), "{key}");
    }

    // A file that says what is in effect changes nothing; one that takes away what was never changed does.
    home.edit("one-1", &format!("seeds = \"{OTHER}\""), &format!("seeds = \"{NOBODY},{OTHER}\""));
    assert_eq!(pexd.reload("one-1").await.unwrap().changes, []);
    let entry = pexd.entry("one-1", "p2p.seeds").await;
    assert_eq!((entry.source(), &*entry.configured_value), (ConfigSource::File, ""));
    home.edit("one-1", &format!("seeds = \"{NOBODY},{OTHER}\""), &format!("seeds = \"{OTHER}\""));
    let [change] = &*pexd.reload("one-1").await.unwrap().changes else { panic!("one change") };
    assert_eq!((&*change.key, &*change.new_value), ("p2p.seeds", OTHER));
    pexd.end().await;
}

#[tokio::test]
async fn a_reset_brings_back_what_the_file_says() {
    let home = TestHome::new();
    home.make("one-1", 1).await;
    let pexd = home.start().await;
    for (key, value) in [
        ("pex.max_dials", "3"),
        ("pex.ensure_peers_period", "200ms"),
        ("pex.max_handshakes", "5"),
        ("p2p.send_rate", "1000"),
        ("p2p.persistent_peers_max_dial_period", "1m0s"),
    ] {
        let before = pexd.entry("one-1", key).await;
        assert!(pexd.set("one-1", key, value).await.unwrap().0);
        let after = pexd.entry("one-1", key).await;
        assert_eq!((&*after.value, &after.configured_value), (value, &before.value));
        let reset = ResetConfigRequest { network: "one-1".into(), key: key.into() };
        let reset = pexd.networks.clone().reset_config(reset).await.unwrap().into_inner();
        assert!(reset.result.unwrap().changed);
        assert_eq!(reset.entry, Some(before));
    }
    pexd.end().await;
}

#[tokio::test]
async fn a_gate_that_is_narrowed_turns_strangers_away() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let pexd = home.start().await;
    assert!(pexd.serves(&made).await);
    pexd.set("one-1", "pex.new_connections_per_ip_burst", "1").await.unwrap();
    pexd.set("one-1", "pex.new_connections_per_ip", "1").await.unwrap();
    let mut refused = false;
    for _ in 0..10 {
        refused |= matches!(pexd.try_connect(&made).await, Err(Fault::ClosedInHandshake(_) | Fault::TimedOut(_)));
    }
    assert!(refused);
    let counts = pexd.registry.get("one-1").unwrap().0.status().await.unwrap().refused;
    assert!(counts.iter().any(|(name, count)| *name == "connection_rate" && *count > 0), "{counts:?}");
    pexd.set("one-1", "pex.new_connections_per_ip", "0").await.unwrap();
    assert!(pexd.serves(&made).await);
    pexd.end().await;
}

#[tokio::test]
async fn what_cannot_be_set_says_what_to_do_instead() {
    let home = TestHome::new();
    home.make("one-1", 1).await;
    let pexd = home.start().await;
    for (key, value, wrong, fix) in [
        ("p2p.max_num_inbound_peer", "1", "key", "did you mean p2p.max_num_inbound_peers?"),
        ("p2p.laddr", "127.0.0.1:1", "key", "ReloadNetwork"),
        ("p2p.seeds", NOBODY, "key", "SeedService.AddSeed"),
        ("log.level", "debug", "key", "ReactorService.SetLogLevel"),
        ("", "1", "key", "required"),
        (INBOUND, "many", "value", "write a whole number from 0 to 1000000"),
        (INBOUND, "1000001", "value", "from 0 to 1000000"),
        (INBOUND, "", "value", "required"),
        ("pex.ensure_peers_period", "1ms", "value", "from 100ms to 1h0m0s"),
    ] {
        let refused = pexd.set("one-1", key, value).await.unwrap_err();
        assert_eq!(field(&refused), wrong, "{refused}");
        assert!(refused.message().contains(fix), "{refused}");
    }
    assert!(pexd.effective("one-1").await.entries.iter().all(|entry| entry.source() != ConfigSource::Runtime));
    pexd.end().await;
}

#[tokio::test]
async fn a_file_may_forbid_changes_and_operations_stay_possible() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let pexd = home.start().await;
    pexd.set("one-1", INBOUND, "7").await.unwrap();
    pexd.registry.get("one-1").unwrap().0.add_seed(scripted::by(), NOBODY.parse().unwrap()).await.unwrap();
    home.add_line("one-1", "pex", "immutable = true");
    let reloaded = pexd.reload("one-1").await.unwrap();
    assert!(reloaded.restarted);
    let change = |key: &str| reloaded.changes.iter().find(|change| change.key == key).unwrap().clone();
    assert_eq!(change("pex.immutable").new_value, "true");
    assert_eq!((&*change(INBOUND).old_value, &*change(INBOUND).new_value), ("7", "2000"), "earlier changes rest");
    assert!(pexd.effective("one-1").await.immutable);
    let handle = pexd.registry.get("one-1").unwrap().0;
    assert_eq!(handle.status().await.unwrap().node.max_inbound, 2000);
    assert!(handle.seeds().await.unwrap().is_empty());

    let refused = pexd.set("one-1", INBOUND, "8").await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::FailedPrecondition, "IMMUTABLE"));
    assert!(refused.message().contains(&*home.file("one-1").to_string_lossy()), "{refused}");
    let api = pexd.channel.clone();
    let seed = AddSeedRequest { seed: NOBODY.into(), ..Default::default() };
    assert_eq!(reason(&SeedServiceClient::new(api.clone()).add_seed(seed).await.unwrap_err()), "IMMUTABLE");
    let ban = BanRequest { target: "203.0.113.9".into(), ..Default::default() };
    assert!(BanServiceClient::new(api.clone()).ban(ban).await.is_ok());
    assert!(ReactorServiceClient::new(api).stop(StopRequest::default()).await.is_ok());

    // They were not forgotten.
    home.edit("one-1", "immutable = true", "immutable = false");
    assert!(pexd.reload("one-1").await.unwrap().restarted);
    assert_eq!(pexd.entry("one-1", INBOUND).await.value, "7");
    let handle = pexd.registry.get("one-1").unwrap().0;
    assert_eq!(handle.seeds().await.unwrap().len(), 1);
    assert!(pexd.try_connect(&made).await.is_err(), "it was stopped, and a reload does not start it");
    pexd.end().await;
}
