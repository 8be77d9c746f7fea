//! The results of the book's operations.

use crate::types::{DialOutcome, all_variants};

/// What adding an address did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// The ID was unknown.
    New,
    /// The ID was known at other addresses only.
    AnotherAddress,
    /// Nothing: the address is known, or the ID is old or has its share of addresses, or the draw was against it.
    Unchanged,
}

all_variants! {
    /// Why an address was not added (docs/protocol/address-book.md, "What is refused").
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[repr(u8)]
    pub enum Refused {
        /// Its ID is banned.
        #[error("the ID is banned")]
        Banned,
        /// Its ID is one of `private_peer_ids`.
        #[error("the ID is private (private_peer_ids)")]
        Private,
        /// Its source is one of `private_peer_ids`.
        #[error("it was advertised by a private peer (private_peer_ids)")]
        PrivateSource,
        /// It is our own ID, or an endpoint of ours.
        #[error("it is our own address")]
        Ourselves,
        /// It is not routable on the Internet, and the book is strict.
        #[error("the address cannot be reached over the Internet (addr_book_strict)")]
        Unroutable,
        /// Its ID is old at another address, which hearsay does not replace.
        #[error("its ID is good at another address; remove that one first")]
        GoodElsewhere,
        /// Its ID has as many addresses as one may have.
        #[error("its ID has its share of the book (4 addresses); remove another address of it first")]
        HasItsShare,
        /// As many IDs as are kept are at its ip:port, and none of them gives way.
        #[error("as many IDs as are kept are known at its ip:port (4); remove one of them first")]
        EndpointTaken,
        /// Its source has brought as many unknown addresses as a source may for now (token bucket).
        #[error("its source brought more unknown addresses than a source may")]
        SourceRate,
        /// The book is full of addresses that do not give way to one that was never reached.
        #[error("the address book is full (book.max_addresses)")]
        Full,
        /// It failed lately, was evicted, and waits for its time; the book is full.
        #[error("it was dialled in vain lately, and the address book is full (book.max_addresses)")]
        FailedLately,
        /// Back-pressure: too many removed addresses wait for [`Book::take_dirty`](super::Book::take_dirty).
        #[error("too many changes of the address book wait to be stored")]
        Backlog,
    }
}

impl Refused {
    /// A name that never changes, for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Refused::Banned => "banned",
            Refused::Private => "private",
            Refused::PrivateSource => "private_source",
            Refused::Ourselves => "ourselves",
            Refused::Unroutable => "unroutable",
            Refused::GoodElsewhere => "good_elsewhere",
            Refused::HasItsShare => "has_its_share",
            Refused::EndpointTaken => "endpoint_taken",
            Refused::SourceRate => "source_rate",
            Refused::Full => "full",
            Refused::FailedLately => "failed_lately",
            Refused::Backlog => "backlog",
        }
    }
}

/// What marking the outcome of a dial changed, besides the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkOutcome {
    /// Nothing, or the address is not in the book.
    None,
    /// The address is verified now.
    Verified,
    /// The ID is old now; its other addresses have left the book.
    Promoted,
    /// The address is not verified any more.
    Unverified,
    /// The ID is new again, and the address not verified (perhaps since before).
    Demoted,
}

all_variants! {
    /// Which addresses may be served.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Servable {
        /// By a seed: verified addresses only.
        Verified,
        /// By a node: those that did not fail last; untried ones included.
        NotFailed,
    }
}

/// The book's numbers: of IDs, or of addresses where it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// IDs that are new.
    pub new: usize,
    /// IDs that are old.
    pub old: usize,
    /// IDs that are banned and kept.
    pub banned: usize,
    /// Addresses of them all.
    pub addresses: usize,
    /// Addresses of banned IDs.
    pub banned_addresses: usize,
    /// Verified addresses, those of banned IDs left out.
    pub verified: usize,
    /// IDs, banned ones left out, with an address that was never tried.
    pub untried: usize,
    /// Addresses by the outcome of their latest attempt, numbered as [`DialOutcome`] is.
    pub outcomes: [usize; DialOutcome::ALL.len()],
}

/// What decides when an address is dialled next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextDialReason {
    /// It was never tried: it waits for the turn of its source.
    NeverTried,
    /// It answered: the longer it has answered, the later it is asked again.
    Answered,
    /// It failed in an outage of our own, or of the chain, which is not held against it.
    Held,
    /// It failed: exponential backoff.
    Failed,
    /// It failed so often and never answered that it is tried once a day.
    GivenUp,
    /// What is, or was, at the same ip:port under another ID was dialled.
    SameEndpoint,
    /// Its dial was put off: its host was busy, or it was given up before it told anything.
    PutOff,
}

/// Where in the book an address is, and so what it gives way to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TablePlace {
    /// It answered at our latest attempt: it gives way only to another one that was reached, and only after it was dialled
    /// again and did not answer.
    Verified,
    /// It answered once, and not at our latest attempt; of these, chance decides who leaves.
    Lapsed {
        /// How many there are.
        of: usize,
        /// How many there may be.
        at_most: usize,
    },
    /// It was never reached: in its source's part of the table, where what failed gives way first, then chance decides.
    NeverReached {
        /// How many of its source's are there.
        of: usize,
        /// How many there may be.
        at_most: usize,
    },
    /// It is banned, which takes no place.
    Banned,
}

/// How often answers name an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// IDs of its group that are served, itself included.
    pub group_ids: usize,
    /// The share of answers that name it, about, from 0 to 1: free slots and the preference for new IDs left out.
    pub chance: f64,
}

/// What [`Book::load`](super::Book::load) did with the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Records that are in the book now, repaired ones included.
    pub loaded: usize,
    /// Records that broke a rule and were repaired: another state, a time in the future.
    pub repaired: usize,
    /// Records that were left out: refused by the present rules, a second one for the same address, or without room.
    pub skipped: usize,
}
