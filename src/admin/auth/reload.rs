//! Hot reload: tokens, certificates and TLS in effect, and their files, which are read again when they change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::certificate_files::TlsError;
use super::grants::{AccessSource, Basis, Grants, Presented};
use super::roles::Role;
use super::security_audit::SecurityAudit;
use super::tls::{Material, TlsFiles};
use crate::clock::Clock;
use crate::regular_file::FileStamp;
use crate::types::Wall;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The longest that an end of a grant is slept for at once: the wall clock may be set.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// The credentials in effect now.
#[derive(Debug)]
pub(in crate::admin) struct CredentialsInEffect {
    grants: watch::Sender<Arc<Grants>>,
    /// What callers on TCP may do without a credential. It ends with the first credential and does not come back while the
    /// process runs: a file that is lost opens nothing.
    anonymous: watch::Sender<Option<Role>>,
    tls: Option<ArcSwap<Tls>>,
}

/// TLS as new connections get it.
pub(in crate::admin) struct Tls {
    pub(in crate::admin) acceptor: TlsAcceptor,
    /// Cancelled when other clients are believed, so that those who came under the old CA come again.
    pub(in crate::admin) epoch: CancellationToken,
    /// When the server's certificate and the client CA end.
    pub(in crate::admin) ends: (Option<Wall>, Option<Wall>),
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl CredentialsInEffect {
    pub(in crate::admin) fn grants(&self) -> Arc<Grants> {
        self.grants.borrow().clone()
    }

    pub(in crate::admin) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.as_ref().map(ArcSwap::load_full)
    }

    /// What callers on TCP may do now who show no credential; `None` = nothing.
    pub(in crate::admin) fn anonymous(&self) -> Option<Role> {
        *self.anonymous.borrow()
    }

    /// Waits until a request would not be let in any more for what it was let in for.
    pub(in crate::admin) async fn until_revoked(self: Arc<Self>, basis: Basis) {
        match basis {
            Basis::Socket => std::future::pending().await,
            // An error means that nobody can change it any more.
            Basis::Anonymous(role) => {
                let mut anonymous = self.anonymous.subscribe();
                let _ = anonymous.wait_for(|now| now.is_none_or(|now| now < role)).await;
            }
            Basis::Credential(shown) => self.until_not_granted(shown).await,
        }
    }

    /// Waits until what was shown is not good for its grant any more: it was removed, changed or has ended.
    async fn until_not_granted(&self, shown: Presented) {
        let Presented { credential, grant, end } = shown;
        let mut grants = self.grants.subscribe();
        loop {
            let still = grants.borrow_and_update().find(&credential).is_some_and(|now| **now == *grant);
            let now = Clock.now().wall;
            if !still || end.is_some_and(|end| end <= now) {
                return;
            }
            let ended = async {
                match end {
                    Some(end) => tokio::time::sleep(end.since(now).min(MAX_SLEEP)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = grants.changed() => if changed.is_err() { return },
                () = ended => {}
            }
        }
    }
}

/// The files, and what they were when they were last read.
pub(in crate::admin) struct CredentialFiles {
    in_effect: Arc<CredentialsInEffect>,
    access: Option<(AccessSource, Option<FileStamp>)>,
    tls: Option<TlsState>,
    closing: CancellationToken,
}

struct TlsState {
    files: TlsFiles,
    stamps: Vec<Option<FileStamp>>,
    material: Material,
    certificate_needed: bool,
}

impl TlsState {
    fn needs_certificate(&self, grants: &Grants) -> bool {
        self.files.client_ca.is_some() && !grants.has_tokens()
    }
}

/// The result of one look at a file, or at files that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Reload {
    /// Nothing changed.
    Unchanged,
    /// It changed and is in effect.
    Applied,
    /// It changed and cannot be used: the old one stays in effect. The log has the reason.
    Refused,
}

/// What one look at all files found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Reloads {
    /// The access file.
    pub(in crate::admin) access: Reload,
    /// Certificate, key and client CA.
    pub(in crate::admin) tls: Reload,
}

/// Why nothing can be in effect yet.
#[derive(Debug, thiserror::Error)]
pub(in crate::admin) enum LoadError {
    #[error("{0}")]
    Access(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl CredentialFiles {
    /// Reads all files for the first time. `anonymous` is what callers on TCP may do as long as there is neither an entry in
    /// the access file nor a client CA. Connections of an epoch end when `closing` is cancelled.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(in crate::admin) fn load(
        access: Option<AccessSource>,
        tls_files: Option<TlsFiles>,
        anonymous: Option<Role>,
        closing: CancellationToken,
    ) -> Result<Self, LoadError> {
        // Stamped before it is read: what is written in between is seen as a change.
        let access = access.map(|access| (access.clone(), FileStamp::of(&access.file)));
        let grants = match &access {
            Some((access, _)) => (access.read)(&access.file).map_err(LoadError::Access)?.0,
            None => Grants::default(),
        };
        let ca = tls_files.as_ref().is_some_and(|files| files.client_ca.is_some());
        let anonymous = anonymous.filter(|_| !ca && grants.is_empty());
        let mut tls = None;
        if let Some(files) = tls_files {
            let stamps = files.paths().map(FileStamp::of).collect();
            let material = Material::read(&files)?;
            let mut state = TlsState { files, stamps, material, certificate_needed: false };
            state.certificate_needed = state.needs_certificate(&grants);
            tls = Some(state);
        }
        let in_effect = tls.as_ref().map(|state| acceptor(state, closing.child_token())).transpose()?;
        let in_effect = CredentialsInEffect {
            grants: watch::Sender::new(Arc::new(grants)),
            anonymous: watch::Sender::new(anonymous),
            tls: in_effect.map(ArcSwap::from_pointee),
        };
        Ok(CredentialFiles { in_effect: Arc::new(in_effect), access, tls, closing })
    }

    pub(in crate::admin) fn in_effect(&self) -> Arc<CredentialsInEffect> {
        self.in_effect.clone()
    }

    /// Looks at the files again and again, and notes who was added and removed; it never ends by itself.
    pub(in crate::admin) async fn watch(mut self, audit: SecurityAudit) -> Infallible {
        if self.access.is_none() && self.tls.is_none() {
            return std::future::pending().await;
        }
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // A slow disk must not hold the other tasks up.
            let audit = audit.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let before = self.in_effect.grants();
                self.reload();
                if let Some(changes) = self.in_effect.grants().changes_since(&before) {
                    audit.access_changed(&changes);
                }
                self
            });
            match looked.await {
                Ok(back) => self = back,
                Err(error) => {
                    tracing::error!(%error, "the admin API's files are not looked at any more: restart pexd to read them");
                    return std::future::pending().await;
                }
            }
        }
    }

    /// Reads the files that changed since the last look. What cannot be used leaves the old in effect.
    pub(in crate::admin) fn reload(&mut self) -> Reloads {
        let access = self.reload_access();
        let tls = self.reload_tls().unwrap_or_else(|error| {
            tracing::error!(%error, "the admin API's TLS files cannot be used; the old ones stay in effect");
            Reload::Refused
        });
        Reloads { access, tls }
    }

    fn reload_access(&mut self) -> Reload {
        let Some((source, before)) = &mut self.access else { return Reload::Unchanged };
        let now = FileStamp::of(&source.file);
        if now == *before {
            return Reload::Unchanged;
        }
        *before = now;
        let file = source.file.display();
        match (source.read)(&source.file) {
            Ok((grants, warnings)) => {
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                tracing::info!(%file, entries = grants.len(), "who may use the admin API was read again");
                if !grants.is_empty() && self.in_effect.anonymous.send_replace(None).is_some() {
                    tracing::info!("from now on callers of the admin API on TCP have to show a token or a certificate");
                }
                self.in_effect.grants.send_replace(Arc::new(grants));
                Reload::Applied
            }
            Err(errors) => {
                tracing::error!(%file, "the access file cannot be used; the old one stays in effect: {errors}");
                Reload::Refused
            }
        }
    }

    fn reload_tls(&mut self) -> Result<Reload, TlsError> {
        let Some(state) = &mut self.tls else { return Ok(Reload::Unchanged) };
        let stamps: Vec<_> = state.files.paths().map(FileStamp::of).collect();
        let needed = state.needs_certificate(&self.in_effect.grants());
        let touched = stamps != state.stamps;
        if !touched && needed == state.certificate_needed {
            return Ok(Reload::Unchanged);
        }
        state.stamps = stamps;
        let mut believed = true;
        if touched {
            let material = Material::read(&state.files)?;
            material.server(needed)?;
            believed = material.believes_as(&state.material);
            state.material = material;
        }
        state.certificate_needed = needed;
        let Some(tls) = &self.in_effect.tls else { return Ok(Reload::Unchanged) };
        let epoch = tls.load().epoch.clone();
        let next = if believed { epoch.clone() } else { self.closing.child_token() };
        tls.store(Arc::new(acceptor(state, next)?));
        if !believed {
            epoch.cancel();
        }
        if touched {
            tracing::info!(cert = %state.files.cert.display(), "the admin API's TLS files were read again");
        }
        Ok(Reload::Applied)
    }
}

fn acceptor(state: &TlsState, epoch: CancellationToken) -> Result<Tls, TlsError> {
    let config = state.material.server(state.certificate_needed)?;
    if state.material.not_after().is_some_and(|end: Wall| end <= Clock.now().wall) {
        let cert = state.files.cert.display();
        tracing::warn!(%cert, "the admin API's certificate has expired: clients refuse it until there is a new one");
    }
    let ends = (state.material.not_after(), state.material.client_ca_not_after());
    Ok(Tls { acceptor: config.into(), epoch, ends })
}
