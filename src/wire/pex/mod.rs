//! The peer-exchange protocol's messages (wire document, section 5).

mod message;

pub use message::{Outgoing, Received};
