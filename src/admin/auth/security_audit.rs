//! What the audit of the process has on who may use the admin API: credentials that came and went, and callers that were
//! refused. Names only, never a secret.

use crate::network::{AuditKind, NewAuditEntry, ProcessAudit};

/// What a caller was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::admin) enum Refusal {
    /// The TLS handshake failed.
    Handshake,
    /// It showed nothing to authenticate by.
    NoCredential,
    /// What it showed to authenticate by is not valid.
    WrongCredential,
    /// It showed so much that was wrong that what it shows is not looked at.
    NotLookedAt,
}

impl Refusal {
    /// How many there are.
    pub(in crate::admin) const COUNT: usize = 4;
}

/// The audit of the process; without one nothing is noted.
#[derive(Clone, Debug, Default)]
pub(in crate::admin) struct SecurityAudit(pub(in crate::admin) Option<ProcessAudit>);

impl SecurityAudit {
    /// Notes that a running process took up another access file. Blocks on the disk.
    pub(in crate::admin) fn access_changed(&self, summary: &str) {
        let Some(audit) = &self.0 else { return };
        let noted = audit.record_blocking(&entry(AuditKind::Change, "access file", "reload", summary));
        or_log(noted.map_err(|error| error.to_string()));
    }

    /// Notes a caller that was refused, the `count`th of all. The caller bounds how often. Inside a runtime.
    pub(in crate::admin) fn refused(&self, refusal: Refusal, from: &str, why: &str, name: &str, count: u64) {
        let Some(audit) = self.0.clone() else { return };
        let method = match refusal {
            Refusal::Handshake => "TLS handshake",
            Refusal::NoCredential | Refusal::WrongCredential | Refusal::NotLookedAt => "authentication",
        };
        let named = if name.is_empty() { String::new() } else { format!(" ({name})") };
        let entry = entry(AuditKind::Refusal, from, method, &format!("refused: {why}{named}; {count} in all so far"));
        tokio::spawn(async move { or_log(audit.record(entry).await) });
    }
}

fn entry(kind: AuditKind, author: &str, method: &str, summary: &str) -> NewAuditEntry {
    NewAuditEntry { kind, network: "".into(), author: author.into(), method: method.into(), summary: summary.into() }
}

fn or_log(noted: Result<(), String>) {
    if let Err(error) = noted {
        tracing::error!(error, "what concerns access to the admin API is not in the audit");
    }
}
