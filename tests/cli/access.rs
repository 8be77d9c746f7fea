//! Who may do what over which listener, by the program's own commands.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use pexd::network::{AuditQuery, HistoryRange, ProcessAudit};
use pexd::store::history::QueryInterrupt;

use super::{Serving, TestHome};

const ID: &str = "00112233445566778899aabbccddeeff00112233";

/// A home with one network.
fn home() -> TestHome {
    TestHome::with("chain-1", "")
}

/// The URL of a running pexd's TCP listener.
fn over_tcp(pexd: &Serving) -> String {
    let line = pexd.until("admin API laddr=");
    format!("http://{}", line.rsplit_once("laddr=").unwrap().1.trim())
}

#[test]
fn over_tcp_nobody_changes_anything_without_a_token_and_over_the_socket_its_owner_does() {
    let home = home();
    let pexd = Serving::start(&home);
    let server = over_tcp(&pexd);
    let told = pexd.until("who may use the admin API: ");
    let socket = home.path().join("pexd.sock").display().to_string();
    assert!(told.contains(&format!("everything over unix:{socket}")), "{told}");
    assert!(told.contains("only reading, without a credential"), "{told}");

    let status = home.run(&["status", "--server", &server]);
    assert!(status.code == 0 && status.out.contains("chain-1"), "{}{}", status.out, status.err);
    for args in [
        &["network", "reload", "--network", "chain-1"] as &[&str],
        &["network", "stop", "--network", "chain-1"],
        &["network", "start", "--network", "chain-1"],
        &["ban", ID],
        &["log-level", "debug"],
    ] {
        let refused = home.run(&[args, &["--server", &server]].concat());
        assert_eq!(refused.code, 6, "{args:?}: {}{}", refused.out, refused.err);
        assert!(refused.err.contains(&socket) && refused.err.contains("pexd token add"), "{args:?}: {}", refused.err);
    }
    // Without --server it is the socket.
    let banned = home.run(&["ban", ID]);
    assert_eq!(banned.code, 0, "{}", banned.err);

    let token = home.run(&["token", "add", "ops", "--role", "control"]);
    assert!(token.err.contains("callers on TCP have to show a token"), "{}", token.err);
    pexd.until("from now on callers of the admin API on TCP have to show a token");
    let refused = home.run(&["status", "--server", &server]);
    assert!(refused.code == 6 && refused.err.contains("Bearer TOKEN"), "{}: {}", refused.code, refused.err);
    assert_eq!(home.run(&["unban", ID]).code, 0, "the socket needs none");
    let file = home.path().join("token");
    fs::write(&file, &token.out).unwrap();
    let file = file.display().to_string();
    let banned = home.run(&["ban", ID, "--server", &server, "--token-file", &file]);
    assert_eq!(banned.code, 0, "{}", banned.err);
}

/// The audit of the process: author, method and summary of each entry, the latest first.
pub(super) fn audit(home: &TestHome) -> Vec<[String; 3]> {
    let range = HistoryRange { before: None, max: 1_000 };
    let audit = ProcessAudit::at(home.path().join("audit.db"));
    let page = audit.entries(&AuditQuery::default(), range, &QueryInterrupt::default(), |_| true).unwrap();
    let texts = page.entries.into_iter().map(|entry| entry.entry);
    texts.map(|entry| [entry.author.into(), entry.method.into(), entry.summary.into()]).collect()
}

#[test]
fn tokens_that_come_and_go_and_callers_that_are_refused_are_in_the_audit_without_a_secret() {
    let home = home();
    let pexd = Serving::start(&home);
    let server = over_tcp(&pexd);
    let token = home.run(&["token", "add", "board"]);
    // The pexd that runs may have noted it behind it already.
    let noted = |by: &str| audit(&home).into_iter().find(|entry| entry[1] == by).unwrap();
    let [author, _, summary] = noted("pexd token add");
    assert!(author.starts_with("uid ") && summary == "added token board (read)", "{author}: {summary}");
    let has = |by: &str, part: &str| audit(&home).iter().any(|entry| entry[1] == by && entry[2].contains(part));
    let soon = |by: &str, part: &str| {
        for _ in 0..600 {
            if has(by, part) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{part:?} is not in the audit: {:?}", audit(&home));
    };
    soon("reload", "added token board (read)");
    // By hand, which nobody could note but the pexd that reads it.
    let access = home.path().join("access.toml");
    let by_hand =
        format!("{}\n[[certificate]]\nsubject = \"ops\"\nrole = \"control\"\n", fs::read_to_string(&access).unwrap());
    fs::write(&access, by_hand.replace("\"read\"", "\"control\"")).unwrap();
    soon("reload", "added certificate ops (control), changed token board (control)");
    assert_eq!(home.run(&["token", "remove", "board", "--yes"]).code, 0);
    assert_eq!(noted("pexd token remove")[2], "removed token board");
    soon("reload", "removed token board");

    let file = home.path().join("token");
    fs::write(&file, &token.out).unwrap();
    // Who shows nothing has an entry of its own, and hides nobody who shows what is wrong.
    assert_eq!(home.run(&["status", "--server", &server]).code, 6);
    soon("authentication", "no token and no certificate");
    let args = ["status", "--server", &server, "--token-file", &file.display().to_string()];
    for _ in 0..5 {
        assert_eq!(home.run(&args).code, 6);
    }
    soon("authentication", "unknown token");
    let refused: Vec<_> = audit(&home).into_iter().filter(|entry| entry[1] == "authentication").collect();
    assert_eq!(refused.len(), 2, "each kind once a minute for each source: {refused:?}");
    assert!(refused.iter().all(|entry| entry[0].starts_with("127.0.0.1:")), "{refused:?}");
    let secret = token.out.trim();
    assert!(secret.len() > 40 && audit(&home).iter().flatten().all(|text| !text.contains(secret)));
}

#[test]
fn an_audit_that_is_none_is_told_before_the_start_at_it_and_when_it_is_asked_for_and_one_that_goes_is_missed() {
    let home = home();
    let file = home.path().join("audit.db");
    fs::write(&file, "a letter").unwrap();
    let checked = home.run(&["check-config"]);
    assert_eq!(checked.code, 3, "{}{}", checked.out, checked.err);
    assert!(checked.err.contains("audit.db is not an audit log"), "{}", checked.err);
    let pexd = Serving::start(&home);
    let told = pexd.until("audit.db is not an audit log");
    assert!(told.contains("ERROR") && told.contains("move it elsewhere"), "{told}");
    pexd.until("reactor started");
    let asked = home.run(&["audit"]);
    assert_eq!(asked.code, 8, "{}{}", asked.out, asked.err);
    assert!(asked.err.contains("audit.db: it is not an audit log that this pexd knows"), "{}", asked.err);

    fs::rename(&file, home.path().join("letter")).unwrap();
    let remove = |name: &str| home.run(&["network", "remove", name, "--yes"]).code;
    let add = |name: &str| home.run(&["network", "add", name]).code;
    assert_eq!((remove("chain-1"), home.run(&["audit"]).code), (0, 0));
    fs::remove_file(&file).unwrap();
    assert_eq!(add("chain-1"), 0);
    let missed = pexd.until("its former entries are gone");
    assert!(missed.contains(" WARN ") && missed.contains("audit.db"), "{missed}");
    assert_eq!(audit(&home).len(), 1);
}

#[test]
fn a_token_whose_audit_cannot_be_written_is_shown_and_told() {
    let home = home();
    // What stands in its place is no file.
    fs::create_dir(home.path().join("audit.db")).unwrap();
    let made = home.run(&["token", "add", "board"]);
    assert!(made.code == 10 && made.out.starts_with("pexd_"), "{} {}", made.code, made.out);
    assert!(made.err.contains("added token board (read)") && made.err.contains("not in the audit"), "{}", made.err);
    assert!(home.run(&["token", "list"]).out.contains("board"));
}

/// All that is in a folder, and the folder itself.
fn paths(folder: &Path) -> Vec<std::path::PathBuf> {
    let inner = fs::read_dir(folder).unwrap().flat_map(|entry| match entry.unwrap().path() {
        path if path.is_dir() => paths(&path),
        path => vec![path],
    });
    inner.chain([folder.to_owned()]).collect()
}

#[test]
fn what_root_makes_in_a_home_is_its_owners() {
    const SOMEBODY: u32 = 4242;
    let home = TestHome::new();
    fs::create_dir(home.path()).unwrap();
    let is_root =
        fs::metadata(home.path()).unwrap().uid() == 0 && chown(home.path(), Some(SOMEBODY), Some(SOMEBODY)).is_ok();
    if !is_root {
        let skip = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/skip");
        let lines =
            ["only root can give files away, and the tests are not run by root.", "What root makes was NOT looked at."];
        let _ = std::process::Command::new(skip).args(lines).status();
        return;
    }
    home.init(&["chain-1"]);
    assert_eq!(home.run(&["token", "add", "board"]).code, 0);
    assert_eq!(home.run(&["token", "add", "ops"]).code, 0);
    fs::remove_file(home.path().join("networks/chain-1/node_key.json")).unwrap();
    assert_eq!(home.run(&["gen-node-key", "chain-1"]).code, 0);
    let made = paths(&home.path());
    for name in ["access.toml", "pexd.toml", "networks", "chain-1", "config.toml", "node_key.json"] {
        assert!(made.iter().any(|path| path.ends_with(name)), "{name}: {made:?}");
    }
    for path in made {
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (SOMEBODY, SOMEBODY), "{}", path.display());
    }
    // One that does not exist is made for the owner of where it is made.
    let below = home.path().join("another");
    let output = home.run(&["init", "chain-2", "--home", &below.display().to_string()]);
    assert_eq!(output.code, 0, "{}", output.err);
    for path in paths(&below) {
        assert_eq!(fs::metadata(&path).unwrap().uid(), SOMEBODY, "{}", path.display());
    }
}
