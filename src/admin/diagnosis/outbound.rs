//! Whether our own dials go out, in one network and in all that a caller may see.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::admin::auth::caller::Caller;
use crate::admin::host::process::Process;
use crate::admin::reply::timestamps::time;
use crate::network::{Directory, Outbound};
use crate::proto::pexd::v1::{OutboundHealth, OutboundState, ProcessStatus};
use crate::types::Wall;

/// Below this many dials nothing is concluded.
const ENOUGH_DIALS: u32 = 8;
/// How long the process's status waits for a network: one that hangs must not hide the others.
const PATIENCE: Duration = Duration::from_secs(1);

/// The process, with what the caller's networks say together.
pub(in crate::admin) async fn process(
    directory: &Directory,
    process: &Process,
    caller: &Caller,
    now: Wall,
) -> ProcessStatus {
    let networks = directory.all(|chain_id| caller.may_see(chain_id));
    let answers = join_all(networks.iter().map(|network| timeout(PATIENCE, network.outbound()))).await;
    let known: Vec<Outbound> = answers.into_iter().flatten().flatten().collect();
    let load = process.dialler.load();
    ProcessStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        start_time: time(process.started),
        network_count: count(networks.len()),
        outbound: Some(outbound(&known, now)),
        dial_count: count(load.under_way),
        max_dial_count: count(load.at_once),
        crowded_dial_count: load.delayed_by_room,
        paced_dial_count: load.delayed_by_rate,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The verdict on the dials of these networks together.
pub(in crate::admin) fn outbound(networks: &[Outbound], now: Wall) -> OutboundHealth {
    let (dial_count, answered_count) = networks.iter().map(|network| network.recent(now)).fold((0, 0), |sum, more| {
        let (ended, answered): (u32, u32) = sum;
        (ended.saturating_add(more.0), answered.saturating_add(more.1))
    });
    let state = if answered_count > 0 {
        OutboundState::Working
    } else if dial_count < ENOUGH_DIALS {
        OutboundState::Idle
    } else {
        OutboundState::Unanswered
    };
    let last = networks.iter().map(Outbound::last_answer).max().unwrap_or(Wall::NEVER);
    OutboundHealth { state: state.into(), dial_count, answered_count, last_answer_time: time(last) }
}
