//! A fresh peer that asks the seed for addresses, over the wire.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::world::{loopback_settings, node_info};
use crate::clock;
use crate::transport::{Dialler, Local, PeerSaid, spawn_peer};
use crate::types::{ConnId, NetAddress};
use crate::wire::pex::{Outgoing, Received};
use crate::wire::secret::NodeKey;

/// How long the seed has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects with an identity of its own, asks once, and gives what it was told; `None` without an answer.
pub(super) async fn ask(dialler: &Dialler, seed: NetAddress, chain: &str) -> Option<Vec<NetAddress>> {
    let key = Arc::new(NodeKey::from_seed(clock::entropy()));
    // It listens nowhere: that it names the seed's own address keeps it out of the seed's book.
    let info = node_info(key.id(), chain, seed.socket(), "a fresh peer");
    let local = Local::new(key, info, loopback_settings());
    timeout(PATIENCE, async {
        let upgraded = dialler.dial(local, seed.into()).await.result.ok()?;
        let (inbox, mut told) = mpsc::channel(4);
        let peer = spawn_peer(*upgraded, ConnId(1), inbox);
        peer.try_send(Outgoing::Request).ok()?;
        while let Some(said) = told.recv().await {
            match said.what {
                PeerSaid::Message(Received::Addresses { addresses, .. }, _) => return Some(addresses),
                PeerSaid::Message(Received::Request, _) => {}
                PeerSaid::Closed(_) => return None,
            }
        }
        None
    })
    .await
    .ok()?
}
