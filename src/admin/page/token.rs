//! Page tokens: where a walk stopped, and of which query.

use std::fmt::Display;
use std::hash::Hasher as _;
use std::str::FromStr;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use prost::Message as _;
use siphasher::sip::SipHasher13;
use tonic::Status;

use crate::admin::status::invalid;

/// Bytes of a token at most. The longest one that we give is below.
const MAX_TOKEN: usize = 1_024;
/// The form of our tokens. One of another form (of an older or newer pexd) is refused, and its list begun again.
const VERSION: u32 = 2;

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
    /// In this network, or the next one if it is gone.
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

/// What a token holds. No key is an empty text.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Token {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(fixed64, tag = "2")]
    query: u64,
    #[prost(string, tag = "3")]
    network: String,
    #[prost(string, tag = "4")]
    key: String,
    #[prost(fixed64, optional, tag = "5")]
    snapshot: Option<u64>,
    #[prost(uint32, tag = "6")]
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
        if token.query != query.0 {
            return Err(wrong(
                "it is of another query: pass it to the method that it came from, with the same network, filter and order",
            ));
        }
        let at = match token.snapshot {
            Some(number) => At::Snapshot { number, offset: token.offset as usize },
            None if token.key.is_empty() => At::Start,
            None => At::After(token.key.parse().map_err(|_| broken())?),
        };
        Ok(Some(Position { network: token.network, at }))
    }

    /// The `next_page_token`.
    pub(super) fn write(self, query: Query) -> String {
        let mut token = Token { version: VERSION, query: query.0, network: self.network, ..Token::default() };
        match self.at {
            At::Start => {}
            At::After(key) => token.key = key.to_string(),
            At::Snapshot { number, offset } => {
                token.snapshot = Some(number);
                token.offset = u32::try_from(offset).unwrap_or(u32::MAX);
            }
        }
        BASE64_URL_SAFE_NO_PAD.encode(token.encode_to_vec())
    }
}
