//! Finding and reaching the pexd to ask.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::{Request, Status};

use super::SessionArgs;
use crate::cli::Failure;
use crate::config::{self, Home};

/// Where the answers of the API may be as large as this: a page of 1,000 addresses has some 400 KB.
pub(super) const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long to wait until it is reached.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// A channel that shows our token.
pub(super) type Service = InterceptedService<Channel, ShowToken>;

/// How to reach the pexd that is asked.
#[derive(Debug)]
pub(super) struct Connect {
    place: Place,
    token: Option<MetadataValue<Ascii>>,
    tls: ClientTlsConfig,
    timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Socket(PathBuf),
    Address(String),
}

impl Connect {
    pub(super) fn new(home: &Home, args: SessionArgs) -> Result<Self, Failure> {
        let place = match &args.server {
            Some(text) if !text.is_empty() => Place::parse(text)?,
            _ => Place::of_home(home)?,
        };
        let token = read_token(args.token_file.as_deref())?;
        let mut tls = match &args.ca_file {
            Some(file) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(file)?)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let (Some(certificate), Some(key)) = (&args.cert_file, &args.key_file) {
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        Ok(Connect { place, token, tls, timeout: Duration::from_secs(args.timeout) })
    }

    /// A service whose calls end within the time that was given.
    pub(super) async fn service(&self) -> Result<Service, Failure> {
        self.open(Some(self.timeout)).await
    }

    /// A service for calls without an end.
    pub(super) async fn endless(&self) -> Result<Service, Failure> {
        self.open(None).await
    }

    async fn open(&self, timeout: Option<Duration>) -> Result<Service, Failure> {
        let channel = match &self.place {
            Place::Socket(path) => self.over_socket(path, timeout).await,
            Place::Address(uri) => self.over_tcp(uri, timeout).await,
        };
        let channel = channel.map_err(|error| Failure::Unreachable(self.unreachable(&error)))?;
        Ok(InterceptedService::new(channel, ShowToken(self.token.clone())))
    }

    async fn over_tcp(&self, uri: &str, timeout: Option<Duration>) -> Result<Channel, tonic::transport::Error> {
        let mut endpoint = bounded(Endpoint::from_shared(uri.to_owned())?, timeout);
        if uri.starts_with("https:") {
            endpoint = endpoint.tls_config(self.tls.clone())?;
        }
        endpoint.connect().await
    }

    async fn over_socket(&self, path: &Path, timeout: Option<Duration>) -> Result<Channel, tonic::transport::Error> {
        let path = path.to_owned();
        // The URI is not used; HTTP/2 demands one.
        let endpoint = bounded(Endpoint::from_static("http://pexd"), timeout);
        let connect = move |_: Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        };
        endpoint.connect_with_connector(tower::service_fn(connect)).await
    }

    fn unreachable(&self, error: &tonic::transport::Error) -> String {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let place = match &self.place {
            Place::Socket(path) => format!("unix:{}", path.display()),
            Place::Address(uri) => uri.clone(),
        };
        format!("no pexd answers at {place}: {cause}; start it with pexd start, or say where it is with --server")
    }
}

fn bounded(endpoint: Endpoint, timeout: Option<Duration>) -> Endpoint {
    let endpoint = endpoint.connect_timeout(CONNECT_TIME).user_agent(concat!("pexd-cli/", env!("CARGO_PKG_VERSION")));
    let endpoint = endpoint.unwrap_or_else(|_| Endpoint::from_static("http://pexd"));
    match timeout {
        Some(timeout) => endpoint.timeout(timeout),
        None => endpoint.http2_keep_alive_interval(Duration::from_secs(30)).keep_alive_while_idle(true),
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self, Failure> {
        let mend = "write unix:/path, http://host:port or https://host:port";
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Place::Socket(path.into()));
        }
        let uri = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let known = uri.starts_with("http://") || uri.starts_with("https://");
        match uri.parse::<Uri>() {
            Ok(parsed) if known && parsed.port().is_some() => Ok(Place::Address(uri)),
            _ => Err(Failure::Mistake(format!("--server is {text:?}: {mend}"))),
        }
    }

    /// The home's socket if there is one, else where its admin API listens.
    fn of_home(home: &Home) -> Result<Self, Failure> {
        let admin = config::load_process_alone(home, super::super::variables())?.admin;
        if let Some(socket) = admin.socket.filter(|socket| socket.exists()) {
            return Ok(Place::Socket(socket));
        }
        let scheme = if admin.tls_cert_file.is_some() { "https" } else { "http" };
        let laddr = admin.laddr.ok_or_else(|| {
            let home = home.path().display();
            Failure::Unreachable(format!(
                "{home} has no admin API on TCP, and its socket is not there: start it with pexd start"
            ))
        })?;
        Ok(Place::Address(format!("{scheme}://{laddr}")))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::Mistake(format!("{}: {error}", file.display())))
}

/// The token of PEXD_TOKEN, or of the file. A flag would show it to everyone who lists processes.
fn read_token(file: Option<&Path>) -> Result<Option<MetadataValue<Ascii>>, Failure> {
    let token = match std::env::var("PEXD_TOKEN") {
        Ok(token) if !token.is_empty() => token,
        _ => match file {
            Some(file) => String::from_utf8_lossy(&read(file)?).into_owned(),
            None => return Ok(None),
        },
    };
    let value = format!("Bearer {}", token.trim());
    let mut value: MetadataValue<Ascii> =
        value.parse().map_err(|_| Failure::Mistake("the token has characters that no token has".into()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Puts the token into each request.
#[derive(Clone, Debug)]
pub(super) struct ShowToken(Option<MetadataValue<Ascii>>);

impl Interceptor for ShowToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = |text: &str| Place::parse(text).ok();
        assert_eq!(place("unix:/a/b.sock"), Some(Place::Socket("/a/b.sock".into())));
        assert_eq!(place("unix:///a/b.sock"), Some(Place::Socket("/a/b.sock".into())));
        assert_eq!(place("127.0.0.1:1"), Some(Place::Address("http://127.0.0.1:1".into())));
        assert_eq!(place("https://pexd.example.org:1"), Some(Place::Address("https://pexd.example.org:1".into())));
        for text in ["ftp://a:1", "127.0.0.1", "http://a", "a b:1"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
