//! What is wrong in the files by which a network, or the process, is described.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// Errors that are kept at most; what a file can hold has no bound.
const MAX_KEPT: usize = 50;

/// What is wrong in files as they are on disk now. Cheap to clone; what is set on one clone is seen by all.
#[derive(Clone, Debug, Default)]
pub struct ConfigFaults {
    found: Arc<ArcSwap<Vec<String>>>,
}

impl ConfigFaults {
    /// What is wrong from now on: one text an error, with its place and fix. The first 50 are kept, and how many more there
    /// are.
    pub fn set(&self, mut errors: Vec<String>) {
        let more = errors.len().saturating_sub(MAX_KEPT);
        if more > 0 {
            errors.truncate(MAX_KEPT);
            errors.push(format!("and {more} more"));
        }
        self.found.store(Arc::new(errors));
    }

    /// What is wrong now; empty when nothing is.
    pub fn found(&self) -> Arc<Vec<String>> {
        self.found.load_full()
    }
}
