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

use super::call_error::Trouble;
use super::endpoint::Place;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A channel to this place, whose calls are answered within the limit, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    channel: Channel,
    place: Place,
    limit: Option<Duration>,
}

impl Reach {
    pub(super) fn new(channel: Channel, place: Place, limit: Option<Duration>) -> Self {
        Reach { channel, place, limit }
    }
}

impl Service<Request<Body>> for Reach {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let place = &self.place;
        self.channel.poll_ready(context).map_err(|error| Status::unavailable(Trouble::of(&error).text(place)).into())
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.channel.call(request);
        let (place, limit) = (self.place.clone(), self.limit);
        Box::pin(async move {
            let answer = match limit {
                Some(limit) => timeout(limit, answer).await.map_err(|_| late(&place, limit))?,
                None => answer.await,
            };
            match answer {
                Ok(answer) => Ok(answer),
                Err(error) => Err(Status::unavailable(Trouble::of(&error).at(&place).await.text(&place)).into()),
            }
        })
    }
}

fn late(place: &Place, limit: Duration) -> Status {
    let limit = limit.as_secs();
    Status::deadline_exceeded(format!(
        "{place} did not answer within {limit} s, and what was asked for may still be done; --timeout N waits longer"
    ))
}
