//! Those who speak HTTP to the API, but not gRPC: they are told what is here, in their own version of HTTP, and let go.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;

use http_body::Body as _;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::codegen::http::{Request, StatusCode};

use super::*;
use crate::admin::{ApiLimits, SocketSettings};

const METRICS: &str = "127.0.0.1:9";

/// An API on a port and a socket, beside metrics on a port of their own.
struct Both {
    addr: SocketAddr,
    socket: PathBuf,
    _folder: TempDir,
    _served: JoinHandle<Result<Drain, ServeError>>,
}

async fn both() -> Both {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("sock");
    let settings = SocketSettings { path: socket.clone(), mode: 0o600, owner: String::new(), group: String::new() };
    let settings = AdminSettings { socket: Some(settings), ..AdminSettings::open_loopback(0) };
    let admin = Admin::bind(settings).await.unwrap().beside(Some(METRICS.parse().unwrap()));
    let addr = admin.local_addr().unwrap();
    let directory = Directory::new([world("a").handle()], None);
    let serving = admin.serve(directory, Arc::new(NoFiles), process(), std::future::pending());
    Both { addr, socket, _folder: folder, _served: tokio::spawn(serving) }
}

/// All that is answered to these bytes until the connection is closed.
pub(super) async fn asked(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // An end that is not clean is an end too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head and the body of an answer that says what is here.
fn told(answer: &str) -> (&str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(head.to_lowercase().contains("content-type: text/plain"), "{head}");
    assert!(body.contains("gRPC") && body.contains(&format!("http://{METRICS}/metrics")), "{body}");
    (head, body)
}

#[tokio::test]
async fn http_1_is_answered_with_what_is_here_and_where_metrics_are() {
    let both = both().await;
    let big = format!("POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 30000\r\n\r\n{}", "y".repeat(30_000));
    for (request, version) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1"),
        ("GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0"),
        ("POST /pexd.v1.ReactorService/GetStatus HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}", "HTTP/1.1"),
        ("PRIVATE / HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1"),
        (&big, "HTTP/1.1"),
    ] {
        let answer = asked(TcpStream::connect(both.addr).await.unwrap(), request.as_bytes()).await;
        let (head, _) = told(&answer);
        assert!(head.starts_with(&format!("{version} 505 ")), "{head}");
        let answer = asked(UnixStream::connect(&both.socket).await.unwrap(), request.as_bytes()).await;
        told(&answer);
    }
    let stream = TcpStream::connect(both.addr).await.unwrap();
    let answer = asked(stream, b"HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 505 ") && answer.ends_with("\r\n\r\n"), "a head alone: {answer}");
}

#[tokio::test]
async fn a_client_of_http_1_leaves_its_place_to_the_next() {
    let both = both().await;
    for _ in 0..2 * ApiLimits::default().connections {
        let stream = TcpStream::connect(both.addr).await.unwrap();
        told(&asked(stream, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await);
    }
}

#[tokio::test]
async fn what_is_no_http_or_too_much_of_it_is_closed() {
    let both = both().await;
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(100_000));
    let hello = b"\x16\x03\x01\x00\x05hello";
    for bytes in [endless.as_bytes(), hello, b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", &[0; 24]] {
        let mut stream = TcpStream::connect(both.addr).await.unwrap();
        // It may be closed before all is sent.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_finish_in_time_is_let_go() {
    let both = both().await;
    let body = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf";
    for (begun, answered) in
        [("", false), ("P", false), ("PRI * HTTP/2.0\r\n", false), ("GET / H", false), (body, true)]
    {
        let began = tokio::time::Instant::now();
        let answer = asked(TcpStream::connect(both.addr).await.unwrap(), begun.as_bytes()).await;
        assert!(began.elapsed() < Duration::from_secs(15), "{begun:?} took {:?}", began.elapsed());
        assert_eq!(answer.starts_with("HTTP/1.1 505 "), answered, "{begun:?}: {answer}");
    }
}

#[tokio::test]
async fn another_request_than_grpcs_over_http_2_is_told_the_same() {
    let both = both().await;
    let mut channel = connect(both.addr).await;
    for kind in ["", "text/html", "application/grpc-web+proto"] {
        let request = Request::get("/metrics").header("content-type", kind).body(Body::empty()).unwrap();
        poll_fn(|cx| channel.poll_ready(cx)).await.unwrap();
        let answer = channel.call(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        let mut body = pin!(answer.into_body());
        let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(frame.data_ref().unwrap()).contains(METRICS));
    }
}
