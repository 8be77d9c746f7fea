//! What a check says of a seed.

use crate::types::Fault;

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
    /// What a dial's, or a visit's, end says.
    pub(super) const fn of(fault: &Fault) -> Verdict {
        use Fault as F;
        match fault {
            F::Refused | F::Unreachable => Verdict::Refused,
            F::Unresolved => Verdict::Unresolved,
            F::Unroutable => Verdict::Unroutable,
            F::TimedOut(_) => Verdict::TimedOut,
            F::ClosedInHandshake(_) | F::ClosedByPeer | F::Reset => Verdict::HungUp,
            F::WrongId { .. } => Verdict::WrongId,
            F::WrongNetwork { .. } | F::WrongBlockVersion { .. } => Verdict::WrongChain,
            F::NoCommonChannel => Verdict::NoPex,
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
            | F::Unsolicited
            | F::BadAddress
            | F::RequestTooSoon
            | F::RequestsTooOften => Verdict::Protocol,
            F::LocalResources
            | F::Ourselves
            | F::DuplicateId
            | F::DuplicateIp
            | F::BannedId
            | F::BannedIp
            | F::Full
            | F::ConnectionRate
            | F::HandshakeFlood
            | F::NotRunning
            | F::ClosedByUs(_)
            | F::Internal => Verdict::NotChecked,
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

    /// A name that never changes, for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "SEED_VERDICT_OK",
            Verdict::Empty => "SEED_VERDICT_EMPTY",
            Verdict::Malformed => "SEED_VERDICT_MALFORMED",
            Verdict::DuplicateEntry => "SEED_VERDICT_DUPLICATE_ENTRY",
            Verdict::Unroutable => "SEED_VERDICT_UNROUTABLE",
            Verdict::WrongId => "SEED_VERDICT_WRONG_ID",
            Verdict::WrongChain => "SEED_VERDICT_WRONG_CHAIN",
            Verdict::NoPex => "SEED_VERDICT_NO_PEX",
            Verdict::Unresolved => "SEED_VERDICT_UNRESOLVED",
            Verdict::Refused => "SEED_VERDICT_REFUSED",
            Verdict::TimedOut => "SEED_VERDICT_TIMED_OUT",
            Verdict::HungUp => "SEED_VERDICT_HUNG_UP",
            Verdict::Silent => "SEED_VERDICT_SILENT",
            Verdict::Protocol => "SEED_VERDICT_PROTOCOL",
            Verdict::NotChecked => "SEED_VERDICT_NOT_CHECKED",
        }
    }

    /// The name without what all of them share, for people.
    pub fn short_name(self) -> &'static str {
        self.name().trim_start_matches("SEED_VERDICT_")
    }
}
