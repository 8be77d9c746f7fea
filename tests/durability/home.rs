//! A home, and the process that serves it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use pexd::store::{Loaded, Store};
use tempfile::TempDir;

pub(crate) const CHAIN: &str = "killed-1";

/// Seeds of the file: nobody is there.
pub(crate) const FILE_SEEDS: [&str; 2] =
    ["f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1@127.0.0.1:1", "f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2@127.0.0.1:1"];

/// A home with one network.
#[derive(Debug)]
pub(crate) struct Home(TempDir);

impl Home {
    /// What `pexd init` makes.
    pub(crate) fn init() -> Self {
        let home = Home(tempfile::tempdir().unwrap());
        let output = home.command().args(["init", CHAIN, "--seed-mode"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        home
    }

    /// Makes one more network, which listens on a port of loopback that the system chooses.
    pub(crate) fn add(&self, chain: &str) {
        let output = self.command().args(["init", chain, "--seed-mode"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let file = self.0.path().join("networks").join(chain).join("config.toml");
        let text = fs::read_to_string(&file).unwrap();
        let line = text.lines().find(|line| line.starts_with("laddr = ")).unwrap();
        fs::write(&file, text.replace(line, "laddr = \"tcp://127.0.0.1:0\"")).unwrap();
    }

    /// The home's folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The program, with nothing of the surrounding environment.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
        command.env_clear().env("PEXD_HOME", self.0.path());
        command
    }

    /// Starts the process, on a port that the system chooses, open to whatever comes from loopback.
    pub(crate) fn start(&self) -> Pexd {
        let variables = [
            ("PEXD_ADMIN_LADDR", ""),
            ("PEXD_ADMIN_REQUESTS_PER_SECOND", "0"),
            ("PEXD_HTTP_LADDR", ""),
            ("PEXD_NETWORK", CHAIN),
            ("PEXD_LOG_LEVEL", "error,pexd::app=info"),
            ("PEXD_P2P_LADDR", "tcp://127.0.0.1:0"),
            ("PEXD_P2P_ADDR_BOOK_STRICT", "false"),
            ("PEXD_P2P_SEEDS", &FILE_SEEDS.join(",")),
            ("PEXD_PEX_BOOTSTRAP", "true"),
            ("PEXD_PEX_NEW_CONNECTIONS_PER_IP", "0"),
        ];
        let mut command = self.command();
        let mut child = command.envs(variables).arg("start").stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Pexd { child, log }
    }

    /// A file of the network, by what stands behind `book.db`.
    pub(crate) fn book(&self, suffix: &str) -> PathBuf {
        self.0.path().join("networks").join(CHAIN).join(format!("book.db{suffix}"))
    }

    /// What the book's files hold while no process has them, read from a copy, so that the next process finds them as the
    /// kill left them. `None` when there is no book yet.
    pub(crate) fn on_disk(&self) -> Option<Loaded> {
        let book = self.book("");
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("book.db");
        for suffix in ["", "-wal"] {
            let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            if name(&book).exists() {
                fs::copy(name(&book), name(&copy)).unwrap();
            }
        }
        copy.exists().then(|| {
            let (_store, loaded) = Store::open(&copy, CHAIN, [0; 32]).expect("a kill damages nothing");
            assert_eq!(loaded.skipped.count, 0, "{:?}", loaded.skipped);
            loaded
        })
    }
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Pexd {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Pexd {
    /// Waits until it says where the socket of its admin API is.
    pub(crate) fn admin(&mut self) -> String {
        let mut said = String::new();
        while self.log.read_line(&mut said).unwrap() > 0 {
            if let Some((_, place)) = said.rsplit_once("admin API socket=") {
                return place.trim().to_owned();
            }
        }
        panic!("it ended by itself: {said}");
    }

    /// Ends it as a power failure would; fails when it had ended by itself.
    pub(crate) fn kill(mut self) {
        const SIGKILL: i32 = 9;
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "it ended by itself ({status}): {log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

impl Pexd {
    /// Ends it as an operator does; what it said in its log meanwhile.
    pub(crate) fn stop(mut self) -> String {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        self.child.wait().unwrap();
        log
    }
}

impl Drop for Pexd {
    fn drop(&mut self) {
        // It has been waited for already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
