//! Times on the wire.

use prost_types::Timestamp;

use crate::types::Wall;

/// The last second of the year 9999, the last that a `Timestamp` may have.
const MAX_SECONDS: i64 = 253_402_300_799;
/// The first second of the year 1.
const MIN_SECONDS: i64 = -62_135_596_800;

/// A stamp; "never" is unset.
pub(in crate::admin) fn time(at: Wall) -> Option<Timestamp> {
    if at.is_never() {
        return None;
    }
    let seconds = at.as_millis().div_euclid(1000);
    if !(MIN_SECONDS..=MAX_SECONDS).contains(&seconds) {
        return Some(Timestamp { seconds: seconds.clamp(MIN_SECONDS, MAX_SECONDS), nanos: 0 });
    }
    let nanos = i32::try_from(at.as_millis().rem_euclid(1000)).unwrap_or(0) * 1_000_000;
    Some(Timestamp { seconds, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_stay_within_what_protobuf_allows() {
        let of = |millis| time(Wall::from_millis(millis)).map(|t| (t.seconds, t.nanos));
        assert_eq!(of(0), None);
        assert_eq!(of(1_500), Some((1, 500_000_000)));
        assert_eq!(of(-1), Some((-1, 999_000_000)));
        assert_eq!(of(i64::MAX), Some((MAX_SECONDS, 0)));
        assert_eq!(of(i64::MIN), Some((MIN_SECONDS, 0)));
    }
}
