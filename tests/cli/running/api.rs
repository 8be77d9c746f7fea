//! A client of any gRPC service that describes itself: messages are JSON, types come by reflection.

use std::path::Path;
use std::time::Duration;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use prost_types::FileDescriptorProto;
use serde_json::Value;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

/// How long a call may take: a check of seeds is the longest.
const PATIENCE: Duration = Duration::from_secs(60);

/// A served API.
#[derive(Debug)]
pub(super) struct Api {
    channel: Channel,
    services: Vec<String>,
    pool: DescriptorPool,
}

impl Api {
    /// Asks a server what it is.
    pub(super) async fn of(socket: &Path) -> Self {
        let channel = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap().connect().await.unwrap();
        let mut reflection = ServerReflectionClient::new(channel.clone());
        let MessageResponse::ListServicesResponse(list) =
            reflect(&mut reflection, MessageRequest::ListServices(String::new())).await
        else {
            panic!("not a list of services");
        };
        let services: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
        let mut files: Vec<FileDescriptorProto> = Vec::new();
        for service in &services {
            load(&mut reflection, MessageRequest::FileContainingSymbol(service.clone()), &mut files).await;
        }
        let mut pool = DescriptorPool::new();
        pool.add_file_descriptor_protos(files).expect("what reflection tells is whole");
        Api { channel, services, pool }
    }

    pub(super) fn services(&self) -> &[String] {
        &self.services
    }

    /// All methods, as `package.Service/Method`.
    pub(super) fn methods(&self) -> Vec<String> {
        let services = self.services.iter().map(|name| self.pool.get_service_by_name(name).unwrap());
        services
            .flat_map(|service| {
                let name = service.full_name().to_owned();
                service.methods().map(|method| format!("{name}/{}", method.name())).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The names of a message's fields.
    pub(super) fn describe(&self, message: &str) -> String {
        let message = self.pool.get_message_by_name(message).unwrap();
        message.fields().map(|field| format!("{}\n", field.name())).collect()
    }

    pub(super) fn method(&self, name: &str) -> MethodDescriptor {
        let (service, name) = name.split_once('/').unwrap();
        let service = self.pool.get_service_by_name(service).unwrap_or_else(|| panic!("no service {service}"));
        service.methods().find(|method| method.name() == name).unwrap_or_else(|| panic!("no method {name}"))
    }

    /// Calls a method with these requests, of which there is one unless it takes a stream. An answer without an end is read
    /// for `time`.
    pub(super) async fn call(
        &self,
        method: &str,
        requests: Vec<Value>,
        time: Option<Duration>,
    ) -> Result<Vec<Value>, Status> {
        let method = self.method(method);
        let mut requests: Vec<_> = requests.into_iter().map(|request| message(method.input(), request)).collect();
        if requests.is_empty() && !method.is_client_streaming() {
            requests.push(DynamicMessage::new(method.input()));
        }
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse().unwrap();
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let request = Request::new(tokio_stream::iter(requests));
        // On the wire one message is a stream of one.
        let answers = timeout(PATIENCE, client.streaming(request, path, Dynamic(method.output())));
        let mut answers = answers.await.expect("the answer begins")?.into_inner();
        let mut got = Vec::new();
        loop {
            match timeout(time.unwrap_or(PATIENCE), answers.message()).await {
                Ok(Ok(Some(answer))) => got.push(json(&answer)),
                Ok(Ok(None)) => return Ok(got),
                Ok(Err(status)) => return Err(status),
                Err(_) if time.is_some() => return Ok(got),
                Err(_) => panic!("{} does not end", method.full_name()),
            }
        }
    }
}

async fn reflect(client: &mut ServerReflectionClient<Channel>, what: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(what) };
    let answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap();
    answers.into_inner().message().await.unwrap().unwrap().message_response.unwrap()
}

/// A file and those that it imports, each before those that need it.
async fn load(
    client: &mut ServerReflectionClient<Channel>,
    what: MessageRequest,
    files: &mut Vec<FileDescriptorProto>,
) {
    let MessageResponse::FileDescriptorResponse(found) = reflect(client, what).await else { panic!("not a file") };
    for bytes in found.file_descriptor_proto {
        let file = FileDescriptorProto::decode(&bytes[..]).unwrap();
        if files.iter().any(|known| known.name == file.name) {
            continue;
        }
        for import in &file.dependency {
            if !files.iter().any(|known| known.name() == import) {
                Box::pin(load(client, MessageRequest::FileByFilename(import.clone()), files)).await;
            }
        }
        files.push(file);
    }
}

fn message(kind: MessageDescriptor, value: Value) -> DynamicMessage {
    DynamicMessage::deserialize(kind, value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// As grpcurl prints it: without what has its default value.
fn json(message: &DynamicMessage) -> Value {
    let options = SerializeOptions::new().skip_default_fields(true).stringify_64_bit_integers(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

/// Messages of a type that is known at run time only.
struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = Dynamic;

    fn encoder(&mut self) -> DynamicEncoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> Dynamic {
        Dynamic(self.0.clone())
    }
}

struct DynamicEncoder;

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.0.clone(), buffer);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
