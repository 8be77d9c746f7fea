//! A seed in the process of its bench.

use std::path::Path;
use std::sync::Arc;

use pexd::book::Book;
use pexd::clock::entropy;
use pexd::network::{self, Running, SharedListener};
use pexd::store;
use pexd::testkit::sim::{node_info, params};
use pexd::transport::{ConnectionSettings, DialLimits, Dialler, HandshakeLimits, LocalNode, RateLimit};
use pexd::types::NetAddress;
use pexd::wire::secret::NodeKey;
use tokio_util::sync::CancellationToken;

use crate::support::{self, CHAIN};

/// Starts a seed in this process, `more` in its book, and a gate that lets everybody in.
pub(crate) async fn start(
    folder: &Path,
    shutdown: CancellationToken,
    more: impl FnOnce(&mut Book),
) -> anyhow::Result<(NetAddress, Running)> {
    let (key, at) = (Arc::new(NodeKey::from_seed(entropy())), support::reserve()?);
    let book = folder.join("book.db");
    support::write_book(&book, key.id(), more).await?;
    let seed = NetAddress::new(key.id(), at.ip(), at.port())?;
    let settings = ConnectionSettings { strict: false, allow_duplicate_ip: true, ..ConnectionSettings::default() };
    let unlimited = RateLimit { per_second: 0, burst: 1 };
    let handshake_limits =
        HandshakeLimits { handshakes_per_ip: 0, handshakes: 0, per_ip: unlimited, per_range: unlimited };
    let config = network::Config {
        chain_id: CHAIN.into(),
        params: params(key.id(), at, true),
        local: LocalNode::new(key.clone(), node_info(key.id(), CHAIN, at), settings),
        shared_listener: SharedListener::new(at, handshake_limits),
        book,
        store: store::StoreSettings::default(),
        answer_log_bytes: 64 << 20,
        changeable: network::Changeable::default(),
    };
    let running = network::spawn(config, Dialler::new(DialLimits::default()), shutdown).await;
    running.handle.start(None).await?;
    Ok((seed, running))
}
