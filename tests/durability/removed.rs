//! A network that is removed, and a kill right behind the answer.

use pexd::proto::pexd::v1::network_service_client::NetworkServiceClient;
use pexd::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use pexd::proto::pexd::v1::{AuditEntry, ListAuditEntriesRequest, ListNetworksRequest, RemoveNetworkRequest};
use tonic::transport::{Channel, Endpoint};

use super::home::{CHAIN, Home, Pexd};

const GOES: &str = "goes-1";

async fn begin(home: &Home) -> (Pexd, Channel) {
    let mut pexd = home.start();
    let admin = pexd.admin();
    let channel = Endpoint::from_shared(format!("unix:{admin}")).unwrap().connect().await.unwrap();
    (pexd, channel)
}

async fn served(channel: &Channel) -> Vec<String> {
    let list = NetworkServiceClient::new(channel.clone()).list_networks(ListNetworksRequest::default()).await.unwrap();
    list.into_inner().networks.into_iter().map(|network| network.network).collect()
}

async fn audit(channel: &Channel, network: &str) -> Vec<AuditEntry> {
    let request = ListAuditEntriesRequest { network: network.into(), ..Default::default() };
    ReactorServiceClient::new(channel.clone()).list_audit_entries(request).await.unwrap().into_inner().entries
}

#[tokio::test]
async fn a_removal_that_was_answered_is_in_the_audit_and_stays_one_over_a_kill() {
    for delete_data in [false, true] {
        let home = Home::init();
        home.add(GOES);
        let (pexd, channel) = begin(&home).await;
        assert_eq!(served(&channel).await, [GOES, CHAIN]);
        let request = RemoveNetworkRequest { network: GOES.into(), delete_data };
        let removed = NetworkServiceClient::new(channel).remove_network(request).await.unwrap().into_inner();
        pexd.kill();
        assert_eq!(removed.unsaved_reason, "");
        assert_eq!(home.path().join("networks").join(GOES).exists(), !delete_data);

        let (pexd, channel) = begin(&home).await;
        assert_eq!(served(&channel).await, [CHAIN]);
        for network in ["-", GOES] {
            let audit = audit(&channel, network).await;
            let of_removal: Vec<_> = audit.iter().filter(|entry| entry.network == GOES).collect();
            assert_eq!(of_removal.len(), 1, "{audit:?}");
            assert!(of_removal[0].summary.starts_with("removed the network goes-1 and "), "{audit:?}");
        }
        pexd.kill();
    }
}
