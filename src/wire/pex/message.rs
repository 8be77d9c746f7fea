//! The two PEX messages as the reactor sees them, decoded and bounded in size.

use std::sync::Arc;

use crate::types::NetAddress;

/// A message that a peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The peer requests addresses (`PexRequest`).
    Request,
    /// The peer advertises addresses (`PexAddrs`).
    Addresses {
        /// At most [`MAX_ADDRESSES`](super::MAX_ADDRESSES), chosen at random from more. Addresses that can never be
        /// dialled (bad ID, unspecified, port 0) are already left out.
        addresses: Vec<NetAddress>,
        /// How many addresses the message had.
        total: u32,
    },
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Request addresses.
    Request,
    /// Advertise addresses, at most [`MAX_ADDRESSES`](super::MAX_ADDRESSES).
    Addresses(Arc<[NetAddress]>),
}
