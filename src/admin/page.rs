//! Pages of lists over one or all networks.
//!
//! A page walks the immutable key of its entries, network by network: the token holds the last key that was shown, so no
//! entry comes twice and none that stayed is left out, whatever comes and goes between two pages.

use std::fmt::Display;
use std::str::FromStr;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use prost::Message as _;
use tonic::Status;

use super::scope::{Scope, failure};
use super::status::{self, invalid};
use crate::network::{Error, Handle};
use crate::proto::pexd::v1::NetworkFailure;

/// Entries of a page when the request does not say.
const DEFAULT_SIZE: usize = 100;
/// Entries of a page at most; more is taken as this.
const MAX_SIZE: usize = 1_000;
/// Bytes of a token at most. The longest one that we give is below.
const MAX_TOKEN: usize = 1_024;
/// The form of our tokens. One of another form (of an older or newer pexd) is refused, and its list begun again.
const VERSION: u32 = 1;

/// Something that can be listed.
pub(super) trait Listing: Sync {
    /// Its name in tokens: a token of one list is none of another.
    const KIND: &'static str;
    /// What entries are ordered by. It never changes while an entry lives, and text and back is the same key.
    type Key: Clone + Display + FromStr + Send;
    /// An entry as it is shown.
    type Item: Send;

    /// At most `max` entries of one network whose key is greater than `after`, in the order of their keys.
    fn fetch(
        &self,
        network: &Handle,
        after: Option<Self::Key>,
        max: usize,
    ) -> impl Future<Output = Result<Chunk<Self::Key, Self::Item>, Error>> + Send;
}

/// A part of one network's entries.
#[derive(Debug)]
pub(super) struct Chunk<K, T> {
    /// The entries, in the order of their keys.
    pub(super) items: Vec<(K, T)>,
    /// Whether more follow.
    pub(super) more: bool,
}

impl<K: Ord, T> Chunk<K, T> {
    /// The part after a key of entries that are all at hand.
    pub(super) fn cut(entries: impl IntoIterator<Item = (K, T)>, after: Option<&K>, max: usize) -> Self {
        let mut items: Vec<_> = entries.into_iter().filter(|(key, _)| after.is_none_or(|after| key > after)).collect();
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = items.len() > max;
        items.truncate(max);
        Chunk { items, more }
    }
}

/// A page.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// The entries.
    pub(super) items: Vec<T>,
    /// The next page's token; empty after the last page.
    pub(super) next: String,
    /// Networks that did not answer.
    pub(super) failures: Vec<NetworkFailure>,
}

/// What a token holds.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Token {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(string, tag = "2")]
    kind: String,
    #[prost(string, tag = "3")]
    scope: String,
    #[prost(string, tag = "4")]
    network: String,
    #[prost(string, tag = "5")]
    key: String,
}

/// The last entry that was shown.
struct Position<K> {
    network: String,
    key: K,
}

/// The page of `list` that a request asks for.
///
/// # Errors
/// INVALID_ARGUMENT for a negative size or a token that is not of this query, and what the one network answered.
pub(super) async fn page<L: Listing>(
    list: &L,
    scope: &Scope,
    page_size: i32,
    page_token: &str,
) -> Result<Page<L::Item>, Status> {
    let size = read_size(page_size)?;
    let mut position = read_token::<L>(scope, page_token)?;
    let mut page = Page { items: Vec::new(), next: String::new(), failures: Vec::new() };
    let networks = networks_from(scope, position.as_ref().map_or("", |position| &position.network));
    for (index, network) in networks.iter().enumerate() {
        let chain_id = network.chain_id();
        loop {
            let after = position.as_ref().filter(|position| position.network == **chain_id);
            let chunk = match list.fetch(network, after.map(|p| p.key.clone()), size - page.items.len()).await {
                Ok(chunk) => chunk,
                Err(error) if scope.is_all() => {
                    page.failures.push(failure(chain_id, &error));
                    break;
                }
                Err(error) => return Err(status::of(&error)),
            };
            let Some((last, _)) = chunk.items.last() else { break };
            let last = Position { network: chain_id.to_string(), key: last.clone() };
            page.items.extend(chunk.items.into_iter().map(|(_, item)| item));
            if page.items.len() >= size && (chunk.more || index + 1 < networks.len()) {
                page.next = write_token::<L>(scope, &last);
                return Ok(page);
            }
            position = Some(last);
            if !chunk.more {
                break;
            }
        }
    }
    Ok(page)
}

/// The scope's networks from this one on, itself included if it is still there.
fn networks_from<'a>(scope: &'a Scope, chain_id: &str) -> &'a [Handle] {
    let handles = scope.handles();
    &handles[handles.partition_point(|handle| **handle.chain_id() < *chain_id)..]
}

fn read_size(page_size: i32) -> Result<usize, Status> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(size) => Ok(size.min(MAX_SIZE)),
        Err(_) => Err(invalid("page_size", "it is negative: write 0 for 100 entries, or a number up to 1000")),
    }
}

fn read_token<L: Listing>(scope: &Scope, text: &str) -> Result<Option<Position<L::Key>>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |text: &str| invalid("page_token", text);
    let broken = || wrong("it is not a next_page_token of this pexd: begin with an empty one");
    if text.len() > MAX_TOKEN {
        return Err(broken());
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
    let token = Token::decode(bytes.as_slice()).map_err(|_| broken())?;
    if token.version != VERSION {
        return Err(broken());
    }
    if token.kind != L::KIND || token.scope != scope.name() {
        return Err(wrong("it is of another query: pass it to the method and with the network that it came from"));
    }
    let key = token.key.parse().map_err(|_| broken())?;
    Ok(Some(Position { network: token.network, key }))
}

fn write_token<L: Listing>(scope: &Scope, position: &Position<L::Key>) -> String {
    let token = Token {
        version: VERSION,
        kind: L::KIND.to_owned(),
        scope: scope.name().to_owned(),
        network: position.network.clone(),
        key: position.key.to_string(),
    };
    BASE64_URL_SAFE_NO_PAD.encode(token.encode_to_vec())
}
