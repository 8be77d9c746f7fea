//! The address book: who is said to be where, what became of our attempts, whom to dial and whom to name.
//!
//! Pure: time and randomness are handed in, changes are drawn out one by one.

mod record;

pub use record::{MAX_NEW_BUCKETS, Record, Source, State};
