//! The list of the groups of sources, the one that brought most first.

use crate::admin::page::{Chunk, Listing};
use crate::admin::reply::conversions;
use crate::network::{Error, Handle};
use crate::node::SourceView;
use crate::proto::pexd::v1::SourceGroup;
use crate::types::Group;

/// The groups of sources by what they brought.
pub(in crate::admin) struct SourceGroups;

impl Listing for SourceGroups {
    const KIND: &'static str = "sources";
    type Key = Group;
    type Entry = SourceView;
    type Item = SourceGroup;

    fn is_ranked(&self) -> bool {
        true
    }

    fn rank(&self, view: &SourceView) -> u64 {
        view.account.brought.into()
    }

    async fn scan(
        &self,
        network: &Handle,
        after: Option<Group>,
        max: usize,
    ) -> Result<Chunk<Group, SourceView>, Error> {
        let page = network.sources(after, max).await?;
        Ok(Chunk { entries: page.entries.into_iter().map(keyed).collect(), more: page.more })
    }

    async fn fetch(&self, network: &Handle, keys: &[Group]) -> Result<Vec<(Group, SourceView)>, Error> {
        Ok(network.sources_at(keys.to_vec()).await?.into_iter().map(keyed).collect())
    }

    fn show(&self, network: &Handle, view: SourceView) -> SourceGroup {
        conversions::source(network.chain_id(), view)
    }
}

const fn keyed(view: SourceView) -> (Group, SourceView) {
    (view.group, view)
}
