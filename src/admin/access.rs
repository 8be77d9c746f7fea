//! Before every request: who sends it, and whether he may.

use std::task::{Context, Poll};

use tonic::codegen::http::Request;
use tonic::transport::server::TcpConnectInfo;
use tower::{Layer, Service};

use super::caller::{Caller, Networks, Role};

/// Names the caller of each request.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccessLayer;

impl<S> Layer<S> for AccessLayer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Access<S> {
        Access { inner }
    }
}

/// See [`AccessLayer`].
#[derive(Clone, Debug)]
pub(super) struct Access<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for Access<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let remote = request.extensions().get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
        let who = remote.map_or_else(|| "unknown".to_owned(), |remote| remote.to_string());
        request.extensions_mut().insert(Caller { who: who.into(), role: Role::Control, networks: Networks::All });
        self.inner.call(request)
    }
}
