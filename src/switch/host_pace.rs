//! The pace of dials of one host: several nodes may be behind one IP, and whoever advertises hundreds of its ports must not
//! turn us against it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::params::HOST_INTERVAL;
use crate::types::Mono;

/// Hosts beyond which those are forgotten whose second is over.
const PRUNED_FROM: usize = 1_024;

/// When a dial of each host last began, for as long as that matters.
#[derive(Debug, Default)]
pub(super) struct HostPace {
    begun: BTreeMap<IpAddr, Mono>,
}

impl HostPace {
    /// Whether a dial of this host may begin.
    pub(super) fn allows(&self, host: IpAddr, now: Mono) -> bool {
        self.begun.get(&host).is_none_or(|&begun| now.since(begun) >= HOST_INTERVAL)
    }

    /// A dial of this host begins.
    pub(super) fn note(&mut self, host: IpAddr, now: Mono) {
        if self.begun.len() >= PRUNED_FROM {
            self.begun.retain(|_, begun| now.since(*begun) < HOST_INTERVAL);
        }
        self.begun.insert(host, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_second_and_a_bounded_memory() {
        let mut pace = HostPace::default();
        let host = |n: u32| IpAddr::V4(n.into());
        let at = |micros| Mono::from_micros(micros);
        pace.note(host(1), at(5));
        assert!(
            !pace.allows(host(1), at(1_000_004)) && pace.allows(host(1), at(1_000_005)) && pace.allows(host(2), at(5))
        );
        for n in 0..10_000 {
            pace.note(host(n), at(u64::from(n) * 10_000));
        }
        assert!(pace.begun.len() <= PRUNED_FROM);
    }
}
