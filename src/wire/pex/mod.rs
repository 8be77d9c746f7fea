//! The peer-exchange protocol's messages (wire document, section 5).

mod decode;
mod encode;
mod error;
mod message;
#[cfg(test)]
mod tests;

pub use decode::{MAX_ADDRESSES, decode};
pub use encode::encode;
pub use error::PexError;
pub use message::{Outgoing, Received};
