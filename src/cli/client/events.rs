//! `pexd events`: what happens, as it happens, one line an event.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_stream::StreamExt as _;

use super::connect::{Connect, MAX_ANSWER};
use super::{Session, refused};
use crate::cli::Failure;
use crate::cli::humanize::{instant, why_unsaved, word};
use crate::proto::pexd::v1::event::Detail;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::watch_events_response::Update;
use crate::proto::pexd::v1::{Event, EventCursor, EventFilter, EventKind, WatchEventsRequest, WatchEventsResponse};
use crate::types::counted;

/// Between two attempts to reach a pexd that went away.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only of these kinds, comma-separated: peer_up, peer_down, refused, dial, learned, address, banned, ...
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<EventKind>,
    /// Only about this node ID
    #[arg(long, default_value = "")]
    id: String,
    /// Only about this IP or range
    #[arg(long, value_name = "CIDR", default_value = "")]
    ip: String,
    /// Begin with the oldest event that is kept
    #[arg(long)]
    from_oldest: bool,
    /// Go on where the last reader with this file left off, and keep the place in it
    #[arg(long, value_name = "FILE")]
    cursor_file: Option<PathBuf>,
    /// Go on when pexd goes away: wait until it is back
    #[arg(long)]
    follow: bool,
}

fn kind(text: &str) -> Result<EventKind, String> {
    let name = format!("EVENT_KIND_{}", text.to_ascii_uppercase());
    let known = EventKind::from_str_name(&name).filter(|kind| *kind != EventKind::Unspecified);
    known.ok_or_else(|| {
        let all = (1..).map_while(|n| EventKind::try_from(n).ok());
        let names: Vec<String> = all.map(|kind| word(kind.as_str_name(), "EVENT_KIND_").replace(' ', "_")).collect();
        format!("{text:?} is no kind of event; there are: {}", names.join(", "))
    })
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    let mut cursors = args.cursor_file.as_deref().map(read_cursors).transpose()?.unwrap_or_default();
    loop {
        let ended = watch(session, &session.connect, &args, &mut cursors).await;
        match ended {
            Err(Failure::Unreachable(text)) if args.follow => {
                eprintln!("{text}; waiting for it");
                tokio::time::sleep(AGAIN).await;
            }
            Ok(()) if args.follow => tokio::time::sleep(AGAIN).await,
            ended => return ended,
        }
    }
}

async fn watch(
    session: &Session,
    connect: &Connect,
    args: &Args,
    cursors: &mut BTreeMap<String, EventCursor>,
) -> Result<(), Failure> {
    let mut client = ReactorServiceClient::new(connect.endless().await?).max_decoding_message_size(MAX_ANSWER);
    let request = WatchEventsRequest {
        network: session.network_or_all(),
        filter: Some(EventFilter {
            kinds: args.kinds.iter().map(|kind| (*kind).into()).collect(),
            id: args.id.clone(),
            ip_range: args.ip.clone(),
        }),
        after: cursors.values().cloned().collect(),
        from_oldest: args.from_oldest,
    };
    let mut stream = client.watch_events(request).await.map_err(refused)?.into_inner();
    while let Some(update) = stream.next().await {
        let update = update.map_err(refused)?;
        session.output.show_line(&update, line)?;
        if let Some(cursor) = cursor(&update) {
            cursors.insert(cursor.network.clone(), cursor.clone());
            if let Some(file) = &args.cursor_file {
                write_cursors(file, cursors)?;
            }
        }
    }
    Ok(())
}

fn cursor(update: &WatchEventsResponse) -> Option<&EventCursor> {
    match update.update.as_ref()? {
        Update::Event(event) => event.cursor.as_ref(),
        Update::Missed(missed) => missed.cursor.as_ref(),
        Update::CaughtUp(caught_up) => caught_up.cursor.as_ref(),
    }
}

fn line(update: &WatchEventsResponse) -> String {
    match &update.update {
        Some(Update::Event(event)) => event_line(event),
        Some(Update::Missed(missed)) if missed.exact => {
            format!("-- {}: {} missed\n", missed.network, counted(missed.count, "event"))
        }
        Some(Update::Missed(missed)) if missed.count > 0 => {
            format!(
                "-- {}: at most {} missed, pexd crashed meanwhile\n",
                missed.network,
                counted(missed.count, "event")
            )
        }
        Some(Update::Missed(missed)) => {
            format!("-- {}: another book, or another count of events: read anew\n", missed.network)
        }
        Some(Update::CaughtUp(_)) | None => String::new(),
    }
}

fn event_line(event: &Event) -> String {
    let network = event.cursor.as_ref().map_or("", |cursor| cursor.network.as_str());
    let kind = word(event.kind().as_str_name(), "EVENT_KIND_");
    format!(
        "{} {network} {kind}: {}\n",
        instant(event.time.as_ref()),
        event.detail.as_ref().map(detail).unwrap_or_default()
    )
}

fn detail(detail: &Detail) -> String {
    match detail {
        Detail::Reactor(e) => format!("{} {}", word(e.transition().as_str_name(), "REACTOR_TRANSITION_"), e.reason),
        Detail::PeerUp(e) => {
            let way = if e.inbound { "inbound".to_owned() } else { word(e.purpose().as_str_name(), "DIAL_PURPOSE_") };
            format!("{} at {}, {way}", e.id, e.remote_address)
        }
        Detail::PeerDown(e) => format!("{} at {}: {}", e.id, e.remote_address, e.detail),
        Detail::Refused(e) => format!("{} from {}: {}", e.id, e.ip, e.detail),
        Detail::Dial(e) => {
            let what = if e.fault.is_empty() { "reached" } else { &e.detail };
            format!("{} ({}): {what}", e.address, word(e.purpose().as_str_name(), "DIAL_PURPOSE_"))
        }
        Detail::Learned(e) => format!("{} from {}", e.address, e.source_id),
        Detail::Address(e) => format!("{} {}", e.address, word(e.transition().as_str_name(), "ADDRESS_TRANSITION_")),
        Detail::Answered(e) => {
            format!("{} with {}, {} new", e.id, counted(e.address_count, "address"), e.learned_count)
        }
        Detail::Served(e) => format!("{} with {}", e.id, counted(e.address_count, "address")),
        Detail::Banned(e) => format!("{}: {}", e.target, e.reason),
        Detail::Unbanned(e) => e.target.clone(),
        Detail::Seed(e) => format!("{}: {}", e.seed, if e.fault.is_empty() { "reached" } else { &e.detail }),
        Detail::CrawlRound(e) => format!("{} wait, {} servable", e.backlog_count, e.servable_count),
        Detail::Outage(e) => if e.active { "began" } else { "ended" }.to_owned(),
        Detail::Store(e) if e.unsaved_reason.is_empty() => "saved again".to_owned(),
        Detail::Store(e) => format!("not saved: {}", why_unsaved(&e.unsaved_reason)),
        Detail::Changed(e) => format!("{} by {}: {}", e.method, e.author, e.summary),
    }
}

/// One line a network: chain ID, epoch, number.
fn read_cursors(file: &Path) -> Result<BTreeMap<String, EventCursor>, Failure> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(Failure::InvalidInput(format!("{}: {error}", file.display()))),
    };
    let read = |line: &str| {
        let mut words = line.split(' ');
        let (network, epoch, number) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
        Some((network.to_owned(), EventCursor { network: network.to_owned(), epoch: epoch.to_owned(), number }))
    };
    let cursors = text.lines().map(|line| read(line).ok_or(line));
    cursors.collect::<Result<_, _>>().map_err(|line| {
        Failure::InvalidInput(format!(
            "{}: {line:?} is no position in the events: remove the file to begin anew",
            file.display()
        ))
    })
}

/// Written whole, so that a reader that is killed finds the last position or the one before.
fn write_cursors(file: &Path, cursors: &BTreeMap<String, EventCursor>) -> Result<(), Failure> {
    let text: String = cursors.values().map(|c| format!("{} {} {}\n", c.network, c.epoch, c.number)).collect();
    let unfinished = file.with_extension("new");
    std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, file)).map_err(Failure::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_names() {
        assert_eq!(kind("peer_up"), Ok(EventKind::PeerUp));
        let error = kind("peers").unwrap_err();
        assert!(error.contains("peer_down") && error.contains("changed"), "{error}");
        assert!(kind("unspecified").is_err());
    }

    #[test]
    fn a_place_is_kept_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cursor");
        assert_eq!(read_cursors(&file).unwrap(), BTreeMap::new());
        let cursor = EventCursor { network: "a".into(), epoch: "e".into(), number: 7 };
        let cursors = BTreeMap::from([("a".to_owned(), cursor)]);
        write_cursors(&file, &cursors).unwrap();
        assert_eq!(read_cursors(&file).unwrap(), cursors);
        std::fs::write(&file, "nonsense").unwrap();
        assert!(read_cursors(&file).is_err());
    }
}
