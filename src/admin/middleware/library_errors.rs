//! Refusals of requests that reach no service of ours: the gRPC library makes them, and they get what all of ours have.

use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Response};
use tonic::{Code, Status};

use crate::admin::reply::status_codes;
use crate::admin::untrusted_text::printable;

/// What begins the paths of services that have a contract of their own: health and reflection.
const OTHERS: &str = "/grpc.";

/// The headers by which requests say how they are compressed, and answers what is understood.
const ENCODING: &str = "grpc-encoding";
const ACCEPTED: &str = "grpc-accept-encoding";
/// Bytes of an encoding's name that are told back; those that exist have eight at most.
const MAX_ENCODING: usize = 40;

/// How a request says that it is compressed.
pub(in crate::admin) fn encoding(headers: &HeaderMap) -> String {
    let name = headers.get(ENCODING).map(|name| String::from_utf8_lossy(name.as_bytes())).unwrap_or_default();
    printable(&name.chars().take(MAX_ENCODING).collect::<String>())
}

/// The answer to a request of `path`, compressed by `encoding`, with a code, a reason and a fix if the library refused it.
pub(in crate::admin) fn explained(path: &str, encoding: &str, answer: Response<Body>) -> Response<Body> {
    if path.starts_with(OTHERS) {
        return answer;
    }
    // Only a refusal has its status in the headers, and all of ours have details.
    let Some(refusal) = Status::from_header_map(answer.headers()) else { return answer };
    if !refusal.details().is_empty() {
        return answer;
    }
    match refusal.code() {
        // It names what it understands to those whose encoding it does not, and to nobody else.
        Code::Unimplemented if let Some(accepted) = answer.headers().get(ACCEPTED) => {
            let mut refused = status_codes::unknown_encoding(encoding).into_http();
            refused.headers_mut().insert(ACCEPTED, accepted.clone());
            refused
        }
        Code::Unimplemented => status_codes::no_method(path).into_http(),
        // What it calls a fault of the server's: bytes that are no message of the method's.
        Code::Internal => status_codes::malformed(refusal.message()).into_http(),
        // The second is a message that is too large once it is decompressed.
        Code::OutOfRange | Code::ResourceExhausted => status_codes::too_large(refusal.message()).into_http(),
        _ => answer,
    }
}
