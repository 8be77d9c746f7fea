//! What became of a call in each network: one that failed, or a change that is not on disk, makes the command fail.

use tonic::Code;

use crate::cli::Failure;
use crate::cli::humanize::why_unsaved;
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
            "{}: in effect, but not saved: {why}; it is lost if pexd ends before it is (pexd status shows when)",
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

/// Fails when what was done is not in the audit.
pub(super) fn noted(unsaved_reason: &str) -> Result<(), Failure> {
    if unsaved_reason.is_empty() { Ok(()) } else { Err(Failure::Unsaved(unsaved_reason.to_owned())) }
}

/// A line for each network that did not do its part.
pub(super) fn failed(failures: &[NetworkFailure]) -> impl Iterator<Item = String> {
    failures.iter().map(|failure| match failure.network.as_str() {
        "" => format!("pexd: {}", failure.reason),
        network => format!("{network} failed: {}", failure.reason),
    })
}

/// Whether the network alone could not be asked, which has an exit code of its own.
fn is_absent(failure: &NetworkFailure) -> bool {
    matches!(Code::from_i32(failure.code), Code::Unavailable | Code::DeadlineExceeded)
}

/// What became of a change, in a line.
pub(super) fn change(result: Option<&ChangeResult>, done: &str, already: &str) -> String {
    let Some(result) = result else { return String::new() };
    format!("{}: {}\n", result.network, if result.changed { done } else { already })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: Code) -> NetworkFailure {
        NetworkFailure { network: "a-1".into(), reason: "network a-1 does this and that".into(), code: code.into() }
    }

    fn code(results: &[ChangeResult], failures: &[NetworkFailure]) -> u8 {
        settle(results, failures).map_or_else(|failure| failure.exit_code(), |()| 0)
    }

    #[test]
    fn a_part_that_failed_has_the_exit_code_that_it_has_alone() {
        for absent in [Code::Unavailable, Code::DeadlineExceeded] {
            assert_eq!(code(&[], &[failure(absent)]), 5, "{absent}");
        }
        let start = failure(Code::FailedPrecondition);
        assert_eq!(code(&[], &[start.clone(), failure(Code::Unavailable)]), 8);
        let reported = settle([], &[start]).unwrap_err().to_string();
        assert_eq!(reported, "a-1 failed: network a-1 does this and that");
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
        let reported = settle([&saved, &unsaved], &[]).unwrap_err().to_string();
        assert!(reported.starts_with("b-1: in effect, but not saved: the disk is full"), "{reported}");
        let gone = failure(Code::Unavailable);
        assert_eq!(code(std::slice::from_ref(&unsaved), std::slice::from_ref(&gone)), 5);
        assert_eq!(settle([&unsaved], &[gone]).unwrap_err().to_string().lines().count(), 2);
    }
}
