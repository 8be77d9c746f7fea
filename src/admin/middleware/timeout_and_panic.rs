//! Around every request: a bound on its time, and a panic that costs one answer instead of the connection.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

use super::library_errors::{encoding, explained};
use crate::admin::reply::status_codes;
use crate::admin::untrusted_text::printable;

type Answer = Result<Response<Body>, Infallible>;

/// Guards a service.
#[derive(Clone, Copy, Debug)]
pub(in crate::admin) struct TimeoutAndPanicLayer {
    /// The longest that a request may take until its answer begins.
    pub(in crate::admin) limit: Duration,
}

impl<S> Layer<S> for TimeoutAndPanicLayer {
    type Service = TimeoutAndPanic<S>;

    fn layer(&self, inner: S) -> TimeoutAndPanic<S> {
        TimeoutAndPanic { inner, limit: self.limit }
    }
}

/// See [`TimeoutAndPanicLayer`].
#[derive(Clone, Debug)]
pub(in crate::admin) struct TimeoutAndPanic<S> {
    inner: S,
    limit: Duration,
}

impl<S, B> Service<Request<B>> for TimeoutAndPanic<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (method, encoding) = (printable(request.uri().path()), encoding(request.headers()));
        let work = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let limit = self.limit;
        Box::pin(async move {
            match tokio::time::timeout(limit, work).await {
                Ok(Ok(answer)) => answer.map(|answer| explained(&method, &encoding, answer)),
                Ok(Err(payload)) => {
                    let panic = message(&*payload);
                    tracing::error!(%method, %panic, "an admin request panicked");
                    refuse(&status_codes::internal())
                }
                Err(_) => {
                    tracing::warn!(%method, "an admin request took too long");
                    refuse(&status_codes::timed_out())
                }
            }
        })
    }
}

fn refuse(status: &Status) -> Answer {
    Ok(status.clone().into_http())
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)").to_owned()
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tower::ServiceExt as _;

    use super::*;

    async fn guarded<F>(work: fn() -> F) -> Status
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let service = tower::service_fn(move |_: Request<()>| work());
        let guard = TimeoutAndPanicLayer { limit: Duration::from_millis(20) }.layer(service);
        let answer = guard.oneshot(Request::new(())).await.unwrap();
        Status::from_header_map(answer.headers()).unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_without_its_text() {
        let status = guarded(|| async { panic!("secret") }).await;
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"));
    }

    #[tokio::test]
    async fn a_request_that_stalls_is_given_up() {
        assert_eq!(guarded(std::future::pending).await.code(), Code::DeadlineExceeded);
    }
}
