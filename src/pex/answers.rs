//! One asking IP gets the same answer for a while, so that the book cannot be read out by asking often
//! (docs/protocol/differences.md, "Where pexd does otherwise").

use std::net::{IpAddr, Ipv6Addr};

use super::generations::Generations;
use super::params::SAME_ANSWER_FOR;
use crate::book::Answer;
use crate::book::params::SELECTION_LEAST;
use crate::types::Mono;

/// Askers in one of the two generations; the older one is forgotten when the younger is full. An answer takes 1 KB at
/// most, both take 4 MB.
const GENERATION: usize = 2_048;

/// What was answered lately.
#[derive(Debug, Default)]
pub(super) struct Answers {
    given: Generations<IpAddr, Given, GENERATION>,
}

#[derive(Debug)]
struct Given {
    answer: Answer,
    at: Mono,
    /// IDs that could be served then.
    servable: usize,
}

impl Answers {
    /// The answer that an IP got, if it shall get it again: for [`SAME_ANSWER_FOR`], while what may be served has not grown
    /// by a quarter.
    pub(super) fn again(&self, asker: IpAddr, servable: usize, now: Mono) -> Option<&Answer> {
        let given = self.given.get(&prefix(asker))?;
        let fresh = now.since(given.at) < SAME_ANSWER_FOR && servable <= given.servable + given.servable / 4;
        fresh.then_some(&given.answer)
    }

    /// Keeps an answer, unless it is so short that a few more addresses would help who asked.
    pub(super) fn keep(&mut self, asker: IpAddr, answer: Answer, servable: usize, now: Mono) {
        if asker.is_loopback() || answer.len() < SELECTION_LEAST {
            return;
        }
        self.given.insert(prefix(asker), Given { answer, at: now, servable });
    }
}

/// The address of who asks, or its /64: whoever has one IPv6 address has all of that.
fn prefix(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}
