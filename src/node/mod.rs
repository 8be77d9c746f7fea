//! One network's pure machine: book, switch policy and reactor together. Time and randomness are handed in; effects,
//! events and changed rows are drawn out.

mod input;
pub mod row;
mod view;

pub use crate::switch::{Effect, Event, Handshaken};
pub use input::Input;
pub use view::{AddressView, BookView, PeerView, RunState, SeedView, StatusView};
