//! The socket that peers connect to, for one network or several.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::inbound::{Accepted, RequestedNetwork, Route, upgrade};
use crate::clock::Clock;
use crate::transport::descriptors::{DescriptorUse, may_keep, note_accept_error};
use crate::transport::limits::handshake_limits::{HandshakeLimiter, HandshakePermit};
use crate::transport::{HandshakeLimits, LocalNode, Refusals, Upgraded};
use crate::types::Fault;
use crate::wire::secret::NodeKey;

/// Connections that the kernel keeps until we accept them.
const BACKLOG: u32 = 1024;
/// The first wait after an error that is this host's; it doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(10);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Why nothing listens at an address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The port is taken.
    #[error("cannot listen on {0}: another process or network has this address (change laddr or stop the other)")]
    InUse(SocketAddr),
    /// The address is not one of this host.
    #[error("cannot listen on {0}: this host has no such address (laddr; 0.0.0.0 stands for all of them)")]
    NotOurs(SocketAddr),
    /// The port needs rights that this process has not.
    #[error("cannot listen on {0}: no permission (ports below 1024 need it)")]
    NoPermission(SocketAddr),
    /// Anything else that the operating system says.
    #[error("cannot listen on {laddr}: {error}")]
    Other {
        /// Where.
        laddr: SocketAddr,
        /// What it says.
        error: Error,
    },
}

/// Why a network cannot be added to a listener.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The network has another node key.
    #[error("networks that share an address need the same node key")]
    OtherKey,
    /// A network of this name is there already.
    #[error("network {0:?} listens at this address already")]
    Taken(String),
}

/// Accepts connections and shakes hands, for the networks that were added. Dropping it stops it.
#[derive(Debug)]
pub struct Listener {
    laddr: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Shared {
    key: Arc<NodeKey>,
    routes: ArcSwap<Vec<Route>>,
    /// Held while the routes are changed.
    changing: Mutex<()>,
    limiter: Arc<HandshakeLimiter>,
    refusals: Refusals,
}

impl Listener {
    /// Takes the address and accepts from now on. Port 0 lets the system choose. Has to be called within a runtime.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn bind(laddr: SocketAddr, key: Arc<NodeKey>, limits: HandshakeLimits) -> Result<Listener, BindError> {
        let (socket, laddr) = listen(laddr).map_err(|error| bind_error(laddr, error))?;
        let shared = Arc::new(Shared {
            key,
            routes: ArcSwap::default(),
            changing: Mutex::new(()),
            limiter: HandshakeLimiter::new(limits),
            refusals: Refusals::default(),
        });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept_until(stop.clone(), socket, shared.clone()));
        Ok(Listener { laddr, shared, stop, tasks })
    }

    /// The address that it is bound to, with the port that the system chose.
    pub const fn local_addr(&self) -> SocketAddr {
        self.laddr
    }

    /// Lets peers of this network in; they go to `upgraded`, and those that find it full are refused.
    ///
    /// # Errors
    /// When the network has another key, or its name is there already.
    pub fn add_route(&self, local: Arc<LocalNode>, upgraded: Sender<Upgraded>) -> Result<(), RouteError> {
        if local.key().id() != self.shared.key.id() {
            return Err(RouteError::OtherKey);
        }
        let _changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut routes = Vec::clone(&self.shared.routes.load());
        let route = Route { local, upgraded };
        if routes.iter().any(|other| other.network() == route.network()) {
            return Err(RouteError::Taken(route.network().to_owned()));
        }
        routes.push(route);
        self.shared.routes.store(Arc::new(routes));
        Ok(())
    }

    /// Sets other bounds on who may come; handshakes under way go on.
    pub fn set_limits(&self, limits: HandshakeLimits) {
        self.shared.limiter.set_limits(limits);
    }

    /// Lets nobody of this network in any more, and says how many networks are left. Handshakes under way end as they
    /// began; their peers find the receiver closed.
    pub fn remove_route(&self, network: &str) -> usize {
        let _changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut routes = Vec::clone(&self.shared.routes.load());
        routes.retain(|route| route.network() != network);
        let left = routes.len();
        self.shared.routes.store(Arc::new(routes));
        left
    }

    /// Connections that a listener that several networks share refused before it was known which was meant (by the
    /// listener's bounds, by every network's bans, or in the secret connection), or because they meant none of them. What
    /// comes for one alone is counted there.
    pub fn refusals(&self) -> &Refusals {
        &self.shared.refusals
    }

    /// Stops accepting, breaks off the handshakes under way and gives the port back.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn listen(laddr: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let socket = if laddr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Else a restart finds its own old connections in the way.
    socket.set_reuseaddr(true)?;
    socket.bind(laddr)?;
    let listener = socket.listen(BACKLOG)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

fn bind_error(laddr: SocketAddr, error: Error) -> BindError {
    match error.kind() {
        ErrorKind::AddrInUse => BindError::InUse(laddr),
        ErrorKind::AddrNotAvailable => BindError::NotOurs(laddr),
        ErrorKind::PermissionDenied => BindError::NoPermission(laddr),
        _ => BindError::Other { laddr, error },
    }
}

async fn accept_until(stop: CancellationToken, socket: TcpListener, shared: Arc<Shared>) {
    // Breaks off the handshakes when it is dropped.
    let mut handshakes = JoinSet::new();
    let accepting = async {
        let mut backoff = MIN_BACKOFF;
        loop {
            tokio::select! {
                accepted = socket.accept() => match accepted {
                    Ok((stream, remote)) => {
                        backoff = MIN_BACKOFF;
                        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
                        if let Some(handshake) = shared.clone().receive(stream, remote) {
                            handshakes.spawn(handshake);
                        }
                    }
                    Err(error) => backoff = outlast(&error, backoff).await,
                },
                Some(_) = handshakes.join_next() => {}
            }
        }
    };
    stop.run_until_cancelled(accepting).await;
}

/// Waits until the next attempt to accept, and says how long the next wait is. What the other end did to its connection
/// needs none.
async fn outlast(error: &Error, backoff: Duration) -> Duration {
    if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted) {
        return MIN_BACKOFF;
    }
    note_accept_error(error, DescriptorUse::Inbound);
    tokio::time::sleep(backoff).await;
    (backoff * 2).min(MAX_BACKOFF)
}

impl Shared {
    /// What may be known before any cryptography; a connection that is refused is closed by being dropped.
    fn receive(self: Arc<Self>, stream: TcpStream, remote: SocketAddr) -> Option<impl Future<Output = ()> + use<>> {
        let now = Clock.now();
        let accepted = Accepted { stream, remote, at: now.mono };
        if !may_keep(&accepted.stream, DescriptorUse::Inbound) {
            self.count(self.only_network(), remote, Fault::LocalResources);
            return None;
        }
        let permit = match self.limiter.admit(remote.ip(), now.mono) {
            Ok(permit) => permit,
            Err(fault) => {
                self.count(self.only_network(), remote, fault);
                return None;
            }
        };
        let meant = match self.meant(remote) {
            Ok(meant) => meant,
            Err((local, fault)) => {
                self.count(local, remote, fault);
                return None;
            }
        };
        Some(self.shake_hands(accepted, meant, permit))
    }

    /// The network that every connection is meant for, when there is one alone.
    fn only_network(&self) -> Option<Arc<LocalNode>> {
        match self.routes.load().as_slice() {
            [route] => Some(route.local.clone()),
            _ => None,
        }
    }

    /// The networks that a connection may be meant for. Several networks must agree on a ban: one's ban is not felt in
    /// another.
    fn meant(&self, remote: SocketAddr) -> Result<RequestedNetwork, (Option<Arc<LocalNode>>, Fault)> {
        let routes = self.routes.load_full();
        match routes.as_slice() {
            [] => Err((None, Fault::NotRunning)),
            [route] => match route.local.gate().admit(remote.ip()) {
                Ok(presence) => Ok(RequestedNetwork::One(route.clone(), presence)),
                Err(fault) => Err((Some(route.local.clone()), fault)),
            },
            several if several.iter().all(|route| route.local.gate().is_banned(remote.ip())) => {
                Err((None, Fault::BannedIp))
            }
            _ => Ok(RequestedNetwork::Any(routes)),
        }
    }

    async fn shake_hands(self: Arc<Self>, accepted: Accepted, meant: RequestedNetwork, permit: HandshakePermit) {
        let remote = accepted.remote;
        // Our messages are whole writes: to wait for more would only delay them.
        let _ = accepted.stream.set_nodelay(true);
        if let Err((local, fault)) = upgrade(accepted, self.key.clone(), meant).await {
            tracing::debug!(%remote, %fault, "inbound handshake failed");
            self.count(local, remote, fault);
        }
        drop(permit);
    }

    fn count(&self, local: Option<Arc<LocalNode>>, remote: SocketAddr, fault: Fault) {
        let refusals = local.as_ref().map_or(&self.refusals, |local| local.gate().refusals());
        refusals.add(remote.ip(), fault, Clock.now().wall);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shortage_of_our_own_is_waited_out_and_no_others() {
        let began = Instant::now();
        let aborted = Error::from(ErrorKind::ConnectionAborted);
        assert_eq!(outlast(&aborted, MAX_BACKOFF).await, MIN_BACKOFF);
        assert!(began.elapsed().is_zero());
        // No more files: 10, 20, 40 ms, and so on up to a second.
        let mut backoff = MIN_BACKOFF;
        for _ in 0..10 {
            backoff = outlast(&Error::from_raw_os_error(24), backoff).await;
        }
        assert_eq!(backoff, MAX_BACKOFF);
        assert!(began.elapsed() >= Duration::from_secs(4));
    }
}
