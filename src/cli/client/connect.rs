//! Finding and reaching the pexd to ask.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
use super::reach::Reach;
use super::trouble::Trouble;
use crate::cli::Failure;
use crate::config::{self, Home};

/// Where the answers of the API may be as large as this: a page of 1,000 addresses has some 400 KB.
pub(super) const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long to wait until it is reached.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long to wait for an answer, unless a method takes longer.
const ANSWER_TIME: Duration = Duration::from_secs(35);

/// A channel that shows our token.
pub(super) type Service = InterceptedService<Reach, ShowToken>;

/// How to reach the pexd that is asked.
#[derive(Debug)]
pub(super) struct Connect {
    place: Place,
    /// Where to go when the socket is not for us.
    other_door: Option<Place>,
    token: Option<MetadataValue<Ascii>>,
    tls: ClientTlsConfig,
    /// What the user wants to wait at most.
    timeout: Option<Duration>,
}

/// Where a pexd is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A Unix socket.
    Socket(PathBuf),
    /// `http://host:port`, or `https`.
    Address(String),
}

impl Connect {
    pub(super) fn new(home: &Home, args: SessionArgs) -> Result<Self, Failure> {
        let (place, other_door) = match &args.server {
            Some(text) if !text.is_empty() => (Place::parse(text)?, None),
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
        Ok(Connect { place, other_door, token, tls, timeout: args.timeout.map(Duration::from_secs) })
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
        let reached = match (self.go(&self.place, limit).await, &self.other_door) {
            (Err(Trouble::Forbidden), Some(other)) => match self.go(other, limit).await {
                // It is the socket that the user meant.
                Err(_) => Err(Trouble::Forbidden),
                reached => reached,
            },
            (reached, _) => reached,
        };
        let reach = reached.map_err(|trouble| trouble.failure(&self.place))?;
        Ok(InterceptedService::new(reach, ShowToken(self.token.clone())))
    }

    async fn go(&self, place: &Place, limit: Option<Duration>) -> Result<Reach, Trouble> {
        let channel = match place {
            Place::Socket(path) => over_socket(path, limit).await,
            Place::Address(uri) => self.over_tcp(uri, limit).await,
        };
        match channel {
            Ok(channel) => Ok(Reach::new(channel, place.clone(), limit)),
            Err(error) => Err(Trouble::of(&error).at(place).await),
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

/// Calls are bounded by [`Reach`]; a connection for calls without an end has to be watched.
fn bounded(endpoint: Endpoint, limit: Option<Duration>) -> Endpoint {
    let endpoint = endpoint.connect_timeout(CONNECT_TIME).user_agent(concat!("pexd-cli/", env!("CARGO_PKG_VERSION")));
    let endpoint = endpoint.unwrap_or_else(|_| Endpoint::from_static("http://pexd"));
    match limit {
        Some(_) => endpoint,
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

    /// The home's socket if there is one, else where its admin API listens; and where else it does on this host.
    fn of_home(home: &Home) -> Result<(Self, Option<Self>), Failure> {
        let admin = match config::load_process_alone(home, super::super::variables()) {
            Ok(process) => process.admin,
            Err(mistakes) => {
                // A pexd that runs read the file when it had none of them.
                let socket = home.path().join("pexd.sock");
                if !socket.try_exists().unwrap_or(true) {
                    return Err(mistakes.into());
                }
                super::super::warn(mistakes.notes());
                return Ok((Place::Socket(socket), None));
            }
        };
        let scheme = if admin.tls_cert_file.is_some() { "https" } else { "http" };
        let place = |laddr| Place::Address(format!("{scheme}://{}", dialled(laddr)));
        // One that nobody may look at is there all the same.
        if let Some(socket) = admin.socket.filter(|socket| socket.try_exists().unwrap_or(true)) {
            let other_door = admin.laddr.filter(|laddr| laddr.ip().is_loopback()).map(place);
            return Ok((Place::Socket(socket), other_door));
        }
        let laddr = admin.laddr.ok_or_else(|| {
            let home = home.path().display();
            Failure::Unreachable(format!(
                "{home} has no admin API on TCP, and its socket is not there: start it with pexd start"
            ))
        })?;
        Ok((place(laddr), None))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Socket(path) => write!(f, "unix:{}", path.display()),
            Place::Address(uri) => f.write_str(uri),
        }
    }
}

/// Where to dial what listens there: on all addresses means on this host's own as well.
fn dialled(laddr: SocketAddr) -> SocketAddr {
    let ip = match laddr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, laddr.port())
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

    #[test]
    fn the_home_names_its_socket_and_the_loopback_address_as_another_door() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let configured = |laddr: &str| {
            fs::write(home.process_file(), format!("[admin]\nladdr = \"{laddr}\"\n")).unwrap();
            Place::of_home(&home).unwrap()
        };
        assert_eq!(configured("0.0.0.0:7"), (Place::Address("http://127.0.0.1:7".into()), None));
        let socket = folder.path().join("pexd.sock");
        fs::write(&socket, "").unwrap();
        assert_eq!(
            configured("127.0.0.1:7"),
            (Place::Socket(socket.clone()), Some(Place::Address("http://127.0.0.1:7".into())))
        );
        assert_eq!(
            configured("0.0.0.0:7"),
            (Place::Socket(socket), None),
            "others' address is no way around the socket"
        );
    }

    #[test]
    fn a_mistake_in_the_file_does_not_keep_anybody_from_the_pexd_that_runs() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        fs::write(home.process_file(), "[admin]\nladr = \"\"\n").unwrap();
        assert!(matches!(Place::of_home(&home), Err(Failure::Mistake(text)) if text.contains("did you mean laddr?")));
        let socket = folder.path().join("pexd.sock");
        fs::write(&socket, "").unwrap();
        assert_eq!(Place::of_home(&home).unwrap(), (Place::Socket(socket), None));
    }

    #[test]
    fn what_listens_on_all_addresses_is_dialled_on_this_host() {
        for (laddr, at) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
            ("[::1]:2", "[::1]:2"),
        ] {
            assert_eq!(dialled(laddr.parse().unwrap()).to_string(), at);
        }
    }
}
