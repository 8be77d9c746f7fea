//! Lists that come in pages, as one answer.

use prost::Message;
use tonic::{Response, Status};

use super::refused;
use crate::cli::Failure;
use crate::proto::pexd::v1 as pb;

/// Entries of a page.
const PAGE: i32 = 1_000;

/// An answer that is a page of a list.
pub(super) trait Paged: Message + Default {
    /// Entries on this page.
    fn len(&self) -> usize;
    /// The next page's token.
    fn next(&self) -> &str;
    /// Takes the entries of the page that follows.
    fn append(&mut self, page: Self);
    /// Leaves out what is beyond so many entries.
    fn cut(&mut self, most: usize);
}

/// The entries of all pages, at most `limit` of them. `fetch` is told the size and the token of a page.
pub(super) async fn collect<P, F>(limit: usize, mut fetch: impl FnMut(i32, String) -> F) -> Result<P, Failure>
where
    P: Paged,
    F: Future<Output = Result<Response<P>, Status>>,
{
    let mut all: Option<P> = None;
    loop {
        let (have, token) = all.as_ref().map_or((0, String::new()), |all| (all.len(), all.next().to_owned()));
        let size = i32::try_from(limit - have).unwrap_or(PAGE).min(PAGE);
        let page = fetch(size, token).await.map_err(refused)?.into_inner();
        let all = match &mut all {
            None => all.insert(page),
            Some(all) => {
                all.append(page);
                all
            }
        };
        if all.next().is_empty() || all.len() >= limit {
            let mut all = std::mem::take(all);
            all.cut(limit);
            return Ok(all);
        }
    }
}

macro_rules! paged {
    ($($response:ty: $entries:ident),+ $(,)?) => {$(
        impl Paged for $response {
            fn len(&self) -> usize {
                self.$entries.len()
            }

            fn next(&self) -> &str {
                &self.next_page_token
            }

            fn append(&mut self, page: Self) {
                self.$entries.extend(page.$entries);
                self.next_page_token = page.next_page_token;
                for failure in page.failures {
                    if !self.failures.contains(&failure) {
                        self.failures.push(failure);
                    }
                }
            }

            fn cut(&mut self, most: usize) {
                self.$entries.truncate(most);
            }
        }
    )+};
}

paged!(
    pb::ListAddressesResponse: addresses,
    pb::ListAuditEntriesResponse: entries,
    pb::ListBansResponse: bans,
    pb::ListConfiguredPeersResponse: peers,
    pb::ListDialsResponse: dials,
    pb::ListNetworksResponse: networks,
    pb::ListPeersResponse: peers,
    pb::ListRefusalsResponse: sources,
    pb::ListSeedsResponse: seeds,
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
        Ok(Response::new(pb::ListBansResponse { bans, next_page_token, ..Default::default() }))
    }

    #[tokio::test]
    async fn pages_become_one_list_up_to_the_limit() {
        for (limit, expected) in [(1, 1), (3, 3), (7, 7), (10, 10), (100, 10)] {
            let all = collect(limit, fetch).await.unwrap();
            let targets: Vec<String> = all.bans.iter().map(|ban| ban.target.clone()).collect();
            assert_eq!(targets, (0..expected).map(|n| n.to_string()).collect::<Vec<_>>());
        }
    }
}
