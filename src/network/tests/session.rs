//! What a stranger does at a seed: connect, shake hands, ask, be answered, be let go.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{PATIENCE, loopback_settings, node_info};
use crate::clock::entropy;
use crate::transport::{Dialler, FromPeer, LocalNode, PeerHandle, PeerSaid, spawn_peer};
use crate::types::{ConnId, Fault, NetAddress};
use crate::wire::pex::{Outgoing, Received};
use crate::wire::secret::NodeKey;

/// A stranger's connection to a seed.
pub(crate) struct Stranger {
    peer: PeerHandle,
    reported: mpsc::Receiver<FromPeer>,
}

impl Stranger {
    /// Connects under a new ID.
    pub(crate) async fn connect(dialler: &Dialler, seed: NetAddress, chain: &str) -> Result<Self, Fault> {
        let key = Arc::new(NodeKey::from_seed(entropy()));
        // It listens nowhere: that it names the seed's own address keeps it out of the seed's book.
        let info = node_info(key.id(), chain, &seed.socket().to_string());
        let upgraded = dialler.dial(LocalNode::new(key, info, loopback_settings()), seed.into()).await.result?;
        let (inbox, reported) = mpsc::channel(4);
        Ok(Stranger { peer: spawn_peer(*upgraded, ConnId(1), inbox), reported })
    }

    /// Asks on this connection; what was reported until its end.
    pub(crate) async fn ask(self) -> Vec<NetAddress> {
        self.peer.try_send(Outgoing::Request).unwrap();
        let mut reported = self.until_closed().await;
        reported.sort();
        reported
    }

    /// Waits for the end of the connection; what it was reported until then.
    pub(crate) async fn until_closed(mut self) -> Vec<NetAddress> {
        let mut answer = Vec::new();
        loop {
            match timeout(PATIENCE, self.reported.recv()).await.expect("the seed closes in time").map(|said| said.what)
            {
                Some(PeerSaid::Message(Received::Addresses { addresses, .. }, _)) => answer.extend(addresses),
                Some(PeerSaid::Message(Received::Request, _)) => {}
                Some(PeerSaid::Closed(_)) | None => return answer,
            }
        }
    }
}

/// A whole session; what was reported.
pub(crate) async fn ask(dialler: &Dialler, seed: NetAddress, chain: &str) -> Result<Vec<NetAddress>, Fault> {
    Ok(Stranger::connect(dialler, seed, chain).await?.ask().await)
}
