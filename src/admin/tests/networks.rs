//! `NetworkService`, as far as it is the API's own: pages, and what callers may do who are for some networks.

use std::sync::Arc;

use tonic::{Code, Request};

use super::*;
use crate::admin::auth::caller::{AllowedNetworks as Visible, Caller};
use crate::admin::auth::roles::Role;
use crate::admin::host::operations::OperationError;
use crate::admin::reply::status_codes;
use crate::admin::services::networks::NetworksApi;
use crate::proto::pexd::v1::network_service_server::NetworkService as _;
use crate::proto::pexd::v1::{
    AddNetworkRequest, GetEffectiveConfigRequest, ListNetworksRequest, ReloadNetworkRequest, RemoveNetworkRequest,
    SetConfigRequest,
};
use crate::testkit::NoFiles;

fn service(worlds: &[&Shared]) -> NetworksApi {
    let directory = Directory::new(worlds.iter().map(|world| world.handle()), Some("b".into()));
    NetworksApi { directory, operations: Arc::new(NoFiles) }
}

fn from<T>(networks: Visible, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller { who: "token few".into(), role: Role::Control, networks });
    request
}

fn for_a() -> Visible {
    Visible::These(["a".into()].into())
}

#[tokio::test]
async fn a_caller_for_some_networks_sees_and_changes_those_alone() {
    let service = service(&[&world("a"), &world("b")]);
    let list = service.list_networks(from(for_a(), ListNetworksRequest::default())).await.unwrap().into_inner();
    assert_eq!(list.networks.iter().map(|network| &*network.network).collect::<Vec<_>>(), ["a"]);
    assert_eq!(list.total_count, 1);
    assert!(list.networks[0].is_default, "the only one that it sees");

    let add = AddNetworkRequest { network: "c".into(), ..Default::default() };
    let refused = service.add_network(from(for_a(), add)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("token few"), "{refused}");

    let b = || "b".to_owned();
    let remove = RemoveNetworkRequest { network: b(), delete_data: true };
    let unknown = service.remove_network(from(for_a(), remove)).await.unwrap_err();
    assert_eq!(reason(&unknown), "NETWORK_NOT_FOUND");
    assert!(!unknown.message().contains("are: b"), "{unknown}");
    let reload = ReloadNetworkRequest { network: b() };
    assert_eq!(reason(&service.reload_network(from(for_a(), reload)).await.unwrap_err()), "NETWORK_NOT_FOUND");
    let set = SetConfigRequest { network: b(), key: "pex.max_dials".into(), value: "1".into() };
    assert_eq!(reason(&service.set_config(from(for_a(), set)).await.unwrap_err()), "NETWORK_NOT_FOUND");

    let ask = || GetEffectiveConfigRequest { network: "a".into() };
    let seen = service.get_effective_config(from(for_a(), ask())).await.unwrap().into_inner();
    assert!(seen.process_entries.is_empty());
    let seen = service.get_effective_config(from(Visible::All, ask())).await.unwrap().into_inner();
    assert_eq!(seen.process_entries[0].key, "log.level");
}

#[tokio::test]
async fn networks_are_listed_in_pages_by_chain_id() {
    let worlds = ["d", "a", "c", "b", "e"].map(world);
    let service = service(&worlds.iter().collect::<Vec<_>>());
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListNetworksRequest { page_size: 2, page_token: token };
        let page = service.list_networks(from(Visible::All, request)).await.unwrap().into_inner();
        assert_eq!(page.total_count, 5);
        seen.extend(page.networks.into_iter().map(|network| (network.network, network.is_default)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let expected = ["a", "b", "c", "d", "e"].map(|name| (name.to_owned(), name == "b"));
    assert_eq!(seen, expected);
    for (page_size, page_token) in [(-1, ""), (0, "x"), (0, "bmV0d29ya3MtMg"), (0, "////")] {
        let request = ListNetworksRequest { page_size, page_token: page_token.into() };
        let refused = service.list_networks(from(Visible::All, request)).await.unwrap_err();
        assert_eq!(violated_field(&refused), if page_size < 0 { "page_size" } else { "page_token" });
    }
}

#[tokio::test]
async fn a_network_that_is_gone_does_not_hide_the_others() {
    let (gone, there) = (world("a"), world("b"));
    gone.lock().gone = true;
    let service = service(&[&gone, &there]);
    let list = service.list_networks(from(Visible::All, ListNetworksRequest::default())).await.unwrap().into_inner();
    assert_eq!((list.networks.len(), list.failures.len()), (1, 1));
    assert_eq!((&*list.networks[0].network, &*list.failures[0].network), ("b", "a"));
}

#[tokio::test]
async fn a_network_is_removed_by_its_name_alone() {
    let service = service(&[&world("a")]);
    for network in ["", "-"] {
        let request = RemoveNetworkRequest { network: network.into(), delete_data: false };
        let refused = service.remove_network(from(Visible::All, request)).await.unwrap_err();
        assert_eq!(violated_field(&refused), "network");
    }
}

#[test]
fn errors_are_reported_each_with_its_place_and_never_too_many_for_a_header() {
    let error = |n: usize| (format!("config.toml:{n}"), format!("error {n}"));
    let few = status_codes::of_operation(&OperationError::InvalidConfig((1..=5).map(error).collect()));
    assert_eq!((few.code(), &*reason(&few)), (Code::FailedPrecondition, "CONFIG_INVALID"));
    let violations = few.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 5);
    assert_eq!((&*violations[4].field, &*violations[4].description), ("config.toml:5", "error 5"));

    let long = (0..1_000).map(|n| (format!("config.toml:{n}"), "x".repeat(5_000))).collect();
    let many = status_codes::of_operation(&OperationError::InvalidConfig(long));
    assert!(many.message().len() + many.details().len() < 5_500, "{}", many.details().len());
    assert!(many.message().contains("more, which pexd's log has"), "{}", many.message());
}
