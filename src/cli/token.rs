//! `pexd token`: who may use the admin API from elsewhere. A running pexd takes a change up within seconds.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use nix::unistd::{User, geteuid};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::confirm::confirm;
use super::{Failure, NextStep, print, variables, warn};
use crate::clock::{self, Clock};
use crate::config::access_file::{self, AccessRole, Permissions, Token};
use crate::config::{self, AccessEditError, Home, add_token, chain_id, duration, remove_token};
use crate::file_owner::FileOwner;
use crate::network::{AuditKind, NewAuditEntry, ProcessAudit};
use crate::types::Wall;

/// What a token begins with, so that people and scanners of leaked secrets know what it is.
const PREFIX: &str = "pexd_";
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token, print it once, and keep its hash
    Add {
        /// Whose it is, as the log and the audit show it
        name: String,
        /// What its holder may do: read, or control, which changes things too
        #[arg(long, value_name = "ROLE", default_value = "read", value_parser = role)]
        role: AccessRole,
        /// The chain IDs that it is for, comma-separated [default: all]
        #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = network)]
        networks: Option<Vec<String>>,
        /// How long it is good for, such as 90d or 12h [default: for good]
        #[arg(long, value_name = "DURATION", value_parser = lifetime)]
        expires: Option<Duration>,
    },
    /// Show the tokens and certificates that may enter
    List,
    /// Remove a token; who uses it is cut off within seconds
    Remove {
        /// Whose it is
        name: String,
        /// Do not ask whether it is meant
        #[arg(long)]
        yes: bool,
    },
}

fn role(text: &str) -> Result<AccessRole, String> {
    AccessRole::from_name(text).ok_or_else(|| "write read or control".to_owned())
}

fn network(text: &str) -> Result<String, String> {
    let text = text.trim();
    chain_id::check(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

/// A duration as everywhere else, or whole days.
fn lifetime(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).and_then(|days: u32| DAY.checked_mul(days));
    let length = days.map_or_else(|| duration::parse(text), Ok);
    match length {
        Ok(length) if length.is_zero() => Err("it would have ended already: write a longer one".to_owned()),
        Ok(length) => Ok(length),
        Err(error) => Err(format!("{error}, or whole days as 90d")),
    }
}

pub(super) fn run(home: &Home, args: Args) -> Result<NextStep, Failure> {
    let file = file(home)?;
    match args.command {
        Command::Add { name, role, networks, expires } => {
            let expires = expires.map(|length| Clock.now().wall + length);
            add(home, &file, name, Permissions { role, networks, expires })
        }
        Command::List => list(&file),
        Command::Remove { name, yes } => {
            confirm(
                &format!("who uses the token {name:?} is cut off within seconds, and it cannot be shown again"),
                yes,
            )?;
            remove_token(&file, &name, &owner(home)?).map_err(failure)?;
            note(home, "pexd token remove", &format!("removed token {name}"))?;
            Ok(NextStep::Done)
        }
    }
}

fn owner(home: &Home) -> Result<FileOwner, Failure> {
    FileOwner::of(home.path()).map_err(|error| Failure::Failed(format!("{}: {error}", home.path().display())))
}

/// Notes in the audit who did it, which a running pexd cannot know. What it takes up it notes besides.
fn note(home: &Home, method: &str, summary: &str) -> Result<(), Failure> {
    let user = geteuid();
    let name = User::from_uid(user).ok().flatten().map(|user| format!(" ({})", user.name)).unwrap_or_default();
    let entry = NewAuditEntry {
        kind: AuditKind::Change,
        network: "".into(),
        author: format!("uid {user}{name}").into(),
        method: method.into(),
        summary: summary.into(),
    };
    let noted = ProcessAudit::at(home.audit_file()).record_blocking(&entry);
    noted.map_err(|error| Failure::Unsaved(format!("{summary}; this is in effect, and not in the audit: {error}")))
}

/// The access file, as the process would find it.
fn file(home: &Home) -> Result<PathBuf, Failure> {
    Ok(config::load_process_alone(home, variables())?.admin.access_file)
}

fn add(home: &Home, file: &std::path::Path, name: String, may: Permissions) -> Result<NextStep, Failure> {
    let secret = Zeroizing::new(clock::entropy());
    let token = Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*secret)));
    let sha256 = Sha256::digest(token.as_bytes()).into();
    let first = access_file::read(file).is_ok_and(|(access, _)| access.is_empty());
    let summary = format!("added token {name} ({})", may.role.name());
    add_token(file, &Token { name, sha256, may }, &owner(home)?).map_err(failure)?;
    let noted = note(home, "pexd token add", &summary);
    // On standard error, so that a script gets the token alone. There is no reader when it is closed.
    let reported = "The token is shown this once; its hash is kept in";
    let _ = writeln!(std::io::stderr(), "{reported} {}", file.display());
    if first {
        let notice = "It is the first: from now on callers on TCP have to show a token; the Unix socket needs none";
        let _ = writeln!(std::io::stderr(), "{notice}");
    }
    let line = Zeroizing::new(format!("{}\n", token.as_str()));
    print(&line)?;
    noted.map(|()| NextStep::Done)
}

fn list(file: &std::path::Path) -> Result<NextStep, Failure> {
    let (access, warnings) = access_file::read(file)?;
    warn(&warnings);
    if access.is_empty() {
        return print(&format!("Nobody stands in {}.\n", file.display()));
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["KIND", "NAME", "ROLE", "NETWORKS", "EXPIRES"]);
    let tokens = access.tokens.iter().map(|token| ("token", &token.name, &token.may));
    let certificates = access.certificates.iter().map(|one| ("certificate", &one.subject, &one.may));
    for (kind, name, may) in tokens.chain(certificates) {
        let networks = may.networks.as_ref().map_or_else(|| "all".to_owned(), |networks| networks.join(","));
        let expires = may.expires.map_or_else(|| "never".to_owned(), when);
        table.add_row([kind, name, may.role.name(), &networks, &expires]);
    }
    print(&format!("{}\n", table.trim_fmt()))
}

fn when(end: Wall) -> String {
    let stamp = prost_types::Timestamp { seconds: end.as_millis().div_euclid(1000), nanos: 0 };
    let over = if end <= Clock.now().wall { " (expired)" } else { "" };
    format!("{stamp}{over}")
}

fn failure(error: AccessEditError) -> Failure {
    match error {
        AccessEditError::ConfigErrors(errors) => errors.into(),
        AccessEditError::Name(_) => Failure::InvalidInput(error.to_string()),
        AccessEditError::Taken(_) | AccessEditError::Unknown(_) | AccessEditError::Io { .. } => Failure::failed(error),
    }
}
