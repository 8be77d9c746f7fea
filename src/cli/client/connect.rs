//! Finding and reaching the pexd to ask.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::{Request, Status};

use super::SessionArgs;
use super::call_error::CallError;
use super::channel::TimedChannel;
use super::endpoint::ApiEndpoint;
use crate::admin::{TlsIdentity, read_certificates};
use crate::cli::Failure;
use crate::clock::Clock;
use crate::config::Home;

/// Where the answers of the API may be as large as this: a page of 1,000 addresses has some 400 KB.
pub(super) const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long to wait until it is reached.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long to wait for an answer, unless a method takes longer.
const ANSWER_TIME: Duration = Duration::from_secs(35);

/// A channel that shows our token.
pub(super) type Service = InterceptedService<TimedChannel, ShowToken>;

/// How to reach the pexd that is asked.
#[derive(Debug)]
pub(super) struct Connect {
    endpoint: ApiEndpoint,
    /// Where to go when the socket is not for us.
    fallback: Option<ApiEndpoint>,
    token: Option<MetadataValue<Ascii>>,
    tls: ClientTlsConfig,
    /// What the user wants to wait at most.
    timeout: Option<Duration>,
}

impl Connect {
    pub(super) fn new(home: &Home, args: SessionArgs) -> Result<Self, Failure> {
        let (endpoint, fallback) = match &args.server {
            Some(text) if !text.is_empty() => (ApiEndpoint::parse(text)?, None),
            _ => ApiEndpoint::of_home(home)?,
        };
        let token = read_token(args.token_file.as_deref())?;
        let mut tls = match &args.ca_file {
            Some(file) => {
                // One without a certificate would only show as a server that is not trusted.
                read_certificates(file).map_err(|error| Failure::InvalidInput(format!("--ca-file: {error}")))?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(file)?))
            }
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let (Some(certificate), Some(key)) = (&args.cert_file, &args.key_file) {
            check_identity(certificate, key)?;
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        Ok(Connect { endpoint, fallback, token, tls, timeout: args.timeout.map(Duration::from_secs) })
    }

    /// A service whose calls end within the usual time, or the one that was given.
    pub(super) async fn service(&self) -> Result<Service, Failure> {
        self.service_for(ANSWER_TIME).await
    }

    /// The same for a method that takes up to this long, unless another time was given.
    pub(super) async fn service_for(&self, time: Duration) -> Result<Service, Failure> {
        self.open(Some(self.limit(time))).await
    }

    /// A service for calls without an end.
    pub(super) async fn endless(&self) -> Result<Service, Failure> {
        self.open(None).await
    }

    /// What the user wants to wait for a method that takes up to this long.
    fn limit(&self, time: Duration) -> Duration {
        self.timeout.unwrap_or(time)
    }

    async fn open(&self, limit: Option<Duration>) -> Result<Service, Failure> {
        let reached = match (self.go(&self.endpoint, limit).await, &self.fallback) {
            (Err(CallError::Forbidden), Some(other)) => match self.go(other, limit).await {
                // It is the socket that the user meant.
                Err(_) => Err(CallError::Forbidden),
                reached => reached,
            },
            (reached, _) => reached,
        };
        let reach = reached.map_err(|error| error.failure(&self.endpoint))?;
        Ok(InterceptedService::new(reach, ShowToken(self.token.clone())))
    }

    async fn go(&self, endpoint: &ApiEndpoint, limit: Option<Duration>) -> Result<TimedChannel, CallError> {
        let channel = match endpoint {
            ApiEndpoint::Socket(path) => over_socket(path, limit).await,
            ApiEndpoint::Address(uri) => self.over_tcp(uri, limit).await,
        };
        match channel {
            Ok(channel) => Ok(TimedChannel::new(channel, endpoint.clone(), limit)),
            Err(error) => Err(CallError::of(&error).at(endpoint).await),
        }
    }

    async fn over_tcp(&self, uri: &str, limit: Option<Duration>) -> Result<Channel, tonic::transport::Error> {
        let mut endpoint = bounded(Endpoint::from_shared(uri.to_owned())?, limit);
        if uri.starts_with("https:") {
            endpoint = endpoint.tls_config(self.tls.clone())?;
        }
        endpoint.connect().await
    }
}

async fn over_socket(path: &Path, limit: Option<Duration>) -> Result<Channel, tonic::transport::Error> {
    let path = path.to_owned();
    // The URI is not used; HTTP/2 demands one.
    let endpoint = bounded(Endpoint::from_static("http://pexd"), limit);
    let connect = move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    };
    endpoint.connect_with_connector(tower::service_fn(connect)).await
}

/// Calls are bounded by [`TimedChannel`]; a connection for calls without an end has to be watched.
fn bounded(endpoint: Endpoint, limit: Option<Duration>) -> Endpoint {
    let endpoint = endpoint.connect_timeout(CONNECT_TIME).user_agent(concat!("pexd-cli/", env!("CARGO_PKG_VERSION")));
    let endpoint = endpoint.unwrap_or_else(|_| Endpoint::from_static("http://pexd"));
    match limit {
        Some(_) => endpoint,
        None => endpoint.http2_keep_alive_interval(Duration::from_secs(30)).keep_alive_while_idle(true),
    }
}

/// Looks at what we would show before anybody is dialled, so that a fault of ours is not taken for one of the server's.
fn check_identity(certificate: &Path, key: &Path) -> Result<(), Failure> {
    let usable = TlsIdentity::read(certificate, key).and_then(|identity| identity.check_time(Clock.now().wall));
    usable.map_err(|error| Failure::InvalidInput(format!("our own certificate (--cert-file, --key-file): {error}")))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::InvalidInput(format!("{}: {error}", file.display())))
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
        value.parse().map_err(|_| Failure::InvalidInput("the token has characters that no token has".into()))?;
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
    fn a_method_is_waited_for_as_long_as_it_takes_unless_the_user_says_otherwise() {
        let connect = |timeout| {
            let args = SessionArgs { server: Some("127.0.0.1:1".into()), timeout, ..SessionArgs::default() };
            Connect::new(&Home::new("/nowhere"), args).unwrap()
        };
        let check = super::super::seeds::CHECK_TIME;
        assert!(connect(None).limit(check) > Duration::from_secs(60), "SeedService.CheckSeeds takes up to a minute");
        assert_eq!(connect(Some(5)).limit(check), Duration::from_secs(5));
    }
}
