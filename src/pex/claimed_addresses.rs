//! The addresses that inbound peers claim to listen at: looked up within bounds, and dialled before they are served.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::params::MAX_PENDING_CLAIMS;
use super::{Context, Pex};
use crate::book::{Added, Refused, Source};
use crate::switch::{AddressEvent, Effect, Event};
use crate::types::{ConnId, NetAddress, NodeId};

/// Addresses that wait for a name to be looked up.
#[derive(Debug, Default)]
pub(super) struct ClaimedAddresses {
    pending: BTreeMap<Box<str>, Vec<Claim>>,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    id: NodeId,
    port: u16,
    source: Source,
}

impl ClaimedAddresses {
    /// Keeps a claim until its name is looked up. Whether that look-up has to be asked for; `false` also when there are
    /// too many.
    fn wait_for(&mut self, name: &str, claim: Claim) -> bool {
        if self.count >= MAX_PENDING_CLAIMS {
            return false;
        }
        self.count += 1;
        let claims = self.pending.entry(name.into()).or_default();
        claims.push(claim);
        claims.len() == 1
    }

    /// The addresses that waited for this name.
    pub(super) fn resolved(&mut self, name: &str, ips: &[IpAddr]) -> Vec<(NetAddress, Source)> {
        let claims = self.pending.remove(name).unwrap_or_default();
        self.count -= claims.len();
        let Some(&ip) = ips.first() else { return Vec::new() };
        let address = |claim: &Claim| Some((NetAddress::new(claim.id, ip, claim.port).ok()?, claim.source));
        claims.iter().filter_map(address).collect()
    }
}

impl Pex {
    /// Adds the address that an inbound peer claims for itself; it is dialled like any other before it is served. Where
    /// the peer announces no IP (`0.0.0.0`, CometBFT's default), it is taken to listen where it dialled from. A name is
    /// looked up outside the switch.
    pub(super) fn claim(&mut self, cx: &mut Context<'_>, conn: ConnId) {
        let Some(peer) = cx.switch.peer(conn) else { return };
        let Some((host, port)) = peer.info.listen_host_and_port() else { return };
        let (id, remote) = (peer.info.id, peer.remote.ip());
        let source = Source { id, ip: remote };
        match host.parse::<IpAddr>() {
            Ok(ip) => {
                let ip = if ip.is_unspecified() { remote } else { ip };
                if let Ok(address) = NetAddress::new(id, ip, port) {
                    Self::learn_surely(cx, address, source);
                }
            }
            Err(_) => {
                let name: Box<str> = host.to_ascii_lowercase().into();
                if self.claims.wait_for(&name, Claim { id, port, source }) {
                    cx.out.effect(Effect::Resolve { name });
                }
            }
        }
    }

    /// Adds an address that a peer advertised to the book, unless a rule is against it; whether its ID was unknown.
    pub fn learn(cx: &mut Context<'_>, address: NetAddress, source: Source) -> bool {
        Self::learned(cx, address, source, |cx| cx.book.add(cx.now, address, source, cx.rng))
    }

    /// As [`Pex::learn`], on the word of who must know: the peer itself, authenticated, or our own configuration.
    pub fn learn_surely(cx: &mut Context<'_>, address: NetAddress, source: Source) {
        Self::learned(cx, address, source, |cx| cx.book.add_own(cx.now, address, source));
    }

    fn learned(
        cx: &mut Context<'_>,
        address: NetAddress,
        source: Source,
        add: impl FnOnce(&mut Context<'_>) -> Result<Added, Refused>,
    ) -> bool {
        if cx.switch.bans_id(&address.id(), cx.now.wall) || cx.switch.bans_ip(address.ip(), cx.now.wall) {
            return false;
        }
        match add(cx) {
            Ok(added @ (Added::New | Added::AnotherAddress)) => {
                cx.out.event(Event::Address(AddressEvent::Learned { address, from: source.id }));
                added == Added::New
            }
            Ok(Added::Unchanged) | Err(_) => false,
        }
    }
}
