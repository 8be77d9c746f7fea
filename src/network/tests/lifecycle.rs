//! A network's life: started, stopped, broken down, without a port, without a book.

use std::net::TcpListener;

use super::session::{Stranger, ask};
use super::*;
use crate::network::scripted::by;
use crate::network::{Applied, AuditQuery, Error, HistoryRange, Saved};
use crate::node::row::{BanTarget, ListItem};

const SAVED: Applied = Applied { changed: true, saved: Saved::Yes };

fn cannot_start(result: Result<bool, Error>) -> String {
    match result {
        Err(Error::CannotStart { reason, .. }) => reason,
        other => panic!("it started: {other:?}"),
    }
}

#[tokio::test]
async fn a_breakdown_leaves_it_failed_and_a_start_brings_all_back() {
    let process = Process::new();
    let config = process.seed("broken-1");
    let (seed, known) = (address(&config), addresses(1, 20));
    let network = process.serve(config, &known).await;
    let more: crate::types::PeerAddress = "0101010101010101010101010101010101010101@127.0.0.1:1".parse().unwrap();
    let target = BanTarget::ip([203, 0, 113, 9].into());
    assert_eq!(network.add_seed(by(), more.clone()).await, Ok(SAVED));
    assert_eq!(network.ban(by(), target, "for good".into(), None).await, Ok(SAVED));
    let book = book_of(&network).await;
    assert_eq!(book.len(), known.len());

    for _ in 0..3 {
        let connected = Stranger::connect(&process.dialler, seed, "broken-1").await.unwrap();
        network.panic().await;
        let reason = failure(&network).await;
        assert!(reason.contains("asked to") && reason.contains("start the network again"), "{reason}");
        assert!(connected.until_closed().await.is_empty(), "its peers are let go");
        until("the port is free", async || is_free(seed.socket())).await;
        // Without a start it shows what it has, and can be reported more.
        assert_eq!(book_of(&network).await, book);
        let lifted = network.unban(by(), target).await;
        assert_eq!((lifted, network.ban(by(), target, "again".into(), None).await), (Ok(SAVED), Ok(SAVED)));

        assert_eq!(network.start(None).await, Ok(true));
        assert_eq!(state(&network).await, RunState::Running);
        assert_eq!(ask(&process.dialler, seed, "broken-1").await, Ok(known.clone()));
        assert_eq!(book_of(&network).await, book);
        let seeds: Vec<_> = network.seeds().await.unwrap().into_iter().map(|view| view.seed).collect();
        assert_eq!(seeds, std::slice::from_ref(&more));
        let bans = network.bans().await.unwrap();
        assert_eq!(bans.iter().map(|ban| (ban.target, ban.until)).collect::<Vec<_>>(), [(target, Wall::NEVER)]);
    }
}

#[tokio::test]
async fn start_and_stop_say_what_they_changed_and_stop_frees_the_port() {
    let process = Process::new();
    let config = process.seed("idle-1");
    let (seed, known) = (address(&config), addresses(1, 5));
    let network = process.serve(config, &known).await;
    for _ in 0..5 {
        assert_eq!(network.start(None).await, Ok(false));
        assert_eq!(ask(&process.dialler, seed, "idle-1").await, Ok(known.clone()));
        assert!(!is_free(seed.socket()));
        let connected = Stranger::connect(&process.dialler, seed, "idle-1").await.unwrap();

        assert_eq!(network.stop(by()).await, Ok(true));
        assert!(is_free(seed.socket()), "whoever saw it stop may have the port");
        assert_eq!(network.stop(by()).await, Ok(false));
        assert_eq!(state(&network).await, RunState::Stopped);
        assert!(connected.until_closed().await.is_empty());
        assert!(Stranger::connect(&process.dialler, seed, "idle-1").await.is_err());
        // Stopped, it shows what it has and can be reported more.
        assert_eq!(book_of(&network).await.len(), known.len());
        let target = BanTarget::ip([203, 0, 113, 9].into());
        assert_eq!(network.ban(by(), target, String::new(), None).await, Ok(SAVED));
        assert_eq!(network.bans().await.unwrap().len(), 1);

        assert_eq!(network.start(None).await, Ok(true));
    }
}

#[tokio::test]
async fn a_taken_port_fails_it_with_the_fix_until_the_port_is_free() {
    let process = Process::new();
    let config = process.seed("taken-1");
    let (seed, known) = (address(&config), addresses(1, 5));
    fill_book(&config.book, "taken-1", &known).await;
    let network = process.spawn(config).await.handle;
    let holder = TcpListener::bind(seed.socket()).unwrap();
    for _ in 0..2 {
        let reason = cannot_start(network.start(None).await);
        assert!(reason.contains(&seed.socket().to_string()) && reason.contains("change laddr"), "{reason}");
        assert_eq!(failure(&network).await, reason);
    }
    assert_eq!(network.stop(by()).await, Ok(true));
    drop(holder);
    assert_eq!(state(&network).await, RunState::Stopped);
    assert_eq!(network.start(None).await, Ok(true));
    assert_eq!(ask(&process.dialler, seed, "taken-1").await, Ok(known));
}

#[tokio::test]
async fn it_starts_by_itself_once_the_port_is_free() {
    let process = Process::new();
    let config = process.seed("late-1");
    let (seed, known) = (address(&config), addresses(1, 5));
    fill_book(&config.book, "late-1", &known).await;
    let network = process.spawn(config).await.handle;
    let holder = TcpListener::bind(seed.socket()).unwrap();
    let reason = cannot_start(network.start(None).await);
    assert!(reason.ends_with("it is tried again by itself"), "{reason}");
    drop(holder);
    until("it runs", async || state(&network).await == RunState::Running).await;
    assert_eq!(network.start(None).await, Ok(false));
    assert_eq!(ask(&process.dialler, seed, "late-1").await, Ok(known));
}

/// A network that has failed: there is nobody whom it could ask.
async fn alone(process: &Process, chain: &str) -> Handle {
    let mut config = process.seed(chain);
    config.params.pex.bootstrap = false;
    let network = process.spawn(config).await.handle;
    assert!(cannot_start(network.start(None).await).contains("address book is empty"));
    network
}

#[tokio::test]
async fn somebody_to_ask_starts_the_network_that_failed_for_want_of_one() {
    let process = Process::new();
    let peer: crate::types::PeerAddress = "0101010101010101010101010101010101010101@127.0.0.1:1".parse().unwrap();
    for (chain, item) in
        [("seedless-1", ListItem::Seed(peer.clone())), ("friendless-1", ListItem::Persistent(peer.clone()))]
    {
        let network = alone(&process, chain).await;
        assert_eq!(network.add_listed(by(), item).await, Ok(SAVED));
        until("it runs", async || state(&network).await == RunState::Running).await;
    }

    let network = alone(&process, "bookless-1").await;
    assert_eq!(network.enter_addresses(&[(addresses(1, 1)[0], None)]).await.unwrap().len(), 1);
    until("it runs", async || state(&network).await == RunState::Running).await;

    let network = alone(&process, "stopped-1").await;
    assert_eq!(network.stop(by()).await, Ok(true));
    assert_eq!(network.add_seed(by(), peer.clone()).await, Ok(SAVED));
    assert_eq!(state(&network).await, RunState::Stopped);

    // What else it failed of is for an operator to judge.
    let network = alone(&process, "broken-2").await;
    network.panic().await;
    assert_eq!(network.add_seed(by(), peer).await, Ok(SAVED));
    assert!(failure(&network).await.contains("asked to"));
}

#[tokio::test]
async fn a_damaged_book_fails_its_network_alone_until_the_file_is_repaired() {
    let process = Process::new();
    let other = process.seed("whole-1");
    let (other_seed, known) = (address(&other), addresses(2, 20));
    let other = process.serve(other, &known).await;

    let config = process.seed("damaged-1");
    let (seed, path, good) = (address(&config), config.book.clone(), process.folder.path().join("good.db"));
    fill_book(&path, "damaged-1", &addresses(1, 20)).await;
    std::fs::copy(&path, &good).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xaa);
    std::fs::write(&path, &bytes).unwrap();

    let running = process.spawn(config).await;
    let network = running.handle;
    let reason = running.broken.expect("the damage is seen");
    assert!(reason.contains(&path.display().to_string()), "{reason}");
    assert_eq!(failure(&network).await, reason);
    for _ in 0..2 {
        assert_eq!(cannot_start(network.start(None).await), reason);
        assert_eq!(failure(&network).await, reason);
        assert!(matches!(
            network.ban(by(), BanTarget::ip([1; 4].into()), String::new(), None).await,
            Err(Error::NoBook { .. })
        ));
        assert!(is_free(seed.socket()), "nothing is served without a book");
        assert_eq!(ask(&process.dialler, other_seed, "whole-1").await, Ok(known.clone()));
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "what may still be rescued is left alone");

    std::fs::copy(&good, &path).unwrap();
    assert_eq!(network.start(Some(by())).await, Ok(true));
    let range = HistoryRange { before: None, max: 9 };
    assert_eq!(network.audit(AuditQuery::default(), range).await.unwrap().entries.len(), 1, "who started it again");
    assert_eq!(ask(&process.dialler, seed, "damaged-1").await, Ok(addresses(1, 20)));
    assert_eq!(state(&other).await, RunState::Running);
}
