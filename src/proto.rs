//! Generated code and descriptors, nothing else.

#![allow(missing_docs, clippy::all, clippy::pedantic)]

/// The wire's messages, as CometBFT names them.
pub mod tendermint {
    pub mod crypto {
        include!(concat!(env!("OUT_DIR"), "/tendermint.crypto.rs"));
    }
    pub mod p2p {
        include!(concat!(env!("OUT_DIR"), "/tendermint.p2p.rs"));
    }
}
