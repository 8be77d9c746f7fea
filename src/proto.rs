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

/// The admin API.
pub mod pexd {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/pexd.v1.rs"));
    }

    /// The `FileDescriptorSet` of the API and of what it imports, comments included: what reflection serves.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
