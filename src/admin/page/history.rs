//! Pages of what was written down, the latest first: in each network, and in the process, numbers that only grow, of which the
//! oldest are forgotten, and over several of them by time.
//!
//! A token holds a number for each network. What comes between two pages has a higher number and is not looked at, so no
//! entry comes twice and none that is still kept is left out, however the clock was set. A network looks at a bounded
//! number of rows at a time; when that is not enough to say whose entry is the latest, the page is short, and its token
//! goes on.

use std::cmp::Reverse;
use std::collections::VecDeque;

use futures_util::future::join_all;
use tonic::{Code, Status};

use super::history_cursor::Numbers;
use super::token::Query;
use super::{Page, fail, fail_process, read_size};
use crate::admin::request::network_scope::Scope;
use crate::network::{Error, Handle, HistoryError, HistoryPage, HistoryRange};
use crate::types::Wall;

/// Entries that one of many networks is asked for at a time: most of a page is of few of them.
const SHARE: usize = 128;

/// Something that is written down, with the filter of one request.
pub(in crate::admin) trait Log: Sync {
    /// Its name in tokens: a token of one list is none of another.
    const KIND: &'static str;
    /// An entry as the network reports it.
    type Entry: Send;
    /// An entry as it is shown.
    type Item: Send;

    /// The filter in any form in which two that differ are not the same.
    fn query(&self) -> Vec<u8>;

    /// Whether the process writes such entries of its own, beside its networks.
    const OF_PROCESS: bool = false;

    /// A part of the process's entries that the filter lets through.
    fn read_process(
        &self,
        _portion: HistoryRange,
    ) -> impl Future<Output = Result<HistoryPage<Self::Entry>, HistoryError>> + Send {
        std::future::ready(Ok(HistoryPage { entries: Vec::new(), next: None }))
    }

    /// A part of one network's entries that the filter lets through.
    fn read(
        &self,
        network: &Handle,
        portion: HistoryRange,
    ) -> impl Future<Output = Result<HistoryPage<Self::Entry>, Error>> + Send;

    /// An entry's number, and when it was written.
    fn place(&self, entry: &Self::Entry) -> (u64, Wall);

    /// Makes an entry presentable; `network` is the chain ID of the network that wrote it, empty for the process.
    fn show(&self, network: &str, entry: Self::Entry) -> Self::Item;
}

/// The page of `log` that a request asks for.
///
/// # Errors
/// INVALID_ARGUMENT for a negative size or a token that is not of this query, and what the one network answered.
pub(in crate::admin) async fn latest_first<L: Log>(
    log: &L,
    scope: &Scope,
    page_size: i32,
    page_token: &str,
) -> Result<Page<L::Item>, Status> {
    let size = read_size(page_size)?;
    let query = Query::new(L::KIND, scope.name(), &log.query());
    let begin = Numbers::read(page_token, query)?;
    let process = L::OF_PROCESS.then_some(Writer::Process);
    let writers = process.into_iter().chain(scope.handles().iter().map(Writer::Network));
    let streams = writers.filter_map(|writer| Stream::begin(writer, begin.as_ref()));
    let mut streams: Vec<Stream<'_, L::Entry>> = streams.collect();
    let mut page = Page { items: Vec::new(), next: String::new(), failures: Vec::new(), total: 0 };
    while page.items.len() < size {
        let max = (size - page.items.len()).min(SHARE.max(size / streams.len().max(1)));
        for (writer, error) in refill(log, &mut streams, max).await {
            match (writer, error) {
                (Writer::Network(network), ReadError::Network(error)) => {
                    fail(scope, network, &error, &mut page.failures)?;
                }
                (_, error) => fail_process(error.code(), &error, &mut page.failures),
            }
        }
        match take_latest(log, &mut streams) {
            Some((writer, entry)) => page.items.push(log.show(writer.name(), entry)),
            None => break,
        }
    }
    page.next = rest(log, &streams).write(query);
    Ok(page)
}

/// Who writes entries down.
#[derive(Clone, Copy)]
enum Writer<'a> {
    Process,
    Network(&'a Handle),
}

impl<'a> Writer<'a> {
    /// The chain ID; empty for the process, which no network can be called.
    fn name(self) -> &'a str {
        match self {
            Writer::Process => "",
            Writer::Network(network) => network.chain_id(),
        }
    }
}

/// Why entries could not be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Network(#[from] Error),
    #[error("the audit log of the process: {0}; the others are listed")]
    Process(#[from] HistoryError),
}

impl ReadError {
    /// The code for what the process could not read of its own.
    const fn code(&self) -> Code {
        match self {
            // It answers, and somebody has to see to the file.
            ReadError::Process(HistoryError::Unreadable(_)) => Code::FailedPrecondition,
            ReadError::Process(HistoryError::Stopped) | ReadError::Network(_) => Code::DeadlineExceeded,
        }
    }
}

/// What one of them has written down, while a page is made of it.
struct Stream<'a, T> {
    writer: Writer<'a>,
    /// What was read and not shown yet, the latest first.
    read: VecDeque<T>,
    /// Where reading goes on.
    next: Next,
}

/// Where reading goes on in a network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// At the latest entry.
    Latest,
    /// Below this number.
    Below(u64),
    /// Nowhere: there is no more.
    End,
}

impl<'a, T> Stream<'a, T> {
    /// `None` when the writer is not part of the walk any more.
    fn begin(writer: Writer<'a>, begin: Option<&Numbers>) -> Option<Self> {
        let next = match begin {
            None => Next::Latest,
            Some(numbers) => Next::Below(numbers.of(writer.name())?),
        };
        Some(Stream { writer, read: VecDeque::new(), next })
    }

    /// Whether nothing is at hand although there may be more.
    fn is_dry(&self) -> bool {
        self.read.is_empty() && self.next != Next::End
    }

    fn portion(&self, max: usize) -> HistoryRange {
        let before = match self.next {
            Next::Below(number) => Some(number),
            Next::Latest | Next::End => None,
        };
        HistoryRange { before, max }
    }

    fn take_in(&mut self, part: HistoryPage<T>) {
        self.read.extend(part.entries);
        self.next = part.next.map_or(Next::End, Next::Below);
    }
}

/// Reads on in the networks of which nothing is at hand, side by side. One that does not answer is left out from here on.
async fn refill<'a, L: Log>(log: &L, streams: &mut [Stream<'a, L::Entry>], max: usize) -> Vec<(Writer<'a>, ReadError)> {
    let dry: Vec<&mut Stream<'a, L::Entry>> = streams.iter_mut().filter(|stream| stream.is_dry()).collect();
    let parts = join_all(dry.iter().map(|stream| read(log, stream.writer, stream.portion(max)))).await;
    let mut failed = Vec::new();
    for (stream, part) in dry.into_iter().zip(parts) {
        match part {
            Ok(part) => stream.take_in(part),
            Err(error) => {
                stream.next = Next::End;
                failed.push((stream.writer, error));
            }
        }
    }
    failed
}

async fn read<L: Log>(log: &L, writer: Writer<'_>, portion: HistoryRange) -> Result<HistoryPage<L::Entry>, ReadError> {
    match writer {
        Writer::Network(network) => Ok(log.read(network, portion).await?),
        Writer::Process => Ok(log.read_process(portion).await?),
    }
}

/// The latest entry of all, of equals that of the process, then that of the lesser chain ID; `None` when there is none, or a network has not looked
/// far enough to tell.
fn take_latest<'a, L: Log>(log: &L, streams: &mut [Stream<'a, L::Entry>]) -> Option<(Writer<'a>, L::Entry)> {
    if streams.iter().any(Stream::is_dry) {
        return None;
    }
    let latest = |stream: &&mut Stream<'a, L::Entry>| Reverse(stream.read.front().map(|entry| log.place(entry).1));
    let stream = streams.iter_mut().filter(|stream| !stream.read.is_empty()).min_by_key(latest)?;
    Some((stream.writer, stream.read.pop_front()?))
}

/// Where the next page goes on.
fn rest<L: Log>(log: &L, streams: &[Stream<'_, L::Entry>]) -> Numbers {
    let mut rest = Numbers::default();
    for stream in streams {
        let below = match (stream.read.front(), stream.next) {
            (Some(entry), _) => log.place(entry).0.saturating_add(1),
            (None, Next::Below(number)) => number,
            (None, Next::Latest | Next::End) => continue,
        };
        rest.set(stream.writer.name(), below);
    }
    rest
}
