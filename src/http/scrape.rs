//! One scrape: all networks are asked side by side, and their reports become samples.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::exposition::Exposition;
use super::metrics::Metric;
use super::sources::Sources;
use super::{metrics as m, process as process_usage};
use crate::admin::{CallCounts, Expiry};
use crate::network::{
    AnswerLogStats, DescriptorUse, DialLoad, Handle, MessageCount, MessageCounts, Report, StoreStats, shortages,
};
use crate::node::{Refused, RunState};
use crate::types::{DialOutcome, Direction, Fault, Purpose, Wall};
use crate::version;

/// How long a network is waited for, so that one that hangs does not cost the others their numbers.
const PATIENCE: Duration = Duration::from_secs(5);
/// What CometBFT calls the two messages.
const REQUEST: &str = "p2p_PexRequest";
const ADDRESSES: &str = "p2p_PexAddrs";

/// The metrics of this moment, as text.
///
/// # Errors
/// When they cannot be written, which is a fault of this program.
pub(super) async fn scrape(sources: &Sources) -> Result<String, prometheus::Error> {
    let mut out = Exposition::new(&sources.namespace);
    let networks = sources.directory.all(|_| true);
    let answers = join_all(networks.iter().map(|network| timeout(PATIENCE, network.report()))).await;
    let mut listeners = BTreeMap::new();
    for (network, answer) in networks.iter().zip(answers) {
        let report = answer.ok().and_then(Result::ok);
        state(&mut out, network, report.as_deref());
        if let Some(report) = &report {
            network_metrics(&mut out, network.chain_id(), report);
            if let Some(listener) = &report.status.listener {
                // Of networks that share it all say the same.
                let (networks, ..) = listeners
                    .entry(listener.number)
                    .or_insert_with(|| (0, report.status.listen.port(), listener.refused.clone()));
                *networks += 1;
            }
        }
    }
    let shared = listeners.into_values().filter(|(networks, _, refused)| *networks > 1 || !refused.is_empty());
    listener_refusals(&mut out, shared.map(|(_, port, refused)| (port, refused)));
    admin(&mut out, &sources.calls);
    expiries(&mut out, &sources.expiry);
    process_dials(&mut out, sources.dialler.load());
    out.add(&m::PROCESS_CONFIG_ERRORS, &[], sources.config_faults.found().len() as f64);
    for (purpose, count) in DescriptorUse::ALL.into_iter().zip(shortages()) {
        out.add(&m::DESCRIPTOR_SHORTAGES, &[purpose.name()], count as f64);
    }
    process(&mut out, sources.started);
    out.text()
}

fn state(out: &mut Exposition<'_>, network: &Handle, report: Option<&Report>) {
    let chain = &**network.chain_id();
    let now = match report.map(|report| &report.status.node.state) {
        None if network.misconfiguration().is_some() => "failed",
        None => "unresponsive",
        Some(RunState::Stopped) => "stopped",
        Some(RunState::Starting) => "starting",
        Some(RunState::Running) => "running",
        Some(RunState::Failed(_)) => "failed",
    };
    out.add(&m::CONFIG_ERRORS, &[chain], network.config_faults().found().len() as f64);
    for state in ["running", "starting", "stopped", "failed", "unresponsive"] {
        out.add(&m::STATE, &[chain, state], f64::from(u8::from(state == now)));
    }
}

fn network_metrics(out: &mut Exposition<'_>, chain: &str, report: &Report) {
    peers(out, chain, report);
    book(out, chain, report);
    seeds(out, chain, report);
    dials(out, chain, report);
    inbound(out, chain, report);
    messages(out, chain, &report.messages);
    out.add(&m::UNSAVED, &[chain], f64::from(u8::from(report.status.unsaved.is_some())));
    if let Some(stats) = &report.store {
        store(out, chain, stats);
    }
    if let Some(stats) = &report.answer_log {
        answer_log(out, chain, stats);
    }
}

fn peers(out: &mut Exposition<'_>, chain: &str, report: &Report) {
    let node = &report.status.node;
    out.add(&m::PEERS, &[chain], (node.inbound + node.outbound).into());
    out.add(&m::OUTAGE, &[chain], u8::from(node.outage).into());
    out.add(&m::MAX_PEERS, &[chain, "inbound"], node.max_inbound.into());
    out.add(&m::MAX_PEERS, &[chain, "outbound"], node.max_outbound.into());
    // All purposes: a series that exists from the start can be compared with its earlier values.
    let kinds = [(Direction::Inbound, None)].into_iter();
    for (direction, purpose) in kinds.chain(Purpose::ALL.map(|purpose| (Direction::Outbound, Some(purpose)))) {
        let count = report.peers.get(&(direction, purpose)).copied().unwrap_or_default();
        let purpose = purpose.map_or_else(|| "none".to_owned(), |purpose| purpose.to_string());
        out.add(&m::OPEN_PEERS, &[chain, &direction.to_string(), &purpose], count.into());
    }
}

fn book(out: &mut Exposition<'_>, chain: &str, report: &Report) {
    let node = &report.status.node;
    for (state, count) in [("new", node.book.new), ("old", node.book.old), ("banned", node.book.banned)] {
        out.add(&m::BOOK_IDS, &[chain, state], count.into());
    }
    for (outcome, count) in DialOutcome::ALL.into_iter().zip(node.book.outcomes) {
        out.add(&m::BOOK_ADDRESSES, &[chain, outcome.name()], count.into());
    }
    out.add(&m::BOOK_MAX, &[chain], node.book.capacity.into());
    for (refused, count) in Refused::ALL.into_iter().zip(node.book.refused) {
        out.add(&m::BOOK_REFUSED, &[chain, refused.name()], count as f64);
    }
    out.add(&m::BOOK_TRACES, &[chain], node.book.traces.into());
    out.add(&m::SERVABLE, &[chain], node.book.servable.into());
    out.add(&m::BANS, &[chain], node.bans.into());
    let seeds = &node.seeds;
    for (outcome, count) in [
        ("untried", seeds.untried),
        ("reached", seeds.reached),
        ("failed", seeds.failed),
        ("wrong_identity", seeds.wrong_identity),
        ("wrong_network", seeds.wrong_network),
    ] {
        out.add(&m::SEEDS, &[chain, outcome], count.into());
    }
}

fn seeds(out: &mut Exposition<'_>, chain: &str, report: &Report) {
    for (alias, account) in &report.seeds {
        for (result, count) in [
            ("brought", account.brought),
            ("reached", account.reached),
            ("dead", account.dead),
            ("refused", account.refused),
        ] {
            out.add(&m::SEED_ADDRESSES, &[chain, alias, result], count.into());
        }
    }
}

fn dials(out: &mut Exposition<'_>, chain: &str, report: &Report) {
    let (node, counters) = (&report.status.node, &report.status.counters);
    // All that a dial can end with: a rule that compares with none needs the series before its first event.
    let outcomes = DialOutcome::ALL.into_iter().filter(|outcome| *outcome != DialOutcome::Untried).map(Some);
    let outcomes: Vec<_> = outcomes.chain([None]).collect();
    for purpose in Purpose::ALL {
        for outcome in &outcomes {
            let count = counters.dials.get(&(purpose, *outcome)).copied().unwrap_or_default();
            let outcome = outcome.map_or("inconclusive", DialOutcome::name);
            out.add(&m::DIALS, &[chain, purpose.name(), outcome], count as f64);
        }
    }
    out.add(&m::DIALLING, &[chain], node.dialling.into());
    out.add(&m::MAX_DIALS, &[chain], node.max_dials.into());
    out.add(&m::LAST_DIAL_ANSWER, &[chain], seconds(counters.outbound.last_answer()));
    out.add(&m::BACKLOG, &[chain], node.crawl.backlog.into());
    out.add(&m::LAST_ROUND, &[chain], seconds(node.crawl.last_round));
    out.add(&m::ROUND_PERIOD, &[chain], report.round_period.as_secs_f64());
    out.add(&m::LAST_SEED_ROUND, &[chain], seconds(node.crawl.last_seed_round));
    out.add_histogram(&m::HANDSHAKE_SECONDS, &[chain, "outbound"], &counters.outbound_handshakes);
}

fn inbound(out: &mut Exposition<'_>, chain: &str, report: &Report) {
    let counters = &report.status.counters;
    by_fault(out, &m::REFUSALS, chain, &report.status.refused);
    by_fault(out, &m::DISCONNECTS, chain, &report.status.ended);
    out.add(&m::ANSWERED, &[chain], counters.answered as f64);
    out.add_histogram(&m::SESSION_SECONDS, &[chain], &counters.sessions);
    out.add_histogram(&m::HANDSHAKE_SECONDS, &[chain, "inbound"], &counters.inbound_handshakes);
}

/// Counts by the names of faults, those of 0 as well.
fn by_fault(out: &mut Exposition<'_>, metric: &'static Metric, of: &str, counts: &[(&'static str, u64)]) {
    for name in Fault::NAMES {
        let count = counts.iter().filter(|(reason, _)| reason == name).map(|(_, count)| count).sum::<u64>();
        out.add(metric, &[of, name], count as f64);
    }
}

/// By port: an address of this host is nobody's business. Listeners with one port on several addresses are taken together.
fn listener_refusals(out: &mut Exposition<'_>, listeners: impl Iterator<Item = (u16, Vec<(&'static str, u64)>)>) {
    let mut counts: BTreeMap<u16, Vec<(&str, u64)>> = BTreeMap::new();
    for (port, refused) in listeners {
        counts.entry(port).or_default().extend(refused);
    }
    for (port, refused) in counts {
        by_fault(out, &m::LISTENER_REFUSALS, &port.to_string(), &refused);
    }
}

fn messages(out: &mut Exposition<'_>, chain: &str, counts: &MessageCounts) {
    let mut add = |count: &MessageCount, message, number, bytes| {
        out.add(number, &[chain, message], count.messages as f64);
        out.add(bytes, &[chain, message], count.bytes as f64);
    };
    add(&counts.requests_in, REQUEST, &m::RECEIVED, &m::RECEIVED_BYTES);
    add(&counts.addresses_in, ADDRESSES, &m::RECEIVED, &m::RECEIVED_BYTES);
    add(&counts.requests_out, REQUEST, &m::SENT, &m::SENT_BYTES);
    add(&counts.addresses_out, ADDRESSES, &m::SENT, &m::SENT_BYTES);
}

fn store(out: &mut Exposition<'_>, chain: &str, stats: &StoreStats) {
    out.add(&m::STORE_WRITES, &[chain, "saved"], stats.writes as f64);
    out.add(&m::STORE_WRITES, &[chain, "failed"], stats.failed_writes as f64);
    out.add(&m::STORE_WRITE_SECONDS, &[chain], stats.write_time.as_secs_f64());
    out.add(&m::STORE_ROWS, &[chain], stats.rows as f64);
    out.add(&m::STORE_WAITING, &[chain], stats.waiting_rows as f64);
    out.add(&m::STORE_BYTES, &[chain], stats.file_bytes as f64);
}

fn answer_log(out: &mut Exposition<'_>, chain: &str, stats: &AnswerLogStats) {
    out.add(&m::ANSWER_LOG, &[chain, "written"], stats.written as f64);
    out.add(&m::ANSWER_LOG, &[chain, "dropped"], stats.dropped as f64);
    out.add(&m::ANSWER_LOG_BYTES, &[chain], stats.file_bytes as f64);
}

/// Every method with every code, as gRPC's own exporters have it.
fn admin(out: &mut Exposition<'_>, calls: &CallCounts) {
    for (method, calls) in calls.counts() {
        for code in CallCounts::CODES {
            let count = calls.codes.get(code).copied().unwrap_or_default();
            out.add(&m::ADMIN_REQUESTS, &[&method, code], count as f64);
        }
        out.add_histogram(&m::ADMIN_SECONDS, &[&method], &calls.took);
    }
}

fn expiries(out: &mut Exposition<'_>, expiry: &Expiry) {
    let now = expiry.now();
    for (certificate, end) in [("server", now.server_certificate), ("client_ca", now.client_ca)] {
        if let Some(end) = end {
            out.add(&m::CERTIFICATE_END, &[certificate], seconds(end));
        }
    }
    for (credential, end) in [("token", now.token), ("certificate", now.certificate)] {
        if let Some(end) = end {
            out.add(&m::CREDENTIAL_END, &[credential], seconds(end));
        }
    }
}

fn process_dials(out: &mut Exposition<'_>, load: DialLoad) {
    out.add(&m::PROCESS_DIALS, &[], load.under_way as f64);
    out.add(&m::PROCESS_MAX_DIALS, &[], load.max_dials as f64);
    out.add(&m::PROCESS_DELAYED_DIALS, &["max_dials"], load.delayed_by_max_dials as f64);
    out.add(&m::PROCESS_DELAYED_DIALS, &["dials_per_second"], load.delayed_by_dials_per_second as f64);
}

fn process(out: &mut Exposition<'_>, started: Wall) {
    out.add(&m::BUILD, &[version::VERSION, version::COMMIT], 1.0);
    out.add(&m::PROCESS_START, &[], seconds(started));
    if let Ok((soft, _)) = rlimit::Resource::NOFILE.get() {
        out.add(&m::PROCESS_MAX_FILES, &[], soft as f64);
    }
    let Some(usage) = process_usage::usage() else { return };
    out.add(&m::PROCESS_CPU, &[], usage.cpu_seconds);
    out.add(&m::PROCESS_OPEN_FILES, &[], usage.open_files);
    out.add(&m::PROCESS_RESIDENT, &[], usage.resident_bytes);
    out.add(&m::PROCESS_VIRTUAL, &[], usage.virtual_bytes);
    out.add(&m::PROCESS_THREADS, &[], usage.threads);
}

/// Seconds since the epoch; never is 0.
fn seconds(at: Wall) -> f64 {
    at.as_millis() as f64 / 1e3
}
