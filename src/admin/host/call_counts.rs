//! The API's own requests, counted by method and code. A layer around every request fills the table
//! (`middleware/call_counts.rs`); the metrics read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use prost::Message as _;

use crate::network::Histogram;
use crate::proto::pexd::DESCRIPTORS;

/// What stands for every method that is not one of ours: what a client writes is no name for a counter.
const OTHER: &str = "other";

/// Requests since the start. Its size is that of the API: its methods times gRPC's codes.
#[derive(Debug)]
pub struct CallCounts {
    methods: BTreeSet<String>,
    counts: Mutex<BTreeMap<String, CallCount>>,
}

/// The requests for one method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCount {
    /// How often it was answered with which code, by its name in gRPC such as `NOT_FOUND`. A stream counts when it begins.
    pub codes: BTreeMap<&'static str, u64>,
    /// How long it took until the answer began.
    pub took: Histogram,
}

impl Default for CallCounts {
    fn default() -> Self {
        let methods = methods();
        let counts =
            methods.iter().map(String::as_str).chain([OTHER]).map(|name| (name.to_owned(), CallCount::default()));
        CallCounts { counts: Mutex::new(counts.collect()), methods }
    }
}

impl CallCounts {
    /// gRPC's codes by their names.
    pub const CODES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];

    /// The counts by method, such as `pexd.v1.BanService/Ban`, also of those that nobody called; `other` is every method
    /// that is not of this API.
    pub fn counts(&self) -> BTreeMap<String, CallCount> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note(&self, path: &str, code: &'static str, took: std::time::Duration) {
        let path = path.strip_prefix('/').unwrap_or(path);
        let method = self.methods.get(path).map_or(OTHER, String::as_str);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(method) {
            *count.codes.entry(code).or_default() += 1;
            count.took.note(took);
        }
    }
}

/// The methods of the API as they stand in a request's path.
fn methods() -> BTreeSet<String> {
    // Made by the build from our own files: it reads, or nothing of the API would work.
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default().file;
    let ours = files.iter().filter(|file| file.package().starts_with("pexd."));
    let services = ours.flat_map(|file| file.service.iter().map(move |service| (file.package(), service)));
    let path = |(package, service): (&str, &prost_types::ServiceDescriptorProto)| {
        let service_name = format!("{package}.{}", service.name());
        service.method.iter().map(move |method| format!("{service_name}/{}", method.name())).collect::<Vec<_>>()
    };
    services.flat_map(path).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn our_methods_have_names_and_all_others_share_one() {
        let calls = CallCounts::default();
        calls.note("/pexd.v1.BanService/Ban", "OK", Duration::from_millis(2));
        calls.note("/pexd.v1.BanService/Ban", "NOT_FOUND", Duration::from_millis(2));
        (0..100).for_each(|n| calls.note(&format!("/made.up/{n}"), "UNIMPLEMENTED", Duration::ZERO));
        let called = calls.counts().into_iter().filter(|(_, count)| count.took.count > 0);
        let counts: BTreeMap<_, _> = called.collect();
        assert_eq!(counts.keys().collect::<Vec<_>>(), ["other", "pexd.v1.BanService/Ban"]);
        assert_eq!(counts["pexd.v1.BanService/Ban"].codes, BTreeMap::from([("NOT_FOUND", 1), ("OK", 1)]));
        assert_eq!(counts["other"].codes["UNIMPLEMENTED"], 100);
    }
}
