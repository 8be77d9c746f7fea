//! The seeds as an operator sees them: those whose names lead nowhere, and those that are the node itself.

use super::bench::{Bench, SECOND, dials};
use super::{address, id, place};
use crate::node::{CrawlEvent, Effect, Event, Input, Node, Params, RunState, SeedOutcome};
use crate::testkit::sim::EPOCH;
use crate::types::{Fault, Host, Mono, Now, OwnEndpoints, PeerAddress, Purpose};

fn named(n: u16, name: &str) -> PeerAddress {
    format!("{}@{name}:26656", id(n)).parse().unwrap()
}

/// One that starts only when it knows where to go.
fn needy(change: impl FnOnce(&mut Params)) -> Bench {
    Bench::new(true, |params| {
        params.pex.bootstrap = false;
        params.switch.own_endpoints = OwnEndpoints::new(place(0), Some((Host::Name("own.example.org".into()), 26_656)));
        change(params);
    })
}

fn outcomes(node: &Node) -> Vec<(SeedOutcome, String)> {
    node.seeds().into_iter().map(|seed| (seed.outcome(), seed.health.last_fault)).collect()
}

#[test]
fn a_seed_whose_name_does_not_resolve_says_so() {
    let mut bench = needy(|params| params.pex.seeds = vec![named(1, "nowhere.example.org")]);
    assert_eq!(outcomes(&bench.node)[0].0, SeedOutcome::Untried, "it is being looked up");
    bench.node.handle(bench.now, Input::Resolved { name: "nowhere.example.org".into(), ips: Vec::new() });
    assert!(matches!(bench.node.state(), RunState::Failed(_)));
    let failed = (SeedOutcome::Failed, "the name does not resolve".to_owned());
    assert_eq!(outcomes(&bench.node), std::slice::from_ref(&failed));
    assert_eq!(bench.node.seeds()[0].health.last_dialled, EPOCH);
    assert_eq!((bench.node.seed_counts().failed, bench.node.seed_counts().untried), (1, 0));
    let said =
        |event: &Event| matches!(event, Event::Crawl(CrawlEvent::SeedDialled { fault: Some(Fault::Unresolved), .. }));
    assert_eq!(bench.events().iter().filter(|event| said(event)).count(), 1);

    let mut bench = needy(|params| params.pex.seeds = vec![named(1, "slow.example.org"), address(2).into()]);
    bench.wait(6 * SECOND);
    assert_eq!(*bench.node.state(), RunState::Running);
    assert!(outcomes(&bench.node).contains(&failed), "a name server that is silent is as good as none");
}

#[test]
fn a_seed_that_is_the_node_itself_counts_for_nothing() {
    let ours: [PeerAddress; 4] = [named(0, "elsewhere.example.org"), named(7, "own.example.org"), address(0).into(), {
        let place = place(0);
        format!("{}@{place}", id(8)).parse().unwrap()
    }];
    let bench = needy(|params| params.pex.seeds = ours.to_vec());
    let RunState::Failed(reason) = bench.node.state() else { panic!("{:?}", bench.node.state()) };
    assert!(reason.contains("add a seed"), "a list of nothing else is an empty one: {reason}");
    assert!(!bench.begun.iter().any(|(_, effect)| matches!(effect, Effect::Resolve { .. })), "{:?}", bench.begun);
    assert_eq!(bench.node.seed_counts().total(), 0);
    assert!(bench.node.seed_accounts().is_empty());
    assert_eq!(outcomes(&bench.node), vec![(SeedOutcome::Ourselves, String::new()); 4]);

    let mut bench = needy(|params| params.pex.seeds = [&ours[..], &[address(1).into()]].concat());
    assert_eq!(*bench.node.state(), RunState::Running);
    assert_eq!(bench.node.seed_counts().total(), 1);
    let mut begun = std::mem::take(&mut bench.begun);
    begun.extend(bench.wait(SECOND));
    let dialled: Vec<PeerAddress> = dials(&begun).into_iter().map(|dial| dial.1).collect();
    assert_eq!(dialled, [address(1).into()]);
}

#[test]
fn a_node_does_not_start_on_itself_as_its_only_persistent_peer() {
    let only = |peer: PeerAddress| needy(|params| params.switch.persistent = vec![peer]);
    for ours in [named(0, "elsewhere.example.org"), named(7, "own.example.org")] {
        assert!(matches!(only(ours.clone()).node.state(), RunState::Failed(_)), "{ours}");
    }
    let mut bench = only(address(1).into());
    assert_eq!(*bench.node.state(), RunState::Running);
    let now = Now { mono: Mono::ZERO, wall: EPOCH };
    bench.node.add_listed(now, crate::node::row::ListItem::Persistent(named(7, "own.example.org")), "ops").unwrap();
    let all = [std::mem::take(&mut bench.begun), bench.wait(3 * SECOND)].concat();
    assert!(dials(&all).iter().all(|dial| dial.2 != Purpose::Persistent || dial.1 == address(1).into()), "{all:?}");
}
