//! Durations in Go's notation ("10ms", "1h30m"), as CometBFT's files have them.

use std::fmt::Write as _;
use std::time::Duration;

/// The longest duration Go can hold, in nanoseconds (about 292 years).
const MAX_NANOS: u128 = i64::MAX as u128;

/// Digits after the point that can still change a nanosecond of an hour; Go drops the rest as well.
const MAX_FRACTION_DIGITS: usize = 18;

/// Why a text is not a duration. The texts name the fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing stands there.
    #[error("is empty: write a duration such as \"10s\", \"100ms\" or \"1h30m\"")]
    Empty,
    /// A number is missing or malformed.
    #[error("is not a duration: write numbers with units, such as \"10s\", \"100ms\" or \"1h30m\"")]
    Number,
    /// A number has no unit behind it.
    #[error("has a number without a unit: add ns, us, ms, s, m or h")]
    NoUnit,
    /// The unit is none of Go's.
    #[error("has an unknown unit: the units are ns, us, ms, s, m and h")]
    Unit,
    /// Less than nothing.
    #[error("is negative: write a duration of zero or more")]
    Negative,
    /// Above 292 years.
    #[error("is longer than 292 years: write a shorter duration")]
    TooLong,
}

/// Reads a duration as Go's `time.ParseDuration` does, except that a negative one is an error.
///
/// # Errors
/// The first thing that is wrong with the text.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.is_empty() {
        return Err(if text.is_empty() { DurationError::Empty } else { DurationError::Number });
    }
    let nanos = if unsigned == "0" { 0 } else { sum(unsigned)? };
    if text.starts_with('-') && nanos != 0 {
        return Err(DurationError::Negative);
    }
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| DurationError::TooLong)
}

fn sum(mut rest: &str) -> Result<u128, DurationError> {
    let mut nanos = 0;
    while !rest.is_empty() {
        let (part, after) = component(rest)?;
        nanos += part;
        if nanos > MAX_NANOS {
            return Err(DurationError::TooLong);
        }
        rest = after;
    }
    Ok(nanos)
}

/// One number with its unit, in nanoseconds, and what stands behind it.
fn component(text: &str) -> Result<(u128, &str), DurationError> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Number);
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit = unit_nanos(unit)?;
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::TooLong)? };
    let whole = whole.checked_mul(unit).filter(|nanos| *nanos <= MAX_NANOS).ok_or(DurationError::TooLong)?;
    Ok((whole + fraction_nanos(fraction, unit), rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit_nanos(unit: &str) -> Result<u128, DurationError> {
    match unit {
        "" => Err(DurationError::NoUnit),
        "ns" => Ok(1),
        "us" | "µs" | "μs" => Ok(1_000),
        "ms" => Ok(1_000_000),
        "s" => Ok(1_000_000_000),
        "m" => Ok(60_000_000_000),
        "h" => Ok(3_600_000_000_000),
        _ => Err(DurationError::Unit),
    }
}

fn fraction_nanos(digits: &str, unit: u128) -> u128 {
    let digits = &digits[..digits.len().min(MAX_FRACTION_DIGITS)];
    let (value, scale) = digits
        .bytes()
        .fold((0u128, 1u128), |(value, scale), digit| (value * 10 + u128::from(digit - b'0'), scale * 10));
    value * unit / scale
}

/// Writes a duration as Go prints it ("1h0m0s", "1.5s", "10ms", "0s").
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let second = 1_000_000_000;
    let mut text = String::new();
    if nanos != 0 && nanos < second {
        let (unit, name) = [(1_000_000, "ms"), (1_000, "µs"), (1, "ns")]
            .into_iter()
            .find(|(unit, _)| nanos >= *unit)
            .unwrap_or((1, "ns"));
        push_decimal(&mut text, nanos, unit);
        text.push_str(name);
        return text;
    }
    let minutes = nanos / (60 * second);
    if minutes >= 60 {
        let _ = write!(text, "{}h", minutes / 60);
    }
    if minutes > 0 {
        let _ = write!(text, "{}m", minutes % 60);
    }
    push_decimal(&mut text, nanos % (60 * second), second);
    text.push('s');
    text
}

fn push_decimal(text: &mut String, value: u128, unit: u128) {
    let _ = write!(text, "{}", value / unit);
    let rest = value % unit;
    if rest != 0 {
        let fraction = format!("{:0width$}", rest, width = unit.ilog10() as usize);
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_go_reads() {
        let cases = [
            ("0", 0),
            ("0s", 0),
            ("-0", 0),
            ("5ns", 5),
            ("1us", 1_000),
            ("1µs", 1_000),
            ("1μs", 1_000),
            ("10ms", 10_000_000),
            ("+3s", 3_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("28h0m0s", 28 * 3_600_000_000_000),
            ("1h1m1.001s", 3_661_001_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("9223372036854775807ns", i64::MAX as u64),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn every_wrong_text_has_its_own_error() {
        let cases = [
            ("", DurationError::Empty),
            ("-", DurationError::Number),
            (".", DurationError::Number),
            ("s", DurationError::Number),
            ("1s 2s", DurationError::Unit),
            ("3", DurationError::NoUnit),
            ("1h3", DurationError::NoUnit),
            ("3d", DurationError::Unit),
            ("-3s", DurationError::Negative),
            ("9223372036854775808ns", DurationError::TooLong),
            ("99999999999999999999999999999999999999999999h", DurationError::TooLong),
            ("2562048h", DurationError::TooLong),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn writes_as_go_does() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (10_000_000, "10ms"),
            (1_500_000_000, "1.5s"),
            (60_000_000_000, "1m0s"),
            (28 * 3_600_000_000_000, "28h0m0s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(format(Duration::from_nanos(nanos)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos in 0..=i64::MAX as u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn near_misses_are_read_or_refused(text in "[-+]?([0-9]{0,40}\\.?[0-9]{0,30}(ns|us|µs|ms|s|m|h|x)?){0,4}") {
            let _ = parse(&text);
        }
    }
}
