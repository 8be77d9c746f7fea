//! `ReactorService.ListAuditEntries`: who changed what yesterday?

use prost::Message as _;
use tonic::Status;

use super::visibility::may_read;
use crate::admin::auth::caller::Caller;
use crate::admin::page::{Log, latest_first};
use crate::admin::reply::conversions::time;
use crate::admin::request::filters;
use crate::admin::request::network_scope::Scope;
use crate::admin::untrusted_text::{printable, reason};
use crate::network::{
    AuditQuery, Directory, Error, Handle, HistoryError, HistoryPage, HistoryRange, ProcessAudit, ProcessAuditEntry,
    process_audit,
};
use crate::proto::pexd::v1::{AuditEntry, AuditFilter, ListAuditEntriesRequest, ListAuditEntriesResponse};
use crate::types::Wall;

/// The entries of the audit that a filter lets through.
struct Audit<'a> {
    caller: &'a Caller,
    /// Of the process; `None` when it has no home.
    process: Option<&'a ProcessAudit>,
    /// The network that is not served any more, of which alone the process's entries are asked for.
    gone: Option<Box<str>>,
    filter: AuditFilter,
    query: AuditQuery,
}

impl Log for Audit<'_> {
    const KIND: &'static str = "audit";
    const OF_PROCESS: bool = true;
    type Entry = ProcessAuditEntry;
    type Item = AuditEntry;

    fn query(&self) -> Vec<u8> {
        let mut bytes = self.filter.encode_to_vec();
        bytes.extend(self.gone.iter().flat_map(|network| network.bytes()));
        bytes
    }

    async fn read_process(&self, portion: HistoryRange) -> Result<HistoryPage<ProcessAuditEntry>, HistoryError> {
        let Some(audit) = self.process else { return Ok(HistoryPage { entries: Vec::new(), next: None }) };
        let (caller, gone) = (self.caller.clone(), self.gone.clone());
        // Who is for some networks only learns nothing of others, nor of the process.
        let admits = move |entry: &ProcessAuditEntry| {
            (caller.require_all_networks().is_ok() || caller.may_see(&entry.network))
                && gone.as_ref().is_none_or(|gone| *gone == entry.network)
        };
        process_audit(audit, self.query.clone(), portion, admits).await
    }

    async fn read(&self, network: &Handle, portion: HistoryRange) -> Result<HistoryPage<ProcessAuditEntry>, Error> {
        let part = network.audit(self.query.clone(), portion).await?;
        let chain_id = network.chain_id();
        let may_read = |entry: &_| may_read(self.caller, chain_id, entry);
        let entries = part.entries.into_iter().filter(may_read);
        let of_network = |entry| ProcessAuditEntry { network: (**chain_id).into(), entry };
        Ok(HistoryPage { entries: entries.map(of_network).collect(), next: part.next })
    }

    fn place(&self, entry: &ProcessAuditEntry) -> (u64, Wall) {
        (entry.entry.number, entry.entry.at)
    }

    fn show(&self, _writer: &str, ProcessAuditEntry { network, entry }: ProcessAuditEntry) -> AuditEntry {
        AuditEntry {
            network: network.into(),
            number: entry.number,
            time: time(entry.at),
            author: printable(&entry.author),
            method: entry.method.to_string(),
            summary: reason(&entry.summary),
        }
    }
}

/// The page of the audit that a request asks for.
pub(in crate::admin) async fn list(
    directory: &Directory,
    process: Option<&ProcessAudit>,
    caller: &Caller,
    request: ListAuditEntriesRequest,
) -> Result<ListAuditEntriesResponse, Status> {
    // What became of a network that is served no more is asked for by its name.
    let (scope, gone, unknown) = match Scope::of(directory, caller, &request.network) {
        Ok(scope) => (scope, None, None),
        Err(unknown) if process.is_some() && !request.network.is_empty() => {
            (Scope::All(Vec::new()), Some(request.network.as_str().into()), Some(unknown))
        }
        Err(error) => return Err(error),
    };
    let filter = request.filter.unwrap_or_default();
    let query = AuditQuery {
        time: filters::TimeWindow::read("filter.time", filter.time.as_ref())?.bounds(),
        author: filters::text("filter.author", &filter.author)?,
        method: filters::text("filter.method", &filter.method)?.map(|_| filter.method.clone()),
    };
    let audit = Audit { caller, process, gone, filter, query };
    let page = latest_first(&audit, &scope, request.page_size, &request.page_token).await?;
    match unknown {
        Some(unknown) if page.items.is_empty() && page.next.is_empty() && page.failures.is_empty() => Err(unknown),
        _ => Ok(ListAuditEntriesResponse { entries: page.items, next_page_token: page.next, failures: page.failures }),
    }
}
