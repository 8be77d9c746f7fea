//! `ReactorService.ListRefusals`: who floods us. The order changes with every refusal, so that the pages of a list walk the
//! order of its first page.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tonic::Status;

use super::caller::{Caller, Networks};
use super::convert;
use super::scope::Scope;
use super::status::{self, invalid};
use crate::clock::Clock;
use crate::network::{Directory, Grouping, RefusedSources};
use crate::proto::pexd::v1::{ListRefusalsRequest, ListRefusalsResponse, RefusalGrouping, RefusalSource};
use crate::types::Mono;

/// Sources of a page when the request does not say.
const DEFAULT_SIZE: usize = 100;
/// Sources of a page at most.
const MAX_SIZE: usize = 1_000;
/// Sources that one list shows at most, the most frequent ones of all networks.
const MAX_SOURCES: usize = 4_096;
/// Lists whose next pages may be asked for; the one used longest ago gives way.
const MAX_LISTS: usize = 8;
/// How long a list is kept after its last use.
const KEPT: Duration = Duration::from_secs(60);

/// The lists that have more than one page; about 1 MB each at most.
#[derive(Debug, Default)]
pub(super) struct RefusalLists(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    lists: VecDeque<List>,
    last_number: u64,
}

#[derive(Debug)]
struct List {
    number: u64,
    owner: Query,
    sources: Vec<RefusalSource>,
    used: Mono,
}

/// What a list is of. Who may see other networks has another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Query {
    networks: Networks,
    scope: String,
    grouping: Grouping,
}

impl RefusalLists {
    /// The page that a request asks for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a size, a grouping or a token that is none; PAGE_EXPIRED for a token that came too late.
    pub(super) async fn page(
        &self,
        directory: &Directory,
        caller: &Caller,
        request: ListRefusalsRequest,
    ) -> Result<ListRefusalsResponse, Status> {
        let scope = Scope::of(directory, caller, &request.network)?;
        let size = match usize::try_from(request.page_size) {
            Ok(0) => DEFAULT_SIZE,
            Ok(size) => size.min(MAX_SIZE),
            Err(_) => return Err(invalid("page_size", "it is negative: write 0 for 100 sources, or up to 1000")),
        };
        let grouping = match RefusalGrouping::try_from(request.grouping) {
            Ok(RefusalGrouping::Unspecified | RefusalGrouping::Host) => Grouping::Host,
            Ok(RefusalGrouping::Range) => Grouping::Range,
            Err(_) => return Err(invalid("grouping", "it is not known: write REFUSAL_GROUPING_HOST or _RANGE")),
        };
        let query = Query { networks: caller.networks.clone(), scope: scope.name().to_owned(), grouping };
        if !request.page_token.is_empty() {
            return self.next_page(&query, &request.page_token, size);
        }
        let (answers, failures) = sort_out(&scope, grouping).await?;
        let mut sources = flatten(answers);
        let rest = sources.split_off(size.min(sources.len()));
        let next_page_token = if rest.is_empty() { String::new() } else { self.keep(query, rest) };
        Ok(ListRefusalsResponse { sources, next_page_token, failures })
    }

    /// Keeps what is left of a list; the token that leads to it.
    fn keep(&self, owner: Query, sources: Vec<RefusalSource>) -> String {
        let used = Clock.mono();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last_number += 1;
        let number = kept.last_number;
        if kept.lists.len() >= MAX_LISTS {
            kept.lists.pop_front();
        }
        kept.lists.push_back(List { number, owner, sources, used });
        format!("{number}.0")
    }

    fn next_page(&self, query: &Query, token: &str, size: usize) -> Result<ListRefusalsResponse, Status> {
        let broken = || invalid("page_token", "it is not a next_page_token of this list: begin with an empty one");
        let parts = token.split_once('.').and_then(|(a, b)| Some((a.parse::<u64>().ok()?, b.parse::<usize>().ok()?)));
        let (number, from) = parts.ok_or_else(broken)?;
        let now = Clock.mono();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lists.retain(|list| now.since(list.used) < KEPT);
        let at = kept.lists.iter().position(|list| list.number == number).ok_or_else(status::page_expired)?;
        let Some(mut list) = kept.lists.remove(at) else { return Err(status::page_expired()) };
        list.used = now;
        let page = (list.owner == *query && from < list.sources.len()).then(|| {
            let until = (from + size).min(list.sources.len());
            let next_page_token = if until < list.sources.len() { format!("{number}.{until}") } else { String::new() };
            ListRefusalsResponse { sources: list.sources[from..until].to_vec(), next_page_token, failures: Vec::new() }
        });
        kept.lists.push_back(list);
        page.ok_or_else(broken)
    }
}

type Answers = Vec<(String, RefusedSources)>;

async fn sort_out(
    scope: &Scope,
    grouping: Grouping,
) -> Result<(Answers, Vec<crate::proto::pexd::v1::NetworkFailure>), Status> {
    let ask = |network: crate::network::Handle| async move {
        let refused = network.refused(grouping).await?;
        Ok((network.chain_id().to_string(), refused))
    };
    scope.sort_out(scope.ask(ask).await)
}

/// One list: by network, those of shared listeners first, then the most frequent first. What is too much are the rarest.
fn flatten(answers: Answers) -> Vec<RefusalSource> {
    let (mut sources, mut listeners) = (Vec::new(), BTreeSet::new());
    for (network, refused) in answers {
        if listeners.insert(refused.listener_number) {
            sources.extend(refused.listener.into_iter().map(|source| convert::refusal_source("", source)));
        }
        sources.extend(refused.network.into_iter().map(|source| convert::refusal_source(&network, source)));
    }
    if sources.len() > MAX_SOURCES {
        sources.sort_by_key(|source| std::cmp::Reverse(source.count));
        sources.truncate(MAX_SOURCES);
    }
    let order = |a: &RefusalSource, b: &RefusalSource| {
        a.network.cmp(&b.network).then(b.count.cmp(&a.count)).then_with(|| a.source.cmp(&b.source))
    };
    sources.sort_by(order);
    sources
}
