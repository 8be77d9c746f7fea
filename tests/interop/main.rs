//! pexd among real CometBFT nodes, as built by `tests/interop/build-nodes`.
//!
//! The cases are ignored by a plain `cargo test`, since they need Go and minutes; `tests/interop/run` builds the nodes
//! and runs them all. The period of a node's PEX rounds is fixed at 30 s, so cases share one network and run side by
//! side; what a case breaks must be its own.

#![allow(clippy::unwrap_used)]

mod cases;
mod harness;
