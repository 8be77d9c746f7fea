//! Why a TLS handshake failed, in words that name the side that has to mend it.

use std::io;

use prost_types::Timestamp;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Why a handshake failed; `None` when the client went away without a word of TLS, as a probe of the port does.
pub(super) fn cause(error: &io::Error) -> Option<String> {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(error) => Some(of_tls(error)),
        None if is_gone(error.kind()) => None,
        None => Some(error.to_string()),
    }
}

fn is_gone(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

fn of_tls(error: &Error) -> String {
    match error {
        Error::NoCertificatesPresented => {
            "it shows no client certificate, and no token could let it in: there is none".into()
        }
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "it does not speak TLS".into(),
        Error::NoApplicationProtocol => "it does not offer HTTP/2 (ALPN h2), by which the API is spoken".into(),
        error => error.to_string(),
    }
}

/// What is wrong with the client's certificate.
fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "its certificate is not signed by a CA of admin.client_ca_file".into(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate expired at {}", instant(*not_after))
        }
        CertificateError::Expired => "its certificate has expired".into(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate is not valid before {}", instant(*not_before))
        }
        CertificateError::NotValidYet => "its certificate is not valid yet".into(),
        // Of the certificate's own signature [`super::super::auth::client_verifier`] says that its issuer is unknown.
        CertificateError::BadSignature => "its private key does not belong to its certificate".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not for clients: its extendedKeyUsage has no clientAuth".into()
        }
        CertificateError::BadEncoding => "its certificate is malformed".into(),
        // webpki's own errors are known by their names alone.
        error => match error.to_string() {
            text if text.contains("UnsupportedCertVersion") => {
                "its certificate is X.509 v1, and has to be v3 (openssl x509 -req makes v3 with -extfile)".into()
            }
            text if text.contains("CaUsedAsEndEntity") => "it shows the certificate of a CA as its own".into(),
            text => format!("its certificate is refused: {text}"),
        },
    }
}

/// What the client says is wrong with ours.
fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownCA => {
            "it does not trust the CA of the server's certificate (admin.tls_cert_file): it needs that CA".into()
        }
        AlertDescription::CertificateExpired => {
            "it says that the server's certificate has expired (admin.tls_cert_file)".into()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => format!(
            "it refuses the server's certificate ({alert:?}): the name that it dials may not be in admin.tls_cert_file, or it \
             does not have its CA"
        ),
        alert => format!("it ended the handshake ({alert:?})"),
    }
}

fn instant(time: UnixTime) -> Timestamp {
    Timestamp { seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), nanos: 0 }
}
