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
use crate::network::{AuditQuery, Directory, Error, Handle, HistoryPage, HistoryRange};
use crate::node::row;
use crate::proto::pexd::v1::{AuditEntry, AuditFilter, ListAuditEntriesRequest, ListAuditEntriesResponse};
use crate::types::Wall;

/// The entries of the audit that a filter lets through.
struct Audit<'a> {
    caller: &'a Caller,
    filter: AuditFilter,
    query: AuditQuery,
}

impl Log for Audit<'_> {
    const KIND: &'static str = "audit";
    type Entry = row::AuditEntry;
    type Item = AuditEntry;

    fn query(&self) -> Vec<u8> {
        self.filter.encode_to_vec()
    }

    async fn read(&self, network: &Handle, portion: HistoryRange) -> Result<HistoryPage<row::AuditEntry>, Error> {
        let mut part = network.audit(self.query.clone(), portion).await?;
        let chain_id = network.chain_id();
        part.entries.retain(|entry| may_read(self.caller, chain_id, &entry.method, &entry.summary));
        Ok(part)
    }

    fn place(&self, entry: &row::AuditEntry) -> (u64, Wall) {
        (entry.number, entry.at)
    }

    fn show(&self, network: &Handle, entry: row::AuditEntry) -> AuditEntry {
        AuditEntry {
            network: network.chain_id().to_string(),
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
    caller: &Caller,
    request: ListAuditEntriesRequest,
) -> Result<ListAuditEntriesResponse, Status> {
    let scope = Scope::of(directory, caller, &request.network)?;
    let filter = request.filter.unwrap_or_default();
    let query = AuditQuery {
        time: filters::TimeWindow::read("filter.time", filter.time.as_ref())?.bounds(),
        author: filters::text("filter.author", &filter.author)?,
        method: filters::text("filter.method", &filter.method)?.map(|_| filter.method.clone()),
    };
    let page = latest_first(&Audit { caller, filter, query }, &scope, request.page_size, &request.page_token).await?;
    Ok(ListAuditEntriesResponse { entries: page.items, next_page_token: page.next, failures: page.failures })
}
