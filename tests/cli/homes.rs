//! Backups of whole homes, and what is made of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use nix::unistd::geteuid;
use rusqlite::Connection;

use super::{Command, Output, Serving, TestHome};

/// The mode of each file and folder below a folder.
fn modes(path: &Path) -> BTreeMap<String, u32> {
    let mut all = BTreeMap::new();
    let mut open = vec![path.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            all.insert(entry.path().strip_prefix(path).unwrap().display().to_string(), mode);
            if entry.metadata().unwrap().is_dir() {
                open.push(entry.path());
            }
        }
    }
    all
}

/// Two networks, of which one has its key and its book elsewhere, and a token.
fn two(home: &TestHome) {
    home.init(&["chain-1"]);
    home.init(&["chain-2", "--laddr", "127.0.0.1:0"]);
    let elsewhere = home.0.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(home.path().join("networks/chain-2/node_key.json"), elsewhere.join("key.json")).unwrap();
    let text = fs::read_to_string(home.config_file("chain-2")).unwrap();
    let text = text
        .replace("# node_key_file = \"node_key.json\"", &format!("node_key_file = {:?}", elsewhere.join("key.json")));
    let text = text.replace("# file = \"book.db\"", &format!("file = {:?}", elsewhere.join("two.db")));
    let text = text.replace("# bootstrap = false", "bootstrap = true");
    fs::write(home.config_file("chain-2"), text).unwrap();
    assert_eq!(home.run(&["token", "add", "ops"]).code, 0);
    fs::write(home.path().join("networks/chain-1/notes.txt"), "mine").unwrap();
}

fn serve(home: &TestHome) -> Serving {
    let serving = Serving::start_with(home, &[("PEXD_NETWORK", "chain-1")]);
    serving.until("reactor started");
    serving.until("reactor started");
    serving
}

#[test]
fn a_home_is_backed_up_while_it_is_served_and_put_back_elsewhere_whole() {
    let home = TestHome::new();
    two(&home);
    let copy = home.0.path().join("copies/copy");
    let copy = copy.to_str().unwrap();
    let serving = serve(&home);
    for network in ["chain-1", "chain-2"] {
        assert_eq!(home.run(&["ban", "198.51.100.7", "--network", network]).code, 0);
    }
    let made = home.run(&["backup", "--all", copy]);
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    assert!(made.out.contains("of which 2 books"), "{}", made.out);
    assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o700);
    let modes_of_copy = modes(Path::new(copy));
    let expected = [
        "access.toml",
        "audit.db",
        "networks",
        "networks/chain-1",
        "networks/chain-1/book.db",
        "networks/chain-1/config.toml",
        "networks/chain-1/node_key.json",
        "networks/chain-1/notes.txt",
        "networks/chain-2",
        "networks/chain-2/book.db",
        "networks/chain-2/config.toml",
        "networks/chain-2/node_key.json",
        "pexd.toml",
    ];
    assert_eq!(modes_of_copy.keys().collect::<Vec<_>>(), expected, "and neither a lock, nor a log, nor the answers");
    for (name, mode) in [("networks/chain-1", 0o700), ("networks/chain-2/node_key.json", 0o600), ("access.toml", 0o600)]
    {
        assert_eq!(modes_of_copy[name], mode, "{name}");
    }

    for refused in [
        home.run(&["backup", "--all", copy]),
        home.run(&["backup", "--all", home.path().join("x").to_str().unwrap()]),
        home.run(&["restore", "--all", copy, "--overwrite"]),
    ] {
        assert_eq!(refused.code, 1, "{}", refused.err);
    }
    let in_use = home.run(&["restore", "--all", copy, "--overwrite"]).err;
    assert!(in_use.contains("in use by another pexd"), "{in_use}");
    drop(serving);

    // Another host: its own home and nothing of this one.
    fs::rename(home.0.path().join("elsewhere"), home.0.path().join("gone")).unwrap();
    let other = TestHome::new();
    let restored = other.run(&["restore", "--all", copy]);
    assert_eq!((restored.code, restored.err.as_str()), (0, ""), "{}", restored.out);
    for name in ["networks/chain-1", "networks/chain-1/node_key.json", "networks/chain-1/notes.txt", "access.toml"] {
        assert_eq!(modes(&other.path())[name], modes_of_copy[name], "{name}");
    }
    let serving = serve(&other);
    for network in ["chain-1", "chain-2"] {
        assert!(other.run(&["bans", "--network", network]).out.contains("198.51.100.7"), "{network}");
    }
    drop(serving);
    // Where its configuration has them, and nowhere else.
    assert!(home.0.path().join("elsewhere/two.db").exists());
    assert!(!other.path().join("networks/chain-2/node_key.json").exists());
}

#[test]
fn a_restore_overwrites_nothing_untold_and_loses_nothing() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    drop(serve_one(&home));
    let copy = home.0.path().join("copy");
    let copy = copy.to_str().unwrap();
    assert_eq!(home.run(&["backup", "--all", copy]).code, 0);
    let key = home.path().join("networks/chain-1/node_key.json");
    let old_key = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    assert_eq!(home.run(&["gen-node-key", "chain-1"]).code, 0);
    let new_key = fs::read(&key).unwrap();

    let refused = home.run(&["restore", "--all", copy]);
    assert_eq!(refused.code, 1);
    for part in ["node_key.json", "book.db", "--overwrite"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    assert!(!refused.err.contains("config.toml"), "it is the same: {}", refused.err);
    assert_eq!(fs::read(&key).unwrap(), new_key);

    let told = home.run(&["restore", "--all", copy, "--overwrite"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(fs::read(&key).unwrap(), old_key);
    let aside = modes(&home.path()).into_keys().find(|name| name.contains("node_key.json.before-")).unwrap();
    assert_eq!(fs::read(home.path().join(aside)).unwrap(), new_key);
    assert!(modes(&home.path()).keys().any(|name| name.contains("book.db.before-")));
}

#[test]
fn a_network_that_was_removed_since_is_served_again() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    home.init(&["chain-2", "--laddr", "127.0.0.1:0"]);
    let (removed, mark) = (|chain: &str| home.path().join("networks").join(chain).join("removed"), "Removed by ops.\n");
    // This one was removed before the backup, and stays so.
    fs::write(removed("chain-2"), mark).unwrap();
    let copy = home.0.path().join("copy");
    let copy = copy.to_str().unwrap();
    assert_eq!(home.run(&["backup", "--all", copy]).code, 0);
    fs::write(removed("chain-1"), mark).unwrap();

    let refused = home.run(&["restore", "--all", copy]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("networks/chain-1/removed") && !refused.err.contains("chain-2"), "{}", refused.err);
    assert!(removed("chain-1").exists());

    let told = home.run(&["restore", "--all", copy, "--overwrite"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("chain-1 had been removed") && !told.out.contains("chain-2"), "{}", told.out);
    let aside = told.out.trim().rsplit(' ').next().unwrap();
    assert!(aside.contains("networks/chain-1/removed.before-"), "{aside}");
    assert_eq!(fs::read_to_string(aside).unwrap(), mark);
    assert!(!removed("chain-1").exists() && removed("chain-2").exists());
    let serving = Serving::start_with(&home, &[("PEXD_NETWORK", "chain-1")]);
    serving.until("reactor started");
    let status = home.run(&["status"]).out;
    assert!(status.contains("chain-1") && !status.contains("chain-2"), "{status}");
}

#[test]
fn another_database_of_the_home_is_copied_whole_while_it_is_written() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    // Unlike the audit that pexd writes itself, which has no log: the latest rows of this one are in its log alone.
    let writer = Connection::open(home.path().join("audit.db")).unwrap();
    writer.pragma_update(None, "journal_mode", "WAL").unwrap();
    writer.execute_batch("CREATE TABLE entries (what TEXT); INSERT INTO entries VALUES ('removed chain-2');").unwrap();
    let copy = home.0.path().join("copy");
    assert_eq!(home.run(&["backup", "--all", copy.to_str().unwrap()]).code, 0);
    drop(writer);
    assert!(!modes(&copy).keys().any(|name| name.ends_with("-wal") || name.ends_with("-shm")));

    // Back in the same home: what is there has a log of its own, which the copy must not get.
    let other = Connection::open(home.path().join("audit.db")).unwrap();
    other.execute_batch("DELETE FROM entries; INSERT INTO entries VALUES ('something else');").unwrap();
    let restored = home.run(&["restore", "--all", copy.to_str().unwrap(), "--overwrite"]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    drop(other);
    let what = |path: &Path| {
        let reader = Connection::open(path).unwrap();
        reader.query_row("SELECT what FROM entries", [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(what(&home.path().join("audit.db")), "removed chain-2");
    let aside =
        modes(&home.path()).into_keys().find(|name| name.starts_with("audit.db.before-") && !name.contains("-wal"));
    assert!(aside.is_some());
}

#[test]
fn a_damaged_backup_is_refused_before_anything_is_changed() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    drop(serve_one(&home));
    let copy = home.0.path().join("copy");
    assert_eq!(home.run(&["backup", "--all", copy.to_str().unwrap()]).code, 0);
    let book = copy.join("networks/chain-1/book.db");
    fs::write(&book, &fs::read(&book).unwrap()[..5_000]).unwrap();
    let other = TestHome::new();
    let refused = other.run(&["restore", "--all", copy.to_str().unwrap()]);
    assert!(refused.code == 1 && refused.err.contains("book.db"), "{}", refused.err);
    assert!(!other.path().exists());
    let nothing = other.run(&["restore", "--all", other.0.path().to_str().unwrap()]);
    assert!(nothing.code == 1 && nothing.err.contains("pexd backup --all"), "{}", nothing.err);
}

#[test]
fn one_network_with_errors_costs_the_others_nothing() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    drop(serve_one(&home));
    home.init(&["chain-2"]);
    fs::write(home.config_file("chain-2"), "nonsense").unwrap();
    let copy = home.0.path().join("copy");
    let made = home.run(&["backup", "--all", copy.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.err.contains("chain-2 has errors"), "{}", made.err);
    let names = modes(&copy);
    assert!(names.contains_key("networks/chain-1/book.db") && names.contains_key("networks/chain-2/node_key.json"));
    // A book that cannot be read is missing, and the exit code says so.
    fs::write(home.path().join("networks/chain-1/book.db"), "nonsense").unwrap();
    let lacking = home.run(&["backup", "--all", home.0.path().join("lacking").to_str().unwrap()]);
    assert!(lacking.code == 1 && lacking.err.contains("book.db is not in the backup"), "{}", lacking.err);
    assert!(modes(&home.0.path().join("lacking")).contains_key("networks/chain-2/node_key.json"));
}

/// The user that runs pexd can put links into its home; root, who restores into it, must not write or give away through them.
#[test]
fn a_restore_by_root_neither_writes_nor_gives_away_through_a_link() {
    if !geteuid().is_root() {
        let skip = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/skip");
        let lines = [
            "only root can give files away, and the tests are not run by root.",
            "Whether a restore by root follows links was NOT looked at.",
        ];
        let _ = std::process::Command::new(skip).args(lines).status();
        return;
    }
    let home = TestHome::new();
    home.init(&["chain-1"]);
    drop(serve_one(&home));
    let copy = home.0.path().join("copy");
    assert_eq!(home.run(&["backup", "--all", copy.to_str().unwrap()]).code, 0);

    let (user, other) = ((54_321, 54_321), TestHome::new());
    let network = other.path().join("networks/chain-1");
    fs::create_dir_all(&network).unwrap();
    for folder in [other.path(), other.path().join("networks"), network.clone()] {
        chown(folder, Some(user.0), Some(user.1)).unwrap();
    }
    let precious = other.0.path().join("precious");
    fs::write(&precious, "not theirs").unwrap();
    // Under all the names that a number of a process can give; the program that restores has one of them.
    for pid in std::process::id()..std::process::id() + 2_000 {
        symlink(&precious, network.join(format!("node_key.json.{pid}.new"))).unwrap();
    }
    let restored = other.run(&["restore", "--all", copy.to_str().unwrap()]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "not theirs");
    assert_eq!(owner(&precious), (0, 0));
    for name in ["node_key.json", "config.toml", "book.db", "book.db.lock"] {
        let path = network.join(name);
        assert!(fs::symlink_metadata(&path).unwrap().is_file() && owner(&path) == user, "{name}");
    }
    assert_eq!(fs::metadata(network.join("node_key.json")).unwrap().permissions().mode() & 0o777, 0o600);

    // The lock's text is the number of the process, which would be all that is left of the file.
    fs::remove_file(network.join("book.db.lock")).unwrap();
    symlink(&precious, network.join("book.db.lock")).unwrap();
    let refused = other.run(&["restore", "--all", copy.to_str().unwrap(), "--overwrite"]);
    assert!(refused.code == 1 && refused.err.contains("book.db.lock"), "{}", refused.err);
    assert_eq!((fs::read_to_string(&precious).unwrap().as_str(), owner(&precious)), ("not theirs", (0, 0)));
}

/// As root has it with the `lost+found` of another, or a folder that a security module keeps from it.
#[test]
fn a_folder_that_cannot_be_read_costs_the_rest_nothing() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    home.init(&["chain-2"]);
    for folder in ["lost+found", "networks/chain-2"] {
        let path = home.path().join(folder);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let copy = home.0.path().join("copy");
    let pexd = assert_cmd::cargo::cargo_bin("pexd");
    let mut command = Command::new(&pexd);
    if geteuid().is_root() {
        // Root, too, may only read what a mode lets it without this capability.
        let dropped = ["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"];
        command = Command::new("setpriv");
        if command.arg("--version").output().is_err() {
            let skip = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/skip");
            let lines = ["setpriv is not there: root reads all.", "A folder that cannot be read was NOT looked at."];
            let _ = std::process::Command::new(skip).args(lines).status();
            return;
        }
        command = Command::new("setpriv");
        command.args(dropped).arg(pexd);
    }
    let made = command.env("PEXD_HOME", home.path()).args(["backup", "--all"]).arg(&copy).output().unwrap();
    let told = String::from_utf8(made.stderr).unwrap();
    assert_eq!(made.status.code(), Some(1), "{told}");
    for folder in ["lost+found", "networks/chain-2"] {
        let line = format!("{} is not in the backup: Permission denied", home.path().join(folder).display());
        assert!(told.contains(&line), "{told}");
        fs::set_permissions(home.path().join(folder), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let copied = modes(&copy);
    assert!(copied.contains_key("pexd.toml") && copied.contains_key("networks/chain-1/node_key.json"), "{copied:?}");
}

#[test]
fn a_configuration_with_many_errors_is_told_of_in_few_lines() {
    let home = TestHome::new();
    home.init(&["chain-1"]);
    let keys: String = (0..80).map(|n| format!("key_{n}_{} = 1\n", "x".repeat(400))).collect();
    fs::write(home.config_file("chain-1"), format!("[pex]\n{keys}")).unwrap();
    let copy = home.0.path().join("copy");
    let made = home.run(&["backup", "--all", copy.to_str().unwrap()]);
    let restored = TestHome::new().run(&["restore", "--all", copy.to_str().unwrap()]);
    for Output { code, err, .. } in [made, restored] {
        assert_eq!(code, 0, "{err}");
        assert!(err.len() < 2_500 && err.contains("key_0") && err.contains("more, which `pexd check-config`"), "{err}");
    }
}

fn serve_one(home: &TestHome) -> Serving {
    let serving = Serving::start(home);
    serving.until("reactor started");
    serving
}
