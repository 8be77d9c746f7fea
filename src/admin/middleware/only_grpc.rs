//! Lets gRPC requests pass. Another request of HTTP/2, such as a browser's under TLS, is answered with 415 (the code that
//! gRPC over HTTP/2 has for another content type) and a text that says what is here.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures_util::future::Either;
use tonic::body::Body;
use tonic::codegen::http::header::{CONTENT_TYPE, HeaderValue};
use tonic::codegen::http::{HeaderMap, Request, Response, StatusCode};
use tower::{Layer, Service};

use crate::admin::signpost::Signpost;

/// The content type of gRPC, which `+proto`, `+json` or parameters may follow.
const GRPC: &str = "application/grpc";

/// Lets gRPC requests pass, and tells the others this.
#[derive(Clone, Debug)]
pub(in crate::admin) struct OnlyGrpcLayer(pub(in crate::admin) Signpost);

impl<S> Layer<S> for OnlyGrpcLayer {
    type Service = OnlyGrpc<S>;

    fn layer(&self, inner: S) -> OnlyGrpc<S> {
        OnlyGrpc { inner, signpost: self.0.clone() }
    }
}

/// See [`OnlyGrpcLayer`].
#[derive(Clone, Debug)]
pub(in crate::admin) struct OnlyGrpc<S> {
    inner: S,
    signpost: Signpost,
}

impl<S, A> Service<Request<A>> for OnlyGrpc<S>
where
    S: Service<Request<A>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        if is_grpc(request.headers()) {
            return Either::Left(self.inner.call(request));
        }
        let mut answer = Response::new(Body::new(self.signpost.text().to_owned()));
        *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Either::Right(ready(Ok(answer)))
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.strip_prefix(GRPC).is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_known_by_its_content_type() {
        let is = |kind: &'static str| is_grpc(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]));
        assert!(is("application/grpc") && is("application/grpc+proto") && is("application/grpc;charset=utf-8"));
        assert!(!is("application/grpc-web+proto") && !is("application/json") && !is(""));
        assert!(!is_grpc(&HeaderMap::new()));
    }
}
