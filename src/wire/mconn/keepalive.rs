//! Keepalive: pings and pongs, and the limit on what the pings of a peer may cost us.

use std::time::Duration;

use super::PacketError;
use crate::types::Mono;

/// The time between two pings of ours (CometBFT `p2p/conn/connection.go: defaultPingInterval`).
pub const PING_INTERVAL: Duration = Duration::from_secs(60);
/// How long a pong may take (CometBFT `p2p/conn/connection.go: defaultPongTimeout`); less than [`PING_INTERVAL`], so
/// that at most one ping is unanswered.
pub const PONG_TIMEOUT: Duration = Duration::from_secs(45);
/// Pings that a peer may send within a minute. CometBFT sends one; five a second leave room for other implementations,
/// and for pings that were delayed on the way and arrive together.
pub const MAX_PINGS_PER_MINUTE: u16 = 300;

const MINUTE: Duration = Duration::from_secs(60);

/// One connection's pings, ours and theirs. All times are monotonic.
#[derive(Debug)]
pub struct Keepalive {
    next_ping: Mono,
    pong_due: Mono,
    minute: Mono,
    pings: u16,
    pong_owed: bool,
}

impl Keepalive {
    /// The connection begins; our first ping is due an interval later, as in CometBFT.
    pub fn new(now: Mono) -> Self {
        Keepalive { next_ping: now + PING_INTERVAL, pong_due: Mono::NEVER, minute: now, pings: 0, pong_owed: false }
    }

    /// When [`Keepalive::on_deadline`] has something to do.
    pub fn deadline(&self) -> Mono {
        self.next_ping.min(self.pong_due)
    }

    /// To be called when the deadline has passed; earlier calls do nothing. `true`: send a ping now.
    ///
    /// # Errors
    /// [`PacketError::PongTimeout`].
    pub fn on_deadline(&mut self, now: Mono) -> Result<bool, PacketError> {
        if now >= self.pong_due {
            return Err(PacketError::PongTimeout);
        }
        if now < self.next_ping {
            return Ok(false);
        }
        self.next_ping = now + PING_INTERVAL;
        self.pong_due = now + PONG_TIMEOUT;
        Ok(true)
    }

    /// The peer sent a pong. An unsolicited pong is not a fault.
    pub fn on_pong(&mut self) {
        self.pong_due = Mono::NEVER;
    }

    /// The peer sent a ping. Pongs are coalesced: [`Keepalive::take_pong`] is true once, however many pings came in.
    ///
    /// # Errors
    /// [`PacketError::PingFlood`] above [`MAX_PINGS_PER_MINUTE`].
    pub fn on_ping(&mut self, now: Mono) -> Result<(), PacketError> {
        if now.since(self.minute) >= MINUTE {
            self.minute = now;
            self.pings = 0;
        }
        self.pings = self.pings.saturating_add(1);
        if self.pings > MAX_PINGS_PER_MINUTE {
            return Err(PacketError::PingFlood);
        }
        self.pong_owed = true;
        Ok(())
    }

    /// Whether a pong is to be sent; asked once for each write.
    pub fn take_pong(&mut self) -> bool {
        std::mem::take(&mut self.pong_owed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Mono = Mono::from_micros(5_000_000);

    fn at(secs: u64) -> Mono {
        START + Duration::from_secs(secs)
    }

    #[test]
    fn a_peer_that_answers_is_pinged_every_minute() {
        let mut keepalive = Keepalive::new(START);
        for minute in 1..5 {
            assert_eq!(keepalive.deadline(), at(60 * minute));
            assert_eq!(keepalive.on_deadline(at(60 * minute - 1)), Ok(false), "a call too early does nothing");
            assert_eq!(keepalive.on_deadline(at(60 * minute)), Ok(true));
            assert_eq!(keepalive.deadline(), at(60 * minute + 45));
            keepalive.on_pong();
        }
    }

    #[test]
    fn a_peer_that_is_silent_times_out() {
        let mut keepalive = Keepalive::new(START);
        keepalive.on_pong();
        assert_eq!(keepalive.on_deadline(at(60)), Ok(true));
        assert_eq!(keepalive.on_deadline(at(104)), Ok(false));
        assert_eq!(keepalive.on_deadline(at(105)), Err(PacketError::PongTimeout));
    }

    #[test]
    fn many_pings_are_owed_one_pong() {
        let mut keepalive = Keepalive::new(START);
        assert!(!keepalive.take_pong());
        keepalive.on_ping(at(1)).unwrap();
        keepalive.on_ping(at(1)).unwrap();
        assert!(keepalive.take_pong());
        assert!(!keepalive.take_pong());
    }

    #[test]
    fn a_flood_of_pings_is_one_above_the_minutes_bound() {
        let mut keepalive = Keepalive::new(START);
        for minute in 0..3 {
            for _ in 0..MAX_PINGS_PER_MINUTE {
                assert_eq!(keepalive.on_ping(at(60 * minute)), Ok(()));
            }
        }
        assert_eq!(keepalive.on_ping(at(179)), Err(PacketError::PingFlood));
    }
}
