//! Reading the fields of filters. Empty lets everything through.

use std::net::IpAddr;

use ipnet::IpNet;
use tonic::Status;

use super::fields::canonical_range;
use super::status::invalid;
use crate::network::Time;
use crate::proto::pexd::v1::TimeRange;
use crate::types::{NodeId, Wall};

/// Bytes of a text that is looked for, at most.
const MAX_TEXT: usize = 128;

/// `ip_range`: an IP, or a range in CIDR notation.
pub(super) fn ip_range(text: &str) -> Result<Option<IpNet>, Status> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let range = text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>());
    let mend = "write an IP address, or a range like 203.0.113.0/24";
    range.map(canonical_range).map(Some).map_err(|_| invalid("filter.ip_range", mend))
}

/// `id`: a node ID.
pub(super) fn id(text: &str) -> Result<Option<NodeId>, Status> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: crate::types::NodeIdError| invalid("filter.id", error.to_string()))
}

/// `time`: from the first stamp on, before the second.
pub(super) fn time(range: Option<TimeRange>) -> Result<Time, Status> {
    let Some(TimeRange { start_time, end_time }) = range else { return Ok((None, None)) };
    let stamp = |time: prost_types::Timestamp| match time.nanos {
        0..1_000_000_000 => {
            let millis = time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos / 1_000_000));
            Ok(Wall::from_millis(millis))
        }
        _ => Err(invalid("filter.time", "the nanoseconds of a time are from 0 to 999999999")),
    };
    Ok((start_time.map(stamp).transpose()?, end_time.map(stamp).transpose()?))
}

/// A text that is looked for, case ignored.
pub(super) fn text(field: &'static str, text: &str) -> Result<Option<String>, Status> {
    if text.len() > MAX_TEXT {
        return Err(invalid(field, format!("{} bytes are too many: {MAX_TEXT} at most", text.len())));
    }
    Ok(Some(text.to_lowercase()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_one_form_and_what_is_none_says_what_to_write() {
        let read = |text: &str| ip_range(text).map(|range| range.map(|range| range.to_string()));
        assert_eq!(read("").unwrap(), None);
        for (text, form) in [
            ("1.2.3.4", "1.2.3.4/32"),
            ("1.2.3.4/24", "1.2.3.0/24"),
            ("::ffff:1.2.3.4", "1.2.3.4/32"),
            (" 2a00::1/32 ", "2a00::/32"),
        ] {
            assert_eq!(read(text).unwrap().as_deref(), Some(form), "{text}");
        }
        for text in ["example.org", "1.2.3.4/33", "1.2.3", "1.2.3.4:80"] {
            assert!(read(text).unwrap_err().message().contains("203.0.113.0/24"), "{text}");
        }
    }

    #[test]
    fn a_time_is_open_where_it_is_unset() {
        let at = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
        let read = |start_time, end_time| time(Some(TimeRange { start_time, end_time })).map_err(|error| error.code());
        assert_eq!(read(None, None), Ok((None, None)));
        assert_eq!(read(at(1, 500_000_000), None), Ok((Some(Wall::from_millis(1_500)), None)));
        assert!(read(at(i64::MAX, 0), at(i64::MIN, 0)).is_ok());
        assert_eq!(read(at(0, -1), None), Err(tonic::Code::InvalidArgument));
        assert_eq!(read(None, at(0, 1_000_000_000)), Err(tonic::Code::InvalidArgument));
    }
}
