//! What of a network needs an operator's attention, and its severity beside other networks.

use std::time::Duration;

use super::servable;
use crate::admin::untrusted_text::reason;
use crate::network::Status;
use crate::node::{OUTAGE, RunState, StatusView};
use crate::proto::pexd::v1::{Attention, AttentionReason};
use crate::types::{Wall, counted};

/// How long a network may run before it needs attention for having reached nobody: its seeds and then the
/// addresses that they advertise are dialled, and some of these dials are slow.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// What needs attention, the worst first; nothing when all is well, or an operator stopped the network and its files are in
/// order.
pub(in crate::admin) fn of(status: &Status, now: Wall) -> Vec<Attention> {
    let node = &status.node;
    let failed = match &node.state {
        RunState::Failed(why) => Some(reason(why)),
        RunState::Stopped | RunState::Starting | RunState::Running => None,
    };
    let settled = node.state == RunState::Running && now.since(node.since) >= GRACE;
    let all = [
        (AttentionReason::Failed, failed),
        (AttentionReason::Outage, node.outage.then(|| OUTAGE.to_owned())),
        (AttentionReason::Unsaved, status.unsaved.as_deref().map(reason)),
        (AttentionReason::NothingServable, nothing_servable(node).filter(|_| settled)),
        (AttentionReason::NobodyReached, nobody_reached(node).filter(|_| settled)),
        (AttentionReason::ConfigErrors, config_errors(&status.config_faults)),
    ];
    all.into_iter().filter_map(|(why, text)| Some(Attention { reason: why.into(), text: text? })).collect()
}

/// What is wrong in the files of a network that runs with what they said before.
fn config_errors(faults: &[String]) -> Option<String> {
    let text = || format!("its files have errors now, and it would be FAILED after a restart: {}", faults.join("; "));
    (!faults.is_empty()).then(|| reason(&text()))
}

/// Why a seed can serve nothing; a node may serve nothing and still be of use.
fn nothing_servable(node: &StatusView) -> Option<String> {
    let why = || match servable::reason(node) {
        why if why.is_empty() => "no address that is known was reached at its latest dial".to_owned(),
        why => why,
    };
    (node.seed_mode && node.book.servable == 0).then(|| format!("no address can be served: {}", why()))
}

/// Why a network knows nobody, although there are seeds and all of them were tried.
fn nobody_reached(node: &StatusView) -> Option<String> {
    let seeds = node.seeds;
    let all_failed = seeds.total() > 0 && seeds.untried == 0 && seeds.reached == 0;
    (node.book.size == 0 && all_failed).then(|| {
        format!(
            "no address is known, and of {} none was reached: see why with SeedService.ListSeeds, and add others \
             (SeedService.AddSeed)",
            counted(seeds.total(), "seed")
        )
    })
}

/// The severity of a network that failed.
pub(in crate::admin) const FAILED: u8 = 0;

/// What orders networks worst first.
pub(in crate::admin) fn severity(status: &Status, now: Wall) -> u8 {
    let worst = of(status, now).first().map(Attention::reason);
    match (worst, &status.node.state) {
        (Some(AttentionReason::Failed), _) => FAILED,
        (Some(AttentionReason::Outage | AttentionReason::Unsaved), _) => 1,
        (Some(_), _) => 2,
        (None, RunState::Starting) => 3,
        (None, RunState::Stopped) => 4,
        (None, RunState::Running | RunState::Failed(_)) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tests::status;
    use crate::node::{BookView, SeedCounts};

    /// Running since the fifth second.
    fn reasons(status: &Status, second: i64) -> Vec<AttentionReason> {
        of(status, Wall::from_secs(second)).iter().map(Attention::reason).collect()
    }

    #[test]
    fn a_seed_that_can_serve_nothing_needs_attention_after_five_minutes() {
        let mut status = status("a");
        assert_eq!(reasons(&status, 10_000), []);
        status.node.book.servable = 0;
        assert_eq!(reasons(&status, 304), [], "it has just started");
        assert_eq!(reasons(&status, 305), [AttentionReason::NothingServable]);
        assert!(of(&status, Wall::from_secs(305))[0].text.contains("1 address refuses"), "{status:?}");
        status.node.seed_mode = false;
        assert_eq!(reasons(&status, 305), [], "a node is of use without");
        status.node.seed_mode = true;
        for state in [RunState::Stopped, RunState::Starting] {
            status.node.state = state;
            assert_eq!(reasons(&status, 305), []);
        }
    }

    #[test]
    fn a_network_that_knows_nobody_and_reached_no_seed_needs_attention() {
        let mut status = status("a");
        status.node.seed_mode = false;
        status.node.book = BookView::default();
        for (seeds, sick) in [
            (SeedCounts { failed: 1, wrong_identity: 2, wrong_network: 1, ..SeedCounts::default() }, true),
            (SeedCounts { failed: 1, reached: 1, ..SeedCounts::default() }, false),
            (SeedCounts { failed: 1, untried: 1, ..SeedCounts::default() }, false),
            (SeedCounts::default(), false),
        ] {
            status.node.seeds = seeds;
            let expected = if sick { vec![AttentionReason::NobodyReached] } else { Vec::new() };
            assert_eq!(reasons(&status, 10_000), expected, "{seeds:?}");
        }
    }

    #[test]
    fn the_worst_reason_comes_first_and_each_has_a_text() {
        let mut status = status("a");
        status.node.state = RunState::Failed("the port is taken".into());
        status.node.outage = true;
        status.unsaved = Some("disk full".into());
        let all = of(&status, Wall::from_secs(10_000));
        let reasons: Vec<_> = all.iter().map(Attention::reason).collect();
        assert_eq!(reasons, [AttentionReason::Failed, AttentionReason::Outage, AttentionReason::Unsaved]);
        assert_eq!((&*all[0].text, &*all[2].text), ("the port is taken", "disk full"));
    }
}
