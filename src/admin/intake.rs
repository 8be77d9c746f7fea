//! Addresses that an operator puts into the book, and what became of each.

use tonic::Status;

use super::{status, text};
use crate::book::Added;
use crate::network::{Applied, By, Error, Handle};
use crate::proto::pexd::v1::RefusedAddress;
use crate::types::NetAddress;

/// An address as it was given.
#[derive(Debug)]
pub(super) struct Given {
    /// The address, or why it is none.
    pub(super) address: Result<NetAddress, String>,
    /// How it was written.
    pub(super) text: String,
}

/// What became of addresses that were to enter a book.
#[derive(Debug, Default)]
pub(super) struct Intake {
    pub(super) added: u32,
    pub(super) known: u32,
    /// In the order in which they were given.
    pub(super) refused: Vec<RefusedAddress>,
}

/// Puts addresses into a network's book, and commits them. It goes on to its end when the caller goes away, so that what
/// entered is in the audit. `summary` tells of the count of those that were added.
///
/// # Errors
/// What the network answered.
pub(super) async fn take_in(
    network: Handle,
    by: By,
    given: Vec<Given>,
    summary: fn(u32) -> String,
) -> Result<(Intake, Applied), Status> {
    let work = tokio::spawn(async move {
        let intake = Intake::of(&network, given).await?;
        let applied = network.commit_addresses(by, intake.added > 0, summary(intake.added)).await?;
        Ok((intake, applied))
    });
    work.await.map_err(|_| status::internal())?.map_err(|error: Error| status::of(&error))
}

impl Intake {
    async fn of(network: &Handle, given: Vec<Given>) -> Result<Self, Error> {
        let valid = given.iter().filter_map(|given| given.address.as_ref().ok());
        let valid: Vec<_> = valid.map(|address| (*address, None)).collect();
        let entered = network.enter_addresses(&valid).await?;
        let (mut intake, mut entered) = (Intake::default(), entered.into_iter());
        for Given { address, text } in given {
            let reason = match address.map(|_| entered.next()) {
                Ok(Some(Ok(added))) => {
                    intake.count(added);
                    continue;
                }
                Ok(Some(Err(refused))) => refused.to_string(),
                Ok(None) => continue,
                Err(reason) => reason,
            };
            intake.refused.push(RefusedAddress { address: text::printable(&text), reason });
        }
        Ok(intake)
    }

    /// Counts one that is in the book now.
    fn count(&mut self, added: Added) {
        match added {
            Added::New | Added::AnotherAddress => self.added += 1,
            Added::AnotherBucket | Added::Unchanged => self.known += 1,
        }
    }
}
