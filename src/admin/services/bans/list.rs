//! The list of bans and its filter.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use prost::Message as _;
use tonic::Status;

use crate::admin::page::{Chunk, Listing};
use crate::admin::reply::conversions;
use crate::admin::reply::status_codes::invalid;
use crate::admin::request::fields;
use crate::admin::request::filters::{Substring, any_of};
use crate::network::{Error, Handle};
use crate::node::row::{self, BanTarget};
use crate::proto::pexd::v1::{Ban, BanFilter, BanOrigin};
use crate::types::{NodeId, canonical};

/// The bans that a request is about: IDs, then IPv4 ranges, then IPv6 ranges.
#[derive(Debug, Default)]
pub(in crate::admin) struct BanList {
    /// Who set them: operators (true) or the reactor; empty = anybody.
    by_operator: Vec<bool>,
    applies_to: Option<Held>,
    text: Substring,
    query: Vec<u8>,
}

/// Who is kept out.
#[derive(Clone, Copy, Debug)]
enum Held {
    Id(NodeId),
    Ip(IpAddr),
}

/// A target as the key of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::admin) struct Target(BanTarget);

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Target {
    type Err = Status;

    fn from_str(text: &str) -> Result<Self, Status> {
        fields::target(text).map(Target)
    }
}

impl BanList {
    /// Reads the filter of a request.
    ///
    /// # Errors
    /// INVALID_ARGUMENT that names the field.
    pub(in crate::admin) fn read(filter: Option<&BanFilter>) -> Result<Self, Status> {
        let Some(filter) = filter else { return Ok(BanList::default()) };
        let origin = |value| match BanOrigin::try_from(value).ok()? {
            BanOrigin::Unspecified => None,
            BanOrigin::Operator => Some(true),
            BanOrigin::Reactor => Some(false),
        };
        let fix = "name BAN_ORIGIN_OPERATOR or BAN_ORIGIN_REACTOR";
        Ok(BanList {
            by_operator: any_of("filter.origins", &filter.origins, fix, origin)?,
            applies_to: held("filter.applies_to", &filter.applies_to)?,
            text: Substring::read("filter.text", &filter.text)?,
            query: filter.encode_to_vec(),
        })
    }
}

fn held(field: &'static str, text: &str) -> Result<Option<Held>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let text = text.trim();
    let id = text.parse().ok().map(Held::Id);
    let held = id.or_else(|| text.parse().ok().map(|ip| Held::Ip(canonical(ip))));
    held.map(Some).ok_or_else(|| invalid(field, "write a node ID (40 hex digits) or an IP address"))
}

impl Listing for BanList {
    const KIND: &'static str = "bans";
    type Key = Target;
    type Entry = row::Ban;
    type Item = Ban;

    fn query(&self) -> Vec<u8> {
        self.query.clone()
    }

    fn is_filtered(&self) -> bool {
        !self.query.is_empty()
    }

    fn admits(&self, ban: &row::Ban) -> bool {
        let has_text = || [&ban.target.to_string(), &ban.reason, &*ban.author].iter().any(|text| self.text.is_in(text));
        (self.by_operator.is_empty() || self.by_operator.contains(&ban.by_operator))
            && (self.text == Substring::default() || has_text())
    }

    async fn scan(
        &self,
        network: &Handle,
        after: Option<Target>,
        max: usize,
    ) -> Result<Chunk<Target, row::Ban>, Error> {
        let keyed = |ban: row::Ban| (Target(ban.target), ban);
        let few = match self.applies_to {
            None => {
                let bans = network.bans_after(after.map(|after| after.0), max).await?;
                // Another question finds out whether it was the last one.
                let more = bans.len() == max;
                return Ok(Chunk { entries: bans.into_iter().map(keyed).collect(), more });
            }
            Some(Held::Id(id)) => network.bans_of(Some(id), None).await?,
            Some(Held::Ip(ip)) => network.bans_of(None, Some(ip)).await?,
        };
        Ok(Chunk::cut(few.into_iter().map(keyed), after.as_ref(), max))
    }

    fn show(&self, network: &Handle, ban: row::Ban) -> Ban {
        conversions::ban(network.chain_id(), ban)
    }
}
