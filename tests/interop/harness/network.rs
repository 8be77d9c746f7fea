//! The network of real nodes that the cases share, and those of cases that need one alone.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use pexd::types::NodeId;

use super::cometbft::{CometBft, Config, Version};
use super::wait::until_true;

/// The shared network's chain ID.
pub(crate) const CHAIN: &str = "interop-1";

/// Two rounds of 30 s, and the start of all nodes.
pub(crate) const FORMED_WITHIN: Duration = Duration::from_secs(90);

/// Four nodes of four versions that know each other and stay up for the whole run.
pub(crate) struct Network {
    pub(crate) nodes: Vec<CometBft>,
}

impl Network {
    /// The shared network; the first case that asks starts it.
    pub(crate) fn shared() -> &'static Network {
        static NETWORK: OnceLock<Network> = OnceLock::new();
        NETWORK.get_or_init(|| Network::start(CHAIN, ["hub-038", "node-034", "node-037", "node-040"]))
    }

    /// One of a chain of its own, with nodes of these names: no other case's nodes come and go in it. A seed of the
    /// shared one sees most of what it knows go at once when the cases end, which is an outage to it.
    pub(crate) fn alone(chain: &'static str, names: [&'static str; 4]) -> Network {
        Network::start(chain, names)
    }

    /// The node that the others were reported of.
    pub(crate) fn hub(&self) -> &CometBft {
        &self.nodes[0]
    }

    pub(crate) fn ids(&self) -> BTreeSet<NodeId> {
        self.nodes.iter().map(CometBft::id).collect()
    }

    /// Each as `id@host:port`.
    pub(crate) fn addresses(&self) -> BTreeSet<String> {
        self.nodes.iter().map(CometBft::address).collect()
    }

    fn start(chain: &'static str, [hub, v034, v037, v040]: [&'static str; 4]) -> Network {
        let hub = Config::new(hub, Version::V038, chain).start();
        // Persistent, not seeds: after a seed's answer a real node asks once more, and a full node bans it for that.
        let reported = |name, version| Config::new(name, version, chain).persistent_peers([hub.address()]).launch();
        let others = [reported(v034, Version::V034), reported(v037, Version::V037), reported(v040, Version::V040)];
        let mut network = Network { nodes: [hub].into_iter().chain(others).collect() };
        network.nodes.iter_mut().for_each(CometBft::wait_until_up);
        until_true("each knows all others", FORMED_WITHIN, || network.is_whole());
        network
    }

    fn is_whole(&self) -> bool {
        let all = self.ids();
        self.nodes.iter().all(|node| {
            let mut seen = node.peer_ids();
            seen.insert(node.id());
            seen.is_superset(&all)
        })
    }
}
