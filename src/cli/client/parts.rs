//! What became of a call in each network: one that failed, or a change that is not on disk, makes the command fail.

use crate::cli::Failure;
use crate::cli::words::why_unsaved;
use crate::proto::pexd::v1::{ChangeResult, NetworkFailure};

/// Fails when a network did not do its part, with the exit code that it would have had alone, or else when a change is not
/// on disk.
pub(super) fn settle<'a>(
    results: impl IntoIterator<Item = &'a ChangeResult>,
    failures: &[NetworkFailure],
) -> Result<(), Failure> {
    let unsaved = results.into_iter().filter(|result| !result.saved).map(|result| {
        let why = why_unsaved(&result.unsaved_reason);
        format!(
            "{}: in force, but not saved: {why}; it is lost if pexd ends before it is (pexd status shows when)",
            result.network
        )
    });
    let lines: Vec<String> = failed(failures).chain(unsaved).collect();
    let text = lines.join("\n");
    match failures {
        _ if lines.is_empty() => Ok(()),
        [] => Err(Failure::Unsaved(text)),
        failures if failures.iter().all(is_absent) => Err(Failure::Unreachable(text)),
        _ => Err(Failure::Precondition(text)),
    }
}

/// Fails when a network did not do its part.
pub(super) fn all_did(failures: &[NetworkFailure]) -> Result<(), Failure> {
    settle([], failures)
}

/// A line for each network that did not do its part.
pub(super) fn failed(failures: &[NetworkFailure]) -> impl Iterator<Item = String> {
    failures.iter().map(|failure| format!("{} failed: {}", failure.network, failure.reason))
}

/// Whether the network alone would answer UNAVAILABLE or DEADLINE_EXCEEDED, and not FAILED_PRECONDITION: a failure has no
/// code of its own, so that its text has to tell.
fn is_absent(failure: &NetworkFailure) -> bool {
    let what = failure.reason.strip_prefix(&format!("network {} ", failure.network)).unwrap_or_default();
    ["is gone", "does not answer", "cannot look into its book"].iter().any(|absent| what.starts_with(absent))
}

/// What became of a change, in a line.
pub(super) fn change(result: Option<&ChangeResult>, done: &str, already: &str) -> String {
    let Some(result) = result else { return String::new() };
    format!("{}: {}\n", result.network, if result.changed { done } else { already })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Error;

    fn failure(error: &Error) -> NetworkFailure {
        NetworkFailure { network: "a-1".into(), reason: format!("{error}; do this and that") }
    }

    fn code(results: &[ChangeResult], failures: &[NetworkFailure]) -> u8 {
        settle(results, failures).map_or_else(|failure| failure.exit_code(), |()| 0)
    }

    #[test]
    fn a_part_that_failed_has_the_exit_code_that_it_has_alone() {
        let (chain_id, reason) = (std::sync::Arc::<str>::from("a-1"), "x".to_owned());
        let absent = [
            Error::Gone(chain_id.clone()),
            Error::Unresponsive(chain_id.clone()),
            Error::Unreadable { chain_id: chain_id.clone(), reason: reason.clone() },
        ];
        for error in absent {
            assert_eq!(code(&[], &[failure(&error)]), 5, "{error}");
        }
        let start = failure(&Error::CannotStart { chain_id: chain_id.clone(), reason: reason.clone() });
        assert_eq!(code(&[], &[start.clone(), failure(&Error::Gone(chain_id.clone()))]), 8);
        assert_eq!(code(&[], &[failure(&Error::NoBook { chain_id, reason })]), 8);
        let told = settle([], &[start]).unwrap_err().to_string();
        assert!(told.starts_with("a-1 failed: network a-1 cannot start"), "{told}");
    }

    #[test]
    fn what_is_in_force_and_not_saved_is_no_success() {
        let saved = ChangeResult { network: "a-1".into(), saved: true, ..Default::default() };
        let unsaved = ChangeResult {
            network: "b-1".into(),
            unsaved_reason: "not saved: the disk is full".into(),
            ..Default::default()
        };
        assert_eq!(code(std::slice::from_ref(&saved), &[]), 0);
        assert_eq!(code(&[saved.clone(), unsaved.clone()], &[]), 10);
        let told = settle([&saved, &unsaved], &[]).unwrap_err().to_string();
        assert!(told.starts_with("b-1: in force, but not saved: the disk is full"), "{told}");
        let gone = failure(&Error::Gone("a-1".into()));
        assert_eq!(code(std::slice::from_ref(&unsaved), std::slice::from_ref(&gone)), 5);
        assert_eq!(settle([&unsaved], &[gone]).unwrap_err().to_string().lines().count(), 2);
    }
}
