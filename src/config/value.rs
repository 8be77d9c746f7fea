//! The kinds of values that keys have, and how a text becomes one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::duration;
use crate::types::{Host, NodeId, PeerAddress, PeerAddressError};

/// How a value is written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A duration in quotes.
    Duration,
    /// A text in quotes.
    Text,
}

/// What a key takes, for messages and the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// How it is written in a file.
    pub shape: Shape,
    /// Its name in the reference.
    pub name: &'static str,
    /// The placeholder in the help of the flags.
    pub placeholder: &'static str,
}

const fn text(name: &'static str, placeholder: &'static str) -> Kind {
    Kind { shape: Shape::Text, name, placeholder }
}

/// A type that keys can have.
pub trait Setting: Sized {
    /// What the key takes.
    const KIND: Kind;

    /// Reads the value from its text: a variable, a flag, or what stands in a file without its quotes.
    ///
    /// # Errors
    /// What is wrong, to be put behind the key's name, with the fix.
    fn from_text(text: &str) -> Result<Self, String>;

    /// The number that a key's bounds are compared with: the number itself, milliseconds of a duration.
    fn magnitude(&self) -> Option<u64> {
        None
    }
}

impl Setting for bool {
    const KIND: Kind = Kind { shape: Shape::Bool, name: "true or false", placeholder: "BOOL" };

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("is {text:?}: write true or false"))
    }
}

macro_rules! integer {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            const KIND: Kind = Kind { shape: Shape::Integer, name: "whole number", placeholder: "N" };

            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("is {text:?}: write a whole number from 0 to {}", <$type>::MAX))
            }

            fn magnitude(&self) -> Option<u64> {
                Some(u64::from(*self))
            }
        }
    )+};
}

integer!(u32, u64);

impl Setting for Duration {
    const KIND: Kind = Kind { shape: Shape::Duration, name: "duration", placeholder: "DURATION" };

    fn from_text(text: &str) -> Result<Self, String> {
        duration::parse(text).map_err(|error| format!("is {text:?}, which {error}"))
    }

    fn magnitude(&self) -> Option<u64> {
        u64::try_from(self.as_millis()).ok()
    }
}

impl Setting for PathBuf {
    const KIND: Kind = text("path", "PATH");

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains('\0') {
            return Err("is not a path: write one, absolute or relative to its file's folder".into());
        }
        Ok(text.into())
    }
}

/// A path, or nothing.
impl Setting for Option<PathBuf> {
    const KIND: Kind = text("path, or empty", "PATH");

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { PathBuf::from_text(text).map(Some) }
    }
}

/// The bits of a file's mode that say who may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl Setting for FileMode {
    const KIND: Kind = text("file mode", "MODE");

    fn from_text(text: &str) -> Result<Self, String> {
        let octal = text.len() <= 4 && !text.is_empty() && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| octal && *mode <= 0o777);
        mode.map(FileMode)
            .ok_or_else(|| format!("is {text:?}: write octal digits as chmod takes them, such as \"0660\""))
    }
}

/// A text of printable ASCII or nothing, as NodeInfo demands (docs/protocol/wire.md, "NodeInfo handshake").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printable(pub String);

/// Bytes of a [`Printable`] at most, so that a NodeInfo stays well below its 10,240.
const MAX_PRINTABLE: usize = 256;

impl Setting for Printable {
    const KIND: Kind = text("printable ASCII", "TEXT");

    fn from_text(text: &str) -> Result<Self, String> {
        let blank = !text.is_empty() && text.bytes().all(|byte| byte == b' ');
        if blank || text.len() > MAX_PRINTABLE || !text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            return Err(format!("is not 1 to {MAX_PRINTABLE} printable ASCII characters: peers would refuse it"));
        }
        Ok(Printable(text.to_owned()))
    }
}

/// A chain ID, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainIdText(pub String);

impl Setting for ChainIdText {
    const KIND: Kind = text("chain ID", "CHAIN_ID");

    fn from_text(text: &str) -> Result<Self, String> {
        let fits = text.len() <= super::chain_id::MAX_LEN && !text.contains(char::is_control);
        fits.then(|| ChainIdText(text.to_owned())).ok_or_else(|| {
            format!("is not a chain ID: write at most {} bytes, as genesis.json has it", super::chain_id::MAX_LEN)
        })
    }
}

/// A socket to listen on, from `tcp://ip:port` or `ip:port`. Port 0 lets the system choose.
impl Setting for SocketAddr {
    const KIND: Kind = text("address to listen on", "ADDRESS");

    fn from_text(text: &str) -> Result<Self, String> {
        let fix = "write tcp://IP:PORT, such as tcp://0.0.0.0:26656 (an IPv6 address stands in brackets)";
        let place = match text.split_once("://") {
            Some(("tcp", place)) => place,
            Some((scheme, _)) => return Err(format!("has the scheme {scheme:?}, only tcp is known: {fix}")),
            None => text,
        };
        if let Some(port) = place.strip_prefix("localhost:") {
            let port = port.parse().map_err(|_| format!("is {text:?}: {fix}"))?;
            return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        }
        place.parse().map_err(|_| format!("is {text:?}: {fix}"))
    }
}

/// A socket to listen on, or nothing.
impl Setting for Option<SocketAddr> {
    const KIND: Kind = text("address to listen on, or empty", "ADDRESS");

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { SocketAddr::from_text(text).map(Some) }
    }
}

/// What the names of some metrics begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricNamespace(pub String);

impl Setting for MetricNamespace {
    const KIND: Kind = text("beginning of names of metrics", "NAME");

    fn from_text(text: &str) -> Result<Self, String> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !first || text.len() > 64 || !text.bytes().all(inner) {
            return Err(format!("is {text:?}: write up to 64 letters, digits and _, a letter first, such as cometbft"));
        }
        Ok(MetricNamespace(text.to_owned()))
    }
}

/// The address that is advertised to peers: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAddress {
    /// An IP that others can reach, or a name.
    pub host: Host,
    /// The port, never 0.
    pub port: u16,
}

impl ExternalAddress {
    /// `host:port`, as it is announced in NodeInfo.
    pub fn to_listen_addr(&self) -> String {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).to_string(),
            Host::Name(name) => format!("{name}:{}", self.port),
        }
    }
}

impl Setting for Option<ExternalAddress> {
    const KIND: Kind = text("host:port, or empty", "HOST:PORT");

    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let place = text.trim();
        let place = place.split_once("://").map_or(place, |(_, place)| place);
        if place.contains('@') {
            return Err(format!("is {text:?}: write host:port without the ID, such as 159.89.10.97:26656"));
        }
        if let Some((ip, port)) = bare_ipv6(place) {
            return Err(format!("is {text:?}: an IPv6 address stands in brackets, write [{ip}]:{port}"));
        }
        // The parser of peers' addresses knows hosts and ports; any ID makes it a whole address.
        let whole = format!("{}@{place}", NodeId::from_bytes([0; NodeId::LEN]));
        let address = PeerAddress::from_str(&whole).map_err(|error| {
            let wrong = match error {
                PeerAddressError::NoPort => "there is no port",
                PeerAddressError::Port => "the port is not a number from 1 to 65535",
                _ => "nobody can dial that host",
            };
            format!("is {text:?}: {wrong}; write host:port, such as 159.89.10.97:26656")
        })?;
        Ok(Some(ExternalAddress { host: address.host().clone(), port: address.port() }))
    }
}

/// The IPv6 address that stands without brackets, and the port that is behind it, or else the usual one.
fn bare_ipv6(place: &str) -> Option<(Ipv6Addr, &str)> {
    if let Ok(ip) = place.parse() {
        return Some((ip, "26656"));
    }
    let (ip, port) = place.rsplit_once(':')?;
    Some((ip.parse().ok()?, port))
}

/// Splits a list as CometBFT does: at commas, spaces around items dropped, empty items skipped, each item once. `tell` says
/// what is wrong with an item.
fn list<T>(text: &str, tell: impl Fn(&str, T::Err) -> String) -> Result<Vec<T>, String>
where
    T: FromStr + PartialEq,
{
    let (mut items, mut wrong) = (Vec::new(), Vec::new());
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.parse() {
            Ok(item) if items.contains(&item) => {}
            Ok(item) => items.push(item),
            Err(error) => wrong.push(format!("{part:?}: {}", tell(part, error))),
        }
    }
    if wrong.is_empty() { Ok(items) } else { Err(format!("has the item {}", wrong.join("; and the item "))) }
}

impl Setting for Vec<PeerAddress> {
    const KIND: Kind = text("list of id@host:port", "LIST");

    fn from_text(text: &str) -> Result<Self, String> {
        list(text, |_, error: PeerAddressError| error.in_list())
    }
}

impl Setting for Vec<NodeId> {
    const KIND: Kind = text("list of node IDs", "LIST");

    fn from_text(text: &str) -> Result<Self, String> {
        let hint = |part: &str| if part.contains('@') { ": write only what stands before the @" } else { "" };
        list(text, |part, error| format!("{error}{}", hint(part)))
    }
}

/// What is logged: a level, or levels by module (`info,pexd::switch=debug`), in tracing's notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevel(pub String);

impl Setting for LogLevel {
    const KIND: Kind = text("log level", "LEVEL");

    fn from_text(text: &str) -> Result<Self, String> {
        let level = |level: &str| matches!(level, "off" | "error" | "warn" | "info" | "debug" | "trace");
        let module = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'))
        };
        let part = |part: &str| part.split_once('=').map_or(level(part), |(name, l)| module(name) && level(l));
        if !text.split(',').all(part) {
            return Err(format!(
                "is {text:?}: write off, error, warn, info, debug or trace, or levels by module (info,pexd::switch=debug)"
            ));
        }
        Ok(LogLevel(text.to_owned()))
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Setting for LogFormat {
    const KIND: Kind = text("text or json", "FORMAT");

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("is {text:?}: write text or json")),
        }
    }
}

/// Which networks have to be ready for the process to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyRule {
    /// One of them.
    Any,
    /// Each of them.
    All,
}

impl Setting for ReadyRule {
    const KIND: Kind = text("any or all", "RULE");

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "any" => Ok(ReadyRule::Any),
            "all" => Ok(ReadyRule::All),
            _ => Err(format!("is {text:?}: write any or all")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_read_as_comet_reads_them() {
        let a = "0123456789abcdef0123456789abcdef01234567";
        let b = "1123456789abcdef0123456789abcdef01234567";
        let ids = Vec::<NodeId>::from_text(&format!(" {a} ,, {b},{},", a.to_uppercase())).unwrap();
        assert_eq!(ids, [a.parse().unwrap(), b.parse().unwrap()]);
        assert_eq!(Vec::<NodeId>::from_text(""), Ok(Vec::new()));
        let error = Vec::<PeerAddress>::from_text(&format!("{a}@h:1,{b}@h")).unwrap_err();
        assert!(error.contains(&format!("{b}@h")) && error.contains("no port"), "{error}");
    }

    #[test]
    fn listen_addresses() {
        for (text, address) in [
            ("tcp://0.0.0.0:26656", "0.0.0.0:26656"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("tcp://[::]:1", "[::]:1"),
            ("tcp://localhost:5", "127.0.0.1:5"),
        ] {
            assert_eq!(SocketAddr::from_text(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in ["", "26656", ":26656", "udp://1.2.3.4:1", "tcp://example.org:1", "1.2.3.4:65536", "localhost:x"] {
            assert!(SocketAddr::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn external_addresses() {
        let reported = |text: &str| Option::<ExternalAddress>::from_text(text).map(|a| a.map(|a| a.to_listen_addr()));
        assert_eq!(reported(""), Ok(None));
        assert_eq!(reported("tcp://159.89.10.97:26656"), Ok(Some("159.89.10.97:26656".into())));
        assert_eq!(reported("Seed.Example.org:1"), Ok(Some("seed.example.org:1".into())));
        assert_eq!(reported("[2a00::1]:2"), Ok(Some("[2a00::1]:2".into())));
        assert_eq!(reported("https://seed.example.org:1"), reported("seed.example.org:1"));
        for text in ["1.2.3.4", "0.0.0.0:1", "a@b:1", ":1", "1.2.3.4:0", "tcp://seed.example.org"] {
            let error = reported(text).unwrap_err();
            assert!(error.contains("write host:port") && !error.contains("id@"), "{error}");
        }
        for (text, fix) in
            [("2a00::1", "[2a00::1]:26656"), ("tcp://2a00::1:26656", "[2a00::1]:26656"), ("::1:1", "[::1:1]:26656")]
        {
            let error = reported(text).unwrap_err();
            assert!(error.contains("brackets") && error.contains(fix), "{error}");
        }
    }

    #[test]
    fn all_items_of_a_list_that_are_wrong_are_told() {
        let reported = Vec::<NodeId>::from_text("abc, 0123456789abcdef0123456789abcdef01234567,xyz").unwrap_err();
        assert!(
            reported.starts_with("has the item \"abc\": ") && reported.contains("; and the item \"xyz\": "),
            "{reported}"
        );
        let reported = Vec::<NodeId>::from_text("0123456789abcdef0123456789abcdef01234567@1.2.3.4").unwrap_err();
        assert!(reported.contains("write only what stands before the @"), "{reported}");
    }

    #[test]
    fn namespaces_of_metrics() {
        assert_eq!(MetricNamespace::from_text("tendermint_2"), Ok(MetricNamespace("tendermint_2".into())));
        for text in ["", "_x", "2x", "a-b", "a b", "a:b", "ä", &"x".repeat(65)] {
            assert!(MetricNamespace::from_text(text).is_err(), "{text}");
        }
        assert_eq!(Option::<SocketAddr>::from_text(""), Ok(None));
    }

    #[test]
    fn file_modes() {
        assert_eq!(FileMode::from_text("0660"), Ok(FileMode(0o660)));
        assert_eq!(FileMode::from_text("600"), Ok(FileMode(0o600)));
        for text in ["", "0o600", "+600", "888", "1777", "00600", "-rw-------"] {
            assert!(FileMode::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn levels() {
        for text in ["info", "info,pexd::switch=debug", "off"] {
            assert!(LogLevel::from_text(text).is_ok(), "{text}");
        }
        for text in ["", "infoo", "INFO,", "main:info", "=info", "a=b"] {
            assert!(LogLevel::from_text(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = bool::from_text(&text);
            let _ = u32::from_text(&text);
            let _ = u64::from_text(&text);
            let _ = SocketAddr::from_text(&text);
            let _ = Option::<ExternalAddress>::from_text(&text);
            let _ = Vec::<PeerAddress>::from_text(&text);
            let _ = Vec::<NodeId>::from_text(&text);
            let _ = LogLevel::from_text(&text);
            let _ = LogFormat::from_text(&text);
            let _ = ReadyRule::from_text(&text);
            let _ = Printable::from_text(&text);
            let _ = ChainIdText::from_text(&text);
            let _ = MetricNamespace::from_text(&text);
            let _ = PathBuf::from_text(&text);
            let _ = FileMode::from_text(&text);
        }
    }
}
