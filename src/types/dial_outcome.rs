//! The outcome of an attempt to reach an address.

use std::fmt;

use super::all_variants::all_variants;

all_variants! {
    /// The outcome of the latest attempt to reach an address, as the book keeps it: one byte.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum DialOutcome {
        /// Never tried.
        #[default]
        Untried = 0,
        /// Our own dial to exactly this id@ip:port matched key and node information.
        Reached = 1,
        /// The host refused, or is unreachable.
        Refused = 2,
        /// A step timed out.
        TimedOut = 3,
        /// A node with another key answered.
        WrongIdentity = 4,
        /// A node of another chain or block version answered.
        WrongNetwork = 5,
        /// The peer closed the connection during the handshake.
        HungUp = 6,
        /// The peer broke the protocol.
        Misbehaved = 7,
        /// The peer is alive and runs without PEX.
        NoPex = 8,
        /// The peer is alive, and has no free slot: it hung up after the handshake.
        Full = 9,
    }
}

// `from_u8`, and the counters that are numbered as the outcomes are, go by this.
const _: () = {
    let mut byte = 0;
    while byte < DialOutcome::ALL.len() {
        assert!(DialOutcome::ALL[byte] as usize == byte);
        byte += 1;
    }
};

impl DialOutcome {
    /// A name that never changes, for machines and the store.
    pub const fn name(self) -> &'static str {
        match self {
            DialOutcome::Untried => "untried",
            DialOutcome::Reached => "reached",
            DialOutcome::Refused => "refused",
            DialOutcome::TimedOut => "timed_out",
            DialOutcome::WrongIdentity => "wrong_identity",
            DialOutcome::WrongNetwork => "wrong_network",
            DialOutcome::HungUp => "hung_up",
            DialOutcome::Misbehaved => "misbehaved",
            DialOutcome::NoPex => "no_pex",
            DialOutcome::Full => "full",
        }
    }

    /// The outcome that is stored as this byte, if there is one.
    pub const fn from_u8(byte: u8) -> Option<DialOutcome> {
        if (byte as usize) < Self::ALL.len() { Some(Self::ALL[byte as usize]) } else { None }
    }

    /// Whether the attempt found the node alive at exactly that address.
    pub const fn is_success(self) -> bool {
        matches!(self, DialOutcome::Reached | DialOutcome::NoPex | DialOutcome::Full)
    }

    /// Whether a failed attempt speaks against the ip:port, whoever is said to be there: nothing answered. Otherwise
    /// somebody did who was not named, and it speaks against that id@ip:port alone; else a peer that advertises made-up IDs
    /// at an honest node's ip:port would silence it (an eclipse; docs/architecture.md, "Blame what is at fault").
    pub const fn is_of_endpoint(self) -> bool {
        matches!(self, DialOutcome::Refused | DialOutcome::TimedOut | DialOutcome::HungUp)
    }
}

impl fmt::Display for DialOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DialOutcome::Untried => "untried",
            DialOutcome::Reached => "reached",
            DialOutcome::Refused => "refused",
            DialOutcome::TimedOut => "timed out",
            DialOutcome::WrongIdentity => "wrong identity",
            DialOutcome::WrongNetwork => "wrong network",
            DialOutcome::HungUp => "hung up",
            DialOutcome::Misbehaved => "misbehaved",
            DialOutcome::NoPex => "reached, without PEX",
            DialOutcome::Full => "reached, without a free slot",
        })
    }
}
