//! What is wrong in a TLS handshake, in words that name the side that has to mend it: the server's certificate, or ours.

use prost_types::Timestamp;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{AlertDescription, CertificateError};

use crate::cli::client::endpoint::ApiEndpoint;

/// What rustls writes before the name of an alert that the other side sent.
const RECEIVED: &str = "received fatal alert: ";
/// The alerts that a server may send for what its client showed, or did not show.
const ALERTS: [AlertDescription; 14] = [
    AlertDescription::CertificateRequired,
    AlertDescription::UnknownCA,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateRevoked,
    AlertDescription::DecryptError,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateUnknown,
    AlertDescription::BadCertificate,
    AlertDescription::AccessDenied,
    AlertDescription::HandshakeFailure,
    AlertDescription::ProtocolVersion,
    AlertDescription::NoApplicationProtocol,
    AlertDescription::UnrecognisedName,
    AlertDescription::InternalError,
];

/// The alert that an error's text tells of.
pub(super) fn alert_in(text: &str) -> Option<AlertDescription> {
    let (_, name) = text.split_once(RECEIVED)?;
    ALERTS.into_iter().find(|alert| {
        let rest = name.strip_prefix(&format!("{alert:?}"));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// What the server says is wrong with us.
pub(super) fn of_alert(endpoint: &ApiEndpoint, alert: AlertDescription) -> String {
    let (what, fix) = match alert {
        AlertDescription::CertificateRequired => (
            "demands a client certificate, and we showed none",
            "name one that it knows with --cert-file and --key-file",
        ),
        AlertDescription::UnknownCA => (
            "does not know the CA that signed our certificate (--cert-file)",
            "show one that a CA of the server's admin.client_ca_file signed, or have this CA added there",
        ),
        AlertDescription::CertificateExpired => (
            "says that our certificate (--cert-file) has expired or is not valid yet, by the server's clock",
            "have a new one made, or set the clocks",
        ),
        AlertDescription::CertificateRevoked => {
            ("says that our certificate (--cert-file) is revoked", "have a new one made")
        }
        AlertDescription::DecryptError => {
            ("could not verify what our private key signed", "--key-file has to be the key of --cert-file")
        }
        AlertDescription::UnsupportedCertificate => (
            "says that our certificate (--cert-file) is not for clients",
            "have one made with extendedKeyUsage = clientAuth, or without any",
        ),
        AlertDescription::CertificateUnknown | AlertDescription::BadCertificate | AlertDescription::AccessDenied => (
            "cannot use our certificate (--cert-file)",
            "it has to be X.509 v3, for clients, and no CA's own; pexd's log there says what is wrong",
        ),
        _ => return format!("{endpoint} ended the TLS handshake ({alert:?}); pexd's log there says why"),
    };
    format!("{endpoint} {what}: {fix}")
}

/// What is wrong with the server's certificate, as we see it.
pub(super) fn of_server_certificate(endpoint: &ApiEndpoint, error: &CertificateError) -> String {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, InvalidPurpose, InvalidPurposeContext, NotValidForName,
        NotValidForNameContext, NotValidYet, NotValidYetContext, UnknownIssuer,
    };
    let server = format!("the server's certificate at {endpoint}");
    let anew = "its operator has to replace admin.tls_cert_file there";
    match error {
        NotValidForName | NotValidForNameContext { .. } => {
            format!("{server} is for another name ({error}): write --server https://NAME:PORT")
        }
        // A CA of the same name with another key is another one.
        UnknownIssuer | BadSignature => {
            format!("{server} is not signed by a CA that we trust: name the CA that vouches for it with --ca-file")
        }
        ExpiredContext { not_after, .. } => format!("{server} expired at {}: {anew}", instant(*not_after)),
        Expired => format!("{server} has expired: {anew}"),
        NotValidYetContext { not_before, .. } => {
            format!("{server} is not valid before {}: {anew}, or this host's clock is wrong", instant(*not_before))
        }
        NotValidYet => format!("{server} is not valid yet: {anew}, or this host's clock is wrong"),
        InvalidPurpose | InvalidPurposeContext { .. } => {
            format!("{server} is not for servers (its extendedKeyUsage has no serverAuth): {anew}")
        }
        // webpki's own errors are known by their names alone.
        error => match error.to_string() {
            text if text.contains("UnsupportedCertVersion") => {
                format!("{server} is X.509 v1, and has to be v3: {anew}")
            }
            text if text.contains("CaUsedAsEndEntity") => format!(
                "{server} is that of a CA (as `openssl req -x509` makes it), and has to be one that a CA signed: {anew}"
            ),
            text => format!("{server} cannot be used ({text}): {anew}"),
        },
    }
}

fn instant(time: UnixTime) -> Timestamp {
    Timestamp { seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), nanos: 0 }
}
