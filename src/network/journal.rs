//! What happened in a network, told to the log and counted.

use std::collections::BTreeMap;

use crate::node::Event;

/// Counts what was refused after the handshake, and writes the log.
#[derive(Debug, Default)]
pub(super) struct Journal {
    refused: BTreeMap<&'static str, u64>,
}

impl Journal {
    /// Notes one event. What an operator must act on is a warning, what he may want to see is told at `info`, what
    /// happens all day at `debug`.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Started => tracing::info!("reactor started"),
            Event::Stopped => tracing::info!("reactor stopped"),
            Event::StartFailed(reason) => {
                tracing::error!(%reason, "reactor failed; once that is mended, ReactorService/Start starts it again");
            }
            Event::PeerUp { id, direction, purpose, .. } => {
                tracing::debug!(%id, %direction, purpose = purpose.map(tracing::field::display), "peer connected");
            }
            Event::PeerDown { id, fault, .. } => tracing::debug!(%id, %fault, "peer gone"),
            Event::Refused { id, ip, fault } => {
                *self.refused.entry(fault.name()).or_default() += 1;
                tracing::debug!(%id, %ip, %fault, "connection refused");
            }
            Event::DialFailed { target, purpose, fault } => tracing::debug!(%target, %purpose, %fault, "dial failed"),
            Event::Learned { address, from } => tracing::trace!(%address, %from, "address learned"),
            Event::Answered { id, total, learned } => tracing::debug!(%id, total, learned, "addresses received"),
            Event::Served { id, addresses } => tracing::debug!(%id, addresses, "addresses sent"),
            Event::Verified(address) => tracing::debug!(%address, "verified"),
            Event::Unverified { address, outcome } => tracing::debug!(%address, %outcome, "no longer verified"),
            Event::Promoted(address) => tracing::debug!(%address, "good"),
            Event::Banned { target, reason } => tracing::info!(%target, %reason, "banned"),
            Event::Unbanned(target) => tracing::info!(%target, "ban lifted"),
            Event::Outage(true) => {
                tracing::warn!(
                    "most good addresses fail at once: is this host's network up? nothing is demoted meanwhile"
                );
            }
            Event::Outage(false) => tracing::info!("good addresses answer again"),
            Event::SeedUnresolved(seed) => tracing::warn!(%seed, "the seed's name does not resolve; tried again later"),
        }
    }

    /// How often was refused what, since the start.
    pub(super) fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.refused.iter().map(|(reason, count)| (*reason, *count)).collect()
    }
}
