//! `pexd book import` and `export`: the address book as a file.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::PathBuf;

use clap::ValueEnum;
use tokio_stream::StreamExt as _;

use super::book_results::{client, displaced, refusals, some_refused};
use super::{Session, per_network, refused};
use crate::cli::{Failure, output};
use crate::proto::pexd::v1::{BookFormat, ExportAddressesRequest, ImportAddressesRequest, ImportAddressesResponse};

/// Bytes of a part of an imported file.
const PART: usize = 32 * 1024;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Form {
    /// A node's addrbook.json
    Json,
    /// One id@ip:port a line
    List,
}

pub(super) async fn import(session: &Session, file: PathBuf) -> Result<(), Failure> {
    let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    let cannot = |error: io::Error| Failure::InvalidInput(format!("{name}: {error}"));
    let mut input: Box<dyn Read + Send> =
        if file.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(File::open(&file).map_err(cannot)?) };
    let network = session.network();
    let (sender, parts) = tokio::sync::mpsc::channel(4);
    let reading = tokio::task::spawn_blocking(move || {
        let mut network = Some(network);
        loop {
            let mut data = vec![0; PART];
            let got = read_part(&mut input, &mut data)?;
            data.truncate(got);
            let first = network.is_some();
            let part =
                ImportAddressesRequest { network: network.take().unwrap_or_default(), data, ..Default::default() };
            if (got == 0 && !first) || sender.blocking_send(part).is_err() || got < PART {
                return Ok(());
            }
        }
    });
    let stream = tokio_stream::wrappers::ReceiverStream::new(parts);
    let answer = client(session).await?.import_addresses(stream).await;
    reading.await.map_err(Failure::failed)?.map_err(cannot)?;
    let answer = answer.map_err(|status| of_file(&name, refused(status)))?.into_inner();
    session.output.show(&answer, |answer: &ImportAddressesResponse| {
        let (added, known, refused) = (answer.added_count, answer.known_count, answer.refused_count);
        let gave_way = displaced(answer.evicted_count);
        format!("{added} added, {known} known already, {refused} refused{gave_way}\n{}", refusals(&answer.refused))
    })?;
    per_network::settle(&answer.result, &[])?;
    if answer.added_count + answer.known_count + answer.refused_count + answer.evicted_count == 0 {
        return Err(Failure::Failed(format!("{name}: there is no address in it")));
    }
    some_refused(answer.refused_count as usize)
}

/// What the API says of a file's content, which it calls `data`, by the file's name.
fn of_file(name: &str, failure: Failure) -> Failure {
    match failure {
        Failure::InvalidInput(text) => {
            Failure::InvalidInput(text.strip_prefix("data: ").map_or(text.clone(), |what| format!("{name}: {what}")))
        }
        other => other,
    }
}

fn read_part(input: &mut impl Read, part: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < part.len() {
        match input.read(&mut part[got..])? {
            0 => break,
            more => got += more,
        }
    }
    Ok(got)
}

pub(super) async fn export(
    session: &Session,
    form: Form,
    servable_only: bool,
    file: Option<PathBuf>,
) -> Result<(), Failure> {
    let format = match form {
        Form::Json => BookFormat::AddrbookJson,
        Form::List => BookFormat::List,
    };
    let request = ExportAddressesRequest { network: session.network(), format: format.into(), servable_only };
    let mut stream = client(session).await?.export_addresses(request).await.map_err(refused)?.into_inner();
    let create = |file: PathBuf| {
        File::create(&file).map_err(|error| Failure::InvalidInput(format!("{}: {error}", file.display())))
    };
    let mut file = file.map(create).transpose()?;
    while let Some(part) = stream.next().await {
        let data = part.map_err(refused)?.data;
        match &mut file {
            Some(file) => file.write_all(&data).map_err(Failure::failed)?,
            None => output::say_bytes(&data)?,
        }
    }
    Ok(())
}
