//! What a request that is wrong is answered: which field, what to write instead, and a reason for programs.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::REFLECTION;
use super::world::{ALPHA, BETA, World};

const COMMON: &str = include_str!("../../../proto/pexd/v1/common.proto");
/// Of nobody.
const ID: &str = "00112233445566778899aabbccddeeff00112233";

/// Requests to the seed's network, each with the one field that is wrong.
fn bad_requests() -> Vec<(&'static str, Value, &'static str)> {
    let long = "x".repeat(300);
    let mut bad: Vec<(&str, Value, &str)> = Vec::new();
    for method in [
        "AddressBookService/ListAddresses",
        "AddressBookService/ListSources",
        "BanService/ListBans",
        "NetworkService/ListNetworks",
        "PeerService/ListConfiguredPeers",
        "PeerService/ListDials",
        "PeerService/ListPeers",
        "ReactorService/ListAuditEntries",
        "ReactorService/ListRefusals",
        "SeedService/ListSeeds",
    ] {
        for (field, value) in [("page_size", json!(-1)), ("page_token", json!("nonsense"))] {
            bad.push((method, json!({ field: value }), field));
        }
    }
    bad.extend([
        ("AddressBookService/ListAddresses", json!({"filter": {"ip_range": "nowhere"}}), "filter.ip_range"),
        ("AddressBookService/ListAddresses", json!({"filter": {"source": "nobody"}}), "filter.source"),
        ("AddressBookService/ListAddresses", json!({"filter": {"text": long}}), "filter.text"),
        ("AddressBookService/GetAddress", json!({"address": "nowhere"}), "address"),
        ("AddressBookService/AddAddresses", json!({}), "addresses"),
        ("AddressBookService/RemoveAddress", json!({"address": ""}), "address"),
        ("AddressBookService/PreviewSelection", json!({"requester_id": "me"}), "requester_id"),
        ("BanService/ListBans", json!({"filter": {"applies_to": "nobody"}}), "filter.applies_to"),
        ("BanService/Ban", json!({}), "target"),
        ("BanService/Ban", json!({"target": "0.0.0.0/0"}), "target"),
        ("BanService/Ban", json!({"target": ID, "reason": long}), "reason"),
        ("BanService/Ban", json!({"target": ID, "reason": "two\nlines"}), "reason"),
        ("BanService/Ban", json!({"target": ID, "duration": "0s"}), "duration"),
        ("BanService/Ban", json!({"target": ID, "duration": "-1s"}), "duration"),
        ("BanService/Unban", json!({"target": "nobody"}), "target"),
        ("NetworkService/AddNetwork", json!({"network": "../up"}), "network"),
        ("NetworkService/SetConfig", json!({"key": "p2p.nonsense", "value": "1"}), "key"),
        ("NetworkService/SetConfig", json!({"key": "p2p.max_num_inbound_peers", "value": "many"}), "value"),
        ("NetworkService/ResetConfig", json!({"key": "p2p.nonsense"}), "key"),
        ("PeerService/ListPeers", json!({"filter": {"ip_range": "1.2.3.4/99"}}), "filter.ip_range"),
        ("PeerService/GetPeer", json!({"id": "somebody"}), "id"),
        ("PeerService/DialPeer", json!({"address": "1.2.3.4:26656"}), "address"),
        ("PeerService/DisconnectPeer", json!({"id": ""}), "id"),
        ("PeerService/DisconnectPeer", json!({"id": ID, "reason": long}), "reason"),
        ("PeerService/DisconnectPeer", json!({"id": ID, "ban_duration": "-1s"}), "ban_duration"),
        ("PeerService/ListDials", json!({"filter": {"id": "somebody"}}), "filter.id"),
        ("PeerService/AddConfiguredPeer", json!({"peer": ID}), "list"),
        ("PeerService/AddConfiguredPeer", json!({"list": "PEER_LIST_PERSISTENT", "peer": ID}), "peer"),
        ("PeerService/RemoveConfiguredPeer", json!({"list": "PEER_LIST_PRIVATE", "peer": "x"}), "peer"),
        ("ReactorService/WatchEvents", json!({"filter": {"id": "somebody"}}), "filter.id"),
        ("ReactorService/WatchEvents", json!({"filter": {"ip_range": "nowhere"}}), "filter.ip_range"),
        ("ReactorService/SetLogLevel", json!({"level": "loud"}), "level"),
        ("ReactorService/SetLogLevel", json!({"level": "info", "duration": "0s"}), "duration"),
        ("SeedService/AddSeed", json!({"seed": "nowhere"}), "seed"),
        ("SeedService/AddSeed", json!({"network": "-", "seed": format!("{ID}@1.2.3.4:1")}), "network"),
        ("SeedService/RemoveSeed", json!({"seed": ""}), "seed"),
        ("SeedService/CheckSeeds", json!({"seeds": vec!["x"; 257]}), "seeds"),
        ("SeedService/CheckSeeds", json!({"sample_size": 51}), "sample_size"),
    ]);
    bad
}

/// Requests that are well formed and cannot be met.
fn unmet_requests() -> Vec<(&'static str, Value, Code, &'static str)> {
    let nobody = format!("{ID}@1.2.3.4:26656");
    vec![
        ("AddressBookService/GetAddress", json!({"address": ID}), Code::NotFound, "ADDRESS_NOT_FOUND"),
        ("BanService/Unban", json!({"target": ID}), Code::NotFound, "BAN_NOT_FOUND"),
        ("NetworkService/AddNetwork", json!({}), Code::AlreadyExists, "NETWORK_EXISTS"),
        ("PeerService/GetPeer", json!({"id": ID}), Code::NotFound, "PEER_NOT_FOUND"),
        (
            "PeerService/RemoveConfiguredPeer",
            json!({"list": "PEER_LIST_PRIVATE", "peer": ID}),
            Code::NotFound,
            "ENTRY_NOT_FOUND",
        ),
        ("SeedService/RemoveSeed", json!({"seed": nobody}), Code::NotFound, "SEED_NOT_FOUND"),
    ]
}

/// Refuses a request that says for itself which network it is about, or else is about the seed's.
fn refusal(world: &World, method: &str, request: &Value) -> Result<Status, String> {
    let mut request = request.clone();
    let name = format!("pexd.v1.{method}");
    if request.get("network").is_none() && world.api.method(&name).input().get_field_by_name("network").is_some() {
        request["network"] = ALPHA.into();
    }
    match world.call(&name, vec![request], Some(super::PAUSE)) {
        Ok(answer) => Err(format!("is answered: {answer:?}")),
        Err(status) => Ok(status),
    }
}

/// What a program can make of a refusal: of our domain, with one of the reasons that the contract lists.
fn reason(status: &Status) -> Result<String, String> {
    let info = status.get_details_error_info().ok_or_else(|| format!("no ErrorInfo: {status:?}"))?;
    let known = reasons().contains(&info.reason);
    if info.domain == "pexd" && known { Ok(info.reason) } else { Err(format!("ErrorInfo {info:?}")) }
}

/// The reasons that the head of common.proto lists.
fn reasons() -> BTreeSet<String> {
    const LAST: &str = "INVALID_FIELD";
    let (_, list) = COMMON.split_once("`reason` is for programs:").unwrap();
    let list = &list[..list.find(LAST).unwrap() + LAST.len()];
    let words = list.split(|c: char| !c.is_ascii_uppercase() && c != '_').filter(|word| word.len() > 3);
    words.map(str::to_owned).collect()
}

/// The field that a refusal names, which the request's message has, and which the text begins with.
fn field(world: &World, method: &str, status: &Status) -> Result<String, String> {
    if status.code() != Code::InvalidArgument {
        return Err(format!("{:?}: {}", status.code(), status.message()));
    }
    reason(status)?;
    let details = status.get_details_bad_request().ok_or("no BadRequest")?;
    let violation = details.field_violations.first().ok_or("no violation")?;
    let mut message = Some(world.api.method(&format!("pexd.v1.{method}")).input());
    for part in violation.field.split('.') {
        let name = part.split('[').next().unwrap();
        let field = message.take().and_then(|message| message.get_field_by_name(name));
        let field = field.ok_or_else(|| format!("there is no field {}", violation.field))?;
        message = field.kind().as_message().cloned();
    }
    if violation.description.len() > 10 { Ok(violation.field.clone()) } else { Err("it says no mend".into()) }
}

#[test]
fn a_refusal_names_the_field_and_has_a_reason_for_programs() {
    let world = World::start();
    let mut faults = Vec::new();
    for (method, request, wrong) in bad_requests() {
        let named = refusal(&world, method, &request).and_then(|status| field(&world, method, &status));
        if named.as_deref() != Ok(wrong) {
            faults.push(format!("{method} {:.80}: not {wrong} but {named:?}", request.to_string()));
        }
    }
    for (method, request, code, why) in unmet_requests() {
        let reported = refusal(&world, method, &request).and_then(|status| Ok((status.code(), reason(&status)?)));
        if reported.as_ref().ok().map(|(code, why)| (*code, why.as_str())) != Some((code, why)) {
            faults.push(format!("{method} {request}: not {code:?} {why} but {reported:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_unknown_network_is_told_which_there_are() {
    let world = World::start();
    let mut faults = Vec::new();
    for name in world.api.methods().iter().filter(|name| !name.starts_with(REFLECTION)) {
        let Some(method) = name.strip_prefix("pexd.v1.") else { continue };
        let has_network = world.api.method(name).input().get_field_by_name("network").is_some();
        if !has_network || method == "NetworkService/AddNetwork" {
            continue;
        }
        let status = refusal(&world, method, &json!({"network": "nowhere-1"}));
        let right = status.as_ref().is_ok_and(|status| {
            let names = [ALPHA, BETA].iter().all(|name| status.message().contains(name));
            let unknown = reason(status).as_deref() == Ok("NETWORK_NOT_FOUND") && names;
            // What else is missing may be reported first.
            unknown || field(&world, method, status).is_ok_and(|field| field != "network")
        });
        if !right {
            faults.push(format!("{method}: {status:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
