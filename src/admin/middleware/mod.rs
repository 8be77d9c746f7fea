//! Layers around every request, beside authentication: timeout, panics, call counts, requests that are no gRPC, and the gRPC
//! library's own errors.

pub(super) mod call_counts;
pub(super) mod library_errors;
pub(super) mod only_grpc;
pub(super) mod timeout_and_panic;
