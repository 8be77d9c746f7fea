use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::cli::client::SessionArgs;
use crate::cli::client::call_error::*;
use crate::cli::client::connect::Connect;
use crate::config::Home;
use crate::proto::pexd::v1::GetLogLevelRequest;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;

/// The error of a command that calls this endpoint.
async fn ask(server: &str, ca_file: Option<std::path::PathBuf>, seconds: u64) -> Failure {
    let (server, timeout) = (Some(server.to_owned()), Some(seconds));
    let args = SessionArgs { server, ca_file, timeout, ..SessionArgs::default() };
    let connect = Connect::new(&Home::new("/nowhere"), args).unwrap();
    let service = match connect.service().await {
        Ok(service) => service,
        Err(failure) => return failure,
    };
    crate::cli::client::refused(
        ReactorServiceClient::new(service).get_log_level(GetLogLevelRequest {}).await.unwrap_err(),
    )
}

/// A server whose certificate is for this name, and the file of the CA that vouches for it.
async fn tls_server(name: &str) -> (std::net::SocketAddr, tempfile::NamedTempFile) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(acceptor.accept(stream));
        }
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certificate.pem()).unwrap();
    (at, file)
}

fn assert_error(failure: &Failure, code: u8, part: &str) {
    assert!(failure.exit_code() == code && failure.to_string().contains(part), "{}: {failure}", failure.exit_code());
}

#[tokio::test]
async fn nobody_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("none.sock").display());
    assert_error(&ask(&socket, None, 5).await, 5, "no pexd answers at unix:");
}

#[tokio::test]
async fn a_connection_that_is_closed_at_once_is_not_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full.sock");
    let (unix, tcp) = (UnixListener::bind(&path).unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let at = tcp.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                accepted = unix.accept() => drop(accepted),
                accepted = tcp.accept() => drop(accepted),
            }
        }
    });
    for server in [format!("unix:{}", path.display()), format!("http://{at}")] {
        for _ in 0..20 {
            assert_error(&ask(&server, None, 5).await, 5, "admin.max_connections_per_source");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_tls_is_told_with_its_mend() {
    let (at, ca) = tls_server("pexd.example.org").await;
    let (at, ca) = (&format!("https://{at}"), Some(ca.path().to_owned()));
    let (other_at, other_ca) = tls_server("127.0.0.1").await;
    let other_ca = Some(other_ca.path().to_owned());
    assert_error(&ask(at, other_ca, 5).await, 5, "name the CA that vouches for it with --ca-file");
    assert_error(&ask(at, ca, 5).await, 5, "is for another name");
    assert_error(&ask(&format!("http://{other_at}"), None, 5).await, 5, "looks like TLS: write https://");
}

#[tokio::test]
async fn tls_to_a_server_without_it_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, ca) = (listener.local_addr().unwrap(), tls_server("x").await.1);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The settings frame of an HTTP/2 server.
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        }
    });
    assert_error(&ask(&format!("https://{at}"), Some(ca.path().to_owned()), 5).await, 5, "write http:// in --server");
}

#[tokio::test]
async fn who_waits_too_long_is_told_how_long_and_the_flag() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let failure = ask(&format!("http://{at}"), None, 1).await;
    assert_error(&failure, 5, "did not answer within 1 s");
    assert_error(&failure, 5, "--timeout N");
}

#[test]
fn a_certificate_that_is_wanted_is_told_however_it_shows() {
    let endpoint = ApiEndpoint::Address("https://localhost:1".into());
    let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
    let wrapped = io::Error::new(io::ErrorKind::InvalidData, alert.clone());
    let text = io::Error::other(alert.to_string());
    for error in [CallError::of(&alert), CallError::of(&wrapped), CallError::of(&text), CallError::Closed] {
        assert_error(&error.failure(&endpoint), 5, "--cert-file and --key-file");
    }
}

#[test]
fn a_socket_that_is_not_for_us_is_told_as_such() {
    let error = io::Error::from(io::ErrorKind::PermissionDenied);
    let error = CallError::of(&error);
    assert_eq!(error, CallError::Forbidden);
    assert_error(&error.failure(&ApiEndpoint::Socket("/a".into())), 6, "admin.socket_mode");
}
