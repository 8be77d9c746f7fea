//! Counts every request by method and code, into the table that the metrics read ([`CallCounts`]).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Code;
use tonic::codegen::http::{HeaderMap, Request, Response, StatusCode};
use tower::{Layer, Service};

use crate::admin::host::call_counts::CallCounts;
use crate::clock::Clock;

/// Counts what passes.
#[derive(Clone, Debug)]
pub(in crate::admin) struct CallCountsLayer(pub(in crate::admin) Arc<CallCounts>);

impl<S> Layer<S> for CallCountsLayer {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, calls: self.0.clone() }
    }
}

/// See [`CallCountsLayer`].
#[derive(Clone, Debug)]
pub(in crate::admin) struct Counted<S> {
    inner: S,
    calls: Arc<CallCounts>,
}

impl<S, A, B> Service<Request<A>> for Counted<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (calls, path) = (self.calls.clone(), request.uri().path().to_owned());
        let began = Clock.mono();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if let Ok(answer) = &answer {
                calls.note(&path, code(answer.status(), answer.headers()), Clock.mono().since(began));
            }
            answer
        })
    }
}

/// The code that an answer begins with. One without is well so far, or not gRPC at all.
fn code(status: StatusCode, headers: &HeaderMap) -> &'static str {
    if status != StatusCode::OK {
        return name(Code::Unknown);
    }
    headers.get("grpc-status").map_or(name(Code::Ok), |code| name(Code::from_bytes(code.as_bytes())))
}

/// gRPC numbers its codes from 0 on without a gap.
const fn name(code: Code) -> &'static str {
    CallCounts::CODES[code as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_name() {
        for (number, known) in CallCounts::CODES.iter().enumerate() {
            let code = Code::from_i32(i32::try_from(number).unwrap());
            assert_eq!(name(code), *known);
            let words = format!("{code:?}").replace(|c: char| !c.is_ascii_alphanumeric(), "");
            assert_eq!(words.to_lowercase(), known.replace('_', "").to_lowercase());
        }
    }
}
