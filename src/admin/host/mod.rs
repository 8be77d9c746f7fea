//! What the API asks of the process that hosts the networks.

pub(super) mod call_counts;
pub(super) mod operations;
pub(super) mod process;
pub(super) mod process_notes;
