//! A response body that ends when its caller's credential is revoked.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;

/// The body of an answer, cut off by UNAUTHENTICATED once `revoked` is ready.
pub(in crate::admin) struct RevocableBody<F> {
    body: Body,
    revoked: Pin<Box<F>>,
    status: fn() -> Status,
    ended: bool,
}

impl<F: Future<Output = ()> + Send + 'static> RevocableBody<F> {
    pub(in crate::admin) fn wrap(body: Body, revoked: F, status: fn() -> Status) -> Body {
        Body::new(RevocableBody { body, revoked: Box::pin(revoked), status, ended: false })
    }
}

impl<F: Future<Output = ()>> http_body::Body for RevocableBody<F> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.revoked.as_mut().poll(cx).is_ready() {
            self.ended = true;
            // What produces the stream goes with it.
            self.body = Body::empty();
            let mut trailers = HeaderMap::new();
            return Poll::Ready(Some((self.status)().add_header(&mut trailers).map(|()| Frame::trailers(trailers))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
