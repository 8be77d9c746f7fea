//! Refusals of requests that reach no service of ours: the gRPC library makes them, and they get what all of ours have.

use tonic::body::Body;
use tonic::codegen::http::Response;
use tonic::{Code, Status};

use crate::admin::reply::status_codes;

/// What begins the paths of services that have a contract of their own: health and reflection.
const OTHERS: &str = "/grpc.";

/// The answer to a request of `path`, with a code, a reason and a fix if the library refused it.
pub(in crate::admin) fn explained(path: &str, answer: Response<Body>) -> Response<Body> {
    if path.starts_with(OTHERS) {
        return answer;
    }
    // Only a refusal has its status in the headers, and all of ours have details.
    let Some(refusal) = Status::from_header_map(answer.headers()) else { return answer };
    if !refusal.details().is_empty() {
        return answer;
    }
    match refusal.code() {
        Code::Unimplemented => status_codes::no_method(path).into_http(),
        // What it calls a fault of the server's: bytes that are no message of the method's.
        Code::Internal => status_codes::malformed(refusal.message()).into_http(),
        Code::OutOfRange => status_codes::too_large(refusal.message()).into_http(),
        _ => answer,
    }
}
