//! Page tokens: where a walk stopped, and of which query.

use std::fmt::Display;
use std::hash::Hasher as _;
use std::str::FromStr;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use prost::Message as _;
use siphasher::sip::SipHasher13;
use tonic::Status;

use crate::admin::reply::status_codes::invalid;

/// Bytes of a token at most. The longest one that we give is below.
const MAX_TOKEN: usize = 1_024;
/// The form of our tokens. One of another form (of an older or newer pexd) is refused, and its list begun again.
const VERSION: u32 = 3;

/// A fingerprint of what a request asks for, the size of its pages left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query(u64);

impl Query {
    /// Of a list, the networks that it is over, and its filter and order.
    pub(super) fn new(kind: &str, scope: &str, query: &[u8]) -> Self {
        let mut hasher = SipHasher13::new();
        for part in [kind.as_bytes(), scope.as_bytes(), query] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        Query(hasher.finish())
    }
}

/// Where a walk goes on.
#[derive(Debug)]
pub(super) struct Position<K> {
    /// In this network, or the next one if it is gone; `-` = in all of them together.
    pub(super) network: String,
    /// And there.
    pub(super) at: At<K>,
}

/// Where a walk goes on within a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum At<K> {
    /// At its beginning.
    #[default]
    Start,
    /// After this key.
    After(K),
    /// At this place of a snapshot.
    Snapshot {
        /// Its number.
        number: u64,
        /// Keys that were looked at.
        offset: usize,
    },
}

/// A token as it travels: `body` is the walk's own.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Token {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(fixed64, tag = "2")]
    query: u64,
    #[prost(bytes = "vec", tag = "3")]
    body: Vec<u8>,
}

/// Reads what `page_token` holds; `None` for the first page.
///
/// # Errors
/// When it is longer than `max` bytes, none of ours, or of another query.
pub(super) fn open<T: prost::Message + Default>(text: &str, query: Query, max: usize) -> Result<Option<T>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > max {
        return Err(broken());
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
    let token = Token::decode(bytes.as_slice()).map_err(|_| broken())?;
    if token.version != VERSION {
        return Err(broken());
    }
    if token.query != query.0 {
        return Err(invalid(
            "page_token",
            "it is of another query: pass it to the method that it came from, with the same network, filter and order",
        ));
    }
    T::decode(token.body.as_slice()).map(Some).map_err(|_| broken())
}

/// The `next_page_token` that holds this.
pub(super) fn seal(body: &impl prost::Message, query: Query) -> String {
    let token = Token { version: VERSION, query: query.0, body: body.encode_to_vec() };
    BASE64_URL_SAFE_NO_PAD.encode(token.encode_to_vec())
}

fn broken() -> Status {
    invalid("page_token", "it is not a next_page_token of this pexd: begin with an empty one")
}

/// A [`Position`] as it travels. No key is an empty text.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct PagePosition {
    #[prost(string, tag = "1")]
    network: String,
    #[prost(string, tag = "2")]
    key: String,
    #[prost(fixed64, optional, tag = "3")]
    snapshot: Option<u64>,
    #[prost(uint32, tag = "4")]
    offset: u32,
}

impl<K: Display + FromStr> Position<K> {
    /// The beginning of a network.
    pub(super) fn start_of(network: &str) -> Self {
        Position { network: network.to_owned(), at: At::Start }
    }

    /// Reads `page_token`; `None` for the first page.
    ///
    /// # Errors
    /// When it is none of ours, or of another query.
    pub(super) fn read(text: &str, query: Query) -> Result<Option<Self>, Status> {
        let Some(place) = open::<PagePosition>(text, query, MAX_TOKEN)? else { return Ok(None) };
        let at = match place.snapshot {
            Some(number) => At::Snapshot { number, offset: place.offset as usize },
            None if place.key.is_empty() => At::Start,
            None => At::After(place.key.parse().map_err(|_| broken())?),
        };
        Ok(Some(Position { network: place.network, at }))
    }

    /// The `next_page_token`.
    pub(super) fn write(self, query: Query) -> String {
        let mut place = PagePosition { network: self.network, ..PagePosition::default() };
        match self.at {
            At::Start => {}
            At::After(key) => place.key = key.to_string(),
            At::Snapshot { number, offset } => {
                place.snapshot = Some(number);
                place.offset = u32::try_from(offset).unwrap_or(u32::MAX);
            }
        }
        seal(&place, query)
    }
}
