//! The one table from errors to gRPC codes, with details for programs and texts that say what to do.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::admin::host::operations::OperationError;
use crate::admin::host::process::LogError;
use crate::admin::untrusted_text::{printable, reason};
use crate::network::{Error, LookupError};
use crate::switch::NotDialled;

/// The domain of our `google.rpc.ErrorInfo`.
const DOMAIN: &str = "pexd";
/// Bytes of all errors in files that an error tells, for the same reason: they are in it three times.
const MAX_MISTAKES: usize = 1_600;
/// AllowedNetworks that an error names at most: it travels in a header, which clients bound.
const MAX_NAMED: usize = 20;

/// The status for what a network answered instead of doing it.
pub(in crate::admin) fn of(error: &Error) -> Status {
    let (code, name, network) = match error {
        Error::Gone(network) => (Code::Unavailable, "NETWORK_GONE", Some(network)),
        Error::Unresponsive(network) => (Code::DeadlineExceeded, "NETWORK_UNRESPONSIVE", Some(network)),
        Error::Misconfigured { chain_id, .. } => (Code::FailedPrecondition, "MISCONFIGURED", Some(chain_id)),
        Error::CannotStart { chain_id, .. } => (Code::FailedPrecondition, "START_FAILED", Some(chain_id)),
        Error::NoBook { chain_id, .. } => (Code::FailedPrecondition, "NO_BOOK", Some(chain_id)),
        Error::NoAnswerLog(network) => (Code::FailedPrecondition, "ANSWER_LOG_OFF", Some(network)),
        Error::Unreadable { chain_id, .. } => (Code::Unavailable, "BOOK_UNREADABLE", Some(chain_id)),
        Error::NoSuchSeed(_) => (Code::NotFound, "SEED_NOT_FOUND", None),
        Error::NoSuchAddress => (Code::NotFound, "ADDRESS_NOT_FOUND", None),
        Error::NoSuchBan => (Code::NotFound, "BAN_NOT_FOUND", None),
        Error::TooMany { .. } => (Code::ResourceExhausted, "LIMIT_REACHED", None),
        Error::Immutable { chain_id, .. } => (Code::FailedPrecondition, "IMMUTABLE", Some(chain_id)),
        Error::BadValue(what) => return invalid("value", reason(what)),
        Error::NotListed(_) => (Code::NotFound, "ENTRY_NOT_FOUND", None),
        Error::NoSuchPeer(_) => (Code::NotFound, "PEER_NOT_FOUND", None),
        Error::NotDialled { .. } => (Code::FailedPrecondition, "NOT_DIALLED", None),
        Error::StillDialling(_) => (Code::DeadlineExceeded, "TIMED_OUT", None),
        Error::OwnPeer => return invalid("peer", text(error)),
        Error::OwnSeed => return invalid("seed", text(error)),
    };
    let metadata = network.map(|network| ("network", network.to_string()));
    build(code, name, metadata, text(error), ErrorDetails::new())
}

/// What went wrong and what to do about it, in words; also what a call for all networks says of one of them.
pub(in crate::admin) fn text(error: &Error) -> String {
    let fix = match error {
        Error::Gone(_) => "; it was removed, is being started again, or pexd is shutting down",
        Error::Unresponsive(_) => {
            "; a change that you asked for may still take effect: read it back, and look into pexd's log"
        }
        Error::CannotStart { .. } | Error::NoBook { .. } => "; fix this and start it again",
        Error::Misconfigured { .. } => "; mend them and call NetworkService.ReloadNetwork",
        Error::NoAnswerLog(_) => "; set it in the network's config.toml and reload",
        Error::Unreadable { .. } => "; fix this and ask again",
        Error::NoSuchSeed(_) => "; SeedService.ListSeeds shows them as they have to be written",
        Error::NoSuchAddress => {
            "; AddressBookService.ListAddresses with filter.text finds what is there, BanService.ListBans with \
             filter.applies_to what is banned"
        }
        Error::NoSuchBan => "; BanService.ListBans shows the targets as they have to be written",
        Error::Immutable { .. } => "; change the file, and call NetworkService.ReloadNetwork",
        Error::TooMany { .. } | Error::BadValue(_) => "",
        Error::NotListed(_) => "; PeerService.ListConfiguredPeers shows the entries as they have to be written",
        Error::NoSuchPeer(_) => "; PeerService.ListPeers shows who is",
        Error::NotDialled { why, .. } => not_dialled(*why),
        Error::StillDialling(_) => "; it goes on, and PeerService.ListDials will have its outcome",
        Error::OwnPeer | Error::OwnSeed => ", which ReactorService.GetStatus shows: name another node",
    };
    reason(&format!("{error}{fix}"))
}

/// What to do about a rule against a dial.
const fn not_dialled(why: NotDialled) -> &'static str {
    match why {
        NotDialled::Connected => "; PeerService.GetPeer shows it",
        NotDialled::Dialling => " at another address, or as a seed; try again in a few seconds",
        NotDialled::DuplicateIp => "; disconnect that one, or set p2p.allow_duplicate_ip = true",
        NotDialled::Banned => "; BanService.ListBans shows the ban, BanService.Unban lifts it",
        NotDialled::Ourselves => "; name another node",
        NotDialled::NotRunning => "; ReactorService.Start starts it",
        NotDialled::EndpointBusy | NotDialled::HostBusy | NotDialled::Busy => "; try again in a few seconds",
        NotDialled::Held => "; try again",
    }
}

/// The status for a `network` field that does not lead to a network.
pub(in crate::admin) fn of_lookup(error: &LookupError) -> Status {
    match error {
        LookupError::Unknown { asked, known } => {
            let others = match known.as_slice() {
                [] => "and no other".to_owned(),
                known => format!("there are: {}", names(known)),
            };
            let text = format!("no network {:?} here; {others}", printable(asked));
            build(Code::NotFound, "NETWORK_NOT_FOUND", None, text.clone(), violation("network", text))
        }
        LookupError::Ambiguous { known } => {
            let text = format!("several networks are served, name one of: {}", names(known));
            build(Code::InvalidArgument, "NETWORK_AMBIGUOUS", None, text.clone(), violation("network", text))
        }
        LookupError::None => {
            let text = "no network is served: NetworkService.AddNetwork serves one";
            build(Code::FailedPrecondition, "NO_NETWORK", None, text.to_owned(), ErrorDetails::new())
        }
    }
}

/// The status for what the process answered instead of doing it.
pub(in crate::admin) fn of_operation(error: &OperationError) -> Status {
    let text = || reason(&error.to_string());
    match error {
        OperationError::NoFolder(_) => build(Code::FailedPrecondition, "NO_FOLDER", None, text(), ErrorDetails::new()),
        OperationError::Exists(_) => build(Code::AlreadyExists, "NETWORK_EXISTS", None, text(), ErrorDetails::new()),
        OperationError::Field { field, text } => invalid(field, reason(text)),
        OperationError::InvalidConfig(errors) => of_config_errors(errors),
        OperationError::NotDeleted(_) => {
            build(Code::FailedPrecondition, "NOT_DELETED", None, text(), ErrorDetails::new())
        }
        OperationError::Files(_) => build(Code::FailedPrecondition, "FILES_FAILED", None, text(), ErrorDetails::new()),
        OperationError::Ending => build(Code::Unavailable, "SHUTTING_DOWN", None, text(), ErrorDetails::new()),
        OperationError::Internal(what) => {
            tracing::error!(%what, "an admin request failed");
            internal()
        }
        OperationError::Lookup(error) => of_lookup(error),
        OperationError::Network(error) => of(error),
    }
}

/// All that is wrong in files, each with its place: as text, and for programs as violations of the "field" that is the
/// file and line. What is too much for a header is left to the log.
fn of_config_errors(errors: &[(String, String)]) -> Status {
    for (place, text) in errors {
        tracing::warn!("{}: {}", printable(place), reason(text));
    }
    let mut details = ErrorDetails::new();
    let mut message = format!("errors in the files: {}; nothing was changed", errors.len());
    for (reported, (place, text)) in errors.iter().enumerate() {
        let (place, text) = (printable(place), printable(text));
        if message.len() + place.len() + text.len() > MAX_MISTAKES {
            message.push_str(&format!("\nand {} more, which pexd's log has", errors.len() - reported));
            break;
        }
        message.push_str(&format!("\n{place}: {text}"));
        details.add_bad_request_violation(place, text);
    }
    build(Code::FailedPrecondition, "CONFIG_INVALID", None, message, details)
}

/// INVALID_ARGUMENT for one field of a request, by its name in the proto file.
pub(in crate::admin) fn invalid(field: &'static str, text: impl Into<String>) -> Status {
    let text = text.into();
    let message = format!("{field}: {text}");
    build(Code::InvalidArgument, "INVALID_FIELD", Some(("field", field.to_owned())), message, violation(field, text))
}

/// As much is under way as may be.
pub(in crate::admin) fn limit(text: String) -> Status {
    build(Code::ResourceExhausted, "LIMIT_REACHED", None, text, ErrorDetails::new())
}

/// A page token whose list is not kept any more.
pub(in crate::admin) fn page_expired() -> Status {
    let text = "page_token: the list that it goes on with is not kept any more (60 s after its last page, and the latest 16 \
                are); begin again with an empty page_token, or leave the order out: such pages do not expire";
    build(Code::Aborted, "PAGE_EXPIRED", None, text.to_owned(), ErrorDetails::new())
}

/// As much of a kind is under way as may be.
pub(in crate::admin) fn busy(text: &str) -> Status {
    build(Code::ResourceExhausted, "LIMIT_REACHED", None, text.to_owned(), ErrorDetails::new())
}

/// A request that took longer than any is given.
pub(in crate::admin) fn timed_out() -> Status {
    let text = "the request took too long and was given up; a change that you asked for may still take effect";
    build(Code::DeadlineExceeded, "TIMED_OUT", None, text.to_owned(), ErrorDetails::new())
}

/// The end of a stream when the process ends.
pub(in crate::admin) fn ending() -> Status {
    let text = "pexd is ending; once it runs again, go on with `after` and the last cursors";
    build(Code::Unavailable, "PROCESS_ENDING", None, text.to_owned(), ErrorDetails::new())
}

/// The log is not this process's own.
pub(in crate::admin) fn log_unavailable(error: &LogError) -> Status {
    build(Code::FailedPrecondition, "LOG_UNAVAILABLE", None, reason(&error.to_string()), ErrorDetails::new())
}

/// A fault of our own; the log has it in full.
pub(in crate::admin) fn internal() -> Status {
    let text = "a fault in pexd; its log has the details";
    build(Code::Internal, "INTERNAL", None, text.to_owned(), ErrorDetails::new())
}

/// A method that nothing serves.
pub(in crate::admin) fn no_method(path: &str) -> Status {
    let text = format!("there is no method {path} here; `grpcurl ... list SERVICE` shows those that there are");
    build(Code::Unimplemented, "METHOD_NOT_FOUND", None, reason(&text), ErrorDetails::new())
}

/// A request that is compressed in a way that is not understood.
pub(in crate::admin) fn unknown_encoding(encoding: &str) -> Status {
    let text = format!(
        "the request is compressed by \"{encoding}\" (grpc-encoding), which is not understood here: use gzip, or do not compress"
    );
    build(Code::Unimplemented, "ENCODING_NOT_SUPPORTED", None, reason(&text), ErrorDetails::new())
}

/// A request that cannot be read.
pub(in crate::admin) fn malformed(what: &str) -> Status {
    let text = format!("the request cannot be read: {what}; generate the client anew from proto/pexd/v1");
    build(Code::InvalidArgument, "MALFORMED_REQUEST", None, reason(&text), ErrorDetails::new())
}

/// A request that is too long.
pub(in crate::admin) fn too_large(what: &str) -> Status {
    let text = format!("{what}; send less at once");
    build(Code::OutOfRange, "REQUEST_TOO_LARGE", None, reason(&text), ErrorDetails::new())
}

/// The one answer to all who do not show who they are, whatever they asked and whatever was wrong. `other` is another way in.
pub(in crate::admin) fn unauthenticated(other: &str) -> Status {
    let text = format!(
        "show who you are: a token in the authorization metadata (Bearer TOKEN; `pexd token add NAME` makes one), or a client \
         certificate whose subject stands in access.toml{other}. pexd's log says why one is refused"
    );
    build(Code::Unauthenticated, "UNAUTHENTICATED", None, text, ErrorDetails::new())
}

/// The end of a stream whose caller would not be let in any more.
pub(in crate::admin) fn revoked() -> Status {
    unauthenticated("")
}

/// A method that needs another role than the caller's. `other` is a way that needs no credential.
pub(in crate::admin) fn role_needed(who: &str, has: &str, needed: &str, other: &str) -> Status {
    let text = format!(
        "this method needs the role {needed}, and {who} has {has}: show a token that has it (`pexd token add NAME --role \
         {needed}` makes one){other}"
    );
    let metadata = Some(("role", needed.to_owned()));
    build(Code::PermissionDenied, "ROLE_NEEDED", metadata, text, ErrorDetails::new())
}

/// A method that acts on all of the process, for a caller who is for some networks.
pub(in crate::admin) fn all_networks_needed(who: &str) -> Status {
    let text = format!("this acts on the process as a whole, and {who} is for some networks only");
    build(Code::PermissionDenied, "ALL_NETWORKS_NEEDED", None, text, ErrorDetails::new())
}

/// A caller that exceeds its rate limit.
pub(in crate::admin) fn too_fast(wait: Duration) -> Status {
    let text = "too many requests in a short time (admin.requests_per_second); wait a little and send fewer";
    let details = ErrorDetails::with_retry_info(Some(wait));
    build(Code::ResourceExhausted, "RATE_LIMITED", None, text.to_owned(), details)
}

/// More requests at once than there may be in all.
pub(in crate::admin) fn too_many_requests() -> Status {
    let text = "too many requests are being answered (admin.max_requests); try again in a second";
    let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(1)));
    build(Code::ResourceExhausted, "TOO_MANY_REQUESTS", None, text.to_owned(), details)
}

/// Chain IDs for a text, not too many of them.
pub(in crate::admin) fn names<T: AsRef<str>>(known: &[T]) -> String {
    let mut text = known.iter().take(MAX_NAMED).map(|name| printable(name.as_ref())).collect::<Vec<_>>().join(", ");
    if known.len() > MAX_NAMED {
        text.push_str(&format!(
            " and {} more (ReactorService.GetStatus with network - lists all)",
            known.len() - MAX_NAMED
        ));
    }
    text
}

fn violation(field: &str, text: String) -> ErrorDetails {
    ErrorDetails::with_bad_request_violation(field, text)
}

fn build(
    code: Code,
    reason: &'static str,
    metadata: Option<(&'static str, String)>,
    text: String,
    mut details: ErrorDetails,
) -> Status {
    let metadata: HashMap<String, String> = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    details.set_error_info(reason, DOMAIN, metadata);
    Status::with_error_details(code, text, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small_whatever_was_asked_and_however_many_networks_there_are() {
        let known = (0..1000).map(|n| format!("network-with-a-rather-long-name-{n:018}")).collect();
        let status = of_lookup(&LookupError::Unknown { asked: "\u{1b}".repeat(60_000), known });
        assert!(status.message().len() + status.details().len() < 8_000, "{}", status.details().len());
        assert!(!status.message().contains('\u{1b}'));
        assert!(status.message().contains("and 980 more"));
    }

    #[test]
    fn a_reason_that_does_not_fit_is_cut() {
        let error = Error::CannotStart { chain_id: "c".into(), reason: "x\n".repeat(50_000) };
        assert!(of(&error).message().len() < 1_100);
    }
}
