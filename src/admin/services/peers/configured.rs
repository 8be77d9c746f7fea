//! The lists of peers that are treated otherwise: persistent, unconditional and private ones.

use std::fmt;
use std::str::FromStr;

use tonic::Status;

use crate::admin::page::{Chunk, Listing, pick};
use crate::admin::reply::conversions;
use crate::admin::reply::status_codes::invalid;
use crate::admin::request::fields;
use crate::network::{Error, Handle, MAX_PAGE};
use crate::node::ListedView;
use crate::node::row::ListItem;
use crate::proto::pexd::v1::{ConfiguredPeer, PeerList};

const LISTS: &str = "write PEER_LIST_PERSISTENT, PEER_LIST_UNCONDITIONAL or PEER_LIST_PRIVATE";

/// The entry that `list` and `peer` of a request stand for.
///
/// # Errors
/// INVALID_ARGUMENT, with what the list takes.
pub(in crate::admin) fn entry(list: i32, peer: &str) -> Result<ListItem, Status> {
    match PeerList::try_from(list) {
        Ok(PeerList::Persistent) => fields::peer_address("peer", peer).map(ListItem::Persistent),
        Ok(PeerList::Unconditional) => fields::node_id("peer", peer).map(ListItem::Unconditional),
        Ok(PeerList::Private) => fields::node_id("peer", peer).map(ListItem::Private),
        Ok(PeerList::Unspecified) | Err(_) => Err(invalid("list", LISTS)),
    }
}

/// The entries of some of the lists, by list and peer.
#[derive(Debug)]
pub(in crate::admin) struct Configured {
    /// Empty = all.
    lists: Vec<PeerList>,
}

impl Configured {
    /// The list that a request asks for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a list that there is not.
    pub(in crate::admin) fn read(lists: Vec<i32>) -> Result<Self, Status> {
        let read = |list: i32| match PeerList::try_from(list) {
            Ok(PeerList::Unspecified) | Err(_) => {
                Err(invalid("lists", format!("{LISTS}, or leave it empty for all three")))
            }
            Ok(list) => Ok(list),
        };
        let mut lists = lists.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        lists.sort_unstable();
        lists.dedup();
        Ok(Configured { lists })
    }
}

/// The key of an entry: its list and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::admin) struct Key(ListItem);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (list, peer) = conversions::listed(&self.0);
        write!(f, "{} {peer}", i32::from(list))
    }
}

impl FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (list, peer) = text.split_once(' ').ok_or(())?;
        let list = list.parse().map_err(|_| ())?;
        entry(list, peer).map(Key).map_err(|_| ())
    }
}

impl Listing for Configured {
    const KIND: &'static str = "configured_peers";
    type Key = Key;
    type Entry = ListedView;
    type Item = ConfiguredPeer;

    fn query(&self) -> Vec<u8> {
        self.lists.iter().map(|list| *list as u8).collect()
    }

    fn is_filtered(&self) -> bool {
        !self.lists.is_empty()
    }

    fn admits(&self, entry: &ListedView) -> bool {
        let (list, _) = conversions::listed(&entry.item);
        self.lists.is_empty() || self.lists.contains(&list)
    }

    async fn scan(&self, network: &Handle, after: Option<Key>, max: usize) -> Result<Chunk<Key, ListedView>, Error> {
        let part = network.listed(after.map(|Key(item)| item), max).await?;
        let entries = part.entries.into_iter().map(|entry| (Key(entry.item.clone()), entry)).collect();
        Ok(Chunk { entries, more: part.more })
    }

    async fn fetch(&self, network: &Handle, keys: &[Key]) -> Result<Vec<(Key, ListedView)>, Error> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map(|(key, _): &(Key, ListedView)| key.clone());
            let chunk = self.scan(network, after, MAX_PAGE).await?;
            all.extend(chunk.entries);
            if !chunk.more {
                return Ok(pick(all, keys));
            }
        }
    }

    fn show(&self, network: &Handle, entry: ListedView) -> ConfiguredPeer {
        conversions::configured_peer(network.chain_id(), entry)
    }
}
