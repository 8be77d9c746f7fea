use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::http::{metrics, reference};
use crate::network::scripted::by;
use crate::network::tests::{Process, address, addresses, session, until};
use crate::types::{Fault, NodeId};

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
    let served = serve([network]).await;
    let text = ask(served.addr, "GET", "/metrics").await.1;
    let of_admin = [metrics::ADMIN_REQUESTS.name, metrics::ADMIN_SECONDS.name];
    for metric in metrics::ALL.iter().filter(|metric| !of_admin.contains(&metric.name)) {
        let name = metric.full_name("cometbft");
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} in {text}");
    }
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
        eprintln!(
            "SKIPPED: there is no promtool, so that nobody else has checked the metrics (Debian package prometheus)"
        );
        return;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && complaint.is_empty(), "{}\n{text}", String::from_utf8_lossy(&complaint));
}

/// The example rules and the example configuration, which names them.
#[test]
fn promtool_takes_the_examples_in_the_documents() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/prometheus");
    let output = Command::new("promtool").args(["check", "config", "prometheus.yml"]).current_dir(folder).output();
    let Ok(output) = output else {
        eprintln!(
            "SKIPPED: there is no promtool, so that nobody has checked docs/prometheus (Debian package prometheus)"
        );
        return;
    };
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    let rules = std::fs::read_to_string(format!("{folder}/alerts.yml")).unwrap();
    let names: BTreeSet<_> = metrics::ALL.iter().map(|metric| metric.full_name("cometbft")).collect();
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let unknown: Vec<_> = words.filter(|word| word.starts_with("pexd_") && !names.contains(*word)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
