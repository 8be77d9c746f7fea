//! What a name stands for, within bounds.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Look-ups at once in the process. Each holds a thread for as long as the system's resolver takes.
const AT_ONCE: usize = 16;
/// Addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 16;

/// Asks the system's resolver.
#[derive(Clone, Debug)]
pub struct Resolver {
    slots: Arc<Semaphore>,
    patience: Duration,
}

impl Resolver {
    /// A resolver that gives up on a name after `patience`, the wait for a free slot included.
    pub fn new(patience: Duration) -> Self {
        Resolver { slots: Arc::new(Semaphore::new(AT_ONCE)), patience }
    }

    /// The addresses that a name stands for, canonical, each once, at most 16, in the resolver's order. Empty when it does
    /// not resolve, or not in time.
    pub async fn resolve(&self, name: &str) -> Vec<IpAddr> {
        timeout(self.patience, self.look_up(name)).await.unwrap_or_default()
    }

    async fn look_up(&self, name: &str) -> Vec<IpAddr> {
        let Ok(slot) = self.slots.clone().acquire_owned().await else { return Vec::new() };
        let name = name.to_owned();
        // In a task of its own: the slot is free again when the resolver's thread is, not when the caller gave up.
        let look_up = tokio::spawn(async move {
            let _slot = slot;
            match tokio::net::lookup_host((name, 0)).await {
                Ok(found) => distinct(found.map(|address| address.ip())),
                Err(_) => Vec::new(),
            }
        });
        look_up.await.unwrap_or_default()
    }
}

fn distinct(found: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut ips = Vec::new();
    for ip in found.map(|ip| ip.to_canonical()) {
        if ips.len() < MAX_ADDRESSES && !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    ips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_resolves_and_nonsense_does_not() {
        let resolver = Resolver::new(Duration::from_secs(3));
        let ips = resolver.resolve("localhost").await;
        assert!(!ips.is_empty() && ips.iter().all(IpAddr::is_loopback));
        assert!(resolver.resolve("no-such-name.invalid").await.is_empty());
    }

    #[tokio::test]
    async fn patience_ends() {
        let resolver = Resolver::new(Duration::from_millis(20));
        let all_slots = resolver.slots.acquire_many(AT_ONCE as u32).await.unwrap();
        assert!(resolver.resolve("localhost").await.is_empty());
        drop(all_slots);
    }

    #[test]
    fn an_address_counts_once() {
        let ips = ["1.2.3.4", "::ffff:1.2.3.4", "::1"].map(|ip| ip.parse().unwrap());
        assert_eq!(distinct(ips.into_iter()), [ips[0], ips[2]]);
        assert_eq!(distinct((0..99).map(|n: u32| IpAddr::V4(n.into()))).len(), MAX_ADDRESSES);
    }
}
