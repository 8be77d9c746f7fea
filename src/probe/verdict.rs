//! What a check says of a seed.

use crate::switch::consequence;
use crate::types::{DialOutcome, Fault};

/// What was found of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The right node answered, with addresses.
    Ok,
    /// The right node answered, with no address that can be used.
    Empty,
    /// The entry is no id@host:port.
    Malformed,
    /// The entry stands in the list before.
    DuplicateEntry,
    /// The address is a private one, or the name stands only for such.
    Unroutable,
    /// Another node's key answers there.
    WrongId,
    /// A node of another chain or block version answers there.
    WrongChain,
    /// The right node is alive and runs without PEX: it never gives an address.
    NoPex,
    /// The name does not resolve. The system's resolver does not tell a name that is gone from a server that is down.
    Unresolved,
    /// The host refuses, or is unreachable: nobody there, or a firewall.
    Refused,
    /// A step of dial or handshake took too long.
    TimedOut,
    /// It hung up before it answered: full, or it knows this host's IP already.
    HungUp,
    /// The right node is alive and did not answer the request.
    Silent,
    /// What answers does not speak the protocol.
    Protocol,
    /// This host could not look, or not in time.
    NotChecked,
}

/// What a verdict means for the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The seed is alive and of the right chain.
    Usable,
    /// The entry is wrong, whoever looks at it and from where.
    Definite,
    /// It did not work now and from here; it may for others.
    Inconclusive,
}

impl Verdict {
    /// What the end of a dial or of a visit says: what the book would note of it, and what it has no word for.
    pub(super) fn of(fault: &Fault) -> Verdict {
        match (consequence(fault).outcome, fault) {
            (Some(DialOutcome::Reached | DialOutcome::Full), _) => Verdict::Ok,
            (Some(DialOutcome::Refused), _) => Verdict::Refused,
            (Some(DialOutcome::TimedOut), _) => Verdict::TimedOut,
            (Some(DialOutcome::WrongIdentity), _) => Verdict::WrongId,
            (Some(DialOutcome::WrongNetwork), _) => Verdict::WrongChain,
            // A client has its answer or not, however the connection ended.
            (Some(DialOutcome::HungUp), _) | (None, Fault::ClosedByPeer) => Verdict::HungUp,
            (Some(DialOutcome::Misbehaved), _) => Verdict::Protocol,
            (Some(DialOutcome::NoPex), _) => Verdict::NoPex,
            (None, Fault::Unresolved) => Verdict::Unresolved,
            (None, Fault::Unroutable) => Verdict::Unroutable,
            (None | Some(DialOutcome::Untried), _) => Verdict::NotChecked,
        }
    }

    /// What it means for the list.
    pub const fn standing(self) -> Standing {
        match self {
            Verdict::Ok | Verdict::Empty => Standing::Usable,
            Verdict::Malformed
            | Verdict::DuplicateEntry
            | Verdict::Unroutable
            | Verdict::WrongId
            | Verdict::WrongChain
            | Verdict::NoPex => Standing::Definite,
            Verdict::Unresolved
            | Verdict::Refused
            | Verdict::TimedOut
            | Verdict::HungUp
            | Verdict::Silent
            | Verdict::Protocol
            | Verdict::NotChecked => Standing::Inconclusive,
        }
    }
}
