//! Readiness: whether the networks do what they are there for (`network/readiness.rs`), all together or one by one.

use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;

use super::sources::{ReadyPolicy, Sources};
use crate::network::NotReady;

/// The verdict on all networks.
#[derive(Debug)]
pub(super) struct Report {
    begun: bool,
    policy: ReadyPolicy,
    /// Networks that are ready.
    ready: usize,
    /// Those that are not, with why.
    faults: Vec<(Arc<str>, NotReady)>,
}

impl Report {
    pub(super) fn is_ready(&self) -> bool {
        self.begun && self.ready > 0 && (!self.policy.all || self.faults.is_empty())
    }
}

impl fmt::Display for Report {
    /// One line, and one for each network that is not ready, be the process ready without it or not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.begun, self.is_ready()) {
            (false, _) => f.write_str("the networks are being started\n")?,
            (true, true) => f.write_str("ready\n")?,
            (true, false) if self.faults.is_empty() => f.write_str("not ready: no network runs\n")?,
            (true, false) => f.write_str("not ready\n")?,
        }
        self.faults.iter().try_for_each(|(network, why)| writeln!(f, "{}: {why}", network.escape_debug()))
    }
}

/// Asks all networks for `servable` IDs, or as many as the policy has. One that an operator stopped keeps the others from
/// nothing, and makes nothing ready.
pub(super) async fn report(sources: &Sources, servable: Option<u32>) -> Report {
    let policy = sources.ready;
    let wanted = servable.unwrap_or(policy.servable);
    let networks = sources.directory.all(|_| true);
    let answers = join_all(networks.iter().map(|network| network.readiness(wanted))).await;
    let mut report = Report { begun: sources.begun.is_cancelled(), policy, ready: 0, faults: Vec::new() };
    for (network, answer) in networks.iter().zip(answers) {
        match answer {
            Ok(()) => report.ready += 1,
            Err(NotReady::Stopped) => {}
            Err(why) => report.faults.push((network.chain_id().clone(), why)),
        }
    }
    report
}

/// Asks one network; `None` when there is none of this chain ID.
pub(super) async fn report_one(
    sources: &Sources,
    chain_id: &str,
    servable: Option<u32>,
) -> Option<Result<(), NotReady>> {
    let network = sources.directory.get(chain_id, |_| true).ok()?;
    Some(network.readiness(servable.unwrap_or(sources.ready.servable)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(all: bool, ready: usize, faults: usize) -> Report {
        let fault = |n| (format!("sick-{n}").into(), NotReady::ServesTooFew { servable: 0, wanted: 1 });
        let policy = ReadyPolicy { all, servable: 1 };
        Report { begun: true, policy, ready, faults: (0..faults).map(fault).collect() }
    }

    #[test]
    fn one_sick_network_counts_where_the_operator_says_so() {
        for (all, ready, faults, expected) in [
            (false, 29, 1, true),
            (true, 29, 1, false),
            (false, 0, 1, false),
            (true, 0, 1, false),
            (false, 0, 0, false),
            (true, 0, 0, false),
            (true, 3, 0, true),
        ] {
            assert_eq!(report(all, ready, faults).is_ready(), expected, "{all} {ready} {faults}");
        }
        let text = "ready\nsick-0: can serve 0 addresses, and should 1 or more\n";
        assert_eq!(report(false, 1, 1).to_string(), text, "it is named all the same");
    }
}
