//! The words and numbers that stand in answers for people.

use prost_types::{Duration, Timestamp};

use crate::clock::Clock;

/// The name of an enum's value without its prefix, in lower case: `REACTOR_STATE_RUNNING` is `running`.
pub(super) fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase().replace('_', " ")
}

/// How long ago: `3m`, `2h`, `5d`; `-` for never, `in 3m` for what is to come.
pub(super) fn ago(time: Option<&Timestamp>) -> String {
    let Some(time) = time else { return "-".to_owned() };
    let now = Clock.now().wall.as_millis().div_euclid(1000);
    if time.seconds > now { format!("in {}", seconds(time.seconds - now)) } else { seconds(now - time.seconds) }
}

/// A length of time in its largest unit.
pub(super) fn seconds(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Milliseconds of a duration.
pub(super) fn millis(length: Option<&Duration>) -> String {
    length
        .map_or("-".to_owned(), |length| format!("{} ms", length.seconds * 1_000 + i64::from(length.nanos) / 1_000_000))
}

/// A point in time as RFC 3339, to the second.
pub(super) fn instant(time: Option<&Timestamp>) -> String {
    let second = |time: &Timestamp| Timestamp { nanos: 0, ..*time }.to_string();
    time.map_or("-".to_owned(), second)
}

/// Bytes in a unit that is easily read.
pub(super) fn bytes(count: u64) -> String {
    match count {
        ..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} KB", count / 1_000),
        _ => format!("{} MB", count / 1_000_000),
    }
}

/// What a text says when it is empty.
pub(super) fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

pub(super) const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// Why something is not saved, as what is said of it goes on: the store says "not saved" itself.
pub(super) fn why_unsaved(reason: &str) -> &str {
    reason.strip_prefix("not saved: ").unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Failure, WriteError};

    #[test]
    fn words_and_lengths() {
        assert_eq!(word("DIAL_OUTCOME_TIMED_OUT", "DIAL_OUTCOME_"), "timed out");
        assert_eq!([0, 59, 60, 7_200, 200_000].map(seconds), ["0s", "59s", "1m", "2h", "2d"]);
        assert_eq!(ago(None), "-");
        let now = Clock.now().wall.as_millis() / 1_000;
        assert_eq!(ago(Some(&Timestamp { seconds: now - 120, nanos: 0 })), "2m");
        assert_eq!(ago(Some(&Timestamp { seconds: now + 7_201, nanos: 0 })), "in 2h");
        assert_eq!(millis(Some(&Duration { seconds: 1, nanos: 5_000_000 })), "1005 ms");
    }

    #[test]
    fn what_is_not_saved_is_said_once() {
        let reason = WriteError::NotSaved { failure: Failure::Full, why: "full".into() };
        assert_eq!(why_unsaved(&reason.to_string()), "full");
        assert_eq!(why_unsaved("full"), "full");
    }
}
