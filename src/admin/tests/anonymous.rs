//! Callers on loopback TCP who show no credential: what they may do, and until when.

use prost::Message as _;
use tokio::time::timeout;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::access::{Files, PATIENCE, over_socket, refused, soon, status_by, status_of};
use super::*;
use crate::admin::{BindError, Role, needed_role};
use crate::proto::pexd::DESCRIPTORS;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{GetStatusRequest, StopRequest};

/// As `pexd.toml` has it when nobody writes anything into it.
fn by_default(files: &Files) -> AdminSettings {
    AdminSettings {
        anonymous: Some(Role::Read),
        socket: Some(files.socket()),
        access: files.access(),
        ..AdminSettings::open_loopback(0)
    }
}

/// The paths of all methods of ours.
fn methods() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let files = set.file.iter().filter(|file| file.package() == "pexd.v1");
    let services = files.flat_map(|file| &file.service);
    services
        .flat_map(|service| {
            service.method.iter().map(|method| format!("/pexd.v1.{}/{}", service.name(), method.name()))
        })
        .collect()
}

async fn call(channel: &Channel, path: &str) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<GetStatusRequest, GetStatusRequest>::default();
    grpc.unary(Request::new(GetStatusRequest::default()), path.parse().unwrap(), codec).await.map(drop)
}

#[tokio::test]
async fn who_shows_nothing_on_tcp_may_read_and_change_nothing() {
    let files = Files::with(&[]);
    let served = serve_as(&[&world("a")], by_default(&files)).await;
    let channel = connect(served.addr.unwrap()).await;
    assert_eq!(status_of(&channel, "").await.unwrap(), ["a"]);
    HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    let socket = files.path("sock").display().to_string();
    let paths = methods();
    let mut changing = Vec::new();
    for path in paths.iter().filter(|path| needed_role(path) == Role::Control) {
        let status = call(&channel, path).await.unwrap_err();
        let told = status.message();
        assert_eq!((status.code(), reason(&status)), (Code::PermissionDenied, "ROLE_NEEDED".into()), "{path}");
        assert!(told.contains(&socket) && told.contains("`pexd token add NAME --role control`"), "{path}: {told}");
        changing.push(path.rsplit('/').next().unwrap());
    }
    for method in ["RemoveNetwork", "Ban", "Stop", "Start", "SetConfig", "SetLogLevel", "ImportAddresses"] {
        assert!(changing.contains(&method), "{method}: {changing:?}");
    }
    // The same over the socket, whose mode decides.
    let channel = over_socket(&files.path("sock")).await;
    ReactorServiceClient::new(channel).stop(StopRequest::default()).await.unwrap();
}

#[tokio::test]
async fn reading_without_a_credential_can_be_turned_off() {
    let none = Files::with(&[]);
    let turned_off = |files: &Files| AdminSettings { anonymous: None, ..by_default(files) };
    let refused_start = Admin::bind(turned_off(&none)).await.err().unwrap();
    assert!(matches!(refused_start, BindError::Open(_)), "nobody could ever come in: {refused_start}");
    let files = Files::with(&["token board read - -"]);
    let served = serve_as(&[&world("a")], turned_off(&files)).await;
    let channel = connect(served.addr.unwrap()).await;
    assert!(refused(&status_of(&channel, "").await));
    let health = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
    assert!(refused(&health), "{health:?}");
    let told = status_of(&channel, "").await.unwrap_err();
    assert!(!told.message().contains("sock"), "a proxy may pass it on to strangers: {told}");
    status_by(&channel, "board").await.unwrap();
}

#[tokio::test]
async fn where_there_are_credentials_tcp_needs_one() {
    for lines in [["token board read - -"], ["certificate board read - -"], ["token ended read - 1"]] {
        let files = Files::with(&lines);
        let served = serve_as(&[&world("a")], by_default(&files)).await;
        let channel = connect(served.addr.unwrap()).await;
        let told = status_of(&channel, "").await;
        assert!(refused(&told), "{lines:?}: {told:?}");
        let told = told.unwrap_err();
        assert!(told.message().contains(&files.path("sock").display().to_string()), "{told}");
        assert!(told.message().contains("pexd token add"), "{told}");
        let stop = ReactorServiceClient::new(channel).stop(StopRequest::default()).await;
        assert!(refused(&stop), "{lines:?}: {stop:?}");
        assert_eq!(status_of(&over_socket(&files.path("sock")).await, "").await.unwrap(), ["a"]);
    }
}

#[tokio::test]
async fn the_first_token_ends_reading_without_one_and_its_streams() {
    let files = Files::with(&[]);
    let served = serve_as(&[&world("a")], by_default(&files)).await;
    let channel = connect(served.addr.unwrap()).await;
    let mut watch = HealthClient::new(channel.clone()).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    files.write(&["token board read - -"]);
    let ended = timeout(PATIENCE, watch.message()).await.unwrap();
    assert!(refused(&ended), "{ended:?}");
    assert!(refused(&status_of(&channel, "").await));
    status_by(&channel, "board").await.unwrap();
    // A file that is emptied or lost opens nothing.
    files.write(&[]);
    soon(|| async { refused(&status_by(&channel, "board").await) }).await;
    assert!(refused(&status_of(&channel, "").await));
}

#[tokio::test]
async fn who_may_do_what_is_told() {
    let files = Files::with(&[]);
    let told = async |settings| Admin::bind(settings).await.unwrap().who_may();
    let read = told(by_default(&files)).await;
    assert!(read.starts_with(&format!("everything over unix:{}", files.path("sock").display())), "{read}");
    assert!(read.contains("mode 0600") && read.contains("only reading, without a credential"), "{read}");
    let open = told(AdminSettings::open_loopback(0)).await;
    assert!(open.contains("no Unix socket") && open.contains("everything over 127.0.0.1:"), "{open}");
    files.write(&["token board read - -"]);
    let demanding = told(by_default(&files)).await;
    assert!(demanding.contains("what the role of a token or client certificate allows"), "{demanding}");
    let socket = AdminSettings { laddr: None, ..by_default(&files) };
    assert!(told(socket).await.ends_with("nothing on TCP (admin.laddr)"));
}
