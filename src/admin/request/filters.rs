//! Reading the fields of filters, which are alike in all lists.

use std::net::IpAddr;

use ipnet::IpNet;
use tonic::Status;

use super::fields::canonical_range;
use crate::admin::reply::status_codes::invalid;
use crate::network::Time;
use crate::proto::pexd::v1::TimeRange;
use crate::types::{NodeId, NodeIdError, Wall, canonical};

/// Bytes of a text to look for at most.
const MAX_TEXT: usize = 128;
/// Bytes of a range or an ID at most.
const MAX_PLACE: usize = 128;

/// A text that is looked for in others, case ignored; the empty one is in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::admin) struct Substring(String);

impl Substring {
    /// Reads the field.
    ///
    /// # Errors
    /// When it is too long.
    pub(in crate::admin) fn read(field: &'static str, text: &str) -> Result<Self, Status> {
        if text.len() > MAX_TEXT {
            return Err(invalid(field, format!("{} bytes are too many: {MAX_TEXT} at most", text.len())));
        }
        Ok(Substring(text.to_lowercase()))
    }

    /// Whether it is in this text.
    pub(in crate::admin) fn is_in(&self, text: &str) -> bool {
        self.0.is_empty() || text.to_lowercase().contains(&self.0)
    }
}

/// A text as [`Text`] reads it, in lower case; `None` when the field is empty.
pub(in crate::admin) fn text(field: &'static str, text: &str) -> Result<Option<String>, Status> {
    Ok(Some(Substring::read(field, text)?.0).filter(|text| !text.is_empty()))
}

/// A node ID; `None` when the field is empty.
pub(in crate::admin) fn id(field: &'static str, text: &str) -> Result<Option<NodeId>, Status> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: NodeIdError| invalid(field, error.to_string()))
}

/// An IP or a range; `None` when the field is empty. An IP is a range of one, mapped IPv4 is IPv4.
pub(in crate::admin) fn range(field: &'static str, text: &str) -> Result<Option<IpNet>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let fix = || invalid(field, "write an IP address, or a range like 203.0.113.0/24");
    place(text).map(Some).ok_or_else(fix)
}

/// An ID, or an IP or a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum IdOrRange {
    /// This ID.
    Id(NodeId),
    /// Whoever is there.
    Range(IpNet),
}

/// A node ID, an IP or a range; `None` when the field is empty.
pub(in crate::admin) fn who(field: &'static str, text: &str) -> Result<Option<IdOrRange>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let fix = || invalid(field, "write a node ID (40 hex digits), an IP address, or a range like 203.0.113.0/24");
    let id = text.trim().parse().ok().map(IdOrRange::Id);
    id.or_else(|| place(text).map(IdOrRange::Range)).map(Some).ok_or_else(fix)
}

fn place(text: &str) -> Option<IpNet> {
    let text = text.trim();
    if text.len() > MAX_PLACE {
        return None;
    }
    let ip = text.parse::<IpAddr>().ok().map(|ip| IpNet::from(canonical(ip)));
    ip.or_else(|| text.parse().ok().map(canonical_range))
}

/// A stretch of time, half open; an end that is unset is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::admin) struct TimeWindow {
    start: Option<Wall>,
    end: Option<Wall>,
}

impl TimeWindow {
    /// Reads the field.
    ///
    /// # Errors
    /// When it ends before it begins, or a time is none.
    pub(in crate::admin) fn read(field: &'static str, range: Option<&TimeRange>) -> Result<Self, Status> {
        let Some(range) = range else { return Ok(TimeWindow::default()) };
        let wall = |time: &prost_types::Timestamp| {
            let (seconds, nanos) = (time.seconds, time.nanos);
            let millis = seconds.saturating_mul(1000).saturating_add(i64::from(nanos) / 1_000_000);
            let valid = (0..1_000_000_000).contains(&nanos);
            let fix = "the nanoseconds of a time are from 0 to 999999999";
            if valid { Ok(Wall::from_millis(millis)) } else { Err(invalid(field, fix)) }
        };
        let start = range.start_time.as_ref().map(wall).transpose()?;
        let end = range.end_time.as_ref().map(wall).transpose()?;
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            return Err(invalid(
                field,
                "it ends before it begins: start_time is its first moment, end_time is after its last",
            ));
        }
        Ok(TimeWindow { start, end })
    }

    /// Its first moment, and the first one after it.
    pub(in crate::admin) const fn bounds(self) -> Time {
        (self.start, self.end)
    }

    /// Whether a moment lies in it; one that never came lies in none that has an end.
    pub(in crate::admin) fn contain(&self, at: Wall) -> bool {
        let open = self.start.is_none() && self.end.is_none();
        open || (!at.is_never() && self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at < end))
    }
}

/// The values of a repeated enumeration, as far as `meaning` knows them; empty = any.
///
/// # Errors
/// When one has no meaning here.
pub(in crate::admin) fn any_of<T: Copy + PartialEq>(
    field: &'static str,
    values: &[i32],
    fix: &str,
    meaning: impl Fn(i32) -> Option<T>,
) -> Result<Vec<T>, Status> {
    let mut known = Vec::new();
    for value in values {
        let value = meaning(*value).ok_or_else(|| invalid(field, format!("{value} is none of them: {fix}")))?;
        if !known.contains(&value) {
            known.push(value);
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    #[test]
    fn a_place_is_an_ip_or_a_range_in_one_form() {
        for (text, net) in [
            ("1.2.3.4", "1.2.3.4/32"),
            ("::ffff:1.2.3.4", "1.2.3.4/32"),
            (" 1.2.3.4/24", "1.2.3.0/24"),
            ("2a00::1/16", "2a00::/16"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(range("f", text).unwrap(), Some(net.parse().unwrap()), "{text}");
        }
        assert_eq!(range("f", "").unwrap(), None);
        for text in ["x", "1.2.3", "1.2.3.4:80", &"1".repeat(60_000)] {
            assert!(range("f", text).is_err() && who("f", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_stretch_of_time_is_half_open_and_never_is_in_none() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let read = |start_time, end_time| TimeWindow::read("f", Some(&TimeRange { start_time, end_time }));
        let times = read(at(5), at(7)).unwrap();
        let inside = [4_999, 5_000, 6_999, 7_000].map(|millis| times.contain(Wall::from_millis(millis)));
        assert_eq!(inside, [false, true, true, false]);
        assert!(!read(None, at(7)).unwrap().contain(Wall::NEVER));
        assert!(read(None, None).unwrap().contain(Wall::NEVER));
        for (start, end) in
            [(at(7), at(7)), (at(i64::MAX), at(i64::MIN)), (Some(Timestamp { seconds: 0, nanos: -1 }), None)]
        {
            assert!(read(start, end).is_err(), "{start:?} {end:?}");
        }
    }

    #[test]
    fn a_text_is_found_in_any_case() {
        let text = Substring::read("f", "aB").unwrap();
        assert!(text.is_in("xAbx") && !text.is_in("a b"));
        assert!(Substring::default().is_in(""));
        assert!(Substring::read("f", &"x".repeat(129)).is_err());
    }
}
