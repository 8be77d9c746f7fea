//! Files with addresses over the API: importing and exporting a book.

use std::io::{self, BufReader, Read};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::insert::{Given, refused, take_in};
use crate::admin::auth::caller::Caller;
use crate::admin::reply::status_codes::invalid;
use crate::admin::reply::{conversions, status_codes};
use crate::admin::request::network_scope;
use crate::clock::entropy;
use crate::exchange::{self, Format, Item, ReadError, Writer};
use crate::network::{Directory, Handle, MAX_PAGE};
use crate::proto::pexd::v1::{
    BookFormat, ExportAddressesRequest, ExportAddressesResponse, ImportAddressesRequest, ImportAddressesResponse,
};
use crate::types::{NetAddress, counted};

/// Bytes of a part at most, in both directions.
const MAX_PART: usize = 32 * 1024;
/// Bytes of a file to import at most.
const MAX_FILE: usize = 64 * 1024 * 1024;
/// Parts that wait for the reader, or for a client.
const PARTS: usize = 4;
/// Refused addresses that are listed with their reasons.
const MAX_TOLD: usize = 100;
/// How long a client may take for a part of an exported file.
const PATIENCE: Duration = Duration::from_secs(30);

/// Imports at once in the process; each may hold some 20 MB.
static IMPORTS: Semaphore = Semaphore::const_new(2);

/// Takes in a file, whole or not at all: it is read to its end before the first address enters the book.
pub(in crate::admin) async fn import(
    directory: &Directory,
    caller: &Caller,
    mut parts: Streaming<ImportAddressesRequest>,
) -> Result<ImportAddressesResponse, Status> {
    let nothing = || invalid("data", "the stream is empty: send the file, in parts of at most 32 KiB");
    let first = parts.message().await?.ok_or_else(nothing)?;
    let network = network_scope::one(directory, caller, &first.network)?;
    let format = format(first.format)?;
    let _place = IMPORTS
        .try_acquire()
        .map_err(|_| status_codes::busy("two imports are under way: try again when one has ended"))?;
    let (sender, receiver) = mpsc::channel(PARTS);
    let reading = read(receiver, format);
    feed(first, &mut parts, sender).await?;
    let given = reading.await.map_err(|_| status_codes::internal())?;
    let given = given.map_err(|error| invalid("data", format!("{error}; nothing was changed")))?;

    let (chain_id, by) = (network.chain_id().clone(), caller.by("AddressBookService.ImportAddresses"));
    let summary = |added| format!("imported {} into the book", counted(added, "address"));
    let (mut intake, applied) = take_in(network, by, given, summary).await?;
    intake.refused.truncate(MAX_TOLD);
    Ok(ImportAddressesResponse {
        result: Some(conversions::change(&chain_id, applied)),
        added_count: intake.added,
        known_count: intake.known,
        evicted_count: intake.displaced,
        refused_count: intake.refused_count,
        refused: intake.refused,
    })
}

fn format(format: i32) -> Result<Option<Format>, Status> {
    match BookFormat::try_from(format) {
        Ok(BookFormat::Unspecified) => Ok(None),
        Ok(BookFormat::AddrbookJson) => Ok(Some(Format::AddrBook)),
        Ok(BookFormat::List) => Ok(Some(Format::List)),
        Err(_) => Err(invalid("format", "it is none of BookFormat: leave it out, or look the values up")),
    }
}

/// Hands the parts to the reader, until the file ends or the reader has seen enough.
async fn feed(
    first: ImportAddressesRequest,
    parts: &mut Streaming<ImportAddressesRequest>,
    sender: mpsc::Sender<Vec<u8>>,
) -> Result<(), Status> {
    let (mut part, mut size) = (Some(first), 0);
    while let Some(ImportAddressesRequest { data, .. }) = part {
        if data.len() > MAX_PART {
            return Err(invalid(
                "data",
                format!("a part of {}: send at most {MAX_PART} at a time", counted(data.len(), "byte")),
            ));
        }
        size += data.len();
        if size > MAX_FILE {
            return Err(invalid("data", "the file has more than 64 MiB: split it; nothing was changed"));
        }
        if sender.send(data).await.is_err() {
            break;
        }
        part = parts.message().await?;
    }
    Ok(())
}

/// Reads the parts as one file on a thread of its own.
fn read(parts: mpsc::Receiver<Vec<u8>>, format: Option<Format>) -> JoinHandle<Result<Vec<Given>, ReadError>> {
    spawn_blocking(move || {
        let mut given = Vec::new();
        let file = BufReader::new(PartsReader { parts, part: Vec::new(), at: 0 });
        exchange::read(file, format, |item| {
            given.push(match item {
                Item::Address(address, source) => Ok((address, source)),
                Item::Rejected { text, reason } => Err(refused(&text, reason)),
            });
        })?;
        Ok(given)
    })
}

/// Parts as they come, as one file.
struct PartsReader {
    parts: mpsc::Receiver<Vec<u8>>,
    part: Vec<u8>,
    at: usize,
}

impl Read for PartsReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() {
            let Some(part) = self.parts.blocking_recv() else { return Ok(0) };
            (self.part, self.at) = (part, 0);
        }
        let count = buffer.len().min(self.part.len() - self.at);
        buffer[..count].copy_from_slice(&self.part[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Writes the book page by page, as fast as the client takes it.
pub(in crate::admin) fn export(
    directory: &Directory,
    caller: &Caller,
    request: &ExportAddressesRequest,
) -> Result<ReceiverStream<Result<ExportAddressesResponse, Status>>, Status> {
    let network = network_scope::one(directory, caller, &request.network)?;
    let format = format(request.format)?.unwrap_or(Format::AddrBook);
    let (sender, receiver) = mpsc::channel(PARTS);
    let servable_only = request.servable_only;
    tokio::spawn(async move {
        if let Err(status) = write(&network, format, servable_only, &sender).await {
            // Who has gone away misses nothing.
            let _ = tokio::time::timeout(PATIENCE, sender.send(Err(status))).await;
        }
    });
    Ok(ReceiverStream::new(receiver))
}

type Sender = mpsc::Sender<Result<ExportAddressesResponse, Status>>;

async fn write(network: &Handle, format: Format, servable_only: bool, sender: &Sender) -> Result<(), Status> {
    let mut writer = Writer::new(format);
    let key = entropy().first_chunk().copied().unwrap_or_default();
    let (mut text, mut after): (String, Option<NetAddress>) = (writer.begin(key), None);
    loop {
        let page = network.addresses(after, MAX_PAGE).await.map_err(|error| status_codes::of(&error))?;
        after = page.entries.last().map(|view| view.record.address);
        let wanted = page.entries.into_iter().filter(|view| view.servable || !servable_only);
        writer.records(wanted.map(|view| view.record), &mut text);
        send(&mut text, sender).await?;
        if !page.more || after.is_none() {
            break;
        }
    }
    writer.end(&mut text);
    send(&mut text, sender).await
}

/// Sends a text in parts, and empties it.
async fn send(text: &mut String, sender: &Sender) -> Result<(), Status> {
    for data in std::mem::take(text).as_bytes().chunks(MAX_PART) {
        let part = Ok(ExportAddressesResponse { data: data.to_vec() });
        let sent = tokio::time::timeout(PATIENCE, sender.send(part)).await;
        sent.ok().and_then(Result::ok).ok_or_else(status_codes::timed_out)?;
    }
    Ok(())
}
