//! Errors of a call to pexd, by what there is to do about them.

#[cfg(test)]
mod tests;
mod tls;

use std::error::Error;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::{self, AlertDescription, CertificateError, InvalidMessage};
use tonic::transport::Uri;

use super::endpoint::ApiEndpoint;
use crate::cli::Failure;

/// What every HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What a TLS server sends to one who does not speak TLS begins with: an alert, of TLS 1.x.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];
/// How long to wait for it.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// Why there was no answer.
#[derive(Debug, PartialEq)]
pub(super) enum CallError {
    /// The socket is not for this user.
    Forbidden,
    /// There is a listener, and it closed the connection.
    Closed,
    /// The server's certificate is not one that we can trust.
    ServerCertificate(CertificateError),
    /// The server ended the TLS handshake, most often for what we showed of ourselves, or did not show.
    Alert(AlertDescription),
    /// We speak TLS, and the server does not.
    WithoutTls,
    /// The server speaks TLS, and we do not.
    WithTls,
    /// Anything else, most often that nobody listens.
    Absent(String),
}

impl CallError {
    /// What it is at this endpoint. What speaks TLS cannot be seen from an error, so that it is asked.
    pub(super) async fn at(self, endpoint: &ApiEndpoint) -> Self {
        match (endpoint, &self) {
            (ApiEndpoint::Address(uri), CallError::Closed | CallError::Absent(_))
                if uri.starts_with("http:") && speaks_tls(uri).await =>
            {
                CallError::WithTls
            }
            // A packet filter's word, and not a file's mode.
            (ApiEndpoint::Address(_), CallError::Forbidden) => CallError::Absent("not permitted by this host".into()),
            _ => self,
        }
    }

    /// What an error means.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = error;
        loop {
            if let Some(error) = call_error_in(cause) {
                return error;
            }
            match cause.source() {
                Some(deeper) => cause = deeper,
                None => return CallError::of_text(cause.to_string()),
            }
        }
    }

    /// HTTP/2 keeps what an I/O error wrapped as a text alone.
    fn of_text(text: String) -> Self {
        let has = |part: &&str| text.to_ascii_lowercase().contains(part);
        if let Some(alert) = tls::alert_in(&text) {
            CallError::Alert(alert)
        } else if ["broken pipe", "connection reset"].iter().any(has) {
            CallError::Closed
        } else {
            CallError::Absent(text)
        }
    }

    pub(super) fn failure(self, endpoint: &ApiEndpoint) -> Failure {
        let text = self.text(endpoint);
        match self {
            CallError::Forbidden => Failure::NotAllowed(text),
            _ => Failure::Unreachable(text),
        }
    }

    /// What to show the user.
    pub(super) fn text(&self, endpoint: &ApiEndpoint) -> String {
        match self {
            CallError::Forbidden => format!(
                "this user may not open {endpoint}: be the user that runs pexd, or let others in with admin.socket_mode and \
                 admin.socket_group"
            ),
            // Who is let in by certificates alone may hang up before the alert is read.
            CallError::Closed if matches!(endpoint, ApiEndpoint::Address(uri) if uri.starts_with("https:")) => format!(
                "pexd at {endpoint} closed the connection before it answered: it may want a client certificate (--cert-file and \
                 --key-file), or have as many connections as it takes (admin.max_connections_per_source, admin.max_connections)"
            ),
            CallError::Closed => format!(
                "pexd at {endpoint} closed the connection before it answered: if it does so each time, as many may be open as \
                 one caller may have (admin.max_connections_per_source) or as there may be in all (admin.max_connections)"
            ),
            CallError::ServerCertificate(error) => tls::of_server_certificate(endpoint, error),
            CallError::Alert(alert) => tls::of_alert(endpoint, *alert),
            CallError::WithoutTls => format!("{endpoint} does not speak TLS: write http:// in --server"),
            CallError::WithTls => format!("{endpoint} looks like TLS: write https:// in --server"),
            CallError::Absent(why) => {
                format!(
                    "no pexd answers at {endpoint}: {why}; start it with pexd start, or say where it is with --server"
                )
            }
        }
    }
}

/// What one error of a chain tells by itself.
fn call_error_in(error: &(dyn Error + 'static)) -> Option<CallError> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return of_tls(error);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // What an I/O error wraps is not among its sources.
        return match error.get_ref() {
            Some(inner) => call_error_in(inner),
            None => None,
        }
        .or_else(|| of_kind(error.kind()));
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    (error.is_closed() || error.is_canceled() || error.is_incomplete_message()).then_some(CallError::Closed)
}

fn of_kind(kind: io::ErrorKind) -> Option<CallError> {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, PermissionDenied, UnexpectedEof,
    };
    match kind {
        PermissionDenied => Some(CallError::Forbidden),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof => Some(CallError::Closed),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error) -> Option<CallError> {
    match error {
        rustls::Error::InvalidCertificate(error) => Some(CallError::ServerCertificate(error.clone())),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(CallError::WithoutTls),
        rustls::Error::AlertReceived(alert) => Some(CallError::Alert(*alert)),
        _ => None,
    }
}

async fn speaks_tls(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    let (Some(host), Some(port)) = (uri.host(), uri.port_u16()) else { return false };
    let probe = async {
        let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        stream.write_all(PREFACE).await?;
        let mut start = [0; TLS_ALERT.len()];
        stream.read_exact(&mut start).await?;
        io::Result::Ok(start == TLS_ALERT)
    };
    timeout(PROBE_TIME, probe).await.is_ok_and(|answer| answer.unwrap_or(false))
}
