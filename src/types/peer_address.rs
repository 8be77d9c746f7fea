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
    /// There is a comma in it.
    #[error("there is a comma in it: give one address at a time")]
    Comma,
    /// There is a `;` in it.
    #[error("there is a ; in it: give one address at a time")]
    Semicolon,
    /// There is white space in the middle.
    #[error("there is a blank in it: give one address at a time, and no blanks within it")]
    Blank,
    /// There is more than one `@`.
    #[error("there is more than one @ in it: give one address at a time")]
    SecondId,
    /// It is a URL without an ID.
    #[error(
        "it is a URL, and no node's address: write id@host:port, the port being that of laddr in [p2p], usually 26656"
    )]
    Url,
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
    /// The host is a name where only an IP will do.
    #[error(
        "the host is a DNS name, and only an IP address can be kept here: look it up, and write the IP in its place"
    )]
    Name,
    /// The address parses, and can never be dialled.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl PeerAddressError {
    /// What is said of an entry of a list, in which commas stand between addresses.
    pub fn in_list(self) -> String {
        let text = match self {
            PeerAddressError::Semicolon => "there is a ; in it: put commas between addresses",
            PeerAddressError::Blank => "there is a blank in it: put commas between addresses, and no blanks within one",
            PeerAddressError::SecondId => "there is more than one @ in it: is a comma missing between two addresses?",
            other => return other.to_string(),
        };
        text.to_owned()
    }
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
        check_single(text)?;
        let (scheme, text) = text.split_once("://").map_or(("tcp", text), |(scheme, rest)| (scheme, rest));
        let no_id = if scheme.eq_ignore_ascii_case("tcp") { PeerAddressError::NoId } else { PeerAddressError::Url };
        let (id, endpoint) = text.split_once('@').ok_or(no_id)?;
        let id = id.parse().map_err(|_| PeerAddressError::Id)?;
        let (host, port) = match endpoint.rsplit_once(':') {
            // The colons are those of an IPv6 address.
            Some(_) if endpoint.ends_with(']') => return Err(PeerAddressError::NoPort),
            Some(parts) => parts,
            None => return Err(PeerAddressError::NoPort),
        };
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
        address.as_net_address().ok_or(PeerAddressError::Name)
    }
}

/// Whether it is one address, and not several with something else than commas between them.
fn check_single(text: &str) -> Result<(), PeerAddressError> {
    if text.contains(',') {
        Err(PeerAddressError::Comma)
    } else if text.contains(';') {
        Err(PeerAddressError::Semicolon)
    } else if text.contains(char::is_whitespace) {
        Err(PeerAddressError::Blank)
    } else if text.matches('@').nth(1).is_some() {
        Err(PeerAddressError::SecondId)
    } else {
        Ok(())
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
        assert_eq!(parse("[2a00::1]"), Err(PeerAddressError::NoPort));
        for host in ["", "1.2.3", "1.2.3.456", "a..b", "::1", "[1.2.3.4]", "[x]"] {
            assert_eq!(parse(&format!("{host}:1")), Err(PeerAddressError::Host), "{host}");
        }
        assert_eq!(parse("0.0.0.0:1"), Err(PeerAddressError::Address(AddressError::Unspecified)));
    }

    #[test]
    fn an_address_with_an_ip_is_read_as_it_is_written() {
        for text in [format!("{ID}@1.2.3.4:26656"), format!("{ID}@[2a00::1]:1")] {
            assert_eq!(text.parse::<NetAddress>().unwrap().to_string(), text);
        }
        assert_eq!(format!("{ID}@example.org:1").parse::<NetAddress>(), Err(PeerAddressError::Name));
    }

    #[test]
    fn what_is_no_list_of_addresses_says_so() {
        let error = |text: &str| text.replace("ID", ID).parse::<PeerAddress>().unwrap_err();
        for (text, expected, words) in [
            ("ID@h.org:1,ID@h.org:2", PeerAddressError::Comma, "one address at a time"),
            ("ID@h.org:1;ID@h.org:2", PeerAddressError::Semicolon, "put commas between"),
            ("ID@h.org:1;", PeerAddressError::Semicolon, "put commas between"),
            ("ID@h.org:1 ID@h.org:2", PeerAddressError::Blank, "put commas between"),
            ("ID@h.org:1\nID@h.org:2", PeerAddressError::Blank, "put commas between"),
            ("ID@h.org: 1", PeerAddressError::Blank, "no blanks within"),
            ("ID@h.org:1ID@h.org:2", PeerAddressError::SecondId, "is a comma missing"),
            ("https://rpc.example.org:443", PeerAddressError::Url, "a URL"),
            ("http://1.2.3.4:26657/net_info", PeerAddressError::Url, "write id@host:port"),
            ("tcp://1.2.3.4:26656", PeerAddressError::NoId, "no ID"),
        ] {
            assert_eq!(error(text), expected, "{text}");
            assert!(expected.in_list().contains(words), "{expected}");
        }
        for several in [PeerAddressError::Comma, PeerAddressError::Semicolon, PeerAddressError::SecondId] {
            assert!(several.to_string().ends_with("give one address at a time"), "{several}");
        }
        assert_eq!(format!("https://{ID}@h.org:1").parse(), parse("h.org:1"), "CometBFT skips any scheme");
    }
}
