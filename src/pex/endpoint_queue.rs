//! Several IDs advertised at one ip:port: they are dialled one after the other, so that a peer that advertises made-up IDs
//! at an honest node's ip:port (sybils) costs it a moment and not its turn.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use crate::types::NetAddress;

/// Addresses that wait in all; beyond it their turn comes with the next re-check.
const MOST: usize = 256;
/// Of them, at one ip:port.
const MOST_AT_ONE: usize = 16;

/// Addresses that wait for the end of a dial to their ip:port.
#[derive(Debug, Default)]
pub(super) struct EndpointQueue {
    waiting: BTreeMap<SocketAddr, VecDeque<NetAddress>>,
    count: usize,
}

impl EndpointQueue {
    /// Lets an address wait; `false` when there is no room for it.
    pub(super) fn push(&mut self, address: NetAddress) -> bool {
        let here = self.waiting.get(&address.socket()).map_or(0, VecDeque::len);
        if self.count >= MOST || here >= MOST_AT_ONE {
            return false;
        }
        self.count += 1;
        self.waiting.entry(address.socket()).or_default().push_back(address);
        true
    }

    /// The next one at an ip:port.
    pub(super) fn pop(&mut self, endpoint: SocketAddr) -> Option<NetAddress> {
        let queue = self.waiting.get_mut(&endpoint)?;
        let address = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&endpoint);
        }
        self.count -= usize::from(address.is_some());
        address
    }

    /// Empties the queue.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = NetAddress> + use<> {
        self.count = 0;
        std::mem::take(&mut self.waiting).into_values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NodeId;

    fn address(id: u8, host: u8) -> NetAddress {
        NetAddress::new(NodeId::from_bytes([id; 20]), [1, 2, 3, host].into(), 1).unwrap()
    }

    #[test]
    fn places_have_queues_of_their_own_and_all_are_bounded() {
        let mut queue = EndpointQueue::default();
        for id in 0..=MOST_AT_ONE as u8 {
            assert_eq!(queue.push(address(id, 1)), usize::from(id) < MOST_AT_ONE);
        }
        assert!(queue.push(address(9, 2)));
        assert_eq!(queue.pop(address(0, 2).socket()), Some(address(9, 2)));
        assert_eq!(queue.pop(address(0, 2).socket()), None);
        assert_eq!(queue.pop(address(0, 1).socket()), Some(address(0, 1)));
        assert_eq!(queue.clear().count(), MOST_AT_ONE - 1);
        assert_eq!((1..=255).filter(|&host| queue.push(address(1, host))).count(), 255);
        assert!(queue.push(address(2, 1)) && !queue.push(address(2, 2)));
    }
}
