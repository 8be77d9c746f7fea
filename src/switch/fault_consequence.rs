//! What a fault costs: the one table from faults to consequences.

use crate::types::{DialOutcome, Fault};

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
    /// What it costs a connected peer.
    pub penalty: Penalty,
}

/// The consequence of a fault.
pub fn consequence(fault: &Fault) -> Consequence {
    use Fault as F;
    let dial = |outcome| Consequence { outcome: Some(outcome), penalty: Penalty::None };
    let nothing = Consequence { outcome: None, penalty: Penalty::None };
    let misbehaved = dial(DialOutcome::Misbehaved);
    match fault {
        F::Refused | F::Unreachable => dial(DialOutcome::Refused),
        F::TimedOut(_) => dial(DialOutcome::TimedOut),
        F::ClosedInHandshake(_) | F::Reset => dial(DialOutcome::HungUp),
        F::WrongId { .. } | F::Ourselves => dial(DialOutcome::WrongIdentity),
        F::WrongNetwork { .. } | F::WrongBlockVersion { .. } => dial(DialOutcome::WrongNetwork),
        F::NoCommonChannel => dial(DialOutcome::NoPex),
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
        let of_endpoint = |fault: &Fault| consequence(fault).outcome.is_some_and(DialOutcome::is_of_endpoint);
        assert!(!of_endpoint(&Fault::WrongId { actual: NodeId::from_bytes([1; 20]) }));
        assert!(!of_endpoint(&Fault::WrongNetwork { actual: "x".into() }));
        assert!(!of_endpoint(&Fault::BadMessage));
        assert!(
            of_endpoint(&Fault::Refused) && of_endpoint(&Fault::TimedOut(Stage::Dial)) && of_endpoint(&Fault::Reset)
        );
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
