//! From the views of a network to protobuf. What peers said of themselves is escaped here.

use prost_types::Duration;

use crate::admin::diagnosis::{attention, outbound, servable};
pub(in crate::admin) use crate::admin::timestamps::time;
use crate::admin::untrusted_text::{printable, reason};
use crate::book::{self, SourceAccount};
use crate::network::{Applied, Misconfigured, Peer, Saved, Status, Traffic};
use crate::node::row::{self, ListItem};
use crate::node::{AddressView, BookView, CrawlView, ListedView, RunState, SeedOutcome, SeedView, SourceView};
use crate::proto::pexd::v1 as pb;
use crate::types::{DialOutcome, Direction, Now, Purpose};

/// How often for which reason, the most frequent first.
pub(in crate::admin) fn reason_counts(counts: impl IntoIterator<Item = (&'static str, u64)>) -> Vec<pb::ReasonCount> {
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    counts.sort_by(|(a, most), (b, more)| more.cmp(most).then(a.cmp(b)));
    counts.into_iter().map(|(reason, count)| pb::ReasonCount { reason: reason.to_owned(), count }).collect()
}

fn crawl_status(view: &CrawlView, now: Now) -> pb::CrawlStatus {
    let due = view.next_due.filter(|at| *at > now.mono && view.backlog == 0);
    pb::CrawlStatus {
        last_round_time: time(view.last_round),
        last_seed_round_time: time(view.last_seed_round),
        backlog_count: view.backlog,
        next_due_time: due.and_then(|at| time(now.wall + at.since(now.mono))),
    }
}

pub(in crate::admin) fn reactor_status(status: Status, now: Now) -> pb::ReactorStatus {
    let servable_reason = servable::reason(&status.node);
    let attention = attention::of(&status, now.wall);
    let node = status.node;
    let (state, state_reason) = run_state(&node.state);
    let mode = if node.seed_mode { pb::ReactorMode::Seed } else { pb::ReactorMode::Node };
    pb::ReactorStatus {
        address_book: Some(summary(&status.chain_id, node.book)),
        network: status.chain_id.to_string(),
        node_id: status.id.to_string(),
        listen_address: status.listen.to_string(),
        advertised_address: printable(&status.announced),
        state: state.into(),
        state_reason,
        state_time: time(node.since),
        mode: mode.into(),
        inbound_peer_count: node.inbound,
        outbound_peer_count: node.outbound,
        dial_count: node.dialling,
        max_inbound_peer_count: node.max_inbound,
        max_outbound_peer_count: node.max_outbound,
        ban_count: node.bans,
        outage: node.outage,
        unsaved_reason: status.unsaved.as_deref().map(reason).unwrap_or_default(),
        refusals: reason_counts(status.refused),
        disconnects: reason_counts(status.ended),
        crawl: Some(crawl_status(&node.crawl, now)),
        outbound: Some(outbound::outbound(&[status.counters.outbound], now.wall)),
        answered_request_count: status.counters.answered,
        last_answer_time: time(status.counters.last_answered),
        max_dial_count: node.max_dials,
        servable_reason,
        attention,
    }
}

/// The status of a network whose files have errors: all that is known of it is that it failed, and why.
pub(in crate::admin) fn misconfigured_status(chain_id: &str, found: &Misconfigured) -> pb::ReactorStatus {
    let why = format!("its files have errors: {}", found.errors.join("; "));
    let text = reason(&format!("{why}; mend them and call NetworkService.ReloadNetwork"));
    let attention = pb::Attention { reason: pb::AttentionReason::Failed.into(), text };
    pb::ReactorStatus {
        network: chain_id.to_owned(),
        state: pb::ReactorState::Failed.into(),
        state_reason: reason(&why),
        state_time: time(found.since),
        attention: vec![attention],
        ..pb::ReactorStatus::default()
    }
}

fn run_state(state: &RunState) -> (pb::ReactorState, String) {
    match state {
        RunState::Stopped => (pb::ReactorState::Stopped, String::new()),
        RunState::Starting => (pb::ReactorState::Starting, String::new()),
        RunState::Running => (pb::ReactorState::Running, String::new()),
        RunState::Failed(text) => (pb::ReactorState::Failed, reason(text)),
    }
}

pub(in crate::admin) fn summary(network: &str, view: BookView) -> pb::AddressBookSummary {
    pb::AddressBookSummary {
        network: network.to_owned(),
        id_count: view.size,
        new_count: view.new,
        old_count: view.old,
        banned_count: view.banned,
        address_count: view.addresses,
        untried_count: view.untried,
        servable_count: view.servable,
        outcome_counts: outcome_counts(&view),
    }
}

fn outcome_counts(view: &BookView) -> Vec<pb::OutcomeCount> {
    let counted = DialOutcome::ALL.into_iter().zip(view.outcomes).filter(|(_, count)| *count > 0);
    counted.map(|(what, count)| pb::OutcomeCount { outcome: outcome(what).into(), count }).collect()
}

pub(in crate::admin) fn peer(network: &str, peer: Peer, now: Now) -> pb::Peer {
    let view = peer.view;
    let asked = view.asked_at.map(|at| now.wall - now.mono.since(at));
    let protocol = view.info.protocol;
    pb::Peer {
        network: network.to_owned(),
        connection: view.conn.0,
        id: view.info.id.to_string(),
        remote_address: view.remote.to_string(),
        direction: direction(view.direction).into(),
        purpose: view.purpose.map_or(pb::DialPurpose::Unspecified, purpose).into(),
        moniker: printable(&view.info.moniker),
        version: printable(&view.info.version),
        listen_address: printable(&view.info.listen_addr),
        protocol_version: Some(pb::ProtocolVersion { p2p: protocol.p2p, block: protocol.block, app: protocol.app }),
        connect_time: time(view.connected_since),
        received_bytes: peer.traffic.bytes_in,
        sent_bytes: peer.traffic.bytes_out,
        last_request_time: time(view.last_request),
        request_count: view.requests,
        await_answer_time: asked.and_then(time),
        persistent: view.persistent,
        unconditional: view.unconditional,
        message_counts: Some(message_counts(peer.traffic)),
        channels: view.info.channels.clone(),
        rpc_address: printable(&view.info.rpc_address),
        retention_reason: view.kept.to_string(),
        disconnect_time: time(view.leaves),
        dialled_address: view.dialled.map(|address| address.to_string()).unwrap_or_default(),
    }
}

const fn message_counts(traffic: Traffic) -> pb::MessageCounts {
    pb::MessageCounts {
        requests_received: traffic.requests_in,
        addresses_received: traffic.addresses_in,
        requests_sent: traffic.requests_out,
        addresses_sent: traffic.addresses_out,
    }
}

/// An entry of the lists of peers.
pub(in crate::admin) fn configured_peer(network: &str, view: ListedView) -> pb::ConfiguredPeer {
    let (list, peer) = listed(&view.item);
    let (change_author, change_time) = match &view.change {
        Some((author, at)) => (printable(author), time(*at)),
        None => (String::new(), None),
    };
    pb::ConfiguredPeer {
        network: network.to_owned(),
        list: list.into(),
        peer,
        from_file: view.from_file,
        in_effect: view.in_effect,
        connected: view.connected,
        change_author,
        change_time,
        next_dial_time: view.next_dial.and_then(time),
    }
}

/// The list of an entry and how the entry is written. A seed is on none of these lists.
pub(in crate::admin) fn listed(item: &ListItem) -> (pb::PeerList, String) {
    match item {
        ListItem::Seed(seed) => (pb::PeerList::Unspecified, seed.to_string()),
        ListItem::Persistent(peer) => (pb::PeerList::Persistent, peer.to_string()),
        ListItem::Unconditional(id) => (pb::PeerList::Unconditional, id.to_string()),
        ListItem::Private(id) => (pb::PeerList::Private, id.to_string()),
    }
}

pub(in crate::admin) const fn direction(direction: Direction) -> pb::Direction {
    match direction {
        Direction::Inbound => pb::Direction::Inbound,
        Direction::Outbound => pb::Direction::Outbound,
    }
}

pub(in crate::admin) const fn purpose(purpose: Purpose) -> pb::DialPurpose {
    match purpose {
        Purpose::Keep => pb::DialPurpose::Keep,
        Purpose::Visit => pb::DialPurpose::Visit,
        Purpose::Verify => pb::DialPurpose::Verify,
        Purpose::Seed => pb::DialPurpose::Seed,
        Purpose::Persistent => pb::DialPurpose::Persistent,
        Purpose::Manual => pb::DialPurpose::Manual,
    }
}

pub(in crate::admin) fn address(network: &str, view: AddressView) -> pb::Address {
    let record = view.record;
    let source = pb::AddressSource { id: record.source.id.to_string(), ip: record.source.ip.to_string() };
    pb::Address {
        network: network.to_owned(),
        address: record.address.to_string(),
        id: record.address.id().to_string(),
        ip: record.address.ip().to_string(),
        port: record.address.port().into(),
        state: address_state(record.state).into(),
        reliability: reliability(&record.reliability),
        source: Some(source),
        add_time: time(record.added),
        failed_attempt_count: record.attempts.into(),
        last_outcome: outcome(record.outcome).into(),
        last_attempt_time: time(record.last_attempt),
        last_success_time: time(record.last_success),
        reachable_since_time: time(record.reached_since),
        verified: record.verified,
        servable: view.servable,
        connected: view.connected,
        group: view.group.to_string(),
    }
}

fn reliability(record: &book::Reliability) -> Vec<pb::Reliability> {
    let window = |(number, span): (usize, &std::time::Duration)| pb::Reliability {
        window: Some(Duration { seconds: span.as_secs() as i64, nanos: 0 }),
        watched: record.watched(number),
        answered: record.answered(number),
    };
    book::WINDOWS.iter().enumerate().map(window).collect()
}

const fn address_state(state: book::State) -> pb::AddressState {
    match state {
        book::State::New => pb::AddressState::New,
        book::State::Old => pb::AddressState::Old,
        book::State::Banned => pb::AddressState::Banned,
    }
}

pub(in crate::admin) const fn outcome(outcome: DialOutcome) -> pb::DialOutcome {
    match outcome {
        DialOutcome::Untried => pb::DialOutcome::Untried,
        DialOutcome::Reached => pb::DialOutcome::Reached,
        DialOutcome::Refused => pb::DialOutcome::Refused,
        DialOutcome::TimedOut => pb::DialOutcome::TimedOut,
        DialOutcome::WrongIdentity => pb::DialOutcome::WrongIdentity,
        DialOutcome::WrongNetwork => pb::DialOutcome::WrongNetwork,
        DialOutcome::HungUp => pb::DialOutcome::HungUp,
        DialOutcome::Misbehaved => pb::DialOutcome::Misbehaved,
        DialOutcome::NoPex => pb::DialOutcome::NoPex,
        DialOutcome::Full => pb::DialOutcome::Full,
    }
}

pub(in crate::admin) fn seed(network: &str, view: SeedView) -> pb::Seed {
    let outcome = view.outcome();
    let health = view.health;
    let latency = (!health.last_success.is_never()).then(|| Duration {
        seconds: (health.latency_ms / 1000).into(),
        nanos: i32::try_from(health.latency_ms % 1000).unwrap_or(0) * 1_000_000,
    });
    pb::Seed {
        network: network.to_owned(),
        seed: view.seed.to_string(),
        origin: if view.from_file { pb::SeedOrigin::File } else { pb::SeedOrigin::Runtime }.into(),
        in_use: view.in_use,
        last_outcome: seed_outcome(outcome).into(),
        last_fault: match outcome {
            SeedOutcome::Ourselves => "it is this node itself: nobody is asked there, remove it".to_owned(),
            _ => reason(&health.last_fault),
        },
        last_dial_time: time(health.last_dialled),
        last_success_time: time(health.last_success),
        latency,
        actual_id: health.actual_id.map(|id| id.to_string()).unwrap_or_default(),
        actual_network: health.actual_network.as_deref().map(printable).unwrap_or_default(),
        last_answer_time: time(health.last_answer),
        last_answer_address_count: health.addresses,
        advertised_address_count: view.advertised.0,
        advertised_good_address_count: view.advertised.1,
        in_effect: view.in_effect,
        change_author: view.change.as_ref().map(|(author, _)| printable(author)).unwrap_or_default(),
        change_time: view.change.as_ref().and_then(|(_, at)| time(*at)),
        account: Some(source_account(view.account)),
        metrics_label: view.alias,
    }
}

pub(in crate::admin) fn source(network: &str, view: SourceView) -> pb::SourceGroup {
    pb::SourceGroup {
        network: network.to_owned(),
        source: view.group.to_string(),
        account: Some(source_account(view.account)),
    }
}

fn source_account(account: SourceAccount) -> pb::SourceAccount {
    pb::SourceAccount {
        brought_count: account.brought.into(),
        reached_count: account.reached.into(),
        dead_count: account.dead.into(),
        refused_count: account.refused.into(),
    }
}

const fn seed_outcome(outcome: SeedOutcome) -> pb::SeedOutcome {
    match outcome {
        SeedOutcome::Untried => pb::SeedOutcome::Untried,
        SeedOutcome::Reached => pb::SeedOutcome::Reached,
        SeedOutcome::Failed => pb::SeedOutcome::Failed,
        SeedOutcome::WrongIdentity => pb::SeedOutcome::WrongIdentity,
        SeedOutcome::WrongNetwork => pb::SeedOutcome::WrongNetwork,
        SeedOutcome::Ourselves => pb::SeedOutcome::Ourselves,
    }
}

pub(in crate::admin) fn ban(network: &str, ban: row::Ban) -> pb::Ban {
    pb::Ban {
        network: network.to_owned(),
        target: ban.target.to_string(),
        reason: reason(&ban.reason),
        ban_time: time(ban.since),
        expire_time: time(ban.until),
        origin: if ban.by_operator { pb::BanOrigin::Operator } else { pb::BanOrigin::Reactor }.into(),
        author: printable(&ban.author),
        scope: match ban.scope {
            row::BanScope::All => pb::BanScope::All,
            row::BanScope::Dials => pb::BanScope::Dials,
        }
        .into(),
    }
}

/// Why something is not on disk; empty when it is.
pub(in crate::admin) fn unsaved_reason(saved: Saved) -> String {
    match saved {
        Saved::Yes => String::new(),
        Saved::No(text) => reason(&text),
    }
}

pub(in crate::admin) fn change(network: &str, applied: Applied) -> pb::ChangeResult {
    let (saved, unsaved_reason) = match applied.saved {
        Saved::Yes => (true, String::new()),
        Saved::No(text) => (false, reason(&text)),
    };
    pb::ChangeResult { network: network.to_owned(), changed: applied.changed, saved, unsaved_reason }
}
