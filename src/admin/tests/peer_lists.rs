//! The persistent, unconditional and private peers of a real network, as operators change them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::peers::{Peers, node};
use super::*;
use crate::clock::entropy;
use crate::network::tests::{Process, address as address_of, open_door, reserve, until};
use crate::network::{Config, SharedListener};
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::PeerList;
use crate::wire::secret::NodeKey;

async fn add(client: &mut Peers, list: PeerList, peer: impl ToString) -> Result<pb::ChangeResult, Status> {
    let request = pb::AddConfiguredPeerRequest { network: String::new(), list: list.into(), peer: peer.to_string() };
    Ok(client.add_configured_peer(request).await?.into_inner().result.unwrap())
}

async fn remove(client: &mut Peers, list: PeerList, peer: impl ToString) -> Result<pb::ChangeResult, Status> {
    let request = pb::RemoveConfiguredPeerRequest { network: String::new(), list: list.into(), peer: peer.to_string() };
    Ok(client.remove_configured_peer(request).await?.into_inner().result.unwrap())
}

async fn list(client: &mut Peers, lists: &[PeerList]) -> Vec<pb::ConfiguredPeer> {
    let lists = lists.iter().map(|list| (*list).into()).collect();
    let mut request = pb::ListConfiguredPeersRequest { lists, page_size: 1, ..Default::default() };
    let (mut peers, mut total) = (Vec::new(), None);
    loop {
        let page = client.list_configured_peers(request.clone()).await.unwrap().into_inner();
        total.get_or_insert(page.total_count);
        peers.extend(page.peers);
        if page.next_page_token.is_empty() {
            assert_eq!(total, Some(peers.len() as u64));
            return peers;
        }
        request.page_token = page.next_page_token;
    }
}

/// What is on which list, and whether it is in effect.
async fn shown(client: &mut Peers) -> Vec<(PeerList, String, bool)> {
    list(client, &[]).await.into_iter().map(|entry| (entry.list(), entry.peer.clone(), entry.in_effect)).collect()
}

#[tokio::test]
async fn a_persistent_peer_is_connected_as_soon_as_it_is_added_and_stays_when_it_is_removed() {
    let (process, others) = (Process::new(), Process::new());
    let other = node(&others, "c");
    let peer = address_of(&other);
    // A network whose handles are gone ends.
    let _other = others.serve(other, &[]).await;
    let served = serve_networks(Directory::new(vec![process.serve(process.seed("c"), &[]).await], None)).await;
    let mut client = Peers::new(served.channel);
    let result = add(&mut client, PeerList::Persistent, peer).await.unwrap();
    assert!(result.changed && result.saved);
    assert!(!add(&mut client, PeerList::Persistent, peer).await.unwrap().changed);
    until("the connection", || {
        let mut client = client.clone();
        async move { list(&mut client, &[PeerList::Persistent]).await[0].connected }
    })
    .await;
    let [entry] = &*list(&mut client, &[]).await else { panic!("one entry") };
    assert_eq!((entry.peer.as_str(), entry.from_file, entry.in_effect), (peer.to_string().as_str(), false, true));
    assert!(!entry.change_author.is_empty() && entry.change_time.is_some() && entry.next_dial_time.is_none());
    let get = pb::GetPeerRequest { network: String::new(), id: peer.id().to_string() };
    let connected = client.get_peer(get.clone()).await.unwrap().into_inner().peer.unwrap();
    assert!(connected.persistent && connected.retention_reason.contains("persistent"), "{connected:?}");

    assert!(remove(&mut client, PeerList::Persistent, peer).await.unwrap().changed);
    assert_eq!(list(&mut client, &[]).await, []);
    let kept = client.get_peer(get).await.unwrap().into_inner().peer.unwrap();
    assert!(!kept.persistent && kept.connection == connected.connection);
    let gone = remove(&mut client, PeerList::Persistent, peer).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "ENTRY_NOT_FOUND"));
}

#[tokio::test]
async fn the_lists_are_kept_over_a_restart_over_what_the_file_says() {
    let mut process = Process::new();
    let (key, shared_listener) = (Arc::new(NodeKey::from_seed(entropy())), SharedListener::new(reserve(), open_door()));
    let of_file = PeerAddress::from(net_address(1));
    let config = |process: &Process| -> Config {
        let mut config = process.seed_at("c", key.clone(), shared_listener.clone());
        config.params.switch.persistent = vec![of_file.clone()];
        config.params.switch.unconditional = [id(2)].into();
        config.params.book.private_ids = [id(3)].into();
        config
    };
    let running = process.spawn(config(&process)).await;
    let served = serve_networks(Directory::new(vec![running.handle], None)).await;
    let mut client = Peers::new(served.channel);
    for (list, kept, dropped) in [
        (PeerList::Persistent, net_address(11).to_string(), of_file.to_string()),
        (PeerList::Unconditional, id(12).to_string(), id(2).to_string()),
        (PeerList::Private, id(13).to_string(), id(3).to_string()),
    ] {
        assert!(add(&mut client, list, kept).await.unwrap().saved);
        assert!(remove(&mut client, list, dropped).await.unwrap().saved);
    }
    let before = shown(&mut client).await;
    assert_eq!(before.iter().filter(|(_, _, in_effect)| *in_effect).count(), 3);
    assert_eq!(before.len(), 6, "those of the file that were removed are shown");
    assert!(list(&mut client, &[PeerList::Private]).await.iter().all(|entry| entry.list() == PeerList::Private));

    std::mem::replace(&mut process.shutdown, CancellationToken::new()).cancel();
    running.task.await.unwrap();
    let running = process.spawn(config(&process)).await;
    let served = serve_networks(Directory::new(vec![running.handle], None)).await;
    assert_eq!(shown(&mut Peers::new(served.channel)).await, before);
}

#[tokio::test]
async fn an_entry_that_cannot_be_says_what_its_list_takes() {
    let process = Process::new();
    let mut config = process.seed("c");
    config.params.switch.unconditional = (100..1_124).map(id).collect();
    let own = address_of(&config);
    let served = serve_networks(Directory::new(vec![process.spawn(config).await.handle], None)).await;
    let mut client = Peers::new(served.channel);
    let address = net_address(1).to_string();
    for (list, peer, field, fix) in [
        (PeerList::Unspecified, id(1).to_string(), "list", "PEER_LIST_PRIVATE"),
        (PeerList::Persistent, id(1).to_string(), "peer", "id@host:port"),
        (PeerList::Persistent, String::new(), "peer", "required"),
        (PeerList::Persistent, own.to_string(), "peer", "this node itself"),
        (PeerList::Unconditional, address.clone(), "peer", "before the @"),
        (PeerList::Private, "1.2.3.4".into(), "peer", "40 hex digits"),
        (PeerList::Private, "x".repeat(60_000), "peer", "too many"),
    ] {
        let refused = add(&mut client, list, &peer).await.unwrap_err();
        assert_eq!(violated_field(&refused), field, "{peer}");
        assert!(refused.message().contains(fix), "{}", refused.message());
    }
    assert_eq!(list(&mut client, &[PeerList::Persistent, PeerList::Private]).await, []);
    let full = add(&mut client, PeerList::Unconditional, id(1)).await.unwrap_err();
    assert_eq!((full.code(), reason(&full).as_str()), (Code::ResourceExhausted, "LIMIT_REACHED"));
    let request = pb::ListConfiguredPeersRequest { lists: vec![9], ..Default::default() };
    assert_eq!(violated_field(&client.list_configured_peers(request).await.unwrap_err()), "lists");
}
