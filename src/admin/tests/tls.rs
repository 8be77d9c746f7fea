//! TLS: certificates of the server and of clients, right, wrong, ended and replaced.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::access::{Files, PATIENCE, soon};
use super::not_grpc::asked;
use super::*;
use crate::admin::auth::reload::{CredentialFiles, Reload};
use crate::admin::auth::tls::Material;
use crate::admin::{BindError, TlsFiles};
use crate::clock::Clock;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{GetStatusRequest, StopRequest};

struct Ca(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both as DER and as PEM.
struct Pair {
    cert: rcgen::Certificate,
    key: KeyPair,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ca(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate with this common name (none when empty) and DNS name, good for these years.
    fn sign(&self, name: &str, dns: &str, years: (i32, i32)) -> Pair {
        self.sign_until(name, dns, years.0, rcgen::date_time_ymd(years.1, 1, 1).into())
    }

    fn sign_until(&self, name: &str, dns: &str, from: i32, end: std::time::SystemTime) -> Pair {
        let mut params = CertificateParams::new([dns.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if !name.is_empty() {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = end.into();
        let key = KeyPair::generate().unwrap();
        Pair { cert: params.signed_by(&key, &self.0).unwrap(), key }
    }
}

const GOOD: (i32, i32) = (2000, 4000);
const ENDED: (i32, i32) = (2000, 2001);

/// A served API with TLS, and all that belongs to it.
struct Setup {
    files: Files,
    server_ca: Ca,
    client_ca: Ca,
    settings: AdminSettings,
}

impl Setup {
    fn new(lines: &[&str]) -> Self {
        let (files, server_ca, client_ca) = (Files::with(lines), Ca::new(), Ca::new());
        let tls = TlsFiles { cert: files.path("cert"), key: files.path("key"), client_ca: Some(files.path("ca")) };
        let access = files.access();
        let settings = AdminSettings { anonymous: None, tls: Some(tls), access, ..AdminSettings::open_loopback(0) };
        let world = Setup { files, server_ca, client_ca, settings };
        world.install(&world.server_ca.sign("pexd", "localhost", GOOD));
        world.put("ca", &world.client_ca.pem());
        world
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.files.path("new"), text).unwrap();
        fs::rename(self.files.path("new"), self.files.path(name)).unwrap();
    }

    fn install(&self, pair: &Pair) {
        self.put("cert", &pair.cert.pem());
        self.put("key", &pair.key.serialize_pem());
    }

    async fn serve(&self) -> (SocketAddr, Running) {
        let served = serve_as(&[&world("a")], self.settings.clone()).await;
        (served.addr.unwrap(), served)
    }

    async fn connect(&self, addr: SocketAddr, client: Option<Pair>) -> Option<Channel> {
        tls(addr, &self.server_ca, client).await
    }
}

/// A client's side of TLS that offers these protocols.
fn connector(ca: &Ca, client: Option<Pair>, protocols: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(ca.0.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(Pair { cert, key }) => {
            let chain: Vec<CertificateDer<'static>> = vec![cert.der().clone()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

/// A channel, when the handshake succeeds as far as the client sees.
async fn tls(addr: SocketAddr, ca: &Ca, client: Option<Pair>) -> Option<Channel> {
    let connector = connector(ca, client, &["h2"]);
    let connect = tower::service_fn(move |_| {
        let connector = connector.clone();
        async move {
            let tcp = TcpStream::connect(addr).await?;
            connector.connect("localhost".try_into().unwrap(), tcp).await.map(TokioIo::new)
        }
    });
    Channel::from_static("http://localhost").connect_with_connector(connect).await.ok()
}

async fn status(channel: Option<Channel>) -> Result<(), Status> {
    let channel = channel.ok_or_else(|| Status::unavailable("no handshake"))?;
    let mut client = ReactorServiceClient::new(channel);
    timeout(PATIENCE, client.get_status(GetStatusRequest::default())).await.unwrap().map(drop)
}

fn code(answer: Result<(), Status>) -> Code {
    answer.map_or_else(|status| status.code(), |()| Code::Ok)
}

#[tokio::test]
async fn a_certificate_is_let_in_when_it_is_listed_and_may_do_what_is_listed() {
    let w = Setup::new(&["certificate board read - -", "certificate ops.example.org control - -"]);
    let (addr, _served) = w.serve().await;
    let channel = w.connect(addr, Some(w.client_ca.sign("board", "ops.example.org", GOOD))).await.unwrap();
    status(Some(channel.clone())).await.unwrap();
    let denied = ReactorServiceClient::new(channel).stop(StopRequest::default()).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    assert!(denied.message().contains("certificate board from 127.0.0.1:"), "{denied}");
    // By its DNS name, since it has no common one.
    let channel = w.connect(addr, Some(w.client_ca.sign("", "ops.example.org", GOOD))).await.unwrap();
    ReactorServiceClient::new(channel).stop(StopRequest::default()).await.unwrap();
}

#[tokio::test]
async fn no_other_certificate_is_let_in() {
    let w = Setup::new(&["certificate ops control - -"]);
    let (addr, _served) = w.serve().await;
    let unlisted = w.connect(addr, Some(w.client_ca.sign("stranger", "ops", GOOD))).await;
    assert_eq!(code(status(unlisted).await), Code::Unauthenticated);
    // With TLS 1.3 the client learns of it after its own part of the handshake.
    let wrong = [Some(Ca::new().sign("ops", "ops", GOOD)), Some(w.client_ca.sign("ops", "ops", ENDED)), None];
    for client in wrong {
        let answer = status(w.connect(addr, client).await).await.unwrap_err();
        assert_ne!(answer.code(), Code::Unauthenticated, "it does not even reach the API: {answer}");
    }
    // Nobody who does not speak TLS is answered, and nobody who is silent holds the others up.
    let _silent = TcpStream::connect(addr).await.unwrap();
    assert!(status(Channel::from_shared(format!("http://{addr}")).unwrap().connect().await.ok()).await.is_err());
    let ops = w.connect(addr, Some(w.client_ca.sign("ops", "ops", GOOD))).await;
    status(ops).await.unwrap();
}

#[test]
fn the_protocols_of_a_connection_are_those_of_the_one_configuration() {
    let w = Setup::new(&[]);
    let server = Material::read(&w.settings.tls.unwrap()).unwrap().server(true).unwrap();
    assert_eq!(server.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}

#[tokio::test]
async fn http_1_is_answered_under_tls_and_instead_of_it() {
    let w = Setup::new(&["token board read - -"]);
    let (addr, _served) = w.serve().await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for protocols in [&["http/1.1"] as &[&str], &[]] {
        let tcp = TcpStream::connect(addr).await.unwrap();
        let connector = connector(&w.server_ca, None, protocols);
        let answer = asked(connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap(), request).await;
        assert!(answer.starts_with("HTTP/1.1 505 ") && answer.contains("gRPC"), "{protocols:?}: {answer}");
    }
    let answer = asked(TcpStream::connect(addr).await.unwrap(), request).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("TLS"), "{answer}");
    // Who can speak HTTP/2 does, whatever else it can.
    let tcp = TcpStream::connect(addr).await.unwrap();
    let connector = connector(&w.server_ca, None, &["http/1.1", "h2"]);
    let stream = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
}

#[tokio::test]
async fn a_token_is_as_good_as_a_certificate() {
    let w = Setup::new(&["certificate ops control - -", "token board read - -"]);
    let (addr, _served) = w.serve().await;
    let channel = w.connect(addr, None).await.unwrap();
    assert_eq!(code(status(Some(channel.clone())).await), Code::Unauthenticated);
    let mut request = Request::new(GetStatusRequest::default());
    request.metadata_mut().insert("authorization", "Bearer pexd_secret_of_board".parse().unwrap());
    ReactorServiceClient::new(channel).get_status(request).await.unwrap();
}

#[tokio::test]
async fn a_new_server_certificate_takes_effect_while_the_api_serves() {
    let w = Setup::new(&["certificate ops control - -"]);
    let (addr, _served) = w.serve().await;
    let ops = || w.client_ca.sign("ops", "ops", GOOD);
    let before = w.connect(addr, Some(ops())).await;
    let other = Ca::new();
    w.install(&other.sign("pexd", "localhost", GOOD));
    soon(|| async { tls(addr, &other, Some(ops())).await.is_some() }).await;
    assert!(w.connect(addr, Some(ops())).await.is_none());
    status(before).await.expect("connections outlive the server's certificate");
}

#[test]
fn broken_tls_files_leave_the_old_ones_in_effect() {
    let w = Setup::new(&["certificate ops control - -"]);
    let AdminSettings { access, tls, .. } = w.settings.clone();
    let mut credentials = CredentialFiles::load(access, tls, None, CancellationToken::new()).unwrap();
    let in_effect = credentials.in_effect();
    assert_eq!(credentials.reload().tls, Reload::Unchanged);
    for (name, text) in [("cert", "nonsense"), ("key", "nonsense"), ("ca", "")] {
        let good = fs::read_to_string(w.files.path(name)).unwrap();
        let before = in_effect.tls().unwrap();
        w.put(name, text);
        assert_eq!(credentials.reload().tls, Reload::Refused, "{name}");
        assert!(Arc::ptr_eq(&before, &in_effect.tls().unwrap()), "{name}");
        w.put(name, &good);
        assert_eq!(credentials.reload().tls, Reload::Applied, "{name}");
        let now = in_effect.tls().unwrap();
        assert!(!Arc::ptr_eq(&before, &now) && !now.epoch.is_cancelled(), "{name}: the same client CA as before");
    }
    w.put("ca", &Ca::new().pem());
    let (epoch, reload) = (in_effect.tls().unwrap().epoch.clone(), credentials.reload());
    assert_eq!((reload.tls, epoch.is_cancelled()), (Reload::Applied, true), "who came under the old CA comes again");
}

#[tokio::test]
async fn who_came_under_a_ca_that_is_replaced_has_to_come_again() {
    let w = Setup::new(&["certificate ops control - -"]);
    let (addr, _served) = w.serve().await;
    let held = w.connect(addr, Some(w.client_ca.sign("ops", "ops", GOOD))).await;
    status(held.clone()).await.unwrap();
    let other = Ca::new();
    w.put("ca", &other.pem());
    soon(|| async { status(held.clone()).await.is_err() }).await;
    let ops = w.connect(addr, Some(other.sign("ops", "ops", GOOD))).await;
    status(ops).await.unwrap();
    assert!(status(w.connect(addr, Some(w.client_ca.sign("ops", "ops", GOOD))).await).await.is_err());
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_before_anything_is_bound() {
    let w = Setup::new(&["certificate ops control - -"]);
    let key = KeyPair::generate().unwrap().serialize_pem();
    for (name, text) in [("cert", "nonsense"), ("key", "nonsense"), ("key", &key), ("ca", "")] {
        let good = fs::read_to_string(w.files.path(name)).unwrap();
        w.put(name, text);
        let refused = Admin::bind(w.settings.clone()).await.err().unwrap();
        // A key that does not belong to the certificate is reported for the certificate.
        let named = if text == key { "cert" } else { name };
        let path = w.files.path(named).display().to_string();
        assert!(matches!(&refused, BindError::Tls(_)) && refused.to_string().contains(&path), "{refused}");
        w.put(name, &good);
    }
    Admin::bind(w.settings.clone()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_does_not_shake_hands_in_time_is_let_go() {
    use tokio::io::AsyncReadExt as _;
    let w = Setup::new(&["certificate ops control - -"]);
    let (addr, _served) = w.serve().await;
    let began = tokio::time::Instant::now();
    let mut silent = TcpStream::connect(addr).await.unwrap();
    assert!(matches!(silent.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_certificate_that_ends_while_in_use_ends_with_its_streams() {
    let w = Setup::new(&["certificate ops control - -"]);
    let (addr, _served) = w.serve().await;
    let end = std::time::Duration::from_millis(u64::try_from(Clock.now().wall.as_millis()).unwrap() + 8_000);
    let pair = w.client_ca.sign_until("ops", "ops", GOOD.0, std::time::SystemTime::UNIX_EPOCH + end);
    let channel = w.connect(addr, Some(pair)).await.unwrap();
    let mut client = HealthClient::new(channel.clone());
    let mut watch = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    let ended = timeout(PATIENCE, watch.message()).await.unwrap().unwrap_err();
    assert_eq!((ended.code(), code(status(Some(channel)).await)), (Code::Unauthenticated, Code::Unauthenticated));
}
