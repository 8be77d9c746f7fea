//! What a fault costs: the one table from faults to consequences.

use crate::types::{DialOutcome, Fault};

/// Against what a failed dial counts (docs/architecture.md, "Blame what is at fault").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The ip:port, whoever is said to be there: nothing answered.
    Endpoint,
    /// That id@ip:port alone: somebody answered, and not who was named. Else a peer that advertises made-up IDs at an honest
    /// ip:port would silence it (an eclipse).
    Address,
    /// Nobody: it was our doing, or nothing is wrong.
    Nobody,
}

/// What a connected peer's fault brings besides the end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Penalty {
    /// Nothing.
    None,
    /// The authenticated ID is banned.
    Ban,
}

/// The consequences of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consequence {
    /// What the book notes when it ends a dial; `None` leaves the address as it is.
    pub outcome: Option<DialOutcome>,
    /// Against what a failed dial counts.
    pub blame: Blame,
    /// What it costs a connected peer.
    pub penalty: Penalty,
}

/// The consequence of a fault.
pub fn consequence(fault: &Fault) -> Consequence {
    use Fault as F;
    let dial = |outcome, blame| Consequence { outcome: Some(outcome), blame, penalty: Penalty::None };
    let nothing = Consequence { outcome: None, blame: Blame::Nobody, penalty: Penalty::None };
    let misbehaved = dial(DialOutcome::Misbehaved, Blame::Address);
    match fault {
        F::Refused | F::Unreachable => dial(DialOutcome::Refused, Blame::Endpoint),
        F::TimedOut(_) => dial(DialOutcome::TimedOut, Blame::Endpoint),
        F::ClosedInHandshake(_) | F::Reset => dial(DialOutcome::HungUp, Blame::Endpoint),
        F::WrongId { .. } | F::Ourselves => dial(DialOutcome::WrongIdentity, Blame::Address),
        F::WrongNetwork { .. } | F::WrongBlockVersion { .. } => dial(DialOutcome::WrongNetwork, Blame::Address),
        F::NoCommonChannel => dial(DialOutcome::NoPex, Blame::Nobody),
        F::EphemeralKeyLength
        | F::LowOrderKey
        | F::MalformedHandshake
        | F::HandshakeTooLong
        | F::KeyType
        | F::BadSignature
        | F::BadFrame
        | F::FrameLength
        | F::NoncesUsedUp
        | F::BadNodeInfo(_)
        | F::PacketTooLong { .. }
        | F::UnknownPacket
        | F::UnknownChannel(_)
        | F::MessageTooLong
        | F::EmptyFlood
        | F::PingFlood
        | F::PongTimeout
        | F::WriteStalled
        | F::BadMessage
        | F::RequestTooSoon => misbehaved,
        F::Unsolicited | F::BadAddress | F::RequestsTooOften => Consequence { penalty: Penalty::Ban, ..misbehaved },
        F::Unresolved
        | F::Unroutable
        | F::LocalResources
        | F::DuplicateId
        | F::DuplicateIp
        | F::BannedId
        | F::BannedIp
        | F::Full
        | F::ConnectionRate
        | F::HandshakeFlood
        | F::NotRunning
        | F::ClosedByPeer
        | F::ClosedByUs(_)
        | F::Internal => nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NodeId, Stage};

    #[test]
    fn who_lies_about_an_address_does_not_silence_the_place() {
        let wrong_id = Fault::WrongId { actual: NodeId::from_bytes([1; 20]) };
        assert_eq!(consequence(&wrong_id).blame, Blame::Address);
        assert_eq!(consequence(&Fault::WrongNetwork { actual: "x".into() }).blame, Blame::Address);
        assert_eq!(consequence(&Fault::Refused).blame, Blame::Endpoint);
        assert_eq!(consequence(&Fault::TimedOut(Stage::Dial)).blame, Blame::Endpoint);
    }

    #[test]
    fn nobody_is_banned_for_what_was_not_authenticated() {
        for fault in [Fault::BadSignature, Fault::WrongId { actual: NodeId::from_bytes([1; 20]) }, Fault::Refused] {
            assert_eq!(consequence(&fault).penalty, Penalty::None, "{fault}");
        }
        assert_eq!(consequence(&Fault::Unsolicited).penalty, Penalty::Ban);
        assert_eq!(consequence(&Fault::BadMessage).penalty, Penalty::None);
        assert_eq!(consequence(&Fault::RequestTooSoon).penalty, Penalty::None);
        assert_eq!(consequence(&Fault::RequestsTooOften).penalty, Penalty::Ban);
    }
}
