//! The listener's side of a handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::clock::Clock;
use crate::transport::handshake::{Secured, within};
use crate::transport::limits::gate::Presence;
use crate::transport::{Local, Upgraded};
use crate::types::{Fault, Mono, NodeInfo, Stage};
use crate::wire::node_info::check_compatible;
use crate::wire::secret::NodeKey;

/// Where the peers of one network go.
#[derive(Clone, Debug)]
pub(in crate::transport) struct Route {
    pub(in crate::transport) local: Arc<Local>,
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
pub(in crate::transport) enum Meant {
    /// The only one, whose gate let it in.
    One(Route, Option<Presence>),
    /// The one that the dialler will name.
    Any(Arc<Vec<Route>>),
}

impl Meant {
    /// The strictest of the networks' bounds.
    fn patience(&self) -> Duration {
        match self {
            Meant::One(route, _) => route.local.settings().handshake_timeout,
            Meant::Any(routes) => {
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
pub(in crate::transport) type Failure = (Option<Arc<Local>>, Fault);

/// Shakes hands and hands over.
pub(in crate::transport) async fn upgrade(accepted: Accepted, key: Arc<NodeKey>, meant: Meant) -> Result<(), Failure> {
    let Accepted { stream, remote, at } = accepted;
    let deadline = Clock.deadline(at + meant.patience());
    let known = match &meant {
        Meant::One(route, _) => Some(route.local.clone()),
        Meant::Any(_) => None,
    };
    let mut secured =
        within(deadline, Stage::Secret, Secured::new(stream, key)).await.map_err(|f| (known.clone(), f))?;
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
async fn exchange(secured: &mut Secured, meant: Meant, remote: SocketAddr) -> Result<Exchanged, Failure> {
    match meant {
        Meant::One(route, presence) => {
            let failed = |fault| (Some(route.local.clone()), fault);
            secured.send_info(route.local.encoded_info()).await.map_err(failed)?;
            let info = secured.receive_info().await.map_err(failed)?;
            Ok((route, presence, info))
        }
        Meant::Any(routes) => {
            let info = secured.receive_info().await.map_err(|fault| (None, fault))?;
            let named = routes.iter().find(|route| route.network() == info.network);
            // A stranger to all of them is told of the first, and sees for himself that he is wrong here.
            let Some(route) = named.or(routes.first()) else { return Err((None, Fault::NotRunning)) };
            let failed = |fault| (Some(route.local.clone()), fault);
            let presence = route.local.gate().admit(remote.ip()).map_err(failed)?;
            secured.send_info(route.local.encoded_info()).await.map_err(failed)?;
            Ok((route.clone(), presence, info))
        }
    }
}
