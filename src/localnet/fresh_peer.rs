//! A fresh peer that asks the seed for addresses, over the wire.

use std::time::Duration;

use tokio::time::timeout;

use super::world::{BLOCK_VERSION, CHAIN};
use crate::probe::{PexClient, ask as ask_once};
use crate::transport::Dialler;
use crate::types::NetAddress;

/// How long the seed has to answer, the dial included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects with an identity of its own, asks once, and gives the answer; `None` without one.
pub(super) async fn ask(dialler: &Dialler, seed: NetAddress) -> Option<Vec<NetAddress>> {
    let visitor = PexClient::new(dialler.clone(), CHAIN, BLOCK_VERSION, false);
    let answer = async {
        let upgraded = visitor.dial(seed.into()).await.result.ok()?;
        ask_once(*upgraded, PATIENCE).await.ok()
    };
    timeout(PATIENCE, answer).await.ok()?.map(|answer| answer.addresses)
}
