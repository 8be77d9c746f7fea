//! Networks that `init` makes by its flags, and `start` by variables.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::{SEED, Serving, TestHome, only, tree};

#[test]
fn init_takes_the_address_to_listen_on_and_the_one_to_publish() {
    let home = TestHome::new();
    let printed =
        home.init(&["chain-1", "--laddr", "tcp://127.0.0.1:40123", "--external-address", "seed.example.org:26656"]).out;
    assert!(printed.ends_with("@seed.example.org:26656\n"), "{printed}");
    let config = home.load();
    assert_eq!(only(&config).p2p.laddr, "127.0.0.1:40123".parse().unwrap());
    assert_eq!(printed.trim(), only(&config).node_address());
    for (args, part) in [
        (&["c", "--laddr", "nonsense"] as &[&str], "laddr"),
        (&["c", "--external-address", "seed.example.org"], "external-address"),
        (&["c", "--laddr", "0.0.0.0:40123"], "chain-1 has that address"),
        (&["c", "--laddr", "127.0.0.1:26670"], "the admin API has that address"),
        (&["c", "--laddr", "127.0.0.1:1", "--share-listener-with", "chain-1"], "cannot be used with"),
        (&["c", "--share-listener-with", "chain-7"], "choose one of chain-1"),
    ] {
        let before = tree(&home.path());
        let refused = home.run(&[&["init"], args].concat());
        assert_eq!(refused.code, 2, "{args:?}: {}", refused.err);
        assert!(refused.err.contains(part), "{args:?}: {}", refused.err);
        assert_eq!(tree(&home.path()), before, "{args:?}");
    }
}

#[test]
fn a_shared_listener_has_one_identity_and_one_address_for_all() {
    let home = TestHome::new();
    let first = home.init(&["chain-1", "--external-address", "seed.example.org:1"]).out;
    let second = home.init(&["chain-2", "--share-listener-with", "chain-1", "--seeds", SEED]).out;
    assert_eq!(first, second);
    let config = home.load();
    let [one, two] = config.networks.as_slice() else { panic!("{:?}", config.networks) };
    assert_eq!((one.id(), one.p2p.laddr), (two.id(), two.p2p.laddr));
    let key = home.path().join("networks/chain-2/node_key.json");
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_network_that_is_there_is_left_as_it_is_when_init_is_told_so() {
    let home = TestHome::new();
    let args = ["chain-1", "--seeds", SEED, "--if-missing"];
    let made = home.init(&args).out;
    let before = tree(&home.path());
    let again = home.run(&[&["init"], &args as &[&str]].concat());
    assert_eq!((again.code, &again.out), (0, &made));
    assert!(again.err.contains("chain-1 is there already"), "{}", again.err);
    assert_eq!(tree(&home.path()), before);
    // Whatever its files say: that is for start to tell.
    fs::write(home.config_file("chain-1"), "nonsense").unwrap();
    assert_eq!(home.run(&[&["init"], &args as &[&str]].concat()).code, 0);
    assert_eq!(fs::read_to_string(home.config_file("chain-1")).unwrap(), "nonsense");
}

/// A key as `network remove --delete-data` keeps it, with its ID.
fn kept_key(home: &TestHome) -> (std::path::PathBuf, String) {
    let kept = home.0.path().join("kept.json");
    fs::write(&kept, include_str!("../data/node_key.json")).unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).unwrap();
    (kept, include_str!("../data/node_id.txt").trim().to_owned())
}

/// The network's folder with a copy of the key and nothing else.
fn put(home: &TestHome, chain: &str, key: &std::path::Path) -> std::path::PathBuf {
    let folder = home.path().join("networks").join(chain);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(key, folder.join("node_key.json")).unwrap();
    folder.join("node_key.json")
}

#[test]
fn a_key_that_is_there_alone_is_the_new_networks_key() {
    for flags in [&["--seeds", SEED] as &[&str], &["--seeds", SEED, "--if-missing"]] {
        let home = TestHome::new();
        let (kept, id) = kept_key(&home);
        let key = put(&home, "chain-1", &kept);
        let before = fs::read(&key).unwrap();
        let made = home.run(&[&["init", "chain-1"], flags].concat());
        assert!(made.code == 0 && made.out.starts_with(&format!("{id}@")), "{}{}", made.out, made.err);
        assert!(made.err.contains(&id) && !made.err.contains("chmod"), "{}", made.err);
        assert_eq!(fs::read(&key).unwrap(), before);
        assert_eq!(only(&home.load()).id().to_string(), id);
    }
}

#[test]
fn a_start_with_variables_uses_the_key_that_is_there_a_linked_and_an_open_one_too() {
    let home = TestHome::new();
    let (kept, id) = kept_key(&home);
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o644)).unwrap();
    let folder = home.path().join("networks/chain-1");
    fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(&kept, folder.join("node_key.json")).unwrap();
    let serving = start(&home, &[("PEXD_INIT_CHAIN_ID", "chain-1"), ("PEXD_INIT_SEEDS", SEED)]);
    serving.until("others can read this secret");
    assert!(serving.until("made the network chain-1").contains(&id));
    serving.until("reactor started");
}

#[test]
fn a_folder_that_is_neither_a_network_nor_a_key_alone_is_refused_with_what_is_there_and_the_fix() {
    let home = TestHome::new();
    let (kept, id) = kept_key(&home);
    let first = home.init(&["other-1", "--seeds", SEED]).out;
    put(&home, "broken-1", &kept);
    fs::write(home.path().join("networks/broken-1/node_key.json"), "{").unwrap();
    fs::create_dir_all(home.path().join("networks/folder-1/node_key.json")).unwrap();
    put(&home, "booked-1", &kept);
    fs::write(home.path().join("networks/booked-1/book.db"), "").unwrap();
    put(&home, "shared-1", &kept);
    let other = first.split('@').next().unwrap();
    for (args, parts) in [
        (&["broken-1"] as &[&str], &["broken-1/node_key.json", "malformed at line 1"] as &[&str]),
        (&["folder-1"], &["folder-1/node_key.json", "no regular file"]),
        (
            &["booked-1"],
            &["(book.db, node_key.json)", "no config.toml", "from a backup", "node_key.json, which it keeps"],
        ),
        (&["booked-1", "--if-missing"], &["(book.db, node_key.json)", "no config.toml", "from a backup"]),
        (&["shared-1", "--share-listener-with", "other-1"], &["shared-1/node_key.json", &id, other, "share the key"]),
        (&["other-1"], &["other-1 exists already (config.toml, node_key.json); nothing was changed"]),
    ] {
        let before = tree(&home.path());
        let refused = home.run(&[&["init"], args].concat());
        assert_eq!(refused.code, 1, "{args:?}: {}", refused.err);
        for part in parts {
            assert!(refused.err.contains(part), "{args:?}, {part}: {}", refused.err);
        }
        assert_eq!(tree(&home.path()), before, "{args:?}");
    }
    // The same key is what it would get anyway.
    put(&home, "same-1", &home.path().join("networks/other-1/node_key.json"));
    assert_eq!(home.run(&["init", "same-1", "--share-listener-with", "other-1", "--seeds", SEED]).out, first);
}

#[test]
fn init_says_when_there_is_nobody_to_ask() {
    let home = TestHome::new();
    assert!(home.run(&["init", "chain-1"]).err.contains("chain-1 has no seeds"));
    assert_eq!(home.run(&["init", "chain-2", "--seeds", SEED]).err, "");
}

#[test]
fn no_network_gets_a_port_that_a_node_or_another_network_has() {
    let home = TestHome::new();
    home.init(&["first-1"]);
    let names: Vec<String> = (1..8).map(|n| format!("chain-{n}")).collect();
    for name in &names {
        home.init(&[name]);
    }
    let ports: Vec<u16> = home.load().networks.iter().map(|network| network.p2p.laddr.port()).collect();
    for reserved in [26_657, 26_658, 26_660, 26_670, 26_671] {
        assert!(!ports.contains(&reserved), "{ports:?}");
    }
    // One whose file has errors has its port all the same: the whole file is good TOML with a wrong key, or is none.
    for (n, broken) in
        ["laddr = \"tcp://0.0.0.0:P\"\nladder = 1\n", "laddr = \"tcp://0.0.0.0:P\"\n]["].iter().enumerate()
    {
        let taken = *ports.iter().max().unwrap() + 1 + u16::try_from(n).unwrap();
        fs::write(home.config_file(&names[n]), format!("[p2p]\n{}", broken.replace('P', &taken.to_string()))).unwrap();
    }
    for name in ["late-1", "late-2"] {
        home.init(&[name]);
    }
    let port = |name: &str| {
        let text = fs::read_to_string(home.config_file(name)).unwrap();
        let line = text.lines().find(|line| line.starts_with("laddr")).unwrap().to_owned();
        line.trim_end_matches('"').rsplit(':').next().unwrap().parse::<u16>().unwrap()
    };
    let all: Vec<u16> =
        ["late-1", "late-2", "first-1"].into_iter().chain(names.iter().map(String::as_str)).map(port).collect();
    let mut once = all.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), all.len(), "{all:?}");
}

fn start(home: &TestHome, variables: &[(&str, &str)]) -> Serving {
    Serving::start_with(home, variables)
}

#[test]
fn start_makes_the_network_that_variables_describe_once() {
    let home = TestHome::new();
    let described = [
        ("PEXD_INIT_CHAIN_ID", "chain-1"),
        ("PEXD_INIT_SEEDS", SEED),
        ("PEXD_INIT_SEED_MODE", "true"),
        ("PEXD_INIT_MONIKER", "boxed"),
        ("PEXD_INIT_EXTERNAL_ADDRESS", "seed.example.org:26656"),
        // What a compose file has of a variable that is not set.
        ("PEXD_INIT_LADDR", ""),
    ];
    let serving = start(&home, &described);
    assert!(serving.until("made the network chain-1").contains("@seed.example.org:26656"));
    serving.until("reactor started");
    drop(serving);
    let before = fs::read_to_string(home.config_file("chain-1")).unwrap();
    let network = only(&home.load()).clone();
    assert_eq!((network.moniker.as_str(), network.p2p.seed_mode, network.p2p.seeds.len()), ("boxed", true, 1));

    // A second start finds it, and so does one that would make another.
    let mut other = described;
    other[0].1 = "chain-2";
    let serving = start(&home, &other);
    assert!(serving.until("PEXD_INIT_CHAIN_ID").contains("make chain-2 with pexd init"));
    serving.until("reactor started");
    assert_eq!(fs::read_to_string(home.config_file("chain-1")).unwrap(), before);
    assert!(!home.config_file("chain-2").exists());
}

#[test]
fn a_variable_that_cannot_be_is_told_of_and_nothing_is_made() {
    for (name, value, part) in [
        ("PEXD_INIT_SEEDS", "nonsense", "PEXD_INIT_SEEDS"),
        ("PEXD_INIT_SEED_MODE", "maybe", "PEXD_INIT_SEED_MODE"),
        ("PEXD_INIT_CHAIN_ID", "../x", "cannot name a network"),
    ] {
        let home = TestHome::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
        command.env_clear().env("PEXD_HOME", home.path()).env("PEXD_INIT_CHAIN_ID", "chain-1").env(name, value);
        let output = command.arg("start").stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(part), "{output:?}");
        assert!(!home.path().exists(), "{name}");
    }
}
