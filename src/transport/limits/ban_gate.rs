//! One network's gate: bans by IP, enforced on accept, and IPs that are connected already.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ipnet::IpNet;

use crate::transport::Refusals;
use crate::types::{Fault, IpRangeSet};

/// One network's policy by IP, asked before any cryptography.
#[derive(Debug)]
pub struct Gate {
    bans: ArcSwap<IpRangeSet>,
    /// `None`: peers may share an IP.
    connected: Option<Arc<Connected>>,
    refusals: Refusals,
}

impl Gate {
    pub(in crate::transport) fn new(allow_duplicate_ip: bool) -> Self {
        let connected = (!allow_duplicate_ip).then(Arc::default);
        Gate { bans: ArcSwap::default(), connected, refusals: Refusals::default() }
    }

    /// Replaces the banned ranges as a whole. Those that end are left out by the next call, so it is to be made then.
    pub fn publish_bans(&self, ranges: impl IntoIterator<Item = IpNet>) {
        self.bans.store(Arc::new(ranges.into_iter().collect()));
    }

    /// Whether this IP is banned now.
    pub fn is_banned(&self, ip: IpAddr) -> bool {
        self.bans.load().contains(ip)
    }

    /// Connections refused once it was known that this network was meant: by this gate, for what they did in the
    /// handshake, or by the network after it.
    pub const fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Lets a connection from or to `ip` begin; the presence is held until the connection ends, so that handshakes count.
    pub(in crate::transport) fn admit(&self, ip: IpAddr) -> Result<Option<Presence>, Fault> {
        if self.is_banned(ip) {
            return Err(Fault::BannedIp);
        }
        let Some(connected) = &self.connected else { return Ok(None) };
        connected.enter(ip).map(Some).ok_or(Fault::DuplicateIp)
    }
}

/// The IPs of one network's connections and handshakes.
#[derive(Debug, Default)]
struct Connected {
    ips: Mutex<HashSet<IpAddr>>,
}

impl Connected {
    fn enter(self: &Arc<Self>, ip: IpAddr) -> Option<Presence> {
        let fresh = self.lock().insert(ip);
        fresh.then(|| Presence { connected: self.clone(), ip })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<IpAddr>> {
        self.ips.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one connection of an IP, for as long as this is held.
#[derive(Debug)]
pub(in crate::transport) struct Presence {
    connected: Arc<Connected>,
    ip: IpAddr,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.connected.lock().remove(&self.ip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(1, 2, 3, 4));

    #[test]
    fn an_ip_has_one_connection_at_a_time() {
        let gate = Gate::new(false);
        let first = gate.admit(IP).unwrap();
        assert_eq!(gate.admit(IP).unwrap_err(), Fault::DuplicateIp);
        // The one that was refused leaves the first in place.
        assert_eq!(gate.admit(IP).unwrap_err(), Fault::DuplicateIp);
        drop(first);
        assert!(gate.admit(IP).is_ok());
    }

    #[test]
    fn bans_are_swapped_whole() {
        let gate = Gate::new(true);
        assert!(gate.admit(IP).is_ok() && gate.admit(IP).is_ok());
        gate.publish_bans(["1.2.0.0/16".parse().unwrap()]);
        assert_eq!(gate.admit(IP).unwrap_err(), Fault::BannedIp);
        gate.publish_bans([]);
        assert!(gate.admit(IP).is_ok());
    }
}
