//! Dials: who is at an address, within bounds that the whole process shares.

mod keyed_semaphore;
pub(super) mod limits;
mod rate_limiter;
pub(super) mod resolve;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::descriptors::{DescriptorUse, may_keep, note_open_error};
use super::handshake::{SecuredConnection, within};
use super::os_error::connect_fault;
use super::{LocalNode, Resolver, Upgraded};
use crate::clock::Clock;
use crate::transport::dial::limits::{DialLimits, DialLoad, DialPermits, ProcessLimits};
use crate::types::{Fault, Host, NetAddress, NodeId, PeerAddress, Stage, is_routable};
use crate::wire::node_info::{check_compatible, check_dialled};

/// Addresses of one name that are tried.
const MAX_TRIED: usize = 4;

/// The end of a dial.
#[derive(Debug)]
pub struct Dialled {
    /// The place that was dialled last; `None` when a name gave none.
    pub remote: Option<SocketAddr>,
    /// Who answered, or why nobody did.
    pub result: Result<Box<Upgraded>, Fault>,
}

/// Dials for all networks of the process; all clones share their bounds.
#[derive(Clone, Debug)]
pub struct Dialler {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    resolver: Resolver,
    permits: DialPermits,
}

impl Default for Dialler {
    /// Within the usual bounds.
    fn default() -> Self {
        Dialler::new(DialLimits::default())
    }
}

impl Dialler {
    /// A dialler with these bounds; one a process.
    pub fn new(limits: DialLimits) -> Self {
        let shared = Shared { resolver: Resolver::new(limits.resolve_timeout), permits: DialPermits::new(&limits) };
        Dialler { shared: Arc::new(shared) }
    }

    /// What looks names up.
    pub fn resolver(&self) -> &Resolver {
        &self.shared.resolver
    }

    /// How far the bounds are used now.
    pub fn load(&self) -> DialLoad {
        self.shared.permits.load()
    }

    /// The addresses that a name stands for; empty when it does not resolve. See [`Resolver::resolve`].
    pub async fn resolve(&self, name: &str) -> Vec<IpAddr> {
        self.shared.resolver.resolve(name).await
    }

    /// Dials, and shakes hands as `local`. Waits for its turn within the bounds first. Of a name's addresses up to four are
    /// tried, until one of them answers at all. Cancelling gives up.
    pub async fn dial(&self, local: Arc<LocalNode>, target: PeerAddress) -> Dialled {
        self.dial_in(ProcessLimits::Apply, local, target).await
    }

    /// As [`Dialler::dial`], for somebody who waits for the end: the bounds that all dials of the process share do not hold
    /// it up.
    pub async fn dial_now(&self, local: Arc<LocalNode>, target: PeerAddress) -> Dialled {
        self.dial_in(ProcessLimits::Bypass, local, target).await
    }

    async fn dial_in(&self, process_limits: ProcessLimits, local: Arc<LocalNode>, target: PeerAddress) -> Dialled {
        let ips = match self.addresses(&local, target.host()).await {
            Ok(ips) => ips,
            Err(fault) => return Dialled { remote: None, result: Err(fault) },
        };
        let mut dialled = Dialled { remote: None, result: Err(Fault::Unresolved) };
        for ip in ips {
            let remote = SocketAddr::new(ip, target.port());
            let result = self.try_address(process_limits, &local, target.id(), remote).await;
            let nobody_there = matches!(
                result,
                Err(Fault::Refused | Fault::Unreachable | Fault::TimedOut(Stage::Dial) | Fault::BannedIp)
            );
            dialled = Dialled { remote: Some(remote), result };
            if !nobody_there {
                break;
            }
        }
        dialled
    }

    /// Where a host is. What a name stands for is filtered like any other address; an IP that an operator wrote is
    /// taken as it is.
    async fn addresses(&self, local: &LocalNode, host: &Host) -> Result<Vec<IpAddr>, Fault> {
        let name = match host {
            Host::Ip(ip) => return Ok(vec![*ip]),
            Host::Name(name) => name,
        };
        let mut ips = self.resolve(name).await;
        if ips.is_empty() {
            return Err(Fault::Unresolved);
        }
        ips.retain(|&ip| may_be_dialled(ip, local.settings().strict));
        ips.truncate(MAX_TRIED);
        if ips.is_empty() { Err(Fault::Unroutable) } else { Ok(ips) }
    }

    async fn try_address(
        &self,
        process_limits: ProcessLimits,
        local: &Arc<LocalNode>,
        id: NodeId,
        remote: SocketAddr,
    ) -> Result<Box<Upgraded>, Fault> {
        let _permit = self.shared.permits.acquire(process_limits, local.dials(), remote).await;
        let presence = local.gate().admit(remote.ip())?;
        let settings = local.settings();
        let began = Clock.mono();
        let stream = connect(remote, settings.dial_timeout).await?;
        let secret = Clock.deadline(Clock.mono() + settings.secret_timeout);
        let mut secured = within(secret, Stage::Secret, SecuredConnection::new(stream, local.key().clone())).await?;
        // Before our node information goes out: a stranger need not learn it.
        check_dialled(secured.id, Some(id))?;
        let deadline = Clock.deadline(Clock.mono() + settings.node_info_timeout);
        let info = within(deadline, Stage::NodeInfo, async {
            secured.send_info(local.encoded_info()).await?;
            secured.receive_info().await
        })
        .await?;
        check_compatible(local.info(), &info, secured.id, Some(id))?;
        let link = secured.into_link(local.clone(), presence);
        Ok(Box::new(Upgraded { remote, info, took: Clock.mono().since(began), link }))
    }
}

/// Whether an address that a name stands for is one at all, and in strict mode one of the Internet.
fn may_be_dialled(ip: IpAddr, strict: bool) -> bool {
    let any_id = NodeId::from_bytes([0; NodeId::LEN]);
    NetAddress::new(any_id, ip, 1).is_ok() && (!strict || is_routable(ip))
}

async fn connect(remote: SocketAddr, patience: Duration) -> Result<TcpStream, Fault> {
    let fault = |error: std::io::Error| connect_fault(&error, remote);
    let socket = if remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.inspect_err(|error| note_open_error(error, DescriptorUse::Dial)).map_err(fault)?;
    if !may_keep(&socket, DescriptorUse::Dial) {
        return Err(Fault::LocalResources);
    }
    // Our messages are whole writes: to wait for more would only delay them.
    socket.set_nodelay(true).map_err(fault)?;
    match timeout(patience, socket.connect(remote)).await {
        Ok(connected) => connected.map_err(fault),
        Err(_) => Err(Fault::TimedOut(Stage::Dial)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_stands_for_is_filtered() {
        for (ip, strict, ok) in [
            ("8.8.8.8", true, true),
            ("10.0.0.1", true, false),
            ("10.0.0.1", false, true),
            ("127.0.0.1", false, true),
            ("0.0.0.0", false, false),
            ("224.0.0.1", false, false),
        ] {
            assert_eq!(may_be_dialled(ip.parse().unwrap(), strict), ok, "{ip}");
        }
    }
}
