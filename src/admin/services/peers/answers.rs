//! `PeerService.ListAnswers`: who was told of this host, and what was this requester told?

use prost::Message as _;
use tonic::Status;

use crate::admin::auth::caller::Caller;
use crate::admin::page::{Log, latest_first};
use crate::admin::reply::conversions;
use crate::admin::reply::status_codes::invalid;
use crate::admin::request::filters::{self, IdOrRange};
use crate::admin::request::network_scope::Scope;
use crate::network::{AnswerEntry, AnswerQuery, Directory, Error, Handle, HistoryPage, HistoryRange, WhoOrWhere};
use crate::proto::pexd::v1::{Answer, AnswerFilter, ListAnswersRequest, ListAnswersResponse};
use crate::types::Wall;

/// Answers of a page with their addresses at most: some 15 KB each.
const MAX_WITH_ADDRESSES: i32 = 50;

/// The answers that a filter lets through.
struct Answers {
    filter: AnswerFilter,
    query: AnswerQuery,
}

impl Log for Answers {
    const KIND: &'static str = "answers";
    type Entry = AnswerEntry;
    type Item = Answer;

    fn query(&self) -> Vec<u8> {
        self.filter.encode_to_vec()
    }

    async fn read(&self, network: &Handle, portion: HistoryRange) -> Result<HistoryPage<AnswerEntry>, Error> {
        network.answers(self.query.clone(), portion).await
    }

    fn place(&self, entry: &AnswerEntry) -> (u64, Wall) {
        (entry.number, entry.at)
    }

    fn show(&self, network: &str, entry: AnswerEntry) -> Answer {
        Answer {
            network: network.to_owned(),
            time: conversions::time(entry.at),
            requester_id: entry.id.to_string(),
            requester_ip: entry.ip.to_string(),
            address_count: entry.count,
            addresses: entry.addresses.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The page of answers that a request asks for.
pub(in crate::admin) async fn list(
    directory: &Directory,
    caller: &Caller,
    request: ListAnswersRequest,
) -> Result<ListAnswersResponse, Status> {
    let scope = Scope::of(directory, caller, &request.network)?;
    let filter = request.filter.unwrap_or_default();
    let query = AnswerQuery {
        requester: filters::who("filter.requester", &filter.requester)?.map(node),
        named: named("filter.named", &filter.named)?,
        time: filters::TimeWindow::read("filter.time", filter.time.as_ref())?.bounds(),
        addresses: request.with_addresses,
    };
    let size = match (request.page_size, request.with_addresses) {
        (0, true) => MAX_WITH_ADDRESSES,
        (size, true) => size.min(MAX_WITH_ADDRESSES),
        (size, false) => size,
    };
    let page = latest_first(&Answers { filter, query }, &scope, size, &request.page_token).await?;
    Ok(ListAnswersResponse { answers: page.items, next_page_token: page.next, failures: page.failures })
}

/// A node ID, an address, an IP or a range; `None` when the field is empty.
fn named(field: &'static str, text: &str) -> Result<Option<WhoOrWhere>, Status> {
    if let Some(address) = text.contains('@').then(|| text.trim().parse()) {
        let fix = |error| invalid(field, format!("{error}: write it as id@ip:port"));
        return address.map(|address| Some(WhoOrWhere::Address(address))).map_err(fix);
    }
    Ok(filters::who(field, text)?.map(node))
}

fn node(who: IdOrRange) -> WhoOrWhere {
    match who {
        IdOrRange::Id(id) => WhoOrWhere::Id(id),
        IdOrRange::Range(range) => WhoOrWhere::Range(range),
    }
}
