//! The address book: who is said to be where, what became of our attempts, whom to dial and whom to name.
//!
//! Pure: time and randomness are handed in, changes are drawn out one by one.

mod answers;
pub mod params;
mod record;

pub use answers::{Added, Change, Counts, LoadReport, Refused, Servable};
pub use params::{MAX_NEW_BUCKETS, Params};
pub use record::{Record, Source, State};

use crate::types::{Mono, NetAddress, NodeId, Now, Outcome, SeededRng};

/// Keys the hashes that place addresses in buckets; kept with the book, so that a restart places them where they were.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u8; HashKey::LEN]);

impl HashKey {
    /// Bytes of a key.
    pub const LEN: usize = 16;

    /// The key with these bytes, which come from the operating system's entropy once in a book's life.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        HashKey(bytes)
    }

    /// The bytes, to be stored.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// The address book of one network.
#[derive(Debug)]
pub struct Book {}

impl Book {
    /// An empty book.
    pub fn new(params: Params, key: HashKey) -> Self {
        todo!()
    }

    /// The book that these records are the image of. Nothing is believed: a record that breaks a rule is mended or left
    /// out and counted, and comes out of [`Book::take_dirty`], so that the store follows.
    pub fn load(
        params: Params,
        key: HashKey,
        records: impl IntoIterator<Item = Record>,
        now: Now,
    ) -> (Self, LoadReport) {
        todo!()
    }

    /// Files an address that `source` told us.
    ///
    /// # Errors
    /// When it may not be stored.
    pub fn add(
        &mut self,
        now: Now,
        address: NetAddress,
        source: Source,
        rng: &mut SeededRng,
    ) -> Result<Added, Refused> {
        todo!()
    }

    /// Our dial reached exactly this address (`outcome.is_success()`).
    pub fn mark_reached(&mut self, now: Now, address: &NetAddress, outcome: Outcome) -> Change {
        todo!()
    }

    /// Our dial failed. With `hold` (an outage of our own, or of the chain) the attempt is recorded, but the address stays
    /// verified and its ID old.
    pub fn mark_failed(&mut self, now: Now, address: &NetAddress, outcome: Outcome, hold: bool) -> Change {
        todo!()
    }

    /// Takes back that the address ceased to be verified: its failure was part of an outage that was noticed later. Says
    /// whether it is verified now. One that was never reached is left as it is.
    pub fn restore(&mut self, now: Now, address: &NetAddress) -> bool {
        todo!()
    }

    /// Removes one address; its ID stays at its others. Says whether it was there.
    pub fn drop_address(&mut self, address: &NetAddress) -> bool {
        todo!()
    }

    /// Removes all addresses of an ID, banned or not. Says whether there were any.
    pub fn remove(&mut self, id: &NodeId) -> bool {
        todo!()
    }

    /// Takes an ID out of all buckets until it is reinstated. Says whether it was in the book and not banned.
    pub fn ban(&mut self, id: &NodeId) -> bool {
        todo!()
    }

    /// Makes a banned ID new. Says whether it was banned.
    pub fn reinstate(&mut self, now: Now, id: &NodeId) -> bool {
        todo!()
    }

    /// A random address for ensure-peers; `bias` is the percentage by which new ones are preferred (above 100 = 100).
    pub fn pick(&self, bias: u8, rng: &mut SeededRng) -> Option<NetAddress> {
        todo!()
    }

    /// Appends to `out` what `asker` is told: one address an ID, never his own. With `bias`, at least that percentage is
    /// new as long as there are enough, and the new ones come first.
    pub fn selection(
        &mut self,
        kind: Servable,
        bias: Option<u8>,
        asker: NodeId,
        rng: &mut SeededRng,
        out: &mut Vec<NetAddress>,
    ) {
        todo!()
    }

    /// The next address for the crawl to dial: those never tried in the order of their coming, others when their time has
    /// come, [`params::RECHECK_SPACING`] apart. It is not handed out again before it is marked or given back.
    pub fn due(&mut self, now: Now) -> Option<NetAddress> {
        todo!()
    }

    /// When [`Book::due`] will have an address, if nothing changes before; in the past when it has one now.
    pub fn next_due(&self) -> Option<Mono> {
        todo!()
    }

    /// Gives back an address of [`Book::due`] that was not dialled; it comes again after `recheck`.
    pub fn untake(&mut self, now: Now, address: &NetAddress) {
        todo!()
    }

    /// IDs in the book, banned ones left out.
    pub fn size(&self) -> usize {
        todo!()
    }

    /// Whether there is no ID that is not banned.
    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// The book's numbers.
    pub fn counts(&self) -> Counts {
        todo!()
    }

    /// IDs that may be served.
    pub fn servable(&self, kind: Servable) -> usize {
        todo!()
    }

    /// Whether an asker may be told of this very address (an ID is told at one of its addresses only).
    pub fn is_servable(&self, kind: Servable, address: &NetAddress) -> bool {
        todo!()
    }

    /// Whether to ask peers for more addresses.
    pub fn needs_more(&self) -> bool {
        self.size() < params::NEEDS_MORE_BELOW
    }

    /// Where an ID stands; `None` when it is unknown.
    pub fn state(&self, id: &NodeId) -> Option<State> {
        todo!()
    }

    /// Whether the ID is in the book and not banned.
    pub fn has(&self, id: &NodeId) -> bool {
        matches!(self.state(id), Some(State::New | State::Old))
    }

    /// Whether the ID is old (good).
    pub fn is_old(&self, id: &NodeId) -> bool {
        self.state(id) == Some(State::Old)
    }

    /// All that is known of one address.
    pub fn get(&self, address: &NetAddress) -> Option<Record> {
        todo!()
    }

    /// The addresses of an ID, banned or not.
    pub fn addresses_of(&self, id: &NodeId) -> Vec<NetAddress> {
        todo!()
    }

    /// At most `max` records after the key `after`, in the order of the addresses; O(book) for each page.
    pub fn page(&self, after: Option<&NetAddress>, max: usize) -> Vec<Record> {
        todo!()
    }

    /// Whether anything changed that is not stored yet.
    pub fn has_dirty(&self) -> bool {
        todo!()
    }

    /// At most `max` changed addresses, those changed first first: the new image, or `None` for one that has left. They
    /// count as stored from here on.
    pub fn take_dirty(&mut self, max: usize) -> Vec<(NetAddress, Option<Record>)> {
        todo!()
    }
}
