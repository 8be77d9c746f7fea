//! What operators changed at run time over what a network's files say: keys, and the lists that have methods of their own.

use std::collections::BTreeSet;

use crate::config::{self, Key};
use crate::network::{Error, Handle, MAX_PAGE, SettingsView};
use crate::node::row::{ListItem, Setting};
use crate::types::{NodeId, PeerAddress, Wall};

/// The changes that are in effect, by key; that of a list has the whole list in effect as its value, and is by whoever
/// changed an entry of it last.
///
/// # Errors
/// When the network does not answer.
pub(super) async fn view(handle: &Handle, file: &config::Network) -> Result<SettingsView, Error> {
    let mut view = handle.settings().await?;
    view.changes.extend(of_lists(file, &entries(handle).await?));
    Ok(view)
}

/// An entry of a list.
struct Entry {
    item: ListItem,
    from_file: bool,
    in_effect: bool,
    change: Option<(Box<str>, Wall)>,
}

async fn entries(handle: &Handle) -> Result<Vec<Entry>, Error> {
    let seeds = handle.seeds().await?.into_iter().map(|view| Entry {
        item: ListItem::Seed(view.seed),
        from_file: view.from_file,
        in_effect: view.in_effect,
        change: view.change,
    });
    let mut entries: Vec<Entry> = seeds.collect();
    let mut after = None;
    loop {
        let part = handle.listed(after, MAX_PAGE).await?;
        entries.extend(part.entries.into_iter().map(|view| Entry {
            item: view.item,
            from_file: view.from_file,
            in_effect: view.in_effect,
            change: view.change,
        }));
        after = entries.last().map(|entry| entry.item.clone());
        if !part.more {
            return Ok(entries);
        }
    }
}

/// The key of the list that an entry is of.
const fn key(item: &ListItem) -> &'static str {
    match item {
        ListItem::Seed(_) => "p2p.seeds",
        ListItem::Persistent(_) => "p2p.persistent_peers",
        ListItem::Unconditional(_) => "p2p.unconditional_peer_ids",
        ListItem::Private(_) => "p2p.private_peer_ids",
    }
}

/// The keys of [`key`].
const KEYS: [&str; 4] = ["p2p.seeds", "p2p.persistent_peers", "p2p.unconditional_peer_ids", "p2p.private_peer_ids"];

/// Whether a key is a list that is changed by methods of its own.
pub(super) fn is_list(path: &str) -> bool {
    KEYS.contains(&path)
}

/// The lists that are not as the file has them.
fn of_lists(file: &config::Network, entries: &[Entry]) -> Vec<Setting> {
    let changed = |path: &&str| {
        let of_list = || entries.iter().filter(|entry| key(&entry.item) == *path);
        let changed = of_list().filter(|entry| entry.in_effect != entry.from_file);
        let (author, at) = changed.filter_map(|entry| entry.change.clone()).max_by_key(|(_, at)| *at)?;
        let in_effect = of_list().filter(|entry| entry.in_effect).map(|entry| &entry.item).collect();
        Some(Setting { key: (*path).into(), value: written(file, in_effect).into(), author, at })
    };
    KEYS.iter().filter_map(changed).collect()
}

/// A list as it is written in a file: what the file has comes first, in its order.
fn written(file: &config::Network, mut items: Vec<&ListItem>) -> String {
    let p2p = &file.p2p;
    items.sort_by_key(|item| {
        let place = match item {
            ListItem::Seed(seed) => p2p.seeds.iter().position(|listed| listed == seed),
            ListItem::Persistent(peer) => p2p.persistent_peers.iter().position(|listed| listed == peer),
            ListItem::Unconditional(id) => p2p.unconditional_peer_ids.iter().position(|listed| listed == id),
            ListItem::Private(id) => p2p.private_peer_ids.iter().position(|listed| listed == id),
        };
        (place.is_none(), place)
    });
    let text = |item: &ListItem| match item {
        ListItem::Seed(address) | ListItem::Persistent(address) => address.to_string(),
        ListItem::Unconditional(id) | ListItem::Private(id) => id.to_string(),
    };
    items.into_iter().map(text).collect::<Vec<_>>().join(",")
}

type Lists = (BTreeSet<PeerAddress>, BTreeSet<PeerAddress>, BTreeSet<NodeId>, BTreeSet<NodeId>);

/// Whether two texts of a key have the same in effect: the order of a list is nothing.
pub(super) fn is_same(key: &Key, a: &str, b: &str) -> bool {
    let lists = |text| -> Option<Lists> {
        let (p2p, _) = config::read_value(key, text).ok()?;
        Some((
            p2p.seeds.into_iter().collect(),
            p2p.persistent_peers.into_iter().collect(),
            p2p.unconditional_peer_ids.into_iter().collect(),
            p2p.private_peer_ids.into_iter().collect(),
        ))
    };
    config::is_same(key, a, b) || (is_list(&key.path()) && lists(a).is_some_and(|a| lists(b) == Some(a)))
}
