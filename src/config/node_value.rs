//! A value of a node's own file, taken as CometBFT takes it: by viper with mapstructure's `WeaklyTypedInput` and
//! `StringToTimeDurationHookFunc` (CometBFT `cmd/cometbft/commands/root.go: ParseConfig`).

use std::time::Duration;

use toml_edit::Value;

use super::duration;
use super::value::Shape;

/// The text that says the same to us; `None` for what CometBFT refuses as well. It is not held against bounds here.
pub(super) fn text_of(shape: Shape, value: &Value) -> Option<String> {
    match shape {
        Shape::Bool => truth(value),
        Shape::Integer => integer(value),
        Shape::Duration => nanoseconds(value),
        Shape::Text => text(value),
    }
}

/// Numbers are true but for 0, texts as Go's `strconv.ParseBool` has them, and an empty one is false.
fn truth(value: &Value) -> Option<String> {
    let truth = match value {
        Value::Boolean(truth) => *truth.value(),
        Value::Integer(number) => *number.value() != 0,
        Value::Float(number) => *number.value() != 0.0,
        Value::String(text) => match text.value().as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            other => return Some(other.to_owned()),
        },
        Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => return None,
    };
    Some(truth.to_string())
}

/// What is behind the point is dropped; texts are as in Go's sources, and an empty one is 0.
fn integer(value: &Value) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Float(number) => Some(whole(*number.value())),
        Value::Boolean(truth) => Some(u8::from(*truth.value()).to_string()),
        Value::String(text) if text.value().is_empty() => Some("0".to_owned()),
        Value::String(text) => Some(match parse_int(text.value()) {
            Some(number) => number.to_string(),
            // What is no number for CometBFT is none for us, although we would read this one.
            None if text.value().parse::<u64>().is_ok() => format!("{} (octal)", text.value()),
            None => text.value().clone(),
        }),
        Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => None,
    }
}

/// A float without what is behind the point. One beyond 64 bits is written so that it is no whole number for anybody: what
/// it becomes in Go depends on the machine.
fn whole(number: f64) -> String {
    let whole = number.trunc();
    if (-9.2e18..=9.2e18).contains(&whole) { (whole as i64).to_string() } else { format!("{number:e}") }
}

/// Go's `strconv.ParseInt` with base 0 and 64 bits: `0x`, `0o`, `0b` and a bare 0 in front say the base, and `_` may stand
/// between digits.
fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits, prefixed) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..], true),
        [b'0', b'o', ..] => (8, &lower[2..], true),
        [b'0', b'b', ..] => (2, &lower[2..], true),
        [b'0', _, ..] => (8, &lower[1..], true),
        _ => (10, &*lower, false),
    };
    // After a prefix one may stand at once.
    let digits = if prefixed { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    let parts = digits.split('_');
    if parts.clone().any(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return None;
    }
    let number = i128::from_str_radix(&parts.collect::<String>(), base).ok()?;
    i64::try_from(if negative { -number } else { number }).ok()
}

/// Numbers are nanoseconds; texts are read as durations by whoever takes the value.
fn nanoseconds(value: &Value) -> Option<String> {
    let nanos = match value {
        Value::String(text) => return Some(text.value().clone()),
        other => integer(other)?,
    };
    Some(match nanos.parse() {
        Ok(nanos) => duration::format(Duration::from_nanos(nanos)),
        Err(_) => format!("{nanos}ns"),
    })
}

/// Numbers and truth values as Go's `strconv` writes them.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Float(number) if number.value().is_infinite() => {
            Some(if *number.value() > 0.0 { "+Inf" } else { "-Inf" }.to_owned())
        }
        Value::Float(number) => Some(number.value().to_string()),
        Value::Boolean(truth) => Some(u8::from(*truth.value()).to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        text.parse().unwrap()
    }

    /// What a program of CometBFT 0.38.17 (viper 1.19.0, mapstructure 1.5.0, cast 1.6.0) read of each, run on these texts by
    /// `viper.Unmarshal` into `config.DefaultConfig()`; `None` where that was an error.
    #[test]
    fn values_are_taken_as_comet_takes_them() {
        use Shape::{Bool, Duration, Integer, Text};
        for (shape, written, read) in [
            (Integer, "5.12e+07", Some("51200000")),
            (Integer, "1.4e+03", Some("1400")),
            (Integer, "5.5", Some("5")),
            (Integer, "40.9", Some("40")),
            (Integer, "-0.5", Some("0")),
            (Integer, "-5.5", Some("-5")),
            (Integer, "5_120_000", Some("5120000")),
            (Integer, "0x4e2000", Some("5120000")),
            (Integer, "true", Some("1")),
            (Integer, "false", Some("0")),
            (Integer, "\"5120000\"", Some("5120000")),
            (Integer, "\"5_120_000\"", Some("5120000")),
            (Integer, "\"0x4e2000\"", Some("5120000")),
            (Integer, "\"017\"", Some("15")),
            (Integer, "\"0o17\"", Some("15")),
            (Integer, "\"0b11\"", Some("3")),
            (Integer, "\"+5\"", Some("5")),
            (Integer, "\"-1\"", Some("-1")),
            (Integer, "\"0_17\"", Some("15")),
            (Integer, "\"0x_f\"", Some("15")),
            (Integer, "\"0X1F\"", Some("31")),
            (Integer, "\"-0x10\"", Some("-16")),
            (Integer, "\"00\"", Some("0")),
            (Integer, "9.2e18", Some("9200000000000000000")),
            (Integer, "\"\"", Some("0")),
            (Integer, "[1]", None),
            (Integer, "[]", None),
            (Integer, "2020-01-01", None),
            (Duration, "3000000000", Some("3s")),
            (Duration, "3", Some("3ns")),
            (Duration, "3e9", Some("3s")),
            (Duration, "3.7", Some("3ns")),
            (Duration, "0", Some("0s")),
            (Duration, "-1", Some("-1ns")),
            (Duration, "true", Some("1ns")),
            (Duration, "\"3s\"", Some("3s")),
            (Duration, "\"0\"", Some("0")),
            (Duration, "[]", None),
            (Bool, "1", Some("true")),
            (Bool, "0", Some("false")),
            (Bool, "2", Some("true")),
            (Bool, "-1", Some("true")),
            (Bool, "0.0", Some("false")),
            (Bool, "0.5", Some("true")),
            (Bool, "\"False\"", Some("false")),
            (Bool, "\"True\"", Some("true")),
            (Bool, "\"TRUE\"", Some("true")),
            (Bool, "\"t\"", Some("true")),
            (Bool, "\"F\"", Some("false")),
            (Bool, "\"1\"", Some("true")),
            (Bool, "\"0\"", Some("false")),
            (Bool, "\"\"", Some("false")),
            (Bool, "nan", Some("true")),
            (Bool, "[]", None),
            (Text, "7", Some("7")),
            (Text, "7.5", Some("7.5")),
            (Text, "1e20", Some("100000000000000000000")),
            (Text, "1e21", Some("1000000000000000000000")),
            (Text, "123456789.0", Some("123456789")),
            (Text, "1e-7", Some("0.0000001")),
            (Text, "-0.0", Some("-0")),
            (Text, "inf", Some("+Inf")),
            (Text, "-inf", Some("-Inf")),
            (Text, "nan", Some("NaN")),
            (Text, "true", Some("1")),
            (Text, "false", Some("0")),
            (Text, "\" a \"", Some(" a ")),
            (Text, "[\"a\", \"b\"]", None),
            (Text, "[]", None),
            (Text, "2020-01-01", None),
        ] {
            assert_eq!(text_of(shape, &value(written)).as_deref(), read, "{shape:?} {written}");
        }
    }

    /// The errors of the same run that only show in the text: nobody who reads the value may take it.
    #[test]
    fn texts_that_comet_refuses_are_no_values() {
        use super::super::value::Setting as _;
        for written in [
            "\"5.12e+07\"",
            "\" 5\"",
            "\"08\"",
            "\"5_\"",
            "\"_5\"",
            "\"5__1\"",
            "\"0x\"",
            "\"0b2\"",
            "\"--5\"",
            "\"+-5\"",
            "\"9223372036854775808\"",
            "nan",
            "inf",
            "1e19",
            "9.3e18",
            "1e300",
        ] {
            let text = text_of(Shape::Integer, &value(written)).unwrap();
            assert!(u64::from_text(&text).is_err(), "{written}: {text}");
        }
        for written in ["\"yes\"", "\"tRUE\"", "\" true\"", "\"on\""] {
            let text = text_of(Shape::Bool, &value(written)).unwrap();
            assert!(bool::from_text(&text).is_err(), "{written}: {text}");
        }
        for written in [
            "\"3000000000\"",
            "\"\"",
            "\"3 s\"",
            "\" 3s\"",
            "\"3S\"",
            "\"3\"",
            "\"0x10\"",
            "\"1e9\"",
            "-1",
            "nan",
            "1e300",
        ] {
            let text = text_of(Shape::Duration, &value(written)).unwrap();
            assert!(std::time::Duration::from_text(&text).is_err(), "{written}: {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_read_or_refused(text in "\\PC*|[-+]?0?[xob]?[0-9a-f_]{0,40}", number: f64, whole: i64) {
            for shape in [Shape::Bool, Shape::Integer, Shape::Duration, Shape::Text] {
                for value in [Value::from(text.as_str()), Value::from(number), Value::from(whole)] {
                    proptest::prop_assert!(text_of(shape, &value).is_some());
                }
            }
        }
    }
}
