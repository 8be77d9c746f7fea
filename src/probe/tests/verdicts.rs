//! Each verdict, from the peer that deserves it.

use super::*;
use crate::network::tests::{Process, address, addresses, book_of, reserve};
use crate::probe::Verdict;

#[tokio::test]
async fn a_live_seed_gives_its_addresses_however_often_it_is_checked() {
    let process = Process::new();
    let config = process.seed(CHAIN);
    let (seed, known) = (address(&config), addresses(1, 5));
    let network = process.serve(config, &known).await;
    for _ in 0..2 {
        let report = look_at(seed).await;
        assert_eq!((report.verdict, report.fault, report.detail.as_str()), (Verdict::Ok, "", ""));
        assert_eq!((report.address_count, report.unusable_address_count, report.sample_tried_count), (5, 0, 0));
        assert_eq!((report.moniker.as_str(), report.version.as_str()), ("test", "test"));
        assert_eq!((report.remote, report.seed), (Some(seed.socket()), seed.to_string()));
        assert!(report.latency.is_some() && report.answer_time.is_some());
        assert_eq!((report.actual_id, report.actual_network), (None, None));
    }
    let kept: Vec<NetAddress> = book_of(&network).await.iter().map(|record| record.address).collect();
    assert!(kept.len() == 5 && kept.iter().all(|address| known.contains(address)), "a visitor is kept: {kept:?}");
}

#[tokio::test]
async fn a_seed_without_addresses_is_empty() {
    let process = Process::new();
    let config = process.seed(CHAIN);
    let seed = address(&config);
    let _network = process.serve(config, &[]).await;
    let report = look_at(seed).await;
    assert_eq!((report.verdict, report.address_count), (Verdict::Empty, 0));
    assert!(report.answer_time.is_some() && !report.is_definite());
}

#[tokio::test]
async fn a_seed_with_a_new_key_is_told_from_somebody_elses_host() {
    let process = Process::new();
    let (config, other) = (process.seed(CHAIN), process.seed("other-1"));
    let (rekeyed, moved) = (address(&config), address(&other));
    let _networks = (process.serve(config, &[]).await, process.serve(other, &[]).await);

    let report = look_at(under_another_id(rekeyed)).await;
    assert_eq!((report.verdict, report.fault, report.is_definite()), (Verdict::WrongId, "wrong_id", true));
    assert_eq!((report.actual_id, report.actual_network.as_deref()), (Some(rekeyed.id()), Some(CHAIN)));
    assert_eq!(report.moniker, "test");

    let report = look_at(under_another_id(moved)).await;
    assert_eq!(report.verdict, Verdict::WrongId);
    assert_eq!((report.actual_id, report.actual_network.as_deref()), (Some(moved.id()), Some("other-1")));

    let report = look_at(moved).await;
    assert_eq!((report.verdict, report.fault), (Verdict::WrongChain, "wrong_network"));
    assert_eq!((report.actual_id, report.actual_network.as_deref()), (None, Some("other-1")));
}

#[tokio::test]
async fn another_block_version_is_another_chain_and_its_name_is_told() {
    for (network, id_too) in [(CHAIN, false), ("other-1", false), ("other-1", true)] {
        let mut identity = Identity::random(network);
        identity.info.protocol.block = 10;
        let seed = ScriptedSeed::open(identity, Manner::StaysSilent).await.unwrap();
        let dialled = if id_too { under_another_id(seed.address()) } else { seed.address() };
        let report = look_at(dialled).await;
        assert_eq!(report.verdict, if id_too { Verdict::WrongId } else { Verdict::WrongChain });
        assert_eq!(report.actual_id, id_too.then_some(seed.address().id()));
        assert_eq!(report.actual_network.as_deref(), Some(network));
        assert!(report.detail.contains("block version 10"), "{}", report.detail);
    }
}

#[tokio::test]
async fn who_runs_without_pex_can_never_be_a_seed() {
    let mut identity = Identity::random(CHAIN);
    identity.info.channels = vec![0x20, 0x40];
    let seed = ScriptedSeed::open(identity, Manner::StaysSilent).await.unwrap();
    let report = look_at(seed.address()).await;
    assert_eq!((report.verdict, report.is_definite(), report.actual_network), (Verdict::NoPex, true, None));
    let report = look_at(under_another_id(seed.address())).await;
    assert_eq!((report.verdict, report.actual_network.as_deref()), (Verdict::WrongId, Some(CHAIN)));
}

#[tokio::test]
async fn what_may_work_for_others_is_not_definite() {
    let seed = scripted(CHAIN, Manner::StaysSilent).await;
    let silent = look_within(impatient(), &question(), &[seed.address().to_string()]).await.remove(0);
    assert_eq!((silent.verdict, silent.fault), (Verdict::Silent, "silent"));
    assert_eq!((silent.moniker.as_str(), silent.answer_time), ("scripted", None));

    let seed = scripted(CHAIN, Manner::Deaf).await;
    let deaf = look_at(seed.address()).await;
    assert_eq!((deaf.verdict, deaf.fault, deaf.latency), (Verdict::TimedOut, "timed_out", None));

    let seed = scripted(CHAIN, Manner::HangsUp).await;
    let full = look_at(seed.address()).await;
    assert_eq!(full.verdict, Verdict::HungUp, "{}", full.detail);

    let seed = scripted(CHAIN, Manner::Babbles).await;
    let web = look_at(seed.address()).await;
    assert_eq!(web.verdict, Verdict::Protocol, "{}", web.detail);

    let nobody = NetAddress::new(seed.address().id(), reserve().ip(), reserve().port()).unwrap();
    let dead = look_at(nobody).await;
    assert_eq!((dead.verdict, dead.fault), (Verdict::Refused, "refused"));
    assert!([silent, deaf, full, web, dead].iter().all(|report| !report.is_definite()));
}

#[tokio::test]
async fn errors_in_the_list_are_reported_in_its_order() {
    let seed = scripted(CHAIN, Manner::Answers(Vec::new())).await;
    let id = seed.address().id();
    let by_name = format!("{id}@localhost:{}", seed.address().port());
    let list = [by_name.clone(), "1.2.3.4:26656".into(), format!("tcp://{by_name}"), format!("{id}@h"), by_name];
    let reports = look(&question(), &list).await;
    let found: Vec<(&str, Verdict)> = reports.iter().map(|report| (report.seed.as_str(), report.verdict)).collect();
    let (malformed, again) = (Verdict::Malformed, Verdict::DuplicateEntry);
    let expected = [Verdict::Empty, malformed, again, malformed, again];
    assert_eq!(found, list.iter().map(String::as_str).zip(expected).collect::<Vec<_>>());
    assert!(reports[1].detail.contains("no ID"), "{}", reports[1].detail);
    assert!(reports[2].detail.contains("entry 1"), "{}", reports[2].detail);
    assert!(reports[1..].iter().all(Report::is_definite));
    assert_eq!(reports[0].remote, Some(seed.address().socket()), "the name was looked up");
}

#[tokio::test]
async fn a_sample_tells_who_of_the_answer_is_there() {
    let mut without_pex = Identity::random(CHAIN);
    without_pex.info.channels = vec![0x20];
    let without_pex = ScriptedSeed::open(without_pex, Manner::StaysSilent).await.unwrap();
    let (alive, other) = (scripted(CHAIN, Manner::StaysSilent).await, scripted("other-1", Manner::StaysSilent).await);
    let dead = under_another_id(NetAddress::new(alive.address().id(), reserve().ip(), reserve().port()).unwrap());
    let liar = under_another_id(alive.address());
    let known = vec![alive.address(), without_pex.address(), other.address(), dead, liar];
    let seed = scripted(CHAIN, Manner::Answers(known)).await;
    for (sample, tried) in [(10, 5), (2, 2)] {
        let report = look(&Question { sample, ..question() }, &[seed.address().to_string()]).await.remove(0);
        assert_eq!((report.verdict, report.address_count), (Verdict::Ok, 5));
        assert_eq!(report.sample_tried_count, tried);
        let reached = report.sample_reached_count;
        assert!(if tried == 5 { reached == 2 } else { reached <= 2 }, "{reached} of {tried}");
    }
}

#[tokio::test]
async fn a_sample_is_of_nodes_and_not_of_the_seed_itself() {
    let alive = scripted(CHAIN, Manner::StaysSilent).await;
    let at_many: Vec<NetAddress> =
        (1..=9).map(|port| NetAddress::new(alive.address().id(), alive.address().ip(), port).unwrap()).collect();
    let seed = scripted(CHAIN, Manner::Answers(at_many)).await;
    let report = look(&Question { sample: 9, ..question() }, &[seed.address().to_string()]).await.remove(0);
    assert_eq!((report.address_count, report.sample_tried_count), (9, 1));
}
