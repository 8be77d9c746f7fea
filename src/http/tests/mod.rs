//! Over sockets, before networks that really run.

mod alerts;
mod exposition;
mod listener;
mod readiness;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Http, ReadyPolicy, Sources};
use crate::admin::Expiry;
use crate::clock::Clock;
use crate::network::{ConfigFaults, Dialler, Directory, Handle};
use crate::transport::DialLimits;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener that is served until it is dropped.
struct Served {
    addr: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What a listener serves of these networks, of which all have been asked to start.
fn sources(networks: impl IntoIterator<Item = Handle>) -> Sources {
    let begun = CancellationToken::new();
    begun.cancel();
    Sources {
        directory: Directory::new(networks, None),
        namespace: "cometbft".into(),
        calls: Arc::default(),
        expiry: Expiry::default(),
        dialler: Dialler::new(DialLimits::default()),
        started: Clock.now().wall,
        config_faults: ConfigFaults::default(),
        ready: ReadyPolicy { all: false, servable: 0 },
        begun,
    }
}

async fn serve_sources(sources: Sources) -> Served {
    let http = Http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let served = Served { addr: http.local_addr(), stop: CancellationToken::new() };
    tokio::spawn(http.serve(sources, served.stop.clone().cancelled_owned()));
    served
}

async fn serve(networks: impl IntoIterator<Item = Handle>) -> Served {
    serve_sources(sources(networks)).await
}

/// Says that a test was not run, past libtest, which keeps what a passing test prints to itself.
fn skipped(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "\n** SKIPPED: there is no promtool (Debian's package prometheus): {what} **");
}

/// What comes back until the server closes, after these bytes.
async fn exchange(addr: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // One that is refused may find the connection closed already.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes in time");
    String::from_utf8(answer).unwrap()
}

/// The status and the body of an answer to a request of this method.
async fn ask(addr: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let answer = exchange(addr, format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
