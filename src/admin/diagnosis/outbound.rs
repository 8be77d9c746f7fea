//! Whether our own dials go out, in one network and in all that a caller may see.

use crate::admin::timestamps::time;
use crate::network::Outbound;
use crate::proto::pexd::v1::{OutboundHealth, OutboundState};
use crate::types::Wall;

/// Below this many dials nothing is concluded.
const ENOUGH_DIALS: u32 = 8;

/// The verdict on the dials of these networks together.
pub(in crate::admin) fn outbound(networks: &[Outbound], now: Wall) -> OutboundHealth {
    let (dial_count, answered_count) = networks.iter().map(|network| network.recent(now)).fold((0, 0), |sum, more| {
        let (ended, answered): (u32, u32) = sum;
        (ended.saturating_add(more.0), answered.saturating_add(more.1))
    });
    let state = if answered_count > 0 {
        OutboundState::Working
    } else if dial_count < ENOUGH_DIALS {
        OutboundState::Idle
    } else {
        OutboundState::Unanswered
    };
    let last = networks.iter().map(Outbound::last_answer).max().unwrap_or(Wall::NEVER);
    OutboundHealth { state: state.into(), dial_count, answered_count, last_answer_time: time(last) }
}
