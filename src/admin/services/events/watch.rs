//! The stream itself.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use super::convert;
use super::filter::Filter;
use super::limits::{EventStreamLimits, StreamPermit};
use crate::admin::auth::caller::Caller;
use crate::admin::reply::status_codes;
use crate::admin::reply::status_codes::invalid;
use crate::admin::request::network_scope::Scope;
use crate::admin::services::audit::visibility::may_see;
use crate::network::events::{Begin, Cursor, Reader, What};
use crate::network::{Directory, Error, Handle};
use crate::proto::pexd::v1::{EventCursor, WatchEventsRequest, WatchEventsResponse};

/// What the method answers with.
pub(in crate::admin) type EventStream =
    Pin<Box<dyn Stream<Item = Result<WatchEventsResponse, Status>> + Send + 'static>>;

/// Events that are drawn from a network at a time.
const BATCH: usize = 32;
/// Cursors in a request at most.
const MAX_CURSORS: usize = 4_096;
/// Bytes of a cursor's texts at most.
const MAX_TEXT: usize = 128;
/// How soon a network that was added is watched, too.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// Begins a stream.
///
/// # Errors
/// What is wrong with the request, or RESOURCE_EXHAUSTED when there are as many streams as may be.
pub(in crate::admin) fn watch(
    directory: &Directory,
    watches: &EventStreamLimits,
    request: Request<WatchEventsRequest>,
) -> Result<EventStream, Status> {
    let caller = Caller::of(&request);
    let request = request.into_inner();
    let scope = Scope::of(directory, &caller, &request.network)?;
    let filter = Filter::read(request.filter)?;
    let after = cursors(request.after)?;
    let begin = if request.from_oldest { Begin::Oldest } else { Begin::Now };
    let place = watches.enter(&caller)?;
    let mut watch = Watch {
        around: scope.is_all().then(|| directory.clone()),
        caller,
        filter,
        after,
        sources: Vec::new(),
        turn: 0,
        bell: Arc::default(),
        ready: VecDeque::new(),
        over: false,
        ending: watches.ending.clone(),
        _permit: place,
    };
    scope.handles().iter().for_each(|network| watch.add(network, &begin));
    Ok(Box::pin(stream::unfold(watch, |mut watch| async move {
        let update = watch.next().await?;
        Some((update, watch))
    })))
}

/// Where a request says to go on, by network.
fn cursors(after: Vec<EventCursor>) -> Result<BTreeMap<String, Cursor>, Status> {
    if after.len() > MAX_CURSORS {
        return Err(invalid("after", format!("more than {MAX_CURSORS} cursors: one for each network is enough")));
    }
    let mut cursors = BTreeMap::new();
    for cursor in after {
        if cursor.network.is_empty() || cursor.network.len() > MAX_TEXT || cursor.epoch.len() > MAX_TEXT {
            return Err(invalid(
                "after",
                "a cursor is not as WatchEvents gave it: pass the last `cursor` of each network",
            ));
        }
        let place = Cursor { epoch: cursor.epoch.into(), number: cursor.number };
        if cursors.insert(cursor.network, place).is_some() {
            return Err(invalid("after", "two cursors are of one network: pass the later one alone"));
        }
    }
    Ok(cursors)
}

/// A network that is watched.
struct NetworkEvents {
    network: Handle,
    reader: Reader,
    /// Whether it was said that all that was kept has been sent.
    caught_up: bool,
    ended: bool,
}

struct Watch {
    /// Where networks that are added later are looked for, when all are watched.
    around: Option<Directory>,
    caller: Caller,
    filter: Filter,
    /// Where networks are gone on with that are not watched now: those that were removed may come back.
    after: BTreeMap<String, Cursor>,
    sources: Vec<NetworkEvents>,
    /// Which of them is drawn from next.
    turn: usize,
    bell: Arc<Notify>,
    /// What was drawn and not sent yet.
    ready: VecDeque<WatchEventsResponse>,
    /// Whether the stream's end was sent.
    over: bool,
    ending: CancellationToken,
    _permit: StreamPermit,
}

impl Watch {
    /// The next update; `None` behind the end.
    async fn next(&mut self) -> Option<Result<WatchEventsResponse, Status>> {
        if self.over {
            return None;
        }
        loop {
            if let Some(status) = self.end() {
                self.over = true;
                return Some(Err(status));
            }
            if let Some(update) = self.ready.pop_front() {
                return Some(Ok(update));
            }
            if self.draw() {
                // The filter may hold back thousands, one batch after the other.
                tokio::task::yield_now().await;
            } else if self.end().is_none() {
                self.wait().await;
            }
        }
    }

    /// Why the stream ends, when it does.
    fn end(&self) -> Option<Status> {
        if self.ending.is_cancelled() {
            Some(status_codes::ending())
        } else if self.around.is_none() && self.ready.is_empty() {
            let gone = self.sources.iter().find(|source| source.ended)?;
            Some(status_codes::of(&Error::Gone(gone.network.chain_id().clone())))
        } else {
            None
        }
    }

    /// Waits until there may be more, or it is time to look around.
    async fn wait(&mut self) {
        let look_around = async {
            match self.around {
                Some(_) => tokio::time::sleep(LOOK_AROUND).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.ending.cancelled() => {}
            () = self.bell.notified() => {}
            () = look_around => self.look_around(),
        }
    }

    /// Draws from one network after the other until one has something; whether there may be more.
    fn draw(&mut self) -> bool {
        for _ in 0..self.sources.len() {
            self.turn = (self.turn + 1) % self.sources.len();
            let source = &mut self.sources[self.turn];
            let name = source.network.chain_id();
            let pulled = source.reader.pull(BATCH);
            self.ready.extend(pulled.missed.iter().map(|missed| convert::missed(name, missed)));
            let wanted = pulled.entries.iter().filter(|entry| self.filter.admits(&entry.what));
            let wanted = wanted.filter(|entry| match &entry.what {
                What::Changed(change) => may_see(&self.caller, name, change.method, &change.summary),
                _ => true,
            });
            let converted = wanted.map(|entry| convert::event(name, entry));
            self.ready.extend(converted.filter(|(kind, _)| self.filter.admits_kind(*kind)).map(|(_, update)| update));
            if pulled.caught_up && !std::mem::replace(&mut source.caught_up, true) {
                self.ready.push_back(convert::caught_up(name, &pulled.cursor));
            }
            source.ended = pulled.ended && pulled.caught_up;
            if !self.ready.is_empty() || !pulled.caught_up {
                return true;
            }
        }
        false
    }

    /// Lets go of networks that have ended and takes up those that are new.
    fn look_around(&mut self) {
        let Some(directory) = &self.around else { return };
        let (ended, sources): (Vec<_>, _) =
            std::mem::take(&mut self.sources).into_iter().partition(|source| source.ended);
        self.sources = sources;
        let room = MAX_CURSORS.saturating_sub(self.after.len());
        for mut source in ended.into_iter().take(room) {
            let cursor = source.reader.pull(0).cursor;
            self.after.insert(source.network.chain_id().to_string(), cursor);
        }
        let networks = directory.all(|chain_id| self.caller.may_see(chain_id));
        for network in networks {
            if !self.sources.iter().any(|source| source.network.is_same(&network)) {
                // What happened in it since it was added is new to the reader.
                self.add(&network, &Begin::Oldest);
            }
        }
    }

    fn add(&mut self, network: &Handle, begin: &Begin) {
        let begin = self.after.remove(&**network.chain_id()).map_or_else(|| begin.clone(), Begin::After);
        let reader = network.events().reader(&begin, self.bell.clone());
        self.sources.push(NetworkEvents { network: network.clone(), reader, caught_up: false, ended: false });
    }
}
