//! HTTP for machines: `/metrics` in Prometheus' text format, `/healthz` (the process lives) and `/readyz` (its networks do
//! what they should). It reports the networks' names and of numbers, never of an address or a peer's ID, so that it may
//! be opened to others than the operator.
//!
//! Each scrape is made anew of what the networks report ([`scrape`]): nothing stale is left of a network that is gone.

mod exposition;
mod metrics;
mod process;
mod ready;
mod routes;
mod scrape;
mod server;
mod sources;
#[cfg(test)]
mod tests;

pub use metrics::reference;
pub use server::{BindError, Http};
pub use sources::{ReadyPolicy, Sources};
