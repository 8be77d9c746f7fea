//! Clients that compress: gzip both ways, its bound, and what is said of every other encoding.

use tonic::Request;
use tonic::codec::CompressionEncoding::Gzip;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::proto::pexd::v1::GetStatusRequest;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;

fn compressing(channel: &Channel) -> ReactorServiceClient<Channel> {
    ReactorServiceClient::new(channel.clone()).send_compressed(Gzip).accept_compressed(Gzip)
}

#[tokio::test]
async fn gzip_is_spoken_both_ways() {
    let served = serve(&[&world("a")]).await;
    let answer = compressing(&served.channel).get_status(GetStatusRequest { network: "a".into() }).await.unwrap();
    assert_eq!(answer.metadata().get("grpc-encoding").unwrap(), "gzip");
    assert_eq!(answer.into_inner().statuses[0].network, "a");
    let mut health = HealthClient::new(served.channel.clone()).send_compressed(Gzip).accept_compressed(Gzip);
    health.check(HealthCheckRequest::default()).await.unwrap();
    // Who says nothing of gzip is not sent any.
    let plain = ReactorServiceClient::new(served.channel).get_status(GetStatusRequest::default()).await.unwrap();
    assert!(plain.metadata().get("grpc-encoding").is_none());
}

#[tokio::test]
async fn the_bound_on_a_request_holds_for_what_is_decompressed() {
    let served = serve(&[&world("a")]).await;
    let mut client = compressing(&served.channel);
    // 32 MiB that take 32 KiB on the wire, where 64 KiB are allowed.
    for length in [70_000, 32 << 20] {
        let refused = client.get_status(GetStatusRequest { network: "x".repeat(length) }).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::OutOfRange, "REQUEST_TOO_LARGE"), "{refused}");
        assert!(refused.message().contains("65536"), "{refused}");
    }
    let fits = client.get_status(GetStatusRequest { network: "x".repeat(60_000) }).await.unwrap_err();
    assert_eq!(fits.code(), Code::NotFound);
    client.get_status(GetStatusRequest::default()).await.unwrap();
}

fn claiming<T>(message: T, encoding: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("grpc-encoding", encoding.parse().unwrap());
    request
}

#[tokio::test]
async fn another_encoding_is_refused_by_its_name_and_with_those_that_there_are() {
    let served = serve(&[&world("a")]).await;
    let mut client = ReactorServiceClient::new(served.channel.clone());
    for encoding in ["snappy", "zstd", "deflate"] {
        let refused = client.get_status(claiming(GetStatusRequest::default(), encoding)).await.unwrap_err();
        let why = (refused.code(), reason(&refused));
        assert_eq!(why, (Code::Unimplemented, "ENCODING_NOT_SUPPORTED".to_owned()), "{refused}");
        assert!(refused.message().contains(encoding) && refused.message().contains("gzip"), "{refused}");
        assert_eq!(refused.metadata().get("grpc-accept-encoding").unwrap(), "gzip,identity");
    }
    let long = "x".repeat(5_000);
    let refused = client.get_status(claiming(GetStatusRequest::default(), &long)).await.unwrap_err();
    assert!(refused.message().len() < 300, "{refused}");
    client.get_status(claiming(GetStatusRequest::default(), "identity")).await.unwrap();
    let mut health = HealthClient::new(served.channel);
    let refused = health.check(claiming(HealthCheckRequest::default(), "snappy")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(refused.message().contains("snappy"), "{refused}");
}
