//! `pexd localnet`: the whole thing on loopback, with nothing to configure.

use std::time::Duration;

use super::{NextStep, whole_number};
use crate::localnet::Options;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after this many seconds; the exit code says whether every reachable node was found and nothing else served
    #[arg(long, value_name = "N", value_parser = |text: &str| whole_number::<u64>(text, 1, 86_400))]
    seconds: Option<u64>,
    /// The admin API's port on 127.0.0.1; 0 = any [default: 26670, or any when that is taken]
    #[arg(long, value_name = "PORT", value_parser = |text: &str| whole_number::<u16>(text, 0, u16::MAX))]
    admin_port: Option<u16>,
}

pub(super) fn run(args: &Args) -> NextStep {
    let length = args.seconds.map(Duration::from_secs);
    NextStep::Localnet(Options { length, admin_port: args.admin_port })
}
