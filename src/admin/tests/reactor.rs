use prost_types::Timestamp;
use tonic::Code;

use super::*;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{
    AttentionReason, GetStatusRequest, LifecycleResult, ReactorMode, ReactorState, ReactorStatus, StartRequest,
    StopRequest,
};

type Client = ReactorServiceClient<Channel>;

async fn status(client: &mut Client, network: &str) -> Result<Vec<ReactorStatus>, Status> {
    let answer = client.get_status(GetStatusRequest { network: network.into() }).await?;
    Ok(answer.into_inner().statuses)
}

async fn start(client: &mut Client, network: &str) -> Result<(bool, ReactorState), Status> {
    let answer = client.start(StartRequest { network: network.into() }).await?.into_inner();
    Ok(only(answer.results))
}

fn only(results: Vec<LifecycleResult>) -> (bool, ReactorState) {
    let [result] = results.as_slice() else { panic!("{results:?}") };
    (result.changed, result.status.as_ref().unwrap().state())
}

async fn stop(client: &mut Client, network: &str) -> Result<(bool, ReactorState), Status> {
    let answer = client.stop(StopRequest { network: network.into() }).await?.into_inner();
    Ok(only(answer.results))
}

#[tokio::test]
async fn the_status_shows_the_network_at_a_glance() {
    let a = world("a");
    a.lock().status.unsaved = Some("disk full".into());
    let served = serve(&[&a]).await;
    let all = status(&mut Client::new(served.channel), "").await.unwrap();
    let [status] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(
        (status.network.as_str(), status.state(), status.mode()),
        ("a", ReactorState::Running, ReactorMode::Seed)
    );
    assert_eq!(status.node_id, id(1).to_string());
    assert_eq!(status.state_time, Some(Timestamp { seconds: 5, nanos: 0 }));
    assert_eq!((status.inbound_peer_count, status.outbound_peer_count, status.dial_count), (1, 2, 3));
    assert_eq!((status.max_inbound_peer_count, status.max_outbound_peer_count, status.ban_count), (40, 10, 6));
    assert_eq!(status.address_book.as_ref().unwrap().servable_count, 5);
    assert_eq!(status.unsaved_reason, "disk full");
    let refusals: Vec<_> = status.refusals.iter().map(|r| (r.reason.as_str(), r.count)).collect();
    assert_eq!(refusals, [("full", 9), ("banned", 1)]);
}

#[tokio::test]
async fn stop_and_start_are_idempotent_and_the_api_stays_up() {
    let a = world("a");
    let served = serve(&[&a]).await;
    let mut client = Client::new(served.channel);
    assert_eq!(start(&mut client, "a").await.unwrap(), (false, ReactorState::Running));
    assert_eq!(stop(&mut client, "a").await.unwrap(), (true, ReactorState::Stopped));
    assert_eq!(stop(&mut client, "").await.unwrap(), (false, ReactorState::Stopped));
    assert_eq!(status(&mut client, "a").await.unwrap()[0].state(), ReactorState::Stopped);
    assert_eq!(start(&mut client, "").await.unwrap(), (true, ReactorState::Running));
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_can_be_repeated() {
    let a = world("a");
    a.lock().start_fault = Some("127.0.0.1:26656 is taken".into());
    let served = serve(&[&a]).await;
    let mut client = Client::new(served.channel);
    let refused = start(&mut client, "a").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("127.0.0.1:26656 is taken"), "{refused}");
    assert_eq!(reason(&refused), "START_FAILED");
    let failed = status(&mut client, "a").await.unwrap();
    assert_eq!(
        (failed[0].state(), failed[0].state_reason.as_str()),
        (ReactorState::Failed, "127.0.0.1:26656 is taken")
    );
    a.lock().start_fault = None;
    assert_eq!(start(&mut client, "a").await.unwrap(), (true, ReactorState::Running));
}

#[tokio::test]
async fn the_worst_network_comes_first() {
    let names = ["ok2", "ok1", "stopped", "outage", "starting", "failed", "unsaved", "useless"];
    let worlds = names.map(world);
    worlds[2].lock().status.node.state = RunState::Stopped;
    worlds[3].lock().status.node.outage = true;
    worlds[4].lock().status.node.state = RunState::Starting;
    worlds[5].lock().status.node.state = RunState::Failed("x".into());
    worlds[6].lock().status.unsaved = Some("disk full".into());
    worlds[7].lock().status.node.book.servable = 0;
    let served = serve(&worlds.each_ref()).await;
    let all = status(&mut Client::new(served.channel), "-").await.unwrap();
    let order: Vec<_> = all.iter().map(|status| status.network.as_str()).collect();
    assert_eq!(order, ["failed", "outage", "unsaved", "useless", "starting", "stopped", "ok1", "ok2"]);
    let sick = all.iter().map(|status| status.attention.len()).collect::<Vec<_>>();
    assert_eq!(sick, [1, 1, 1, 1, 0, 0, 0, 0]);
    assert_eq!(all[3].attention[0].reason(), AttentionReason::NothingServable);
}

#[tokio::test]
async fn one_network_that_is_gone_does_not_hide_the_others() {
    let (a, b) = (world("a"), world("b"));
    a.lock().gone = true;
    let served = serve(&[&a, &b]).await;
    let mut client = Client::new(served.channel);
    let answer = client.get_status(GetStatusRequest { network: "-".into() }).await.unwrap().into_inner();
    assert_eq!(answer.statuses.len(), 1);
    assert_eq!(answer.statuses[0].network, "b");
    assert_eq!(answer.failures[0].network, "a");
    let refused = status(&mut client, "a").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "NETWORK_GONE"));
    assert_eq!(refused.message(), answer.failures[0].reason);
    assert_eq!(i32::from(refused.code()), answer.failures[0].code);
}

#[tokio::test]
async fn a_network_that_cannot_be_meant_is_an_error_that_names_those_that_can() {
    let served = serve(&[&world("a"), &world("b")]).await;
    let mut client = Client::new(served.channel.clone());
    let unknown = status(&mut client, "c").await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "NETWORK_NOT_FOUND"));
    assert!(unknown.message().contains("a, b"), "{unknown}");
    let several = status(&mut client, "").await.unwrap_err();
    assert_eq!(reason(&several), "NETWORK_AMBIGUOUS");
    assert_eq!(violated_field(&several), "network");
    let empty = serve(&[]).await;
    let mut client = Client::new(empty.channel);
    assert_eq!(status(&mut client, "").await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(status(&mut client, "-").await.unwrap(), []);
}

#[tokio::test]
async fn all_networks_stop_and_start_in_one_call_and_one_that_cannot_is_told_of() {
    let (a, b) = (world("a"), world("b"));
    let served = serve(&[&a, &b]).await;
    let mut client = Client::new(served.channel);
    let stopped = client.stop(StopRequest { network: "-".into() }).await.unwrap().into_inner();
    assert_eq!(stopped.results.iter().map(|result| result.changed).collect::<Vec<_>>(), [true, true]);
    b.lock().start_fault = Some("port taken".into());
    let started = client.start(StartRequest { network: "-".into() }).await.unwrap().into_inner();
    assert_eq!(only(started.results), (true, ReactorState::Running));
    assert_eq!(started.failures.len(), 1);
    assert!(started.failures[0].network == "b" && started.failures[0].reason.contains("port taken"));
}
