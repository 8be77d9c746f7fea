//! The command line and the configuration, as an operator meets them.

#![allow(clippy::unwrap_used)]

#[path = "cli/access.rs"]
mod access;
#[path = "cli/asking.rs"]
mod asking;
#[path = "cli/certificates.rs"]
mod certificates;
#[path = "cli/check_seeds.rs"]
mod check_seeds;
#[path = "cli/homes.rs"]
mod homes;
#[path = "cli/making.rs"]
mod making;
#[path = "cli/mutual_tls.rs"]
mod mutual_tls;
#[path = "cli/running/mod.rs"]
mod running;
#[path = "cli/service.rs"]
mod service;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use assert_cmd::Command;
use pexd::clock::Clock;
use pexd::config::{self, Config, Home, Key, Network, ProcessConfig, Sources, keys};
use pexd::testkit::{AsnField, asn_database};
use pexd::types::PeerAddress;
use pexd::version;
use tempfile::TempDir;

const SEED: &str = "0123456789abcdef0123456789abcdef01234567@seed.example.org:26656";

/// A home of one test, and the program run in it with nothing of the surrounding environment.
struct TestHome(TempDir);

impl TestHome {
    fn new() -> Self {
        TestHome(tempfile::tempdir().unwrap())
    }

    /// A home with one network whose file has this text.
    fn with(chain: &str, text: &str) -> Self {
        let home = TestHome::new();
        home.init(&[chain]);
        fs::write(home.config_file(chain), text).unwrap();
        home
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn config_file(&self, chain: &str) -> PathBuf {
        self.path().join("networks").join(chain).join("config.toml")
    }

    fn run(&self, args: &[&str]) -> Output {
        let output =
            Command::cargo_bin("pexd").unwrap().env_clear().env("PEXD_HOME", self.path()).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Output { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn init(&self, args: &[&str]) -> Output {
        let output = self.run(&[&["init"], args].concat());
        assert_eq!(output.code, 0, "{}", output.err);
        let others: Vec<_> = output.err.lines().filter(|line| !line.contains(" has no seeds, ")).collect();
        assert_eq!(others, [""; 0]);
        output
    }

    fn load(&self) -> Config {
        self.load_with(|_| ())
    }

    fn load_with(&self, change: impl FnOnce(&mut Sources)) -> Config {
        let mut sources = Sources::files_of(Home::new(self.path()));
        change(&mut sources);
        config::load(&sources).unwrap()
    }

    fn errors(&self, change: impl FnOnce(&mut Sources)) -> Vec<String> {
        let mut sources = Sources::files_of(Home::new(self.path()));
        change(&mut sources);
        config::load(&sources).and_then(Config::strict).unwrap_err().notes().iter().map(ToString::to_string).collect()
    }
}

struct Output {
    code: i32,
    out: String,
    err: String,
}

/// Every file below a folder, with its text.
fn tree(path: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.insert(path.clone(), String::new());
            files.extend(tree(&path));
        } else {
            files.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
    files
}

fn key(path: &str) -> &'static Key {
    keys::all_keys().find(|key| key.path() == path).unwrap()
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn only(config: &Config) -> &Network {
    assert_eq!(config.networks.len(), 1);
    &config.networks[0]
}

#[test]
fn the_version_names_the_commit_where_it_is_known() {
    let printed = TestHome::new().run(&["--version"]);
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    let rest =
        printed.out.strip_prefix(concat!("pexd ", env!("CARGO_PKG_VERSION"))).unwrap().strip_suffix('\n').unwrap();
    let commit = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')')).unwrap_or_default();
    assert_eq!((rest.is_empty(), commit), (version::COMMIT.is_empty(), version::COMMIT));
    let digits = commit.strip_suffix("-dirty").unwrap_or(commit);
    assert!(digits.is_empty() || digits.len() == 12, "{commit}");
    assert!(digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{commit}");
}

#[test]
fn init_makes_a_network_that_loads() {
    let home = TestHome::new();
    let printed = home.init(&["chain-1", "--seeds", SEED, "--moniker", "my \"node\""]).out;
    let address: PeerAddress = printed.trim().parse().unwrap();

    let config = home.load();
    assert_eq!(config.warnings, []);
    let network = only(&config);
    assert_eq!((network.chain_id.as_str(), network.moniker.as_str()), ("chain-1", "my \"node\""));
    assert_eq!((network.id(), network.p2p.laddr.port()), (address.id(), address.port()));
    assert_eq!(network.p2p.seeds, [SEED.parse().unwrap()]);
    assert_eq!(network.book, home.path().canonicalize().unwrap().join("networks/chain-1/book.db"));
    assert_eq!((network.p2p.seed_mode, network.p2p.max_num_inbound_peers), (false, 40));
    assert_eq!(home.run(&["show-node-id"]).out, format!("{}\n", address.id()));
}

#[test]
fn init_keeps_the_secret_to_its_owner() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    let mode = |path: &str| fs::metadata(home.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("networks/chain-1"), 0o700);
    assert_eq!(mode("networks/chain-1/node_key.json"), 0o600);
}

#[test]
fn what_init_writes_has_every_key_once_with_its_default() {
    for mode in [&["--seed-mode"][..], &[]] {
        let home = TestHome::new();
        home.init(&[&["c"], mode].concat());
        let before = home.load();
        let files = [home.path().join("pexd.toml"), home.config_file("c")];
        for file in &files {
            let text = fs::read_to_string(file).unwrap();
            // A commented-out key has ` = ` behind one word; prose has more words.
            let lines = text.lines().map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')) => rest,
                _ => line,
            });
            fs::write(file, lines.collect::<Vec<_>>().join("\n")).unwrap();
        }
        let text = files.map(|file| fs::read_to_string(file).unwrap()).concat();
        for key in keys::all_keys() {
            let line = format!("{} = ", key.name);
            assert!(text.lines().any(|text| text.starts_with(&line)), "{}", key.path());
        }
        let after = home.load();
        let values = |config: &Config| ProcessConfig { entries: Vec::new(), ..config.process.clone() };
        assert_eq!(values(&before), values(&after));
        let (before, after) = (only(&before), only(&after));
        assert_eq!((&before.p2p, &before.pex), (&after.p2p, &after.pex));
    }
}

#[test]
fn a_second_init_refuses_and_changes_nothing() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    let before = tree(&home.path());
    let output = home.run(&["init", "chain-1", "--seed-mode"]);
    assert_eq!(output.code, 1);
    assert!(output.err.contains("config.toml, node_key.json"), "{}", output.err);
    assert_eq!(output.out, "");
    assert_eq!(tree(&home.path()), before);
}

#[test]
fn init_changes_nothing_when_it_is_told_nonsense() {
    let home = TestHome::new();
    for args in [
        &["../x"][..],
        &["a/b"],
        &[".."],
        &[""],
        &["--", "-a"],
        &["c", "--seeds", "nonsense"],
        &["c", "--moniker", ""],
        &["c", "--moniker", "é"],
        &[],
    ] {
        let output = home.run(&[&["init"], args].concat());
        assert_eq!(output.code, 2, "{args:?}: {}", output.err);
        assert!(!home.path().exists(), "{args:?}");
    }
}

#[test]
fn a_network_that_cannot_be_looked_into_is_told_of_and_not_overlooked() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    let file = home.config_file("chain-1");
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&file, &file).unwrap();
    let output = home.run(&["show-node-id"]);
    assert_eq!(output.code, 2);
    assert!(output.err.contains(&*file.to_string_lossy()) && !output.err.contains("no network"), "{}", output.err);
}

#[test]
fn a_network_without_a_key_gets_one_and_keeps_it() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    let key = home.config_file("chain-1").with_file_name("node_key.json");
    fs::remove_file(&key).unwrap();
    assert!(home.run(&["show-node-id"]).err.contains("pexd gen-node-key"));
    let made = home.run(&["gen-node-key", "chain-1"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(home.run(&["gen-node-key", "chain-1"]).code, 1, "it overwrites nothing");
    assert_eq!(home.run(&["show-node-id"]).out, made.out);
    assert_eq!(home.run(&["gen-node-key", "../chain-1"]).code, 2);
}

#[test]
fn a_backup_of_a_running_book_has_everything_and_is_put_back_after_a_crash() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    let copy = home.0.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    let none = home.run(&["backup", copy]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("book.db does not exist"), "{}", none.err);

    let mut serving = Serving::start(&home);
    serving.until("reactor started");
    assert_eq!(home.run(&["ban", "198.51.100.7"]).code, 0);
    let saved = home.run(&["backup", copy]);
    assert_eq!((saved.code, &*saved.err), (0, ""));
    assert_eq!(home.run(&["backup", copy]).code, 1, "it overwrites nothing");
    assert_eq!(home.run(&["unban", "198.51.100.7"]).code, 0);
    let in_use = home.run(&["restore", copy]);
    assert!(in_use.code == 1 && in_use.err.contains("in use by another pexd"), "{}", in_use.err);
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();

    let restored = home.run(&["restore", copy]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    assert!(restored.out.contains("the old book was moved to"), "{}", restored.out);
    let serving = Serving::start(&home);
    serving.until("reactor started");
    assert!(home.run(&["bans"]).out.contains("198.51.100.7"));

    home.init(&["chain-2"]);
    let which = home.run(&["backup", copy]);
    assert_eq!(which.code, 2);
    assert!(which.err.contains("add --network, one of chain-1, chain-2"), "{}", which.err);
}

#[test]
fn a_second_network_gets_its_own_port_and_identity() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    let process = fs::read_to_string(home.path().join("pexd.toml")).unwrap();
    fs::write(home.path().join("pexd.toml"), format!("# mine\n{process}")).unwrap();
    home.init(&["chain-2"]);
    assert!(fs::read_to_string(home.path().join("pexd.toml")).unwrap().starts_with("# mine\n"));

    let config = home.load();
    let [a, b] = config.networks.as_slice() else { panic!("{:?}", config.networks) };
    assert_ne!(a.p2p.laddr.port(), b.p2p.laddr.port());
    assert_ne!(a.id(), b.id());
    assert_eq!(home.run(&["show-node-id"]).out, format!("chain-1 {}\nchain-2 {}\n", a.id(), b.id()));
    assert_eq!(home.run(&["show-node-id", "--network", "chain-2"]).out, format!("{}\n", b.id()));
    let wrong = home.run(&["show-node-id", "--network", "chain-3"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(wrong.err.contains("chain-1, chain-2"), "{}", wrong.err);
}

#[test]
fn init_passes_over_a_port_that_a_process_has() {
    let home = TestHome::new();
    let first = home.init(&["chain-1"]).out.trim().parse::<PeerAddress>().unwrap().port();
    let _held = std::net::TcpListener::bind(("127.0.0.1", first));
    let other = TestHome::new();
    let second = other.init(&["chain-1"]).out.trim().parse::<PeerAddress>().unwrap().port();
    assert_ne!(first, second);
}

#[test]
fn five_errors_give_five_lines() {
    let home = TestHome::with(
        "chain-1",
        r#"moniker = "m"

[p2p]
laddr = "tcp://0.0.0.0"
seeds = "0123@1.2.3.4:26656"
sed_mode = true
max_num_inbound_peers = -1

[pex]
ensure_peers_period = "30"
"#,
    );
    let output = home.run(&["start"]);
    assert_eq!((output.code, output.out.as_str()), (2, ""));
    let lines: Vec<&str> = output.err.lines().collect();
    let expected = [
        (4, "p2p.laddr", "tcp://IP:PORT"),
        (5, "p2p.seeds", "40 hex digits"),
        (6, "p2p.sed_mode", "did you mean seed_mode?"),
        (7, "p2p.max_num_inbound_peers", "from 0 to"),
        (10, "pex.ensure_peers_period", "without a unit"),
    ];
    assert_eq!(lines.len(), expected.len(), "{}", output.err);
    for (line, (number, key, mend)) in lines.iter().zip(expected) {
        assert!(line.starts_with(&format!("{}:{number}: {key} ", home.config_file("chain-1").display())), "{line}");
        assert!(line.contains(mend), "{line}");
    }
}

#[test]
fn errors_of_all_files_are_reported_at_once() {
    let home = TestHome::with("chain-1", "[p2p]\npex = false\n");
    home.init(&["chain-2"]);
    fs::write(home.config_file("chain-2"), "[book]\nfile = 3\n").unwrap();
    fs::write(home.path().join("pexd.toml"), "[admin]\nladdr = \"0.0.0.0:26670\"\n[status]\nladdr = \"\"\n").unwrap();
    let reported = home.errors(|sources| {
        sources.flags.push((key("log.level"), "loud".into()));
        sources.variables.push(variable("PEXD_LIMITS_MAX_DIALS", "0"));
    });
    let parts = [
        "pexd.toml:2: admin.laddr is 0.0.0.0:26670",
        "pexd.toml:3: status is not a known key",
        "chain-1/config.toml:2: p2p.pex is false",
        "chain-2/config.toml:2: book.file is an integer",
        "variable PEXD_LIMITS_MAX_DIALS: limits.max_dials is 0",
        "flag --log.level: log.level is \"loud\"",
    ];
    assert_eq!(reported.len(), parts.len(), "{reported:#?}");
    for (reported, part) in reported.iter().zip(parts) {
        assert!(reported.contains(part), "{reported}");
    }
}

#[test]
fn one_networks_errors_keep_the_others_from_nothing() {
    let home = TestHome::with("well-1", "");
    home.init(&["sick-1"]);
    fs::write(home.config_file("sick-1"), "[p2p]\nladder = 1\nseeds = \"x\"\n").unwrap();
    for args in [&["check-config", "--strict"][..], &["start", "--strict"]] {
        let output = home.run(args);
        assert_eq!((output.code, output.out.as_str()), (2, ""));
        assert_eq!(output.err.lines().count(), 2, "{}", output.err);
    }
    // A book that is none, and a port that somebody has, are what a start would meet, too.
    let book = home.config_file("well-1").with_file_name("book.db");
    fs::write(&book, "no book").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap();
    fs::write(home.config_file("well-1"), format!("[p2p]\nladdr = \"{place}\"\n")).unwrap();
    let met = home.run(&["check-config"]);
    assert_eq!(met.code, 3);
    assert!(met.err.contains("well-1: ") && met.err.contains("is not an address book of pexd"), "{}", met.err);
    assert!(met.err.contains(&format!("well-1: p2p.laddr: {place} is taken")), "{}", met.err);
    drop(taken);
    fs::remove_file(book).unwrap();
    fs::write(home.config_file("well-1"), "").unwrap();
    let checked = home.run(&["check-config"]);
    assert_eq!(checked.code, 3);
    assert!(checked.out.contains("well-1: in order\n") && checked.out.contains("nothing to reload"), "{}", checked.out);
    for part in ["config.toml:2: p2p.ladder", "config.toml:3: p2p.seeds", "sick-1: would be FAILED"] {
        assert!(checked.err.contains(part), "{}", checked.err);
    }

    let port = free_port();
    let variables = [("PEXD_HTTP_LADDR", format!("127.0.0.1:{port}")), ("PEXD_ADMIN_LADDR", String::new())];
    for (chain, line) in [("well-1", "bootstrap = true"), ("sick-1", "bootstrap = true\nladder = 1")] {
        fs::write(home.config_file(chain), format!("[p2p]\nladdr = \"127.0.0.1:0\"\n[pex]\n{line}\n")).unwrap();
    }
    let serving = Serving::start_by(&home, "exec \"$0\" start", variables);
    serving.until("its files have errors, and it is FAILED");
    serving.until("reactor started");
    let status = home.run(&["status", "--check"]);
    assert_eq!(status.code, 9, "{}{}", status.out, status.err);
    assert!(
        status.out.contains("did you mean") && status.err.contains("1 of 2 networks"),
        "{}{}",
        status.out,
        status.err
    );

    fs::write(home.config_file("sick-1"), "[p2p]\nladdr = \"127.0.0.1:0\"\n[pex]\nbootstrap = true\n").unwrap();
    let limit = "[p2p]\nladdr = \"127.0.0.1:0\"\nmax_num_outbound_peers = 7\n[pex]\nbootstrap = true\n";
    fs::write(home.config_file("well-1"), limit).unwrap();
    fs::write(home.path().join("pexd.toml"), "[limits]\nmax_dials = 9\n").unwrap();
    let checked = home.run(&["check-config"]);
    assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{}", checked.out);
    for line in [
        "a reload of the pexd that runs would change:\n",
        "sick-1: its files are in order now: it would be served\n",
        "well-1: p2p.max_num_outbound_peers: \"10\" -> \"7\"\n",
        "pexd.toml: limits.max_dials: \"256\" -> \"9\" (after a restart of pexd)\n",
    ] {
        assert!(checked.out.contains(line), "{line} in {}", checked.out);
    }
    serving.signal("-HUP");
    serving.until("files read again");
    serving.until("files read again");
    let checked = home.run(&["check-config"]);
    assert!(!checked.out.contains("sick-1: its") && !checked.out.contains("well-1: p2p"), "{}", checked.out);
}

/// As many idle connections as descriptors there are, and more.
#[test]
fn with_few_descriptors_peers_are_refused_and_operators_are_not() {
    let home = TestHome::new();
    home.init(&["one-1"]);
    let (p2p, http) = (free_port(), free_port());
    let text = format!(
        "[p2p]\nladdr = \"127.0.0.1:{p2p}\"\naddr_book_strict = false\nallow_duplicate_ip = true\n[pex]\nbootstrap = true\n\
         max_handshakes_per_ip = 0\nmax_handshakes = 0\nnew_connections_per_ip = 0\n"
    );
    fs::write(home.config_file("one-1"), text).unwrap();
    let variables = [("PEXD_HTTP_LADDR", format!("127.0.0.1:{http}")), ("PEXD_ADMIN_LADDR", String::new())];
    let serving = Serving::start_by(&home, "ulimit -n 128 && exec \"$0\" start", variables);
    assert!(serving.until("the limit of open files is 128").contains("LimitNOFILE"));
    serving.until("reactor started");
    let idle: Vec<_> = (0..300).map(|_| TcpStream::connect(("127.0.0.1", p2p)).unwrap()).collect();
    serving.until("file descriptors are short");

    assert!(get(http, "/healthz").starts_with("HTTP/1.1 200"));
    let metrics = get(http, "/metrics");
    let count = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {metrics}")).trim().parse().unwrap()
    };
    assert!(count("pexd_descriptor_shortages_total{use=\"inbound\"}") > 100.0);
    assert!(count("pexd_refusals_total{chain_id=\"one-1\",reason=\"local_resources\"}") > 100.0);
    assert!(count("process_open_fds") < 100.0, "the reserve is there");
    let banned = home.run(&["ban", "10.0.0.1"]);
    assert_eq!(banned.code, 0, "the socket answers, and the book is written: {}{}", banned.out, banned.err);
    drop(idle);
    let settled = Clock.mono() + Duration::from_secs(60);
    let mut probe = TcpStream::connect(("127.0.0.1", p2p)).unwrap();
    // Whoever is let in is sent a key; who is refused is closed on.
    while probe.read(&mut [0; 1]).unwrap_or(0) == 0 {
        assert!(Clock.mono() < settled, "nobody is let in again");
        thread::sleep(Duration::from_millis(50));
        probe = TcpStream::connect(("127.0.0.1", p2p)).unwrap();
    }
}

/// A port that nobody has.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The whole answer to a GET.
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn metrics_and_health_have_a_port_of_their_own_or_none() {
    let home = TestHome::with("chain-1", "[p2p]\nladdr = \"127.0.0.1:26671\"\n[pex]\nbootstrap = true\n");
    let file = home.path().join("pexd.toml");
    fs::write(&file, "[http]\nladdr = \"0.0.0.0:26670\"\n").unwrap();
    let reported = home.errors(|_| {});
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(
        reported[0].contains("pexd.toml:2: http.laddr 0.0.0.0:26670 has the port of the admin API"),
        "{reported:?}"
    );
    fs::write(&file, "").unwrap();
    let reported = home.errors(|_| {});
    assert!(reported.len() == 1 && reported[0].contains("port of metrics and health (http.laddr)"), "{reported:?}");
    fs::write(&file, "[http]\nladdr = \"\"\n").unwrap();
    let sources = Sources::files_of(Home::new(home.path()));
    assert_eq!(config::load(&sources).unwrap().process.http.laddr, None);
}

#[test]
fn a_nodes_whole_file_is_accepted_as_it_is() {
    for (version, ignored) in [
        ("0.34.35", ["p2p.upnp", "fast_sync", "fastsync", "mempool"]),
        ("0.38.26", ["p2p.addr_book_file", "genesis_file", "rpc", "blocksync"]),
        ("0.40.0", ["p2p.libp2p", "event_bus_buffer_capacity", "storage", "consensus"]),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/config-{version}.toml"));
        let home = TestHome::with("chain-1", &fs::read_to_string(file).unwrap());
        let config = home.load();
        let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), 1, "{version}: {warnings:?}");
        for name in ignored {
            assert!(warnings[0].contains(name), "{version}: {name} in {warnings:?}");
        }
        let p2p = &only(&config).p2p;
        let flush = if version == "0.40.0" { 10 } else { 100 };
        assert_eq!(p2p.flush_throttle_timeout, Duration::from_millis(flush), "{version}");
        assert_eq!((p2p.max_num_inbound_peers, p2p.max_num_outbound_peers), (40, 10), "{version}");
        assert_eq!(p2p.laddr, "0.0.0.0:26656".parse().unwrap(), "{version}");
        assert_eq!((p2p.handshake_timeout, p2p.dial_timeout), (Duration::from_secs(20), Duration::from_secs(3)));
    }
}

/// The cases that CometBFT reads are in src/config/node_value.rs, with their source.
#[test]
fn a_nodes_values_are_taken_as_it_takes_them_and_held_against_the_bounds() {
    let home = TestHome::with(
        "chain-1",
        "moniker = 7\nskip_app_hash = true\n[rollupsync]\nenable = true\n[p2p]\nsend_rate = 5.12e+07\ndial_timeout = 3000000000\n\
         pex = 1\naddr_book_strict = \"False\"\nallow-duplicate-ip = \"T\"\nMax_Num_Inbound_Peers = \"0x10\"\n",
    );
    let config = home.load();
    let Network { moniker, p2p, .. } = only(&config);
    assert_eq!((&**moniker, p2p.send_rate, p2p.dial_timeout), ("7", 51_200_000, Duration::from_secs(3)));
    assert!(p2p.pex && !p2p.addr_book_strict && p2p.allow_duplicate_ip && p2p.max_num_inbound_peers == 16);
    assert_eq!(only(&config).entry("p2p.dial_timeout").unwrap().value, "3s");
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.len() == 1 && warnings[0].ends_with(": skip_app_hash, rollupsync"), "{warnings:?}");

    let file = home.config_file("chain-1");
    for (line, part) in [
        ("dial_timeout = 3", "p2p.dial_timeout is 3ns: write a duration from 1ms to 10m0s"),
        ("send_rate = -5", "p2p.send_rate is \"-5\": write a whole number from 0"),
        ("max_num_inbound_peers = 1e7", "p2p.max_num_inbound_peers is 10000000: write"),
        ("pex = \"yes\"", "p2p.pex is \"yes\": write true or false"),
        ("pex = 0", "p2p.pex is false"),
        ("sedes = 1", "p2p.sedes is not a known key: did you mean seeds?"),
    ] {
        fs::write(&file, format!("[p2p]\n{line}\n")).unwrap();
        let reported = home.errors(|_| {});
        assert!(reported.len() == 1 && reported[0].contains(part), "{line}: {reported:?}");
    }
}

#[test]
fn a_network_that_names_itself_is_warned_of_it() {
    let home = TestHome::with("chain-1", "");
    let id = only(&home.load()).id();
    let other = "0123456789abcdef0123456789abcdef01234567";
    let write = |seeds: String| {
        fs::write(
            home.config_file("chain-1"),
            format!("[p2p]\nexternal_address = \"own.org:1\"\nseeds = \"{seeds}\"\n"),
        )
        .unwrap();
        home.load().warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(write(format!("{other}@h.org:1")), <[&str; 0]>::default());
    for ours in [format!("{id}@h.org:1"), format!("{other}@own.org:1"), format!("{other}@127.0.0.1:26656")] {
        let warnings = write(format!("{other}@h.org:1,{ours}"));
        let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(
            warning.contains("config.toml:3: p2p.seeds names this node itself: ") && warning.contains(&ours),
            "{warning}"
        );
    }
}

#[test]
fn a_nodes_file_turned_into_a_seed_is_warned_of_its_limits() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config-0.38.26.toml");
    let text = fs::read_to_string(file).unwrap().replace("seed_mode = false", "seed_mode = true");
    let home = TestHome::with("chain-1", &text);
    let config = home.load();
    let line = 1 + text.lines().position(|line| line == "max_num_inbound_peers = 40").unwrap();
    let warned = |part: &str| config.warnings.iter().any(|note| note.to_string().contains(part));
    assert!(warned(&format!("config.toml:{line}: p2p.max_num_inbound_peers = 40")), "{:?}", config.warnings);
    assert!(warned("p2p.allow_duplicate_ip = false"), "{:?}", config.warnings);
    assert_eq!(only(&config).p2p.max_num_inbound_peers, 40);
}

#[test]
fn a_seeds_defaults_follow_the_mode_wherever_it_is_set() {
    let home = TestHome::with("chain-1", "");
    for config in [
        home.load_with(|sources| sources.flags.push((key("p2p.seed_mode"), "true".into()))),
        home.load_with(|sources| sources.variables.push(variable("PEXD_P2P_SEED_MODE", "true"))),
    ] {
        let p2p = &only(&config).p2p;
        assert_eq!((p2p.seed_mode, p2p.max_num_inbound_peers, p2p.allow_duplicate_ip), (true, 2000, true));
    }
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let home = TestHome::with("chain-1", "[p2p]\ndial_timeout = \"1s\"\n");
    let value = |config: Config| only(&config).p2p.max_num_outbound_peers;
    let set = |text: &str| fs::write(home.config_file("chain-1"), text).unwrap();
    assert_eq!(value(home.load()), 10);
    set("[p2p]\nmax_num_outbound_peers = 11\n");
    assert_eq!(value(home.load()), 11);
    let with_variable = |sources: &mut Sources| {
        sources.variables.push(variable("PEXD_P2P_MAX_NUM_OUTBOUND_PEERS", "12"));
    };
    assert_eq!(value(home.load_with(with_variable)), 12);
    let with_both = |sources: &mut Sources| {
        with_variable(sources);
        sources.flags.push((key("p2p.max_num_outbound_peers"), "13".into()));
    };
    assert_eq!(value(home.load_with(with_both)), 13);
    set("[p2p]\nmax_num_outbound_peers = \"many\"\n");
    assert_eq!(home.errors(with_both).len(), 1, "an error below is reported although it is overridden");
}

#[test]
fn a_networks_flag_needs_a_network_when_there_are_several() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    home.init(&["chain-2"]);
    let flag = |sources: &mut Sources| sources.flags.push((key("p2p.max_num_outbound_peers"), "3".into()));
    let reported = home.errors(flag);
    assert_eq!(reported.len(), 1);
    assert!(reported[0].contains("--network with one of chain-1, chain-2"), "{reported:?}");

    let config = home.load_with(|sources| {
        flag(sources);
        sources.network = Some("chain-2".into());
    });
    let outbound: Vec<u32> = config.networks.iter().map(|network| network.p2p.max_num_outbound_peers).collect();
    assert_eq!(outbound, [10, 3]);
}

#[test]
fn the_program_reads_its_flags_and_variables() {
    let home = TestHome::with("chain-1", "");
    let start = |args: &[&str]| home.run(&[&["start"], args].concat());
    let output = start(&["--p2p.laddr", "nowhere", "--p2p.seed-mode=maybe", "--p2p.seeds", "x"]);
    assert_eq!(output.code, 2);
    for part in ["flag --p2p.laddr: ", "flag --p2p.seed_mode: ", "flag --p2p.seeds: "] {
        assert!(output.err.contains(part), "{part} in {}", output.err);
    }
    let mut command = Command::cargo_bin("pexd").unwrap();
    let output = command
        .env_clear()
        .env("PEXD_HOME", home.path())
        .env("PEXD_P2P_LADDR", "nowhere")
        .env("PEXD_ADMIN_LADDR", "1.2.3.4:1")
        .arg("start")
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("variable PEXD_P2P_LADDR: p2p.laddr") && err.contains("variable PEXD_ADMIN_LADDR: "), "{err}");
    assert_eq!(start(&["--p2p.lader", "x"]).code, 2);
}

#[test]
fn a_mistyped_variable_is_warned_of() {
    let home = TestHome::with("chain-1", "");
    let config = home.load_with(|sources| {
        sources.variables.push(variable("PEXD_P2P_LADR", "x"));
        sources.variables.push(variable("PEXD_PORT_26656_TCP_ADDR", "10.0.0.1"));
        sources.variables.push(variable("HOME", "/"));
    });
    let reported: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert!(reported[0].contains("did you mean PEXD_P2P_LADDR?"), "{reported:?}");
}

#[test]
fn a_home_without_networks_says_how_to_make_one() {
    let home = TestHome::new();
    let output = home.run(&["start"]);
    assert_eq!(output.code, 2);
    assert!(output.err.contains("pexd init CHAIN_ID"), "{}", output.err);
    assert!(!home.path().exists());
}

#[test]
fn networks_that_want_the_same_are_told() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    home.init(&["chain-2"]);
    fs::write(home.config_file("chain-1"), "[p2p]\nladdr = \"tcp://0.0.0.0:26656\"\n").unwrap();
    let second = "[p2p]\nladdr = \"tcp://127.0.0.1:26656\"\n[pex]\nchain_id = \"chain-1\"\n[book]\nfile = \"../chain-1/book.db\"\n";
    fs::write(home.config_file("chain-2"), second).unwrap();
    let reported = home.errors(|_| ());
    assert_eq!(reported.len(), 3, "{reported:#?}");
    for (reported, part) in reported.iter().zip([
        "config.toml:2: p2p.laddr",
        "config.toml:4: the chain chain-1",
        "config.toml:6: book.file",
    ]) {
        assert!(reported.contains(part), "{reported}");
    }
}

#[test]
fn the_default_network_has_to_exist() {
    let home = TestHome::with("chain-1", "");
    let set = |name: &str| fs::write(home.path().join("pexd.toml"), format!("default_network = \"{name}\"\n")).unwrap();
    set("chain-1");
    assert_eq!(home.load().process.default_network.as_deref(), Some("chain-1"));
    set("chain-2");
    let reported = home.errors(|_| ());
    assert!(reported.len() == 1 && reported[0].contains("choose one of chain-1"), "{reported:?}");
}

#[test]
fn networks_with_one_key_share_a_listener() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    home.init(&["chain-2"]);
    let laddr = "[p2p]\nladdr = \"tcp://0.0.0.0:26656\"\n";
    fs::write(home.config_file("chain-1"), laddr).unwrap();
    let shared = format!("{laddr}[pex]\nnode_key_file = \"../chain-1/node_key.json\"\n");
    fs::write(home.config_file("chain-2"), shared).unwrap();
    let config = home.load();
    assert_eq!(config.networks[0].id(), config.networks[1].id());
    assert_eq!(config.networks[0].p2p.laddr, config.networks[1].p2p.laddr);
}

#[test]
fn a_node_key_is_looked_after() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    let path = home.path().join("networks/chain-1/node_key.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let warnings = home.load().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().contains("chmod 600"), "{}", warnings[0]);

    fs::write(&path, "{\"priv_key\":").unwrap();
    let reported = home.errors(|_| ());
    assert!(reported.len() == 1 && reported[0].contains("node_key.json: the node key is malformed"), "{reported:?}");
    fs::remove_file(&path).unwrap();
    let reported = home.errors(|_| ());
    assert!(reported.len() == 1 && reported[0].contains("there is no node key"), "{reported:?}");
}

#[test]
fn a_file_of_autonomous_systems_has_to_be_one() {
    let home = TestHome::with("chain-1", "[book]\nasn_file = \"asn.mmdb\"\n");
    let path = home.path().join("networks/chain-1/asn.mmdb");
    let reported = home.errors(|_| ());
    let line = format!("config.toml:2: book.asn_file is {}: there is no such file: put a MaxMind DB", path.display());
    assert!(reported.len() == 1 && reported[0].contains(&line), "{reported:?}");
    let started = home.run(&["start"]);
    assert!(started.code == 2 && started.err.contains(&line), "{}", started.err);
    fs::write(&path, "PK").unwrap();
    let reported = home.errors(|_| ());
    assert!(reported.len() == 1 && reported[0].contains("it is no MaxMind DB"), "{reported:?}");

    let database = asn_database("GeoLite2-ASN", AsnField::MaxMind, &[("1.2.0.0/16", 64_500)]);
    fs::write(&path, database).unwrap();
    let file = home.load().networks[0].asn.clone().unwrap();
    assert_eq!(file.table.number("1.2.3.4".parse().unwrap()), Some(64_500));
    let asn_file = keys::BookFile::KEYS.iter().find(|key| key.name == "asn_file").unwrap();
    let unset = |sources: &mut Sources| sources.variables.push((asn_file.variable(), String::new()));
    assert!(home.load_with(unset).networks[0].asn.is_none(), "an empty value is none");
}

#[test]
fn the_reference_pages_are_what_the_program_goes_by() {
    for (page, args) in
        [("configuration", &["reference"][..]), ("api", &["reference", "api"]), ("faults", &["reference", "faults"])]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{page}.md"));
        let made = TestHome::new().run(args).out;
        let mend = format!("docs/{page}.md is stale: cargo run -- {} > docs/{page}.md", args.join(" "));
        assert!(fs::read_to_string(path).is_ok_and(|text| text == made), "{mend}");
    }
}

#[test]
fn the_demo_finds_every_reachable_node_and_serves_nothing_else() {
    let output = Command::new(env!("CARGO_BIN_EXE_pexd"))
        .args(["localnet", "--seconds", "8", "--admin-port", "0"])
        .output()
        .expect("pexd runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("20 of 20 reachable nodes served, 0 others"), "{text}");
    assert!(text.contains("pexd.v1.ReactorService/GetStatus"), "it says what to try: {text}");
}

/// A home whose `pexd.toml` has these lines in `[admin]`.
fn admin_home(lines: &str) -> TestHome {
    let home = TestHome::with("chain-1", "");
    fs::write(home.path().join("pexd.toml"), format!("[admin]\n{lines}\n")).unwrap();
    home
}

#[test]
fn strangers_are_never_served_without_a_way_to_know_them() {
    let (cert, key, ca) = ("tls_cert_file = \"c\"", "tls_key_file = \"k\"", "client_ca_file = \"ca\"");
    let open = "laddr = \"0.0.0.0:26670\"";
    let refused = [
        (open.to_owned(), 2, "`pexd token add NAME`"),
        ("laddr = \"[::ffff:8.8.8.8]:1\"".to_owned(), 2, "`pexd token add NAME`"),
        (format!("{open}\n{cert}\n{key}"), 2, "TLS alone does not say who calls"),
        (format!("{open}\nplaintext_tokens = true"), 2, "admin.client_ca_file"),
        (format!("{open}\n{cert}\n{ca}"), 3, "name it in admin.tls_key_file"),
        (format!("{open}\n{key}"), 3, "name it in admin.tls_cert_file"),
        (format!("{open}\n{ca}"), 3, "admin.client_ca_file needs TLS"),
        ("require_auth = true".to_owned(), 2, "or write false"),
        ("tls_cert_file = \"nowhere\"\ntls_key_file = \"k\"".to_owned(), 2, "nowhere cannot be read"),
        (format!("socket = \"{}\"", "x".repeat(120)), 2, "write a short absolute path"),
        ("socket_mode = \"rw\"".to_owned(), 2, "octal digits"),
    ];
    for (lines, line, part) in refused {
        let home = admin_home(&lines);
        for name in ["c", "k", "ca"] {
            fs::write(home.path().join(name), "").unwrap();
            fs::set_permissions(home.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let reported = home.errors(|_| ());
        assert_eq!(reported.len(), 1, "{lines}: {reported:?}");
        assert!(
            reported[0].contains(&format!("pexd.toml:{line}: ")) && reported[0].contains(part),
            "{lines}: {reported:?}"
        );
    }
}

#[test]
fn tokens_do_not_cross_the_network_in_plain_text_by_mistake() {
    let home = admin_home("laddr = \"0.0.0.0:26670\"");
    home.run(&["token", "add", "ops"]);
    let reported = home.errors(|_| ());
    assert!(reported.len() == 1 && reported[0].contains("plaintext_tokens = true"), "{reported:?}");
    let allowed = |sources: &mut Sources| sources.variables.push(variable("PEXD_ADMIN_PLAINTEXT_TOKENS", "true"));
    assert_eq!(home.load_with(allowed).warnings, []);
    // On loopback nobody listens in.
    let local = |sources: &mut Sources| {
        sources.variables.push(variable("PEXD_ADMIN_LADDR", "127.0.0.1:0"));
        sources.variables.push(variable("PEXD_ADMIN_REQUIRE_AUTH", "true"));
    };
    assert_eq!(home.load_with(local).warnings, []);
}

#[test]
fn a_token_is_shown_once_and_its_hash_is_kept() {
    let home = admin_home("access_file = \"who.toml\"");
    let made = home.run(&["token", "add", "board", "--networks", "chain-1,chain-2", "--expires", "90d"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let token = made.out.trim_end();
    assert!(token.starts_with("pexd_") && token.len() == 48 && made.out.lines().count() == 1, "{token}");
    let file = home.path().join("who.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!text.contains(token) && text.contains("role = \"read\""), "{text}");
    assert_ne!(home.run(&["token", "add", "ops", "--role", "control"]).out, made.out);

    let list = home.run(&["token", "list"]).out;
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1][..4], ["token", "board", "read", "chain-1,chain-2"], "{list}");
    assert_eq!(rows[2], ["token", "ops", "control", "all", "never"], "{list}");

    for (args, code, part) in [
        (&["token", "add", "ops"] as &[&str], 1, "there is a token \"ops\" already"),
        (&["token", "remove", "nobody"], 2, "say --yes"),
        (&["token", "remove", "nobody", "--yes"], 1, "there is no token \"nobody\""),
        (&["token", "add", " x"], 2, "is not a name"),
        (&["token", "add", "x", "--role", "admin"], 2, "write read or control"),
        (&["token", "add", "x", "--expires", "0s"], 2, "ended already"),
    ] {
        let output = home.run(args);
        assert!(output.code == code && output.err.contains(part), "{args:?}: {} {}", output.code, output.err);
    }
    assert_eq!(home.run(&["token", "remove", "board", "--yes"]).code, 0);
    assert!(!home.run(&["token", "list"]).out.contains("board"));

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = home.load().warnings;
    assert!(warnings.len() == 1 && warnings[0].to_string().contains("chmod 600"), "{warnings:?}");
    fs::write(&file, "[[token]]\nname = 1\n").unwrap();
    let reported = home.errors(|_| ());
    assert!(reported.len() == 3 && reported.iter().all(|reported| reported.contains("who.toml:")), "{reported:?}");
    assert_eq!(home.run(&["token", "add", "x"]).code, 2);
}

/// The program while it serves; killed when dropped.
struct Serving {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Serving {
    fn start(home: &TestHome) -> Self {
        Serving::start_with(home, &[])
    }

    /// With these variables beside the usual ones.
    fn start_with(home: &TestHome, more: &[(&str, &str)]) -> Self {
        let usual = [
            ("PEXD_HTTP_LADDR", ""),
            ("PEXD_ADMIN_LADDR", "127.0.0.1:0"),
            ("PEXD_P2P_LADDR", "tcp://127.0.0.1:0"),
            ("PEXD_PEX_BOOTSTRAP", "true"),
        ];
        let all = usual.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned()));
        Serving::start_by(home, "exec \"$0\" start", all)
    }

    /// Has a shell start it, to which it is `$0`.
    fn start_by<'a>(home: &TestHome, script: &str, variables: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut command = std::process::Command::new("sh");
        command.env_clear().env("PEXD_HOME", home.path()).envs(variables);
        command.args(["-c", script, env!("CARGO_BIN_EXE_pexd")]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = mpsc::sync_channel(1_000);
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Serving { child, log }
    }

    /// Reads the log up to a line that has this in it. A line that does not come must not hang the tests.
    fn until(&self, text: &str) -> String {
        let deadline = Clock.mono() + Duration::from_secs(60);
        loop {
            let left = deadline.since(Clock.mono());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => panic!("the log has no line with {text:?}: {error}"),
            }
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).output().unwrap();
        assert!(sent.status.success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn sighup_reads_the_files_again_and_errors_change_nothing() {
    let home = TestHome::with("one-1", "");
    let mut serving = Serving::start(&home);
    serving.until("reactor started");
    fs::write(home.config_file("one-1"), "[p2p]\nmax_num_outbound_peers = 3\n").unwrap();
    serving.signal("-HUP");
    assert!(serving.until("reloaded the files").contains("p2p.max_num_outbound_peers: \"10\" -> \"3\""));
    assert!(serving.until("files read again").contains("restarted=false"));
    fs::write(home.config_file("one-1"), "[p2p]\nmax_num_outbound_peers = -3\nladder = 1\n").unwrap();
    serving.signal("-HUP");
    assert!(serving.until("config.toml:2: ").contains("write a whole number"));
    assert!(serving.until("config.toml:3: ").contains("did you mean laddr?"));
    serving.until("nothing was changed");

    // The process itself is not changed by it, and says so.
    let file = home.path().join("pexd.toml");
    fs::write(&file, "[log]\nlevel = \"debug\"\n").unwrap();
    serving.signal("-HUP");
    assert!(serving.until("takes effect after a restart of pexd").contains("log.level"));
    fs::write(&file, "[log]\nlevle = \"debug\"\n").unwrap();
    serving.signal("-HUP");
    assert!(serving.until("pexd.toml:2: ").contains("did you mean level?"));
    serving.signal("-TERM");
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_folder_that_comes_while_pexd_runs_is_served_when_the_files_are_read_again() {
    let home = TestHome::with("one-1", "");
    let serving = Serving::start(&home);
    serving.until("reactor started");
    for name in ["two-1", "three-1", "gone-1"] {
        home.init(&[name, "--laddr", "127.0.0.1:0", "--seeds", SEED]);
    }
    fs::write(home.config_file("gone-1").with_file_name("removed"), "by an operator").unwrap();
    let listed = || home.run(&["network", "list"]).out;
    assert!(!listed().contains("two-1"));
    let reloaded = home.run(&["network", "reload", "--network", "two-1"]);
    assert_eq!(reloaded.code, 0, "{}", reloaded.err);
    assert_eq!(reloaded.out, "started\n", "that it is served is no warning");
    assert!(serving.until("is served from now on").contains(" INFO "));
    assert!(listed().contains("two-1") && !listed().contains("three-1"));
    // A mistake in one of them costs the others nothing.
    home.init(&["broken-1"]);
    fs::write(home.config_file("broken-1"), "[p2p]\nladder = 1\n").unwrap();
    serving.signal("-HUP");
    serving.until("did you mean laddr?");
    serving.until("three-1");
    let names = listed();
    assert!(names.contains("three-1") && !names.contains("gone-1"), "{names}");
    assert_eq!(home.run(&["network", "reload", "--network", "gone-1"]).code, 7);
    let broken = home.run(&["network", "reload", "--network", "broken-1"]);
    assert!(broken.code == 8 && broken.err.contains("did you mean laddr?"), "{}", broken.err);
}

#[test]
fn an_error_tells_its_cause_once() {
    let home = TestHome::with("one-1", "");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pexd"));
    let command = command.env_clear().env("PEXD_HOME", home.path()).env("PEXD_ADMIN_LADDR", "127.0.0.1:0");
    // An address of the documentation range, which no host has.
    let output = command.env("PEXD_HTTP_LADDR", "192.0.2.1:26671").arg("start").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), text.matches("os error").count()), (Some(1), 1), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_wants_no_colours_gets_no_escape_sequences() {
    // More peers than there are descriptors, of which the log warns before anything else.
    let home = TestHome::with("one-1", "[p2p]\nladdr = \"127.0.0.1:0\"\nmax_num_inbound_peers = 1000000\n");
    // Its one network fails, and then it ends.
    fs::write(home.path().join("networks/one-1/book.db"), "this is no book").unwrap();
    let run = |command: &str, variable: (&str, &str)| {
        // A terminal of its own: `script` is a part of every Linux.
        let mut script = std::process::Command::new("script");
        script.env("PEXD_HOME", home.path()).env("PEXD_ADMIN_LADDR", "").env("PEXD_HTTP_LADDR", "");
        // Of a continuous integration clap believes that it shows colours, whatever TERM says.
        script.env_remove("CI").env_remove("NO_COLOR").env("TERM", "xterm").env(variable.0, variable.1);
        let line = format!("{} {command}; true", env!("CARGO_BIN_EXE_pexd"));
        let output = script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let seed = format!("check-seeds {} --chain-id x", SEED.replace("seed.example.org", "127.0.0.1"));
    for command in ["start", &seed, "localnet --seconds 4 --admin-port 0", "nonsense"] {
        assert!(run(command, ("X", "")).contains('\u{1b}'), "it is a terminal: {command}");
        for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let text = run(command, variable);
            assert!(!text.is_empty() && !text.contains('\u{1b}'), "{command}: {text}");
        }
    }
}
