//! The process in `ReactorService.GetStatus`: its version, its dials, and whether they reach anybody.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::admin::auth::caller::Caller;
use crate::admin::diagnosis::outbound::outbound;
use crate::admin::host::process::HostProcess;
use crate::admin::timestamps::time;
use crate::admin::untrusted_text::reason;
use crate::network::{Directory, Outbound};
use crate::proto::pexd::v1::ProcessStatus;
use crate::types::Wall;

/// How long the process's status waits for a network: one that hangs must not hide the others.
const PATIENCE: Duration = Duration::from_secs(1);

/// The process, with what the caller's networks say together.
pub(in crate::admin) async fn process_status(
    directory: &Directory,
    process: &HostProcess,
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
        max_dial_count: count(load.max_dials),
        delayed_by_max_dials_count: load.delayed_by_max_dials,
        delayed_by_dials_per_second_count: load.delayed_by_dials_per_second,
        config_errors: process.config_faults.found().iter().map(|error| reason(error)).collect(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
