//! When what callers are known by ends, for metrics: the certificates of TLS, and what the access file grants for a time.

use std::sync::Arc;

use super::reload::CredentialsInEffect;
use crate::types::Wall;

/// Tells when certificates and tokens in effect end. Cheap to clone; the default has none.
#[derive(Clone, Debug, Default)]
pub struct Expiry(Option<Arc<CredentialsInEffect>>);

/// The ends, each the first of its kind; `None` where there is none of it, or none that ever ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiries {
    /// The server's certificate, or one between it and its CA.
    pub server_certificate: Option<Wall>,
    /// The CA that client certificates are held against.
    pub client_ca: Option<Wall>,
    /// A token. One that has ended counts until it is removed.
    pub token: Option<Wall>,
    /// What a client certificate is granted. One that has ended counts until it is removed.
    pub certificate: Option<Wall>,
}

impl Expiry {
    pub(in crate::admin) fn of(in_effect: Arc<CredentialsInEffect>) -> Self {
        Expiry(Some(in_effect))
    }

    /// As the files are now; they are read again when they change.
    pub fn now(&self) -> Expiries {
        let Some(in_effect) = &self.0 else { return Expiries::default() };
        let grants = in_effect.grants();
        let (server_certificate, client_ca) = in_effect.tls().map(|tls| tls.ends).unwrap_or_default();
        let (token, certificate) = (grants.first_token_end(), grants.first_certificate_end());
        Expiries { server_certificate, client_ca, token, certificate }
    }
}
