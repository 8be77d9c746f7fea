//! Dials as protobuf, whether they just ended or are read from the dial log.

use super::conversions;
use super::conversions::time;
use crate::admin::untrusted_text::reason;
use crate::node::DialEnd;
use crate::node::row::DialEntry;
use crate::proto::pexd::v1::{DialAttempt, DialOutcome};
use crate::types::Wall;

/// An entry of the dial log.
pub(in crate::admin) fn logged(network: &str, entry: &DialEntry) -> DialAttempt {
    DialAttempt {
        network: network.to_owned(),
        time: time(entry.at),
        address: entry.target.to_string(),
        remote_address: entry.remote.map(|remote| remote.to_string()).unwrap_or_default(),
        purpose: conversions::purpose(entry.purpose).into(),
        outcome: entry.outcome.map_or(DialOutcome::Inconclusive, conversions::outcome).into(),
        fault: entry.fault.to_string(),
        detail: reason(&entry.detail),
    }
}

/// A dial that just ended.
pub(in crate::admin) fn ended(network: &str, at: Wall, end: &DialEnd) -> DialAttempt {
    DialAttempt {
        network: network.to_owned(),
        time: time(at),
        address: end.target.to_string(),
        remote_address: end.remote.map(|remote| remote.to_string()).unwrap_or_default(),
        purpose: conversions::purpose(end.purpose).into(),
        outcome: end.outcome.map_or(DialOutcome::Inconclusive, conversions::outcome).into(),
        fault: end.fault.as_ref().map(|fault| fault.name().to_owned()).unwrap_or_default(),
        detail: end.fault.as_ref().map(|fault| reason(&fault.to_string())).unwrap_or_default(),
    }
}
