//! What a check found of one entry.

use std::net::SocketAddr;
use std::time::Duration;

use super::seed_list::EntryFault;
use super::{Standing, Verdict};
use crate::transport::Upgraded;
use crate::types::NodeId;

/// Characters of a foreign text that are kept: of an entry more than any valid one has, of what a node says of itself more
/// than anyone reads.
const MAX_ENTRY: usize = 320;
const MAX_SAID: usize = 100;

/// What was found of an entry.
#[derive(Clone, Debug)]
pub struct Report {
    /// The entry as it stands in the list, at most 320 characters of it.
    pub seed: String,
    /// The result.
    pub verdict: Verdict,
    /// The unchanging name of what went wrong; empty when nothing did.
    pub fault: &'static str,
    /// What went wrong, in words; empty when nothing did.
    pub detail: String,
    /// The ID that answered in place of the entry's.
    pub actual_id: Option<NodeId>,
    /// The chain of the node that answered, when it is not the node that was asked for and its chain is known. With
    /// [`Verdict::WrongId`] it may be the right chain: the seed has got a new key.
    pub actual_network: Option<String>,
    /// The node's name for itself; empty when none was given.
    pub moniker: String,
    /// The node's software version; empty when none was given.
    pub version: String,
    /// Where it was dialled, as far as it came to that.
    pub remote: Option<SocketAddr>,
    /// How long TCP connection and handshake took, when they succeeded.
    pub latency: Option<Duration>,
    /// From the request to the answer.
    pub answer_time: Option<Duration>,
    /// Addresses in the answer.
    pub address_count: u32,
    /// Those of them that nobody can dial: malformed, or private ones in strict mode. Of more than 250 only those that
    /// were looked at count.
    pub unusable_address_count: u32,
    /// Addresses of the answer that were dialled.
    pub sample_tried_count: u32,
    /// Those of them where the right node of the right chain answered.
    pub sample_reached_count: u32,
}

impl Report {
    /// Of an entry of which nothing is known yet.
    pub(super) fn new(seed: &str) -> Self {
        Report {
            seed: cut(seed, MAX_ENTRY),
            verdict: Verdict::NotChecked,
            fault: "not_checked",
            detail: String::new(),
            actual_id: None,
            actual_network: None,
            moniker: String::new(),
            version: String::new(),
            remote: None,
            latency: None,
            answer_time: None,
            address_count: 0,
            unusable_address_count: 0,
            sample_tried_count: 0,
            sample_reached_count: 0,
        }
    }

    /// Of an entry that is not dialled.
    pub(super) fn of_entry(seed: &str, fault: &EntryFault) -> Self {
        let (verdict, name) = fault.verdict();
        Report { verdict, fault: name, detail: fault.to_string(), ..Report::new(seed) }
    }

    /// Notes who shook hands.
    pub(super) fn meet(&mut self, upgraded: &Upgraded) {
        self.latency = Some(upgraded.took);
        self.moniker = cut(&upgraded.info.moniker, MAX_SAID);
        self.version = cut(&upgraded.info.version, MAX_SAID);
    }

    /// Notes the result.
    pub(super) fn judge(&mut self, verdict: Verdict, fault: &'static str, detail: impl Into<String>) {
        (self.verdict, self.fault, self.detail) = (verdict, fault, detail.into());
    }

    /// Whether the entry is wrong, whoever looks at it and from where.
    pub const fn is_definite(&self) -> bool {
        matches!(self.verdict.standing(), Standing::Definite)
    }
}

/// The first characters of a text.
fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}
