use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorProto};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::admin::{ApiLimits, BindError, Role};
use crate::proto::pexd::v1::GetStatusRequest;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;

const OURS: [&str; 6] = [
    "pexd.v1.AddressBookService",
    "pexd.v1.BanService",
    "pexd.v1.NetworkService",
    "pexd.v1.PeerService",
    "pexd.v1.ReactorService",
    "pexd.v1.SeedService",
];
const OTHERS: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

#[tokio::test]
async fn only_loopback_addresses_are_listened_on_when_nobody_could_show_who_he_is() {
    for laddr in ["0.0.0.0:26670", "192.168.1.1:26670", "[::]:26670", "[2a00::1]:26670", "8.8.8.8:0"] {
        let refused = refused_bind(laddr.parse().unwrap()).await;
        assert!(matches!(refused, BindError::Open(_)), "{laddr}");
        let text = refused.to_string();
        assert!(text.contains(laddr) && text.contains("127.0.0.1") && text.contains("ssh -L"), "{text}");
    }
    for laddr in ["127.0.0.1:0", "127.9.9.9:0"] {
        Admin::bind(read_by_anybody(laddr.parse().unwrap())).await.unwrap();
    }
}

fn read_by_anybody(laddr: SocketAddr) -> AdminSettings {
    AdminSettings { laddr: Some(laddr), anonymous: Some(Role::Read), ..AdminSettings::default() }
}

async fn refused_bind(laddr: SocketAddr) -> BindError {
    Admin::bind(read_by_anybody(laddr)).await.err().unwrap()
}

#[tokio::test]
async fn a_taken_port_is_told_before_anything_is_served() {
    let first = Admin::bind(AdminSettings::open_loopback(0)).await.unwrap();
    let taken = first.local_addr().unwrap();
    let second = refused_bind(taken).await;
    assert!(matches!(&second, BindError::Taken { laddr, .. } if *laddr == taken), "{second}");
}

#[tokio::test]
async fn health_is_told_of_the_whole_and_of_each_service_until_the_end() {
    let served = serve(&[&world("a")]).await;
    let mut client = HealthClient::new(served.channel);
    for service in OURS.into_iter().chain([""]) {
        let answer = client.check(HealthCheckRequest { service: service.into() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = client.check(HealthCheckRequest { service: "pexd.v1.Nothing".into() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);

    let mut watch = client.watch(HealthCheckRequest { service: OURS[0].into() }).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    served.stop.send(()).unwrap();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(watch.message().await.unwrap().is_none());
    let drain = served.task.await.unwrap().unwrap();
    assert_eq!(drain, Drain::Complete, "a watch does not hold the shutdown up");
    assert!(TcpStream::connect(served.addr).await.is_err());
}

#[tokio::test]
async fn a_client_that_holds_a_stream_open_is_cut_off_in_the_end() {
    let served = serve(&[&world("a")]).await;
    let mut client = tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(served.channel);
    let mut answers = client.server_reflection_info(tokio_stream::pending()).await.unwrap().into_inner();
    served.stop.send(()).unwrap();
    assert_eq!(served.task.await.unwrap().unwrap(), Drain::CutOff);
    assert!(answers.message().await.is_err());
}

#[tokio::test]
async fn a_request_above_the_limit_is_refused_and_the_connection_lives_on() {
    let served = serve(&[&world("a")]).await;
    let mut client = ReactorServiceClient::new(served.channel);
    let refused = client.get_status(GetStatusRequest { network: "x".repeat(70_000) }).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::OutOfRange, "REQUEST_TOO_LARGE"));
    client.get_status(GetStatusRequest::default()).await.unwrap();
}

/// CallCounts any path with a message in which field 1 is this text.
async fn call(channel: &Channel, path: &'static str, text: &[u8]) -> Status {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Bytes {
        #[prost(bytes = "vec", tag = "1")]
        text: Vec<u8>,
    }
    let codec = tonic_prost::ProstCodec::<Bytes, Bytes>::default();
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let request = tonic::Request::new(Bytes { text: text.to_vec() });
    client.unary(request, path.parse().unwrap(), codec).await.unwrap_err()
}

#[tokio::test]
async fn what_reaches_no_service_is_told_why_as_the_services_do() {
    let served = serve(&[&world("a")]).await;
    for path in ["/pexd.v1.BanService/Nope", "/pexd.v1.Nope/Ban", "/nope"] {
        let refused = call(&served.channel, path, b"a").await;
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unimplemented, "METHOD_NOT_FOUND"), "{path}");
        assert!(refused.message().contains(path), "{refused}");
    }
    let refused = call(&served.channel, "/pexd.v1.ReactorService/GetStatus", b"\xff\xfe").await;
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "MALFORMED_REQUEST"), "{refused}");
}

#[tokio::test]
async fn connections_above_the_limits_are_closed_until_one_ends() {
    let limits = ApiLimits::default();
    for (connections, per_source) in [(limits.connections, limits.connections), (64, limits.connections_per_source)] {
        let most = connections.min(per_source);
        let limits = ApiLimits { connections, connections_per_source: per_source, ..limits };
        let served = serve_as(&[&world("a")], AdminSettings { limits, ..AdminSettings::open_loopback(0) }).await;
        let addr = served.addr.unwrap();
        let channel = connect(addr).await;
        let mut held = Vec::new();
        // One is the channel's.
        for _ in 1..most {
            held.push(TcpStream::connect(addr).await.unwrap());
        }
        // They are accepted in turn, so once the next one is closed they all have their place.
        let mut surplus = TcpStream::connect(addr).await.unwrap();
        assert!(matches!(surplus.read(&mut [0; 64]).await, Ok(0) | Err(_)), "{most}");
        held.clear();
        let tried = async {
            while Channel::from_shared(format!("http://{addr}")).unwrap().connect().await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), tried).await.unwrap();
        ReactorServiceClient::new(channel).get_status(GetStatusRequest::default()).await.unwrap();
    }
}

/// What reflection can be asked, in both of its versions.
macro_rules! reflection {
    ($version:ident) => {
        mod $version {
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

            use super::*;

            async fn ask(channel: &Channel, question: MessageRequest) -> Result<MessageResponse, Status> {
                let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
                let mut client = ServerReflectionClient::new(channel.clone());
                let answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
                Ok(answers.into_inner().message().await?.unwrap().message_response.unwrap())
            }

            async fn files(channel: &Channel, question: MessageRequest) -> Vec<FileDescriptorProto> {
                match ask(channel, question.clone()).await.unwrap() {
                    MessageResponse::FileDescriptorResponse(answer) => {
                        let files = answer.file_descriptor_proto.iter();
                        files.map(|file| FileDescriptorProto::decode(file.as_slice()).unwrap()).collect()
                    }
                    other => panic!("{question:?}: {other:?}"),
                }
            }

            #[tokio::test]
            async fn lists_the_services_and_resolves_all_their_types() {
                let served = serve(&[]).await;
                let channel = &served.channel;
                let MessageResponse::ListServicesResponse(list) =
                    ask(channel, MessageRequest::ListServices(String::new())).await.unwrap()
                else {
                    panic!("no list")
                };
                let names: BTreeSet<_> = list.service.into_iter().map(|service| service.name).collect();
                assert_eq!(names, OURS.into_iter().chain(OTHERS).map(str::to_owned).collect());

                let mut known = BTreeMap::new();
                let mut open = Vec::new();
                for name in names {
                    open.extend(files(channel, MessageRequest::FileContainingSymbol(name)).await);
                }
                for detail in ["google.rpc.BadRequest", "google.rpc.ErrorInfo"] {
                    open.extend(files(channel, MessageRequest::FileContainingSymbol(detail.into())).await);
                }
                while let Some(file) = open.pop() {
                    for import in &file.dependency {
                        if !known.contains_key(import) {
                            open.extend(files(channel, MessageRequest::FileByFilename(import.clone())).await);
                        }
                    }
                    known.insert(file.name().to_owned(), file);
                }
                assert_all_types_resolve(known.values());
                let wire = MessageRequest::FileContainingSymbol("tendermint.p2p.Message".into());
                assert_eq!(ask(channel, wire).await.unwrap_err().code(), Code::NotFound);
            }
        }
    };
}

reflection!(v1);
reflection!(v1alpha);

fn assert_all_types_resolve<'a>(files: impl Iterator<Item = &'a FileDescriptorProto> + Clone) {
    let mut types = BTreeSet::new();
    for file in files.clone() {
        let package = format!(".{}", file.package());
        types.extend(file.enum_type.iter().map(|one| format!("{package}.{}", one.name())));
        for message in &file.message_type {
            collect_types(&package, message, &mut types);
        }
    }
    for file in files {
        for method in file.service.iter().flat_map(|service| &service.method) {
            assert!(types.contains(method.input_type()) && types.contains(method.output_type()), "{method:?}");
        }
        for message in &file.message_type {
            assert_fields_resolve(message, &types);
        }
    }
}

fn collect_types(scope: &str, message: &DescriptorProto, types: &mut BTreeSet<String>) {
    let name = format!("{scope}.{}", message.name());
    types.extend(message.enum_type.iter().map(|one| format!("{name}.{}", one.name())));
    for nested in &message.nested_type {
        collect_types(&name, nested, types);
    }
    types.insert(name);
}

fn assert_fields_resolve(message: &DescriptorProto, types: &BTreeSet<String>) {
    for field in &message.field {
        if matches!(field.r#type(), Type::Message | Type::Enum) {
            assert!(types.contains(field.type_name()), "{field:?}");
        }
    }
    message.nested_type.iter().for_each(|nested| assert_fields_resolve(nested, types));
}

#[test]
fn every_element_of_the_api_has_a_comment() {
    let set = prost_types::FileDescriptorSet::decode(crate::proto::pexd::DESCRIPTORS).unwrap();
    for file in set.file.iter().filter(|file| file.package() == "pexd.v1") {
        let commented: BTreeSet<_> = (file.source_code_info.as_ref().unwrap().location.iter())
            .filter(|location| location.leading_comments.is_some())
            .map(|location| location.path.clone())
            .collect();
        for path in element_paths(file) {
            assert!(commented.contains(&path), "{} has no comment at {path:?}", file.name());
        }
    }
}

/// Paths, as `SourceCodeInfo` has them, of a file's messages, fields, enums, values, services and methods.
fn element_paths(file: &FileDescriptorProto) -> Vec<Vec<i32>> {
    let mut paths = Vec::new();
    let mut add = |kind: i32, index: usize, part: i32, parts: usize| {
        let index = i32::try_from(index).unwrap();
        paths.push(vec![kind, index]);
        paths.extend((0..i32::try_from(parts).unwrap()).map(|n| vec![kind, index, part, n]));
    };
    file.message_type.iter().enumerate().for_each(|(n, message)| add(4, n, 2, message.field.len()));
    file.enum_type.iter().enumerate().for_each(|(n, one)| add(5, n, 2, one.value.len()));
    file.service.iter().enumerate().for_each(|(n, service)| add(6, n, 2, service.method.len()));
    paths
}
