//! The commands that ask a running pexd, when not all goes well: what they say, where, and their exit codes.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use pexd::testkit::reserve_port;

use super::{Output, TestHome};

const ID: &str = "00112233445566778899aabbccddeeff00112233";

/// A pexd that serves a home, reached by the home's socket alone; killed when dropped.
struct Daemon {
    home: TestHome,
    child: Child,
}

impl Daemon {
    /// Waits until so many networks run.
    fn start(home: TestHome, running: usize) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
        command.env_clear().env("PEXD_HOME", home.path()).env("PEXD_HTTP_LADDR", "").env("PEXD_ADMIN_LADDR", "");
        let child = command.arg("start").stderr(Stdio::null()).spawn().unwrap();
        let daemon = Daemon { home, child };
        daemon.wait(|daemon| {
            let list = daemon.run(&["network", "list"]);
            list.code == 0 && list.out.matches("running").count() == running && !list.out.contains("starting")
        });
        daemon
    }

    fn run(&self, args: &[&str]) -> Output {
        self.home.run(args)
    }

    fn wait(&self, until: impl Fn(&Self) -> bool) {
        for _ in 0..300 {
            if until(self) {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("not in time: {}{}", self.run(&["status"]).out, self.run(&["refusals"]).out);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(home: &TestHome, chain: &str, at: SocketAddr) {
    home.init(&[chain]);
    let pex = "[pex]\nbootstrap = true\nmax_handshakes_per_ip = 1\n";
    let text = format!("[p2p]\nladdr = \"tcp://{at}\"\naddr_book_strict = false\n{pex}");
    fs::write(home.config_file(chain), text).unwrap();
}

/// Three networks, the last of which cannot start: its port is taken.
struct Three {
    daemon: Daemon,
    places: Vec<SocketAddr>,
    _taken: TcpListener,
}

impl Three {
    fn start() -> Self {
        let home = TestHome::new();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let places = vec![reserve_port().unwrap(), reserve_port().unwrap(), taken.local_addr().unwrap()];
        for (chain, at) in ["a-1", "b-1", "c-1"].into_iter().zip(&places) {
            configure(&home, chain, *at);
        }
        Three { daemon: Daemon::start(home, 2), places, _taken: taken }
    }

    fn run(&self, args: &[&str]) -> Output {
        self.daemon.run(args)
    }
}

#[test]
fn a_part_that_fails_is_a_failure_and_told_as_one() {
    let three = Three::start();
    let alone = three.run(&["network", "start", "--network", "c-1"]);
    for args in [&["network", "start", "--network", "-"][..], &["network", "start", "--network", "-", "--json"]] {
        let all = three.run(args);
        assert_eq!((all.code, alone.code), (8, 8), "{}", all.err);
        assert!(all.err.contains("c-1 failed: network c-1 cannot start"), "{}", all.err);
        assert!(all.out.contains("a-1") && !all.out.contains("did not answer"), "{}", all.out);
    }
    let good = three.run(&["ban", ID]);
    assert_eq!((good.code, good.out.lines().count(), good.err.as_str()), (0, 3, ""));
}

#[test]
fn what_takes_a_network_away_is_meant_and_lasts_and_its_key_is_kept() {
    let home = TestHome::new();
    for chain in ["a-1", "b-1"] {
        configure(&home, chain, reserve_port().unwrap());
    }
    let key_file = home.path().join("networks/b-1/node_key.json");
    let key = fs::read_to_string(&key_file).unwrap();
    let daemon = Daemon::start(home, 2);
    for args in [&["network", "remove", "b-1"][..], &["network", "remove", "b-1", "--delete-data"]] {
        let refused = daemon.run(args);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{}", refused.err);
        assert!(refused.err.contains("stops serving b-1") && refused.err.contains("say --yes"), "{}", refused.err);
        assert!(refused.err.contains("no way back") == (args.len() == 4), "{}", refused.err);
    }
    assert!(daemon.run(&["network", "list"]).out.contains("b-1"));
    let removed = daemon.run(&["network", "remove", "b-1", "--yes"]);
    assert!(removed.code == 0 && removed.out.contains("b-1 is kept"), "{}{}", removed.out, removed.err);
    assert!(!daemon.run(&["network", "list"]).out.contains("b-1"));
    for args in [&["audit"][..], &["audit", "--network", "b-1"]] {
        let audit = daemon.run(args);
        assert!(audit.out.contains("removed the network b-1 and kept its folder"), "{}{}", audit.out, audit.err);
    }
    assert_eq!(daemon.run(&["network", "add", "b-1"]).code, 0);
    let removed = daemon.run(&["network", "remove", "b-1", "--delete-data", "--yes"]);
    let kept = removed.out.trim_end().strip_prefix("removed, its folder deleted; its key is ").map(str::to_owned);
    assert_eq!(fs::read_to_string(kept.unwrap()).unwrap(), key, "{}", removed.err);
    assert!(!key_file.exists());
}

#[test]
fn what_is_read_of_all_networks_is_one_list_in_its_order() {
    let three = Three::start();
    for (chain, reason) in [("a-1", "first"), ("a-1", "second"), ("b-1", "third")] {
        three.run(&["ban", "127.0.0.0/8", "--reason", reason, "--network", chain]);
    }
    let audit = three.run(&["audit", "--limit", "1"]);
    assert!(audit.out.contains("b-1") && audit.out.contains("third"), "{}", audit.out);
    assert_eq!((audit.code, audit.err.as_str()), (0, "1 shown; --limit shows more\n"));
    let audit = three.run(&["audit"]);
    let order: Vec<usize> = ["third", "second", "first"].iter().map(|text| audit.out.find(text).unwrap()).collect();
    assert!(order.is_sorted() && audit.err.is_empty(), "{}{}", audit.out, audit.err);

    for (at, count) in three.places.iter().zip([2, 6]) {
        for _ in 0..count {
            drop(TcpStream::connect(at).unwrap());
        }
    }
    three.daemon.wait(|daemon| {
        let most = daemon.run(&["refusals", "--limit", "1"]);
        let row: Vec<&str> = most.out.lines().nth(1).unwrap_or_default().split_whitespace().collect();
        most.err.contains("1 shown; --limit shows more") && row.get(2) == Some(&"6")
    });
}

#[test]
fn what_a_shared_listener_refused_is_told_once() {
    let home = TestHome::new();
    let at = reserve_port().unwrap();
    for chain in ["a-1", "b-1"] {
        configure(&home, chain, at);
    }
    let key = |chain| home.path().join("networks").join(chain).join("node_key.json");
    fs::copy(key("a-1"), key("b-1")).unwrap();
    let daemon = Daemon::start(home, 2);
    drop((0..6).map(|_| TcpStream::connect(at).unwrap()).collect::<Vec<_>>());
    daemon.wait(|daemon| daemon.run(&["refusals"]).out.contains("127.0.0.1"));
    for network in ["a-1", "b-1", "-"] {
        let rows = daemon.run(&["refusals", "--network", network]).out;
        assert_eq!(rows.lines().count(), 2, "{network}: {rows}");
    }
}

#[test]
fn the_network_that_is_to_be_named_is_asked_for_with_the_flag() {
    let three = Three::start();
    let list = three.run(&["peers"]);
    assert!(
        list.code == 2 && list.err.contains("a-1, b-1, c-1; write --network NAME, or --network - for all"),
        "{}",
        list.err
    );
    let one = three.run(&["peers", "get", ID]);
    assert!(one.code == 2 && one.err.trim_end().ends_with("write --network NAME"), "{}", one.err);
    assert_eq!(three.run(&["peers", "--network", "-", "--order", "requests"]).code, 0);
    assert_eq!(three.run(&["book", "list", "--network", "-", "--order", "added"]).code, 0);
}

#[test]
fn an_import_that_brings_nothing_is_a_failure() {
    let three = Three::start();
    let file = three.daemon.home.path().join("list.txt");
    let import = |text: &str| {
        fs::write(&file, text).unwrap();
        three.run(&["book", "import", file.to_str().unwrap(), "--network", "a-1"])
    };
    let good = format!("{ID}@127.0.0.1:1\n");
    let refused = import(&format!("{good}{ID}@127.0.0.1:2\n0.0.0.0:3\n{ID}@0.0.0.0:4\n"));
    assert!(refused.code == 1 && refused.err.contains("addresses were refused"), "{}{}", refused.out, refused.err);
    for empty in ["", "\n \n"] {
        let output = import(empty);
        assert_eq!(output.code, 1, "{empty:?}: {}{}", output.out, output.err);
        assert!(output.err.contains("there is no address in it"), "{}", output.err);
    }
    for wrong in ["{\"addrs\": [", "[1, 2]"] {
        let output = import(wrong);
        assert_eq!(output.code, 2, "{wrong:?}: {}{}", output.out, output.err);
        assert!(output.err.contains("list.txt: line 1, column ") && !output.err.contains("data:"), "{}", output.err);
    }
    let seeds = three.run(&["seeds", "add", &format!("{ID}@127.0.0.1:1;{ID}@127.0.0.1:2"), "--network", "a-1"]);
    assert!(seeds.code == 2 && seeds.err.contains("give one address at a time"), "{}", seeds.err);
    let limited = three.run(&["peers", "--limit", "x"]);
    assert!(limited.code == 2 && limited.err.contains("a limit is how many entries"), "{}", limited.err);
    for seconds in ["x", "0", "3601"] {
        let waited = three.run(&["peers", "--timeout", seconds]);
        assert!(waited.code == 2 && waited.err.contains("write a whole number from 1 to 3600"), "{}", waited.err);
    }
    assert_eq!(import(&good).code, 0);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let three = Three::start();
    for command in ["export", "list"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pexd"))
            .env_clear()
            .env("PEXD_HOME", three.daemon.home.path())
            .args(["book", command, "--network", "a-1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let reported = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!((ended.status.code(), reported.as_str()), (Some(0), ""), "{command}");
    }
}

#[test]
fn what_can_be_read_is_shown_and_what_cannot_is_a_failure() {
    let home = TestHome::new();
    for chain in ["a-1", "b-1"] {
        configure(&home, chain, reserve_port().unwrap());
    }
    fs::write(home.path().join("networks/b-1/book.db"), "this is no book").unwrap();
    let daemon = Daemon::start(home, 1);
    let ban = daemon.run(&["ban", "203.0.113.0/24"]);
    assert_eq!((ban.code, ban.out.as_str()), (8, "a-1: banned\n"));
    for args in [&["audit"][..], &["audit", "--json"]] {
        let audit = daemon.run(args);
        let alone = daemon.run(&["audit", "--network", "b-1"]);
        assert_eq!((audit.code, alone.code), (5, 5), "{}{}", audit.err, alone.err);
        assert!(audit.out.contains("203.0.113.0/24"), "{}", audit.out);
        assert!(audit.err.contains("b-1 failed: network b-1 cannot look into its files"), "{}", audit.err);
    }
    let check = daemon.run(&["status", "--check"]);
    assert_eq!((check.code, check.err.as_str()), (9, "1 of 2 networks needs attention\n"));
}

#[test]
fn what_is_wrong_is_named_by_its_flag_and_one_is_no_plural() {
    let home = TestHome::new();
    configure(&home, "a-1", reserve_port().unwrap());
    let daemon = Daemon::start(home, 1);
    for command in [&["peers"][..], &["book", "list"], &["dials"], &["events"]] {
        let wrong = daemon.run(&[command, &["--ip", "nonsense"]].concat());
        assert_eq!(wrong.code, 2, "{command:?}: {}", wrong.err);
        assert!(wrong.err.starts_with("--ip: ") && !wrong.err.contains("filter"), "{command:?}: {}", wrong.err);
    }
    let status = daemon.run(&["status"]).out;
    assert!(status.contains(", 1 network; "), "{status}");
    let added = daemon.run(&["book", "add", "nonsense"]);
    assert!(added.code == 1 && added.err.contains("1 address was refused"), "{}{}", added.out, added.err);
}
