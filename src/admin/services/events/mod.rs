//! `ReactorService.WatchEvents`: what happens in one network or in all, as a stream that the reader's own pace draws.
//!
//! Nothing is made for a reader that does not read: the stream is polled when its connection has room, pulls a few events
//! from a network's ring, and holds no more than these.

mod convert;
mod filter;
mod limits;
mod watch;

pub(in crate::admin) use limits::EventStreamLimits;
pub(in crate::admin) use watch::{EventStream, watch};
