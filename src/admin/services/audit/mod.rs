//! The audit log: listing it, and who may see which entry.

pub(in crate::admin) mod list;
pub(crate) mod visibility;
