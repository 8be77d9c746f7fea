//! What starts, watches and ends the processes of the cases.

pub(crate) mod cometbft;
pub(crate) mod daemon;
pub(crate) mod home;
pub(crate) mod http;
pub(crate) mod network;
pub(crate) mod process;
pub(crate) mod requester;
pub(crate) mod wait;
