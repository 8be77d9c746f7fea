//! What a list has to say of itself to be served in pages.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use crate::network::{Error, Handle};

/// A list with the filter and the order of one request.
pub(in crate::admin) trait Listing: Sync {
    /// Its name in tokens: a token of one list is none of another.
    const KIND: &'static str;
    /// What names an entry within its network. It never changes while the entry lives, is never used again for another
    /// one, and text and back is the same key.
    type Key: Clone + Ord + Display + FromStr + Send + Sync + 'static;
    /// An entry as the network reports it.
    type Entry: Send;
    /// An entry as it is shown.
    type Item: Send;

    /// Filter and order in any form in which two that differ are not the same: a token of another query is refused. Empty
    /// when there are neither.
    fn query(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Whether [`Listing::admits`] may say no.
    fn is_filtered(&self) -> bool {
        false
    }

    /// Whether the filter lets an entry through.
    fn admits(&self, _entry: &Self::Entry) -> bool {
        true
    }

    /// Whether [`Listing::rank`] orders the entries, and not their keys. Such an order is one over all networks.
    fn is_ranked(&self) -> bool {
        false
    }

    /// Where an entry stands in an order that changes: the greatest comes first, of equals the one of the network with the
    /// lesser chain ID, and then the one with the lesser key.
    fn rank(&self, _entry: &Self::Entry) -> u64 {
        0
    }

    /// The next entries of one network whose key is greater than `after`, in the order of their keys: at most `max`, and
    /// whether more follow. The filter is not asked.
    fn scan(
        &self,
        network: &Handle,
        after: Option<Self::Key>,
        max: usize,
    ) -> impl Future<Output = Result<Chunk<Self::Key, Self::Entry>, Error>> + Send;

    /// The present entries of these keys (at most 1,000), each with its key; those that are gone are left out. Asked for
    /// when there is an order that changes, and only then.
    fn fetch(
        &self,
        _network: &Handle,
        _keys: &[Self::Key],
    ) -> impl Future<Output = Rows<Self::Key, Self::Entry>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// How many entries a network has, when it knows that without showing them. Asked for when there is no filter.
    fn count(&self, _network: &Handle) -> impl Future<Output = Result<Option<u64>, Error>> + Send {
        std::future::ready(Ok(None))
    }

    /// Makes an entry presentable.
    fn show(&self, network: &Handle, entry: Self::Entry) -> Self::Item;
}

/// Entries with their keys, or why the network reports none.
pub(in crate::admin) type Rows<K, T> = Result<Vec<(K, T)>, Error>;

/// A part of one network's entries.
#[derive(Debug)]
pub(in crate::admin) struct Chunk<K, T> {
    /// The entries, in the order of their keys.
    pub(in crate::admin) entries: Vec<(K, T)>,
    /// Whether more follow.
    pub(in crate::admin) more: bool,
}

impl<K: Ord, T> Chunk<K, T> {
    /// The part after a key of entries that are all at hand.
    pub(in crate::admin) fn cut(all: impl IntoIterator<Item = (K, T)>, after: Option<&K>, max: usize) -> Self {
        let mut entries: Vec<_> = all.into_iter().filter(|(key, _)| after.is_none_or(|after| key > after)).collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = entries.len() > max;
        entries.truncate(max);
        Chunk { entries, more }
    }
}

/// The entries of these keys, in their order, of entries that are all at hand.
pub(in crate::admin) fn pick<K: Ord, T>(all: impl IntoIterator<Item = (K, T)>, keys: &[K]) -> Vec<(K, T)> {
    let mut all: BTreeMap<K, T> = all.into_iter().collect();
    keys.iter().filter_map(|key| all.remove_entry(key)).collect()
}
