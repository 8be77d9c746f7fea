//! Inserting addresses into the book for an operator, with a report of the result for each.

use tonic::Status;

use crate::admin::reply::status_codes;
use crate::admin::untrusted_text;
use crate::book::{Added, Source};
use crate::network::{Applied, ChangeAuthor, Error, Handle, MAX_PAGE};
use crate::proto::pexd::v1::RefusedAddress;
use crate::types::{NetAddress, counted};

/// Refused addresses that are listed with their reasons; the others are counted.
const MAX_TOLD: usize = 1_000;

/// The report of a refused address.
pub(in crate::admin) fn refused(text: &str, reason: impl ToString) -> RefusedAddress {
    RefusedAddress { address: untrusted_text::printable(text), reason: reason.to_string() }
}

/// An address with its source (`None` = we ourselves), or what was given instead of one.
pub(in crate::admin) type Given = Result<(NetAddress, Option<Source>), RefusedAddress>;

/// The report of an insertion of addresses.
#[derive(Debug, Default)]
pub(in crate::admin) struct InsertReport {
    /// Of those that the book had not, those that are in it at the end.
    pub(in crate::admin) added: u32,
    /// Of those that the book had not, those that made room for others of them at once.
    pub(in crate::admin) displaced: u32,
    pub(in crate::admin) known: u32,
    pub(in crate::admin) refused_count: u32,
    /// The first of them, in the order in which they were given: at most [`MAX_TOLD`].
    pub(in crate::admin) refused: Vec<RefusedAddress>,
}

/// Puts addresses into a network's book, and commits them. It goes on to its end when the caller goes away, so that what
/// entered is in the audit. `summary` reports the count of those that were added.
///
/// # Errors
/// What the network answered.
pub(in crate::admin) async fn take_in(
    network: Handle,
    by: ChangeAuthor,
    given: Vec<Given>,
    summary: fn(u32) -> String,
) -> Result<(InsertReport, Applied), Status> {
    let work = tokio::spawn(async move {
        let intake = InsertReport::of(&network, given).await?;
        let mut summary = summary(intake.added);
        if intake.displaced > 0 {
            summary.push_str(&format!(
                "; {} evicted at once: the book, or their source's part of it, is full",
                counted(intake.displaced, "more address")
            ));
        }
        let applied = network.commit_addresses(by, intake.added + intake.displaced > 0, summary).await?;
        Ok((intake, applied))
    });
    work.await.map_err(|_| status_codes::internal())?.map_err(|error: Error| status_codes::of(&error))
}

impl InsertReport {
    async fn of(network: &Handle, given: Vec<Given>) -> Result<Self, Error> {
        let valid: Vec<_> = given.iter().filter_map(|given| given.as_ref().ok()).copied().collect();
        let entered = network.enter_addresses(&valid).await?;
        let (mut intake, mut entered) = (InsertReport::default(), entered.into_iter());
        let mut new = Vec::new();
        for given in given {
            match given.map(|(address, _)| (address, entered.next())) {
                Ok((address, Some(Ok(Added::New | Added::AnotherAddress)))) => new.push(address),
                Ok((_, Some(Ok(Added::Unchanged)))) => intake.known += 1,
                Ok((address, Some(Err(reason)))) => intake.refuse(refused(&address.to_string(), reason)),
                Ok((_, None)) => {}
                Err(refused) => intake.refuse(refused),
            }
        }
        // One that was evicted and given again is there twice.
        new.sort_unstable();
        new.dedup();
        let kept = kept(network, &new).await?;
        (intake.added, intake.displaced) = (count(kept), count(new.len().saturating_sub(kept)));
        Ok(intake)
    }

    fn refuse(&mut self, refused: RefusedAddress) {
        self.refused_count += 1;
        if self.refused.len() < MAX_TOLD {
            self.refused.push(refused);
        }
    }
}

/// How many of these the book has.
async fn kept(network: &Handle, addresses: &[NetAddress]) -> Result<usize, Error> {
    let mut kept = 0;
    for part in addresses.chunks(MAX_PAGE) {
        kept += network.addresses_at(part.to_vec()).await?.len();
    }
    Ok(kept)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
