//! The first bytes of a connection. HTTP/2's preface makes it one of the API's; whoever begins with anything else is answered
//! in HTTP/1.1: HTTP/2's frames would look to it like the bare body of an answer (HTTP/0.9).

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, Cursor};
use std::pin::Pin;
use std::time::Duration;

use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::codegen::http::header::{CONTENT_TYPE, EXPECT, HeaderValue};
use tonic::codegen::http::{Request, Response, StatusCode};

/// What every client of HTTP/2 begins with (RFC 9113, section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a client of HTTP/1.1 may take to send a request's line and headers.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// How long its body is read, and how many bytes of it: a connection that is closed with unread bytes may lose the answer.
const BODY_TIME: Duration = Duration::from_secs(1);
const MAX_BODY: usize = 64 * 1024;
/// How long all of it may take.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's line and headers at most, and headers.
const MAX_REQUEST: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// What a client began with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// The whole preface.
    Http2,
    /// Anything else: what was read of it.
    Other(Vec<u8>),
}

/// Reads until it is known what the client speaks, and no byte beyond the preface.
///
/// # Errors
/// When it says nothing more.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Opening> {
    let mut bytes = [0; PREFACE.len()];
    let mut filled = 0;
    while filled < bytes.len() {
        let got = stream.read(&mut bytes[filled..]).await?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += got;
        if !PREFACE.starts_with(&bytes[..filled]) {
            return Ok(Opening::Other(bytes[..filled].to_vec()));
        }
    }
    Ok(Opening::Http2)
}

/// Whether a client that should begin with TLS speaks plain HTTP/1.1, as far as its first bytes tell. Nothing is taken from
/// the connection.
pub(super) async fn is_plain_http1(stream: &TcpStream) -> bool {
    let mut bytes = [0; PREFACE.len()];
    let Ok(got) = stream.peek(&mut bytes).await else { return false };
    // A method's name; a record of TLS begins with a small number.
    bytes[..got].first().is_some_and(u8::is_ascii_uppercase) && !PREFACE.starts_with(&bytes[..got])
}

/// Answers one request in HTTP/1.1, of which `read` was read already, and closes the connection.
pub(super) async fn answer<S>(stream: S, read: Vec<u8>, status: StatusCode, text: &str)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (rest, writing) = tokio::io::split(stream);
    let io = TokioIo::new(tokio::io::join(Cursor::new(read).chain(rest), writing));
    let service = service_fn(|request: Request<Incoming>| async {
        // Who expects a permission to send its body gets the answer in its place.
        if !request.headers().contains_key(EXPECT) {
            let _ = timeout(BODY_TIME, discard(request.into_body())).await;
        }
        Ok::<_, Infallible>(response(status, text))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_REQUEST)
        .max_headers(MAX_HEADERS)
        .keep_alive(false)
        .serve_connection(io, service);
    // Whatever goes wrong is the client's to see.
    let _ = timeout(ANSWER_TIME, connection).await;
}

fn response(status: StatusCode, text: &str) -> Response<String> {
    let mut response = Response::new(text.to_owned());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

async fn discard(mut body: Incoming) {
    let mut seen = 0;
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        seen += frame.data_ref().map_or(0, |data| data.len());
        if seen > MAX_BODY {
            return;
        }
    }
}
