//! Where this node itself is to be found, as far as its configuration says so.

use std::net::{IpAddr, SocketAddr};

use super::{Host, PeerAddress};

/// The endpoints of this node: whoever dials one of them reaches itself, whatever ID stands in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnEndpoints {
    listener: Option<SocketAddr>,
    advertised: Option<(Host, u16)>,
}

impl OwnEndpoints {
    /// Of a node that listens at `listener`, and is dialled by others at `advertised`, if that is another place. Of a port
    /// that the system chooses (0) nothing is known.
    pub fn new(listener: SocketAddr, advertised: Option<(Host, u16)>) -> Self {
        OwnEndpoints { listener: Some(listener).filter(|listener| listener.port() != 0), advertised }
    }

    /// Whether a configured address leads here.
    pub fn contains(&self, address: &PeerAddress) -> bool {
        let at = (address.host(), address.port());
        self.advertised.as_ref().is_some_and(|(host, port)| (host, *port) == at)
            || self
                .listener
                .is_some_and(|listener| listener.port() == address.port() && hears(listener, address.host()))
    }
}

/// Whether a listener is reached from this host by such a host.
fn hears(listener: SocketAddr, host: &Host) -> bool {
    let any = listener.ip().is_unspecified();
    match host {
        Host::Ip(ip) if *ip == listener.ip() => true,
        // On `::` both families come in.
        Host::Ip(IpAddr::V4(ip)) => any && ip.is_loopback(),
        Host::Ip(IpAddr::V6(ip)) => any && ip.is_loopback() && listener.is_ipv6(),
        Host::Name(name) => &**name == "localhost" && (any || listener.ip().is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NodeId;

    fn own(listener: &str, advertised: Option<&str>) -> OwnEndpoints {
        let advertised = advertised.map(peer).map(|peer| (peer.host().clone(), peer.port()));
        OwnEndpoints::new(listener.parse().unwrap(), advertised)
    }

    fn peer(place: &str) -> PeerAddress {
        format!("{}@{place}", NodeId::from_bytes([9; NodeId::LEN])).parse().unwrap()
    }

    #[test]
    fn what_leads_to_the_listener_or_is_advertised_is_ours() {
        for (listener, advertised, place, is_ours) in [
            ("20.1.1.1:1", None, "20.1.1.1:1", true),
            ("20.1.1.1:1", None, "20.1.1.1:2", false),
            ("20.1.1.1:1", None, "127.0.0.1:1", false),
            ("0.0.0.0:1", None, "127.0.0.1:1", true),
            ("0.0.0.0:1", None, "127.3.2.1:1", true),
            ("0.0.0.0:1", None, "localhost:1", true),
            ("0.0.0.0:1", None, "[::1]:1", false),
            ("0.0.0.0:1", None, "20.1.1.1:1", false),
            ("[::]:1", None, "[::1]:1", true),
            ("[::]:1", None, "127.0.0.1:1", true),
            ("127.0.0.1:1", None, "LOCALHOST:1", true),
            ("0.0.0.0:1", Some("20.1.1.1:2"), "20.1.1.1:2", true),
            ("0.0.0.0:1", Some("20.1.1.1:2"), "20.1.1.1:1", false),
            ("0.0.0.0:1", Some("seed.example.org:1"), "Seed.Example.org:1", true),
            ("0.0.0.0:1", Some("seed.example.org:1"), "seed2.example.org:1", false),
            ("0.0.0.0:0", None, "127.0.0.1:26656", false),
        ] {
            assert_eq!(own(listener, advertised).contains(&peer(place)), is_ours, "{listener} {advertised:?} {place}");
        }
        assert!(!OwnEndpoints::default().contains(&peer("127.0.0.1:1")));
    }
}
