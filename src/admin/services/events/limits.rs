//! How many may watch at once, and what ends all of them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::admin::auth::caller::Caller;
use crate::admin::reply::status_codes;
use crate::rate_limit::{NoPermit, Permit, PermitLimits, Permits};

/// Streams at once in all. One whose reader does not read holds 440 KB at most, most of it HTTP/2's: 110 MB together.
const MAX_STREAMS: usize = 256;
/// Streams of one caller at once.
const MAX_PER_CALLER: usize = 16;

/// The streams under way. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(in crate::admin) struct EventStreamLimits {
    /// Cancelled when the process ends.
    pub(super) ending: CancellationToken,
    permits: Arc<Permits<String>>,
}

/// A stream's permit; returned when it is dropped.
pub(super) type StreamPermit = Permit<String>;

impl EventStreamLimits {
    /// Streams that end when the token is cancelled.
    pub(in crate::admin) fn until(ending: CancellationToken) -> Self {
        EventStreamLimits { ending, permits: Arc::default() }
    }

    /// A permit for one more stream.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there are as many as may be.
    pub(super) fn enter(&self, caller: &Caller) -> Result<StreamPermit, Status> {
        let limits = PermitLimits { total: MAX_STREAMS, per_key: MAX_PER_CALLER };
        self.permits.acquire(caller.principal(), limits).map_err(|reason| {
            status_codes::limit(match reason {
                NoPermit::Total => format!("{MAX_STREAMS} streams of events are open: close some first"),
                NoPermit::PerKey => format!(
                    "you have {MAX_PER_CALLER} streams of events open: close one, or watch `-` for all networks"
                ),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::admin::auth::caller::AllowedNetworks;
    use crate::admin::auth::roles::Role;

    fn caller(who: &str) -> Caller {
        Caller { who: who.into(), role: Role::Read, networks: AllowedNetworks::These(BTreeSet::new()) }
    }

    #[test]
    fn streams_are_bounded_for_each_and_for_all_and_come_back() {
        let watches = EventStreamLimits::until(CancellationToken::new());
        let mut permits: Vec<_> =
            (0..MAX_PER_CALLER).map(|n| watches.enter(&caller(&format!("10.0.0.1:{}", n + 1))).unwrap()).collect();
        let refused = watches.enter(&caller("10.0.0.1:999")).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        permits.pop();
        permits.push(watches.enter(&caller("10.0.0.1:999")).unwrap());
        for n in MAX_PER_CALLER..MAX_STREAMS {
            permits.push(watches.enter(&caller(&format!("token t{n} from 10.0.0.1:1"))).unwrap());
        }
        assert!(watches.enter(&caller("somebody else")).unwrap_err().message().contains("256"));
        drop(permits);
        assert!(watches.permits.is_empty());
    }
}
