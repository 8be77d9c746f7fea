//! PEM files of certificates and keys, read within bounds, and what is wrong with them, for either side of TLS.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

use crate::regular_file::open_regular;
use crate::types::Wall;

/// Bytes of a PEM file at most.
const MAX_FILE: u64 = 1 << 20;
/// What the head of a key says that only a passphrase opens.
const ENCRYPTED: &str = "ENCRYPTED";

/// What is wrong with which file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct TlsError {
    path: PathBuf,
    what: String,
}

impl TlsError {
    pub(super) fn new(path: &Path, what: impl ToString) -> Self {
        TlsError { path: path.to_owned(), what: what.to_string() }
    }
}

/// A certificate, those between it and its CA, and its private key: they belong together and can be used in TLS.
#[derive(Debug)]
pub struct TlsIdentity {
    cert: PathBuf,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl TlsIdentity {
    /// Reads the two files.
    ///
    /// # Errors
    /// The file that cannot be read, holds no PEM of its kind, or cannot be used: a certificate of X.509 v1, a key that is
    /// another certificate's.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_certificates(cert)?;
        let identity = TlsIdentity { cert: cert.to_owned(), chain, key: read_key(key)? };
        if identity.leaf().is_some_and(|leaf| leaf.tbs_certificate().version() != Version::V3) {
            let fix = "it is an X.509 v1 certificate, which TLS refuses: sign it again as v3 (openssl x509 -req makes v3 with \
                       -extfile)";
            return Err(TlsError::new(cert, fix));
        }
        let whole = (identity.chain.clone(), identity.key.clone_key());
        match CertifiedKey::from_der(whole.0, whole.1, &aws_lc_rs::default_provider()) {
            Ok(_) => Ok(identity),
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(TlsError::new(
                cert,
                format!(
                    "the private key in {} is not the one of this certificate: name the two that belong together",
                    key.display()
                ),
            )),
            Err(Error::InvalidCertificate(error)) => Err(TlsError::new(cert, format!("it cannot be used: {error}"))),
            Err(error) => Err(TlsError::new(key, format!("it cannot be used: {error}"))),
        }
    }

    /// When the certificate, or one between it and its CA, ends, if that can be read: a chain is valid for as long as all of it
    /// is.
    pub fn not_after(&self) -> Option<Wall> {
        first_end(&self.chain)
    }

    /// Whether the certificate is valid at this time.
    ///
    /// # Errors
    /// When it has ended or not begun.
    pub fn check_time(&self, now: Wall) -> Result<(), TlsError> {
        let Some(leaf) = self.leaf() else { return Ok(()) };
        let (start, end) = (wall(leaf.tbs_certificate().validity().not_before), not_after(&leaf));
        let what = if end <= now {
            format!("the certificate expired at {}: have a new one made", at(end))
        } else if start > now {
            format!("the certificate is not valid before {}: wait until then, or set this host's clock", at(start))
        } else {
            return Ok(());
        };
        Err(TlsError::new(&self.cert, what))
    }

    fn leaf(&self) -> Option<Certificate> {
        self.chain.first().and_then(|leaf| Certificate::from_der(leaf).ok())
    }
}

/// The certificates of a file, at least one.
///
/// # Errors
/// When it cannot be read or there is none in it.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = bytes(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| TlsError::new(path, error))?;
    if found.is_empty() {
        return Err(TlsError::new(path, "there is no certificate in PEM form in it"));
    }
    Ok(found)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = bytes(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound if String::from_utf8_lossy(&bytes).contains(ENCRYPTED) => TlsError::new(
            path,
            "the private key in it is encrypted: write it without a passphrase (openssl pkey -in ... -out ...)",
        ),
        pem::Error::NoItemsFound => TlsError::new(path, "there is no private key in PEM form in it"),
        error => TlsError::new(path, error),
    })
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = open_regular(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    let read = read.and_then(|_| match bytes.len() as u64 > MAX_FILE {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file has more than 1 MiB")),
        false => Ok(()),
    });
    read.map_err(|error| TlsError::new(path, error))?;
    Ok(bytes)
}

/// When the first of these certificates ends, of those that can be read.
pub(super) fn first_end(certificates: &[CertificateDer<'_>]) -> Option<Wall> {
    let read = certificates.iter().filter_map(|der| Certificate::from_der(der).ok());
    read.map(|certificate| not_after(&certificate)).min()
}

pub(super) fn not_after(certificate: &Certificate) -> Wall {
    wall(certificate.tbs_certificate().validity().not_after)
}

fn wall(time: Time) -> Wall {
    Wall::from_secs(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

fn at(end: Wall) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: end.as_millis().div_euclid(1000), nanos: 0 }
}
