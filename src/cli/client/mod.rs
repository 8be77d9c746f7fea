//! The commands that ask a running pexd, over the same API as everybody else.

mod bans;
mod book;
mod book_files;
mod book_results;
mod call_error;
mod channel;
mod connect;
mod endpoint;
mod events;
mod field_flags;
mod history;
mod log_level;
mod networks;
mod pages;
mod peers;
mod pending_reload;
mod per_network;
mod seeds;
mod status;

use std::time::Duration;

use clap::Subcommand;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use self::connect::Connect;
pub(super) use self::pending_reload::pending_reload;
use super::output::Output;
use super::{Failure, NextStep, whole_number};
use crate::config::Home;

/// What stands for all networks.
const ALL: &str = "-";

/// What to ask of a running pexd.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show how the networks are doing, the worst first
    Status(Asking<status::Args>),
    /// Show, dial and disconnect peers; the lists of persistent, unconditional and private ones
    Peers(Asking<peers::Args>),
    /// Dial a peer now, and report what became of it
    Dial(Asking<peers::DialArgs>),
    /// Close the connection of a peer, and ban it if asked to
    Disconnect(Asking<peers::DisconnectArgs>),
    /// Look into the address book, and change it
    Book(Asking<book::Args>),
    /// List the bans
    Bans(Asking<bans::Args>),
    /// Ban a node ID, an IP address or a range, in all networks unless --network names one
    Ban(Asking<bans::BanArgs>),
    /// Lift a ban, in all networks unless --network names one
    Unban(Asking<bans::UnbanArgs>),
    /// Show, add, remove and check seeds
    Seeds(Asking<seeds::Args>),
    /// Follow what happens, one line an event
    Events(Asking<events::Args>),
    /// Add, remove, reload, configure, start and stop networks
    Network(Asking<networks::Args>),
    /// List our own dials, the latest first: did we dial this host at that time?
    Dials(Asking<history::DialsArgs>),
    /// List which addresses were sent to whom, the latest first: who was told of this host?
    Answers(Asking<history::AnswersArgs>),
    /// List from where connections were refused most often, and why
    Refusals(Asking<history::RefusalsArgs>),
    /// List who changed what, the latest first
    Audit(Asking<history::AuditArgs>),
    /// Show or change what is logged
    LogLevel(Asking<log_level::Args>),
}

/// A command's own arguments, and how to reach the pexd that it asks.
#[derive(Debug, clap::Args)]
pub(super) struct Asking<T: clap::Args> {
    #[command(flatten)]
    args: T,
    #[command(flatten)]
    session: SessionArgs,
}

#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Reaching pexd")]
pub(in crate::cli) struct SessionArgs {
    /// Where it is: unix:/path, http://host:port or https://host:port [default: the home's socket, else its admin.laddr]
    #[arg(long, global = true, value_name = "PLACE", env = "PEXD_SERVER")]
    server: Option<String>,
    /// A file with the token to show; PEXD_TOKEN holds the token itself
    #[arg(long, global = true, value_name = "FILE", env = "PEXD_TOKEN_FILE")]
    token_file: Option<std::path::PathBuf>,
    /// Certificates of those who may vouch for the server (PEM) [default: the system's]
    #[arg(long, global = true, value_name = "FILE", env = "PEXD_CA_FILE")]
    ca_file: Option<std::path::PathBuf>,
    /// Our certificate for mutual TLS (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "key_file", env = "PEXD_CERT_FILE")]
    cert_file: Option<std::path::PathBuf>,
    /// Its key (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "cert_file", env = "PEXD_KEY_FILE")]
    key_file: Option<std::path::PathBuf>,
    /// Seconds to wait for an answer [default: 35; 70 for seeds check]
    #[arg(long, global = true, value_name = "N", value_parser = |text: &str| whole_number::<u64>(text, 1, 3_600))]
    timeout: Option<u64>,
    /// The network; - = all, where that makes sense [default: the only one, or the configured default]
    #[arg(long, global = true, value_name = "CHAIN_ID", env = "PEXD_NETWORK")]
    network: Option<String>,
    /// Print protobuf's JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

/// A connection to the pexd that is asked, and how its answers are shown.
#[derive(Debug)]
struct Session {
    connect: Connect,
    output: Output,
    network: Option<String>,
}

impl Session {
    /// The network that was named; else the only or default one.
    fn network(&self) -> String {
        self.network.clone().unwrap_or_default()
    }

    /// The network that was named; else all of them.
    fn network_or_all(&self) -> String {
        self.network.clone().unwrap_or_else(|| ALL.to_owned())
    }
}

/// Runs a command to its end.
pub(super) fn run(home: &Home, command: Command) -> Result<NextStep, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(dispatch(home, command))?;
    Ok(NextStep::Done)
}

async fn dispatch(home: &Home, command: Command) -> Result<(), Failure> {
    macro_rules! with {
        ($asking:expr, $run:path) => {{
            let Asking { args, session } = $asking;
            $run(&open(home, session)?, args).await
        }};
    }
    match command {
        Command::Status(asking) => with!(asking, status::run),
        Command::Peers(asking) => with!(asking, peers::run),
        Command::Dial(asking) => with!(asking, peers::dial),
        Command::Disconnect(asking) => with!(asking, peers::disconnect),
        Command::Book(asking) => with!(asking, book::run),
        Command::Bans(asking) => with!(asking, bans::run),
        Command::Ban(asking) => with!(asking, bans::ban),
        Command::Unban(asking) => with!(asking, bans::unban),
        Command::Seeds(asking) => with!(asking, seeds::run),
        Command::Events(asking) => with!(asking, events::run),
        Command::Network(asking) => with!(asking, networks::run),
        Command::Dials(asking) => with!(asking, history::dials),
        Command::Answers(asking) => with!(asking, history::answers),
        Command::Refusals(asking) => with!(asking, history::refusals),
        Command::Audit(asking) => with!(asking, history::audit),
        Command::LogLevel(asking) => with!(asking, log_level::run),
    }
}

fn open(home: &Home, args: SessionArgs) -> Result<Session, Failure> {
    let output = if args.json { Output::Json } else { Output::Tables };
    let network = args.network.clone().filter(|name| !name.is_empty());
    Ok(Session { connect: Connect::new(home, args)?, output, network })
}

/// A refusal of the API, as a failure with an exit code that scripts can tell apart.
fn refused(status: Status) -> Failure {
    failure(&status, "--network NAME")
}

/// As [`refused`], for what can also be asked of all networks.
fn refused_of_all(status: Status) -> Failure {
    failure(&status, "--network NAME, or --network - for all")
}

fn failure(status: &Status, fix: &str) -> Failure {
    let text = match reason(status).as_str() {
        "NETWORK_AMBIGUOUS" => format!("{}; write {fix}", status.message()),
        "INVALID_FIELD" => field_flags::by_flag(status.message()),
        _ => status.message().to_owned(),
    };
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => Failure::Unreachable(text),
        Code::Unauthenticated | Code::PermissionDenied => Failure::NotAllowed(text),
        Code::NotFound => Failure::NotFound(text),
        Code::FailedPrecondition | Code::AlreadyExists | Code::Aborted | Code::ResourceExhausted => {
            Failure::Precondition(text)
        }
        Code::InvalidArgument | Code::OutOfRange => Failure::InvalidInput(text),
        Code::Unimplemented => Failure::Failed(format!("this pexd does not know that: {text}")),
        _ => Failure::Failed(text),
    }
}

/// What the API calls the reason of an error; empty when it is not the API's.
fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// A length of time on the command line: Go's notation, and `d` for days.
fn length(text: &str) -> Result<Duration, String> {
    if let Some(days) = text.strip_suffix('d') {
        let days: u64 = days.parse().map_err(|_| format!("{text:?} is no number of days: write 7d"))?;
        return days.checked_mul(86_400).map(Duration::from_secs).ok_or_else(|| "too many days".to_owned());
    }
    crate::config::duration::parse(text).map_err(|error| format!("{text:?} {error}; days are written 7d"))
}

fn to_protobuf(length: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: i32::try_from(length.subsec_nanos()).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(length("1d"), Ok(Duration::from_secs(86_400)));
        assert_eq!(length("90m"), Ok(Duration::from_secs(5_400)));
        for text in ["", "d", "1", "-1h", "1.5d", "99999999999999999999d"] {
            assert!(length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn refusals_have_exit_codes_of_their_own() {
        let code = |code| refused(Status::new(code, "x")).exit_code();
        let codes = [Code::InvalidArgument, Code::Unavailable, Code::PermissionDenied, Code::NotFound, Code::Aborted];
        assert_eq!(codes.map(code), [2, 5, 6, 7, 8]);
        assert_eq!(code(Code::Internal), 1);
    }

    #[test]
    fn who_names_no_network_is_told_the_flag() {
        let details = ErrorDetails::with_error_info("NETWORK_AMBIGUOUS", "pexd", HashMap::new());
        let status = || Status::with_error_details(Code::InvalidArgument, "name one of: a-1, b-1", details.clone());
        assert_eq!(refused(status()).to_string(), "name one of: a-1, b-1; write --network NAME");
        let of_all = refused_of_all(status()).to_string();
        assert_eq!(of_all, "name one of: a-1, b-1; write --network NAME, or --network - for all");
    }
}
