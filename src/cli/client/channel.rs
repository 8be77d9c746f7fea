//! A channel that says in words what goes wrong beneath the API, and how long it was waited.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::transport::Channel;
use tower::Service;

use super::call_error::CallError;
use super::endpoint::ApiEndpoint;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A channel to this endpoint, whose calls are answered within the limit, if there is one.
#[derive(Clone, Debug)]
pub(super) struct TimedChannel {
    channel: Channel,
    endpoint: ApiEndpoint,
    limit: Option<Duration>,
}

impl TimedChannel {
    pub(super) fn new(channel: Channel, endpoint: ApiEndpoint, limit: Option<Duration>) -> Self {
        TimedChannel { channel, endpoint, limit }
    }
}

impl Service<Request<Body>> for TimedChannel {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let endpoint = &self.endpoint;
        self.channel
            .poll_ready(context)
            .map_err(|error| Status::unavailable(CallError::of(&error).text(endpoint)).into())
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.channel.call(request);
        let (endpoint, limit) = (self.endpoint.clone(), self.limit);
        Box::pin(async move {
            let answer = match limit {
                Some(limit) => timeout(limit, answer).await.map_err(|_| late(&endpoint, limit))?,
                None => answer.await,
            };
            match answer {
                Ok(answer) => Ok(answer),
                Err(error) => {
                    Err(Status::unavailable(CallError::of(&error).at(&endpoint).await.text(&endpoint)).into())
                }
            }
        })
    }
}

fn late(endpoint: &ApiEndpoint, limit: Duration) -> Status {
    let limit = limit.as_secs();
    Status::deadline_exceeded(format!(
        "{endpoint} did not answer within {limit} s, and what was asked for may still be done; --timeout N waits longer"
    ))
}
