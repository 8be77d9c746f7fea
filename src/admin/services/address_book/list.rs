//! The list of addresses: its filter and its orders.

use prost::Message as _;
use tonic::Status;

use crate::admin::page::{Chunk, Listing};
use crate::admin::reply::conversions;
use crate::admin::reply::status_codes::invalid;
use crate::admin::request::filters::{IdOrRange, Substring, TimeWindow, any_of, range, who};
use crate::book::State;
use crate::network::{Error, Handle};
use crate::node::AddressView;
use crate::proto::pexd::v1::{self as pb, Address, AddressFilter, AddressOrder, AddressState, ListAddressesRequest};
use crate::types::{DialOutcome, NetAddress, Wall};

/// The addresses that a request is about, in its order.
#[derive(Debug)]
pub(in crate::admin) struct Addresses {
    filter: Option<Filter>,
    order: AddressOrder,
    query: Vec<u8>,
}

#[derive(Debug)]
struct Filter {
    states: Vec<State>,
    outcomes: Vec<DialOutcome>,
    place: Option<ipnet::IpNet>,
    text: Substring,
    source: Option<IdOrRange>,
    servable: Option<bool>,
    verified: Option<bool>,
    connected: Option<bool>,
    last_success: TimeWindow,
}

impl Addresses {
    /// Reads filter and order of a request.
    ///
    /// # Errors
    /// INVALID_ARGUMENT that names the field.
    pub(in crate::admin) fn read(request: &mut ListAddressesRequest) -> Result<Self, Status> {
        let order = AddressOrder::try_from(request.order)
            .map_err(|_| invalid("order", "it is none of AddressOrder: leave it out, or look the values up"))?;
        let filter = request.filter.take().filter(|filter| *filter != AddressFilter::default());
        let query = ListAddressesRequest { filter: filter.clone(), order: request.order, ..Default::default() };
        let query = query.encode_to_vec();
        Ok(Addresses { filter: filter.as_ref().map(Filter::read).transpose()?, order, query })
    }
}

impl Filter {
    fn read(filter: &AddressFilter) -> Result<Self, Status> {
        let state = |value| match AddressState::try_from(value).ok()? {
            AddressState::Unspecified => None,
            AddressState::New => Some(State::New),
            AddressState::Old => Some(State::Old),
            AddressState::Banned => Some(State::Banned),
        };
        let outcome = |value| {
            let wanted = pb::DialOutcome::try_from(value).ok()?;
            DialOutcome::ALL.into_iter().find(|outcome| conversions::outcome(*outcome) == wanted)
        };
        let outcomes =
            "an address had one of DIAL_OUTCOME_UNTRIED to DIAL_OUTCOME_NO_PEX; what is inconclusive is not noted";
        Ok(Filter {
            states: any_of("filter.states", &filter.states, "name states of AddressState", state)?,
            outcomes: any_of("filter.outcomes", &filter.outcomes, outcomes, outcome)?,
            place: range("filter.ip_range", &filter.ip_range)?,
            text: Substring::read("filter.text", &filter.text)?,
            source: who("filter.source", &filter.source)?,
            servable: filter.servable,
            verified: filter.verified,
            connected: filter.connected,
            last_success: TimeWindow::read("filter.last_success", filter.last_success.as_ref())?,
        })
    }

    /// What is cheap to find out comes first.
    fn admits(&self, view: &AddressView) -> bool {
        let record = &view.record;
        let is = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        let by_source = |who: IdOrRange| match who {
            IdOrRange::Id(id) => record.source.id == id,
            IdOrRange::Range(net) => net.contains(&record.source.ip),
        };
        (self.states.is_empty() || self.states.contains(&record.state))
            && (self.outcomes.is_empty() || self.outcomes.contains(&record.outcome))
            && is(self.servable, view.servable)
            && is(self.verified, record.verified)
            && is(self.connected, view.connected)
            && self.last_success.contain(record.last_success)
            && self.place.is_none_or(|net| net.contains(&record.address.ip()))
            && self.source.is_none_or(by_source)
            && (self.text == Substring::default() || self.text.is_in(&record.address.to_string()))
    }
}

impl Listing for Addresses {
    const KIND: &'static str = "addresses";
    type Key = NetAddress;
    type Entry = AddressView;
    type Item = Address;

    fn query(&self) -> Vec<u8> {
        self.query.clone()
    }

    fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }

    fn admits(&self, view: &AddressView) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.admits(view))
    }

    fn is_ranked(&self) -> bool {
        self.order != AddressOrder::Unspecified
    }

    fn rank(&self, view: &AddressView) -> u64 {
        let stamp = |at: Wall| u64::try_from(at.as_millis()).unwrap_or(0);
        match self.order {
            AddressOrder::Unspecified => 0,
            AddressOrder::LastSuccess => stamp(view.record.last_success),
            AddressOrder::LastAttempt => stamp(view.record.last_attempt),
            AddressOrder::AddTime => stamp(view.record.added),
            AddressOrder::FailedAttempts => view.record.attempts.into(),
        }
    }

    async fn scan(
        &self,
        network: &Handle,
        after: Option<NetAddress>,
        max: usize,
    ) -> Result<Chunk<NetAddress, AddressView>, Error> {
        let page = network.addresses(after, max).await?;
        let entries = page.entries.into_iter().map(|view| (view.record.address, view)).collect();
        Ok(Chunk { entries, more: page.more })
    }

    async fn fetch(&self, network: &Handle, keys: &[NetAddress]) -> Result<Vec<(NetAddress, AddressView)>, Error> {
        let views = network.addresses_at(keys.to_vec()).await?;
        Ok(views.into_iter().map(|view| (view.record.address, view)).collect())
    }

    async fn count(&self, network: &Handle) -> Result<Option<u64>, Error> {
        Ok(Some(network.summary().await?.addresses.into()))
    }

    fn show(&self, network: &Handle, view: AddressView) -> Address {
        conversions::address(network.chain_id(), view)
    }
}
