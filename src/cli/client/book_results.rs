//! What the commands of the book have in common: the client, and the words for what was refused.

use super::Session;
use super::connect::{MAX_ANSWER, Service};
use crate::cli::Failure;
use crate::proto::pexd::v1::RefusedAddress;
use crate::proto::pexd::v1::address_book_service_client::AddressBookServiceClient;
use crate::types::counted;

pub(super) async fn client(session: &Session) -> Result<AddressBookServiceClient<Service>, Failure> {
    Ok(AddressBookServiceClient::new(session.connect.service().await?).max_decoding_message_size(MAX_ANSWER))
}

/// Of addresses that are not in the book although it took them, when there are any.
pub(super) fn displaced(count: u32) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(", {count} were evicted at once (the book, or their source's part of it, is full)")
    }
}

pub(super) fn refusals(refused: &[RefusedAddress]) -> String {
    refused.iter().map(|one| format!("refused {}: {}\n", one.address, one.reason)).collect()
}

pub(super) fn some_refused(count: usize) -> Result<(), Failure> {
    let were = if count == 1 { "was" } else { "were" };
    if count == 0 { Ok(()) } else { Err(Failure::Failed(format!("{} {were} refused", counted(count, "address")))) }
}
