//! Networks that are added and removed while others serve.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::app::{network_folders, reload};
use crate::network::Error;
use crate::network::tests::is_free;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{
    AuditEntry, ListAuditEntriesRequest, ListNetworksRequest, Network, NewNetwork as NewNetworkMessage, ReactorState,
};
use crate::store::Store;

async fn listed(pexd: &Pexd) -> Vec<Network> {
    let list = pexd.networks.clone().list_networks(ListNetworksRequest::default()).await.unwrap().into_inner();
    assert_eq!(list.failures, []);
    list.networks
}

async fn names(pexd: &Pexd) -> Vec<String> {
    listed(pexd).await.into_iter().map(|network| network.network).collect()
}

#[tokio::test]
async fn a_network_comes_and_goes_and_another_does_not_feel_it() {
    let home = TestHome::new();
    let stays = home.make("stays-1", 1).await;
    let pexd = home.start().await;
    // One connection that lasts over all that follows.
    let visitor = pexd.connect(&stays).await;

    let comes = home.make("comes-1", 2).await;
    let added = pexd.add("comes-1").await.unwrap();
    let network = added.network.unwrap();
    assert_eq!((network.state, &*network.network), (ReactorState::Running.into(), "comes-1"));
    assert_eq!(network.folder, home.folder("comes-1").display().to_string());
    assert_eq!(added.node_address, comes.address.to_string());
    assert!(pexd.serves(&comes).await && pexd.serves(&stays).await);
    assert_eq!(names(&pexd).await, ["comes-1", "stays-1"]);
    let again = pexd.add("comes-1").await.unwrap_err();
    assert_eq!((again.code(), &*reason(&again)), (Code::AlreadyExists, "NETWORK_EXISTS"));

    let handle = pexd.registry.get("comes-1").unwrap().0;
    let peer = pexd.connect(&comes).await;
    let kept = pexd.remove("comes-1", false).await.unwrap();
    assert_eq!(kept, home.folder("comes-1").display().to_string());
    assert!(peer.until_closed().await.is_empty(), "its peers are let go");
    assert!(is_free(comes.address.socket()), "its port is free when it is answered");
    assert_eq!(handle.status().await.unwrap_err(), Error::Gone("comes-1".into()));
    assert_eq!(reason(&pexd.remove("comes-1", false).await.unwrap_err()), "NETWORK_NOT_FOUND");
    let book = home.folder("comes-1").join("book.db");
    let (store, _) = Store::open(&book, "comes-1", [0; 32]).expect("its book is closed and not locked");
    store.close().await.unwrap();
    assert_eq!(names(&pexd).await, ["stays-1"]);

    pexd.add("comes-1").await.unwrap();
    assert!(pexd.serves(&comes).await);
    assert_eq!(visitor.ask().await, stays.known);
    pexd.end().await;

    let pexd = home.start().await;
    assert!(pexd.serves(&comes).await && pexd.serves(&stays).await, "a new process serves what is there");
    pexd.end().await;
}

#[tokio::test]
async fn calls_that_are_under_way_when_a_network_goes_are_told_so() {
    let home = TestHome::new();
    home.make("stays-1", 1).await;
    home.make("goes-1", 2).await;
    let pexd = home.start().await;
    let handle = pexd.registry.get("goes-1").unwrap().0;
    let (stop, mut reported) = (CancellationToken::new(), Vec::new());
    for _ in 0..4 {
        let (handle, stop) = (handle.clone(), stop.clone());
        reported.push(tokio::spawn(async move {
            loop {
                match handle.status().await {
                    Ok(_) => assert!(!stop.is_cancelled(), "it answers although it was removed"),
                    Err(error) => return error,
                }
            }
        }));
    }
    pexd.remove("goes-1", false).await.unwrap();
    stop.cancel();
    for reported in reported {
        assert_eq!(reported.await.unwrap(), Error::Gone("goes-1".into()));
    }
    pexd.end().await;
}

#[tokio::test]
async fn a_new_network_joins_a_listener_and_the_last_that_leaves_frees_it() {
    let home = TestHome::new();
    let first = home.make("first-1", 1).await;
    home.add_line("first-1", "p2p", "external_address = \"seed.example.org:26656\"");
    let pexd = home.start().await;
    let new = |share: &str| NewNetworkMessage {
        seeds: vec!["0101010101010101010101010101010101010101@127.0.0.1:1".into(); 3],
        seed_mode: true,
        share_listener_with: share.into(),
        ..Default::default()
    };
    let request = AddNetworkRequest { network: "second-1".into(), new_network: Some(new("first-1")), stopped: false };
    let added = pexd.add_as(request.clone()).await.unwrap();
    let text = fs::read_to_string(home.file("second-1")).unwrap();
    assert_eq!(text.matches("@127.0.0.1:1").count(), 1, "each seed is written once: {text}");
    let network = added.network.unwrap();
    assert_eq!(network.state, i32::from(ReactorState::Running));
    assert_eq!(network.listen_address, first.address.socket().to_string());
    let published = format!("{}@seed.example.org:26656", first.address.id());
    assert_eq!(added.node_address, published, "one address to publish for both");
    let second = Made { chain: "second-1".into(), address: first.address, known: Vec::new() };
    assert!(pexd.serves(&first).await);
    // The new one is strict, as `init` makes it: it reports nothing on loopback, but it lets strangers of its chain in.
    drop(pexd.connect(&second).await);

    pexd.remove("first-1", false).await.unwrap();
    assert!(!is_free(first.address.socket()), "the other one keeps the port");
    assert!(pexd.try_connect(&first).await.is_err());
    drop(pexd.connect(&second).await);
    pexd.add("first-1").await.unwrap();
    assert!(pexd.serves(&first).await, "it joins what it once opened");
    pexd.remove("second-1", true).await.unwrap();
    assert!(pexd.serves(&first).await);
    pexd.remove("first-1", false).await.unwrap();
    assert!(is_free(first.address.socket()));

    let unknown = AddNetworkRequest { network: "third-1".into(), new_network: Some(new("nobody-1")), stopped: false };
    assert_eq!(field(&pexd.add_as(unknown).await.unwrap_err()), "new_network.share_listener_with");
    assert!(!exists(&home.folder("third-1")), "nothing is left of what could not be made");
    pexd.end().await;
}

#[tokio::test]
async fn a_kept_key_is_used_again_by_a_new_network_and_outlives_one_that_is_of_no_use() {
    let home = TestHome::new();
    home.make("first-1", 1).await;
    let comes = home.make("comes-1", 2).await;
    let key_file = home.folder("comes-1").join("node_key.json");
    let key = fs::read(&key_file).unwrap();
    let pexd = home.start().await;
    pexd.remove("comes-1", true).await.unwrap();
    fs::create_dir(home.folder("comes-1")).unwrap();
    let kept = home.home().path().join(format!("node_key-comes-1-{}.json", comes.address.id()));
    fs::copy(kept, &key_file).unwrap();
    let made = config::create_or_complete_network(&home.home(), "comes-1", &NewNetwork::default()).unwrap();
    assert!(home.file("comes-1").exists());
    network_folders::discard(made).await;
    assert!(!home.file("comes-1").exists());
    assert_eq!(fs::read(&key_file).unwrap(), key);

    let request = AddNetworkRequest { network: "comes-1".into(), new_network: Some(Default::default()), stopped: true };
    let added = pexd.add_as(request.clone()).await.unwrap();
    assert!(added.node_address.starts_with(&format!("{}@", comes.address.id())), "{}", added.node_address);
    assert_eq!(fs::read(&key_file).unwrap(), key);
    pexd.remove("comes-1", false).await.unwrap();
    fs::remove_file(home.file("comes-1")).unwrap();
    let refused = pexd.add_as(request).await.unwrap_err();
    assert!(reason(&refused) == "NETWORK_EXISTS" && refused.message().contains("no config.toml"), "{refused}");
    assert!(!refused.message().contains("leave new_network unset"), "{refused}");
    pexd.end().await;
}

#[tokio::test]
async fn what_cannot_be_added_says_why_and_leaves_nothing() {
    let home = TestHome::new();
    let first = home.make("first-1", 1).await;
    let pexd = home.start().await;
    for name in ["../first-1", "..", "a/b", "-", ".hidden", ""] {
        assert_eq!(field(&pexd.add(name).await.unwrap_err()), "network", "{name}");
    }
    let absent = pexd.add("absent-1").await.unwrap_err();
    assert!(field(&absent) == "network" && absent.message().contains("new_network"), "{absent}");

    // The port of another network, under another key, and two errors of its own.
    let key = Arc::new(config::node_key::generate());
    home.make_at("taken-1", 2, key, first.address.socket()).await;
    let taken = pexd.add("taken-1").await.unwrap_err();
    assert_eq!(reason(&taken), "CONFIG_INVALID");
    assert!(violations(&taken)[0].1.contains("is taken by first-1"), "{taken}");
    home.add_line("taken-1", "pex", "max_dials = 0\nboostrap = true");
    let wrong = pexd.add("taken-1").await.unwrap_err();
    assert_eq!(wrong.code(), Code::FailedPrecondition);
    assert_eq!(violations(&wrong).len(), 2, "{wrong}");
    assert!(violations(&wrong).iter().all(|(place, _)| place.starts_with(&*home.file("taken-1").to_string_lossy())));

    let again = AddNetworkRequest { network: "taken-1".into(), new_network: Some(Default::default()), stopped: true };
    let exists_already = pexd.add_as(again).await.unwrap_err();
    assert_eq!(reason(&exists_already), "NETWORK_EXISTS");
    assert!(home.file("taken-1").exists());
    assert_eq!(names(&pexd).await, ["first-1"]);
    pexd.end().await;
}

#[tokio::test]
async fn a_network_that_cannot_start_is_served_failed_and_one_that_is_not_to_start_stopped() {
    let home = TestHome::new();
    home.make("first-1", 1).await;
    let pexd = home.start().await;
    let share = |stopped, network: &str| AddNetworkRequest {
        network: network.into(),
        new_network: Some(NewNetworkMessage { share_listener_with: "first-1".into(), ..Default::default() }),
        stopped,
    };
    let state = async |request| pexd.add_as(request).await.unwrap().network.unwrap().state;
    assert_eq!(state(share(false, "empty-1")).await, i32::from(ReactorState::Failed), "it has neither seed nor book");
    assert_eq!(state(share(true, "stopped-1")).await, i32::from(ReactorState::Stopped));
    assert_eq!(names(&pexd).await, ["empty-1", "first-1", "stopped-1"]);
    pexd.end().await;
}

#[tokio::test]
async fn a_removal_deletes_the_networks_own_folder_and_nothing_else() {
    let home = TestHome::new();
    home.make("stays-1", 1).await;
    let goes = home.make("goes-1", 2).await;
    let outside = home.0.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("dear"), "kept").unwrap();
    symlink(&outside, home.folder("goes-1").join("link")).unwrap();
    symlink(outside.join("dear"), home.folder("goes-1").join("file")).unwrap();
    let pexd = home.start().await;
    assert!(pexd.serves(&goes).await);
    assert_eq!(pexd.remove("goes-1", true).await.unwrap(), "");
    assert!(!exists(&home.folder("goes-1")));
    assert_eq!(fs::read_to_string(outside.join("dear")).unwrap(), "kept");
    let left: Vec<_> = fs::read_dir(home.home().networks_path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["stays-1"]);
    pexd.end().await;
}

/// What the audit says of a network, or with `-` of all, the latest first.
async fn audit_of(pexd: &Pexd, network: &str) -> Result<Vec<(String, String)>, Status> {
    let mut client = ReactorServiceClient::new(pexd.channel.clone());
    let request = ListAuditEntriesRequest { network: network.into(), ..Default::default() };
    let answer = client.list_audit_entries(request).await?.into_inner();
    assert_eq!(answer.failures, []);
    assert!(answer.entries.iter().all(|entry| !entry.author.is_empty()));
    let text = |entry: AuditEntry| (entry.network, format!("{}: {}", entry.method, entry.summary));
    Ok(answer.entries.into_iter().map(text).collect())
}

#[tokio::test]
async fn who_added_and_who_deleted_a_network_is_in_the_audit_of_the_process_when_it_is_answered() {
    let home = TestHome::new();
    home.make("stays-1", 1).await;
    let pexd = home.start().await;
    let goes = home.make("goes-1", 2).await;
    home.make("kept-1", 3).await;
    for name in ["goes-1", "kept-1"] {
        pexd.add(name).await.unwrap();
    }
    pexd.remove("goes-1", true).await.unwrap();
    pexd.remove("kept-1", false).await.unwrap();
    let key = home.home().path().join(format!("node_key-goes-1-{}.json", goes.address.id()));
    let deleted = format!("removed the network goes-1 and deleted its folder; its key is {}", key.display());
    let expected = [
        ("kept-1", "NetworkService.RemoveNetwork: removed the network kept-1 and kept its folder".to_owned()),
        ("goes-1", format!("NetworkService.RemoveNetwork: {deleted}")),
        ("kept-1", "NetworkService.AddNetwork: added the network kept-1".to_owned()),
        ("goes-1", "NetworkService.AddNetwork: added the network goes-1".to_owned()),
    ];
    let expected = expected.map(|(network, text)| (network.to_owned(), text));
    assert_eq!(audit_of(&pexd, "-").await.unwrap(), expected);
    assert_eq!(audit_of(&pexd, "stays-1").await.unwrap(), expected, "the process's own is beside each network's");
    assert_eq!(audit_of(&pexd, "goes-1").await.unwrap(), [expected[1].clone(), expected[3].clone()], "by its name");
    let never = audit_of(&pexd, "never-1").await.unwrap_err();
    assert_eq!(reason(&never), "NETWORK_NOT_FOUND");
    pexd.end().await;

    let pexd = home.start().await;
    assert_eq!(audit_of(&pexd, "-").await.unwrap(), expected, "and after a restart");
    pexd.end().await;
}

#[tokio::test]
async fn the_last_network_that_goes_is_in_the_audit_as_well() {
    let home = TestHome::new();
    home.make("last-1", 1).await;
    let pexd = home.start().await;
    pexd.remove("last-1", true).await.unwrap();
    let audit = audit_of(&pexd, "-").await.unwrap();
    assert!(audit.len() == 1 && audit[0].1.contains("removed the network last-1 and deleted its folder"), "{audit:?}");
    pexd.end().await;
}

#[tokio::test]
async fn an_audit_that_cannot_be_written_is_told_and_what_was_asked_for_is_done() {
    let home = TestHome::new();
    home.make("stays-1", 1).await;
    home.make("goes-1", 2).await;
    let pexd = home.start().await;
    fs::write(home.home().audit_file(), "a letter").unwrap();
    let request = RemoveNetworkRequest { network: "goes-1".into(), delete_data: false };
    let removed = pexd.networks.clone().remove_network(request).await.unwrap().into_inner();
    assert!(removed.unsaved_reason.contains("not an audit log"), "{removed:?}");
    assert_eq!(names(&pexd).await, ["stays-1"]);
    let added = pexd.add("goes-1").await.unwrap();
    assert!(added.unsaved_reason.contains("not an audit log"), "{added:?}");
    assert_eq!(fs::read_to_string(home.home().audit_file()).unwrap(), "a letter");
    // It cannot be read either, which is no reason to show nothing.
    let mut client = ReactorServiceClient::new(pexd.channel.clone());
    let request = ListAuditEntriesRequest { network: "-".into(), ..Default::default() };
    let failures = client.list_audit_entries(request).await.unwrap().into_inner().failures;
    assert!(failures.len() == 1 && failures[0].network.is_empty(), "{failures:?}");
    assert_eq!(failures[0].code, Code::FailedPrecondition as i32, "{failures:?}");
    assert!(failures[0].reason.contains("audit.db: it is not an audit log"), "{failures:?}");
    pexd.end().await;
}

#[tokio::test]
async fn a_removed_network_stays_removed_over_a_restart_until_it_is_added() {
    let home = TestHome::new();
    let stays = home.make("stays-1", 1).await;
    let goes = home.make("goes-1", 2).await;
    let pexd = home.start().await;
    pexd.remove("goes-1", false).await.unwrap();
    let mark = home.folder("goes-1").join("removed");
    let text = fs::read_to_string(&mark).unwrap();
    assert!(text.contains("Removed from pexd by unix uid") && text.contains("pexd network add"), "{text}");
    pexd.end().await;

    let pexd = home.start().await;
    assert_eq!(names(&pexd).await, ["stays-1"]);
    assert!(pexd.serves(&stays).await && is_free(goes.address.socket()));
    reload::reload_all(&pexd.registry).await;
    assert_eq!(names(&pexd).await, ["stays-1"]);
    // Errors in its files leave it as it was.
    home.add_line("goes-1", "pex", "max_dials = 0");
    assert_eq!(reason(&pexd.add("goes-1").await.unwrap_err()), "CONFIG_INVALID");
    assert!(mark.exists());
    home.edit("goes-1", "max_dials = 0\n", "");
    pexd.add("goes-1").await.unwrap();
    assert!(pexd.serves(&goes).await && !mark.exists());
    pexd.end().await;

    let pexd = home.start().await;
    assert!(pexd.serves(&goes).await);
    for name in ["goes-1", "stays-1"] {
        pexd.remove(name, false).await.unwrap();
    }
    pexd.end().await;
    let none = config::load(&Sources::files_of(home.home())).unwrap_err().to_string();
    assert!(none.contains("goes-1/removed") && none.contains("served again"), "{none}");
    // By hand, too.
    fs::remove_file(&mark).unwrap();
    let pexd = home.start().await;
    assert_eq!(names(&pexd).await, ["goes-1"]);
    pexd.end().await;
}

#[tokio::test]
async fn a_network_that_cannot_be_marked_as_removed_is_served_on() {
    let home = TestHome::new();
    let made = home.make("one-1", 1).await;
    let pexd = home.start().await;
    // What nobody can write, whoever runs the test: a name that is there already, and no file.
    let unfinished = home.folder("one-1").join(format!(".removed.{}.new", std::process::id()));
    fs::create_dir(&unfinished).unwrap();
    let refused = pexd.remove("one-1", false).await.unwrap_err();
    assert!(refused.message().contains("served still"), "{refused}");
    assert!(pexd.serves(&made).await);
    assert!(!home.folder("one-1").join("removed").exists());
    pexd.end().await;
}

#[tokio::test]
async fn a_deleted_networks_key_is_kept_in_the_home_for_its_owner_alone() {
    let home = TestHome::new();
    home.make("stays-1", 1).await;
    let goes = home.make("goes-1", 2).await;
    let pexd = home.start().await;
    // Put there for the next start, and as dear as the one in use.
    let next = config::node_key::generate();
    let in_folder = home.folder("goes-1").join("node_key.json");
    fs::remove_file(&in_folder).unwrap();
    config::node_key::create(&in_folder, &next).unwrap();
    let request = RemoveNetworkRequest { network: "goes-1".into(), delete_data: true };
    let removed = pexd.networks.clone().remove_network(request).await.unwrap().into_inner();
    assert!(!exists(&home.folder("goes-1")));
    let kept = |id: &crate::types::NodeId| home.home().path().join(format!("node_key-goes-1-{id}.json"));
    assert_eq!(removed.kept_key_file, kept(&goes.address.id()).display().to_string());
    for id in [goes.address.id(), next.id()] {
        assert_eq!(config::node_key::read(&kept(&id)).unwrap().id(), id);
        assert_eq!(fs::metadata(kept(&id)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    pexd.end().await;
}

#[tokio::test]
async fn a_folder_that_is_not_the_networks_own_is_not_deleted_and_the_network_goes_on() {
    let home = TestHome::new();
    let linked = home.make("linked-1", 1).await;
    let lender = home.make("lender-1", 2).await;
    let borrower = home.make("borrower-1", 3).await;
    let elsewhere = home.0.path().join("elsewhere");
    fs::rename(home.folder("linked-1"), &elsewhere).unwrap();
    symlink(&elsewhere, home.folder("linked-1")).unwrap();
    home.add_line("borrower-1", "pex", "node_key_file = \"../lender-1/node_key.json\"");
    let borrower = Made {
        address: NetAddress::new(lender.address.id(), borrower.address.ip(), borrower.address.port()).unwrap(),
        ..borrower
    };
    let pexd = home.start().await;
    for (made, why) in [(&linked, "a link"), (&lender, "borrower-1 uses files in it")] {
        let refused = pexd.remove(&made.chain, true).await.unwrap_err();
        assert_eq!((refused.code(), &*reason(&refused)), (Code::FailedPrecondition, "NOT_DELETED"));
        assert!(refused.message().contains(why) && refused.message().contains("served still"), "{refused}");
        assert!(pexd.serves(made).await);
    }
    assert!(pexd.serves(&borrower).await);
    pexd.remove("linked-1", false).await.unwrap();
    assert!(elsewhere.join("book.db").exists() && exists(&home.folder("linked-1")));
    pexd.end().await;
}

#[tokio::test]
async fn networks_that_no_file_describes_can_go_and_nothing_else() {
    let process = crate::network::tests::Process::new();
    let config = process.seed("bare-1");
    let admin = crate::admin::Admin::bind(crate::admin::AdminSettings::open_loopback(0)).await.unwrap();
    let app = App::with_networks(admin, vec![config], dialler(), None).await.unwrap();
    let (registry, shutdown) = (app.registry.clone(), app.shutdown());
    let channel =
        Channel::from_shared(format!("http://{}", app.admin_addr().unwrap())).unwrap().connect().await.unwrap();
    let serving = tokio::spawn(app.serve());
    let pexd = Pexd::of(registry, shutdown, serving, channel);
    assert_eq!(listed(&pexd).await[0].folder, "");
    for refused in [
        pexd.add("more-1").await.map(drop),
        pexd.remove("bare-1", true).await.map(drop),
        pexd.reload("bare-1").await.map(drop),
        pexd.set("bare-1", "pex.max_dials", "1").await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.code(), &*reason(&refused)), (Code::FailedPrecondition, "NO_FOLDER"), "{refused}");
    }
    assert_eq!(pexd.remove("bare-1", false).await.unwrap(), "");
    assert_eq!(names(&pexd).await, [""; 0]);
    pexd.end().await;
}
