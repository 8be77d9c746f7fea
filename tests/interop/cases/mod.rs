//! One file a subject.

mod addrbook;
mod check_seeds;
mod node;
mod real_nodes;
mod refusals;
mod restart;
mod seed;
mod two_chains;

use std::time::Duration;

/// Two rounds of a real node and some slack: what it learns in one, it dials in the next at the latest.
const TWO_ROUNDS: Duration = Duration::from_secs(75);
