//! What the seed has served, held against the truth.

use std::collections::BTreeSet;

use crate::types::NetAddress;

/// Every answer counts.
#[derive(Debug)]
pub(super) struct Tally {
    truth: BTreeSet<NetAddress>,
    served: BTreeSet<NetAddress>,
    wrong: BTreeSet<NetAddress>,
    answers: u32,
    failures: u32,
}

impl Tally {
    pub(super) fn new(truth: BTreeSet<NetAddress>) -> Self {
        Tally { truth, served: BTreeSet::new(), wrong: BTreeSet::new(), answers: 0, failures: 0 }
    }

    /// An answer of the seed.
    pub(super) fn answer(&mut self, addresses: &[NetAddress]) {
        self.answers += 1;
        for address in addresses {
            let known = self.truth.contains(address);
            if known { &mut self.served } else { &mut self.wrong }.insert(*address);
        }
    }

    /// The seed did not answer.
    pub(super) fn no_answer(&mut self) {
        self.failures += 1;
    }

    /// Reachable nodes that were served, and how many there are.
    pub(super) fn found(&self) -> (usize, usize) {
        (self.served.len(), self.truth.len())
    }

    /// Answers, and questions without one.
    pub(super) fn asked(&self) -> (u32, u32) {
        (self.answers, self.failures)
    }

    /// What was served and cannot be reached.
    pub(super) fn wrong(&self) -> &BTreeSet<NetAddress> {
        &self.wrong
    }

    /// Whether every reachable node was served.
    pub(super) fn is_complete(&self) -> bool {
        self.served.len() == self.truth.len()
    }

    /// Whether every reachable node was served, nothing else ever was, and every question was answered.
    pub(super) fn is_right(&self) -> bool {
        self.is_complete() && self.wrong.is_empty() && self.answers > 0 && self.failures == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NodeId;

    fn address(n: u8) -> NetAddress {
        NetAddress::new(NodeId::from_bytes([n; 20]), [127, 0, 0, 1].into(), u16::from(n)).unwrap()
    }

    #[test]
    fn one_wrong_address_spoils_all() {
        let mut tally = Tally::new(BTreeSet::from([address(1), address(2)]));
        assert!(!tally.is_right());
        tally.answer(&[address(1)]);
        assert!(!tally.is_right());
        tally.answer(&[address(2)]);
        assert!(tally.is_right());
        tally.answer(&[address(3)]);
        assert!(tally.is_complete() && !tally.is_right());
    }
}
