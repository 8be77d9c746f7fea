//! Which events a reader wants, and what each is about.

use ipnet::IpNet;
use tonic::Status;

use crate::admin::reply::status_codes::invalid;
use crate::admin::request::filters;
use crate::network::events::What;
use crate::node::About;
use crate::proto::pexd::v1::{EventFilter, EventKind};
use crate::types::NodeId;

/// Kinds in a filter at most; more are repetitions.
const MAX_KINDS: usize = 64;

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Empty lets every kind through.
    kinds: Vec<EventKind>,
    id: Option<NodeId>,
    range: Option<IpNet>,
}

impl Filter {
    /// Reads a request's filter.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with the field.
    pub(super) fn read(filter: Option<EventFilter>) -> Result<Filter, Status> {
        let filter = filter.unwrap_or_default();
        if filter.kinds.len() > MAX_KINDS {
            return Err(invalid("filter.kinds", format!("more than {MAX_KINDS}: name each kind once")));
        }
        let kind = |number: &i32| match EventKind::try_from(*number) {
            Ok(EventKind::Unspecified) | Err(_) => {
                let text =
                    format!("{number} is not a kind: leave `kinds` empty for all, or name kinds like EVENT_KIND_DIAL");
                Err(invalid("filter.kinds", text))
            }
            Ok(kind) => Ok(kind),
        };
        Ok(Filter {
            kinds: filter.kinds.iter().map(kind).collect::<Result<_, _>>()?,
            id: filters::id("filter.id", &filter.id)?,
            range: filters::range("filter.ip_range", &filter.ip_range)?,
        })
    }

    /// Whether the reader wants an event, as far as it can be said before it is converted: [`Filter::admits_kind`] says the
    /// rest.
    pub(super) fn admits(&self, what: &What) -> bool {
        if self.id.is_none() && self.range.is_none() {
            return true;
        }
        let What::Node(event) = what else { return false };
        let About { ids, range } = event.about();
        let overlaps = |wanted: IpNet| range.is_some_and(|range| wanted.contains(&range) || range.contains(&wanted));
        self.id.is_none_or(|id| ids.contains(&Some(id))) && self.range.is_none_or(overlaps)
    }

    /// Whether the reader wants events of this kind.
    pub(super) fn admits_kind(&self, kind: EventKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}
