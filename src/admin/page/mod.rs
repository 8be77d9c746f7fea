//! Pages of lists over one or all networks: filtered, in an order, with a total on the first page.
//!
//! The order of the keys is immutable, so a page of it walks the networks and their keys: the token holds the last key that
//! was looked at, no entry comes twice and none that stayed is left out, whatever comes and goes between two pages. An
//! order that changes walks a snapshot of keys ([`snapshots`]), of one network or of all together, and shows their present
//! rows.
//!
//! A network is asked for at most 1,000 entries at a time, so that no list pauses its reactor. A filter that lets little
//! through is looked for in many such steps, up to a bound; then the page is short, and its token goes on from there.

mod history;
mod history_cursor;
mod listing;
mod ranked;
mod snapshots;
mod token;
mod walk;

use futures_util::future::join_all;
pub(super) use history::{Log, latest_first};
pub(super) use listing::{Chunk, Listing, pick};
pub(super) use snapshots::Pages;
use token::{Position, Query};
use tonic::{Code, Status};
use walk::Walk;

use super::auth::caller::Caller;
use super::reply::status_codes;
use super::reply::status_codes::invalid;
use super::request::network_scope::{Scope, failure};
use super::untrusted_text::reason;
use crate::network::{Error, Handle};
use crate::proto::pexd::v1::NetworkFailure;

/// Entries of a page when the request does not say.
const DEFAULT_SIZE: usize = 100;
/// Entries of a page at most; more is taken as this.
const MAX_SIZE: usize = 1_000;
/// Entries that a network is asked for at a time.
const STEP: usize = 1_000;
/// Questions to networks for one page. A full book takes 21.
const MAX_STEPS: usize = 128;

/// A page.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// The entries.
    pub(super) items: Vec<T>,
    /// The next page's token; empty after the last page.
    pub(super) next: String,
    /// AllowedNetworks that did not answer.
    pub(super) failures: Vec<NetworkFailure>,
    /// What the filter lets through on all pages together; 0 on all but the first.
    pub(super) total: u64,
}

impl Pages {
    /// The page of `list` that a request asks for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a negative size or a token that is not of this query, ABORTED for one whose snapshot is gone,
    /// and what the one network answered.
    pub(super) async fn page<L: Listing>(
        &self,
        list: &L,
        caller: &Caller,
        scope: &Scope,
        page_size: i32,
        page_token: &str,
    ) -> Result<Page<L::Item>, Status> {
        let size = read_size(page_size)?;
        let query = Query::new(L::KIND, scope.name(), &list.query());
        let position = Position::read(page_token, query)?;
        let page = Page { items: Vec::with_capacity(size), next: String::new(), failures: Vec::new(), total: 0 };
        let mut walk = Walk { pages: self, list, scope, caller, query, size, steps: 0, looked_at: 0, page };
        if position.is_none() {
            walk.page.total = total(list, scope, &mut walk.page.failures).await?;
        }
        let (networks, together) = match walk.is_merged() {
            true => (scope.handles(), scope.handles().len().max(1)),
            false => (networks_from(scope, position.as_ref().map_or("", |position| &position.network)), 1),
        };
        let mut parts = networks.chunks(together).peekable();
        while let Some(part) = parts.next() {
            let name = walk.name_of(part).to_owned();
            let from = position.as_ref().filter(|position| position.network == name);
            let from = from.map(|position| position.at.clone()).unwrap_or_default();
            if let Some(at) = walk.networks(part, from).await? {
                walk.page.next = Position { network: name, at }.write(query);
                break;
            }
            if let Some(next) = parts.peek().filter(|_| walk.is_over()) {
                walk.page.next = Position::<L::Key>::start_of(walk.name_of(next)).write(query);
                break;
            }
        }
        Ok(walk.page)
    }
}

/// What the filter lets through in all networks together, counted side by side.
async fn total<L: Listing>(list: &L, scope: &Scope, failures: &mut Vec<NetworkFailure>) -> Result<u64, Status> {
    let counts = join_all(scope.handles().iter().map(|network| walk::count(list, network))).await;
    let mut total = 0;
    for (network, count) in scope.handles().iter().zip(counts) {
        match count {
            Ok(count) => total += count,
            Err(error) => fail(scope, network, &error, failures)?,
        }
    }
    Ok(total)
}

/// Tells once of a network that did not answer; of the only one it is the call's error.
fn fail(scope: &Scope, network: &Handle, error: &Error, failures: &mut Vec<NetworkFailure>) -> Result<(), Status> {
    if !scope.is_all() {
        return Err(status_codes::of(error));
    }
    if failures.iter().all(|failure| failure.network != **network.chain_id()) {
        failures.push(failure(network.chain_id(), error));
    }
    Ok(())
}

/// Reports what could not be read of the process itself; its networks are listed all the same.
fn fail_process(code: Code, error: &impl std::fmt::Display, failures: &mut Vec<NetworkFailure>) {
    if failures.iter().all(|failure| !failure.network.is_empty()) {
        let reason = reason(&error.to_string());
        failures.push(NetworkFailure { network: String::new(), reason, code: code.into() });
    }
}

/// The scope's networks from this one on, itself included if it is still there.
fn networks_from<'a>(scope: &'a Scope, chain_id: &str) -> &'a [Handle] {
    let handles = scope.handles();
    &handles[handles.partition_point(|handle| **handle.chain_id() < *chain_id)..]
}

/// Entries of a page that a request asks for.
pub(super) fn read_size(page_size: i32) -> Result<usize, Status> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(size) => Ok(size.min(MAX_SIZE)),
        Err(_) => Err(invalid("page_size", "it is negative: write 0 for 100 entries, or a number up to 1000")),
    }
}
