//! Why things are as they are, in words and numbers: an address, what may be served, what needs attention, and our own
//! outbound dials.

pub(super) mod address;
pub(super) mod attention;
pub(super) mod outbound;
pub(super) mod servable;
