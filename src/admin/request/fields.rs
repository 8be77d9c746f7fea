//! Reading the fields of requests. Each error names the field and what to write instead.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use tonic::Status;

use crate::admin::reply::status_codes::invalid;
use crate::node::AddressRef;
use crate::node::row::BanTarget;
use crate::types::{NodeId, PeerAddress, PeerAddressError, canonical};

/// Bytes of a ban's reason at most.
const MAX_REASON: usize = 256;
/// Bytes of an address or target in text form at most: an ID, the longest DNS name and a port fit.
const MAX_TEXT: usize = 512;
/// The longest ban that has an end, in seconds: 100 years.
const MAX_BAN_SECONDS: u64 = 100 * 365 * 24 * 3600;
/// What an IPv4 address mapped into IPv6 is prefixed by, in bits.
const MAPPED_PREFIX: u8 = 96;

/// `seed`: id@host:port.
pub(in crate::admin) fn seed(text: &str) -> Result<PeerAddress, Status> {
    peer_address("seed", text)
}

/// A field that is id@host:port.
pub(in crate::admin) fn peer_address(field: &'static str, text: &str) -> Result<PeerAddress, Status> {
    let text = bounded(field, text)?;
    text.parse().map_err(|error: PeerAddressError| invalid(field, error.to_string()))
}

/// `address`: a node ID, or id@ip:port.
pub(in crate::admin) fn address_ref(text: &str) -> Result<AddressRef, Status> {
    let text = bounded("address", text)?.trim();
    if let Ok(id) = text.parse() {
        return Ok(AddressRef::Id(id));
    }
    if !text.contains('@') {
        return Err(invalid("address", "write a node ID (40 hex digits), or an address as id@ip:port"));
    }
    let address = text.parse().map_err(|error: PeerAddressError| invalid("address", error.to_string()))?;
    Ok(AddressRef::Address(address))
}

/// A field that is a node ID.
pub(in crate::admin) fn node_id(field: &'static str, text: &str) -> Result<NodeId, Status> {
    let text = bounded(field, text)?.trim();
    text.parse().map_err(|_| {
        let fix = if text.contains('@') {
            "write only the node ID (before the @)"
        } else {
            "write a node ID: 40 hex digits, what `show-node-id` prints on that node"
        };
        invalid(field, fix)
    })
}

/// `new_network.seeds`: id@host:port.
pub(in crate::admin) fn new_seed(text: &str) -> Result<PeerAddress, Status> {
    let text = bounded("new_network.seeds", text)?;
    text.parse().map_err(|error: PeerAddressError| {
        invalid("new_network.seeds", format!("{:?}: {error}", crate::admin::untrusted_text::printable(text)))
    })
}

/// `target`: a node ID, an IP or a CIDR range, in the one form that bans are kept under.
pub(in crate::admin) fn target(text: &str) -> Result<BanTarget, Status> {
    let text = bounded("target", text)?.trim();
    if let Ok(id) = text.parse() {
        return Ok(BanTarget::Id(id));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(BanTarget::ip(canonical(ip)));
    }
    let Ok(range) = text.parse::<IpNet>() else {
        let fix = if text.contains('@') {
            "write only the node ID (before the @) or only the IP address"
        } else {
            "write a node ID (40 hex digits), an IP address, or a range like 203.0.113.0/24"
        };
        return Err(invalid("target", fix));
    };
    let range = canonical_range(range);
    if range.prefix_len() == 0 {
        return Err(invalid(
            "target",
            "a range of everything (/0) cannot be banned; ReactorService.Stop stops the network",
        ));
    }
    Ok(BanTarget::Range(range))
}

/// A range without bits beyond its prefix; one within mapped IPv4 is that IPv4 range.
pub(in crate::admin) fn canonical_range(range: IpNet) -> IpNet {
    if let IpNet::V6(v6) = range
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && let Some(prefix) = v6.prefix_len().checked_sub(MAPPED_PREFIX)
        && let Ok(net) = Ipv4Net::new(v4, prefix)
    {
        return IpNet::V4(net.trunc());
    }
    range.trunc()
}

/// `reason`: short and harmless on a terminal.
pub(in crate::admin) fn reason(text: String) -> Result<String, Status> {
    if text.len() > MAX_REASON {
        return Err(invalid("reason", format!("{} bytes are too many: {MAX_REASON} at most", text.len())));
    }
    if text.contains(char::is_control) {
        return Err(invalid("reason", "it has control characters (line breaks, tabs, escapes): write one plain line"));
    }
    Ok(text)
}

/// `duration` of a ban: unset is for good.
pub(in crate::admin) fn duration(duration: Option<prost_types::Duration>) -> Result<Option<Duration>, Status> {
    ban_duration("duration", "for a ban until it is lifted", duration)
}

/// A field that is the length of a ban; what it means when it is unset.
pub(in crate::admin) fn ban_duration(
    field: &'static str,
    unset: &'static str,
    duration: Option<prost_types::Duration>,
) -> Result<Option<Duration>, Status> {
    let Some(duration) = duration else { return Ok(None) };
    let wrong = |text: &str| invalid(field, text);
    // By hand: the conversion that comes with prost overflows on the least number of seconds.
    let (seconds, nanos) = (u64::try_from(duration.seconds), u32::try_from(duration.nanos));
    let (Ok(seconds), Ok(nanos @ ..1_000_000_000)) = (seconds, nanos) else {
        return Err(wrong("it is negative, or has more than 999999999 ns beside its seconds: write 3600s"));
    };
    let duration = Duration::new(seconds, nanos);
    if duration.is_zero() {
        return Err(wrong(&format!("a ban of no duration is none: write 3600s, or leave it unset {unset}")));
    }
    if duration.as_secs() > MAX_BAN_SECONDS {
        return Err(wrong(&format!("more than 100 years: write less, or leave it unset {unset}")));
    }
    Ok(Some(duration))
}

/// A field that is required, and not too long.
pub(in crate::admin) fn bounded<'a>(field: &'static str, text: &'a str) -> Result<&'a str, Status> {
    if text.is_empty() {
        return Err(invalid(field, "it is required"));
    }
    if text.len() > MAX_TEXT {
        return Err(invalid(field, format!("{} bytes are too many: {MAX_TEXT} at most", text.len())));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn read(text: &str) -> String {
        target(text).map_or_else(|status| status.message().to_owned(), |target| target.to_string())
    }

    #[test]
    fn one_target_has_one_form() {
        for (text, form) in [
            (&*ID.to_uppercase(), ID),
            (" 1.2.3.4 ", "1.2.3.4"),
            ("1.2.3.4/32", "1.2.3.4"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("1.2.3.4/24", "1.2.3.0/24"),
            ("::ffff:1.2.3.4/120", "1.2.3.0/24"),
            ("2a00:1:2:3::4/32", "2a00:1::/32"),
            ("2a00::1/128", "2a00::1"),
            ("::ffff:1.2.3.4/64", "::/64"),
        ] {
            assert_eq!(read(text), form, "{text}");
            assert_eq!(read(form), form);
        }
    }

    #[test]
    fn what_is_no_target_says_what_to_write() {
        for text in ["0.0.0.0/0", "::/0", "::ffff:0:0/96", "1.2.3.4/0"] {
            assert!(read(text).contains("/0"), "{text}: {}", read(text));
        }
        assert!(read(&format!("{ID}@1.2.3.4:26656")).contains("only the node ID"));
        for text in ["example.org", "1.2.3", "1.2.3.4/33", "1.2.3.4:80", "abc", " "] {
            assert!(read(text).contains("40 hex digits"), "{text}: {}", read(text));
        }
        assert!(read("").contains("required"));
        assert!(read(&"1".repeat(60_000)).contains("too many"));
    }

    #[test]
    fn a_length_is_positive_and_bounded() {
        let read = |seconds, nanos| duration(Some(prost_types::Duration { seconds, nanos })).map_err(|s| s.code());
        assert_eq!(duration(None).unwrap(), None);
        assert_eq!(read(1, 500_000_000), Ok(Some(Duration::from_millis(1500))));
        for (seconds, nanos) in
            [(0, 0), (-1, 0), (0, -1), (i64::MAX, 0), (i64::MIN, i32::MIN), (1, 1_000_000_000), (3_153_600_001, 0)]
        {
            assert_eq!(read(seconds, nanos), Err(tonic::Code::InvalidArgument), "{seconds} {nanos}");
        }
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(reason("größer".into()).unwrap(), "größer");
        assert!(reason("x".repeat(256)).is_ok());
        assert!(reason("x".repeat(257)).is_err());
        assert!(reason("a\u{1b}[2J".into()).is_err());
    }
}
