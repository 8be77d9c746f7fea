//! The keys that can be changed while a network runs, from their texts to the network's own values.

use super::runtime_changes;
use crate::config::keys::{P2p, Pex};
use crate::config::{self, Key, Network};
use crate::network::Tunables;

/// Takes the value of one key over.
type Take = fn(&mut Tunables, &P2p, &Pex);

/// The keys that can be changed at run time, over the file and by a reload, each with where its value goes. A network's
/// first values come from this table, too.
const TUNABLES: [(&str, Take); 14] = [
    ("p2p.max_num_inbound_peers", |to, p2p, _| to.node.limits.max_inbound = p2p.max_num_inbound_peers),
    ("p2p.max_num_outbound_peers", |to, p2p, _| to.node.limits.max_outbound = p2p.max_num_outbound_peers),
    ("p2p.persistent_peers_max_dial_period", |to, p2p, _| {
        to.node.limits.persistent_max_period = p2p.persistent_peers_max_dial_period;
    }),
    ("p2p.flush_throttle_timeout", |to, p2p, _| to.rates.flush_throttle = p2p.flush_throttle_timeout),
    ("p2p.send_rate", |to, p2p, _| to.rates.send_rate = p2p.send_rate),
    ("p2p.recv_rate", |to, p2p, _| to.rates.recv_rate = p2p.recv_rate),
    ("pex.ensure_peers_period", |to, _, pex| to.node.period = pex.ensure_peers_period),
    ("pex.max_dials", |to, _, pex| to.node.limits.max_dials = pex.max_dials as usize),
    ("pex.max_handshakes_per_ip", |to, _, pex| {
        to.handshake_limits.handshakes_per_ip = pex.max_handshakes_per_ip as usize;
    }),
    ("pex.max_handshakes", |to, _, pex| to.handshake_limits.handshakes = pex.max_handshakes as usize),
    ("pex.new_connections_per_ip", |to, _, pex| to.handshake_limits.per_ip.per_second = pex.new_connections_per_ip),
    ("pex.new_connections_per_ip_burst", |to, _, pex| {
        to.handshake_limits.per_ip.burst = pex.new_connections_per_ip_burst;
    }),
    ("pex.new_connections_per_range", |to, _, pex| {
        to.handshake_limits.per_range.per_second = pex.new_connections_per_range;
    }),
    ("pex.new_connections_per_range_burst", |to, _, pex| {
        to.handshake_limits.per_range.burst = pex.new_connections_per_range_burst;
    }),
];

/// Whether an operator can change the key at run time by its text.
pub(super) fn can_change(key: &Key) -> bool {
    TUNABLES.iter().any(|(path, _)| *path == key.path())
}

/// Whether a reload can apply a new value of the key without ending the network.
pub(super) fn can_reload(key: &Key) -> bool {
    can_change(key) || runtime_changes::is_list(&key.path())
}

/// Reads a key's text into the network's values: [`crate::network::ReadSetting`].
pub(super) fn read(tunables: &mut Tunables, path: &str, text: &str) -> Result<(), String> {
    let key = config::network_key(path)?;
    let (p2p, pex) = config::read_value(key, text)?;
    let known = TUNABLES.iter().find(|(known, _)| *known == path);
    let (_, take) = known.ok_or("cannot be changed while the network runs")?;
    take(tunables, &p2p, &pex);
    Ok(())
}

/// The values that a network's file gives.
pub(super) fn of(network: &Network) -> Tunables {
    let mut tunables = Tunables::default();
    TUNABLES.iter().for_each(|(_, take)| take(&mut tunables, &network.p2p, &network.pex));
    tunables
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::node::Tuning;
    use crate::switch::SwitchLimits;
    use crate::transport::{ConnectionRates, HandshakeLimits, RateLimit};

    fn nothing() -> Tunables {
        let limits =
            SwitchLimits { max_inbound: 0, max_outbound: 0, persistent_max_period: Duration::ZERO, max_dials: 0 };
        let rate = RateLimit { per_second: 0, burst: 0 };
        Tunables {
            node: Tuning { limits, period: Duration::ZERO },
            rates: ConnectionRates { send_rate: 0, recv_rate: 0, flush_throttle: Duration::ZERO },
            handshake_limits: HandshakeLimits { handshakes_per_ip: 0, handshakes: 0, per_ip: rate, per_range: rate },
        }
    }

    #[test]
    fn each_key_changes_a_value_of_its_own() {
        let mut seen = Vec::new();
        for (path, _) in TUNABLES {
            let key = config::network_key(path).unwrap();
            assert!(can_change(key));
            let mut tunables = nothing();
            let text = if key.kind.name == "duration" { "200ms" } else { "200" };
            read(&mut tunables, path, text).unwrap();
            assert_ne!(tunables, nothing(), "{path}");
            assert!(!seen.contains(&tunables), "{path}");
            seen.push(tunables);
        }
    }

    #[test]
    fn what_cannot_be_changed_or_does_not_fit_changes_nothing() {
        let mut tunables = nothing();
        for (path, text) in
            [("p2p.laddr", "127.0.0.1:1"), ("p2p.max_num_inbound_peers", "-1"), ("pex.max_dials", "0"), ("x", "1")]
        {
            assert!(read(&mut tunables, path, text).is_err(), "{path}");
        }
        assert_eq!(tunables, nothing());
    }
}
