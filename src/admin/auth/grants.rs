//! The access file's grants: which token or certificate has which role, in which networks.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::caller::AllowedNetworks;
use super::roles::Role;
use crate::admin::untrusted_text::printable;
use crate::types::Wall;

/// What the holder of a token or certificate may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token's name or the certificate's subject.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// Where.
    pub networks: AllowedNetworks,
    /// When it ends; `None` = never.
    pub expires: Option<Wall>,
}

/// All grants. Looking a token up takes a time that reports its hash only, from which nobody gets to a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    tokens: HashMap<[u8; 32], Arc<Grant>>,
    certificates: HashMap<Arc<str>, Arc<Grant>>,
}

impl Grants {
    /// Lets the holder of the token with this SHA-256 in.
    pub fn add_token(&mut self, sha256: [u8; 32], grant: Grant) {
        self.tokens.insert(sha256, Arc::new(grant));
    }

    /// Lets the holder of the certificate with the grant's name as its subject in.
    pub fn add_certificate(&mut self, grant: Grant) {
        self.certificates.insert(grant.name.clone(), Arc::new(grant));
    }

    /// Who was removed, added or given other rights since `before`, by their names; `None` = nobody. Who was removed comes first:
    /// an entry of the audit has room for so much.
    pub(in crate::admin) fn changes_since(&self, before: &Grants) -> Option<String> {
        let (before, now) = (before.by_name(), self.by_name());
        let gone = before.keys().filter(|name| !now.contains_key(*name));
        let mut changes: Vec<String> = gone.map(|name| format!("removed {name}")).collect();
        for (name, entry) in &now {
            match before.get(name) {
                Some(was) if was == entry => {}
                was => {
                    let what = if was.is_some() { "changed" } else { "added" };
                    changes.push(format!("{what} {name} ({})", entry.1.role.name()));
                }
            }
        }
        (!changes.is_empty()).then(|| changes.join(", "))
    }

    /// All grants by what they are called; a token with its hash, by which another one of the same name is known.
    fn by_name(&self) -> BTreeMap<String, (Option<[u8; 32]>, Arc<Grant>)> {
        let tokens = self.tokens.iter().map(|(hash, grant)| ("token", Some(*hash), grant));
        let certificates = self.certificates.values().map(|grant| ("certificate", None, grant));
        let named = |kind: &str, grant: &Grant| format!("{kind} {}", printable(&grant.name));
        tokens.chain(certificates).map(|(kind, hash, grant)| (named(kind, grant), (hash, grant.clone()))).collect()
    }

    /// Whether there is none at all.
    pub(in crate::admin) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a token could let somebody in.
    pub(in crate::admin) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// When the first token ends; one that has ended counts until it is removed. `None` when none ever ends.
    pub(in crate::admin) fn first_token_end(&self) -> Option<Wall> {
        self.tokens.values().filter_map(|grant| grant.expires).min()
    }

    /// As [`Grants::first_token_end`], of what certificates are granted.
    pub(in crate::admin) fn first_certificate_end(&self) -> Option<Wall> {
        self.certificates.values().filter_map(|grant| grant.expires).min()
    }

    /// How many there are.
    pub(in crate::admin) fn len(&self) -> usize {
        self.tokens.len() + self.certificates.len()
    }

    /// What this credential is good for, whether it has ended or not.
    pub(in crate::admin) fn find(&self, credential: &Credential) -> Option<&Arc<Grant>> {
        match credential {
            Credential::Token(hash) => self.tokens.get(hash),
            Credential::Certificate(subject) => self.certificates.get(subject),
        }
    }
}

/// The access file, and what reads it.
#[derive(Clone, Debug)]
pub struct AccessSource {
    /// The file; it need not exist.
    pub file: PathBuf,
    /// What reads it.
    pub read: ReadAccess,
}

/// Gives the entries of an access file and its warnings, or all its errors.
pub type ReadAccess = fn(&Path) -> Result<(Grants, Vec<String>), String>;

/// What a caller presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Credential {
    /// The hash of a token.
    Token([u8; 32]),
    /// The subject of a certificate that the client CA signed.
    Certificate(Arc<str>),
}

impl Credential {
    pub(in crate::admin) fn of_token(token: &[u8]) -> Self {
        Credential::Token(Sha256::digest(token).into())
    }

    /// What it is, for logs and the audit.
    pub(in crate::admin) const fn kind(&self) -> &'static str {
        match self {
            Credential::Token(_) => "token",
            Credential::Certificate(_) => "certificate",
        }
    }
}

/// What a request was let in for.
#[derive(Clone, Debug)]
pub(in crate::admin) enum Basis {
    /// Its caller could open the Unix socket.
    Socket,
    /// It came over TCP, where this role needs no credential now.
    Anonymous(Role),
    /// A credential.
    Credential(Presented),
}

/// The credential that a caller was authenticated by.
#[derive(Clone, Debug)]
pub(in crate::admin) struct Presented {
    /// What it presented.
    pub(in crate::admin) credential: Credential,
    /// What it was valid for then.
    pub(in crate::admin) grant: Arc<Grant>,
    /// When one of the two ends; `None` = never.
    pub(in crate::admin) end: Option<Wall>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(tokens: impl IntoIterator<Item = (u8, &'static str)>, role: Role) -> Grants {
        let mut grants = Grants::default();
        for (hash, name) in tokens {
            let networks = AllowedNetworks::All;
            grants.add_token([hash; 32], Grant { name: name.into(), role, networks, expires: None });
        }
        grants
    }

    #[test]
    fn who_was_removed_is_named_first() {
        let before = grants([(1, "stays"), (2, "zoe"), (3, "yan")], Role::Read);
        let now = grants([(1, "stays"), (4, "anna")], Role::Control);
        let changes = now.changes_since(&before).unwrap();
        assert_eq!(
            changes,
            "removed token yan, removed token zoe, added token anna (control), changed token stays (control)"
        );
        assert_eq!(now.changes_since(&now), None);
    }
}
