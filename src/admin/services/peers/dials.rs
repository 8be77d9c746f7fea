//! `PeerService.ListDials`: did we dial this host at that time?

use prost::Message as _;
use tonic::Status;

use crate::admin::auth::caller::Caller;
use crate::admin::page::{Log, latest_first};
use crate::admin::reply::dial_attempts;
use crate::admin::request::filters;
use crate::admin::request::network_scope::Scope;
use crate::network::{DialQuery, Directory, Error, Handle, HistoryPage, HistoryRange};
use crate::node::row::DialEntry;
use crate::proto::pexd::v1::{DialAttempt, DialFilter, ListDialsRequest, ListDialsResponse};
use crate::types::Wall;

/// The dials that a filter lets through.
struct Dials {
    filter: DialFilter,
    query: DialQuery,
}

impl Log for Dials {
    const KIND: &'static str = "dials";
    type Entry = DialEntry;
    type Item = DialAttempt;

    fn query(&self) -> Vec<u8> {
        self.filter.encode_to_vec()
    }

    async fn read(&self, network: &Handle, portion: HistoryRange) -> Result<HistoryPage<DialEntry>, Error> {
        network.dials(self.query.clone(), portion).await
    }

    fn place(&self, entry: &DialEntry) -> (u64, Wall) {
        (entry.number, entry.at)
    }

    fn show(&self, network: &str, entry: DialEntry) -> DialAttempt {
        dial_attempts::logged(network, &entry)
    }
}

/// The page of dials that a request asks for.
pub(in crate::admin) async fn list(
    directory: &Directory,
    caller: &Caller,
    request: ListDialsRequest,
) -> Result<ListDialsResponse, Status> {
    let scope = Scope::of(directory, caller, &request.network)?;
    let filter = request.filter.unwrap_or_default();
    let query = DialQuery {
        range: filters::range("filter.ip_range", &filter.ip_range)?,
        id: filters::id("filter.id", &filter.id)?,
        time: filters::TimeWindow::read("filter.time", filter.time.as_ref())?.bounds(),
        reached: filter.reached,
    };
    let page = latest_first(&Dials { filter, query }, &scope, request.page_size, &request.page_token).await?;
    Ok(ListDialsResponse { dials: page.items, next_page_token: page.next, failures: page.failures })
}
