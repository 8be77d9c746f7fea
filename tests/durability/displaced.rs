//! A book whose files are taken away while the process runs: nothing is called saved that a kill then loses.

use std::fs;
use std::time::Duration;

use pexd::proto::pexd::v1::ban_service_client::BanServiceClient;
use pexd::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use pexd::proto::pexd::v1::{
    AttentionReason, BanRequest, ChangeResult, GetStatusRequest, ListAuditEntriesRequest, ListBansRequest,
};
use tonic::transport::{Channel, Endpoint};

use super::home::{Home, Pexd};

/// To the admin API's socket.
async fn connect(socket: String) -> Channel {
    Endpoint::from_shared(format!("unix:{socket}")).unwrap().connect().await.unwrap()
}

async fn ban(channel: &Channel, target: &str) -> ChangeResult {
    let request = BanRequest { target: target.into(), reason: "noise".into(), ..Default::default() };
    let mut results = BanServiceClient::new(channel.clone()).ban(request).await.unwrap().into_inner().results;
    results.remove(0)
}

/// Repeats a ban until it is saved.
async fn ban_until_saved(channel: &Channel, target: &str) {
    let saved = async {
        while !ban(channel, target).await.saved {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), saved).await.expect("the book is written anew");
}

async fn bans(channel: &Channel) -> Vec<String> {
    let listed = BanServiceClient::new(channel.clone()).list_bans(ListBansRequest::default()).await.unwrap();
    listed.into_inner().bans.into_iter().map(|ban| ban.target).collect()
}

async fn begin(home: &Home) -> (Pexd, Channel) {
    let mut pexd = home.start();
    let channel = connect(pexd.admin()).await;
    (pexd, channel)
}

/// One life: a ban, the files gone, a ban that is not saved, the files anew, a ban that is, and a kill.
async fn lose_files_and_die(home: &Home, suffixes: &[&str], series: u8) {
    let target = |n: u8| format!("203.0.{series}.{n}");
    let (pexd, channel) = begin(home).await;
    assert!(ban(&channel, &target(1)).await.saved);
    suffixes.iter().for_each(|suffix| fs::remove_file(home.book(suffix)).unwrap());
    let lost = ban(&channel, &target(2)).await;
    assert!(!lost.saved && lost.unsaved_reason.contains("was removed while pexd runs"), "{suffixes:?}: {lost:?}");
    ban_until_saved(&channel, &target(3)).await;
    pexd.kill();

    let (pexd, channel) = begin(home).await;
    let bans = bans(&channel).await;
    for n in 1..=3 {
        assert!(bans.contains(&target(n)), "{suffixes:?}: {n} is not in {bans:?}");
    }
    pexd.kill();
}

#[tokio::test]
async fn what_is_called_saved_after_the_book_was_removed_survives_a_kill() {
    let home = Home::init();
    let cases: [&[&str]; 5] = [&[""], &["", "-wal", "-shm"], &["", "-wal", "-shm", ".lock"], &["-wal"], &["-shm"]];
    for (series, suffixes) in (0..).zip(cases) {
        lose_files_and_die(&home, suffixes, series).await;
    }
    let (pexd, channel) = begin(&home).await;
    let request = ListAuditEntriesRequest { page_size: 1_000, ..Default::default() };
    let audit = ReactorServiceClient::new(channel).list_audit_entries(request).await.unwrap().into_inner().entries;
    let of_bans = audit.iter().filter(|entry| entry.method == "BanService.Ban").count();
    assert!(of_bans >= 3 * cases.len(), "the audit was in the file, and is in the new one");
    pexd.kill();
}

#[tokio::test]
async fn what_is_called_saved_after_the_book_was_emptied_survives_a_kill() {
    let home = Home::init();
    let (pexd, channel) = begin(&home).await;
    assert!(ban(&channel, "203.0.113.1").await.saved);
    fs::write(home.book(""), "").unwrap();
    assert!(!ban(&channel, "203.0.113.2").await.saved);
    ban_until_saved(&channel, "203.0.113.3").await;
    pexd.kill();
    let (pexd, channel) = begin(&home).await;
    assert_eq!(bans(&channel).await, ["203.0.113.1", "203.0.113.2", "203.0.113.3"]);
    pexd.kill();
}

#[tokio::test]
async fn a_copy_that_is_written_over_the_open_book_is_served_after_a_kill() {
    let home = Home::init();
    let (pexd, channel) = begin(&home).await;
    assert!(ban(&channel, "203.0.113.1").await.saved);
    pexd.kill();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    pexd::store::back_up(&home.book(""), &copy).unwrap();
    let (pexd, channel) = begin(&home).await;
    assert!(ban(&channel, "203.0.113.2").await.saved);
    // As `cp` does it: the file stays the same one.
    fs::write(home.book(""), fs::read(&copy).unwrap()).unwrap();
    let refused = ban(&channel, "203.0.113.3").await;
    assert!(!refused.saved && refused.unsaved_reason.contains("was written over"), "{refused:?}");
    pexd.kill();
    let (pexd, channel) = begin(&home).await;
    assert_eq!(bans(&channel).await, ["203.0.113.1"]);
    pexd.kill();
}

#[tokio::test]
async fn a_stop_leaves_the_log_of_others_alone_and_says_where_the_last_changes_are() {
    let home = Home::init();
    let (pexd, channel) = begin(&home).await;
    assert!(ban(&channel, "203.0.113.1").await.saved);
    fs::remove_file(home.book("-wal")).unwrap();
    fs::write(home.book("-wal"), "changes of somebody").unwrap();
    assert!(!ban(&channel, "203.0.113.2").await.saved);
    let log = pexd.stop();
    assert_eq!(fs::read_to_string(home.book("-wal")).unwrap(), "changes of somebody");
    assert!(log.contains("the last changes of the address book are in another file"), "{log}");
    assert!(log.contains("book.db.unsaved-") && log.contains("pexd restore") && !log.contains("are lost"), "{log}");
}

#[tokio::test]
async fn a_book_that_an_operator_put_there_is_served_after_a_restart_as_it_was_put() {
    let home = Home::init();
    let (pexd, channel) = begin(&home).await;
    assert!(ban(&channel, "203.0.113.1").await.saved);
    pexd.kill();
    // A copy by hand, of a book with its log.
    let copies = ["", "-wal"].map(|suffix| fs::read(home.book(suffix)).unwrap());
    let (pexd, channel) = begin(&home).await;
    assert!(ban(&channel, "203.0.113.2").await.saved);
    ["", "-wal", "-shm"].iter().for_each(|suffix| fs::remove_file(home.book(suffix)).unwrap());
    fs::write(home.book(""), &copies[0]).unwrap();
    fs::write(home.book("-wal"), &copies[1]).unwrap();
    let refused = ban(&channel, "203.0.113.3").await;
    let attention = async || {
        let status = ReactorServiceClient::new(channel.clone()).get_status(GetStatusRequest::default()).await.unwrap();
        status.into_inner().statuses.remove(0).attention
    };
    // The status follows the answer, and stays so until the file is moved away.
    while attention().await.iter().all(|attention| attention.reason() != AttentionReason::Unsaved) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!refused.saved && refused.unsaved_reason.contains("another book of this chain"), "{refused:?}");
    pexd.kill();
    assert!(["", "-wal"].map(|suffix| fs::read(home.book(suffix)).unwrap()) == copies, "no byte was changed");
    let (pexd, channel) = begin(&home).await;
    assert_eq!(bans(&channel).await, ["203.0.113.1"]);
    pexd.kill();
}
