//! The lists of the configuration that operators change at run time: each belongs to a part of the node.

use super::row::{Delta, Key, ListItem, Row, RowChange};
use super::{ListedView, Node, Params, Pex, RunState, Source};
use crate::switch::ListChange;
use crate::types::{ListFull, NodeId, Now, Overlay, PeerAddress};

/// The run-time changes that a store kept, each with its list.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    pub(super) seeds: Vec<Delta<PeerAddress>>,
    pub(super) persistent: Vec<Delta<PeerAddress>>,
    pub(super) unconditional: Vec<Delta<NodeId>>,
    pub(super) private: Vec<Delta<NodeId>>,
}

impl Deltas {
    pub(super) fn sort(deltas: Vec<Delta<ListItem>>) -> Self {
        let mut sorted = Deltas::default();
        for Delta { item, added, author, at } in deltas {
            match item {
                ListItem::Seed(item) => sorted.seeds.push(Delta { item, added, author, at }),
                ListItem::Persistent(item) => sorted.persistent.push(Delta { item, added, author, at }),
                ListItem::Unconditional(item) => sorted.unconditional.push(Delta { item, added, author, at }),
                ListItem::Private(item) => sorted.private.push(Delta { item, added, author, at }),
            }
        }
        sorted
    }
}

impl Node {
    /// Adds an entry to the list that it is of; `false` when it is there already. It takes effect at once: a persistent peer
    /// is dialled and enters the book, an unconditional one counts in no limit any more, and a private one leaves the book.
    ///
    /// # Errors
    /// When the list has as many as operators may bring it to.
    pub fn add_listed(&mut self, now: Now, item: ListItem, author: &str) -> Result<bool, ListFull> {
        match item {
            ListItem::Seed(seed) => self.add_seed(now, seed, author).map_err(|_| ListFull),
            ListItem::Persistent(peer) => self.add_persistent(now, peer, author),
            ListItem::Unconditional(id) => self.switch.add_unconditional(now, id, author),
            ListItem::Private(id) => self.book.add_private(now, id, author),
        }
    }

    /// Removes an entry from the list that it is of; `false` when there is none. Nobody is disconnected for it.
    pub fn remove_listed(&mut self, now: Now, item: &ListItem, author: &str) -> bool {
        match item {
            ListItem::Seed(seed) => self.remove_seed(now, seed, author),
            ListItem::Persistent(peer) => self.switch.remove_persistent(now, peer, author),
            ListItem::Unconditional(id) => self.switch.remove_unconditional(now, id, author),
            ListItem::Private(id) => self.book.remove_private(now, id, author),
        }
    }

    fn add_persistent(&mut self, now: Now, peer: PeerAddress, author: &str) -> Result<bool, ListFull> {
        let added = self.switch.add_persistent(now, peer.clone(), author, self.is_running())?;
        if added {
            self.seek(now, &[peer]);
        }
        Ok(added)
    }

    /// Has new persistent peers in the book, and dials those that are due.
    fn seek(&mut self, now: Now, peers: &[PeerAddress]) {
        for address in peers.iter().filter_map(PeerAddress::as_net_address) {
            let own = Source { id: self.own_id(), ip: address.ip() };
            self.with(now, |_, cx| Pex::learn_surely(cx, address, own));
        }
        if self.is_running() {
            self.switch.handle_timeout(&mut self.out, now);
        }
    }

    fn is_running(&self) -> bool {
        self.state == RunState::Running
    }

    /// Takes the lists as the file has them now; what was changed at run time stays over them, where it still applies. What
    /// differs takes effect as by [`Node::add_listed`] and [`Node::remove_listed`], but for their bounds: those are the
    /// operators', not the file's.
    pub fn set_file_lists(&mut self, now: Now, file: &Params) {
        self.with(now, |pex, cx| pex.set_file_seeds(cx, file.pex.seeds.clone()));
        self.watch_seeds();
        self.book.set_file_private(file.book.private_ids.iter().copied());
        self.switch.set_file_unconditional(file.switch.unconditional.iter().copied());
        let came = self.switch.set_file_persistent(now, file.switch.persistent.clone(), self.is_running());
        self.seek(now, &came);
    }

    /// At most `max` entries of the three lists of peers after an entry, in the order of the lists and their entries.
    pub fn listed(&self, now: Now, after: Option<&ListItem>, max: usize) -> Vec<ListedView> {
        let (mut peers, mut unconditional, mut private) = (Some(None), Some(None), Some(None));
        match after {
            None | Some(ListItem::Seed(_)) => {}
            Some(ListItem::Persistent(peer)) => peers = Some(Some(peer)),
            Some(ListItem::Unconditional(id)) => (peers, unconditional) = (None, Some(Some(id))),
            Some(ListItem::Private(id)) => (peers, unconditional, private) = (None, None, Some(Some(id))),
        }
        let mut views = Vec::new();
        if let Some(after) = peers {
            let entries = entries(self.switch.persistent(), after, max, ListItem::Persistent);
            views.extend(entries.into_iter().map(|entry| self.listed_view(now, entry)));
        }
        for (list, after, item) in [
            (self.switch.unconditional(), unconditional, ListItem::Unconditional as fn(NodeId) -> ListItem),
            (self.book.private(), private, ListItem::Private),
        ] {
            if let Some(after) = after {
                let entries = entries(list, after, max - views.len(), item);
                views.extend(entries.into_iter().map(|entry| self.listed_view(now, entry)));
            }
        }
        views
    }

    fn listed_view(&self, now: Now, (item, from_file, delta): Entry) -> ListedView {
        let in_effect = delta.as_ref().is_none_or(|(added, _)| *added);
        let next = match &item {
            ListItem::Persistent(peer) => self.switch.next_dial(peer),
            ListItem::Seed(_) | ListItem::Unconditional(_) | ListItem::Private(_) => None,
        };
        ListedView {
            connected: self.switch.is_connected(&item.id()),
            next_dial: next.map(|at| now.wall + at.since(now.mono)),
            change: delta.map(|(_, change)| change),
            item,
            from_file,
            in_effect,
        }
    }

    /// One changed row of the three lists.
    pub(super) fn take_dirty_list(&mut self) -> Option<RowChange> {
        if let Some(change) = self.switch.take_dirty_list() {
            return Some(match change {
                ListChange::Persistent(peer, delta) => row(peer, delta, ListItem::Persistent),
                ListChange::Unconditional(id, delta) => row(id, delta, ListItem::Unconditional),
            });
        }
        let (id, delta) = self.book.take_dirty_private()?;
        Some(row(id, delta, ListItem::Private))
    }
}

/// An entry, whether the file names it, and its change: whether that added it, by which author and when.
type Entry = (ListItem, bool, Option<(bool, (Box<str>, crate::types::Wall))>);

fn entries<T: Ord + Clone>(list: &Overlay<T>, after: Option<&T>, max: usize, of: impl Fn(T) -> ListItem) -> Vec<Entry> {
    let entry = |(item, delta): (&T, Option<&Delta<T>>)| {
        let change = delta.map(|delta| (delta.added, (delta.author.clone(), delta.at)));
        (of(item.clone()), list.is_from_file(item), change)
    };
    list.entries_after(after, max).into_iter().map(entry).collect()
}

fn row<T>(item: T, delta: Option<Delta<T>>, of: impl Fn(T) -> ListItem) -> RowChange {
    RowChange { key: Key::Delta(of(item)), row: delta.map(|delta| Row::Delta(delta.map(of))) }
}
