//! The two PEX messages as the reactor sees them, decoded and bounded.

use crate::types::NetAddress;

/// A message that a peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The peer asks for addresses.
    Request,
    /// The peer names addresses.
    Addresses {
        /// At most 250, drawn at random from more. Addresses that can never be dialled (bad ID, unspecified, port 0)
        /// are left out already.
        addresses: Vec<NetAddress>,
        /// How many the message held.
        total: u32,
    },
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Ask for addresses.
    Request,
    /// Name addresses, at most 250.
    Addresses(Vec<NetAddress>),
}
