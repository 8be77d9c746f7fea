//! The listener and what it serves.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tonic_reflection::server::Builder;
use tower::layer::util::{Identity, Stack};

use super::access::AccessLayer;
use super::address_book::AddressBook;
use super::bans::Bans;
use super::guard::GuardLayer;
use super::incoming::incoming;
use super::networks::Networks;
use super::page::Pages;
use super::peers::Peers;
use super::reactor::Reactor;
use super::seeds::Seeds;
use crate::network::Directory;
use crate::proto::pexd::DESCRIPTORS;
use crate::proto::pexd::v1::address_book_service_server::AddressBookServiceServer;
use crate::proto::pexd::v1::ban_service_server::BanServiceServer;
use crate::proto::pexd::v1::network_service_server::NetworkServiceServer;
use crate::proto::pexd::v1::peer_service_server::PeerServiceServer;
use crate::proto::pexd::v1::reactor_service_server::ReactorServiceServer;
use crate::proto::pexd::v1::seed_service_server::SeedServiceServer;

/// Bytes of a request message at most; the longest one that makes sense has a few hundred.
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

/// Names in health checks: the process as a whole, and each service.
const SERVICES: [&str; 7] = [
    "",
    NetworkServiceServer::<Networks>::NAME,
    ReactorServiceServer::<Reactor>::NAME,
    PeerServiceServer::<Peers>::NAME,
    AddressBookServiceServer::<AddressBook>::NAME,
    SeedServiceServer::<Seeds>::NAME,
    BanServiceServer::<Bans>::NAME,
];

/// The admin API on an address that is bound and not served yet, so that a taken port is known before anything starts.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    local: SocketAddr,
}

/// Why the admin API has no address. The texts name the mend.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Others than this host's users could reach it.
    #[error(
        "the admin API may not listen on {0}: whoever reaches it can stop networks, and it has neither TLS nor tokens yet; \
         let it listen on 127.0.0.1 (or [::1]), and reach it from elsewhere through `ssh -L {port}:127.0.0.1:{port} HOST`",
        port = .0.port()
    )]
    NotLoopback(SocketAddr),
    /// Something else listens there.
    #[error(
        "the admin API cannot listen on {0}: the port is taken, perhaps by another pexd; stop that one, or choose another \
         port for this one"
    )]
    Taken(SocketAddr),
    /// The system refused for another reason.
    #[error("the admin API cannot listen on {laddr}: {source}")]
    Io {
        /// Where.
        laddr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
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

impl Admin {
    /// Binds `laddr`, which must be a loopback address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is not a loopback address, or cannot be bound.
    pub async fn bind(laddr: SocketAddr) -> Result<Self, BindError> {
        if !laddr.ip().to_canonical().is_loopback() {
            return Err(BindError::NotLoopback(laddr));
        }
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken(laddr),
            _ => BindError::Io { laddr, source },
        };
        let listener = TcpListener::bind(laddr).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        Ok(Admin { listener, local })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves the networks of `directory` until `shutdown` is ready. Health then says NOT_SERVING, the listener is closed,
    /// requests under way get 5 s, and all connections are closed when this returns.
    ///
    /// # Errors
    /// When the server breaks down as a whole; a single connection's fault never does that.
    pub async fn serve(self, directory: Directory, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let (mut reporter, health) = health_reporter();
        report(&reporter, ServingStatus::Serving).await;
        let routes = routes(&directory)?.add_service(health.max_decoding_message_size(MAX_REQUEST));
        let (draining, closing) = (CancellationToken::new(), CancellationToken::new());
        let incoming = incoming(self.listener, closing.clone());
        let serving =
            server().add_routes(routes).serve_with_incoming_shutdown(incoming, draining.clone().cancelled_owned());
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = shutdown => {}
        }
        report(&reporter, ServingStatus::NotServing).await;
        draining.cancel();
        end_watches(&mut reporter).await;
        match timeout(GRACE, &mut serving).await {
            Ok(ended) => Ok(ended?),
            Err(_) => {
                closing.cancel();
                Ok(serving.await?)
            }
        }
    }
}

fn server() -> Server<Stack<AccessLayer, Stack<GuardLayer, Identity>>> {
    Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_TIME))
        .layer(GuardLayer { limit: REQUEST_TIME })
        .layer(AccessLayer)
}

/// All services but health, which comes with its reporter.
fn routes(directory: &Directory) -> Result<Routes, ServeError> {
    let pages = Pages::default();
    let reactor = ReactorServiceServer::new(Reactor(directory.clone()));
    let networks = NetworkServiceServer::new(Networks);
    let peers = PeerServiceServer::new(Peers(directory.clone(), pages.clone()));
    let book = AddressBookServiceServer::new(AddressBook(directory.clone(), pages.clone()));
    let seeds = SeedServiceServer::new(Seeds(directory.clone(), pages.clone()));
    let bans = BanServiceServer::new(Bans(directory.clone(), pages.clone()));
    Ok(Routes::default()
        .add_service(reactor.max_decoding_message_size(MAX_REQUEST))
        .add_service(networks.max_decoding_message_size(MAX_REQUEST))
        .add_service(peers.max_decoding_message_size(MAX_REQUEST))
        .add_service(book.max_decoding_message_size(MAX_REQUEST))
        .add_service(seeds.max_decoding_message_size(MAX_REQUEST))
        .add_service(bans.max_decoding_message_size(MAX_REQUEST))
        .add_service(described().build_v1()?.max_decoding_message_size(MAX_REQUEST))
        .add_service(described().build_v1alpha()?.max_decoding_message_size(MAX_REQUEST)))
}

/// What both versions of reflection tell of: our API, the details of its errors (clients show them only when they can
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
