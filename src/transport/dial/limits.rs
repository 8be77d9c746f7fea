//! How many dials run at once and how many begin in a second, in all, to an address and to an IP. [`DialLimits`] are the
//! configured bounds, [`DialPermits`] who waits for them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::keyed_semaphore::{KeyedPermit, KeyedSemaphore};
use super::rate_limiter::DialRateLimiter;

/// The process's bounds on dials (docs/protocol/switch.md, "Limits").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialLimits {
    /// Dials at once (`limits.max_dials`).
    pub max_dials: usize,
    /// New dials a second (`limits.dials_per_second`); 0 = no limit.
    pub dials_per_second: u32,
    /// Dials at once to one IP. Loopback is exempt: there is nobody to be harmed.
    pub max_dials_per_ip: usize,
    /// How long the look-up of a name may take.
    pub resolve_timeout: Duration,
}

impl Default for DialLimits {
    fn default() -> Self {
        DialLimits {
            max_dials: 256,
            dials_per_second: 200,
            max_dials_per_ip: 8,
            resolve_timeout: Duration::from_secs(3),
        }
    }
}

/// How far the limits are used that all dials of the process share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DialLoad {
    /// Dials under way.
    pub under_way: usize,
    /// The most that there may be ([`DialLimits::max_dials`]).
    pub max_dials: usize,
    /// Dials that had to wait because there were as many, in all.
    pub delayed_by_max_dials: u64,
    /// Dials that had to wait for [`DialLimits::dials_per_second`], in all.
    pub delayed_by_dials_per_second: u64,
}

/// Whether the limits that all dials of the process share hold a dial up.
#[derive(Clone, Copy, Debug)]
pub(super) enum ProcessLimits {
    /// It waits behind the dials of all networks.
    Apply,
    /// It does not: somebody waits for its end.
    Bypass,
}

/// What the dials of the process wait for.
#[derive(Debug)]
pub(super) struct DialPermits {
    per_address: Arc<KeyedSemaphore<SocketAddr>>,
    per_ip: Arc<KeyedSemaphore<IpAddr>>,
    process: Semaphore,
    max_dials: usize,
    delayed_by_max_dials: AtomicU64,
    rate: DialRateLimiter,
}

/// A dial's room within all limits, for as long as this is held.
pub(super) struct DialPermit<'a> {
    _address: KeyedPermit<SocketAddr>,
    _ip: Option<KeyedPermit<IpAddr>>,
    _network: Option<SemaphorePermit<'a>>,
    _process: Option<SemaphorePermit<'a>>,
}

impl DialPermits {
    pub(super) fn new(limits: &DialLimits) -> Self {
        let max_dials = limits.max_dials.clamp(1, Semaphore::MAX_PERMITS);
        DialPermits {
            per_address: KeyedSemaphore::new(1),
            per_ip: KeyedSemaphore::new(limits.max_dials_per_ip.max(1)),
            process: Semaphore::new(max_dials),
            max_dials,
            delayed_by_max_dials: AtomicU64::new(0),
            rate: DialRateLimiter::new(limits.dials_per_second),
        }
    }

    pub(super) fn load(&self) -> DialLoad {
        DialLoad {
            under_way: self.max_dials.saturating_sub(self.process.available_permits()),
            max_dials: self.max_dials,
            delayed_by_max_dials: self.delayed_by_max_dials.load(Ordering::Relaxed),
            delayed_by_dials_per_second: self.rate.delayed(),
        }
    }

    /// Waits for the address, the IP, the network (whose dials `network` counts) and the process, in this order: many dials
    /// to one slow host must not use up what the others need.
    pub(super) async fn acquire<'a>(
        &'a self,
        process_limits: ProcessLimits,
        network: &'a Semaphore,
        remote: SocketAddr,
    ) -> DialPermit<'a> {
        let address = self.per_address.acquire(remote).await;
        let ip = match remote.ip().is_loopback() {
            true => None,
            false => Some(self.per_ip.acquire(remote.ip()).await),
        };
        // Neither semaphore is ever closed.
        let network = network.acquire().await.ok();
        let process = match process_limits {
            ProcessLimits::Bypass => None,
            ProcessLimits::Apply => {
                let permit = self.process_permit().await;
                self.rate.turn().await;
                permit
            }
        };
        DialPermit { _address: address, _ip: ip, _network: network, _process: process }
    }

    async fn process_permit(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(permit) = self.process.try_acquire() {
            return Some(permit);
        }
        self.delayed_by_max_dials.fetch_add(1, Ordering::Relaxed);
        self.process.acquire().await.ok()
    }
}
