//! Peers of real networks over loopback: dialled, shown, disconnected and banned by operators.

use super::*;
use crate::network::Config;
use crate::network::tests::{Process, address as address_of, reserve, until};
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::ban_service_client::BanServiceClient;
use crate::proto::pexd::v1::peer_service_client::PeerServiceClient;
use crate::proto::pexd::v1::{DialOutcome, DialPurpose, PeerOrder};
use crate::types::PEX_CHANNEL;

pub(super) type Peers = PeerServiceClient<Channel>;

/// A network that keeps its inbound peers.
pub(super) fn node(process: &Process, chain: &str) -> Config {
    let mut config = process.seed(chain);
    config.params.pex.seed_mode = false;
    config
}

/// AllowedNetworks in a process of their own each, as peers of one chain have books of their own.
struct World {
    _process: Process,
    peers: Process,
    client: Peers,
    /// A network whose handles are gone ends.
    handles: Vec<Handle>,
    own: NetAddress,
    peer: NetAddress,
    served: Served,
}

impl World {
    /// Network `c`, served, and a node of the same chain that it can dial.
    async fn new() -> Self {
        let (process, peers) = (Process::new(), Process::new());
        let (own, other) = (process.seed("c"), node(&peers, "c"));
        let addresses = (address_of(&own), address_of(&other));
        let handles = vec![peers.serve(other, &[]).await];
        let served = serve_networks(Directory::new(vec![process.serve(own, &[]).await], None)).await;
        let client = Peers::new(served.channel.clone());
        World { _process: process, peers, client, handles, own: addresses.0, peer: addresses.1, served }
    }

    async fn dial(&mut self, address: impl ToString) -> Result<pb::DialPeerResponse, Status> {
        let request = pb::DialPeerRequest { network: String::new(), address: address.to_string() };
        Ok(self.client.dial_peer(request).await?.into_inner())
    }

    async fn get(&mut self, id: impl ToString) -> Result<pb::Peer, Status> {
        let request = pb::GetPeerRequest { network: String::new(), id: id.to_string() };
        Ok(self.client.get_peer(request).await?.into_inner().peer.unwrap())
    }

    async fn disconnect(&mut self, ban_duration: Option<prost_types::Duration>) -> Result<pb::ChangeResult, Status> {
        let (id, reason) = (self.peer.id().to_string(), "too loud".to_owned());
        let request = pb::DisconnectPeerRequest { network: String::new(), id, reason, ban_duration };
        Ok(self.client.disconnect_peer(request).await?.into_inner().result.unwrap())
    }

    async fn list(&mut self, request: pb::ListPeersRequest) -> Result<pb::ListPeersResponse, Status> {
        Ok(self.client.list_peers(request).await?.into_inner())
    }
}

#[tokio::test]
async fn a_peer_that_is_dialled_stays_and_is_shown_until_it_is_disconnected() {
    let mut world = World::new().await;
    let id = world.peer.id();
    let dialled = world.dial(world.peer).await.unwrap();
    let attempt = dialled.attempt.unwrap();
    assert_eq!((attempt.outcome(), attempt.purpose()), (DialOutcome::Reached, DialPurpose::Manual));
    assert_eq!((attempt.network.as_str(), attempt.fault.as_str()), ("c", ""));
    assert_eq!((attempt.address, attempt.remote_address), (world.peer.to_string(), world.peer.socket().to_string()));
    assert!(attempt.time.is_some());
    let peer = dialled.peer.unwrap();
    assert_eq!((peer.purpose(), &peer.id), (DialPurpose::Manual, &id.to_string()));
    assert_eq!(peer.dialled_address, world.peer.to_string());
    assert_eq!((peer.channels.as_slice(), peer.disconnect_time), (&[PEX_CHANNEL][..], None));
    assert!(peer.retention_reason.contains("operator"), "{}", peer.retention_reason);

    // Its book is empty: it is asked for addresses, answers, and stays for all that.
    let mut client = world.client.clone();
    until("the answer", || {
        let request = pb::GetPeerRequest { network: String::new(), id: id.to_string() };
        let mut client = client.clone();
        async move {
            let counts = client.get_peer(request).await.unwrap().into_inner().peer.unwrap().message_counts.unwrap();
            (counts.requests_sent, counts.addresses_received) == (1, 1)
        }
    })
    .await;
    let again = world.dial(world.peer).await.unwrap_err();
    assert_eq!((again.code(), reason(&again).as_str()), (Code::FailedPrecondition, "NOT_DIALLED"));
    assert!(again.message().contains("connected already"), "{}", again.message());

    assert!(world.disconnect(None).await.unwrap().changed);
    assert!(!world.disconnect(None).await.unwrap().changed, "repeating it is harmless");
    let gone = world.get(id).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "PEER_NOT_FOUND"));
    let list = client.list_peers(pb::ListPeersRequest::default()).await.unwrap().into_inner();
    assert!(list.peers.iter().all(|peer| peer.id != id.to_string()));
}

#[tokio::test]
async fn a_dial_tells_what_became_of_it() {
    let mut world = World::new().await;
    let other_chain = node(&world.peers, "other");
    let stranger = address_of(&other_chain);
    let served = world.peers.serve(other_chain, &[]).await;
    world.handles.push(served);
    let (dead, nobody) = (reserve(), id(9));
    for (target, outcome, fault) in [
        (format!("{nobody}@{dead}"), DialOutcome::Refused, "refused"),
        (format!("{nobody}@{}", world.peer.socket()), DialOutcome::WrongIdentity, "wrong_id"),
        (format!("{nobody}@{}", world.own.socket()), DialOutcome::WrongIdentity, "wrong_id"),
        (stranger.to_string(), DialOutcome::WrongNetwork, "wrong_network"),
        (format!("{nobody}@no-such-host.invalid:1"), DialOutcome::Inconclusive, "unresolved"),
    ] {
        let dialled = world.dial(&target).await.unwrap();
        let attempt = dialled.attempt.unwrap();
        assert_eq!((attempt.outcome(), attempt.fault.as_str()), (outcome, fault), "{target}");
        assert!(!attempt.detail.is_empty() && dialled.peer.is_none(), "{target}");
    }
    let own = world.dial(world.own).await.unwrap_err();
    assert_eq!((own.code(), reason(&own).as_str()), (Code::FailedPrecondition, "NOT_DIALLED"));
    assert!(own.message().contains("ourselves"), "{}", own.message());
    for malformed in ["", "nobody", "1.2.3.4:5", &format!("{nobody}@1.2.3.4"), &format!("{nobody}@0.0.0.0:1")] {
        assert_eq!(violated_field(&world.dial(malformed).await.unwrap_err()), "address", "{malformed}");
    }
}

#[tokio::test]
async fn a_stopped_network_dials_nobody_and_a_stop_ends_the_wait_for_a_dial() {
    let mut world = World::new().await;
    // It takes the connection and says nothing: the dial goes on until it is given up.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_address = format!("{}@{}", id(9), silent.local_addr().unwrap());
    let mut reactor = pb::reactor_service_client::ReactorServiceClient::new(world.served.channel.clone());
    let stop = async {
        until("the dial", || {
            let mut reactor = reactor.clone();
            async move {
                let status = reactor.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
                status.statuses[0].dial_count > 0
            }
        })
        .await;
        reactor.stop(pb::StopRequest::default()).await.unwrap();
    };
    let (dialled, ()) = tokio::join!(world.client.dial_peer(dial_request(&silent_address)), stop);
    assert_eq!(dialled.unwrap().into_inner().attempt.unwrap().fault, "closed_by_us");
    let stopped = world.dial(world.peer).await.unwrap_err();
    assert_eq!(stopped.code(), Code::FailedPrecondition);
    assert!(stopped.message().contains("ReactorService.Start"), "{}", stopped.message());
}

fn dial_request(address: &str) -> pb::DialPeerRequest {
    pb::DialPeerRequest { network: String::new(), address: address.to_owned() }
}

#[tokio::test]
async fn a_disconnect_may_ban() {
    let mut world = World::new().await;
    world.dial(world.peer).await.unwrap().peer.unwrap();
    let hour = prost_types::Duration { seconds: 3600, nanos: 0 };
    let result = world.disconnect(Some(hour)).await.unwrap();
    assert!(result.changed && result.saved);
    let mut bans = BanServiceClient::new(world.served.channel.clone());
    let list = bans.list_bans(pb::ListBansRequest::default()).await.unwrap().into_inner();
    let [ban] = list.bans.as_slice() else { panic!("{list:?}") };
    assert_eq!((ban.target.clone(), ban.reason.as_str()), (world.peer.id().to_string(), "too loud"));
    assert!(!ban.author.is_empty() && ban.expire_time.is_some());
    let banned = world.dial(world.peer).await.unwrap_err();
    assert!(banned.message().contains("banned"), "{}", banned.message());
    assert_eq!(world.get(world.peer.id()).await.unwrap_err().code(), Code::NotFound);

    for (seconds, field) in [(0, "ban_duration"), (-1, "ban_duration")] {
        let refused = world.disconnect(Some(prost_types::Duration { seconds, nanos: 0 })).await.unwrap_err();
        assert_eq!(violated_field(&refused), field);
    }
    let request = pb::DisconnectPeerRequest { id: world.peer.to_string(), ..Default::default() };
    let refused = world.client.disconnect_peer(request).await.unwrap_err();
    assert_eq!(violated_field(&refused), "id");
    assert!(refused.message().contains("before the @"));
}

#[tokio::test]
async fn peers_are_filtered_ordered_and_counted() {
    let mut world = World::new().await;
    let mut more = Vec::new();
    for _ in 0..2 {
        let process = Process::new();
        let config = node(&process, "c");
        let address = address_of(&config);
        world.handles.push(process.serve(config, &[]).await);
        world.dial(address).await.unwrap().peer.unwrap();
        more.push((process, address));
    }
    world.dial(world.peer).await.unwrap().peer.unwrap();
    let filter = |filter: pb::PeerFilter| pb::ListPeersRequest { filter: Some(filter), ..Default::default() };
    let all = world.list(pb::ListPeersRequest { page_size: 2, ..Default::default() }).await.unwrap();
    assert_eq!((all.peers.len(), all.total_count), (2, 3));
    assert_eq!(all.peers[0].id, more[0].1.id().to_string(), "the longest connected first");
    let rest = pb::ListPeersRequest { page_token: all.next_page_token, ..Default::default() };
    assert_eq!(world.list(rest).await.unwrap().peers[0].id, world.peer.id().to_string());

    let outbound = pb::Direction::Outbound.into();
    let inbound: i32 = pb::Direction::Inbound.into();
    let purpose = |purpose: DialPurpose| vec![purpose.into()];
    for (which, count) in [
        (pb::PeerFilter { directions: vec![outbound], ..Default::default() }, 3),
        (pb::PeerFilter { directions: vec![inbound], ..Default::default() }, 0),
        (pb::PeerFilter { purposes: purpose(DialPurpose::Manual), ..Default::default() }, 3),
        (pb::PeerFilter { purposes: purpose(DialPurpose::Unspecified), ..Default::default() }, 0),
        (pb::PeerFilter { ip_range: "127.0.0.0/8".into(), ..Default::default() }, 3),
        (pb::PeerFilter { ip_range: "10.0.0.1".into(), ..Default::default() }, 0),
        (pb::PeerFilter { text: "TEST".into(), ..Default::default() }, 3),
        (pb::PeerFilter { text: world.peer.id().to_string().to_uppercase(), ..Default::default() }, 1),
        (pb::PeerFilter { persistent: Some(true), ..Default::default() }, 0),
        (pb::PeerFilter { persistent: Some(false), ..Default::default() }, 3),
    ] {
        let list = world.list(filter(which.clone())).await.unwrap();
        assert_eq!((list.peers.len(), list.total_count), (count, count as u64), "{which:?}");
    }
    for order in [PeerOrder::ReceivedBytes, PeerOrder::SentBytes, PeerOrder::Requests] {
        let request = pb::ListPeersRequest { order: order.into(), page_size: 2, ..Default::default() };
        let first = world.list(request.clone()).await.unwrap();
        let rest = world.list(pb::ListPeersRequest { page_token: first.next_page_token, ..request }).await.unwrap();
        let ids: std::collections::BTreeSet<_> =
            first.peers.into_iter().chain(rest.peers).map(|peer| peer.id).collect();
        assert_eq!(ids.len(), 3, "{order:?}");
    }
    for (request, field) in [
        (filter(pb::PeerFilter { directions: vec![7], ..Default::default() }), "filter.directions"),
        (filter(pb::PeerFilter { purposes: vec![99], ..Default::default() }), "filter.purposes"),
        (filter(pb::PeerFilter { ip_range: "x".into(), ..Default::default() }), "filter.ip_range"),
        (filter(pb::PeerFilter { text: "x".repeat(129), ..Default::default() }), "filter.text"),
        (pb::ListPeersRequest { order: 9, ..Default::default() }, "order"),
    ] {
        assert_eq!(violated_field(&world.list(request).await.unwrap_err()), field);
    }
}
