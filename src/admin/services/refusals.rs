//! `ReactorService.ListRefusals`: the sources of refused connections (heavy hitters), the most frequent first.

use std::collections::BTreeSet;
use std::sync::Arc;

use tonic::Status;

use crate::admin::page::{Chunk, Listing, pick};
use crate::admin::reply::conversions;
use crate::admin::reply::status_codes::invalid;
use crate::admin::request::network_scope::Scope;
use crate::network::{Error, Grouping, Handle, RefusedSource};
use crate::node::row::BanTarget;
use crate::proto::pexd::v1::{RefusalGrouping, RefusalSource};

/// What the key begins with of a source that a shared listener refused before it was known which network was meant.
const OF_LISTENER: &str = "listener ";

/// The refused sources, the most frequent first.
pub(in crate::admin) struct Refused {
    pub(in crate::admin) grouping: Grouping,
    /// The networks that report their listeners: one for each listener.
    pub(in crate::admin) telling: BTreeSet<Arc<str>>,
}

/// A source, and whether its network was known.
pub(in crate::admin) struct Entry {
    source: RefusedSource,
    known_network: bool,
}

impl Refused {
    async fn all(&self, network: &Handle) -> Result<impl Iterator<Item = (String, Entry)>, Error> {
        let refused = network.refused(self.grouping).await?;
        let listener = if self.telling.contains(network.chain_id()) { refused.listener } else { Vec::new() };
        let entry = |known_network, source: RefusedSource| {
            let prefix = if known_network { "" } else { OF_LISTENER };
            (format!("{prefix}{}", source.net), Entry { source, known_network })
        };
        let of_network = refused.network.into_iter().map(move |source| entry(true, source));
        Ok(of_network.chain(listener.into_iter().map(move |source| entry(false, source))))
    }
}

impl Listing for Refused {
    const KIND: &'static str = "refusals";
    type Key = String;
    type Entry = Entry;
    type Item = RefusalSource;

    fn query(&self) -> Vec<u8> {
        vec![self.grouping as u8]
    }

    fn is_ranked(&self) -> bool {
        true
    }

    fn rank(&self, entry: &Entry) -> u64 {
        entry.source.count
    }

    async fn scan(&self, network: &Handle, after: Option<String>, max: usize) -> Result<Chunk<String, Entry>, Error> {
        Ok(Chunk::cut(self.all(network).await?, after.as_ref(), max))
    }

    async fn fetch(&self, network: &Handle, keys: &[String]) -> Result<Vec<(String, Entry)>, Error> {
        Ok(pick(self.all(network).await?, keys))
    }

    fn show(&self, network: &Handle, entry: Entry) -> RefusalSource {
        let RefusedSource { net, count, error, reasons, last } = entry.source;
        RefusalSource {
            network: if entry.known_network { network.chain_id().to_string() } else { String::new() },
            source: BanTarget::Range(net).to_string(),
            count,
            error_count: error,
            reasons: conversions::reason_counts(reasons),
            last_time: conversions::time(last),
        }
    }
}

/// How sources are grouped.
///
/// # Errors
/// INVALID_ARGUMENT for a number without a meaning.
pub(in crate::admin) fn grouping(field: i32) -> Result<Grouping, Status> {
    match RefusalGrouping::try_from(field) {
        Ok(RefusalGrouping::Unspecified | RefusalGrouping::Host) => Ok(Grouping::Host),
        Ok(RefusalGrouping::Range) => Ok(Grouping::Range),
        Err(_) => Err(invalid("grouping", "it is not known: write REFUSAL_GROUPING_HOST or REFUSAL_GROUPING_RANGE")),
    }
}

/// The first network of each listener among those of a scope: what a shared listener refused is listed once.
pub(in crate::admin) async fn telling(scope: &Scope) -> BTreeSet<Arc<str>> {
    let answers = scope.ask(|network| async move { network.listener().await }).await;
    let known = answers.into_iter().filter_map(|(chain_id, answer)| Some((chain_id, answer.ok()??)));
    let mut listeners = BTreeSet::new();
    known.filter(|(_, listener)| listeners.insert(*listener)).map(|(chain_id, _)| chain_id).collect()
}
