//! The list of the connected peers: filtered and ordered.

use ipnet::IpNet;
use prost::Message as _;
use tonic::Status;

use crate::admin::page::{Chunk, Listing};
use crate::admin::reply::conversions;
use crate::admin::reply::status_codes::invalid;
use crate::admin::request::filters::{Substring, any_of, range};
use crate::clock::Clock;
use crate::network::{Error, Handle, Peer};
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::PeerOrder;
use crate::types::ConnId;

/// The peers by the number of their connection, which grows: what connects while pages are walked comes last.
#[derive(Debug)]
pub(in crate::admin) struct PeerListing {
    filter: Filter,
    order: PeerOrder,
    /// Filter and order as they were asked for.
    query: Vec<u8>,
}

/// A `PeerFilter` that was read.
#[derive(Debug, Default)]
struct Filter {
    directions: Vec<pb::Direction>,
    purposes: Vec<pb::DialPurpose>,
    ips: Option<IpNet>,
    text: Substring,
    persistent: Option<bool>,
}

impl PeerListing {
    /// The list that a request asks for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a field that cannot be.
    pub(in crate::admin) fn read(filter: Option<pb::PeerFilter>, order: i32) -> Result<Self, Status> {
        let order = PeerOrder::try_from(order).map_err(|_| invalid("order", "it is none of PeerOrder's values"))?;
        let asked = pb::ListPeersRequest { filter, order: order.into(), ..Default::default() };
        let query = asked.encode_to_vec();
        let filter = asked.filter.map(Filter::read).transpose()?.unwrap_or_default();
        Ok(PeerListing { filter, order, query })
    }
}

impl Filter {
    fn read(filter: pb::PeerFilter) -> Result<Self, Status> {
        let direction = |value| match pb::Direction::try_from(value).ok()? {
            direction @ (pb::Direction::Inbound | pb::Direction::Outbound) => Some(direction),
            pb::Direction::Unspecified => None,
        };
        let purpose = |value| pb::DialPurpose::try_from(value).ok();
        let (inbound_or_outbound, purposes) = ("write DIRECTION_INBOUND or DIRECTION_OUTBOUND", "see DialPurpose");
        Ok(Filter {
            directions: any_of("filter.directions", &filter.directions, inbound_or_outbound, direction)?,
            purposes: any_of("filter.purposes", &filter.purposes, purposes, purpose)?,
            ips: range("filter.ip_range", &filter.ip_range)?,
            text: Substring::read("filter.text", &filter.text)?,
            persistent: filter.persistent,
        })
    }

    fn is_empty(&self) -> bool {
        let Filter { directions, purposes, ips, text, persistent } = self;
        directions.is_empty()
            && purposes.is_empty()
            && ips.is_none()
            && *text == Substring::default()
            && persistent.is_none()
    }

    fn admits(&self, peer: &Peer) -> bool {
        let view = &peer.view;
        let purpose = view.purpose.map_or(pb::DialPurpose::Unspecified, conversions::purpose);
        let info = &view.info;
        let mut texts = [&info.moniker, &info.version, &info.listen_addr].into_iter();
        (self.directions.is_empty() || self.directions.contains(&conversions::direction(view.direction)))
            && (self.purposes.is_empty() || self.purposes.contains(&purpose))
            && self.ips.is_none_or(|ips| ips.contains(&view.remote.ip()))
            && self.persistent.is_none_or(|persistent| persistent == view.persistent)
            && (self.text.is_in(&info.id.to_string()) || texts.any(|text| self.text.is_in(text)))
    }
}

impl Listing for PeerListing {
    const KIND: &'static str = "peers";
    type Key = u64;
    type Entry = Peer;
    type Item = pb::Peer;

    fn query(&self) -> Vec<u8> {
        self.query.clone()
    }

    fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    fn admits(&self, peer: &Peer) -> bool {
        self.filter.admits(peer)
    }

    fn is_ranked(&self) -> bool {
        self.order != PeerOrder::Unspecified
    }

    fn rank(&self, peer: &Peer) -> u64 {
        match self.order {
            PeerOrder::Unspecified => 0,
            PeerOrder::ReceivedBytes => peer.traffic.bytes_in,
            PeerOrder::SentBytes => peer.traffic.bytes_out,
            PeerOrder::Requests => peer.view.requests.into(),
            PeerOrder::ConnectTime => u64::MAX - u64::try_from(peer.view.connected_since.as_millis()).unwrap_or(0),
        }
    }

    async fn scan(&self, network: &Handle, after: Option<u64>, max: usize) -> Result<Chunk<u64, Peer>, Error> {
        let part = network.peers_after(after.map(ConnId), max).await?;
        let entries = part.entries.into_iter().map(|peer| (peer.view.conn.0, peer)).collect();
        Ok(Chunk { entries, more: part.more })
    }

    async fn fetch(&self, network: &Handle, keys: &[u64]) -> Result<Vec<(u64, Peer)>, Error> {
        let peers = network.peers_at(keys.iter().copied().map(ConnId).collect()).await?;
        Ok(peers.into_iter().map(|peer| (peer.view.conn.0, peer)).collect())
    }

    fn show(&self, network: &Handle, peer: Peer) -> pb::Peer {
        conversions::peer(network.chain_id(), peer, Clock.now())
    }
}
