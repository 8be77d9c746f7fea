//! Reports as the admin API sends them.

use super::{Report, Verdict};
use crate::proto::pexd::v1 as pb;

impl From<Report> for pb::SeedCheck {
    fn from(report: Report) -> Self {
        let time = |time: std::time::Duration| prost_types::Duration {
            seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(time.subsec_nanos()).unwrap_or_default(),
        };
        pb::SeedCheck {
            definite: report.is_definite(),
            verdict: verdict(report.verdict).into(),
            fault: report.fault.to_owned(),
            actual_id: report.actual_id.map(|id| id.to_string()).unwrap_or_default(),
            actual_network: report.actual_network.unwrap_or_default(),
            remote_address: report.remote.map(|remote| remote.to_string()).unwrap_or_default(),
            latency: report.latency.map(time),
            answer_time: report.answer_time.map(time),
            address_count: report.address_count,
            unusable_address_count: report.unusable_address_count,
            sample_tried_count: report.sample_tried_count,
            sample_reached_count: report.sample_reached_count,
            seed: report.seed,
            detail: report.detail,
            moniker: report.moniker,
            version: report.version,
        }
    }
}

const fn verdict(verdict: Verdict) -> pb::SeedVerdict {
    match verdict {
        Verdict::Ok => pb::SeedVerdict::Ok,
        Verdict::Empty => pb::SeedVerdict::Empty,
        Verdict::Malformed => pb::SeedVerdict::Malformed,
        Verdict::DuplicateEntry => pb::SeedVerdict::DuplicateEntry,
        Verdict::Unroutable => pb::SeedVerdict::Unroutable,
        Verdict::WrongId => pb::SeedVerdict::WrongId,
        Verdict::WrongChain => pb::SeedVerdict::WrongChain,
        Verdict::NoPex => pb::SeedVerdict::NoPex,
        Verdict::Unresolved => pb::SeedVerdict::Unresolved,
        Verdict::Refused => pb::SeedVerdict::Refused,
        Verdict::TimedOut => pb::SeedVerdict::TimedOut,
        Verdict::HungUp => pb::SeedVerdict::HungUp,
        Verdict::Silent => pb::SeedVerdict::Silent,
        Verdict::Protocol => pb::SeedVerdict::Protocol,
        Verdict::NotChecked => pb::SeedVerdict::NotChecked,
    }
}
