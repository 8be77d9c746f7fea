//! pexd as systemd runs it: what it tells its manager and the journal, its unit, and a port that somebody else holds.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::TestHome;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stand-in for systemd, and a pexd that it started; killed when dropped.
struct Service {
    socket: UnixDatagram,
    child: Child,
    _folder: TempDir,
}

impl Service {
    fn start(home: &TestHome, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = pexd(home);
        let child = command.env("NOTIFY_SOCKET", &path).envs(variables.iter().copied()).spawn().unwrap();
        Service { socket, child, _folder: folder }
    }

    /// The next message that has this line, whole.
    fn until(&self, line: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            let length = self.socket.recv(&mut bytes).unwrap_or_else(|error| panic!("{line} does not come: {error}"));
            let message = std::str::from_utf8(&bytes[..length]).unwrap();
            if message.lines().any(|known| known == line) {
                return message.to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pexd(home: &TestHome) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
    command.env_clear().env("PEXD_HOME", home.path()).env("PEXD_PEX_BOOTSTRAP", "true").arg("start");
    let places =
        [("PEXD_HTTP_LADDR", ""), ("PEXD_ADMIN_LADDR", "127.0.0.1:0"), ("PEXD_P2P_LADDR", "tcp://127.0.0.1:0")];
    command.envs(places).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Says that something was not tried, past libtest, which keeps what a passing test prints to itself.
fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "\n** SKIPPED: {what} **");
}

#[test]
fn systemd_is_told_of_the_start_a_reload_progress_and_the_end() {
    let home = TestHome::with("one-1", "");
    let mut service = Service::start(&home, &[("WATCHDOG_USEC", "400000")]);
    service.until("READY=1");
    service.until("STATUS=1 of 1 network running");
    for _ in 0..3 {
        service.until("WATCHDOG=1");
    }
    service.signal("-HUP");
    let reloading = service.until("RELOADING=1");
    let since_boot = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(since_boot.parse::<u64>().unwrap() > 0);
    service.until("READY=1");
    service.signal("-TERM");
    service.until("STOPPING=1");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

/// The watchdog is fed by what really gets on: a process that is halted feeds it no more.
#[test]
fn the_watchdog_is_not_fed_where_it_is_not_asked_for_and_not_by_a_process_that_stands_still() {
    let home = TestHome::with("one-1", "");
    let service = Service::start(&home, &[("WATCHDOG_USEC", "400000"), ("WATCHDOG_PID", "1")]);
    service.until("STATUS=1 of 1 network running");
    service.socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut bytes = [0; 4096];
    while let Ok(length) = service.socket.recv(&mut bytes) {
        assert!(!bytes[..length].starts_with(b"WATCHDOG"), "it is another process's watchdog");
    }
    drop(service);

    let service = Service::start(&home, &[("WATCHDOG_USEC", "400000")]);
    service.until("WATCHDOG=1");
    service.signal("-STOP");
    service.socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    while service.socket.recv(&mut bytes).is_ok() {}
    service.signal("-CONT");
    service.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    service.until("WATCHDOG=1");
}

/// Also those that are written by the threads of the book and of the log of answers.
#[test]
fn a_line_in_json_about_a_network_says_which() {
    let home = TestHome::with("one-1", "[book]\nanswer_log_mib = 1\n");
    let log_of_answers = home.path().join("networks/one-1/book.db.answers");
    fs::write(&log_of_answers, "SQLite format 3\0 and then nothing that is one").unwrap();
    let mut child = pexd(&home).env("PEXD_LOG_FORMAT", "json").stderr(Stdio::piped()).spawn().unwrap();
    let mut missing = vec!["the log of answers", "address book loaded", "reactor started"];
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    while !missing.is_empty() {
        let line = lines.next().unwrap_or_else(|| panic!("no line has {missing:?}"));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        let about = |words: &&str| read["fields"]["message"].as_str().is_some_and(|message| message.starts_with(words));
        if missing.iter().any(about) {
            assert_eq!((read["chain"].as_str(), line.matches("\"one-1\"").count()), (Some("one-1"), 1), "{line}");
        }
        missing.retain(|words| !about(words));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_journal_gets_the_priority_of_each_line_and_a_file_gets_none() {
    let home = TestHome::with("one-1", "");
    for (format, is_journal) in [("text", true), ("json", true), ("text", false)] {
        let (reader, writer) = std::io::pipe().unwrap();
        let metadata = fs::File::from(std::os::fd::OwnedFd::from(writer.try_clone().unwrap())).metadata().unwrap();
        let inode = metadata.ino() + u64::from(!is_journal);
        let mut command = pexd(&home);
        command.env("JOURNAL_STREAM", format!("{}:{inode}", metadata.dev())).env("PEXD_LOG_FORMAT", format);
        let child = command.stderr(writer).spawn().unwrap();
        // Its copy of the writing end would keep the pipe open.
        drop(command);
        let mut started = String::new();
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            assert_eq!(line.starts_with("<6>"), is_journal, "{line}");
            if line.contains("reactor started") {
                started = line;
                break;
            }
        }
        let mut child = child;
        child.kill().unwrap();
        child.wait().unwrap();
        let told = match (format, is_journal) {
            ("text", true) => started.starts_with("<6> INFO network{chain=one-1}: pexd::"),
            ("text", false) => started.starts_with("20") && started.contains("Z  INFO network{chain=one-1}: pexd::"),
            _ => started.starts_with("<6>{\"timestamp\":") && started.matches("one-1").count() == 1,
        };
        assert!(told, "{format}: {started}");
    }
}

/// A seed that is given one node's address, and finds others.
#[test]
fn the_log_says_when_a_network_begins_to_serve() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
    command.env_clear().env("PEXD_LOG_LEVEL", "info").args(["localnet", "--seconds", "60", "--admin-port", "0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("servable"));
    child.kill().unwrap();
    child.wait().unwrap();
    let line = line.expect("a line tells of what is servable");
    assert!(line.contains(" INFO network{chain=") && line.contains(" servable: those who ask are answered"), "{line}");
}

#[test]
#[cfg(target_os = "linux")]
fn whoever_holds_a_port_is_named() {
    let home = TestHome::with("one-1", "");
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = held.local_addr().unwrap().to_string();
    let holder = format!("(process {})", std::process::id());
    for variable in ["PEXD_HTTP_LADDR", "PEXD_ADMIN_LADDR"] {
        let output = pexd(&home).env(variable, &at).stderr(Stdio::piped()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains("the port is taken by ") && err.contains(&holder), "{variable}: {err}");
    }
    let mut child = pexd(&home).env("PEXD_P2P_LADDR", format!("tcp://{at}")).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("reactor failed")).unwrap();
    assert!(line.contains("cannot listen on") && line.contains(&holder), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// `systemd-analyze` reads the unit as systemd does, and scores what it leaves to a process that is taken over.
#[test]
fn the_unit_is_one_and_leaves_little_to_an_attacker() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/pexd.service")).unwrap();
    assert!(text.contains("Type=notify\n") && text.contains("\nWatchdogSec="), "{text}");
    let unit = folder.path().join("pexd.service");
    // The program that it starts has to be there.
    fs::write(&unit, text.replace("/usr/local/bin/pexd", env!("CARGO_BIN_EXE_pexd"))).unwrap();
    let analyze = |args: &[&str]| Command::new("systemd-analyze").args(args).arg(&unit).output();
    let Ok(verified) = analyze(&["verify", "--man=no"]) else {
        return skipped("there is no systemd-analyze, so that nobody has read deploy/pexd.service");
    };
    let said = String::from_utf8([verified.stdout, verified.stderr].concat()).unwrap();
    let about_it: Vec<&str> = said.lines().filter(|line| line.contains("pexd.service")).collect();
    assert!(verified.status.success() && about_it.is_empty(), "{said}");
    // In tenths: today's is 15. Older ones cannot score a file.
    let scored = analyze(&["security", "--offline=true", "--threshold=20"]).unwrap();
    let said = String::from_utf8([scored.stdout, scored.stderr].concat()).unwrap();
    if said.contains("unrecognized option") {
        return skipped("this systemd-analyze cannot score deploy/pexd.service");
    }
    assert!(scored.status.success() && said.contains("Overall exposure level"), "{said}");
}
