//! The listener and what it serves.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::Builder;
use tower::layer::util::{Identity, Stack};

use super::auth::certificate_files::TlsError;
use super::auth::expiry::Expiry;
use super::auth::layer::{AuthLayer, Authenticator};
use super::auth::refusals::RefusalLog;
use super::auth::reload::{CredentialFiles, LoadError};
use super::auth::security_audit::SecurityAudit;
use super::auth::ways_in::WaysIn;
use super::host::call_counts::CallCounts;
use super::host::operations::Operations;
use super::host::process::HostProcess;
use super::limits::ApiLimits;
use super::listen::accept::{Listeners, incoming};
use super::listen::unix_socket;
use super::listen::unix_socket::{SocketError, SocketFile};
use super::middleware::call_counts::CallCountsLayer;
use super::middleware::only_grpc::OnlyGrpcLayer;
use super::middleware::timeout_and_panic::TimeoutAndPanicLayer;
use super::page::Pages;
use super::services::address_book::AddressBookApi;
use super::services::bans::BansApi;
use super::services::events::EventStreamLimits;
use super::services::health::NetworkHealth;
use super::services::networks::NetworksApi;
use super::services::peers::PeersApi;
use super::services::reactor::ReactorApi;
use super::services::seeds::SeedsApi;
use super::settings::AdminSettings;
use super::signpost::Signpost;
use crate::network::Directory;
use crate::port_holder::{self, By, PortHolder};
use crate::proto::pexd::DESCRIPTORS;
use crate::proto::pexd::v1::address_book_service_server::AddressBookServiceServer;
use crate::proto::pexd::v1::ban_service_server::BanServiceServer;
use crate::proto::pexd::v1::network_service_server::NetworkServiceServer;
use crate::proto::pexd::v1::peer_service_server::PeerServiceServer;
use crate::proto::pexd::v1::reactor_service_server::ReactorServiceServer;
use crate::proto::pexd::v1::seed_service_server::SeedServiceServer;

/// Bytes of a request message at most, decompressed too; the longest one that makes sense has a few hundred.
const MAX_REQUEST: usize = 64 * 1024;
/// Bytes of a request's headers at most.
const MAX_HEADERS: u32 = 16 * 1024;
/// Requests at once on one connection; the client waits with more.
const MAX_STREAMS: u32 = 32;
/// The longest that a request may take until its answer begins: a check of seeds takes 50 s.
const REQUEST_TIME: Duration = Duration::from_secs(60);
/// A client is pinged this often, so that one that is gone frees its place.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long its answer may take.
const PING_TIME: Duration = Duration::from_secs(10);
/// How long requests may go on once the end is asked for; then their connections are cut.
const GRACE: Duration = Duration::from_secs(5);

/// A service with the bound on its requests, and with gzip: requests may be compressed, and answers are for who accepts it. Each
/// service has a type of its own, and no trait has these methods.
macro_rules! bounded {
    ($service:expr) => {
        $service
            .max_decoding_message_size(MAX_REQUEST)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
    };
}

/// Names in health checks: the process as a whole, and each service.
const SERVICES: [&str; 7] = [
    "",
    NetworkServiceServer::<NetworksApi>::NAME,
    ReactorServiceServer::<ReactorApi>::NAME,
    PeerServiceServer::<PeersApi>::NAME,
    AddressBookServiceServer::<AddressBookApi>::NAME,
    SeedServiceServer::<SeedsApi>::NAME,
    BanServiceServer::<BansApi>::NAME,
];

/// The admin API on addresses that are bound and not served yet, so that what is wrong with them is known before anything
/// starts.
pub struct Admin {
    listeners: Listeners,
    local: Option<SocketAddr>,
    http: Option<SocketAddr>,
    socket: Option<SocketFile>,
    files: CredentialFiles,
    ways_in: WaysIn,
    limits: ApiLimits,
    closing: CancellationToken,
}

/// Why the admin API cannot listen. The texts name the fix.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Others than this host's users could reach it, and none of them could authenticate.
    #[error(
        "the admin API may not listen on {0}: others can reach it, and there are neither tokens nor a client CA by which \
         callers authenticate; give it one of them, or let it listen on 127.0.0.1 (or [::1]) and reach it from \
         elsewhere through `ssh -L {port}:127.0.0.1:{port} HOST`",
        port = .0.port()
    )]
    Open(SocketAddr),
    /// Something else listens there.
    #[error(
        "the admin API cannot listen on {laddr}: the port is taken{}; stop that one, or choose another port for this one \
         (admin.laddr)",
        By(holder.as_ref())
    )]
    Taken {
        /// Where.
        laddr: SocketAddr,
        /// What, if that can be known.
        holder: Option<PortHolder>,
    },
    /// The system refused for another reason.
    #[error("the admin API cannot listen on {laddr}: {source}")]
    Io {
        /// Where.
        laddr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There can be no Unix socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The files of TLS are not usable.
    #[error("the admin API cannot use its TLS files: {0}")]
    Tls(#[from] TlsError),
    /// The access file has errors.
    #[error("the admin API cannot use its access file:\n{0}")]
    Access(String),
}

impl From<LoadError> for BindError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Access(errors) => BindError::Access(errors),
            LoadError::Tls(error) => BindError::Tls(error),
        }
    }
}

/// Why the admin API stopped serving.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The HTTP/2 server broke down.
    #[error("the admin API broke down: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The built-in description of the API cannot be read.
    #[error("the admin API's description is broken: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// How the last requests ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// All of them by themselves.
    Complete,
    /// Some of them with their connections, after the grace period.
    CutOff,
}

impl Admin {
    /// Reads the files by which callers are known, and binds what is to be listened on. Nobody is accepted yet.
    ///
    /// # Errors
    /// When an address cannot be bound, a file cannot be used, or strangers could reach an address without there being any
    /// way to know them.
    pub async fn bind(settings: AdminSettings) -> Result<Self, BindError> {
        let closing = CancellationToken::new();
        let anonymous = settings.anonymous_on_tcp();
        let files = CredentialFiles::load(settings.access.clone(), settings.tls.clone(), anonymous, closing.clone())?;
        let in_effect = files.in_effect();
        let mut ways_in = WaysIn { names_socket: anonymous.is_some(), ..WaysIn::default() };
        let ca = settings.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let mut listeners = Listeners { tcp: None, unix: None, in_effect: in_effect.clone() };
        let mut local = None;
        if let Some(laddr) = settings.laddr {
            if anonymous.is_none() && !ca && !in_effect.grants().has_tokens() {
                return Err(BindError::Open(laddr));
            }
            let (listener, bound) = bind_tcp(laddr).await?;
            listeners.tcp = Some(listener);
            ways_in.tcp = Some(bound);
            local = Some(bound);
        }
        let mut file = None;
        if let Some(settings) = &settings.socket {
            let (listener, made) = unix_socket::bind(settings).await?;
            listeners.unix = Some(listener);
            ways_in.socket = Some((settings.path.clone(), settings.mode));
            file = Some(made);
        }
        let limits = settings.limits;
        Ok(Admin { listeners, local, http: None, socket: file, files, ways_in, limits, closing })
    }

    /// Reads the files by which callers are known, and binds nothing.
    ///
    /// # Errors
    /// As [`Admin::bind`], for what concerns these files.
    pub fn check(settings: &AdminSettings) -> Result<(), BindError> {
        let (access, tls) = (settings.access.clone(), settings.tls.clone());
        CredentialFiles::load(access, tls, settings.anonymous_on_tcp(), CancellationToken::new())?;
        Ok(())
    }

    /// Where it listens on TCP.
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        self.local
    }

    /// When certificates and tokens end.
    pub fn expiry(&self) -> Expiry {
        Expiry::of(self.files.in_effect())
    }

    /// Says where metrics and probes are served, for those who ask for them here.
    #[must_use]
    pub fn beside(self, http: Option<SocketAddr>) -> Self {
        Admin { http, ..self }
    }

    /// The Unix socket that it listens on.
    pub fn socket_path(&self) -> Option<&Path> {
        self.socket.as_ref().map(|socket| socket.path.as_path())
    }

    /// Who may do what over which listener, in words.
    pub fn who_may(&self) -> String {
        self.ways_in.told(self.files.in_effect().anonymous())
    }

    /// Serves the networks of `directory`, and `process` beside them, until `shutdown` is ready. Health then says
    /// NOT_SERVING, the listeners are closed, requests under way get 5 s, and all connections are closed when this
    /// returns. `operations` does what concerns the process.
    ///
    /// # Errors
    /// When the server breaks down as a whole; a single connection's fault never does that.
    pub async fn serve(
        self,
        directory: Directory,
        operations: Arc<dyn Operations>,
        process: HostProcess,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Drain, ServeError> {
        let Admin { listeners, http, socket, files, ways_in, limits, closing, .. } = self;
        let mut reporter = HealthReporter::new();
        report(&reporter, ServingStatus::Serving).await;
        let calls = process.calls.clone();
        let audit = SecurityAudit(process.audit.clone());
        let refusals = Arc::new(RefusalLog::new(audit.clone()));
        let authenticator = Arc::new(Authenticator::new(files.in_effect(), ways_in, refusals.clone(), &limits));
        let draining = CancellationToken::new();
        let services = HealthService::from_health_reporter(reporter.clone());
        let health = NetworkHealth::new(services, directory.clone(), process.ready_servable, draining.clone());
        let health = HealthServer::new(health);
        let routes = routes(&directory, operations, process, &draining)?.add_service(bounded!(health));
        let signpost = Signpost::new(http, files.in_effect().tls().is_some());
        let incoming = incoming(listeners, &limits, refusals, signpost.clone(), closing.clone());
        let serving = server(authenticator, calls, signpost)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, draining.clone().cancelled_owned());
        tokio::pin!(serving);
        let watching = files.watch(audit);
        tokio::pin!(watching);
        tokio::select! {
            ended = &mut serving => return Ok(ended.map(|()| Drain::Complete)?),
            never = &mut watching => match never {},
            () = shutdown => {}
        }
        // Before the listener is closed, so that nobody finds a socket at which nobody answers.
        drop(socket);
        report(&reporter, ServingStatus::NotServing).await;
        draining.cancel();
        end_watches(&mut reporter).await;
        match timeout(GRACE, &mut serving).await {
            Ok(ended) => Ok(ended.map(|()| Drain::Complete)?),
            Err(_) => {
                closing.cancel();
                Ok(serving.await.map(|()| Drain::CutOff)?)
            }
        }
    }
}

async fn bind_tcp(laddr: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let bound = async {
        let listener = TcpListener::bind(laddr).await?;
        let local = listener.local_addr()?;
        io::Result::Ok((listener, local))
    };
    match bound.await {
        Ok(bound) => Ok(bound),
        Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
            Err(BindError::Taken { laddr, holder: port_holder::find_aside(laddr).await })
        }
        Err(source) => Err(BindError::Io { laddr, source }),
    }
}

type Layers = Stack<AuthLayer, Stack<TimeoutAndPanicLayer, Stack<OnlyGrpcLayer, Stack<CallCountsLayer, Identity>>>>;

fn server(authenticator: Arc<Authenticator>, calls: Arc<CallCounts>, signpost: Signpost) -> Server<Layers> {
    Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_TIME))
        .layer(CallCountsLayer(calls))
        .layer(OnlyGrpcLayer(signpost))
        .layer(TimeoutAndPanicLayer { limit: REQUEST_TIME })
        .layer(AuthLayer(authenticator))
}

/// All services but health, which comes with its reporter. Streams end when `draining` is cancelled.
fn routes(
    directory: &Directory,
    operations: Arc<dyn Operations>,
    process: HostProcess,
    draining: &CancellationToken,
) -> Result<Routes, ServeError> {
    let pages = Pages::default();
    let watches = EventStreamLimits::until(draining.clone());
    let reactor = ReactorApi { directory: directory.clone(), process, pages: pages.clone(), watches };
    let reactor = ReactorServiceServer::new(reactor);
    let networks = NetworkServiceServer::new(NetworksApi { directory: directory.clone(), operations });
    let peers = PeerServiceServer::new(PeersApi(directory.clone(), pages.clone()));
    let book = AddressBookServiceServer::new(AddressBookApi(directory.clone(), pages.clone()));
    let seeds = SeedServiceServer::new(SeedsApi(directory.clone(), pages.clone()));
    let bans = BanServiceServer::new(BansApi(directory.clone(), pages.clone()));
    Ok(Routes::default()
        .add_service(bounded!(reactor))
        .add_service(bounded!(networks))
        .add_service(bounded!(peers))
        .add_service(bounded!(book))
        .add_service(bounded!(seeds))
        .add_service(bounded!(bans))
        .add_service(bounded!(described().build_v1()?))
        .add_service(bounded!(described().build_v1alpha()?)))
}

/// What both versions of reflection report: our API, the details of its errors (clients show them only when they can
/// look them up), health, and both versions of reflection.
fn described() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
        .include_reflection_service(false)
}

async fn report(reporter: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}

/// Ends the streams of those who watch health, after the last status: they would hold the shutdown up.
async fn end_watches(reporter: &mut HealthReporter) {
    for service in SERVICES {
        reporter.clear_service_status(service).await;
    }
}
