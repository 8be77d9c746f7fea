//! Where the logs of several networks go on, each at a number of its own.

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;
use tonic::Status;

use super::token::{Query, open, seal};

/// Bytes of such a token at most: it has 13 to 20 for each network that has more, and a request 64 KiB for all of it.
const MAX_TOKEN: usize = 48 * 1024;

/// The number below which the walk goes on, by network. A network that is not there has no more, or came later.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers(BTreeMap<u64, u64>);

/// As it travels: networks by a hash of their chain ID, which is shorter than most of these.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Marks {
    #[prost(fixed64, repeated, tag = "1")]
    networks: Vec<u64>,
    #[prost(uint64, repeated, tag = "2")]
    numbers: Vec<u64>,
}

impl Numbers {
    /// Reads `page_token`; `None` for the first page.
    ///
    /// # Errors
    /// When it is none of ours, or of another query.
    pub(super) fn read(text: &str, query: Query) -> Result<Option<Self>, Status> {
        let marks = open::<Marks>(text, query, MAX_TOKEN)?;
        Ok(marks.map(|marks| Numbers(marks.networks.into_iter().zip(marks.numbers).collect())))
    }

    /// The number below which a network's log goes on; `None` when it is not part of the walk any more.
    pub(super) fn of(&self, chain_id: &str) -> Option<u64> {
        self.0.get(&hash(chain_id)).copied()
    }

    /// Has a network's log go on below a number.
    pub(super) fn set(&mut self, chain_id: &str, number: u64) {
        self.0.insert(hash(chain_id), number);
    }

    /// The `next_page_token`; empty when no network has more.
    pub(super) fn write(self, query: Query) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let (networks, numbers) = self.0.into_iter().unzip();
        seal(&Marks { networks, numbers }, query)
    }
}

/// The same in every process: a token outlives a restart.
fn hash(chain_id: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(chain_id.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_two_thousand_networks_fit_into_a_token() {
        let query = Query::new("k", "-", b"");
        let mut numbers = Numbers::default();
        for n in 0..2_000_u64 {
            numbers.set(&format!("network-with-a-rather-long-name-{n}"), (1 << 34) - n);
        }
        let token = numbers.write(query);
        let read = Numbers::read(&token, query).unwrap().unwrap();
        assert_eq!(read.of("network-with-a-rather-long-name-1999"), Some((1 << 34) - 1_999));
        assert_eq!(read.of("another"), None);
        assert_eq!(Numbers::default().write(query), "");
        assert!(Numbers::read(&token, Query::new("k", "-", b"other")).is_err());
    }
}
