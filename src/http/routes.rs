//! The paths, and what they answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::exposition::TEXT_FORMAT;
use super::sources::Sources;
use super::{ready, scrape};
use crate::clock::Clock;
use crate::types::Mono;

/// The longest that a scrape takes; a network that does not answer by then is reported as unresponsive.
const SCRAPE_TIME: Duration = Duration::from_secs(10);
/// Scrapes within this time share one answer, so that a flood of them costs the networks no more than one a second.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// When the metrics were gathered, and their text.
type Scrape = (Mono, Arc<str>);

/// What the routes share.
#[derive(Clone)]
struct Shared {
    sources: Sources,
    latest: Arc<Mutex<Option<Scrape>>>,
}

/// All paths. Others are not found; methods other than GET and HEAD are not allowed.
pub(super) fn routes(sources: Sources) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/readyz/{chain_id}", get(readyz_of))
        .route("/metrics", get(metrics))
        .with_state(Shared { sources, latest: Arc::default() })
}

/// What is said to a probe with another parameter.
const PARAMETERS: &str = "the only parameter is servable=N: how many addresses a network has to be able to serve\n";

/// How many addresses a probe asks for, if it says so; `None` when it says anything else.
fn wanted(query: Option<&str>) -> Option<Option<u32>> {
    match query.unwrap_or_default() {
        "" => Some(None),
        query => query.strip_prefix("servable=")?.parse().ok().map(Some),
    }
}

async fn readyz(State(shared): State<Shared>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    let Some(wanted) = wanted(query.as_deref()) else { return (StatusCode::BAD_REQUEST, PARAMETERS.to_owned()) };
    let report = ready::report(&shared.sources, wanted).await;
    let code = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, report.to_string())
}

async fn readyz_of(
    State(shared): State<Shared>,
    Path(chain_id): Path<String>,
    RawQuery(query): RawQuery,
) -> (StatusCode, String) {
    let Some(wanted) = wanted(query.as_deref()) else { return (StatusCode::BAD_REQUEST, PARAMETERS.to_owned()) };
    match ready::report_one(&shared.sources, &chain_id, wanted).await {
        Some(Ok(())) => (StatusCode::OK, "ready\n".to_owned()),
        Some(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        None => (StatusCode::NOT_FOUND, "no network of this chain ID is served\n".to_owned()),
    }
}

async fn metrics(State(shared): State<Shared>) -> Response {
    match timeout(SCRAPE_TIME, shared.scrape()).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text.to_string()).into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "metrics cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "a fault in pexd; its log has the details\n").into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the scrape took too long\n").into_response(),
    }
}

impl Shared {
    /// The metrics of the last second, or new ones. Who comes while they are made waits for them.
    async fn scrape(&self) -> Result<Arc<str>, prometheus::Error> {
        let mut latest = self.latest.lock().await;
        if let Some((at, text)) = &*latest
            && Clock.mono().since(*at) < SHARED_FOR
        {
            return Ok(text.clone());
        }
        let text: Arc<str> = scrape::scrape(&self.sources).await?.into();
        *latest = Some((Clock.mono(), text.clone()));
        Ok(text)
    }
}
