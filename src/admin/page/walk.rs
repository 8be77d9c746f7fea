//! Walking the networks for a page.

use std::sync::Arc;

use tonic::Status;

use super::listing::Listing;
use super::snapshots::{Owner, Pages, Ranked};
use super::token::{At, Query};
use super::{MAX_STEPS, Page, STEP, fail};
use crate::admin::auth::caller::Caller;
use crate::admin::request::network_scope::Scope;
use crate::network::{Error, Handle};

/// Entries that are looked at without letting others run: some 0.1 ms.
const BREATH: usize = 128;

/// The walk of one page.
pub(super) struct Walk<'a, L: Listing> {
    pub(super) pages: &'a Pages,
    pub(super) list: &'a L,
    pub(super) scope: &'a Scope,
    pub(super) caller: &'a Caller,
    pub(super) query: Query,
    /// Entries of the page.
    pub(super) size: usize,
    /// Questions to networks so far.
    pub(super) steps: usize,
    /// Entries that were looked at so far.
    pub(super) looked_at: usize,
    /// The page so far.
    pub(super) page: Page<L::Item>,
}

/// Where the walk stopped, if more may follow there.
pub(super) type Stopped<K> = Option<At<K>>;

impl<L: Listing> Walk<'_, L> {
    /// Whether the networks are walked together, in one order.
    pub(super) fn is_merged(&self) -> bool {
        self.list.is_ranked()
    }

    /// What tokens call the networks that are walked together: one, unless they are merged.
    pub(super) fn name_of<'n>(&'n self, networks: &'n [Handle]) -> &'n str {
        match networks {
            [network] if !self.is_merged() => network.chain_id(),
            _ => self.scope.name(),
        }
    }

    /// Whether the page is full, or took as much work as one may.
    pub(super) fn is_over(&self) -> bool {
        self.page.items.len() >= self.size || self.steps >= MAX_STEPS
    }

    /// Appends what the networks that are walked together have from there on. One that does not answer is reported beside
    /// the page; of the only one it is the call's error.
    pub(super) async fn networks(&mut self, networks: &[Handle], from: At<L::Key>) -> Result<Stopped<L::Key>, Status> {
        match from {
            At::Snapshot { number, offset } => {
                let ranked = self.pages.find::<Ranked<L::Key>>(number, &self.owner(networks))?;
                self.by_rank(networks, ranked, offset, Some(number)).await
            }
            At::Start if self.list.is_ranked() => {
                let ranked = self.rank(networks).await?;
                self.by_rank(networks, Arc::new(ranked), 0, None).await
            }
            At::Start => self.one(networks, None).await,
            At::After(key) => self.one(networks, Some(key)).await,
        }
    }

    /// To be called for each entry: lets other tasks of the thread run now and then.
    pub(super) async fn breathe(&mut self) {
        self.looked_at += 1;
        if self.looked_at.is_multiple_of(BREATH) {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn owner(&self, networks: &[Handle]) -> Owner {
        let network = self.name_of(networks).into();
        Owner { caller: self.caller.principal().into(), query: self.query, network }
    }

    async fn one(&mut self, networks: &[Handle], after: Option<L::Key>) -> Result<Stopped<L::Key>, Status> {
        let [network] = networks else { return Ok(None) };
        match self.by_key(network, after).await {
            Ok(stopped) => Ok(stopped),
            Err(error) => fail(self.scope, network, &error, &mut self.page.failures).map(|()| None),
        }
    }

    async fn by_key(&mut self, network: &Handle, mut after: Option<L::Key>) -> Result<Stopped<L::Key>, Error> {
        loop {
            if self.is_over() {
                return Ok(Some(after.map_or(At::Start, At::After)));
            }
            let room = self.size - self.page.items.len();
            let max = if self.list.is_filtered() { STEP } else { STEP.min(room) };
            let chunk = self.list.scan(network, after.clone(), max).await?;
            self.steps += 1;
            let mut entries = chunk.entries.into_iter();
            while self.page.items.len() < self.size
                && let Some((key, entry)) = entries.next()
            {
                after = Some(key);
                self.breathe().await;
                if self.list.admits(&entry) {
                    self.page.items.push(self.list.show(network, entry));
                }
            }
            if !chunk.more && !entries.any(|(_, entry)| self.list.admits(&entry)) {
                return Ok(None);
            }
        }
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

/// Visits every entry that the filter lets through, and says how often the network was asked. A list that grows as fast
/// as it is read ends all the same: nobody's list has more entries than this.
pub(super) async fn scan_all<L: Listing>(
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
