//! Writing replies: status codes, and views of a network as protobuf.

pub(super) mod config_entries;
pub(super) mod conversions;
pub(super) mod dial_attempts;
pub(super) mod status_codes;
