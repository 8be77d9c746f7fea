//! Who gets in over plain connections: the Unix socket, trusted loopback, and tokens.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::admin::auth::grants::Credential;
use crate::admin::auth::reload::{CredentialFiles, Reload};
use crate::admin::{
    AccessSource, AllowedNetworks, ApiLimits, BindError, Caller, Grant, Grants, Role, SocketError, SocketSettings,
};
use crate::clock::Clock;
use crate::proto::pexd::v1::address_book_service_client::AddressBookServiceClient;
use crate::proto::pexd::v1::ban_service_client::BanServiceClient;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{BanRequest, GetStatusRequest, ListSourcesRequest, StopRequest};
use crate::rate_limit::RateLimit;
use crate::types::Group;

/// Longer than the files are looked at apart, and than any machine needs for the rest.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The access file of these tests: `token|certificate NAME ROLE NETWORKS SECONDS` a line, `-` for all and never.
pub(super) fn read(path: &Path) -> Result<(Grants, Vec<String>), String> {
    let mut grants = Grants::default();
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    for line in text.lines() {
        let &[kind, name, role, networks, seconds] = line.split(' ').collect::<Vec<_>>().as_slice() else {
            return Err(format!("{line:?} is broken"));
        };
        let these = || networks.split(',').map(Into::into).collect::<BTreeSet<_>>();
        let grant = Grant {
            name: name.into(),
            role: if role == "read" { Role::Read } else { Role::Control },
            networks: if networks == "-" { AllowedNetworks::All } else { AllowedNetworks::These(these()) },
            expires: seconds.parse().ok().map(Wall::from_secs),
        };
        match kind {
            "token" => grants.add_token(Sha256::digest(secret(name)).into(), grant),
            _ => grants.add_certificate(grant),
        }
    }
    Ok((grants, Vec::new()))
}

/// The token of that name.
fn secret(name: &str) -> String {
    format!("pexd_secret_of_{name}")
}

/// A folder with an access file.
pub(super) struct Files(pub(super) TempDir);

impl Files {
    pub(super) fn with(lines: &[&str]) -> Self {
        let files = Files(tempfile::tempdir().unwrap());
        files.write(lines);
        files
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces the file whole, as an editor or `pexd token` does.
    pub(super) fn write(&self, lines: &[&str]) {
        fs::write(self.path("new"), lines.join("\n")).unwrap();
        fs::rename(self.path("new"), self.path("access")).unwrap();
    }

    pub(super) fn access(&self) -> Option<AccessSource> {
        Some(AccessSource { file: self.path("access"), read })
    }

    pub(super) fn demanding(&self) -> AdminSettings {
        AdminSettings { anonymous: None, access: self.access(), ..AdminSettings::open_loopback(0) }
    }

    pub(super) fn socket(&self) -> SocketSettings {
        let (owner, group) = (String::new(), String::new());
        SocketSettings { path: self.path("sock"), mode: 0o600, owner, group }
    }
}

fn with_header<T>(message: T, header: &str) -> Request<T> {
    let mut request = Request::new(message);
    if !header.is_empty() {
        request.metadata_mut().insert("authorization", header.parse::<MetadataValue<_>>().unwrap());
    }
    request
}

pub(super) fn with_token<T>(message: T, name: &str) -> Request<T> {
    with_header(message, &format!("Bearer {}", secret(name)))
}

pub(super) async fn status_of(channel: &Channel, header: &str) -> Result<Vec<String>, Status> {
    let request = with_header(GetStatusRequest { network: "-".into() }, header);
    let answer = ReactorServiceClient::new(channel.clone()).get_status(request).await?.into_inner();
    Ok(answer.statuses.into_iter().map(|status| status.network).collect())
}

pub(super) async fn status_by(channel: &Channel, name: &str) -> Result<Vec<String>, Status> {
    status_of(channel, &format!("Bearer {}", secret(name))).await
}

pub(super) async fn over_socket(path: &Path) -> Channel {
    tonic::transport::Endpoint::from_shared(format!("unix:{}", path.display())).unwrap().connect().await.unwrap()
}

/// Waits until something is right: the files are looked at now and then only.
pub(super) async fn soon<F: Future<Output = bool>>(right: impl Fn() -> F) {
    let asking = async {
        while !right().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap();
}

pub(super) fn refused<T>(answer: &Result<T, Status>) -> bool {
    answer.as_ref().err().is_some_and(|status| status.code() == Code::Unauthenticated)
}

#[tokio::test]
async fn sources_are_told_of_the_networks_that_a_token_is_for() {
    let files = Files::with(&["token board read a -"]);
    let worlds = ["a", "b"].map(world);
    for world in &worlds {
        world.lock().sources.insert(Group::V4([20, 0]), SourceAccount { brought: 1, ..SourceAccount::default() });
    }
    let served = serve_as(&worlds.each_ref(), files.demanding()).await;
    let mut client = AddressBookServiceClient::new(connect(served.addr.unwrap()).await);
    let of = |network: &str| ListSourcesRequest { network: network.into(), ..ListSourcesRequest::default() };
    let page = client.list_sources(with_token(of("-"), "board")).await.unwrap().into_inner();
    assert_eq!((page.sources.len(), page.sources[0].network.as_str(), page.total_count), (1, "a", 1));
    let unknown = client.list_sources(with_token(of("b"), "board")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(refused(&client.list_sources(of("a")).await));
}

#[tokio::test]
async fn a_role_is_what_a_token_may_do() {
    let files = Files::with(&["token board read - -", "token ops control - -"]);
    let served = serve_as(&[&world("a")], files.demanding()).await;
    let channel = connect(served.addr.unwrap()).await;
    assert_eq!(status_by(&channel, "board").await.unwrap(), ["a"]);
    let stop =
        async |name| ReactorServiceClient::new(channel.clone()).stop(with_token(StopRequest::default(), name)).await;
    let denied = stop("board").await.unwrap_err();
    assert_eq!((denied.code(), reason(&denied)), (Code::PermissionDenied, "ROLE_NEEDED".into()));
    assert!(denied.message().contains("needs the role control, and token board from 127.0.0.1:"), "{denied}");
    let ban = BanRequest { network: "a".into(), target: "1.2.3.4".into(), ..BanRequest::default() };
    let denied = BanServiceClient::new(channel.clone()).ban(with_token(ban, "board")).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    stop("ops").await.unwrap();
}

#[tokio::test]
async fn a_caller_for_some_networks_learns_nothing_of_the_others() {
    let files = Files::with(&["token b control b -"]);
    let served = serve_as(&[&world("a"), &world("b"), &world("c")], files.demanding()).await;
    let channel = connect(served.addr.unwrap()).await;
    assert_eq!(status_by(&channel, "b").await.unwrap(), ["b"]);
    let mut client = ReactorServiceClient::new(channel);
    for network in ["a", "nothing"] {
        let request = with_token(GetStatusRequest { network: network.into() }, "b");
        let status = client.get_status(request).await.unwrap_err();
        assert_eq!((status.code(), status.message().ends_with("there are: b")), (Code::NotFound, true), "{status}");
        let stop = with_token(StopRequest { network: network.into() }, "b");
        assert_eq!(client.stop(stop).await.unwrap_err().code(), Code::NotFound);
    }
    client.stop(with_token(StopRequest::default(), "b")).await.unwrap();
}

#[test]
fn what_acts_on_the_whole_process_needs_all_networks() {
    let these = AllowedNetworks::These(BTreeSet::from(["a".into()]));
    let caller = |networks| Caller { who: "token b".into(), role: Role::Control, networks };
    assert!(caller(AllowedNetworks::All).require_all_networks().is_ok());
    let denied = caller(these).require_all_networks().unwrap_err();
    assert_eq!((denied.code(), reason(&denied)), (Code::PermissionDenied, "ALL_NETWORKS_NEEDED".into()));
}

#[tokio::test]
async fn who_does_not_show_who_he_is_gets_one_answer_to_everything() {
    let ended = Clock.now().wall.as_millis() / 1000 - 1;
    let files = Files::with(&["token ops control - -", &format!("token old control - {ended}")]);
    // More tries than one source has by default.
    let limits = ApiLimits { failures_per_minute: 1000, ..ApiLimits::default() };
    let served = serve_as(&[&world("a")], AdminSettings { limits, ..files.demanding() }).await;
    let channel = connect(served.addr.unwrap()).await;
    let mut answers = Vec::new();
    let (old, long) = (format!("Bearer {}", secret("old")), format!("Bearer {}", "x".repeat(5_000)));
    for header in ["", "Bearer", "Bearer nonsense", "Basic b3BzOm9wcw==", &secret("ops"), &old, &long] {
        answers.push(status_of(&channel, header).await.unwrap_err());
        let health = with_header(HealthCheckRequest { service: String::new() }, header);
        answers.push(HealthClient::new(channel.clone()).check(health).await.unwrap_err());
        let watch = with_header(HealthCheckRequest { service: String::new() }, header);
        answers.push(HealthClient::new(channel.clone()).watch(watch).await.unwrap_err());
        let mut reflection =
            tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
        let asked = reflection.server_reflection_info(with_header(tokio_stream::pending(), header)).await;
        answers.push(asked.unwrap_err());
        for path in ["/pexd.v1.ReactorService/Nothing", "/nothing.at.All/Get", "/"] {
            let mut grpc = tonic::client::Grpc::new(channel.clone());
            grpc.ready().await.unwrap();
            let codec = tonic_prost::ProstCodec::<GetStatusRequest, GetStatusRequest>::default();
            let request = with_header(GetStatusRequest::default(), header);
            answers.push(grpc.unary(request, path.parse().unwrap(), codec).await.unwrap_err());
        }
    }
    for answer in &answers {
        let same = (answer.code(), answer.message(), answer.details());
        assert_eq!(same, (Code::Unauthenticated, answers[0].message(), answers[0].details()));
    }
    let twice = {
        let mut request = with_token(GetStatusRequest::default(), "ops");
        let value = format!("Bearer {}", secret("ops")).parse().unwrap();
        request.metadata_mut().append("authorization", value);
        ReactorServiceClient::new(channel.clone()).get_status(request).await
    };
    assert!(refused(&twice), "{twice:?}");
    status_by(&channel, "ops").await.unwrap();
}

#[tokio::test]
async fn a_wrong_token_is_refused_where_none_is_needed() {
    let files = Files::with(&["token board read - -"]);
    let settings = AdminSettings { socket: Some(files.socket()), access: files.access(), ..AdminSettings::default() };
    let _served = serve_as(&[&world("a")], settings).await;
    let channel = over_socket(&files.path("sock")).await;
    status_of(&channel, "").await.unwrap();
    assert!(refused(&status_by(&channel, "nobody").await));
    let stop = with_token(StopRequest::default(), "board");
    let denied = ReactorServiceClient::new(channel).stop(stop).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied, "a token gives its own role, not the socket's");
}

#[tokio::test]
async fn a_token_that_is_removed_while_in_use_ends_with_its_streams() {
    let files = Files::with(&["token gone read - -", "token less read - -", "token kept read - -"]);
    let served = serve_as(&[&world("a")], files.demanding()).await;
    let channel = connect(served.addr.unwrap()).await;
    let watch = async |name| {
        let request = with_token(HealthCheckRequest { service: String::new() }, name);
        let mut watch = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
        watch.message().await.unwrap().unwrap();
        watch
    };
    let (mut gone, mut less, mut kept) = (watch("gone").await, watch("less").await, watch("kept").await);
    files.write(&["token less read b -", "token kept read - -", "token new read - -"]);
    for watch in [&mut gone, &mut less] {
        let ended = timeout(PATIENCE, watch.message()).await.unwrap();
        assert!(refused(&ended), "{ended:?}");
    }
    assert!(refused(&status_by(&channel, "gone").await));
    assert_eq!(status_by(&channel, "less").await.unwrap(), Vec::<String>::new());
    status_by(&channel, "new").await.unwrap();
    assert!(timeout(Duration::from_millis(200), kept.message()).await.is_err(), "who may stay is not disturbed");
}

#[tokio::test]
async fn a_token_that_ends_while_in_use_ends_with_its_streams() {
    let end = Clock.now().wall.as_millis() / 1000 + 8;
    let files = Files::with(&[&format!("token brief read - {end}")]);
    let served = serve_as(&[&world("a")], files.demanding()).await;
    let channel = connect(served.addr.unwrap()).await;
    let request = with_token(HealthCheckRequest { service: String::new() }, "brief");
    let mut watch = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    assert!(refused(&timeout(PATIENCE, watch.message()).await.unwrap()));
    assert!(refused(&status_by(&channel, "brief").await));
}

#[tokio::test]
async fn a_broken_access_file_leaves_the_old_one_in_effect() {
    let files = Files::with(&["token one read - -"]);
    let mut credentials = CredentialFiles::load(files.access(), None, None, CancellationToken::new()).unwrap();
    let in_effect = credentials.in_effect();
    let known = |name: &str| in_effect.grants().find(&Credential::of_token(secret(name).as_bytes())).is_some();
    assert_eq!(credentials.reload().access, Reload::Unchanged);
    files.write(&["token one read - -", "token three read - -"]);
    assert_eq!(credentials.reload().access, Reload::Applied);
    assert!(known("one") && known("three") && !known("four"));
    files.write(&["nonsense"]);
    assert_eq!(credentials.reload().access, Reload::Refused);
    assert!(known("one") && known("three"));
    assert_eq!(credentials.reload().access, Reload::Unchanged, "the log says it once");
    let broken = Admin::bind(files.demanding()).await.err().unwrap();
    assert!(matches!(broken, BindError::Access(_)), "{broken}");
}

#[tokio::test]
async fn a_changed_access_file_takes_effect_while_the_api_serves() {
    let files = Files::with(&["token one read - -"]);
    let served = serve_as(&[&world("a")], files.demanding()).await;
    let channel = connect(served.addr.unwrap()).await;
    assert!(refused(&status_by(&channel, "three").await));
    files.write(&["token one read - -", "token three read - -"]);
    soon(|| async { status_by(&channel, "three").await.is_ok() }).await;
}

#[tokio::test]
async fn each_caller_has_a_rate_and_is_told_when_to_come_again() {
    let files = Files::with(&["token a read - -", "token b read - -"]);
    let rate = RateLimit { per_second: 1, burst: 3 };
    let limits = ApiLimits { rate, ..ApiLimits::default() };
    let served = serve_as(&[&world("a")], AdminSettings { limits, ..files.demanding() }).await;
    let channel = connect(served.addr.unwrap()).await;
    let mut limited = None;
    // More than flows back even on a slow machine.
    for _ in 0..200 {
        limited = limited.or(status_by(&channel, "a").await.err());
    }
    let limited = limited.unwrap();
    assert_eq!((limited.code(), reason(&limited)), (Code::ResourceExhausted, "RATE_LIMITED".into()));
    let wait = limited.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!(!wait.is_zero() && wait <= Duration::from_secs(1), "{wait:?}");
    status_by(&channel, "b").await.unwrap();
}

#[tokio::test]
async fn requests_at_once_are_bounded() {
    let limits = ApiLimits { requests: 0, ..ApiLimits::default() };
    let served = serve_as(&[&world("a")], AdminSettings { limits, ..AdminSettings::open_loopback(0) }).await;
    let status = status_of(&connect(served.addr.unwrap()).await, "").await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "TOO_MANY_REQUESTS".into()));
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test]
async fn who_shows_many_wrong_tokens_is_not_listened_to_for_a_while() {
    let files = Files::with(&["token ops read - -"]);
    let limits = ApiLimits { failures_per_minute: 3, ..ApiLimits::default() };
    let served = serve_as(&[&world("a")], AdminSettings { limits, ..files.demanding() }).await;
    let channel = connect(served.addr.unwrap()).await;
    for _ in 0..20 {
        assert!(refused(&status_of(&channel, "").await), "who shows nothing guesses nothing");
    }
    status_by(&channel, "ops").await.unwrap();
    for _ in 0..3 {
        assert!(refused(&status_by(&channel, "guess").await));
    }
    assert!(refused(&status_by(&channel, "ops").await));
}

#[tokio::test]
async fn what_is_no_http2_or_far_too_long_ends_its_connection_and_no_other() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let files = Files::with(&["token ops read - -"]);
    let served = serve_as(&[&world("a")], files.demanding()).await;
    let channel = connect(served.addr.unwrap()).await;
    for bytes in
        [&[0_u8; 4096] as &[u8], b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x01"]
    {
        let mut raw = tokio::net::TcpStream::connect(served.addr.unwrap()).await.unwrap();
        raw.write_all(bytes).await.unwrap();
        raw.shutdown().await.unwrap();
        let mut reported = Vec::new();
        // Reset or closed; what matters is that it ends.
        let _ = timeout(PATIENCE, raw.read_to_end(&mut reported)).await.unwrap();
    }
    let long = status_of(&connect(served.addr.unwrap()).await, &"x".repeat(40_000)).await.unwrap_err();
    assert_ne!(long.code(), Code::Ok);
    status_by(&channel, "ops").await.unwrap();
}

#[tokio::test]
async fn the_socket_is_guarded_by_its_mode_and_goes_with_the_process() {
    let files = Files::with(&["token board read - -"]);
    let group = fs::metadata(files.0.path()).unwrap().gid().to_string();
    let socket = SocketSettings { mode: 0o640, group, ..files.socket() };
    let path = socket.path.clone();
    let settings = AdminSettings { socket: Some(socket), ..files.demanding() };
    let served = serve_as(&[&world("a")], settings).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let channel = over_socket(&path).await;
    // Everything, without showing anything, although TCP demands it.
    ReactorServiceClient::new(channel.clone()).stop(StopRequest::default()).await.unwrap();
    assert!(refused(&status_of(&connect(served.addr.unwrap()).await, "").await));
    assert!(refused(&status_by(&channel, "nobody").await));
    served.stop.send(()).unwrap();
    timeout(PATIENCE, served.task).await.unwrap().unwrap().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_alone_is_enough_and_knows_who_is_there() {
    let files = Files::with(&[]);
    let settings = AdminSettings { socket: Some(files.socket()), ..AdminSettings::default() };
    let served = serve_as(&[&world("a")], settings).await;
    assert_eq!(served.addr, None);
    assert_eq!(status_of(&over_socket(&files.path("sock")).await, "").await.unwrap(), ["a"]);
    let (ours, _other) = tokio::net::UnixStream::pair().unwrap();
    let remote = crate::admin::auth::peer_credentials::RemoteClient::unix(ours.peer_cred().unwrap());
    let uid = fs::metadata(files.0.path()).unwrap().uid();
    assert_eq!(&*remote.name, format!("unix uid {uid} pid {}", std::process::id()));
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_nothing_else_is() {
    let files = Files::with(&[]);
    let settings = || AdminSettings { socket: Some(files.socket()), ..AdminSettings::default() };
    // A listener that was closed without a word leaves its file behind.
    drop(std::os::unix::net::UnixListener::bind(files.path("sock")).unwrap());
    assert!(files.path("sock").exists());
    let first = Admin::bind(settings()).await.unwrap();
    let second = Admin::bind(settings()).await.err().unwrap();
    assert!(matches!(&second, BindError::Socket(SocketError::Live(_))), "{second}");
    assert!(second.to_string().contains("another pexd"), "{second}");
    drop(first);
    assert!(!files.path("sock").exists());
    fs::write(files.path("sock"), "mine").unwrap();
    let third = Admin::bind(settings()).await.err().unwrap();
    assert!(matches!(&third, BindError::Socket(SocketError::NotASocket(_))), "{third}");
    assert_eq!(fs::read_to_string(files.path("sock")).unwrap(), "mine");
}

#[tokio::test]
async fn a_socket_that_cannot_be_as_wanted_is_not_there_at_all() {
    let files = Files::with(&[]);
    let no_user = SocketSettings { owner: "no such user".into(), ..files.socket() };
    let missing = SocketSettings { path: files.path("none/sock"), ..files.socket() };
    let long = SocketSettings { path: files.path(&"x".repeat(200)), ..files.socket() };
    for (socket, part) in [(no_user, "admin.socket_owner"), (missing, "none/sock"), (long, "xxx")] {
        let refused =
            Admin::bind(AdminSettings { socket: Some(socket), ..AdminSettings::default() }).await.err().unwrap();
        assert!(refused.to_string().contains(part), "{refused}");
        assert_eq!(fs::read_dir(files.0.path()).unwrap().count(), 1);
    }
}
