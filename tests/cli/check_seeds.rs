//! `pexd check-seeds`, as a chain registry's CI calls it.

use std::net::{Ipv4Addr, SocketAddr};

use assert_cmd::Command;
use pexd::testkit::{Identity, Manner, ScriptedSeed};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tokio::runtime::Runtime;

use super::{Output, TestHome};

const CHAIN: &str = "test-1";

/// Scripted seeds, alive while the program runs.
struct World {
    runtime: Runtime,
    seeds: Vec<ScriptedSeed>,
}

impl World {
    fn new() -> Self {
        World { runtime: Runtime::new().unwrap(), seeds: Vec::new() }
    }

    fn seed(&mut self, chain: &str, manner: Manner) -> String {
        let seed = self.runtime.block_on(ScriptedSeed::open(Identity::random(chain), manner)).unwrap();
        let address = seed.address().to_string();
        self.seeds.push(seed);
        address
    }

    /// A seed that gives one address, of a node that is there.
    fn good_seed(&mut self) -> String {
        let node = self.seed(CHAIN, Manner::StaysSilent).parse().unwrap();
        self.seed(CHAIN, Manner::Answers(vec![node]))
    }
}

/// An entry at whose place nobody listens, for as long as the socket holds the port.
fn dead_seed() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let at = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, format!("{}@{at}", Identity::random(CHAIN).key.id()))
}

fn check(list: &str, more: &[&str]) -> Output {
    let args = [&["check-seeds", list, "--chain-id", CHAIN, "--allow-private"], more].concat();
    TestHome::new().run(&args)
}

#[test]
fn the_exit_code_tells_definite_faults_from_doubts() {
    let mut world = World::new();
    let (good, other) = (world.good_seed(), world.seed("other-1", Manner::StaysSilent));
    let empty = world.seed(CHAIN, Manner::Answers(Vec::new()));
    let (_held, dead) = dead_seed();
    for (list, code, summary) in [
        (format!("{good}, {empty}"), 0, ""),
        (format!("{good},{dead}"), 4, "1 of 2 usable, 0 definitely wrong, 1 inconclusive"),
        (format!("{good},{dead},{other}"), 3, "1 of 3 usable, 1 definitely wrong, 1 inconclusive"),
        (format!("{good},nonsense"), 3, "1 of 2 usable, 1 definitely wrong, 0 inconclusive"),
    ] {
        let output = check(&list, &[]);
        assert_eq!((output.code, output.err.trim_end()), (code, summary), "{}", output.out);
    }
}

#[test]
fn json_has_every_field_by_its_name() {
    let mut world = World::new();
    let list = format!("{},{}", world.good_seed(), world.seed("other-1", Manner::StaysSilent));
    let output = check(&list, &["--json", "--sample", "5"]);
    assert_eq!(output.code, 3, "{}", output.err);
    let document: Value = serde_json::from_str(&output.out).unwrap();
    let checks = document["checks"].as_array().unwrap();
    let entries: Vec<&str> = checks.iter().map(|check| check["seed"].as_str().unwrap()).collect();
    assert_eq!(entries.join(","), list);

    let [good, other] = checks.as_slice() else { panic!("{checks:?}") };
    assert_eq!((&good["verdict"], &good["definite"]), (&"SEED_VERDICT_OK".into(), &false.into()));
    assert_eq!((&good["addressCount"], &good["unusableAddressCount"]), (&1.into(), &0.into()));
    assert_eq!((&good["sampleTriedCount"], &good["sampleReachedCount"]), (&1.into(), &1.into()));
    assert_eq!((&good["moniker"], &good["version"]), (&"scripted".into(), &"0.38.17".into()));
    assert!(list.contains(good["remoteAddress"].as_str().unwrap()));
    for time in ["latency", "answerTime"] {
        let seconds = good[time].as_str().unwrap().strip_suffix('s').unwrap();
        assert!(seconds.parse::<f64>().unwrap() < 60.0, "{time}: {seconds}");
    }
    assert_eq!((&other["verdict"], &other["definite"]), (&"SEED_VERDICT_WRONG_CHAIN".into(), &true.into()));
    assert_eq!((&other["fault"], &other["actualNetwork"]), (&"wrong_network".into(), &"other-1".into()));
    assert_eq!((&other["actualId"], &other["latency"]), (&"".into(), &Value::Null));
    assert!(other["detail"].as_str().unwrap().contains("other-1"));
}

#[test]
fn the_list_can_come_from_standard_input() {
    let mut world = World::new();
    let (_held, dead) = dead_seed();
    let list = format!("{}\n{dead}\n", world.good_seed());
    let output = Command::cargo_bin("pexd")
        .unwrap()
        .env_clear()
        .args(["check-seeds", "-", "--chain-id", CHAIN, "--allow-private"])
        .write_stdin(list)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("REFUSED") && text.lines().count() == 3, "one line a seed: {text}");
}

#[test]
fn private_addresses_are_wrong_unless_they_are_allowed() {
    let home = TestHome::new();
    let mut world = World::new();
    let output = home.run(&["check-seeds", &world.good_seed(), "--chain-id", CHAIN]);
    assert_eq!(output.code, 3);
    assert!(output.out.contains("UNROUTABLE"), "{}", output.out);
    assert!(!home.path().exists(), "it needs no home");
}

#[test]
fn an_error_on_the_command_line_says_how_to_fix_it() {
    for (list, more, mend) in [
        (" , ", &[][..], "write id@host:port"),
        ("x", &["--sample", "51"], "50 a seed is the most"),
        ("x", &["--sample", "many"], "--sample"),
        (&"x,".repeat(257), &[], "256 is the most"),
        (&"x".repeat(65 * 1024), &[], "65536 bytes"),
    ] {
        let output = check(list, more);
        assert_eq!((output.code, output.out.as_str()), (2, ""), "{}", output.err);
        assert!(output.err.contains(mend), "{}", output.err);
    }
    let nameless = TestHome::new().run(&["check-seeds", "x"]);
    assert!(nameless.code == 2 && nameless.err.contains("--chain-id"), "{}", nameless.err);
}
