use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::admin::{
    AccessSource, Admin, AdminSettings, AllowedNetworks, CallCounts, Grant, Grants, ReadAccess, Role, TlsFiles,
};
use crate::clock::entropy;
use crate::http::{metrics, reference};
use crate::network::SharedListener;
use crate::network::scripted::by;
use crate::network::tests::{Process, address, addresses, reserve, session, until};
use crate::transport::HandshakeLimits;
use crate::types::{Fault, NetAddress, NodeId, Wall};
use crate::wire::secret::NodeKey;

/// A network that was asked, flooded and banned a little.
async fn lively(process: &Process) -> Handle {
    let config = process.seed("lively-1");
    let seed = address(&config);
    let network = process.serve(config, &addresses(1, 20)).await;
    session::ask(&process.dialler, seed, "lively-1").await.unwrap();
    assert!(matches!(session::ask(&process.dialler, seed, "other-1").await, Err(Fault::WrongNetwork { .. })));
    drop(TcpStream::connect(seed.socket()).await.unwrap());
    until("the three are noted", async || {
        let status = network.status().await.unwrap();
        status.ended.iter().any(|(_, count)| *count > 0) && status.refused.len() >= 2
    })
    .await;
    let nobody = format!("{}@127.0.0.1:1", NodeId::from_bytes([7; 20]));
    network.add_seed(by(), nobody.parse().unwrap()).await.unwrap();
    until("the seed is dialled", async || !network.status().await.unwrap().counters.dials.is_empty()).await;
    network
}

/// The samples by their name with labels, parsed as strictly as the format is written.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut typed = BTreeSet::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind) && typed.insert(name.to_owned()), "{line}");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let bare = name.split('{').next().unwrap();
            let of_type = |suffix: &str| bare.strip_suffix(suffix).is_some_and(|bare| typed.contains(bare));
            assert!(typed.contains(bare) || ["_bucket", "_sum", "_count"].into_iter().any(of_type), "{line}");
            assert_eq!(samples.insert(name.to_owned(), value.parse().unwrap()), None, "{line}");
        }
    }
    samples
}

#[tokio::test]
async fn what_happened_is_counted_under_the_names_that_are_documented() {
    let process = Process::new();
    let network = lively(&process).await;
    let served = serve([network.clone()]).await;
    let (code, text) = ask(served.addr, "GET", "/metrics").await;
    assert_eq!(code, 200);
    let samples = samples(&text);
    let value = |name: &str| samples.get(name).copied().unwrap_or_else(|| panic!("{name} in {text}"));
    assert_eq!(value("pexd_network_state{chain_id=\"lively-1\",state=\"running\"}"), 1.0);
    assert_eq!(value("pexd_network_state{chain_id=\"lively-1\",state=\"failed\"}"), 0.0);
    assert_eq!(value("pexd_requests_answered_total{chain_id=\"lively-1\"}"), 1.0);
    assert_eq!(value("pexd_session_seconds_count{chain_id=\"lively-1\"}"), 1.0);
    assert!(value("pexd_session_seconds_sum{chain_id=\"lively-1\"}") > 0.0);
    assert_eq!(value("pexd_refusals_total{chain_id=\"lively-1\",reason=\"wrong_network\"}"), 1.0);
    assert_eq!(value("pexd_messages_received_total{chain_id=\"lively-1\",message_type=\"p2p_PexRequest\"}"), 1.0);
    let sent = value("cometbft_p2p_message_send_bytes_total{chain_id=\"lively-1\",message_type=\"p2p_PexAddrs\"}");
    assert!(sent > 20.0 * 40.0, "{sent}");
    assert_eq!(value("pexd_dials_total{chain_id=\"lively-1\",purpose=\"seed\",outcome=\"refused\"}"), 1.0);
    assert_eq!(value("pexd_seeds{chain_id=\"lively-1\",outcome=\"failed\"}"), 1.0);
    for result in ["brought", "reached", "dead", "refused"] {
        let seed = &network.seeds().await.unwrap()[0].alias;
        let name = format!("pexd_seed_addresses{{chain_id=\"lively-1\",seed=\"{seed}\",result=\"{result}\"}}");
        assert_eq!(value(&name), 0.0, "{result}");
    }
    assert_eq!(value("pexd_book_servable_ids{chain_id=\"lively-1\"}"), 20.0);
    assert!(value("pexd_store_file_bytes{chain_id=\"lively-1\"}") > 4096.0);
    assert_eq!((value("pexd_process_dials_in_progress"), value("pexd_process_dials_max")), (0.0, 256.0));
    assert_eq!(value("pexd_process_dials_delayed_total{limit=\"max_dials\"}"), 0.0);
    assert_eq!(value("pexd_process_dials_delayed_total{limit=\"dials_per_second\"}"), 0.0);
    assert!(value("process_open_fds") > 3.0 && value("process_resident_memory_bytes") > 1e6);
}

/// Three networks at one listener, which refused two peers of another chain and one that hung up; and its port.
async fn shared(process: &Process) -> (Vec<Handle>, u16) {
    let key = Arc::new(NodeKey::from_seed(entropy()));
    let shared = SharedListener::new(reserve(), HandshakeLimits::default());
    let mut networks = Vec::new();
    for chain in ["one-1", "other-1", "third-1"] {
        networks.push(process.serve(process.seed_at(chain, key.clone(), shared.clone()), &[]).await);
    }
    let seed = NetAddress::new(key.id(), shared.laddr().ip(), shared.laddr().port()).unwrap();
    for _ in 0..2 {
        let refused = session::ask(&process.dialler, seed, "stranger-1").await.unwrap_err();
        assert!(matches!(refused, Fault::WrongNetwork { .. }), "{refused}");
    }
    drop(TcpStream::connect(shared.laddr()).await.unwrap());
    let counted = async || networks[2].status().await.unwrap().listener.unwrap().refused;
    until("all are noted", async || counted().await.iter().map(|(_, count)| count).sum::<u64>() == 3).await;
    (networks, shared.laddr().port())
}

#[tokio::test]
async fn what_a_shared_listener_refuses_is_counted_once_and_of_no_network() {
    let process = Process::new();
    let (networks, port) = shared(&process).await;
    let served = serve(networks).await;
    let samples = samples(&ask(served.addr, "GET", "/metrics").await.1);
    let refused = samples.iter().filter(|(name, count)| name.contains("refusals_total") && **count > 0.0);
    let refused: Vec<_> = refused.map(|(name, count)| (name.clone(), *count)).collect();
    let sample =
        |reason, count| (format!("pexd_listener_refusals_total{{port=\"{port}\",reason=\"{reason}\"}}"), count);
    assert_eq!(refused, [sample("closed_in_handshake", 1.0), sample("wrong_network", 2.0)]);
}

#[tokio::test]
async fn no_address_and_no_id_of_a_peer_is_told() {
    let process = Process::new();
    let network = lively(&process).await;
    let served = serve([network]).await;
    for path in ["/metrics", "/readyz", "/healthz"] {
        let (_, text) = ask(served.addr, "GET", path).await;
        assert!(!text.contains("127."), "{text}");
        let long_hex = |word: &str| word.len() >= 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(!text.split(|c: char| !c.is_ascii_alphanumeric()).any(long_hex), "{text}");
    }
}

#[tokio::test]
async fn a_network_that_is_gone_leaves_no_series_and_costs_the_others_none() {
    let process = Process::new();
    let network = lively(&process).await;
    let gone = process.serve(process.seed("gone-1"), &[]).await;
    process.shutdown.cancel();
    until("they have ended", async || gone.status().await.is_err() && network.status().await.is_err()).await;
    let alive = Process::new();
    let alive = alive.serve(alive.seed("alive-1"), &[]).await;
    let served = serve([gone, alive]).await;
    let text = ask(served.addr, "GET", "/metrics").await.1;
    assert!(text.contains("pexd_network_state{chain_id=\"gone-1\",state=\"unresponsive\"} 1"), "{text}");
    assert!(!text.contains("pexd_book_ids{chain_id=\"gone-1\""), "{text}");
}

#[test]
fn the_document_has_the_table_of_what_is_exported() {
    let document = include_str!("../../../docs/metrics.md");
    assert!(document.contains(&reference()), "docs/metrics.md needs this table:\n{}", reference());
    let names: BTreeSet<_> = metrics::ALL.iter().map(|metric| metric.full_name("cometbft")).collect();
    assert_eq!(names.len(), metrics::ALL.len());
}

#[tokio::test]
async fn everything_in_the_table_is_exported_once_it_happens() {
    let process = Process::new();
    let network = lively(&process).await;
    let served = serve([vec![network], shared(&process).await.0].concat()).await;
    let text = ask(served.addr, "GET", "/metrics").await.1;
    // Nothing ends where there is neither TLS nor a token.
    let ends = [metrics::CERTIFICATE_END.name, metrics::CREDENTIAL_END.name];
    for metric in metrics::ALL.iter().filter(|metric| !ends.contains(&metric.name)) {
        let name = metric.full_name("cometbft");
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} in {text}");
    }
}

/// A series that begins with its first event is no number that a rule can compare: `increase` does not see that event, and
/// a sum over none is empty. Only what names seeds may come and go.
#[tokio::test]
async fn every_series_is_there_before_anything_happens() {
    let process = Process::new();
    let config = process.seed("lively-1");
    let calm = process.serve(config, &[]).await;
    let series = async |network: Handle, calls: Arc<CallCounts>| {
        let served = serve_sources(Sources { calls, ..sources([network]) }).await;
        let text = ask(served.addr, "GET", "/metrics").await.1;
        let names: BTreeSet<_> = samples(&text).into_keys().collect();
        names.into_iter().filter(|name| !name.starts_with("pexd_seed_addresses{")).collect::<BTreeSet<_>>()
    };
    let before = series(calm, Arc::default()).await;
    for name in [
        "pexd_dials_total{chain_id=\"lively-1\",purpose=\"visit\",outcome=\"reached\"}",
        "pexd_refusals_total{chain_id=\"lively-1\",reason=\"full\"}",
        "pexd_disconnects_total{chain_id=\"lively-1\",reason=\"pong_timeout\"}",
        "pexd_admin_requests_total{method=\"pexd.v1.BanService/Ban\",code=\"INTERNAL\"}",
    ] {
        assert!(before.contains(name), "{name} in {before:?}");
    }
    let other = Process::new();
    let network = lively(&other).await;
    let calls = Arc::new(CallCounts::default());
    calls.note("/pexd.v1.BanService/Ban", "NOT_FOUND", Duration::from_millis(2));
    calls.note("/made.up/Method", "UNIMPLEMENTED", Duration::ZERO);
    let after = series(network, calls).await;
    assert!(after.is_subset(&before), "began with its first event: {:?}", after.difference(&before));
    assert!(before.is_subset(&after), "is gone: {:?}", before.difference(&after));
}

#[tokio::test]
async fn the_ends_of_certificates_and_tokens_are_told_and_no_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let signed = |year| {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let (cert, key) = signed(2030);
    // A bundle of two, of which one ends earlier.
    let ca = [signed(2029).0, signed(2028).0].concat();
    for (name, text) in [("cert", &cert), ("key", &key), ("ca", &ca)] {
        std::fs::write(path(name), text).unwrap();
    }
    let read: ReadAccess = |_| {
        let mut grants = Grants::default();
        let ending = |name: &str, expires: Option<i64>| Grant {
            name: name.into(),
            role: Role::Read,
            networks: AllowedNetworks::All,
            expires: expires.map(Wall::from_secs),
        };
        for (n, end) in [(1, Some(2_000_000_000)), (2, Some(1_000_000_000)), (3, None)] {
            grants.add_token([n; 32], ending("secret-name", end));
        }
        grants.add_certificate(ending("secret-name", Some(1_500_000_000)));
        Ok((grants, Vec::new()))
    };
    let settings = AdminSettings {
        tls: Some(TlsFiles { cert: path("cert"), key: path("key"), client_ca: Some(path("ca")) }),
        access: Some(AccessSource { file: path("access"), read }),
        ..AdminSettings::open_loopback(0)
    };
    let admin = Admin::bind(settings).await.unwrap();
    let served = serve_sources(Sources { expiry: admin.expiry(), ..sources([]) }).await;
    let text = ask(served.addr, "GET", "/metrics").await.1;
    let samples = samples(&text);
    let ends = |name: &str| samples[&format!("pexd_admin_{name}")];
    // `date --utc --date 2030-01-01 +%s`
    assert_eq!(ends("certificate_not_after_timestamp_seconds{certificate=\"server\"}"), 1_893_456_000.0);
    assert_eq!(ends("certificate_not_after_timestamp_seconds{certificate=\"client_ca\"}"), 1_830_297_600.0);
    assert_eq!(ends("credential_expiry_timestamp_seconds{credential=\"token\"}"), 1_000_000_000.0);
    assert_eq!(ends("credential_expiry_timestamp_seconds{credential=\"certificate\"}"), 1_500_000_000.0);
    assert!(!text.contains("secret-name"), "{text}");
}

#[tokio::test]
async fn promtool_has_no_complaint() {
    let process = Process::new();
    let network = lively(&process).await;
    let served = serve([network]).await;
    let text = ask(served.addr, "GET", "/metrics").await.1;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = promtool.spawn() else {
        return skipped("nobody else has checked the metrics");
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && complaint.is_empty(), "{}\n{text}", String::from_utf8_lossy(&complaint));
}
