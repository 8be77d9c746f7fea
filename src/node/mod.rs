//! One network's pure machine: book, switch policy and reactor together. Time and randomness are handed in; effects,
//! events and changed rows are drawn out.

mod effect;
mod event;
mod input;
pub mod row;
mod view;

pub use effect::Effect;
pub use event::Event;
pub use input::{Handshaken, Input};
pub use view::{AddressView, BookView, PeerView, RunState, SeedView, StatusView};
