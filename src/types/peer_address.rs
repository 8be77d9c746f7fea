//! The address of a configured peer: an ID at a host, which may be a DNS name that is resolved at each dial.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{AddressError, NetAddress, NodeId, canonical};

/// `id@host:port`, as operators write it for seeds and persistent peers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerAddress {
    id: NodeId,
    host: Host,
    port: u16,
}

/// The middle of a [`PeerAddress`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An IP in canonical form.
    Ip(IpAddr),
    /// A lower-case DNS name, resolved again at each dial.
    Name(Box<str>),
}

/// Why a text is not `id@host:port`. The messages name the fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerAddressError {
    /// There is no `@`.
    #[error("no ID: write id@host:port, the ID being what `show-node-id` prints on that node")]
    NoId,
    /// What is before the `@` is not an ID.
    #[error("the ID before the @ is not 40 hex digits")]
    Id,
    /// There is no port.
    #[error("no port: write id@host:port, usually port 26656")]
    NoPort,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The host is neither an IP nor a name.
    #[error("the host is neither an IP address nor a DNS name (write an IPv6 address in brackets)")]
    Host,
    /// The address parses, and can never be dialled.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// The longest name that DNS allows (RFC 1035, section 2.3.4, without the length bytes at its ends).
const MAX_NAME: usize = 253;

impl PeerAddress {
    /// The ID of the expected node.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// The IP or the name to resolve.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The name to resolve; `None` for an IP.
    pub fn host_name(&self) -> Option<&str> {
        match &self.host {
            Host::Ip(_) => None,
            Host::Name(name) => Some(name),
        }
    }

    /// The port, never 0.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address itself when nothing has to be resolved.
    pub fn as_net_address(&self) -> Option<NetAddress> {
        match self.host {
            Host::Ip(ip) => NetAddress::new(self.id, ip, self.port).ok(),
            Host::Name(_) => None,
        }
    }
}

impl From<NetAddress> for PeerAddress {
    fn from(address: NetAddress) -> Self {
        PeerAddress { id: address.id(), host: Host::Ip(address.ip()), port: address.port() }
    }
}

impl FromStr for PeerAddress {
    type Err = PeerAddressError;

    /// Parses `id@host:port`; a `scheme://` in front is skipped (CometBFT
    /// `p2p/netaddress.go: removeProtocolIfDefined`).
    fn from_str(text: &str) -> Result<Self, PeerAddressError> {
        let text = text.trim();
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (id, endpoint) = text.split_once('@').ok_or(PeerAddressError::NoId)?;
        let id = id.parse().map_err(|_| PeerAddressError::Id)?;
        let (host, port) = endpoint.rsplit_once(':').ok_or(PeerAddressError::NoPort)?;
        let port = parse_port(port)?;
        let host = parse_host(host)?;
        if let Host::Ip(ip) = host {
            NetAddress::new(id, ip, port)?;
        }
        Ok(PeerAddress { id, host, port })
    }
}

impl FromStr for NetAddress {
    type Err = PeerAddressError;

    /// Parses a [`PeerAddress`] whose host is an IP.
    fn from_str(text: &str) -> Result<Self, PeerAddressError> {
        let address: PeerAddress = text.parse()?;
        address.as_net_address().ok_or(PeerAddressError::Host)
    }
}

fn parse_port(text: &str) -> Result<u16, PeerAddressError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(PeerAddressError::Port),
    }
}

fn parse_host(text: &str) -> Result<Host, PeerAddressError> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let ip = inner.parse().map_err(|_| PeerAddressError::Host)?;
        return Ok(Host::Ip(canonical(IpAddr::V6(ip))));
    }
    if let Ok(ip) = text.parse::<std::net::Ipv4Addr>() {
        return Ok(Host::Ip(IpAddr::V4(ip)));
    }
    if is_name(text) { Ok(Host::Name(text.to_ascii_lowercase().into())) } else { Err(PeerAddressError::Host) }
}

/// Whether this can be a DNS name. One whose last label is all digits is a mistyped IP.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last_is_number = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= MAX_NAME && !last_is_number && text.split('.').all(label)
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "{}@[{ip}]:{}", self.id, self.port),
            Host::Ip(ip) => write!(f, "{}@{ip}:{}", self.id, self.port),
            Host::Name(name) => write!(f, "{}@{name}:{}", self.id, self.port),
        }
    }
}

impl fmt::Debug for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn parse(endpoint: &str) -> Result<PeerAddress, PeerAddressError> {
        format!("{ID}@{endpoint}").parse()
    }

    #[test]
    fn reads_names_and_both_families() {
        for endpoint in ["seed.example.org:26656", "1.2.3.4:1", "[2a00::1]:65535", "localhost:2"] {
            assert_eq!(parse(endpoint).unwrap().to_string(), format!("{ID}@{endpoint}"));
        }
        assert_eq!(parse("[::ffff:1.2.3.4]:1").unwrap(), parse("1.2.3.4:1").unwrap());
        assert_eq!(parse("Seed.Example.org:1").unwrap(), parse("seed.example.org:1").unwrap());
        assert_eq!(format!("tcp://{ID}@1.2.3.4:1").parse(), parse("1.2.3.4:1"));
    }

    #[test]
    fn every_error_in_an_address_is_told_apart() {
        assert_eq!("1.2.3.4:26656".parse::<PeerAddress>(), Err(PeerAddressError::NoId));
        assert_eq!("abc@1.2.3.4:26656".parse::<PeerAddress>(), Err(PeerAddressError::Id));
        assert_eq!(parse("1.2.3.4"), Err(PeerAddressError::NoPort));
        for port in ["", "0", "65536", "+1", "x"] {
            assert_eq!(parse(&format!("1.2.3.4:{port}")), Err(PeerAddressError::Port), "{port}");
        }
        for host in ["", "1.2.3", "1.2.3.456", "a b", "a..b", "::1", "[1.2.3.4]", "[x]"] {
            assert_eq!(parse(&format!("{host}:1")), Err(PeerAddressError::Host), "{host}");
        }
        assert_eq!(parse("0.0.0.0:1"), Err(PeerAddressError::Address(AddressError::Unspecified)));
    }

    #[test]
    fn an_address_with_an_ip_is_read_as_it_is_written() {
        for text in [format!("{ID}@1.2.3.4:26656"), format!("{ID}@[2a00::1]:1")] {
            assert_eq!(text.parse::<NetAddress>().unwrap().to_string(), text);
        }
        assert_eq!(format!("{ID}@example.org:1").parse::<NetAddress>(), Err(PeerAddressError::Host));
    }
}
