//! An order that changes: of one network, or of several as if they were one.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use futures_util::future::join_all;
use tonic::Status;

use super::listing::{Listing, Rows};
use super::snapshots::{MAX_KEYS, Ranked};
use super::token::At;
use super::walk::{Stopped, Walk, scan_all};
use super::{STEP, fail};
use crate::admin::reply::status_codes;
use crate::network::{Error, Handle};

impl<L: Listing> Walk<'_, L> {
    /// Everything that the filter lets through in these networks, in the order of this moment.
    pub(super) async fn rank(&mut self, networks: &[Handle]) -> Result<Ranked<L::Key>, Status> {
        let found = join_all(networks.iter().map(|network| ranks(self.list, network))).await;
        let (mut all, mut steps) = (Vec::new(), 0);
        for ((index, network), found) in (0..).zip(networks).zip(found) {
            match found {
                Ok((taken, found)) => {
                    steps = taken.max(steps);
                    if all.len() + found.len() > MAX_KEYS {
                        return Err(status_codes::limit(format!(
                            "this order is of more than {MAX_KEYS} entries: filter it, or ask network by network"
                        )));
                    }
                    all.extend(found.into_iter().map(|(rank, key)| (rank, index, key)));
                }
                Err(error) => fail(self.scope, network, &error, &mut self.page.failures)?,
            }
        }
        // They were asked side by side.
        self.steps += steps;
        all.sort_unstable();
        let networks = networks.iter().map(|network| network.chain_id().clone()).collect();
        Ok(Ranked { networks, keys: all.into_iter().map(|(_, index, key)| (index, key)).collect() })
    }

    /// Appends the present rows of a snapshot's keys. A row that the filter does not let through any more is left out as
    /// one that is gone. The snapshot is kept when there is more of it.
    pub(super) async fn by_rank(
        &mut self,
        networks: &[Handle],
        ranked: Arc<Ranked<L::Key>>,
        mut offset: usize,
        number: Option<u64>,
    ) -> Result<Stopped<L::Key>, Status> {
        while offset < ranked.keys.len() {
            if self.is_over() {
                let number =
                    number.unwrap_or_else(|| self.pages.keep(ranked.clone(), ranked.keys.len(), self.owner(networks)));
                return Ok(Some(At::Snapshot { number, offset }));
            }
            let end = ranked.keys.len().min(offset + STEP.min(self.size - self.page.items.len()));
            let rows = self.present(networks, &ranked, offset..end).await?;
            self.steps += 1;
            offset = end;
            for (network, entry) in rows {
                self.breathe().await;
                if self.list.admits(&entry) {
                    self.page.items.push(self.list.show(network, entry));
                }
            }
        }
        Ok(None)
    }

    /// The present rows of a part of an order, in that order; those of networks that are gone or do not answer are left
    /// out.
    async fn present<'n>(
        &mut self,
        networks: &'n [Handle],
        ranked: &Ranked<L::Key>,
        part: Range<usize>,
    ) -> Result<Vec<(&'n Handle, L::Entry)>, Status> {
        let part = ranked.keys.get(part).unwrap_or_default();
        let mut wanted: BTreeMap<u32, Vec<L::Key>> = BTreeMap::new();
        for (index, key) in part {
            wanted.entry(*index).or_default().push(key.clone());
        }
        let asked = wanted.into_iter().filter_map(|(index, keys)| {
            let name = ranked.networks.get(index as usize)?;
            let network = networks.iter().find(|network| network.chain_id() == name)?;
            Some(rows(self.list, index, network, keys))
        });
        let mut present = BTreeMap::new();
        for (index, network, rows) in join_all(asked).await {
            match rows {
                Ok(rows) => present.extend(rows.into_iter().map(|(key, row)| ((index, key), (network, row)))),
                Err(error) => fail(self.scope, network, &error, &mut self.page.failures)?,
            }
        }
        Ok(part.iter().filter_map(|place| present.remove(place)).collect())
    }
}

type Ranks<K> = Vec<(Reverse<u64>, K)>;

/// Every key of a network that the filter lets through with its rank, and how often the network was asked.
async fn ranks<L: Listing>(list: &L, network: &Handle) -> Result<(usize, Ranks<L::Key>), Error> {
    let mut ranks = Vec::new();
    let steps = scan_all(list, network, |key, entry| ranks.push((Reverse(list.rank(entry)), key))).await?;
    Ok((steps, ranks))
}

async fn rows<'n, L: Listing>(
    list: &L,
    index: u32,
    network: &'n Handle,
    keys: Vec<L::Key>,
) -> (u32, &'n Handle, Rows<L::Key, L::Entry>) {
    (index, network, list.fetch(network, &keys).await)
}
