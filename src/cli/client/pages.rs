//! Lists that come in pages, as one answer. The server merges those of several networks.

use std::time::Duration;

use prost::{Message, Name};
use tonic::{Response, Status};
use tonic_types::StatusExt as _;

use super::{Session, per_network, reason, refused_of_all};
use crate::cli::{Failure, output};
use crate::proto::pexd::v1 as pb;

/// Entries of a page.
const PAGE: i32 = 1_000;
/// How often a page is asked for again when pexd is asked faster than one may.
const TRIES: usize = 8;

/// An answer that is a page of a list.
pub(super) trait Paged: Message + Name + Default {
    /// What it is a list of.
    type Entry;
    /// What the page has.
    fn entries(&self) -> &[Self::Entry];
    fn entries_mut(&mut self) -> &mut Vec<Self::Entry>;
    /// The next page's token.
    fn next(&self) -> &str;
    fn set_next(&mut self, token: String);
    fn failures(&self) -> &[pb::NetworkFailure];
    fn failures_mut(&mut self) -> &mut Vec<pb::NetworkFailure>;
    /// Entries on all pages, if the server says.
    fn total(&self) -> u64;
    fn add_total(&mut self, more: u64);
    fn take_entries(&mut self) -> Vec<Self::Entry> {
        std::mem::take(self.entries_mut())
    }
}

/// As much of a list as was asked for.
#[derive(Debug)]
pub(super) struct List<P> {
    pub(super) answer: P,
    /// Whether there is more.
    more: bool,
}

impl<P: Paged> List<P> {
    /// Shows it, and fails when a network did not give its part. What was cut off is reported beside it, so that a script
    /// that reads the rows gets rows.
    pub(super) fn show(
        &self,
        session: &Session,
        entries: &str,
        text: impl FnOnce(&P) -> String,
    ) -> Result<(), Failure> {
        session.output.show(&self.answer, text)?;
        if self.more {
            output::note(&self.count(entries));
        }
        per_network::all_did(self.answer.failures())
    }

    fn count(&self, entries: &str) -> String {
        let shown = self.answer.entries().len();
        match self.answer.total() {
            total if total > shown as u64 => format!("{shown} of {total} {entries} shown; --limit shows more"),
            _ => format!("{shown} shown; --limit shows more"),
        }
    }
}

/// A limit on the command line.
pub(super) fn limit(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| "a limit is how many entries are shown at most: write a whole number, such as 100".to_owned())
}

/// The entries of all pages, at most `limit` of them. `fetch` gets the size and the token of a page.
pub(super) async fn collect<P, F>(limit: usize, fetch: impl FnMut(i32, String) -> F) -> Result<List<P>, Failure>
where
    P: Paged,
    F: Future<Output = Result<Response<P>, Status>>,
{
    walk(limit, fetch).await.map_err(refused_of_all)
}

async fn walk<P, F>(limit: usize, mut fetch: impl FnMut(i32, String) -> F) -> Result<List<P>, Status>
where
    P: Paged,
    F: Future<Output = Result<Response<P>, Status>>,
{
    let mut all = P::default();
    loop {
        let size = i32::try_from(limit - all.entries().len()).unwrap_or(PAGE).min(PAGE);
        let mut page = patiently(|| fetch(size, all.next().to_owned())).await?.into_inner();
        let entries = page.take_entries();
        all.entries_mut().extend(entries);
        if all.total() == 0 {
            all.add_total(page.total());
        }
        all.set_next(page.next().to_owned());
        for failure in std::mem::take(page.failures_mut()) {
            if !all.failures().contains(&failure) {
                all.failures_mut().push(failure);
            }
        }
        if all.next().is_empty() || all.entries().len() >= limit {
            all.entries_mut().truncate(limit);
            let more = !all.next().is_empty();
            return Ok(List { answer: all, more });
        }
    }
}

/// Asks again, after the time that pexd names, when it was asked faster than one may: many networks are many requests.
async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    for _ in 1..TRIES {
        match ask().await {
            Err(status) if matches!(reason(&status).as_str(), "RATE_LIMITED" | "TOO_MANY_REQUESTS") => {
                let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
                tokio::time::sleep(wait.unwrap_or(Duration::from_secs(1))).await;
            }
            answer => return answer,
        }
    }
    ask().await
}

macro_rules! paged {
    ($($response:ident: $entries:ident: $entry:ident $(, $total:ident)?;)+) => {$(
        impl Paged for pb::$response {
            type Entry = pb::$entry;

            fn entries(&self) -> &[Self::Entry] {
                &self.$entries
            }

            fn entries_mut(&mut self) -> &mut Vec<Self::Entry> {
                &mut self.$entries
            }

            fn next(&self) -> &str {
                &self.next_page_token
            }

            fn set_next(&mut self, token: String) {
                self.next_page_token = token;
            }

            fn failures(&self) -> &[pb::NetworkFailure] {
                &self.failures
            }

            fn failures_mut(&mut self) -> &mut Vec<pb::NetworkFailure> {
                &mut self.failures
            }

            fn total(&self) -> u64 {
                0 $(+ self.$total)?
            }

            fn add_total(&mut self, more: u64) {
                let _ = more;
                $(self.$total += more;)?
            }
        }
    )+};
}

paged!(
    ListAddressesResponse: addresses: Address, total_count;
    ListAnswersResponse: answers: Answer;
    ListAuditEntriesResponse: entries: AuditEntry;
    ListBansResponse: bans: Ban, total_count;
    ListConfiguredPeersResponse: peers: ConfiguredPeer, total_count;
    ListDialsResponse: dials: DialAttempt;
    ListNetworksResponse: networks: Network, total_count;
    ListPeersResponse: peers: Peer, total_count;
    ListRefusalsResponse: sources: RefusalSource;
    ListSeedsResponse: seeds: Seed, total_count;
    ListSourcesResponse: sources: SourceGroup, total_count;
);

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of bans 0 to 9, three a page at most.
    async fn fetch(size: i32, token: String) -> Result<Response<pb::ListBansResponse>, Status> {
        let from: i32 = if token.is_empty() { 0 } else { token.parse().unwrap() };
        let to = (from + size.min(3)).min(10);
        let bans = (from..to).map(|n| pb::Ban { target: n.to_string(), ..Default::default() }).collect();
        let next_page_token = if to < 10 { to.to_string() } else { String::new() };
        let total_count = if token.is_empty() { 10 } else { 0 };
        Ok(Response::new(pb::ListBansResponse { bans, next_page_token, total_count, ..Default::default() }))
    }

    #[test]
    fn a_limit_that_is_none_is_told_what_one_is() {
        assert_eq!(limit("7"), Ok(7));
        for text in ["x", "", "-1", "1.5", "99999999999999999999999"] {
            assert!(limit(text).unwrap_err().contains("write a whole number"), "{text}");
        }
    }

    #[tokio::test]
    async fn pages_become_one_list_up_to_the_limit() {
        for (limit, expected) in [(1, 1), (3, 3), (7, 7), (10, 10), (100, 10)] {
            let all = collect(limit, fetch).await.unwrap();
            let targets: Vec<String> = all.answer.bans.iter().map(|ban| ban.target.clone()).collect();
            assert_eq!(targets, (0..expected).map(|n| n.to_string()).collect::<Vec<_>>());
            assert_eq!((all.more, all.answer.total_count), (limit < 10, 10), "{limit}");
        }
        let all = collect(7, fetch).await.unwrap();
        assert_eq!(all.count("bans"), "7 of 10 bans shown; --limit shows more");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_too_fast_asks_again() {
        use tonic_types::ErrorDetails;
        let mut left = 3;
        let answer = patiently(|| {
            left -= 1;
            let mut details = ErrorDetails::with_retry_info(Some(Duration::from_secs(1)));
            details.set_error_info("RATE_LIMITED", "pexd", std::collections::HashMap::new());
            let status = Status::with_error_details(tonic::Code::ResourceExhausted, "slowly", details);
            let answer = if left > 0 { Err(status) } else { Ok(left) };
            async move { answer }
        });
        assert_eq!(answer.await.unwrap(), 0);
    }
}
