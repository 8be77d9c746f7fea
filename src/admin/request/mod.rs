//! Reading requests: the network they are for, their fields and filters.

pub(super) mod fields;
pub(super) mod filters;
pub(super) mod network_scope;
