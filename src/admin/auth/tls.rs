//! TLS: the server's certificate, and the CA of those who show one of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::certificate_files::{TlsError, TlsIdentity, first_end, not_after, read_certificates};
use super::client_verifier::ClientVerifier;
use crate::types::Wall;

/// The one protocol that is spoken inside. It comes first: who can speak it does.
const HTTP2: &[u8] = b"h2";
/// The name of HTTP/1.1 in TLS, for those who would else be told nothing but that there is no common protocol.
const HTTP1: &[u8] = b"http/1.1";

/// The PEM files of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, then those between it and its CA.
    pub cert: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The CAs whose client certificates are believed; `None` = clients show none.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// All of them.
    pub(in crate::admin) fn paths(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }
}

/// The contents of the files.
#[derive(Debug)]
pub(in crate::admin) struct Material {
    files: TlsFiles,
    identity: TlsIdentity,
    client_ca: Vec<CertificateDer<'static>>,
}

impl Material {
    /// Reads the files.
    ///
    /// # Errors
    /// The file that cannot be read, holds no PEM of its kind or cannot be used.
    pub(in crate::admin) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let identity = TlsIdentity::read(&files.cert, &files.key)?;
        let client_ca = files.client_ca.as_deref().map(read_certificates).transpose()?.unwrap_or_default();
        Ok(Material { files: files.clone(), identity, client_ca })
    }

    /// Whether the same clients are believed as with `other`.
    pub(in crate::admin) fn believes_as(&self, other: &Material) -> bool {
        self.client_ca == other.client_ca
    }

    /// When the server's certificate ends, if that can be read. A chain is valid for as long as all of it is.
    pub(in crate::admin) fn not_after(&self) -> Option<Wall> {
        self.identity.not_after()
    }

    /// When the client CA ends, the first of several, if that can be read.
    pub(in crate::admin) fn client_ca_not_after(&self) -> Option<Wall> {
        first_end(&self.client_ca)
    }

    /// The server's side of TLS 1.2 and 1.3. `certificate_needed` says whether a client must have a certificate.
    /// Sessions are not resumed: each connection shows its certificate to the CA of the day.
    ///
    /// # Errors
    /// When the certificate cannot be used, or a CA is none.
    pub(in crate::admin) fn server(&self, certificate_needed: bool) -> Result<Arc<ServerConfig>, TlsError> {
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new(&self.files.cert, error))?;
        let builder = match &self.files.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let failed = |error: &dyn std::fmt::Display| TlsError::new(path, format!("it is no CA: {error}"));
                let mut roots = RootCertStore::empty();
                for ca in &self.client_ca {
                    roots.add(ca.clone()).map_err(|error| failed(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                let verifier = if certificate_needed { verifier } else { verifier.allow_unauthenticated() };
                let verifier = ClientVerifier(verifier.build().map_err(|error| failed(&error))?);
                builder.with_client_cert_verifier(Arc::new(verifier))
            }
        };
        let mut config = builder
            .with_single_cert(self.identity.chain.clone(), self.identity.key.clone_key())
            .map_err(|error| TlsError::new(&self.files.cert, format!("it cannot be used: {error}")))?;
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

/// A certificate that a client showed and the client CA signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) struct ClientCertificate {
    /// Its common name, or its first DNS name when it has none; empty when it has neither.
    pub(in crate::admin) subject: Arc<str>,
    /// When it ends. A connection may outlive it.
    pub(in crate::admin) not_after: Wall,
}

impl ClientCertificate {
    /// What the certificate says of its holder; one that cannot be read names nobody.
    pub(in crate::admin) fn read(der: &CertificateDer<'_>) -> Self {
        let read = Certificate::from_der(der).ok().map(|certificate| ClientCertificate {
            subject: subject(&certificate).unwrap_or_default().into(),
            not_after: not_after(&certificate),
        });
        read.unwrap_or_else(|| ClientCertificate { subject: "".into(), not_after: Wall::NEVER })
    }
}

fn subject(certificate: &Certificate) -> Option<String> {
    let certificate = certificate.tbs_certificate();
    if let Some(name) = certificate.subject().common_name().ok()? {
        return Some(name.value().into_owned());
    }
    let (_, names) = certificate.get_extension::<SubjectAltName>().ok()??;
    names.0.iter().find_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
        _ => None,
    })
}
