//! Mutual TLS by the program's own commands: what is wrong is told by its side, at the client and in the server's log.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rcgen::ExtendedKeyUsagePurpose;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::certificates::{Ca, ENDED, GOOD, Pair};
use super::{Output, Serving, TestHome};

const PAGE: &str = include_str!("../../docs/access.md");

/// A pexd that lets nobody in but by certificate.
struct Setup {
    home: TestHome,
    server_ca: Ca,
    client_ca: Ca,
    pexd: Serving,
    at: SocketAddr,
}

impl Setup {
    fn start() -> Self {
        let home = TestHome::with("chain-1", "");
        let (server_ca, client_ca) = (Ca::named("servers"), Ca::named("clients"));
        server_ca.sign("localhost", GOOD).write(&home.path(), "server");
        server_ca.write(&home.path().join("server-ca.pem"));
        client_ca.write(&home.path().join("client-ca.pem"));
        let admin = "[admin]\ntls_cert_file = \"server.pem\"\ntls_key_file = \"server.key\"\nclient_ca_file = \"client-ca.pem\"\n";
        fs::write(home.path().join("pexd.toml"), admin).unwrap();
        write_private(&home, "access.toml", "[[certificate]]\nsubject = \"ops\"\nrole = \"control\"\n");
        let (pexd, at) = serve(&home);
        Setup { home, server_ca, client_ca, pexd, at }
    }

    /// `pexd status`, with this certificate and this file of the server's CA.
    fn ask(&self, client: Option<&Pair>, ca_file: &str) -> Output {
        let server = format!("https://localhost:{}", self.at.port());
        let mut args = vec!["status", "--server", &server, "--ca-file", ca_file];
        let files = client.map(|pair| pair.write(&self.home.path(), "client"));
        let files = files.map(|(cert, key)| (cert.display().to_string(), key.display().to_string()));
        if let Some((cert, key)) = &files {
            args.extend(["--cert-file", cert, "--key-file", key]);
        }
        self.home.run(&args)
    }

    fn server_ca_file(&self) -> String {
        self.home.path().join("server-ca.pem").display().to_string()
    }
}

fn write_private(home: &TestHome, name: &str, text: &str) {
    let path = home.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Serves a home, and says where its admin API is on TCP.
fn serve(home: &TestHome) -> (Serving, SocketAddr) {
    let pexd = Serving::start(home);
    let line = pexd.until("admin API laddr=");
    let at = line.rsplit_once("laddr=").unwrap().1.trim().parse().unwrap();
    (pexd, at)
}

/// Shakes hands with a certificate and key of which nothing is checked before, from another address of this host. Gives what
/// the client sees, when it reads what comes behind the handshake.
async fn shake_hands(at: SocketAddr, from: [u8; 4], trusted: &Ca, client: Option<&Pair>) -> String {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let key = provider.key_provider.load_private_key(pair.key()).unwrap();
            let shown = CertifiedKey::new(vec![pair.cert.clone()], key);
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let tcp = socket.connect(at).await.unwrap();
    match TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), tcp).await {
        Err(error) => error.to_string(),
        Ok(mut stream) => match stream.read_u8().await {
            Err(error) => error.to_string(),
            Ok(_) => "served".into(),
        },
    }
}

#[test]
fn what_is_wrong_with_our_certificate_is_told_at_the_client() {
    let w = Setup::start();
    let ca_file = w.server_ca_file();
    let good = || w.client_ca.sign("ops", GOOD);
    let asked = w.ask(Some(&good()), &ca_file);
    assert!(asked.code == 0 && asked.out.contains("chain-1"), "{}{}", asked.out, asked.err);
    let cases = [
        // Seen before anybody is dialled.
        (Some(w.client_ca.as_v1(good())), 2, "client.pem: it is an X.509 v1 certificate"),
        (Some(good().with_key_of(&good())), 2, "client.key is not the one of this certificate"),
        (Some(w.client_ca.sign("ops", ENDED)), 2, "client.pem: the certificate expired at 2001-01-01T00:00:00Z"),
        (
            Some(w.client_ca.sign("ops", (3000, 4000))),
            2,
            "client.pem: the certificate is not valid before 3000-01-01T00:00:00Z",
        ),
        // Said by the server's alert.
        (None, 5, "demands a client certificate, and we showed none: name one that it knows with --cert-file"),
        (
            Some(Ca::named("others").sign("ops", GOOD)),
            5,
            "does not know the CA that signed our certificate (--cert-file)",
        ),
        (
            Some(Ca::named("clients").sign("ops", GOOD)),
            5,
            "does not know the CA that signed our certificate (--cert-file)",
        ),
        (
            Some(w.client_ca.sign_for("ops", GOOD, &[ExtendedKeyUsagePurpose::ServerAuth])),
            5,
            "our certificate (--cert-file) is not for clients",
        ),
        (
            Some(w.client_ca.itself()),
            5,
            "cannot use our certificate (--cert-file): it has to be X.509 v3, for clients, and no CA",
        ),
        // Said by the API.
        (Some(w.client_ca.sign("stranger", GOOD)), 6, "a client certificate whose subject stands in access.toml"),
    ];
    for (pair, code, part) in cases {
        let asked = w.ask(pair.as_ref(), &ca_file);
        assert!(asked.code == code && asked.err.contains(part), "not {code} {part:?} but {} {}", asked.code, asked.err);
    }
    fs::write(w.home.path().join("empty.pem"), "").unwrap();
    let empty = w.home.path().join("empty.pem").display().to_string();
    let asked = w.ask(Some(&good()), &empty);
    assert!(
        asked.code == 2 && asked.err.contains("--ca-file: ") && asked.err.contains("no certificate"),
        "{}",
        asked.err
    );
}

#[test]
fn what_is_wrong_with_the_servers_certificate_is_told_as_the_servers() {
    let w = Setup::start();
    let (good, ca_file) = (w.client_ca.sign("ops", GOOD), w.server_ca_file());
    for name in ["others", "servers"] {
        let other = Ca::named(name).write(&w.home.path().join("other-ca.pem"));
        let asked = w.ask(Some(&good), &other);
        let part = "is not signed by a CA that we trust: name the CA that vouches for it with --ca-file";
        assert!(asked.code == 5 && asked.err.contains(part), "{name}: {} {}", asked.code, asked.err);
    }
    for (pair, part) in [
        (w.server_ca.sign("localhost", ENDED), "the server's certificate at https://localhost:"),
        (
            w.server_ca.sign("localhost", ENDED),
            "expired at 2001-01-01T00:00:00Z: its operator has to replace admin.tls_cert_file",
        ),
        (w.server_ca.sign("localhost", (3000, 4000)), "is not valid before 3000-01-01T00:00:00Z"),
        (w.server_ca.sign("pexd.example.org", GOOD), "is for another name"),
        (w.server_ca.sign_for("localhost", GOOD, &[ExtendedKeyUsagePurpose::ClientAuth]), "is not for servers"),
        (w.server_ca.itself(), "is that of a CA"),
    ] {
        pair.write(&w.home.path(), "server");
        w.pexd.until("TLS files were read again");
        let asked = w.ask(Some(&good), &ca_file);
        assert!(asked.code == 5 && asked.err.contains(part), "not {part:?} but {} {}", asked.code, asked.err);
    }
}

#[test]
fn a_server_says_what_is_wrong_with_its_own_certificate() {
    let home = TestHome::with("chain-1", "");
    let ca = Ca::named("servers");
    let admin = "[admin]\ntls_cert_file = \"server.pem\"\ntls_key_file = \"server.key\"\n";
    fs::write(home.path().join("pexd.toml"), admin).unwrap();
    for (pair, part) in [
        (ca.as_v1(ca.sign("localhost", GOOD)), "server.pem: it is an X.509 v1 certificate"),
        (
            ca.sign("localhost", GOOD).with_key_of(&ca.sign("localhost", GOOD)),
            "server.key is not the one of this certificate",
        ),
    ] {
        pair.write(&home.path(), "server");
        let started = home.run(&["start", "--admin.laddr", "127.0.0.1:0", "--http.laddr", ""]);
        assert!(started.code != 0 && started.err.contains(part), "not {part:?} but {} {}", started.code, started.err);
    }
}

#[tokio::test]
async fn the_server_logs_each_failed_handshake_with_its_cause_and_from_where() {
    let w = Setup::start();
    let good = || w.client_ca.sign("ops", GOOD);
    let cases = [
        (None, "CertificateRequired", "it shows no client certificate"),
        (Some(w.client_ca.as_v1(good())), "CertificateUnknown", "its certificate is X.509 v1"),
        (Some(good().with_key_of(&good())), "DecryptError", "its private key does not belong to its certificate"),
        (Some(Ca::named("others").sign("ops", GOOD)), "UnknownCA", "not signed by a CA of admin.client_ca_file"),
        (Some(Ca::named("clients").sign("ops", GOOD)), "UnknownCA", "not signed by a CA of admin.client_ca_file"),
        (Some(w.client_ca.sign("ops", ENDED)), "CertificateExpired", "its certificate expired at 2001-01-01T00:00:00Z"),
        (Some(w.client_ca.sign("ops", (3000, 4000))), "CertificateExpired", "is not valid before 3000-01-01T00:00:00Z"),
        (
            Some(w.client_ca.sign_for("ops", GOOD, &[ExtendedKeyUsagePurpose::ServerAuth])),
            "UnsupportedCertificate",
            "its certificate is not for clients",
        ),
        (Some(w.client_ca.itself()), "CertificateUnknown", "it shows the certificate of a CA as its own"),
    ];
    for (turn, (pair, alert, cause)) in cases.into_iter().enumerate() {
        let from = [127, 0, 1, 1 + turn as u8];
        let seen = shake_hands(w.at, from, &w.server_ca, pair.as_ref()).await;
        assert!(seen.contains(alert), "{cause}: the client sees {seen}");
        let line = w.pexd.until("a TLS handshake with the admin API failed");
        assert!(
            line.contains(cause) && line.contains(&format!("from=127.0.1.{}:", 1 + turn)),
            "not {cause:?} but {line}"
        );
    }
    // One who does not trust the server, and one who does not speak TLS.
    shake_hands(w.at, [127, 0, 2, 1], &Ca::named("others"), Some(&good())).await;
    let line = w.pexd.until("a TLS handshake with the admin API failed");
    assert!(
        line.contains("it does not trust the CA of the server's certificate") && line.contains("127.0.2.1:"),
        "{line}"
    );
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 2, 2], 0).into()).unwrap();
    let mut plain = socket.connect(w.at).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"PRI * HTTP/2.0\r\n\r\n").await.unwrap();
    let line = w.pexd.until("a TLS handshake with the admin API failed");
    assert!(line.contains("it does not speak TLS") && line.contains("127.0.2.2:"), "{line}");
    // Each source once a minute: a second failure from the same one is only counted.
    for from in [[127, 0, 1, 1], [127, 0, 3, 1]] {
        shake_hands(w.at, from, &w.server_ca, None).await;
    }
    let line = w.pexd.until("a TLS handshake with the admin API failed");
    assert!(line.contains("127.0.3.1:") && line.contains("refused=13"), "{line}");
    // The audit has the same twelve, written beside the log.
    let entries =
        || super::access::audit(&w.home).into_iter().filter(|entry| entry[1] == "TLS handshake").collect::<Vec<_>>();
    for _ in 0..600 {
        if entries().len() == 12 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let entries = entries();
    assert_eq!(entries.len(), 12, "{entries:?}");
    let has =
        |from: &str, why: &str| entries.iter().any(|[author, _, what]| author.starts_with(from) && what.contains(why));
    assert!(
        has("127.0.1.2:", "its certificate is X.509 v1") && has("127.0.1.4:", "admin.client_ca_file"),
        "{entries:?}"
    );
}

/// The code blocks of a language in the section on client certificates.
fn blocks(language: &str) -> Vec<&'static str> {
    let (_, section) = PAGE.split_once("## Client certificates").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let opening = format!("```{language}\n");
    section.split(opening.as_str()).skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

/// Follows the page: openssl's commands in the home, its two files, a start, and the lines that call.
fn follow_the_recipe(line: &str, programs: &[PathBuf]) {
    let home = TestHome::with("chain-1", "");
    let (commands, files) = (blocks("sh"), blocks("toml"));
    let made = Command::new("/bin/bash").args(["-euc", commands[0]]).current_dir(home.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::write(home.path().join("pexd.toml"), files[0]).unwrap();
    write_private(&home, "access.toml", files[1]);
    let (_pexd, at) = serve(&home);
    let call = commands[1].lines().find(|command| command.starts_with(line)).unwrap();
    let call = call.replace(":26670", &format!(":{}", at.port()));
    let path =
        programs.iter().map(|program| program.parent().unwrap().display().to_string()).collect::<Vec<_>>().join(":");
    let mut shell = Command::new("/bin/bash");
    shell.args(["-c", &call]).current_dir(home.path()).env_clear().env("PATH", path).env("PEXD_HOME", home.path());
    let called = shell.output().unwrap();
    let said = String::from_utf8_lossy(&called.stdout);
    assert!(
        called.status.success() && said.contains("chain-1"),
        "{call}: {said}{}",
        String::from_utf8_lossy(&called.stderr)
    );
}

/// Whether openssl is there; says loudly that the test was not run when it is not.
fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success());
    if !found {
        let skip = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/skip");
        let lines = ["there is no `openssl` in the PATH.", "The recipe in docs/access.md was NOT tried."];
        // Its words go past the test harness, which would hide them.
        let _ = Command::new(skip).args(lines).status();
    }
    found
}

#[test]
fn the_recipe_for_client_certificates_works() {
    if has_openssl() {
        follow_the_recipe("pexd status", &[env!("CARGO_BIN_EXE_pexd").into()]);
    }
}

/// `tests/operations/run` says where grpcurl is.
#[test]
#[ignore = "needs grpcurl, which tests/operations/run builds"]
fn the_recipe_for_client_certificates_works_by_grpcurl() {
    let program = std::env::var("PEXD_TEST_GRPCURL").expect("PEXD_TEST_GRPCURL is where grpcurl is");
    if has_openssl() {
        follow_the_recipe("grpcurl", &[program.into()]);
    }
}
