//! Pages of what was written down, the latest first: numbers that only grow, of which the oldest are forgotten.
//!
//! What comes between two pages has a higher number and is not looked at, so no entry comes twice and none that is still
//! kept is left out. A network looks at a bounded number of rows for a page; then the page is short, and its token goes on.

use tonic::Status;

use super::token::{At, Position, Query};
use super::{Page, fail, networks_from, read_size};
use crate::admin::scope::Scope;
use crate::network::{Error, Handle, Part, Portion};

/// Something that is written down, with the filter of one request.
pub(in crate::admin) trait Log: Sync {
    /// Its name in tokens: a token of one list is none of another.
    const KIND: &'static str;
    /// An entry as it is shown.
    type Item: Send;

    /// The filter in any form in which two that differ are not the same.
    fn query(&self) -> Vec<u8>;

    /// A part of one network's entries that the filter lets through.
    fn read(&self, network: &Handle, portion: Portion) -> impl Future<Output = Result<Part<Self::Item>, Error>> + Send;
}

/// The page of `log` that a request asks for.
///
/// # Errors
/// INVALID_ARGUMENT for a negative size or a token that is not of this query, and what the one network answered.
pub(in crate::admin) async fn backwards<L: Log>(
    log: &L,
    scope: &Scope,
    page_size: i32,
    page_token: &str,
) -> Result<Page<L::Item>, Status> {
    let size = read_size(page_size)?;
    let query = Query::new(L::KIND, scope.name(), &log.query());
    let position = Position::<u64>::read(page_token, query)?;
    let mut page = Page { items: Vec::new(), next: String::new(), failures: Vec::new(), total: 0 };
    let networks = networks_from(scope, position.as_ref().map_or("", |position| &position.network));
    for (index, network) in networks.iter().enumerate() {
        let before = match &position {
            Some(Position { network: name, at: At::After(number) }) if **name == **network.chain_id() => Some(*number),
            _ => None,
        };
        let next = match log.read(network, Portion { before, max: size - page.items.len() }).await {
            Ok(part) => {
                page.items.extend(part.entries);
                part.next
            }
            Err(error) => {
                fail(scope, network, &error, &mut page.failures)?;
                None
            }
        };
        if let Some(number) = next {
            page.next = Position { network: network.chain_id().to_string(), at: At::After(number) }.write(query);
            return Ok(page);
        }
        if let Some(next) = networks.get(index + 1).filter(|_| page.items.len() >= size) {
            page.next = Position::<u64>::start_of(next.chain_id()).write(query);
            return Ok(page);
        }
    }
    Ok(page)
}
