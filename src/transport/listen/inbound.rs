//! The listener's side of a handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::clock::Clock;
use crate::transport::handshake::{SecuredConnection, within};
use crate::transport::limits::ban_gate::Presence;
use crate::transport::{LocalNode, Upgraded};
use crate::types::{Fault, Mono, NodeInfo, Stage};
use crate::wire::node_info::check_compatible;
use crate::wire::secret::NodeKey;

/// Where the peers of one network go.
#[derive(Clone, Debug)]
pub(in crate::transport) struct Route {
    pub(in crate::transport) local: Arc<LocalNode>,
    pub(in crate::transport) upgraded: Sender<Upgraded>,
}

impl Route {
    pub(in crate::transport) fn network(&self) -> &str {
        &self.local.info().network
    }

    fn hand_over(&self, upgraded: Upgraded) -> Result<(), Fault> {
        self.upgraded.try_send(upgraded).map_err(|error| match error {
            TrySendError::Full(_) => Fault::HandshakeFlood,
            TrySendError::Closed(_) => Fault::NotRunning,
        })
    }
}

/// The networks that an accepted connection may be meant for.
pub(in crate::transport) enum RequestedNetwork {
    /// The only one, whose gate let it in.
    One(Route, Option<Presence>),
    /// The one that the dialler will name.
    Any(Arc<Vec<Route>>),
}

impl RequestedNetwork {
    /// The strictest of the networks' bounds.
    fn patience(&self) -> Duration {
        match self {
            RequestedNetwork::One(route, _) => route.local.settings().handshake_timeout,
            RequestedNetwork::Any(routes) => {
                routes.iter().map(|route| route.local.settings().handshake_timeout).min().unwrap_or_default()
            }
        }
    }
}

/// An accepted connection.
pub(in crate::transport) struct Accepted {
    pub(in crate::transport) stream: TcpStream,
    pub(in crate::transport) remote: SocketAddr,
    pub(in crate::transport) at: Mono,
}

/// Why a handshake failed, and for which network when that was known.
pub(in crate::transport) type Failure = (Option<Arc<LocalNode>>, Fault);

/// Shakes hands and hands over.
pub(in crate::transport) async fn upgrade(
    accepted: Accepted,
    key: Arc<NodeKey>,
    meant: RequestedNetwork,
) -> Result<(), Failure> {
    let Accepted { stream, remote, at } = accepted;
    let deadline = Clock.deadline(at + meant.patience());
    let known = match &meant {
        RequestedNetwork::One(route, _) => Some(route.local.clone()),
        RequestedNetwork::Any(_) => None,
    };
    let mut secured =
        within(deadline, Stage::Secret, SecuredConnection::new(stream, key)).await.map_err(|f| (known.clone(), f))?;
    let (route, presence, info) =
        within(deadline, Stage::NodeInfo, async { Ok(exchange(&mut secured, meant, remote).await) })
            .await
            .unwrap_or_else(|fault| Err((known, fault)))?;
    let local = route.local.clone();
    let hand_over = || {
        check_compatible(local.info(), &info, secured.id, None)?;
        let link = secured.into_link(local.clone(), presence);
        route.hand_over(Upgraded { remote, info, took: Clock.mono().since(at), link })
    };
    hand_over().map_err(|fault| (Some(route.local.clone()), fault))
}

type Exchanged = (Route, Option<Presence>, NodeInfo);

/// Both sides' node information. With one network ours goes out at once; with several the dialler's decides which.
async fn exchange(
    secured: &mut SecuredConnection,
    meant: RequestedNetwork,
    remote: SocketAddr,
) -> Result<Exchanged, Failure> {
    match meant {
        RequestedNetwork::One(route, presence) => {
            let failed = |fault| (Some(route.local.clone()), fault);
            secured.send_info(route.local.encoded_info()).await.map_err(failed)?;
            let info = secured.receive_info().await.map_err(failed)?;
            Ok((route, presence, info))
        }
        RequestedNetwork::Any(routes) => {
            let info = secured.receive_info().await.map_err(|fault| (None, fault))?;
            let named = routes.iter().find(|route| route.network() == info.network);
            // A peer of none of them gets the NodeInfo of the first, and sees by itself that it is wrong here.
            let Some(route) = named.or(routes.first()) else { return Err((None, Fault::NotRunning)) };
            let failed = |fault| (Some(route.local.clone()), fault);
            let presence = route.local.gate().admit(remote.ip()).map_err(failed)?;
            secured.send_info(route.local.encoded_info()).await.map_err(failed)?;
            if named.is_none() {
                // Of no network: it is not the first one's refusal either.
                check_compatible(route.local.info(), &info, secured.id, None).map_err(|fault| (None, fault))?;
            }
            Ok((route.clone(), presence, info))
        }
    }
}
