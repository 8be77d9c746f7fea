//! Everything that configures a node.

use std::time::Duration;

use crate::{book, pex, switch};

/// The parameters of one network's machine, each part's own.
#[derive(Clone, Debug)]
pub struct Params {
    /// The address book's.
    pub book: book::Params,
    /// The switch's.
    pub switch: switch::Params,
    /// The reactor's.
    pub pex: pex::Params,
}

/// What of the parameters can be changed while the node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// The switch's limits.
    pub limits: switch::SwitchLimits,
    /// Time between two rounds of ensure-peers or of the crawl.
    pub period: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { limits: switch::SwitchLimits::default(), period: pex::params::ENSURE_PEERS_PERIOD }
    }
}

impl Params {
    /// The tuning as it is here.
    pub const fn tuning(&self) -> Tuning {
        Tuning { limits: self.switch.limits, period: self.pex.ensure_peers_period }
    }

    /// Takes another tuning.
    pub fn set_tuning(&mut self, tuning: Tuning) {
        self.switch.limits = tuning.limits;
        self.pex.set_period(tuning.period);
    }
}
