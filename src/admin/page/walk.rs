//! Walking one network for a page.

use std::cmp::Reverse;
use std::sync::Arc;

use tonic::Status;

use super::listing::Listing;
use super::snapshots::{Owner, Pages};
use super::token::{At, Query};
use super::{MAX_STEPS, STEP};
use crate::admin::caller::Caller;
use crate::network::{Error, Handle};

/// Entries that are looked at without letting others run: some 0.1 ms.
const BREATH: usize = 128;

/// The walk of one page.
pub(super) struct Walk<'a, L> {
    pub(super) pages: &'a Pages,
    pub(super) list: &'a L,
    pub(super) caller: &'a Caller,
    pub(super) query: Query,
    /// Entries of the page.
    pub(super) size: usize,
    /// Questions to networks so far.
    pub(super) steps: usize,
    /// Entries that were looked at so far.
    pub(super) looked_at: usize,
}

/// Where the walk of a network stopped, if more may follow there.
type Stopped<K> = Result<Option<At<K>>, Error>;

impl<L: Listing> Walk<'_, L> {
    /// Whether the page is full, or took as much work as one may.
    pub(super) fn is_over(&self, items: &[L::Item]) -> bool {
        items.len() >= self.size || self.steps >= MAX_STEPS
    }

    /// Appends what a network has from there on; the outer error is the call's.
    pub(super) async fn network(
        &mut self,
        network: &Handle,
        from: At<L::Key>,
        items: &mut Vec<L::Item>,
    ) -> Result<Stopped<L::Key>, Status> {
        match from {
            At::Snapshot { number, offset } => {
                let owner = self.owner(network);
                let keys = self.pages.find::<L::Key>(number, &owner)?;
                Ok(self.by_rank(network, keys, offset, Some(number), items).await)
            }
            At::Start if self.list.is_ranked() => match self.keys_by_rank(network).await {
                Ok(keys) => Ok(self.by_rank(network, Arc::new(keys), 0, None, items).await),
                Err(error) => Ok(Err(error)),
            },
            At::Start => Ok(self.by_key(network, None, items).await),
            At::After(key) => Ok(self.by_key(network, Some(key), items).await),
        }
    }

    /// To be called for each entry: lets other tasks of the thread run now and then.
    async fn breathe(&mut self) {
        self.looked_at += 1;
        if self.looked_at.is_multiple_of(BREATH) {
            tokio::task::yield_now().await;
        }
    }

    fn owner(&self, network: &Handle) -> Owner {
        Owner { caller: self.caller.principal().into(), query: self.query, network: network.chain_id().clone() }
    }

    async fn by_key(
        &mut self,
        network: &Handle,
        mut after: Option<L::Key>,
        items: &mut Vec<L::Item>,
    ) -> Stopped<L::Key> {
        loop {
            if self.is_over(items) {
                return Ok(Some(after.map_or(At::Start, At::After)));
            }
            let max = if self.list.is_filtered() { STEP } else { STEP.min(self.size - items.len()) };
            let chunk = self.list.scan(network, after.clone(), max).await?;
            self.steps += 1;
            let mut entries = chunk.entries.into_iter();
            while items.len() < self.size
                && let Some((key, entry)) = entries.next()
            {
                after = Some(key);
                self.breathe().await;
                if self.list.admits(&entry) {
                    items.push(self.list.show(network, entry));
                }
            }
            if !chunk.more && !entries.any(|(_, entry)| self.list.admits(&entry)) {
                return Ok(None);
            }
        }
    }

    /// Appends the present rows of a snapshot's keys. A row that the filter does not let through any more is left out as
    /// one that is gone. The snapshot is kept when there is more of it.
    async fn by_rank(
        &mut self,
        network: &Handle,
        keys: Arc<Vec<L::Key>>,
        mut offset: usize,
        number: Option<u64>,
        items: &mut Vec<L::Item>,
    ) -> Stopped<L::Key> {
        while offset < keys.len() {
            if self.is_over(items) {
                let number = number.unwrap_or_else(|| self.pages.keep(keys, self.owner(network)));
                return Ok(Some(At::Snapshot { number, offset }));
            }
            let end = keys.len().min(offset + STEP.min(self.size - items.len()));
            let entries = self.list.fetch(network, &keys[offset..end]).await?;
            self.steps += 1;
            offset = end;
            for entry in entries {
                self.breathe().await;
                if self.list.admits(&entry) {
                    items.push(self.list.show(network, entry));
                }
            }
        }
        Ok(None)
    }

    /// All keys that the filter lets through, in the order of this moment.
    async fn keys_by_rank(&mut self, network: &Handle) -> Result<Vec<L::Key>, Error> {
        let mut ranked = Vec::new();
        let steps =
            scan_all(self.list, network, |key, entry| ranked.push((Reverse(self.list.rank(entry)), key))).await?;
        self.steps += steps;
        ranked.sort_unstable();
        Ok(ranked.into_iter().map(|(_, key)| key).collect())
    }
}

/// What the filter lets through in one network.
pub(super) async fn count<L: Listing>(list: &L, network: &Handle) -> Result<u64, Error> {
    if !list.is_filtered()
        && let Some(count) = list.count(network).await?
    {
        return Ok(count);
    }
    let mut count = 0;
    scan_all(list, network, |_, _| count += 1).await?;
    Ok(count)
}

/// Visits every entry that the filter lets through, and tells how often the network was asked. A list that grows as fast
/// as it is read ends all the same: nobody's list has more entries than this.
async fn scan_all<L: Listing>(
    list: &L,
    network: &Handle,
    mut visit: impl FnMut(L::Key, &L::Entry),
) -> Result<usize, Error> {
    let mut after = None;
    for steps in 1..=MAX_STEPS {
        let chunk = list.scan(network, after.take(), STEP).await?;
        after = chunk.entries.last().map(|(key, _)| key.clone());
        for (key, entry) in chunk.entries {
            if list.admits(&entry) {
                visit(key, &entry);
            }
        }
        if !chunk.more || after.is_none() {
            return Ok(steps);
        }
    }
    Ok(MAX_STEPS)
}
