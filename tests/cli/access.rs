//! Who may do what over which listener, by the program's own commands.

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
    std::fs::write(&file, &token.out).unwrap();
    let file = file.display().to_string();
    let banned = home.run(&["ban", ID, "--server", &server, "--token-file", &file]);
    assert_eq!(banned.code, 0, "{}", banned.err);
}
