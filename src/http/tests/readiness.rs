use super::*;
use crate::network::scripted::by;
use crate::network::tests::{Process, addresses, until};
use crate::node::row::BanTarget;

#[tokio::test]
async fn ready_is_when_all_that_should_run_does() {
    let process = Process::new();
    let (one, two) = (process.seed("one-1"), process.seed("two-1"));
    let (one, two) = (process.serve(one, &[]).await, process.serve(two, &[]).await);
    let served = serve([one.clone(), two]).await;
    assert_eq!(ask(served.addr, "GET", "/readyz").await, (200, "ready\n".into()));
    // What an operator stopped need not run.
    one.stop(by()).await.unwrap();
    assert_eq!(ask(served.addr, "GET", "/readyz").await.0, 200);
}

#[tokio::test]
async fn nothing_is_ready_before_the_networks_were_started() {
    let http = Http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let addr = http.local_addr();
    let sources = Sources {
        directory: Directory::default(),
        namespace: "cometbft".into(),
        calls: Arc::default(),
        expiry: Expiry::default(),
        dialler: Dialler::new(DialLimits::default()),
        started: Clock.now().wall,
        config_faults: ConfigFaults::default(),
        ready: ReadyPolicy { all: false, servable: 0 },
        begun: CancellationToken::new(),
    };
    let begun = sources.begun.clone();
    tokio::spawn(http.serve(sources, std::future::pending()));
    assert_eq!(ask(addr, "GET", "/readyz").await, (503, "the networks are being started\n".into()));
    assert_eq!(ask(addr, "GET", "/healthz").await.0, 200);
    begun.cancel();
    assert_eq!(ask(addr, "GET", "/readyz").await, (503, "not ready: no network runs\n".into()));
}

#[tokio::test]
async fn a_network_that_failed_is_named_without_an_address() {
    let process = Process::new();
    let (well, taken) = (process.seed("well-1"), process.seed("taken-1"));
    let _holder = tokio::net::TcpListener::bind(taken.shared_listener.laddr()).await.unwrap();
    let well = process.serve(well, &[]).await;
    let taken = process.spawn(taken).await.handle;
    taken.start(None).await.unwrap_err();
    let served = serve([well, taken]).await;
    let (code, body) = ask(served.addr, "GET", "/readyz").await;
    assert_eq!((code, body.as_str()), (200, "ready\ntaken-1: failed (ReactorService.GetStatus says why)\n"));
}

#[tokio::test]
async fn a_network_that_cannot_save_is_not_ready_until_it_can() {
    let process = Process::new();
    let mut config = process.seed("busy-1");
    config.store.busy_timeout = Duration::from_millis(20);
    let path = config.book.clone();
    let network = process.serve(config, &[]).await;
    let served = serve([network.clone()]).await;
    let other_program = rusqlite::Connection::open(&path).unwrap();
    other_program.execute_batch("BEGIN IMMEDIATE").unwrap();
    let target = BanTarget::ip([10, 0, 0, 1].into());
    network.ban(by(), target, String::new(), None).await.unwrap();
    until("it is reported", async || ask(served.addr, "GET", "/readyz").await.0 == 503).await;
    let (_, body) = ask(served.addr, "GET", "/readyz").await;
    assert_eq!(body, "not ready\nbusy-1: cannot save its changes (ReactorService.GetStatus says why)\n");
    let (_, metrics) = ask(served.addr, "GET", "/metrics").await;
    assert!(metrics.contains("pexd_store_unsaved{chain_id=\"busy-1\"} 1\n"), "{metrics}");
    other_program.execute_batch("ROLLBACK").unwrap();
    until("it is saved", async || ask(served.addr, "GET", "/readyz").await.0 == 200).await;
}

#[tokio::test]
async fn a_probe_asks_for_one_network_and_for_as_many_addresses_as_it_needs() {
    let process = Process::new();
    let (full, empty) = (process.seed("full-1"), process.seed("empty-1"));
    let (full, empty) = (process.serve(full, &addresses(1, 8)).await, process.serve(empty, &[]).await);
    let broken = Handle::misconfigured("broken-1".into(), Clock.now().wall, vec!["config.toml:1: no".into()]);
    let served = serve([full, empty.clone(), broken]).await;
    for (path, code, body) in [
        ("/readyz/full-1", 200, "ready\n"),
        ("/readyz/empty-1", 200, "ready\n"),
        ("/readyz/full-1?servable=8", 200, "ready\n"),
        ("/readyz/full-1?servable=9", 503, "can serve 8 addresses, and should 9 or more\n"),
        ("/readyz/empty-1?servable=1", 503, "can serve 0 addresses, and should 1 or more\n"),
        ("/readyz/broken-1", 503, "failed (ReactorService.GetStatus says why)\n"),
        ("/readyz/other-1", 404, "no network of this chain ID is served\n"),
    ] {
        assert_eq!(ask(served.addr, "GET", path).await, (code, body.into()), "{path}");
    }
    for path in ["/readyz?servable=", "/readyz?servable=x", "/readyz/full-1?n=1", "/readyz?servable=-1"] {
        let (code, body) = ask(served.addr, "GET", path).await;
        assert!(code == 400 && body.contains("servable=N"), "{path}: {code} {body}");
    }
    let (code, body) = ask(served.addr, "GET", "/readyz?servable=9").await;
    assert_eq!(code, 503, "{body}");
    assert_eq!(body.lines().count(), 4, "{body}");
    assert_eq!(ask(served.addr, "GET", "/readyz?servable=8").await.0, 200, "one of them can");
    let (_, metrics) = ask(served.addr, "GET", "/metrics").await;
    for line in [
        "pexd_network_state{chain_id=\"broken-1\",state=\"failed\"} 1\n",
        "pexd_network_config_errors{chain_id=\"broken-1\"} 1\n",
        "pexd_network_config_errors{chain_id=\"full-1\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    empty.stop(by()).await.unwrap();
    assert_eq!(ask(served.addr, "GET", "/readyz/empty-1?servable=0").await, (503, "is stopped\n".into()));
}
