//! pexd: a peer-exchange node for CometBFT networks. Start reading here.
//!
//! Bytes come in at [`transport`], which speaks the [`wire`]; a [`network`] hands them to its [`node`], a pure machine of
//! [`book`], [`switch`] and [`pex`] reactor, does what it wants done, and keeps what changed in its [`store`]. Operators
//! come in at [`admin`], which reads and writes the files of [`exchange`], machines that watch at [`http`]; [`app`] puts
//! it all together from a [`config`], and [`cli`] is the program's face. [`probe`] asks seeds who they are, with no
//! network running.

pub mod admin;
pub mod app;
pub mod book;
pub mod cli;
pub mod clock;
pub mod config;
pub mod exchange;
pub mod file_owner;
pub mod http;
pub mod localnet;
pub mod network;
pub mod node;
pub mod pex;
pub mod port_holder;
pub mod probe;
pub mod proto;
pub mod rate_limit;
pub mod regular_file;
pub mod store;
pub mod switch;
pub mod testkit;
pub mod transport;
pub mod types;
pub mod version;
pub mod wire;
